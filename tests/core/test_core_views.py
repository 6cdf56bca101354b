"""The views that other tools read: told, dated, and versioned."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from persync.store.schema import DDL
from persync.store.store import open_store
from persync.store.told import MONEY, VIEWS_TOLD
from persync.store.views import VIEWS, VIEWS_VERSION, create_views

DIGESTS = {
    6: "288fb4f69d2cda21644c149441b6d22b6962ac1aa4bf07bd93dddf45c2a7c773",
    7: "3a46d22153289c06531a57d2624da9ab4d04962029e3b3123a605e68e66c98aa",
}
"""SHA-256 of the views of each version. Never change a line that was released: raise VIEWS_VERSION and add one."""


@pytest.fixture
def empty() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(DDL)
        create_views(db)
        yield db


def columns(db: sqlite3.Connection, name: str) -> list[str]:
    return [column for _, column, *_ in db.execute(f"PRAGMA table_info({name})")]


def test_a_view_that_changes_raises_their_version() -> None:
    """Stores make their views anew, and tools notice, by the version alone."""
    text = "\n".join(f"{name}: {' '.join(sql.split())}" for name, sql in VIEWS.items())
    digest = hashlib.sha256(text.encode()).hexdigest()

    assert max(DIGESTS) == VIEWS_VERSION
    assert digest == DIGESTS[VIEWS_VERSION], "a view changed: raise VIEWS_VERSION and add its digest here"


def test_every_view_is_told_and_dated_by_a_column_it_has(empty: sqlite3.Connection) -> None:
    assert list(VIEWS_TOLD) == list(VIEWS)
    assert [name for name, told in VIEWS_TOLD.items() if told.at and told.at not in columns(empty, name)] == []
    assert {column for name in VIEWS for column in columns(empty, name)} >= MONEY


def test_every_amount_of_a_view_stands_beside_its_currency(empty: sqlite3.Connection) -> None:
    """But for order lines, whose currency is their order's."""
    alone = [name for name in VIEWS if MONEY & set(columns(empty, name)) and "currency" not in columns(empty, name)]

    assert alone == ["v_order_lines"]


def test_a_store_of_an_older_version_gets_the_views_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "persync.db"
    with open_store(path, create=True) as store, store.transaction() as db:
        db.execute("DROP VIEW v_version")
        db.execute("DROP VIEW v_orders")
        db.execute("UPDATE meta SET value = '5' WHERE name = 'views'")

    with open_store(path) as store:
        assert store.db.execute("SELECT version FROM v_version").fetchall() == [(VIEWS_VERSION,)]
        assert store.db.execute("SELECT count(*) FROM v_orders").fetchone() == (0,)


def test_a_touch_leads_to_its_message_whatever_key_it_came_with(empty: sqlite3.Connection) -> None:
    """HubSpot's events name a message by another key than its messages do, and a shop's visit by the link's parameter."""
    empty.executescript(
        "INSERT INTO connections (connection, name, connector) VALUES (1, 'crm', 'hubspot'), (2, 'shop', 'shopify');"
        "INSERT INTO campaign_keys VALUES (1, 1, 'id', '188'), (2, 1, 'email_campaign', '310'), (3, 0, 'hsmi', '310'),"
        " (4, 0, 'utm', 'brand');"
        "INSERT INTO campaigns (campaign_key, connection, title) VALUES (1, 1, 'Welcome');"
        "INSERT INTO campaign_of VALUES (1, 1), (2, 1), (3, 1);"
        "INSERT INTO touchpoints (connection, campaign_key, key_id, action, happened_at, link_id, ordinal, variant, channel,"
        " source) VALUES (1, 2, 7, 1, 10, 0, 0, '', 0, 0), (2, 3, 7, 9, 20, 0, 0, '', 0, 0), (2, 4, 7, 9, 30, 0, 0, '', 0, 0)"
    )
    empty.execute("INSERT OR IGNORE INTO actions VALUES (1, 'send'), (9, 'visit')")
    found = empty.execute(
        "SELECT t.connection, t.campaign_key, c.title FROM v_touchpoints t LEFT JOIN v_campaigns c"
        " ON c.connection = t.campaign_connection AND c.campaign_id = t.campaign_id ORDER BY t.happened_at"
    ).fetchall()

    assert found == [("crm", "310", "Welcome"), ("shop", "310", "Welcome"), ("shop", "brand", None)]
