"""What a new plugin can be."""

from __future__ import annotations

from typing import Final

KINDS: Final = {
    "connector": ("a connector that only reads, with a sandbox that imitates its API", "Change connector.py to what the"
                  " vendor's API really has, and sandbox.py to answer as the vendor does: docs/hooks.md."),
    "model": ("an attribution model", "Change the weight: docs/models.md."),
    "metric": ("a metric", "Change the SQL and what is said of it: docs/hooks.md."),
    "section": ("a section of the report", "Change what it shows: docs/hooks.md."),
    "engine": ("an engine that runs the SQL", "Put your engine in the place of DuckDB: docs/hooks.md."),
    "notifier": ("a way to tell somebody", "Change how it tells: docs/jobs.md."),
    "importer": ("a kind of CSV file of one's own", "Change its columns and rows: docs/hooks.md."),
}  # fmt: skip
"""what can be begun, with its words and what to do next"""
