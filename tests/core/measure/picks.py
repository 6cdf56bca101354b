"""Finding one estimate among many."""

from __future__ import annotations

from persync.estimate import Estimate


def pick(estimates: list[Estimate], id: str, **by: str) -> Estimate:
    """Return the one estimate of an id whose slice has at least this."""
    (found,) = [e for e in estimates if e.id == id and by.items() <= e.by.items()]
    return found
