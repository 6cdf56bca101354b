"""The rows behind a number: of the same period, people and slice, a page at a time, nobody named and no small group told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from persync.errors import ConfigError, DataError, nearest
from persync.measure import attributes, experiments, rules
from persync.measure.grouping import asked_experiment
from persync.measure.texts import bounds, join, piece, run
from persync.money import Money
from persync.redact import redacted
from persync.report import words
from persync.report.report import Cell, Table
from persync.serve.tables import TABLES, Listed, columns_of, shown

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.measure.metric import Ask, Experiment

PAGE: Final = 50
"""rows of a page"""
CSV_ROWS: Final = 50_000
"""rows of a file at most"""
TOO_SMALL: Final = "(a small group)"


@dataclass(frozen=True, slots=True)
class Slice:
    """Which rows are meant: a condition on the row `t`, CTEs and parameters of it, and what could not be told apart."""

    texts: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    params: Mapping[str, Any] | None = None
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A page of rows and how many there are in all; `ignored` names the dimensions by which they are not told apart."""

    table: Table
    total: int
    ignored: tuple[str, ...]


def find_table(name: str) -> Listed:
    """Return how a table is listed. Raise ConfigError with the nearest for one that is not."""
    if name not in TABLES:
        raise ConfigError(f"there is no table '{name}' to be shown.", hint=nearest(name, list(TABLES)))
    return TABLES[name]


def rows_behind(
    engine: Engine, ask: Ask, name: str, by: Mapping[str, str], *, only: str = "", offset: int = 0, limit: int = PAGE
) -> Found:
    """Return rows of a table, newest first. `by` is a number's slice, `only` a further condition on the row `t`.

    Raise DataError where they are about fewer people than may be shown, or the slice is of a group that is too small.
    """
    listed = find_table(name)
    chosen = slice_of(engine, ask, name, listed, by)
    where = [*chosen.where, *([only] if only else [])]
    if listed.at and ask.period is not None:
        where.append(f"t.{listed.at} >= :from_at AND t.{listed.at} < :to_at")
    params = {**bounds(ask.period), **(chosen.params or {})}
    condition = f" WHERE {' AND '.join(where)}" if where else ""
    people = f"COUNT(DISTINCT {shown(name, 'key_id')})" if listed.of_people else "0"
    counted = join(*chosen.texts, f"SELECT COUNT(*) AS n, {people} AS people FROM {name} AS t{condition}")
    (count,) = run(engine, counted, params)
    total = int(count["n"])
    if listed.of_people and total and 0 < int(count["people"]) < ask.suppress_n:
        raise DataError(f"these rows are of fewer than {ask.suppress_n} people, so they are not shown.")
    columns = ", ".join(f"{shown(name, column)} AS {column}" for column in listed.columns)
    order = ", ".join(f"t.{column}" for column in listed.columns if column != listed.at)
    order = f"t.{listed.at} DESC, {order}" if listed.at else order
    sql = f"SELECT {columns} FROM {name} AS t{condition} ORDER BY {order} LIMIT {int(limit)} OFFSET {int(offset)}"
    found = run(engine, join(*chosen.texts, sql), params)
    if name == "attributes":
        found = _without_small(engine, ask, found)
    shop = ask.currency or ""
    rows = tuple(tuple(_cells(row, listed, shop)) for row in found)
    caption = f"{words.plural(total, 'row')} of {name}: {listed.what}."
    return Found(Table(name, caption, columns_of(listed), rows), total, chosen.ignored)


def _cells(row: Mapping[str, Any], listed: Listed, currency: str) -> Iterator[Cell]:
    unit = str(row.get("currency") or currency)
    for column in listed.columns:
        value = row[column]
        if column == "currency":
            continue
        if value is None:
            yield None
        elif column.endswith("_minor"):
            yield Money(int(value), unit) if unit else int(value)
        elif column.startswith("is_"):
            yield "yes" if value else "no"
        elif isinstance(value, str):
            yield redacted(value)
        elif column == "key_id":
            yield str(value)
        else:
            yield value


def _without_small(engine: Engine, ask: Ask, found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Hide the values of groups that the report's tables hide."""
    hidden = {name: hidden_groups(engine, ask, name) for name in {str(row["name"]) for row in found}}
    return [{**row, "value": TOO_SMALL} if row["value"] in hidden[row["name"]] else row for row in found]


def hidden_groups(engine: Engine, ask: Ask, attribute: str) -> frozenset[str]:
    """Return the groups of an attribute that are too small to be shown, and those that would tell of them."""
    sizes = run(
        engine,
        "SELECT COALESCE(g.value, 'unknown') AS value, COUNT(*) AS n FROM (SELECT DISTINCT po.person AS person,"
        " v.value AS value FROM person_of AS po LEFT JOIN attributes AS v ON v.key_id = po.key_id AND v.name = :attribute) AS g"
        " GROUP BY g.value",
        {"attribute": attribute},
    )
    return rules.hidden({str(row["value"]): int(row["n"]) for row in sizes}, ask.suppress_n)


def slice_of(engine: Engine, ask: Ask, name: str, listed: Listed, by: Mapping[str, str]) -> Slice:
    """Return which rows of a table belong to a number's slice, as far as the table can tell."""
    texts: list[str] = []
    where: list[str] = []
    params: dict[str, Any] = {}
    ignored: list[str] = []
    about = listed.of_people or "order_key" in listed.columns

    def of_people(condition: str) -> str:
        """Ask a row, or the order it is of, for its person."""
        if listed.of_people:
            return f"{_person('t.key_id')} {condition}"
        # As a set: asked row by row, a ledger of some thousand entries took seconds.
        return f"t.order_key IN (SELECT o.order_key FROM orders AS o WHERE {_person('o.key_id')} {condition})"

    known = set(attributes.values(engine))
    given = dict(by)
    if "group" in given and "attribute" in given:
        given[given.pop("attribute")] = given.pop("group")
    for dimension, value in given.items():
        if dimension == "connection" and "connection" in listed.columns:
            where.append(f"{shown(name, 'connection')} = :connection")
            params["connection"] = value
        elif dimension == "channel" and name == "touchpoints":
            where.append(f"COALESCE({shown(name, 'channel')}, 'unknown') = :channel")
            params["channel"] = value
        elif dimension == "level" and "campaign_key" in listed.columns:
            texts.append(piece("campaign_grades"))
            where.append(
                "COALESCE((SELECT MIN(CAST(v.level AS VARCHAR(20))) FROM campaign_of AS e JOIN campaign_grades AS v"
                " ON v.campaign_id = e.campaign_id WHERE e.campaign_key = t.campaign_key), 'unknown') = :level"
            )
            params["level"] = value
        elif dimension == "msg" and "campaign_key" in listed.columns:
            where.append(
                "t.campaign_key IN (SELECT e.campaign_key FROM campaign_of AS e JOIN campaign_of AS f"
                " ON f.campaign_id = e.campaign_id JOIN campaign_keys AS k ON k.campaign_key = f.campaign_key"
                " WHERE k.key = :msg)"
            )
            params["msg"] = value
        elif dimension == "category" and "category" in listed.columns:
            where.append("t.category = :category")
            params["category"] = value
        elif dimension == "experiment" and name == "assignments":
            where.append("t.experiment = :drawn_in")
            params["drawn_in"] = value
        elif dimension == "experiment" and name == "memberships":
            # Who was drawn by a tag is in its list.
            tags = [f":drawn_{i}" for i in range(len(_asked(engine, ask, by).tags))]
            where.append(_tagged(tags))
            params |= dict(zip((tag[1:] for tag in tags), _asked(engine, ask, by).tags.values(), strict=True))
        elif dimension == "arm" and about and (by.get("experiment") or ask.arm):
            base, drawn = experiments.arms_sql(_asked(engine, ask, by))
            texts += base
            where.append(of_people("IN (SELECT a.person FROM arms AS a WHERE a.arm = :of_arm OR a.arm = :against)"))
            # A difference rests on the people of both its arms.
            params |= {**drawn, "of_arm": value, "against": by.get("against", value)}
        elif dimension in known and about:
            attributes.refuse(engine, [dimension])
            if value in hidden_groups(engine, ask, dimension):
                raise DataError(f"the group '{value}' of {dimension} is too small to be shown, or would tell of one that is.")
            where.append(of_people(_in_group(value)))
            params |= {"attribute": dimension, "group_value": value}
        elif dimension not in ("experiment", "title") and not (dimension == "against" and "arm" in by):
            ignored.append(dimension)
    return Slice(tuple(texts), tuple(where), params, tuple(ignored))


def tables_of_draw(engine: Engine, ask: Ask, names: Sequence[str], by: Mapping[str, str]) -> tuple[str, ...]:
    """Return tables with the one that tells who was drawn into the arms of a number's experiment: those of tags are lists."""
    if "assignments" not in names or not (by.get("experiment") or ask.arm) or not _asked(engine, ask, by).tags:
        return tuple(names)
    return tuple("memberships" if name == "assignments" else name for name in names)


def _asked(engine: Engine, ask: Ask, by: Mapping[str, str]) -> Experiment:
    return asked_experiment(engine, replace(ask, arm=by.get("experiment") or ask.arm))


def _tagged(tags: Sequence[str]) -> str:
    if not tags:
        return "TRUE"
    listed = ", ".join(tags)
    return (
        "t.segment_id IN (SELECT s.segment_id FROM segments AS s WHERE s.kind = 'tag'"
        f" AND (s.name IN ({listed}) OR s.vendor_id IN ({listed})))"
    )


def _person(key: str) -> str:
    return f"COALESCE((SELECT MIN(pp.person) FROM person_of AS pp WHERE pp.key_id = {key}), {key})"


def _in_group(value: str) -> str:
    people = "SELECT COALESCE(po.person, v.key_id) FROM attributes AS v LEFT JOIN person_of AS po ON po.key_id = v.key_id"
    if value == "unknown":
        return f"NOT IN ({people} WHERE v.name = :attribute AND v.value <> :group_value)"
    return f"IN ({people} WHERE v.name = :attribute AND v.value = :group_value)"
