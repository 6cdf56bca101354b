"""People decided about, counted once by all attributes together: every grouping of them is a sum of these cells.

One pass over the store serves any number of attributes and crossings. A person's values are bits of a whole number, one for
each value, so that two systems that differ leave two bits: such a person's value is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from persync.engine.engine import Engine
from persync.measure.fairness.groups import TIMES, UNKNOWN, Groups
from persync.measure.metric import Ask
from persync.measure.texts import bounds, join, piece, run

BITS: Final = 62
"""values that one whole number has room for"""
COUNTS: Final = ("people", "selected", "labelled", "qualified", "hits", "misses", "unsent")

Values = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Cells:
    """Counts by the values of `names`, None where a value is unknown: people, selected, labelled (what turned out is known),
    qualified, hits (selected and qualified), misses (selected and not) and unsent (selected, and sent nothing)."""

    names: tuple[str, ...]
    counts: Mapping[Values, Mapping[str, int]]
    bare: int
    """people of whom none of these attributes is known and to whom nothing was sent"""

    @property
    def people(self) -> int:
        """How many were decided about."""
        return sum(one["people"] for one in self.counts.values())

    def by(self, groups: Groups) -> list[dict[str, Any]]:
        """Return the counts of each group with its `name`, by name."""
        where = [self.names.index(name) for name in groups.names]
        found: dict[str, dict[str, Any]] = {}
        for values, counts in self.counts.items():
            mine = [values[i] for i in where]
            name = TIMES.join(value or UNKNOWN for value in mine) if any(mine) else UNKNOWN
            row = found.setdefault(name, {"name": name, **dict.fromkeys(COUNTS, 0)})
            for key in COUNTS:
                row[key] += counts[key]
        return [found[name] for name in sorted(found)]


def decided(engine: Engine, names: Sequence[str], ask: Ask, decision: str) -> Cells:
    """Count the people about whom a decision of the period was made; of several the last counts."""
    named = {f"n{i}": name for i, name in enumerate(names)}
    codes = _codes(len(names))
    params = {**named, **bounds(ask.period), "decision": decision}
    values: dict[str, list[str]] = {name: [] for name in names}
    for row in run(
        engine, join(codes, "SELECT c.name AS name, c.value AS value FROM codes AS c ORDER BY c.name, c.code"), params
    ):
        values[row["name"]].append(str(row["value"]))
    places = _places([len(values[name]) for name in names])
    masks = range(1 + max((mask for mask, _ in places), default=0))
    texts = (
        codes,
        piece("sends"),
        *_people(places, masks),
        _READ.format(masks=_listed(masks, "p.m{0}"), groups=", ".join(f"p.m{mask}" for mask in masks)),
    )
    counts: dict[Values, dict[str, int]] = {}
    bare = 0
    for row in run(engine, join(*texts), params):
        here = tuple(
            _value(int(row[f"m{mask}"]) >> offset, values[name]) for name, (mask, offset) in zip(names, places, strict=True)
        )
        cell = counts.setdefault(here, dict.fromkeys(COUNTS, 0))
        n, outcome, is_sent = int(row["people"]), int(row["outcome"]), bool(row["is_sent"])
        is_selected, label = outcome >= 4, outcome % 4
        bare += n if not is_sent and not any(int(row[f"m{mask}"]) for mask in masks) else 0
        facts = (
            True,
            is_selected,
            label > 0,
            label == 2,
            is_selected and label == 2,
            is_selected and label == 1,
            is_selected and not is_sent,
        )
        for key, holds in zip(COUNTS, facts, strict=True):
            cell[key] += n if holds else 0
    return Cells(tuple(names), counts, bare)


def _value(bits: int, values: Sequence[str]) -> str | None:
    """Return the value whose bit alone is set."""
    mine = bits & ((1 << len(values)) - 1)
    return values[mine.bit_length() - 1] if mine and mine & (mine - 1) == 0 else None


def _places(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Return in which whole number, and from which bit on, each attribute's values are."""
    places, mask, free = [], 0, 0
    for size in sizes:
        if free + size > BITS:
            mask, free = mask + 1, 0
        places.append((mask, free))
        free += size
    return places


def _listed(masks: Sequence[int] | range, form: str) -> str:
    return ", ".join(f"{form.format(mask)} AS m{mask}" for mask in masks)


def _codes(count: int) -> str:
    """Return the CTE `codes`: every value of the attributes :n0, :n1 ..., numbered from 0 within its attribute."""
    names = ", ".join(f":n{i}" for i in range(count))
    return f"""codes AS (
  SELECT v.name AS name, v.value AS value, ROW_NUMBER() OVER (PARTITION BY v.name ORDER BY v.value) - 1 AS code
  FROM (
    SELECT DISTINCT a.name AS name, a.value AS value
    FROM attributes AS a
    WHERE a.name IN ({names}) AND a.value IS NOT NULL AND a.value <> '') AS v)"""


def _people(places: Sequence[tuple[int, int]], masks: range) -> tuple[str, ...]:
    """Return the CTEs `bits`, `facts` and `decided_people`: each person's bits and last decision."""

    def bit(mask: int) -> str:
        mine = [(i, offset) for i, (where, offset) in enumerate(places) if where == mask]
        whens = " ".join(f"WHEN c.name = :n{i} THEN CAST(POWER(2e0, c.code + {offset}) AS BIGINT)" for i, offset in mine)
        return f"CASE {whens} ELSE 0 END"

    bits = f"""bits AS (
  SELECT c.name AS name, c.value AS value, {", ".join(f"{bit(mask)} AS m{mask}" for mask in masks)}
  FROM codes AS c)"""
    facts = f"""facts AS (
  SELECT a.key_id AS key_id, CAST(NULL AS BIGINT) AS packed, {_listed(masks, "b.m{0}")}
  FROM attributes AS a
  JOIN bits AS b ON b.name = a.name AND b.value = a.value
  UNION ALL
  SELECT d.key_id AS key_id, {_PACKED} AS packed, {_listed(masks, "0")}
  FROM decisions AS d
  WHERE d.decision = :decision AND (d.decided_at = 0 OR (d.decided_at >= :from_at AND d.decided_at < :to_at)))"""
    # A person is one of their own keys: only the other keys need looking up.
    people = f"""decided_people AS (
  SELECT
    COALESCE(po.person, f.key_id) AS person,
    MAX(f.packed) AS packed,
    {_listed(masks, "BIT_OR(f.m{0})")}
  FROM facts AS f
  LEFT JOIN (SELECT w.key_id AS key_id, w.person AS person FROM person_of AS w WHERE w.person <> w.key_id) AS po
    ON po.key_id = f.key_id
  GROUP BY COALESCE(po.person, f.key_id))"""
    return bits, facts, people


_PACKED: Final = "d.decided_at * 16 + COALESCE(d.selected, 0) * 4 + COALESCE(d.qualified + 1, 0)"
"""the last decision is the largest of these; its last four bits are what was decided and what turned out"""
_READ: Final = """SELECT
  {masks},
  MOD(p.packed, 16) AS outcome,
  CASE WHEN s.person IS NULL THEN 0 ELSE 1 END AS is_sent,
  COUNT(*) AS people
FROM decided_people AS p
LEFT JOIN (SELECT DISTINCT x.person AS person FROM sends AS x) AS s ON s.person = p.person
WHERE p.packed IS NOT NULL
GROUP BY {groups}, MOD(p.packed, 16), CASE WHEN s.person IS NULL THEN 0 ELSE 1 END"""
