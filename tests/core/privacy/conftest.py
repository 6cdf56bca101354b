"""A store with two people whom a shop, its mail and the user's own files know."""

from __future__ import annotations

from pathlib import Path

import pytest

from persync import rows
from persync.engine import mirror
from persync.rows import OrderRef
from persync.store.derive import derive
from persync.store.rejects import keep_rejects
from persync.store.store import open_store
from persync.store.versions import record_numbers
from privacy_rows import FEBRUARY, JANUARY, LETTER, NOW, Reject, file_rows, in_shop, mail_rows, shop_rows, write


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A store with Ann (shop id 191167) and Bob (191168), and its mirror as it was at two moments."""
    path = tmp_path / "p.db"
    shop = [rows.Account("1", "EUR", "UTC", "example-shop.myshopify.com")]
    deal = OrderRef("deal-1")
    ann, bob = in_shop("191167", "ann@example.com"), in_shop("191168", "bob@example.com")
    shared_deal: list[rows.Row] = [
        rows.Order(deal, kind="deal", person=bob, ordered_at=FEBRUARY, currency="EUR", status="won"),
        rows.OrderPerson(deal, ann),
        rows.OrderPerson(deal, in_shop("191169", "cy@example.com")),
    ]
    write(path, "shop", shop + shop_rows("191167", "ann@example.com", "299938", 1250))
    with open_store(path) as store:
        derive(store)
    mirror.refresh(path)
    write(path, "shop", shop_rows("191168", "bob@example.com", "299939", 800) + shared_deal)
    letter: list[rows.Row] = [rows.Campaign(LETTER, kind="regular", title="Letter", sent_at=JANUARY)]
    write(path, "mail", letter + mail_rows("ann@example.com") + mail_rows("bob@example.com"))
    write(path, "files", file_rows("ann@example.com", "mailed", 2.0) + file_rows("bob@example.com", "mailed", 5.0))
    with open_store(path) as store:
        key = store.key
        hashed = key.name("record", "gid://shopify/Customer/191167")
        with store.transaction() as db:
            keep_rejects(db, 1, "customers", "", "graphql.json", [Reject(hashed), Reject("191168")], now=NOW)
            (mark,) = record_numbers(key, "record\0shop\0customers\0\0", ["gid://shopify/Customer/191167"])
            db.executemany("INSERT INTO versions VALUES (?, 1)", [(mark,), (7,)])
            db.execute(
                "INSERT INTO checkpoints (connection, stream, partition, parent, token, watermark)"
                " VALUES (1, 'customers', '', '{}', '{\"after\": \"191167\"}', 5)"
            )
            db.executemany("INSERT INTO present VALUES (1, 'customers', '', ?)", [("191167",), ("191168",)])
            db.execute("INSERT INTO present VALUES (1, 'products', '', '5')")
            db.execute("INSERT INTO parked VALUES (1, 'orders', '', 'o', NULL, '{\"customer\": \"191167\"}')")
        derive(store)
    mirror.refresh(path)
    return path
