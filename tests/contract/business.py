"""A made-up business written straight into a store's tables: everything that could make two engines disagree, by the thousand.

Refunds in part and in full, edits, orders of several currencies, ties in time, long journeys, machine opens, scanners, visits
that a click led to, several people on an order, people and campaigns of several keys, stages, consents, carts, and
amounts whose products with the weights pass 2^63. One seed gives one store.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from persync.rows import Action
from persync.store.months import month_of
from persync.store.store import open_store

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_700_006_400_000
"""a midnight in UTC"""
DAYS = 120
NOW = START + DAYS * DAY
CHANNELS = ("email", "direct", "organic_search", "paid_search", "social", "referral", "sms", "")
CURRENCIES = ("EUR", "EUR", "EUR", "USD", "JPY")
CONNECTIONS = ((1, "mail", "mailchimp"), (2, "shop", "shopify"), (3, "crm", "hubspot"))


def store(path: Path, seed: int = 5, orders: int = 3_000) -> Path:
    """Write a store and return its path."""
    open_store(path, create=True).close()
    chance = random.Random(seed)
    people, campaigns, links = orders, 40, 60
    db = sqlite3.connect(path)
    db.execute("DELETE FROM words")
    insert(db, "connections (connection, name, connector)", CONNECTIONS)
    # The same channels under other numbers in every store.
    insert(db, "words", [((number + seed) % len(CHANNELS) + 1, text) for number, text in enumerate(CHANNELS)])
    # One campaign in five is known by a second key.
    insert(db, "campaign_keys", [(key, 1 if key % 2 else 3, "id", f"c{key * 7919 % 1000:03d}") for key in range(1, campaigns)])
    insert(db, "campaign_of", [(key, key - 1) for key in range(5, campaigns, 5)])
    insert(db, "campaigns (campaign_key, connection, kind, title, sent_at)", list(_campaigns(campaigns)))
    insert(db, "campaign_levels", [(key, key % 5, "token") for key in range(1, campaigns) if key % 7])
    insert(db, "campaign_links", [(link, f"https://example.com/{link * 31 % 97}", link % 20 == 0) for link in range(1, links)])
    # One person in six has a second key.
    insert(db, "person_of", [(key, key - 1, key * 2_654_435_761 % 2**32) for key in range(6, people, 6)])
    insert(db, "person_of", [(key - 1, key - 1, (key - 1) * 2_654_435_761 % 2**32) for key in range(6, people, 6)])
    insert(db, "person_keys", [(key, 2, "id", f"p{key}") for key in range(1, people)])
    insert(db, "links (key_a, key_b, reason)", [(key - 1, key, "named together") for key in range(6, people, 6)])
    touches = {touch[:7]: touch for key in range(1, people) for touch in _touches(chance, key, campaigns, links)}
    insert(db, "touchpoints", list(touches.values()))
    insert(db, "touch_months", sorted({(month_of(touch[4]), touch[0], touch[1]) for touch in touches}))
    insert(db, "contacts (connection, key_id, created_at)", [(3, key, _moment(chance)) for key in range(1, people, 2)])
    stages = [(3, key, stage, _moment(chance)) for key in range(2, people, 3) for stage in ("lead", "opportunity", "customer")]
    insert(db, "stages (connection, key_id, stage, entered_at)", stages)
    consents = [
        (1, key, "email", 1, chance.choice(("subscribed", "unsubscribed")), _moment(chance)) for key in range(1, people, 2)
    ]
    insert(db, "consents (connection, key_id, channel, number, state, observed_at)", consents)
    changes = [
        (1, key, "email", _moment(chance), state) for key in range(1, people, 4) for state in ("subscribed", "unsubscribed")
    ]
    insert(db, "consent_changes", changes)
    carts = [(2, f"cart{key}", key, _moment(chance), None) for key in range(1, people, 4)]
    insert(db, "carts (connection, cart, key_id, created_at, completed_at)", carts)
    for number in range(1, orders + 1):
        _order(db, chance, number, people)
    db.commit()
    db.close()
    return path


def insert(db: sqlite3.Connection, table: str, rows: Any) -> None:
    """Insert rows into a table, or into those of its columns that stand in brackets after its name."""
    rows = list(rows)
    db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)


def _moment(chance: random.Random) -> int:
    return START + chance.randrange(DAYS * 24) * HOUR


def _campaigns(campaigns: int) -> Iterator[tuple[Any, ...]]:
    for key in range(1, campaigns):
        yield key, 1 if key % 2 else 3, "campaign", f"Mailing {key}", START + key * 2 * DAY


def _touches(chance: random.Random, key: int, campaigns: int, links: int) -> Iterator[tuple[Any, ...]]:
    """Yield what one person did; on the hour, so that many of them tie."""
    # One in two hundred cannot leave the shop alone.
    for ordinal in range(chance.choice((0, 1, 2, 3, 5, 8, 13)) if key % 200 else 300):
        at = START + chance.randrange(DAYS * 24) * HOUR
        action = chance.choice((Action.SEND, Action.OPEN, Action.CLICK, Action.CLICK, Action.VISIT, Action.VISIT))
        is_mail = action != Action.VISIT
        connection = chance.choice((1, 3)) if is_mail else 2
        campaign = chance.randrange(1, campaigns) if is_mail or chance.random() < 0.3 else 0
        channel = 1 if is_mail else chance.randrange(1, len(CHANNELS) + 1)
        machine = chance.choice((None, None, 0, 1)) if action in (Action.OPEN, Action.CLICK) else None
        link = chance.randrange(1, links) if action == Action.CLICK else 0
        touch = (
            connection,
            campaign,
            key,
            int(action),
            at,
            link,
            ordinal,
            chance.choice(("", "a", "b")),
            None,
            machine,
            channel,
            1,
        )
        yield touch
        if action == Action.CLICK and chance.random() < 0.2:
            # The shop saw the visit that the click led to, or a scanner followed every link of the message.
            yield (2, campaign, key, int(Action.VISIT), at + 60_000, 0, ordinal, "", None, None, channel, 1)
        if action == Action.CLICK and chance.random() < 0.05:
            for step in (1, 2, 3):
                yield (*touch[:4], at + step * 900, (link + step) % links, *touch[6:])


def _order(db: sqlite3.Connection, chance: random.Random, number: int, people: int) -> None:
    key = number * 3
    at = START + chance.randrange(DAYS * 24) * HOUR
    currency = chance.choice(CURRENCIES)
    person = None if chance.random() < 0.05 else chance.randrange(1, people)
    if number % 40 == 0:
        person = number // 40 % (people // 200) * 200 + 200  # somebody with a long journey
    status = chance.choices(("paid", "cancelled", "refunded", "deleted", None), (90, 3, 3, 1, 3))[0]
    insert(db, "order_keys", [(key, 2, str(number), "shop", str(number), f"#{number}")])
    insert(db, "order_of", [(key, key, 1)])
    columns = "orders (order_key, connection, kind, key_id, ordered_at, status, is_test, currency, total_minor)"
    is_test = int(chance.random() < 0.02)
    amount = chance.choice((100, 1_999, 10_000, chance.randrange(1, 10**6)))
    if number % 100 == 0:
        amount = 9 * 10**12 + number  # times the weights: far beyond 64 bits
    insert(db, columns, [(key, 2, "order", person, at, status, is_test, currency, amount)])
    if chance.random() < 0.1:
        insert(db, "order_people", [(key, chance.randrange(1, people))])
    if chance.random() < 0.1:
        # The same sale as another system saw it.
        insert(db, "order_keys", [(key + 1, 3, f"d{number}", "shop", str(number), f"#{number}")])
        insert(db, "order_of", [(key + 1, key, 0)])
        insert(db, columns, [(key + 1, 3, "deal", chance.randrange(1, people), at, "won", 0, currency, amount)])
    ledger = [("1", "sale", "product", at, amount), ("1", "sale", "tax", at, amount // 5), ("1", "sale", "shipping", at, 499)]
    for entry in range(2, 2 + chance.choice((0, 0, 0, 1, 2, 3))):
        event = chance.choice(("edit", "refund", "refund", "return"))
        moved = -chance.randrange(0, amount + 1) if event != "edit" else chance.randrange(-amount, amount + 1)
        # Some fall into one moment with the sale: their entry decides.
        ledger.append((str(entry), event, "product", at + chance.choice((0, 1, 30)) * DAY, moved))
    if chance.random() < 0.05:
        left = sum(minor for _, _, part, _, minor in ledger if part == "product")
        ledger.append(("9", "refund", "product", at + 40 * DAY, -left))
    # Some were paid in two currencies.
    second = "USD" if currency == "EUR" and chance.random() < 0.02 else currency
    insert(
        db,
        "order_ledger (order_key, entry, event, part, happened_at, amount_minor, currency)",
        [
            (key, entry, event, part, moment, minor, second if event == "edit" else currency)
            for entry, event, part, moment, minor in ledger
        ],
    )
