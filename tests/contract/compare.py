"""How two engines are held against each other: derived tables row by row, and the models to do it with."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from contract import business
from persync.attribution import ledger
from persync.attribution.datadriven import prepared
from persync.attribution.models import AttributionModel
from persync.engine import Engine, lake
from persync.measure.metric import Ask
from persync.plugins import load_plugins
from persync.store.derive import derive
from persync.store.store import open_store

KEYS = {
    "money_orders": "order_id",
    "odd_touches": "key_id, campaign_key, happened_at, action, reason",
    "milestones": "order_id",
    "journeys": "order_id, position, happened_at, action, campaign_key, connection, key_id, link_id",
    "ledger_events": "order_id, currency, event_number",
    "credit_ledger": "order_id, currency, event_number, position, reason",
}
"""each step's table, and the columns that put its rows into one order"""
LEDGER = f"SELECT c.* FROM credit_ledger AS c ORDER BY c.{KEYS['credit_ledger'].replace(', ', ', c.')}"
NOW = int(time.time() * 1000)
"""lakes refuse copies that nobody looked at for long"""
SPAN = 2**40
"""how many numbers each store of a lake has for its own"""
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


def compared(both: Both, models: Sequence[AttributionModel], ask: Ask, keys: Mapping[str, str]) -> dict[str, int]:
    """Build the ledger on both engines, hold every table on the way to it against the other's, and return their rows."""
    for engine in both:
        ledger.build(engine, models, ask)
    found = {table: differences(both, table, columns) for table, columns in keys.items()}
    assert {table: wrong for table, (_, wrong) in found.items()} == dict.fromkeys(keys, 0)
    for engine in both:
        assert ledger.ties(engine, models, ask).differences == []
    return {table: rows for table, (rows, _) in found.items()}


def rules() -> list[AttributionModel]:
    """Return every registered model that is a rule."""
    return [model for model in load_plugins().models.values() if model.fit is None]


def models_for(engine: Engine, ask: Ask) -> list[AttributionModel]:
    """Return every registered model as a rule, the fitted ones fitted on this engine, and one that is calibrated."""
    models = prepared(engine, list(load_plugins().models.values()), ask)
    linear = next(model for model in models if model.name == "linear")
    return [*models, replace(linear, name="linear_calibrated", baseline={1: 0.37, 3: 0.8})]


def two_in_a_lake(folder: Path) -> list[Path]:
    """Write two stores whose numbers collide and whose words differ, put them into a lake and return their paths."""
    paths = [business.store(folder / f"{name}.db", seed=number, orders=300) for number, name in enumerate(("one", "two"))]
    for path in paths:
        with open_store(path) as store:
            derive(store, only=("person_of",))
        lake.add(folder / "lake", path, path.stem, now=NOW)
    return paths
