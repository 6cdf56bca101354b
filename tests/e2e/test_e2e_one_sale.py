"""One sale that the shop, Mailchimp and HubSpot all tell of is one order with three sources, and counts once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from persync.attribution.reconcile import reconcile
from persync.connect.result import PullOptions
from persync.engine import open_engine
from persync.jobs.pulling import pull_project
from persync.plugins import load_plugins
from persync.sandbox.demo import make_world
from persync.sandbox.server import running, write_config
from persync.sandbox.world import World
from persync.settings import load_project

Pulled = tuple[World, Path]


@pytest.fixture(scope="module")
def pulled(tmp_path_factory: pytest.TempPathFactory) -> Pulled:
    folder, host, world = tmp_path_factory.mktemp("sale"), load_plugins(), make_world(8, people=300)
    with running(world, host.sandboxes, folder=folder) as info:
        write_config(folder, world, info)
        project = load_project(folder, host)
        # The mailers first: whose money counts must not depend on who told of the order first.
        for name in ("hubspot", "mailchimp", "shopify"):
            assert pull_project(host, project, (name,), PullOptions(now=world.now)).exit_code == 0
    return world, folder


def sources(folder: Path) -> dict[str, list[tuple[str, int, int]]]:
    """Return {shop's order id: [(connection, is its money the order's, sum of its ledger)]} of orders with several sources."""
    with closing(sqlite3.connect(folder / "persync.db")) as db:
        found: dict[str, list[tuple[str, int, int]]] = {}
        for order, name, counts, total in db.execute(
            "SELECT f.order_id, n.name, f.is_money_source, coalesce((SELECT sum(l.amount_minor) FROM order_ledger l"
            " WHERE l.order_key = f.order_key), 0) FROM order_of f JOIN order_keys k USING (order_key)"
            " JOIN connections n USING (connection) JOIN orders o USING (order_key) WHERE o.kind = 'order' ORDER BY 1, 2"
        ):
            found.setdefault(order, []).append((name, counts, total))
        return {order: told for order, told in found.items() if len(told) > 1}


def test_some_orders_have_three_sources_and_the_shops_money_counts(pulled: Pulled) -> None:
    _, folder = pulled
    told = sources(folder)

    assert sum([name for name, *_ in each] == ["hubspot", "mailchimp", "shopify"] for each in told.values()) >= 5
    assert {name for each in told.values() for name, counts, _ in each if counts} == {"shopify"}
    assert all(sum(counts for _, counts, _ in each) == 1 for each in told.values())


def test_what_counts_is_the_shops_own_total_to_the_cent(pulled: Pulled) -> None:
    world, folder = pulled
    expected = sum(order.total_minor() for order in world.orders if not order.is_test)
    with closing(sqlite3.connect(folder / "persync.db")) as db:
        counted = db.execute(
            "SELECT sum(l.amount_minor) FROM order_ledger l JOIN order_of f USING (order_key) JOIN orders o USING (order_key)"
            " WHERE f.is_money_source AND o.kind = 'order' AND NOT coalesce(o.is_test, 0)"
        ).fetchone()[0]
        copied = db.execute("SELECT sum(amount_minor) FROM order_ledger").fetchone()[0]

    assert counted == expected
    assert copied > counted, "the copies are kept, they only do not count"


def test_each_platforms_claim_on_such_an_order_is_kept_beside_the_revenue_and_added_once(pulled: Pulled) -> None:
    world, folder = pulled
    with closing(sqlite3.connect(folder / "persync.db")) as db:
        claimed = db.execute(
            "SELECT count(*), count(DISTINCT f.order_id) FROM claims c JOIN order_of f USING (order_key) WHERE c.order_key > 0"
        ).fetchone()
    host = load_plugins()
    project = load_project(folder, host)
    with closing(open_engine(project.store_path, engines=host.engines)) as engine:
        found = reconcile(engine, project.ask(world.now))

    assert claimed[0] >= claimed[1] > 0
    added = [claim for claim in found.claims if claim.is_added]
    assert sorted((claim.connection, claim.model) for claim in added) == [
        ("hubspot", "LINEAR"),
        ("mailchimp", "mailchimp_report"),
    ]
    assert found.differences == ()
