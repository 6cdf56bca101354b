"""Shops that treat everybody alike, or plant one unfair rule: drawn into the store's tables and scanned by the product."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from core.measure.conftest import Shop
from persync.estimate import Estimate
from persync.measure.fairness import assess, decisions, groups, scan
from persync.measure.fairness.gaps import Gap, Left, gaps
from persync.measure.metric import Ask, Experiment
from persync.measure.rules import DAY
from persync.report.memory import RememberingEngine

NOW = 20_000 * DAY
START = NOW - 90 * DAY
ASK = Ask(now=NOW, experiments={"mail": Experiment("mail", control="off", since=START, days=60)})
PEOPLE = 1_200
AGES = {"18-29": 0.3, "30-44": 0.35, "45+": 0.25, "": 0.1}
PLACES = {"AT": 0.2, "DE": 0.5, "FR": 0.2, "": 0.1}
LEVELS = {1: 0, 2: 3, 3: 3}
"""{campaign: its level}"""


class Town(Shop):
    """The tables in memory, set up once and filled anew for each seed."""

    def __init__(self) -> None:
        super().__init__()
        self.db.execute("SET threads = 1")
        self.db.execute("PRAGMA disable_optimizer")  # of tables so small: planning takes longer than what it saves
        self.kinds: dict[str, dict[str, str]] = {}
        found = self.db.execute("SELECT table_name, column_name, data_type FROM information_schema.columns").fetchall()
        for table, column, kind in found:
            self.kinds.setdefault(table, {})[column] = kind
        for campaign, level in LEVELS.items():
            self.add("campaigns", campaign_key=campaign, connection=1, sent_at=START, title=f"mail {campaign}")
            self.add("campaign_levels", campaign_key=campaign, level=level)
        self.load("person_of", key_id=range(PEOPLE), person=range(PEOPLE), hash=range(PEOPLE))

    def fill(self, table: str, **columns: Any) -> None:
        """Put rows given as columns in the place of a table's; without its keys, which take most of the time."""
        size = len(next(iter(columns.values())))
        kinds = self.kinds[table]
        data = {name: pa.array(columns[name]) if name in columns else pa.nulls(size) for name in kinds}
        casts = ", ".join(f"CAST(i.{name} AS {kind}) AS {name}" for name, kind in kinds.items())
        self.db.register("incoming", pa.table(data))
        self.db.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT {casts} FROM incoming AS i")
        self.db.unregister("incoming")


@cache
def town() -> Town:
    """Return the one town."""
    return Town()


def draw(seed: int, *, spared: float = 0.0) -> Town:
    """Draw the people of one seed, their mail, answers, orders, test and decisions, whatever their age and place; `spared` is
    the share of personalised mail that France does not get."""
    rng = np.random.default_rng([seed, 132])
    made, n = town(), PEOPLE
    keys = np.arange(n)
    ages, places = (rng.choice(list(each), n, p=list(each.values())) for each in (AGES, PLACES))
    both = keys[rng.random(n) < 0.6]
    made.fill("contacts", connection=[1] * n + [2] * len(both), key_id=np.concatenate([keys, both]))
    held = [(name, values, np.flatnonzero(values != "")) for name, values in (("age", ages), ("place", places))]
    people = np.concatenate([some for _, _, some in held])
    made.fill("attributes", connection=[1] * len(people), key_id=people,
              name=[name for name, _, some in held for _ in some],
              value=np.concatenate([values[some] for _, values, some in held]), basis=["drawn"] * len(people))  # fmt: skip
    made.fill("assignments", connection=[3] * n, experiment=["mail"] * n, key_id=keys, arm=rng.choice(["on", "off"], n))
    _mail(made, rng, (places == "FR") & (rng.random(n) < spared))
    scores = rng.beta(2, 3, n)
    chosen, deserving = scores + rng.normal(0, 0.1, n) > 0.5, rng.random(n) < scores
    made.fill("decisions", connection=[3] * n, decision=["offer"] * n, key_id=keys, decided_at=[START] * n, score=scores,
              selected=chosen.astype(int), qualified=deserving.astype(int))  # fmt: skip
    _orders(made, rng)
    return made


def _mail(made: Town, rng: np.random.Generator, is_spared: Any) -> None:
    n = PEOPLE
    columns: dict[str, list[Any]] = {"key_id": [], "campaign_key": [], "action": []}

    def note(campaign: int, action: int, who: Any) -> None:
        found = np.flatnonzero(who)
        for name, values in (
            ("key_id", found),
            ("campaign_key", np.full(len(found), campaign)),
            ("action", np.full(len(found), action)),
        ):
            columns[name].append(values)

    keenness = rng.beta(2, 5, n)
    for campaign, level in LEVELS.items():
        sent = rng.random(n) < 0.5
        if level >= 2:
            sent &= ~is_spared
        note(campaign, 1, sent)
        note(campaign, 5, sent & (rng.random(n) < 0.02))
        note(campaign, 4, sent & (rng.random(n) < keenness))
        note(campaign, 6, sent & (rng.random(n) < 0.05))
        note(campaign, 7, sent & (rng.random(n) < 0.03))
        note(campaign, 8, ~sent & (rng.random(n) < 0.1))
    rows = {name: np.concatenate(parts) for name, parts in columns.items()}
    size = len(rows["key_id"])
    made.fill("touchpoints", connection=np.full(size, 1), happened_at=np.full(size, START + DAY), **rows)


def _orders(made: Town, rng: np.random.Generator) -> None:
    who = np.repeat(np.arange(PEOPLE), rng.poisson(rng.gamma(1.5, 0.6, PEOPLE)))
    n = len(who)
    keys = np.arange(1, n + 1)
    at = START + rng.integers(1, 59 * DAY, n)
    money = np.round(rng.lognormal(8, 0.7, n)).astype(int)
    made.fill("order_of", order_key=keys, order_id=keys, is_money_source=np.full(n, 1))
    made.fill("orders", order_key=keys, connection=np.full(n, 2), kind=["order"] * n, key_id=who, ordered_at=at,
              status=["paid"] * n, is_test=np.zeros(n, int), currency=["EUR"] * n)  # fmt: skip
    carried = np.flatnonzero(rng.random(n) < 0.7)
    lines = np.concatenate([np.arange(n), carried])
    made.fill("order_ledger", order_key=keys[lines], entry=["s"] * len(lines), event=["sale"] * len(lines),
              part=["product"] * n + ["shipping"] * len(carried), happened_at=at[lines],
              amount_minor=np.concatenate([money, np.full(len(carried), 490)]), currency=["EUR"] * len(lines))  # fmt: skip
    made.fill("order_lines", order_key=keys, line=["1"] * n, quantity=rng.integers(1, 4, n))
    given = keys[rng.random(n) < 0.3]
    made.fill("order_discounts", order_key=given, discount=["d"] * len(given), kind=["code"] * len(given),
              amount_minor=rng.integers(100, 900, len(given)), currency=["EUR"] * len(given))  # fmt: skip


def scanned(seed: int, *, spared: float = 0.0) -> list[Estimate]:
    """Return what the product's scan finds in the shop of a seed."""
    return scan.scan(RememberingEngine(draw(seed, spared=spared)), ASK)


def alarms(found: list[Estimate]) -> int:
    """Return how many gaps a scan says that chance does not explain."""
    assert found[0].id == "bias_detection"
    assert found[0].value is not None
    return int(found[0].value)


def compared(seed: int) -> tuple[list[Gap], list[Left]]:
    """Return every comparison that the assessments of a shop allow, and the groups left out of one."""
    engine = RememberingEngine(draw(seed))
    names = ("age", "place")
    estimates = [one for name in names for one in assess(engine, name, ASK)]
    estimates += decisions.assess_each(engine, groups.of_each(engine, names), ASK, "offer")
    return gaps(estimates, ASK)
