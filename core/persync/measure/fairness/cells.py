"""People decided about, counted once by all attributes together: every grouping of them is a sum of these cells.

One pass over the store serves any number of attributes and crossings. A person's values are bits of a whole number, one for
each value, so that two systems that differ leave two bits: such a person's value is unknown. So is what was decided about
them, whose highest bit counts: one sum of bits a person is all that a million people take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from persync.engine.engine import Engine
from persync.measure.fairness.groups import TIMES, UNKNOWN, Groups
from persync.measure.metric import Ask
from persync.measure.texts import bounds, join, piece, run, write

BITS: Final = 62
"""values that one whole number has room for"""
OUTCOMES: Final = 7
"""selected or not, by whether it is known what turned out, and what: one bit each"""
COUNTS: Final = ("people", "selected", "labelled", "qualified", "hits", "misses", "unsent")

Values = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Cells:
    """Counts by the values of `names`, None where a value is unknown: people, selected, labelled (what turned out is known),
    qualified, hits (selected and qualified), misses (selected and not) and unsent (selected, and sent nothing)."""

    names: tuple[str, ...]
    counts: Mapping[Values, Mapping[str, int]]
    strangers: int
    """people whom the store knows from nothing else: the file names people in another way than the platforms do"""

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


def decided(engine: Engine, names: Sequence[str], ask: Ask, decision: str, table: str = "decisions") -> Cells:
    """Count the people about whom a decision of the period was made; of several the last counts. `table` has the decisions."""
    params: dict[str, Any] = {**{f"n{i}": name for i, name in enumerate(names)}, **bounds(ask.period), "decision": decision}
    values: dict[str, list[str]] = {name: [] for name in names}
    for row in run(engine, _VALUES.format(names=", ".join(f":n{i}" for i in range(len(names)))), params):
        values[row["name"]].append(str(row["value"]))
    *places, outcome_at = _places([*(len(values[name]) for name in names), OUTCOMES])
    masks = range(1 + outcome_at[0])
    params |= {f"v{i}_{code}": value for i, name in enumerate(names) for code, value in enumerate(values[name])}
    (days,) = run(engine, _DAYS.format(table=table), params)
    params["least"] = 1 << outcome_at[1]
    people = _people(
        [len(values[name]) for name in names], places, outcome_at, table, is_one_day=days["first_at"] == days["last_at"]
    )
    write(engine, join(*people, _KEPT.format(masks=_listed(masks, "p.m{0}"), last=outcome_at[0])), params, "people_decided")
    counted = _READ.format(masks=_listed(masks, "p.m{0}"), groups=", ".join(f"p.m{mask}" for mask in masks))
    counts: dict[Values, dict[str, int]] = {}
    bare = 0
    for row in run(engine, join(piece("sends"), counted), params):
        bits = [int(row[f"m{mask}"]) for mask in masks]
        outcome = (bits[outcome_at[0]] >> outcome_at[1]).bit_length() - 1
        bits[outcome_at[0]] &= (1 << outcome_at[1]) - 1
        here = tuple(_value(bits[mask] >> offset, values[name]) for name, (mask, offset) in zip(names, places, strict=True))
        cell = counts.setdefault(here, dict.fromkeys(COUNTS, 0))
        n, is_sent = int(row["people"]), bool(row["is_sent"])
        is_selected, label = outcome >= 4, outcome % 4
        bare += n if not is_sent and not any(bits) else 0
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
    # A stranger has none of these attributes and was sent nothing: without such people there is nobody to look for.
    return Cells(tuple(names), counts, _strangers(engine, outcome_at[0], params) if bare else 0)


def _strangers(engine: Engine, last: int, params: Mapping[str, Any]) -> int:
    no_others = "".join(f" AND p.m{mask} = 0" for mask in range(last))
    bare = f"bare AS (SELECT p.person AS person FROM people_decided AS p WHERE MOD(p.m{last}, :least) = 0{no_others})"
    return int(run(engine, join(bare, piece("known_otherwise"), _STRANGERS), params)[0]["strangers"])


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


def _people(
    sizes: Sequence[int], places: Sequence[tuple[int, int]], outcome_at: tuple[int, int], table: str, *, is_one_day: bool
) -> tuple[str, ...]:
    """Return the CTEs that end in `decided_people`: each person's bits, those of the outcome among them.

    The outcome is the highest of a person's bits from `outcome_at` on. Where all decisions are of one time every one of them
    sets its bit; else a pass before keeps each person's last, which takes as much memory again.
    """
    masks = range(1 + outcome_at[0])

    def listed(where: int, bit: str) -> str:
        return ", ".join(f"{bit if mask == where else '0'} AS m{mask}" for mask in masks)

    coded = [
        f"SELECT :n{i} AS name, :v{i}_{code} AS value, {listed(mask, str(1 << (offset + code)))}"
        for i, (size, (mask, offset)) in enumerate(zip(sizes, places, strict=True))
        for code in range(size)
    ]
    nobody = f"SELECT '' AS name, '' AS value, {listed(-1, '')}"  # an attribute may have lost its last value
    return (
        f"bits AS ({' UNION ALL '.join(coded or [nobody])})",
        # A person is one of their own keys: only the other keys need looking up.
        "merged AS (SELECT w.key_id AS key_id, w.person AS person FROM person_of AS w WHERE w.person <> w.key_id)",
        _DECISIONS.format(table=table),
        *(() if is_one_day else (_LAST,)),
        f"""facts AS (
  SELECT a.key_id AS key_id, {_listed(masks, "b.m{0}")}
  FROM attributes AS a
  JOIN bits AS b ON b.name = a.name AND b.value = a.value
  UNION ALL
  SELECT d.key_id AS key_id, {listed(outcome_at[0], f"CAST(POWER(2e0, {outcome_at[1]} + MOD(d.packed, 16)) AS BIGINT)")}
  FROM {"decisions_made" if is_one_day else "last_decisions"} AS d)""",
        f"""decided_people AS (
  SELECT COALESCE(po.person, f.key_id) AS person, {_listed(masks, "BIT_OR(f.m{0})")}
  FROM facts AS f
  LEFT JOIN merged AS po ON po.key_id = f.key_id
  GROUP BY COALESCE(po.person, f.key_id))""",
    )


_VALUES: Final = """SELECT DISTINCT a.name AS name, a.value AS value
FROM attributes AS a
WHERE a.name IN ({names}) AND a.value IS NOT NULL AND a.value <> ''
ORDER BY 1, 2"""
_ASKED: Final = "d.decision = :decision AND (d.decided_at = 0 OR (d.decided_at >= :from_at AND d.decided_at < :to_at))"
_DAYS: Final = f"SELECT MIN(d.decided_at) AS first_at, MAX(d.decided_at) AS last_at FROM {{table}} AS d WHERE {_ASKED}"
_DECISIONS: Final = f"""decisions_made AS (
  SELECT
    d.key_id AS key_id,
    d.decided_at * 16 + COALESCE(d.selected, 0) * 4 + COALESCE(d.qualified + 1, 0) AS packed
  FROM {{table}} AS d
  WHERE {_ASKED})"""
"""the last decision has the largest `packed`; its last four bits are what was decided and what turned out"""
_LAST: Final = """last_decisions AS (
  SELECT COALESCE(po.person, d.key_id) AS key_id, MAX(d.packed) AS packed
  FROM decisions_made AS d
  LEFT JOIN merged AS po ON po.key_id = d.key_id
  GROUP BY COALESCE(po.person, d.key_id))"""
_KEPT: Final = "SELECT p.person AS person, {masks} FROM decided_people AS p WHERE p.m{last} >= :least"
_STRANGERS: Final = """SELECT COUNT(*) AS strangers
FROM bare AS b
WHERE NOT EXISTS (SELECT 1 FROM known AS k WHERE k.person = b.person)"""
_READ: Final = """SELECT
  {masks},
  CASE WHEN s.person IS NULL THEN 0 ELSE 1 END AS is_sent,
  COUNT(*) AS people
FROM people_decided AS p
LEFT JOIN (SELECT DISTINCT x.person AS person FROM sends AS x) AS s ON s.person = p.person
GROUP BY {groups}, CASE WHEN s.person IS NULL THEN 0 ELSE 1 END"""
