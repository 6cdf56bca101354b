"""What `--segment`, `--score` and `--threshold` name: persync's own segments and scores, taken for decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from persync.measure.fairness.own import Own

SCORES = ("engagement", "churn", "value")
"""of persync.measure.fairness.own, which the help must not import"""


def own_of(segment: str | None, score: str | None, threshold: float | None) -> Own | None:
    """Return the segment or score that is named, None for neither. Raises UsageError for a score without its threshold."""
    if (score is None) != (threshold is None):
        raise click.UsageError("--score and --threshold go together.")
    from persync.measure.fairness.own import Own

    if segment is not None:
        return Own(segment)
    return Own(score, threshold) if score is not None else None
