"""The overview of the stores in a lake, as a command asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from persync.errors import PersyncError

if TYPE_CHECKING:
    from persync.engine.engine import EngineType
    from persync.measure.metric import Ask, Metric
    from persync.report.report import Report


def lake_overview(folder: Path, ask: Ask, metrics: Sequence[Metric], *, engines: Mapping[str, EngineType]) -> Report:
    """Return the overview of every store in a lake, each asked alone, in the order of their names.

    Copies of stores that can be reached are brought up to date first. A store that cannot be read costs only its own line.
    Raises DataError when there is no lake.
    """
    from persync.engine import chosen, lake
    from persync.report.overview import Standing, overview, standing

    folder = folder.absolute()
    lake.refresh(folder, now=ask.now)
    engine_type = chosen("duckdb", engines, {"stores": ()})
    found = []
    for member in sorted(lake.members(folder), key=lambda one: one.name):
        try:
            with closing(engine_type.open(folder, stores=(member.name,))) as engine:
                found.append(standing(member.name, engine, ask, metrics))
        except PersyncError as error:
            found.append(Standing(member.name, problem=error.what))
    return overview(found, ask, metrics, made_at=ask.now)
