"""The contract of engines: the same SQL text gives the same rows on DuckDB and on Spark with executors of its own."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract import business
from persync.attribution import ledger
from persync.attribution.credit import credit
from persync.attribution.datadriven import prepared
from persync.attribution.models import AttributionModel
from persync.engine import Engine, lake, open_engine
from persync.estimate import Estimate
from persync.measure.metric import Ask
from persync.plugins import load_plugins

KEYS = {
    "money_orders": "order_id",
    "odd_touches": "key_id, campaign_key, happened_at, action, reason",
    "journeys": "order_id, position, happened_at, action, campaign_key, connection, key_id, link_id",
    "ledger_events": "order_id, currency, event_number",
    "credit_ledger": "order_id, currency, event_number, position, reason",
}
"""each step's table, and the columns that put its rows into one order"""
NOW = int(time.time() * 1000)
"""lakes refuse copies that nobody looked at for long"""
Both = tuple[Engine, Engine]


def differences(both: Both, table: str, keys: str) -> tuple[int, int]:
    """Return how many rows a derived table has, and how many of them are not the same on both engines."""
    one, other = (engine.frame(f"SELECT t.* FROM {table} AS t ORDER BY {keys}") for engine in both)
    assert list(one) == list(other)
    rows, others = len(one[next(iter(one))]), len(other[next(iter(other))])
    if rows != others:
        return rows, abs(rows - others)
    same = np.ones(rows, bool)
    for name, values in one.items():
        is_number = values.dtype != object
        same &= (values == other[name]) | (np.isnan(values) & np.isnan(other[name]) if is_number else False)
    return rows, int(rows - same.sum())


def models_for(engine: Engine, ask: Ask) -> list[AttributionModel]:
    """Return every registered model as a rule, the fitted ones fitted on this engine, and one that is calibrated."""
    models = prepared(engine, list(load_plugins().models.values()), ask)
    linear = next(model for model in models if model.name == "linear")
    return [*models, replace(linear, name="linear_calibrated", baseline={1: 0.37, 3: 0.8})]


@pytest.mark.parametrize("asked", [{"basis": "net"}, {"basis": "gross", "reporting": "accrual", "path": "since_last_order"}])
def test_contract_every_models_ledger_is_the_same_on_both_engines_row_by_row(both: Both, asked: dict[str, Any]) -> None:
    """All registered models at once: the ledger and every table on the way to it, without one difference."""
    ask = Ask(now=business.NOW, **asked)
    models = [models_for(engine, ask) for engine in both]
    assert models[0] == models[1]
    for engine in both:
        ledger.build(engine, models[0], ask)

    found = {table: differences(both, table, keys) for table, keys in KEYS.items()}

    assert {table: wrong for table, (_, wrong) in found.items()} == dict.fromkeys(KEYS, 0)
    assert found["credit_ledger"][0] > 15_000
    for engine in both:
        assert ledger.ties(engine, models[0], ask).differences == []


def minor(estimate: Estimate) -> int:
    """Return a credit in cents."""
    assert estimate.value is not None
    return round(estimate.value * 100)


def test_contract_a_lake_of_two_stores_gives_the_same_credit_on_both_engines(tmp_path: Path, cluster: str) -> None:
    """Two stores whose numbers collide, read as one: each engine's credit is the other's, and the sum of the two stores'."""
    model = next(model for model in load_plugins().models.values() if model.name == "linear")
    ask = Ask(now=business.NOW, currency="EUR")
    apart: Counter[str] = Counter()
    for number, name in enumerate(("one", "two")):
        path = business.store(tmp_path / f"{name}.db", seed=number, orders=300)
        lake.add(tmp_path / "lake", path, name, now=NOW)
        with closing(open_engine(path)) as engine:
            apart.update({each.by["channel"]: minor(each) for each in credit(engine, [model], ("channel",), ask)})
    found = []
    for name, options in (("duckdb", {}), ("spark", {"master": cluster})):
        with closing(lake.open_lake(str(tmp_path / "lake"), name, now=NOW, options=options)) as engine:
            found.append({each.by["channel"]: minor(each) for each in credit(engine, [model], ("channel",), ask)})
    assert found == [apart, apart]
