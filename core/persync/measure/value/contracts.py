"""Contracts with an end, where the user's attributes tell them: who left in a window, and how long contracts last.

`contract_start` and `contract_end` are attributes of a person (days as 2025-03-01); a contract without an end runs on.
"""

from __future__ import annotations

from datetime import date
from typing import Final, NamedTuple

from persync.coarse import CONTRACT
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import intervals, rules
from persync.measure.metric import Ask
from persync.measure.occasions import Ground
from persync.measure.texts import run

START, END = CONTRACT
NO_CONTRACTS: Final = "no_contracts"
YEAR: Final = 365.25

_SQL = (
    "SELECT c.start AS start, c.finish AS finish, COUNT(*) AS n FROM (SELECT COALESCE(po.person, a.key_id) AS person,"
    " MIN(CASE WHEN a.name = :start THEN NULLIF(a.value, '') END) AS start,"
    " MAX(CASE WHEN a.name = :finish THEN NULLIF(a.value, '') END) AS finish FROM attributes AS a"
    " LEFT JOIN person_of AS po ON po.key_id = a.key_id WHERE a.name IN (:start, :finish)"
    " GROUP BY COALESCE(po.person, a.key_id)) AS c GROUP BY c.start, c.finish ORDER BY 1, 2"
)


class Contracts(NamedTuple):
    """As many alike: days since 1970, None for one that runs on."""

    start: int
    end: int | None
    n: int


def contracts(engine: Engine) -> list[Contracts]:
    """Return the contracts whose start can be read, alike ones together."""
    out = []
    for row in run(engine, _SQL, {"start": START, "finish": END}):
        start, end = _day(row["start"]), _day(row["finish"])
        if start is not None and (end is None or end >= start):
            out.append(Contracts(start, end, int(row["n"])))
    return out


def _day(text: str | None) -> int | None:
    try:
        return None if text is None else (date.fromisoformat(text[:10]) - date(1970, 1, 1)).days
    except ValueError:
        return None


def contract_churn(engine: Engine, ask: Ask, ground: Ground, window: int) -> list[Estimate]:
    """Return the share of contracts running when the last window began that ended in it; nothing where there are none."""
    found = contracts(engine)
    if not found:
        return []
    begin = ground.end_day - window
    running = [one for one in found if one.start <= begin and (one.end is None or one.end > begin)]
    ended = sum(one.n for one in running if one.end is not None and one.end <= ground.end_day)
    made = rules.share("contract_churn", ended, sum(one.n for one in running), ask, {})
    return [rules.with_note(made, f"contracts that ended in the last {window} days, over those running before them")]


def tenure(engine: Engine, ask: Ask, ground: Ground) -> list[Estimate]:
    """Return the mean age of contracts in years, ended or running; nothing where there are none."""
    ages = [
        ((min(one.end, ground.end_day) if one.end is not None else ground.end_day) - one.start, one.n)
        for one in contracts(engine)
        if one.start < ground.end_day
    ]
    n = sum(count for _, count in ages)
    if not n:
        return []
    total, squares = (sum(days**power * count for days, count in ages) for power in (1, 2))
    sample = intervals.moments(n, total, squares)
    sample = intervals.Moments(n, sample.mean / YEAR, sample.variance / YEAR**2)
    made = rules.average("contract_tenure", sample, n, ask, {}, unit="years")
    return [rules.with_note(made, "of contracts ended or still running; those that run will last longer")]
