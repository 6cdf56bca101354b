"""What a file's name says of its format: one rule for what commands write and what jobs do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Final

from persync.errors import ConfigError

REPORT: Final[Mapping[str, str]] = {
    ".html": "html",
    ".htm": "html",
    ".json": "json",
    ".md": "md",
    ".txt": "text",
    ".csv": "csv",
    ".xlsx": "xlsx",
    ".pdf": "pdf",
}
"""what a report's file ends in, and the format that stands for"""
EXPORT: Final[Mapping[str, str]] = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".xlsx": "xlsx",
    ".parquet": "parquet",
    ".pq": "parquet",
}
"""the same of a table, view or metric"""


def format_of(out: str | PurePath, form: str | None, suffixes: Mapping[str, str]) -> str:
    """Return the format of a file that is to be written: the one that is given, else the one that its name stands for.

    Raises ConfigError where neither says one, and where they say two: whoever opens the file goes by its name.
    """
    name = PurePath(out).name
    meant = suffixes.get(PurePath(out).suffix.lower())
    if meant is None and form is None:
        known = f"{', '.join(sorted(suffixes))}."
        raise ConfigError(f"the name {name} stands for no format.", hint=f"Say which format it is, or end it in one of {known}")
    if meant is not None and form not in (None, meant):
        what = f"the name {name} stands for {meant}, and the format that is given is {form}."
        raise ConfigError(what, hint="Change one of them, or leave the format out.")
    return form or str(meant)
