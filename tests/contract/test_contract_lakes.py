"""What a lake of several stores gives: the sum of its stores, and nothing of a person whom one of them erased."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from contract import business
from contract.compare import LEDGER, NOW, SPAN, rules, two_in_a_lake
from persync.attribution import ledger
from persync.attribution.credit import credit
from persync.attribution.models import AttributionModel
from persync.engine import Engine, lake, open_engine
from persync.estimate import Estimate
from persync.measure.metric import Ask
from persync.plugins import load_plugins
from persync.rows import Person
from persync.store.privacy import erase, find, finish
from persync.store.store import open_store

TOUCHES = (
    "SELECT connection, campaign_key, action, SUM(n) FROM (SELECT connection, campaign_key, action, 1 AS n FROM touchpoints"
    " UNION ALL SELECT connection, campaign_key, action, n FROM erased_counts) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
)
NAMING = ("person_of", "touchpoints", "contacts", "stages", "carts", "consents", "consent_changes", "orders", "journeys")


def test_contract_the_credit_of_a_lake_is_the_sum_of_its_stores(tmp_path: Path) -> None:
    """Read as one, two stores whose numbers collide give each channel what each alone gives it, to the cent."""
    model = next(model for model in load_plugins().models.values() if model.name == "linear")
    ask = Ask(now=business.NOW, currency="JPY")
    apart: Counter[str] = Counter()
    for path in two_in_a_lake(tmp_path):
        with closing(open_engine(path)) as engine:
            apart.update(yen(credit(engine, [model], ("channel",), ask)))
    with closing(lake.open_lake(str(tmp_path / "lake"), now=NOW)) as engine:
        assert yen(credit(engine, [model], ("channel",), ask)) == apart
    assert len(apart) > len(business.CHANNELS) - 1


def yen(estimates: Sequence[Estimate]) -> dict[str, int]:
    """Return credits by channel."""
    assert all(each.value is not None for each in estimates)
    return {each.by["channel"]: round(each.value or 0) for each in estimates}


def test_contract_an_erased_person_is_gone_from_a_lake_and_its_totals_stay(tmp_path: Path) -> None:
    """Nothing of the lake names them; their orders are credited to nobody, every other is as it was, and all adds up."""
    path, _ = two_in_a_lake(tmp_path)
    models, ask = rules(), Ask(now=business.NOW, currency="JPY")
    # Two keys of one person of the first store, who has orders, touches and all else.
    gone = f"{SPAN + 293}, {SPAN + 294}"

    with closing(lake.open_lake(str(tmp_path / "lake"), now=NOW)) as engine:
        before = ledger_of(engine, models, ask)
        theirs = orders_of(engine, gone)
        assert min(named(engine, gone).values()) > 0
    touches = totals(path)
    with open_store(path) as store:
        done = erase(store, [find(store, Person(("id@shop", "p294")))], now=NOW)
        assert finish(store)
        assert lake.follow(store, now=NOW) == ()
    with closing(lake.open_lake(str(tmp_path / "lake"), now=NOW)) as engine:
        after = ledger_of(engine, models, ask)
        assert named(engine, gone) == dict.fromkeys(NAMING, 0)
        assert orders_of(engine, gone) == set()
        alone = theirs - orders_of(engine)

    assert done.people == 1
    assert totals(path) == touches
    assert sums(after, models) == sums(before, models)
    assert {order for order in before if before[order] != after[order]} == theirs
    assert {row["reason"] for order in alone for row in after[order]} == {"no_touch"}
    assert len(alone) > 1


def named(engine: Engine, keys: str) -> dict[str, int]:
    """Return how many rows of each table name one of some people."""
    text = "SELECT COUNT(*) AS n FROM {} AS t WHERE t.key_id IN ({})"
    return {table: int(engine.rows(text.format(table, keys))[0]["n"]) for table in NAMING}


def orders_of(engine: Engine, keys: str = "") -> set[int]:
    """Return the orders that one of some people is on, whichever system says so; without `keys`, that anybody is on."""
    whose = f"IN ({keys})" if keys else "IS NOT NULL"
    rows = engine.rows(
        "SELECT DISTINCT o.order_id AS id FROM order_of AS o JOIN money_orders AS m ON m.order_id = o.order_id"
        " LEFT JOIN orders AS r ON r.order_key = o.order_key LEFT JOIN order_people AS p ON p.order_key = o.order_key"
        f" WHERE r.key_id {whose} OR p.key_id {whose}"
    )
    return {int(row["id"]) for row in rows}


def ledger_of(engine: Engine, models: Sequence[AttributionModel], ask: Ask) -> dict[int, list[dict[str, Any]]]:
    """Return the ledger's rows by order, after seeing that they add up."""
    ledger.build(engine, models, ask)
    assert ledger.ties(engine, models, ask).differences == []
    found: dict[int, list[dict[str, Any]]] = {}
    for row in engine.rows(LEDGER):
        found.setdefault(int(row["order_id"]), []).append(row)
    return found


def sums(found: dict[int, list[dict[str, Any]]], models: Sequence[AttributionModel]) -> dict[str, int]:
    """Return what each model that adds up to the orders gives away in all."""
    rows = [row for rows in found.values() for row in rows]
    return {model.name: sum(int(row[model.name]) for row in rows) for model in models if model.sums_to == "order"}


def totals(path: Path) -> list[tuple[int, ...]]:
    """Return how often each thing was done by campaign: by people who are known and by those erased."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute(TOUCHES).fetchall()
