"""Rows of a table or view, and sums as they may be given away: the answers of `persync export` and `persync export sums`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from persync.errors import ConfigError

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from persync.estimate import Estimate
    from persync.export.sheet import Sheet
    from persync.federate.document import Export
    from persync.measure.metric import Ask
    from persync.settings import Project


SUMS: Final = ("mail", "money")
"""the sets of measures that are sums"""


def refuse_split(by: Sequence[str], arm: str | None) -> None:
    """Raise ConfigError for rows that are to be split as a metric is."""
    if by or arm:
        raise ConfigError("--by and --arm split metrics; a table or view has its rows.")


def rows_of(
    db: sqlite3.Connection, project: Project, name: str, period: str | None, also: Mapping[str, str], *, with_ids: bool = False
) -> Sheet:
    """Return a table or view of the project's store as a sheet, pseudonymous but `with_ids`; `also` are other things that
    might have been meant, {name: title}. Raises as `check_name` and `sheet_of` do."""
    from persync.export.source import check_name, sheet_of
    from persync.settings import parse_period
    from persync.store.key import read_key

    check_name(db, name, also)
    span = parse_period(period, project.timezone) if period else None
    return sheet_of(db, name, period=span, key=None if with_ids else partial(read_key, project.store_path))


def sums_of(made: Export, store: Path, ask: Ask) -> list[Estimate]:
    """Return the sums that a store gives away as estimates."""
    from persync.federate.merge import as_estimate, merge

    merged = merge([made], [store.name], ask)
    return [replace(as_estimate(one), n=None) for one in merged.sums]  # n counts stores, and this is one
