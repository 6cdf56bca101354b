"""Slicing people: by the arm of an experiment, an attribute, a segment, the month of the first order, or the systems that know
them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.errors import ConfigError, nearest
from persync.measure import attributes, experiments, membership, rules
from persync.measure.metric import Ask, Experiment
from persync.measure.texts import piece, run

ARM: Final = "arm"
COHORT: Final = "coh"
SYSTEMS: Final = ("acct", "connection")
SEGMENT: Final = "seg"
PEOPLE_DIMENSIONS: Final = ("acct", ARM, COHORT, "connection", SEGMENT)
ANY_ATTRIBUTE: Final = "any attribute"
NO_ORDER: Final = "no order"
"""the cohort of people without a counted order"""
EVERYBODY: Final = "everybody"

_EXPRESSIONS: Final = {
    ARM: "ga.arm",
    COHORT: f"COALESCE(gm.month, '{NO_ORDER}')",
    "acct": "COALESCE(gn.name, 'unknown')",
    "connection": "COALESCE(gn.name, 'unknown')",
    SEGMENT: "gs.segment",
}
_JOINS: Final = {
    ARM: "JOIN arms AS ga ON ga.person = p.person",
    COHORT: "LEFT JOIN first_orders AS gf ON gf.person = p.person"
    " LEFT JOIN months AS gm ON gf.first_at >= gm.from_at AND gf.first_at < gm.to_at",
    "system": "LEFT JOIN systems AS gn ON gn.person = p.person",
    SEGMENT: "JOIN segment_members AS gs ON gs.person = p.person",
    "attribute": "LEFT JOIN group_values AS gv ON gv.person = p.person",
}


@dataclass(frozen=True, slots=True)
class Grouping:
    """How people are sliced: CTE texts that end in `grouped (person, d0, d1, ...)`, and their parameters.

    One row a person; by system one row a person and system, and by segment one a person and segment, so that slices overlap.
    With `arm` only people of that experiment are in it. Join it with `JOIN grouped AS g ON g.person = ...`.
    """

    dimensions: tuple[str, ...]
    texts: tuple[str, ...]
    params: Mapping[str, Any]
    attribute: str | None
    """the dimension whose small groups are hidden together with others, or the total would give them away"""

    @property
    def columns(self) -> str:
        """The slice columns as a SQL list that can follow another column; `grouped` is called g."""
        return "".join(f", g.d{i} AS d{i}" for i in range(len(self.dimensions)))

    @property
    def grouping(self) -> str:
        """The slice columns as they stand in GROUP BY after another column."""
        return "".join(f", g.d{i}" for i in range(len(self.dimensions)))

    def by(self, row: Mapping[str, Any]) -> dict[str, str]:
        """Return the `by` of a result row with the columns d0, d1 ..."""
        return {dimension: str(row[f"d{i}"]) for i, dimension in enumerate(self.dimensions)}

    def hidden(self, rows: Sequence[Mapping[str, Any]], people: str, ask: Ask) -> frozenset[str]:
        """Return the values of the attribute that rule E1 hides, the same in every other slice; `people` is the column that
        counts them."""
        if self.attribute is None:
            return frozenset()
        return hidden([(self.by(row), int(row[people])) for row in rows], self.attribute, ask)


def hidden(
    cells: Sequence[tuple[Mapping[str, str], int]], attribute: str, ask: Ask, also: frozenset[str] = frozenset()
) -> frozenset[str]:
    """Return the values of an attribute that rule E1 hides in tables that are told apart by the other dimensions, and those in
    `also`."""
    tables: dict[tuple[str, ...], dict[str, int]] = {}
    for by, people in cells:
        other = tuple(value for name, value in by.items() if name not in (attribute, "title"))
        if attribute == SEGMENT:  # those of one kind add up, whatever the others do
            other = (*other, membership.kind_of(by[attribute]))
        tables.setdefault(other, {})[by[attribute]] = people
    return rules.hidden_in_any(list(tables.values()), ask.suppress_n, also)


def grouping(
    engine: Engine, ask: Ask, what: str, *, valid: Sequence[str] | None = None, people: str = EVERYBODY, by: Sequence[str] = ()
) -> Grouping:
    """Return how to slice people by `ask.by` (or `by`): arm (of the experiment `ask.arm`), coh, acct or connection, or one
    attribute of the store, where `unknown` is a group; or seg, the segments at the start of the asked period (else now).

    `valid` names the dimensions that the measure `what` allows, "any attribute" among them (default: all). `people` is a CTE of
    the caller's, placed before, whose column `person` says who is sliced; the default is everybody the store knows. Raises
    ConfigError for another dimension, or for `arm` without an experiment; DataError for an attribute that makes no groups.
    """
    wanted = tuple(by or ask.by)
    allowed = tuple(valid if valid is not None else (*PEOPLE_DIMENSIONS, ANY_ATTRIBUTE))
    known = {name for name in attributes.values(engine) if name not in PEOPLE_DIMENSIONS}
    check_dimensions(wanted, allowed, known, what)
    named = [dimension for dimension in wanted if dimension in known]
    texts: list[str] = []
    joins: list[str] = []
    params: dict[str, Any] = {}
    if people == EVERYBODY:
        texts.append(piece("everybody"))
    if ARM in wanted:
        arms, placed = experiments.arms_sql(asked_experiment(engine, ask))
        texts += arms
        params |= placed
        joins.append(_JOINS[ARM])
    if COHORT in wanted:
        months, bounds = _months(engine, ask)
        texts += [piece("order_money"), piece("first_orders"), months]
        params |= {**bounds, "gross": int(ask.basis == "gross")}
        joins.append(_JOINS[COHORT])
    if set(wanted) & set(SYSTEMS):
        texts.append(piece("systems"))
        joins.append(_JOINS["system"])
    if named:
        attributes.check(engine, named[0])
        texts.append(piece("groups"))
        params["attribute"] = named[0]
        joins.append(_JOINS["attribute"])
    if SEGMENT in wanted:
        membership.build(engine, ask, [membership.moment(ask)])
        joins.append(_JOINS[SEGMENT])
        named.append(SEGMENT)
    if COHORT in wanted and not named:  # cohorts add up to everybody, so small ones need the same cover
        named.append(COHORT)
    columns = "".join(f", {_EXPRESSIONS.get(d, GROUP)} AS d{i}" for i, d in enumerate(wanted))
    source = f"(SELECT DISTINCT q.person AS person FROM {people} AS q WHERE q.person IS NOT NULL) AS p"
    texts.append(f"grouped AS (SELECT p.person AS person{columns} FROM {source} {' '.join(joins)})")
    return Grouping(wanted, tuple(texts), params, named[0] if named else None)


GROUP: Final = "COALESCE(gv.value, 'unknown')"


def check_dimensions(by: Sequence[str], valid: Sequence[str], known: set[str], what: str) -> None:
    """Raise ConfigError for a dimension that a measure cannot be sliced by, for two attributes, and for one asked for twice."""
    names = [name for name in valid if name != ANY_ATTRIBUTE] + (sorted(known) if ANY_ATTRIBUTE in valid else [])
    for dimension in by:
        if dimension not in names:
            hint = nearest(dimension, names) if names else "It has no dimensions."
            raise ConfigError(f"{what} cannot be sliced by '{dimension}'.", hint=hint)
        if list(by).count(dimension) > 1:
            raise ConfigError(f"{what} cannot be sliced by '{dimension}' twice.", hint="Name it once.")
    named = [dimension for dimension in by if dimension in known or dimension == SEGMENT]
    if len(named) > 1:
        raise ConfigError(
            f"{what} can be sliced by one attribute at a time (seg is one).", hint=f"Choose one of {', '.join(named)}."
        )


def asked_experiment(engine: Engine, ask: Ask) -> Experiment:
    """Return the experiment `ask.arm`, or the only one there is. Raise ConfigError when there is no such one, or none is named
    where there are several."""
    known = experiments.known(engine, ask)
    if ask.arm is None and len(known) == 1:
        return next(iter(known.values()))
    if ask.arm is None:
        text = "by arm, an experiment must be named."
        raise ConfigError(text, hint=f"Say --arm EXPERIMENT. {nearest('', list(known))}".rstrip())
    if ask.arm not in known:
        raise ConfigError(f"there is no experiment '{ask.arm}'.", hint=nearest(ask.arm, list(known)) or "Import assignments.")
    return known[ask.arm]


def _months(engine: Engine, ask: Ask) -> tuple[str, dict[str, int]]:
    """Return the CTE `months (from_at, to_at, month)` of the months, in the shop's zone, in which orders were placed."""
    build_orders(engine)
    sql = "SELECT DISTINCT FLOOR(m.ordered_at / 86400000e0) AS day FROM money_orders AS m WHERE m.ordered_at IS NOT NULL"
    zone = ZoneInfo(ask.timezone)
    firsts: dict[date, date] = {}
    for row in run(engine, sql, {}):
        for days in (int(row["day"]), int(row["day"]) + 1):
            try:
                local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days)).astimezone(zone)
                first = local.date().replace(day=1)
                firsts[first] = (first + timedelta(days=31)).replace(day=1)
            except OverflowError:  # a date beyond the calendar
                continue
    params: dict[str, int] = {}
    lines = []
    for i, (first, after) in enumerate(sorted(firsts.items())):
        params |= {f"month_{i}": _start(first, zone), f"month_{i}_end": _start(after, zone)}
        lines.append(f"SELECT :month_{i} AS from_at, :month_{i}_end AS to_at, '{first:%Y-%m}' AS month")
    return f"months AS ({' UNION ALL '.join(lines) or _NO_MONTH})", params


_NO_MONTH: Final = "SELECT 0 AS from_at, 0 AS to_at, '' AS month"


def _start(day: date, zone: ZoneInfo) -> int:
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)
