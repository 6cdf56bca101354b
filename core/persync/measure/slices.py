"""Slicing a measure by dimensions: which there are, how one is computed for a send, and small slices hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from persync.engine.engine import Engine
from persync.errors import ConfigError, nearest
from persync.measure import attributes, clock
from persync.measure.grouping import ANY_ATTRIBUTE, ARM, COHORT, NO_ORDER, SEGMENT, check_dimensions, grouping, hidden
from persync.measure.metric import Ask
from persync.measure.texts import piece, run

CAMPAIGN_DIMENSIONS = ("connection", "level", "msg")
SEND_DIMENSIONS = ("channel", "connection", "level", "msg")
TIMES = (*clock.SPANS, *clock.TURNS)
OF_PEOPLE = (ARM, COHORT, SEGMENT)
SLICES = (*SEND_DIMENSIONS, *TIMES, *OF_PEOPLE, ANY_ATTRIBUTE)
"""what sends can be sliced by"""

_EXPRESSIONS = {
    "msg": "CAST(s.campaign_id AS VARCHAR(20))",
    "level": "COALESCE(CAST(s.level AS VARCHAR(20)), 'unknown')",
    "channel": "COALESCE(w.text, 'unknown')",
    "connection": "COALESCE(n.name, 'unknown')",
}


@dataclass(frozen=True, slots=True)
class Slices:
    """How sends are sliced: CTE texts that end in `sliced` (the columns of `sends` and d0, d1 ...), and their parameters."""

    dimensions: tuple[str, ...]
    texts: tuple[str, ...]
    params: Mapping[str, Any]
    attribute: str | None
    titles: Mapping[str, tuple[str, str]]
    """campaign id -> (the vendor's id, title)"""

    @property
    def columns(self) -> str:
        """The slice columns as a SQL list that can follow another column."""
        return "".join(f", x.d{i} AS d{i}" for i in range(len(self.dimensions)))

    @property
    def grouping(self) -> str:
        """The slice columns as they stand in GROUP BY after another column."""
        return "".join(f", x.d{i}" for i in range(len(self.dimensions)))

    def by(self, row: Mapping[str, Any]) -> dict[str, str]:
        """Return the `by` of a result row."""
        by: dict[str, str] = {}
        for i, dimension in enumerate(self.dimensions):
            value = str(row[f"d{i}"])
            if dimension == "msg":
                by["msg"], by["title"] = self.titles.get(value, (value, value))
            elif dimension in TIMES:
                by[dimension] = clock.name(dimension, int(value))
            else:
                by[dimension] = value
        return by

    def hidden(self, rows: Sequence[Mapping[str, Any]], people: str, ask: Ask) -> frozenset[str]:
        """Return the values of the attribute that rule E1 hides, the same in every other slice."""
        if self.attribute is None:
            return frozenset()
        return hidden([(self.by(row), int(row[people])) for row in rows], self.attribute, ask)


def check(by: Sequence[str], valid: Sequence[str], what: str) -> None:
    """Raise ConfigError for a dimension that a measure cannot be sliced by, naming those it can."""
    for dimension in by:
        if dimension not in valid:
            hint = nearest(dimension, list(valid)) if valid else "It has no dimensions."
            raise ConfigError(f"{what} cannot be sliced by '{dimension}'.", hint=hint)


def slices(engine: Engine, ask: Ask, what: str) -> Slices:
    """Return how to slice sends by `ask.by`: msg, level, channel, connection; when they were sent, by the shop's clock; and by
    who was sent them: arm, coh, seg, or one attribute that the store holds.

    Nothing looks ahead: a cohort is the month of the first order before somebody's first message of the period, and who had
    none by then is in the cohort `no order`, whatever they ordered since; segments are those of the period's first day, so
    that they need a period. Raises ConfigError without one.
    """
    own = (*SEND_DIMENSIONS, *TIMES)
    known = {name for name in attributes.values(engine) if name not in (*own, *OF_PEOPLE)}
    check_dimensions(ask.by, SLICES, known, what)
    if SEGMENT in ask.by and ask.period is None:
        hint = "Say --period A..B: who is in a segment is taken as of its first day."
        raise ConfigError(f"{what} by seg needs a period.", hint=hint)
    texts = [piece("sends")]
    joins = (
        " LEFT JOIN words AS w ON w.word = s.channel LEFT JOIN connections AS n ON n.connection = s.connection"
        if set(ask.by) & {"channel", "connection"}
        else ""
    )
    expressions = dict(_EXPRESSIONS)
    people = None
    if of_people := [dimension for dimension in ask.by if dimension not in own]:
        people = grouping(engine, ask, what, people="sends", by=of_people)
        texts += people.texts
        joins += " JOIN grouped AS g ON g.person = s.person"
        expressions |= {dimension: f"g.d{i}" for i, dimension in enumerate(of_people)}
    if COHORT in ask.by:
        joins += " LEFT JOIN first_orders AS f ON f.person = s.person"
        earlier = "f.first_at < MIN(s.sent_at) OVER (PARTITION BY s.person)"
        expressions[COHORT] = f"CASE WHEN {earlier} THEN {expressions[COHORT]} ELSE '{NO_ORDER}' END"
    if set(ask.by) & set(TIMES):
        expressions |= clock.send_times(engine, ask, "s.sent_at")
    columns = "".join(f", {expressions[d]} AS d{i}" for i, d in enumerate(ask.by))
    texts.append(
        "sliced AS (SELECT s.person AS person, s.campaign_id AS campaign_id, s.connection AS connection,"
        f" s.sent_at AS sent_at, s.last_sent_at AS last_sent_at, s.level AS level{columns} FROM sends AS s{joins})"
    )
    return Slices(
        tuple(ask.by),
        tuple(texts),
        people.params if people else {},
        people.attribute if people else None,
        _titles(engine) if "msg" in ask.by else {},
    )


def _titles(engine: Engine) -> dict[str, tuple[str, str]]:
    sql = (
        "SELECT k.campaign_key AS campaign, k.key AS vendor, COALESCE(c.title, c.subject, k.key) AS title"
        " FROM campaign_keys AS k LEFT JOIN campaigns AS c ON c.campaign_key = k.campaign_key"
    )
    return {str(row["campaign"]): (str(row["vendor"]), str(row["title"])) for row in run(engine, sql, {})}
