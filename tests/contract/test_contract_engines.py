"""The contract of engines: the same SQL text gives the same rows on DuckDB and on Spark with executors of its own."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
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
from persync.errors import ConfigError, DataError
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


def test_contract_orders_beyond_what_doubles_hold_add_up_on_both_engines(both: Both) -> None:
    """Every amount a hundred thousand times as large: the largest are far above 2^53, and each event still adds up."""
    models = [model for model in load_plugins().models.values() if model.name in ("u_shaped", "time_decay")]
    large = (
        "SELECT e.order_id, e.is_counted, e.currency, e.event_number, e.event_at, e.amount_minor * 100003 AS amount_minor,"
        " e.after_minor * 100003 AS after_minor FROM ledger_events AS e"
    )
    wrong = (
        "SELECT COUNT(*) AS orders, MAX(s.minor) AS most, SUM(CASE WHEN s.minor = s.u_shaped AND s.minor = s.time_decay THEN 0"
        " ELSE 1 END) AS wrong FROM (SELECT e.order_id, e.event_number, e.currency, MAX(e.amount_minor) AS minor,"
        " SUM(c.u_shaped) AS u_shaped, SUM(c.time_decay) AS time_decay FROM ledger_events AS e JOIN credit_ledger AS c"
        " ON c.order_id = e.order_id AND c.event_number = e.event_number AND c.currency = e.currency"
        " GROUP BY e.order_id, e.event_number, e.currency) AS s"
    )
    found = []
    for engine in both:
        ledger.build(engine, models, Ask(now=business.NOW))
        engine.write(large, None, "large_events")
        engine.write("SELECT l.* FROM large_events AS l", None, "ledger_events")
        engine.write(*ledger.ledger_sql(models), "credit_ledger")
        found.append(engine.rows(wrong)[0])

    assert found[0] == found[1]
    assert found[0]["most"] > 2**59
    assert found[0]["wrong"] == 0
    assert differences(both, "credit_ledger", KEYS["credit_ledger"])[1] == 0


LAKE_TEXTS = (
    "SELECT n.name, w.text, t.action, COUNT(*) AS touches, SUM(t.happened_at) AS moments, COUNT(DISTINCT t.key_id) AS people"
    " FROM touchpoints AS t JOIN connections AS n ON n.connection = t.connection JOIN words AS w ON w.word = t.channel"
    " GROUP BY n.name, w.text, t.action ORDER BY 1, 2, 3",
    "SELECT o.order_key, o.key_id, o.ordered_at, n.name FROM orders AS o JOIN connections AS n ON n.connection = o.connection"
    " ORDER BY o.order_key",
)


def test_contract_a_lake_of_two_stores_is_the_same_on_both_engines(tmp_path: Path, cluster: str) -> None:
    """Two stores whose numbers collide and whose words differ, read as one: the same rows."""
    for number, name in enumerate(("one", "two")):
        lake.add(tmp_path / "lake", business.store(tmp_path / f"{name}.db", seed=number, orders=300), name, now=NOW)
    found = []
    for name, options in (("duckdb", {}), ("spark", {"master": cluster})):
        with closing(lake.open_lake(str(tmp_path / "lake"), name, now=NOW, options=options)) as engine:
            found.append([engine.rows(text) for text in LAKE_TEXTS])
    assert found[0] == found[1]
    assert len(found[0][1]) > 600


def test_contract_an_object_store_without_its_connector_says_what_is_wanted(cluster: str) -> None:
    """Spark as it comes has no s3a: which jar, where it goes, and a mistake of the setup, not a fault of persync."""
    with pytest.raises(ConfigError) as raised:
        lake.open_lake("s3a://bucket/lake", "spark", now=NOW, options={"master": cluster})

    assert str(raised.value).startswith("s3a://bucket/lake: Spark has no file system for s3a:// (")
    assert "Hadoop connector" in str(raised.value)
    assert raised.value.exit_code == 2
    with pytest.raises(DataError, match="there is no mirror in file:/nowhere"):
        lake.open_lake("file:/nowhere", "spark", now=NOW, options={"master": cluster})


def test_contract_the_credit_of_a_lake_is_the_sum_of_its_stores(tmp_path: Path) -> None:
    """Read as one, two stores whose numbers collide give each channel what each alone gives it, to the cent."""
    model = next(model for model in load_plugins().models.values() if model.name == "linear")
    ask = Ask(now=business.NOW, currency="JPY")
    apart: Counter[str] = Counter()
    for number, name in enumerate(("one", "two")):
        path = business.store(tmp_path / f"{name}.db", seed=number, orders=300)
        lake.add(tmp_path / "lake", path, name, now=NOW)
        with closing(open_engine(path)) as engine:
            apart.update(yen(credit(engine, [model], ("channel",), ask)))
    with closing(lake.open_lake(str(tmp_path / "lake"), now=NOW)) as engine:
        assert yen(credit(engine, [model], ("channel",), ask)) == apart
    assert len(apart) > len(business.CHANNELS) - 1


def yen(estimates: Sequence[Estimate]) -> dict[str, int]:
    """Return credits by channel."""
    assert all(each.value is not None for each in estimates)
    return {each.by["channel"]: round(each.value or 0) for each in estimates}
