"""Slicing a measure by dimensions: which there are, how one is computed for a send, and small slices hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from persync.engine.engine import Engine
from persync.errors import ConfigError, nearest
from persync.measure import rules
from persync.measure.metric import Ask
from persync.measure.texts import piece, run

CAMPAIGN_DIMENSIONS = ("connection", "level", "msg")
SEND_DIMENSIONS = ("channel", "connection", "level", "msg")

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
    params: Mapping[str, str]
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
            else:
                by[dimension] = value
        return by

    def hidden(self, rows: Sequence[Mapping[str, Any]], people: str, ask: Ask) -> frozenset[str]:
        """Return the values of the attribute that rule E1 hides, the same in every other slice."""
        if self.attribute is None:
            return frozenset()
        tables: dict[tuple[str, ...], dict[str, int]] = {}
        for row in rows:
            by = self.by(row)
            value = by.pop(self.attribute)
            tables.setdefault(tuple(by.values()), {})[value] = int(row[people])
        return rules.hidden_in_any(list(tables.values()), ask.suppress_n)


def check(by: Sequence[str], valid: Sequence[str], what: str) -> None:
    """Raise ConfigError for a dimension that a measure cannot be sliced by, naming those it can."""
    for dimension in by:
        if dimension not in valid:
            hint = nearest(dimension, list(valid)) if valid else "It has no dimensions."
            raise ConfigError(f"{what} cannot be sliced by '{dimension}'.", hint=hint)


def slices(engine: Engine, ask: Ask, what: str) -> Slices:
    """Return how to slice sends by `ask.by`: msg, level, channel, connection, or one attribute that the store holds."""
    rows = engine.rows("SELECT DISTINCT a.name AS name FROM attributes AS a ORDER BY 1")
    attributes = [str(row["name"]) for row in rows if row["name"] not in SEND_DIMENSIONS]
    check(ask.by, [*SEND_DIMENSIONS, *attributes], what)
    named = [dimension for dimension in ask.by if dimension in attributes]
    if len(named) > 1:
        raise ConfigError(f"{what} can be sliced by one attribute at a time.", hint=f"Choose one of {', '.join(named)}.")
    texts = [piece("sends")]
    joins = (
        " LEFT JOIN words AS w ON w.word = s.channel LEFT JOIN connections AS n ON n.connection = s.connection"
        if set(ask.by) & {"channel", "connection"}
        else ""
    )
    if named:
        texts.append(piece("groups"))
        joins += " LEFT JOIN group_values AS g ON g.person = s.person"
    columns = "".join(f", {_EXPRESSIONS.get(d, _GROUP)} AS d{i}" for i, d in enumerate(ask.by))
    texts.append(
        "sliced AS (SELECT s.person AS person, s.campaign_id AS campaign_id, s.connection AS connection,"
        f" s.sent_at AS sent_at, s.last_sent_at AS last_sent_at, s.level AS level{columns} FROM sends AS s{joins})"
    )
    return Slices(
        tuple(ask.by),
        tuple(texts),
        {"attribute": named[0]} if named else {},
        named[0] if named else None,
        _titles(engine) if "msg" in ask.by else {},
    )


_GROUP = "COALESCE(g.value, 'unknown')"


def _titles(engine: Engine) -> dict[str, tuple[str, str]]:
    sql = (
        "SELECT k.campaign_key AS campaign, k.key AS vendor, COALESCE(c.title, c.subject, k.key) AS title"
        " FROM campaign_keys AS k LEFT JOIN campaigns AS c ON c.campaign_key = k.campaign_key"
    )
    return {str(row["campaign"]): (str(row["vendor"]), str(row["title"])) for row in run(engine, sql, {})}
