"""The contract of engines: the same SQL text gives the same rows on DuckDB and on Spark with executors of its own."""

from __future__ import annotations

import signal
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

from contract import business
from contract.compare import KEYS, NOW, SPAN, Both, compared, differences, models_for, rules, two_in_a_lake
from persync.attribution import basis, journeys, ledger
from persync.engine import Engine, lake
from persync.errors import ConfigError, DataError
from persync.measure.metric import Ask
from persync.plugins import load_plugins

LAKE_TEXTS = (
    "SELECT n.name, w.text, t.action, COUNT(*) AS touches, SUM(t.happened_at) AS moments, COUNT(DISTINCT t.key_id) AS people"
    " FROM touchpoints AS t JOIN connections AS n ON n.connection = t.connection JOIN words AS w ON w.word = t.channel"
    " GROUP BY n.name, w.text, t.action ORDER BY 1, 2, 3",
    "SELECT o.order_key, o.key_id, o.ordered_at, n.name FROM orders AS o JOIN connections AS n ON n.connection = o.connection"
    " ORDER BY o.order_key",
)


def test_contract_every_models_ledger_is_the_same_on_both_engines_row_by_row(both: Both) -> None:
    """All registered models at once: the ledger and every table on the way to it, without one difference."""
    ask = Ask(now=business.NOW)
    models = [models_for(engine, ask) for engine in both]
    assert models[0] == models[1]

    found = compared(both, models[0], ask, KEYS)

    assert found["milestones"] > 500
    assert found["credit_ledger"] > 15_000


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
    ask, found = Ask(now=business.NOW), []
    for engine in both:
        # With what every model asks of them the journeys are those of the test before, which are there already.
        journeys.build(engine, ask, list(load_plugins().models.values()))
        basis.build_events(engine, ask)
        engine.write(large, None, "large_events")
        engine.write("SELECT l.* FROM large_events AS l", None, "ledger_events")
        engine.write(*ledger.ledger_sql(models, has_mail=True), "credit_ledger")
        found.append(engine.rows(wrong)[0])

    assert found[0] == found[1]
    assert found[0]["most"] > 2**59
    assert found[0]["wrong"] == 0
    assert differences(both, "credit_ledger", KEYS["credit_ledger"])[1] == 0


def test_contract_a_lake_of_two_stores_is_the_same_on_both_engines(tmp_path: Path, cluster: str) -> None:
    """Two stores whose numbers collide and whose words differ, read as one: the same rows; and every rule's ledger where every
    kind of touch has a window of its own, paths begin with the last order, days are those of another zone, and it is margin in
    euros dated by touches. Gross in yen too, event by event."""
    two_in_a_lake(tmp_path)
    ask = Ask(
        now=business.NOW,
        basis="margin",
        margin=0.4,
        currency="EUR",
        kinds=("click", "visit", "open", "send"),
        windows={"open": 3.0, "visit": 60.0},
        path="since_last_order",
        reporting="accrual",
        timezone="Europe/Berlin",
    )

    with ExitStack() as stack:

        def opened(name: str, **options: str) -> Engine:
            return stack.enter_context(closing(lake.open_lake(str(tmp_path / "lake"), name, now=NOW, options=options)))

        both = opened("duckdb"), opened("spark", master=cluster)
        rows = [[engine.rows(text) for text in LAKE_TEXTS] for engine in both]
        found = compared(both, rules(), ask, {**KEYS, "previous_orders": "order_id"})
        stores = [engine.rows(f"SELECT DISTINCT div(c.order_id, {SPAN}) AS store FROM credit_ledger AS c") for engine in both]
        kinds = [engine.rows("SELECT DISTINCT j.action FROM journeys AS j ORDER BY 1") for engine in both]
        for engine in both:
            basis.build_events(engine, replace(ask, basis="gross", currency="JPY"))
        gross = differences(both, "ledger_events", KEYS["ledger_events"])

    assert rows[0] == rows[1]
    assert len(rows[0][1]) > 600
    assert found["previous_orders"] > 100
    assert found["credit_ledger"] > 1_500
    assert [len(each) for each in stores] == [2, 2]
    assert kinds == [[{"action": action} for action in (1, 3, 4, 9)]] * 2
    assert gross[0] > 600
    assert gross[1] == 0


def test_contract_ctrl_c_stays_with_whoever_had_it(cluster: str) -> None:
    """pyspark takes it where it starts: a pull in the same process would end in the middle of a page."""
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_contract_an_object_store_without_its_connector_says_what_is_wanted(cluster: str) -> None:
    """Spark as it comes has no s3a: which jar, where it goes, and a mistake of the setup, not a fault of persync."""
    with pytest.raises(ConfigError) as raised:
        lake.open_lake("s3a://bucket/lake", "spark", now=NOW, options={"master": cluster})

    assert str(raised.value).startswith("s3a://bucket/lake: Spark has no file system for s3a:// (")
    assert "Hadoop connector" in str(raised.value)
    assert raised.value.exit_code == 2
    with pytest.raises(DataError, match="there is no mirror in file:/nowhere"):
        lake.open_lake("file:/nowhere", "spark", now=NOW, options={"master": cluster})
