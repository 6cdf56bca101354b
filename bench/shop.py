"""A shop's store with all that a report reads: fifty thousand customers, a million touchpoints, two years, drawn from a seed.

    python bench/shop.py FOLDER [CUSTOMERS] [TOUCHPOINTS]

FOLDER becomes a project of three connections whose names and places are made up. A holdout of forty thousand people, costs by
month, goods with what they cost, consents, stages, an attribute with its basis, and sessions are there, so that no part of
the report has nothing to do.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from persync.store.store import Store, open_store
from persync.store.write import mark_dirty

CUSTOMERS, TOUCHPOINTS = 50_000, 1_000_000
DAY = 86_400_000
START = 1_704_067_200_000
"""1 January 2024"""
DAYS = 730
NOW = START + DAYS * DAY
CAMPAIGNS = 240
ORDERS = 1.4
"""a customer, on average"""
PRODUCTS = 200
PERIOD = "2025-10-01..2025-12-30"
SETTINGS = """\
[store]
path = "shop.db"

[report]
currency = "EUR"
timezone = "Europe/Berlin"

[experiments.personal]
control = "control"
from = "2025-10-01"
days = 91
holdout = true

[experiments.personal.planned_shares]
treated = 0.5
control = 0.5
"""

Ints = npt.NDArray[np.int64]


def build(folder: Path, customers: int = CUSTOMERS, touchpoints: int = TOUCHPOINTS, seed: int = 1) -> Path:
    """Make the project; return the store's path."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "persync.toml").write_text(SETTINGS, encoding="utf-8")
    path = folder / "shop.db"
    with open_store(path, create=True) as store:
        store.db.execute("PRAGMA synchronous = OFF")
        with store.transaction():
            _people(store, rng, customers)
            _campaigns(store)
            buyer, ordered = _orders(store, rng, customers)
            _touchpoints(store, rng, customers, touchpoints, buyer, ordered)
            _sessions(store, rng, customers)
            _rest(store)
            for name, month in store.db.execute(_PARTS).fetchall():
                mark_dirty(store.db, name, month)
    return path


def _put(store: Store, table: str, columns: str, rows: Iterable[tuple[Any, ...]]) -> None:
    marks = ", ".join("?" for _ in columns.split(","))
    store.db.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)


def _rows(*columns: Any) -> Iterable[tuple[Any, ...]]:
    """Return the rows of some columns; numbers become Python's own."""
    return zip(*(column.tolist() if isinstance(column, np.ndarray) else column for column in columns), strict=True)


def _people(store: Store, rng: np.random.Generator, customers: int) -> None:
    key = np.arange(1, customers + 1)
    joined = START - 200 * DAY + rng.integers(0, 800 * DAY, customers)
    _put(store, "connections", "connection, name, connector, currency, timezone", [
        (1, "mailchimp", "mailchimp", "EUR", "Europe/Berlin"),
        (2, "shopify", "shopify", "EUR", "Europe/Berlin"),
        (3, "files", "files", None, None),
    ])  # fmt: skip
    _put(store, "person_keys", "key_id, connection, kind, key", ((k, 0, "email", f"{k:032x}") for k in key.tolist()))
    _put(store, "person_of", "key_id, person, hash", _rows(key, key, rng.integers(-(2**62), 2**62, customers)))
    status = rng.choice(["subscribed", "unsubscribed"], customers, p=[0.92, 0.08])
    _put(store, "contacts", "connection, key_id, created_at, status", _rows([1] * customers, key, joined, status.tolist()))
    _put(
        store,
        "consents",
        "connection, key_id, channel, number, state, source, changed_at, observed_at",
        _rows([1] * customers, key, ["email"] * customers, [1] * customers, status.tolist(), ["form"] * customers, joined,
              np.full(customers, NOW)),
    )  # fmt: skip
    country = rng.choice(["DE", "AT", "CH", "NL"], customers, p=[0.6, 0.2, 0.15, 0.05])
    _put(
        store,
        "attributes",
        "connection, key_id, name, value, basis",
        _rows([1] * customers, key, ["country"] * customers, country.tolist(), ["consent at sign-up"] * customers),
    )
    _put(
        store,
        "stages",
        "connection, key_id, stage, entered_at",
        _rows([1] * customers, key, rng.choice(["lead", "customer"], customers).tolist(), joined),
    )
    assigned = key[: customers * 4 // 5]
    arm = np.where(rng.random(len(assigned)) < 0.5, "treated", "control")
    _put(
        store,
        "assignments",
        "connection, experiment, key_id, arm, assigned_at, planned_share",
        _rows([3] * len(assigned), ["personal"] * len(assigned), assigned, arm.tolist(),
              np.full(len(assigned), START + 638 * DAY), [0.5] * len(assigned)),
    )  # fmt: skip


def _campaigns(store: Store) -> None:
    numbers = range(1, CAMPAIGNS + 1)
    _put(store, "campaign_keys", "campaign_key, connection, kind, key", ((n, 1, "id", f"{n:010x}") for n in numbers))
    _put(store, "campaign_of", "campaign_key, campaign_id", ((n, n) for n in numbers))
    _put(store, "campaign_levels", "campaign_key, level, evidence", ((n, n % 5, "tokens") for n in numbers))
    _put(
        store,
        "campaigns",
        "campaign_key, connection, kind, title, subject, list, status, created_at, sent_at",
        ((n, 1, "regular", f"Letter {n}", f"Letter {n}", "list", "sent", _sent(n) - DAY, _sent(n)) for n in numbers),
    )
    _put(
        store,
        "campaign_links",
        "link_id, url, is_unsubscribe",
        ((n, f"https://shop.example.com/p/{n}", int(n == 1)) for n in range(1, 51)),
    )


def _sent(campaign: int) -> int:
    return START + campaign * (DAYS - 10) * DAY // CAMPAIGNS


def _orders(store: Store, rng: np.random.Generator, customers: int) -> tuple[Ints, Ints]:
    # Rates differ as people do, so that some buy often and most once or never.
    rate = rng.gamma(0.6, ORDERS / 0.6, customers)
    buyer = np.repeat(np.arange(1, customers + 1), rng.poisson(rate))
    count = len(buyer)
    order, ordered = np.arange(1, count + 1), START + rng.integers(0, DAYS * DAY, count) // 1000 * 1000
    gross = rng.integers(900, 15_000, count)
    tax = gross * 19 // 119
    two = [2] * count
    names = [str(5_000_000_000_000 + n) for n in order.tolist()]
    _put(
        store,
        "order_keys",
        "order_key, connection, vendor_order_id, shop, shop_order_id, shop_order_name",
        _rows(order, two, names, ["shop.example.com"] * count, names, [""] * count),
    )
    _put(store, "order_of", "order_key, order_id, is_money_source", _rows(order, order, [1] * count))
    _put(
        store,
        "orders",
        "order_key, connection, kind, key_id, ordered_at, status, is_test, currency, total_minor",
        _rows(order, two, ["order"] * count, buyer, ordered, ["paid"] * count, [0] * count, ["EUR"] * count, gross + 490),
    )
    product = rng.integers(1, PRODUCTS + 1, count)
    goods = [f"p{n}" for n in product.tolist()]
    cost = 300 + product * 20
    _put(
        store,
        "order_lines",
        "order_key, line, product, quantity, current_quantity, is_gift_card, price_minor, unit_cost_minor",
        _rows(order, ["1"] * count, goods, [1] * count, [1] * count, [0] * count, gross, np.minimum(cost, gross // 2)),
    )
    numbers = range(1, PRODUCTS + 1)
    _put(
        store,
        "products",
        "connection, product, title, kind, status, created_at",
        ((2, f"p{n}", f"Good {n}", f"kind {n % 12}", "active", START) for n in numbers),
    )
    back = np.flatnonzero(rng.random(count) < 0.07)
    for entry, event, part, of, at, amount in (
        ("s", "sale", "product", order, ordered, gross - tax),
        ("s", "sale", "tax", order, ordered, tax),
        ("t", "sale", "shipping", order, ordered, np.full(count, 490)),
        ("z", "refund", "product", order[back], ordered[back] + 9 * DAY, -(gross - tax)[back]),
    ):
        n = len(of)
        _put(
            store,
            "order_ledger",
            "order_key, entry, event, part, happened_at, amount_minor, currency",
            _rows(of, [entry] * n, [event] * n, [part] * n, at, amount, ["EUR"] * n),
        )
    return buyer, ordered


def _touchpoints(store: Store, rng: np.random.Generator, customers: int, touchpoints: int, buyer: Ints, ordered: Ints) -> None:
    for word in ("email", "direct", "google", "activity"):
        store.db.execute("INSERT INTO words (text) VALUES (?)", (word,))
    words = {text: word for word, text in store.db.execute("SELECT word, text FROM words")}
    mails = touchpoints * 3 // 5
    campaign, who = rng.integers(1, CAMPAIGNS + 1, mails), rng.integers(1, customers + 1, mails)
    sent = START + campaign * (DAYS - 10) * DAY // CAMPAIGNS
    opened, clicked = rng.random(mails) < 0.3, rng.random(mails) < 0.05
    visits = touchpoints - mails - int(opened.sum()) - int(clicked.sum())
    near = rng.integers(0, len(buyer), visits)
    parts = [
        (1, campaign, who, 1, sent, 0, np.zeros(mails, np.int64), words["email"]),
        (1, campaign[opened], who[opened], 3, sent[opened] + rng.integers(60, 2 * 86_400, int(opened.sum())) * 1000, 0,
         (rng.random(int(opened.sum())) < 0.3).astype(np.int64), words["email"]),
        (1, campaign[clicked], who[clicked], 4, sent[clicked] + rng.integers(60, 2 * 86_400, int(clicked.sum())) * 1000, 2,
         np.zeros(int(clicked.sum()), np.int64), words["email"]),
        (2, np.zeros(visits, np.int64), buyer[near], 9, ordered[near] - rng.integers(60, 20 * 86_400, visits) * 1000, 0,
         np.zeros(visits, np.int64), rng.choice([words["direct"], words["google"]], visits)),
    ]  # fmt: skip
    for connection, campaigns, people, action, when, link, machine, channel in parts:
        n = len(people)
        channels = channel if isinstance(channel, np.ndarray) else np.full(n, channel)
        store.db.executemany(
            "INSERT INTO touchpoints VALUES (?, ?, ?, ?, ?, ?, ?, '', NULL, ?, ?, ?)",
            _rows([connection] * n, campaigns, people, [action] * n, when, [link] * n, np.arange(n), machine, channels,
                  [words["activity"]] * n),
        )  # fmt: skip
    store.db.execute(
        "INSERT INTO touch_months SELECT DISTINCT CAST(strftime('%Y', happened_at / 1000, 'unixepoch') AS INTEGER) * 12"
        " + CAST(strftime('%m', happened_at / 1000, 'unixepoch') AS INTEGER) - 1, connection, campaign_key FROM touchpoints"
    )


def _sessions(store: Store, rng: np.random.Generator, customers: int, count: int = 60_000) -> None:
    _put(
        store,
        "sessions",
        "connection, session, key_id, started_at, source, medium, device, pages, seconds, is_bounced, is_converted",
        _rows([3] * count, [f"{n:08x}" for n in range(count)], rng.integers(1, customers + 1, count),
              START + rng.integers(0, DAYS * DAY, count), rng.choice(["google", "newsletter"], count).tolist(),
              rng.choice(["organic", "email"], count).tolist(), rng.choice(["mobile", "desktop"], count).tolist(),
              rng.integers(1, 9, count), rng.exponential(90, count), rng.integers(0, 2, count),
              (rng.random(count) < 0.03).astype(np.int64)),
    )  # fmt: skip


def _rest(store: Store) -> None:
    _put(
        store,
        "costs",
        "connection, entry, happened_at, category, amount_minor, currency, scope, amortise_months",
        ((3, f"{n}", START + n * 30 * DAY, "tool", 11_900, "EUR", "", 0) for n in range(24)),
    )
    for connection, stream in ((1, "email_activity"), (1, "members"), (2, "orders")):
        _put(
            store,
            "coverage",
            "connection, stream, partition, from_at, to_at, state, reason, observed_at",
            [(connection, stream, "", START, NOW, "complete", "", NOW)],
        )


_PARTS = """
SELECT 'touchpoints', month FROM touch_months GROUP BY month
UNION ALL
SELECT DISTINCT 'order_ledger', CAST(strftime('%Y', happened_at / 1000, 'unixepoch') AS INTEGER) * 12
  + CAST(strftime('%m', happened_at / 1000, 'unixepoch') AS INTEGER) - 1 FROM order_ledger
UNION ALL
SELECT name, -1 FROM pragma_table_list WHERE schema = 'main' AND name IN (
  'connections', 'words', 'person_keys', 'person_of', 'contacts', 'consents', 'attributes', 'stages', 'assignments',
  'campaign_keys', 'campaign_of', 'campaign_levels', 'campaigns', 'campaign_links', 'order_keys', 'order_of', 'orders',
  'order_lines', 'products', 'sessions', 'costs', 'coverage')
"""

if __name__ == "__main__":
    print(build(Path(sys.argv[1]), *map(int, sys.argv[2:])))
