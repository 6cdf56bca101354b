"""What the user answered about the programme (`persync import audit`), as the measures of this room read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from persync.engine.engine import Engine
from persync.measure.metric import Ask
from persync.measure.texts import bounds, run

KIND: Final = "AUDIT"
"""the kind under which such answers stand in `feedback`: a questionnaire that the shop answers itself"""


class Answer(NamedTuple):
    """An answer: yes, no or unknown, or a number."""

    grade: str
    value: float | None
    at: int


def answers(engine: Engine, ask: Ask) -> Mapping[tuple[str, str], Answer]:
    """Return the newest answer of each (item, scope) given before the end of the period; scope "" is the whole programme."""
    sql = (
        "SELECT f.survey AS item, COALESCE(f.channel, '') AS scope, f.grade AS grade, f.value AS value,"
        " f.submitted_at AS at FROM feedback AS f WHERE f.kind = 'AUDIT' AND f.submitted_at < :to_at"
        " ORDER BY f.submitted_at, f.submission"
    )
    return {
        (str(row["item"]), str(row["scope"])): Answer(str(row["grade"]), row["value"], int(row["at"]))
        for row in run(engine, sql, bounds(ask.period))
    }
