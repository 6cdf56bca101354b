"""Sales taken back and standing again, claims that move: each turn is a row of its own, and the newest add up."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from persync.rows import CampaignRef, Claim, LedgerEntry, OrderRef, Row
from persync.store.store import Store, open_store
from persync.store.write import Writer

ORDER = OrderRef("9")
ENTRIES = "SELECT entry, happened_at, amount_minor FROM order_ledger WHERE entry != 'sale' ORDER BY happened_at, entry"
SUM = "SELECT sum(amount_minor) FROM order_ledger"
NEWEST = (
    "SELECT sum(c.orders), sum(c.amount_minor) FROM claims c WHERE c.number ="
    " (SELECT max(n.number) FROM claims n WHERE (n.campaign_key, n.order_key, n.model) ="
    " (c.campaign_key, c.order_key, c.model))"
)


def write(store: Store, rows: Iterable[Row], now: int = 1) -> int:
    writer = Writer(store, "m", "m", now=now)
    with store.transaction():
        return writer.write(rows)


def sale(amount: int = 500) -> LedgerEntry:
    return LedgerEntry(ORDER, "sale", "sale", "product", 1, amount, "EUR")


def undone(at: int, amount: int = 500) -> LedgerEntry:
    return LedgerEntry(ORDER, "undone", "refund", "product", at, -amount, "EUR")


def redone(at: int) -> LedgerEntry:
    return LedgerEntry(ORDER, "redone", "sale", "product", at, 0, "EUR")


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with open_store(tmp_path / "p.db", create=True) as opened:
        yield opened


def test_a_sale_that_was_never_taken_back_has_nothing_to_stand_again(store: Store) -> None:
    assert write(store, [sale(), redone(7)]) == write(store, [sale(), redone(7)]) + 2
    assert store.db.execute(ENTRIES).fetchall() == []


def test_each_turn_of_an_order_is_an_entry_with_the_day_it_was_first_seen_on(store: Store) -> None:
    """Taken back, standing again, taken back again; what is said again later, with another date, changes nothing."""
    for turn in (undone(10), redone(20), undone(15)):
        write(store, [sale(), turn])
        assert write(store, [sale(), turn._replace(happened_at=turn.happened_at + 500)]) == 0

    assert store.db.execute(ENTRIES).fetchall() == [("undone", 10, -500), ("redone", 20, 500), ("undone:2", 20, -500)]
    write(store, [sale(), redone(30)])
    assert store.db.execute(ENTRIES).fetchall()[-1] == ("redone:2", 30, 500)
    assert store.db.execute(SUM).fetchone() == (500,)


def test_a_total_that_is_corrected_while_a_sale_is_taken_back_is_taken_back_whole(store: Store) -> None:
    write(store, [sale(), undone(10)])
    write(store, [sale(), redone(20)])
    write(store, [sale(), undone(30)])
    write(store, [sale(700), undone(40, 700)])

    assert store.db.execute(ENTRIES).fetchall() == [("undone", 10, -500), ("redone", 20, 500), ("undone:2", 30, -700)]
    assert store.db.execute(SUM).fetchone() == (0,)


def test_two_turns_on_one_page_are_both_posted(store: Store) -> None:
    write(store, [sale(), undone(10), redone(20)])

    assert store.db.execute(ENTRIES).fetchall() == [("undone", 10, -500), ("redone", 20, 500)]


def test_whatever_the_turns_the_ledger_comes_to_what_was_said_last(store: Store) -> None:
    said = random.Random(7)
    for at in range(1, 40):
        amount, is_undone = said.choice((300, 500)), said.random() < 0.5
        write(store, [sale(amount), undone(at, amount) if is_undone else redone(at)])

        assert store.db.execute(SUM).fetchone() == (0 if is_undone else amount,)
    days = [day for _, day, _ in store.db.execute(ENTRIES)]
    assert days == sorted(days)
    assert len(days) > 5


def claim(campaign: str | None, amount: int = 900, order: str | None = "9", model: str = "last") -> Claim:
    ref = None if campaign is None else CampaignRef(("id", campaign))
    return Claim(ref, None if order is None else OrderRef(order), model, 1 if campaign else 0, amount if campaign else 0, "EUR")


def claims(store: Store) -> list[Any]:
    return store.db.execute(
        "SELECT k.key, c.number, c.orders, c.amount_minor, c.observed_at FROM claims c"
        " JOIN campaign_keys k USING (campaign_key) ORDER BY c.observed_at, c.orders, k.key"
    ).fetchall()


def test_a_claim_that_moves_to_another_campaign_is_closed_where_it_was(store: Store) -> None:
    for now, campaign in enumerate(("a", "b", "b", "a"), 1):
        write(store, [claim(campaign)], now)

    assert claims(store) == [
        ("a", 1, 1, 900, 1),
        ("a", 2, 0, 0, 2),
        ("b", 1, 1, 900, 2),
        ("b", 2, 0, 0, 4),
        ("a", 3, 1, 900, 4),
    ]
    assert store.db.execute(NEWEST).fetchone() == (1, 900)


def test_a_claim_that_is_dropped_is_closed_and_one_that_never_was_leaves_no_row(store: Store) -> None:
    assert write(store, [claim(None)], 1) == write(store, [claim(None)], 1) + 1 == 1  # the order's key alone
    write(store, [claim("a")], 2)
    changes = [write(store, [claim(None)], now) for now in (3, 4)]

    assert changes == [1, 0]
    assert claims(store) == [("a", 1, 1, 900, 2), ("a", 2, 0, 0, 3)]


def test_claims_of_other_orders_rules_and_connections_stay_as_they_are(store: Store) -> None:
    write(
        store, [claim("a"), claim("a", order="10"), claim("a", model="first"), claim("a", order=None), claim("c", order="11")]
    )
    other = Writer(store, "other", "m", now=1)
    with store.transaction():
        other.write([claim("a")])

    assert write(store, [claim("b"), claim("d", order="11"), claim("c", order="11")], 2) > 0

    closed = store.db.execute(
        "SELECT k.vendor_order_id, c.model, c.connection FROM claims c JOIN order_keys k USING (order_key) WHERE c.orders = 0"
    ).fetchall()
    assert closed == [("9", "last", 1)]


def test_the_mirror_is_told_of_a_claim_that_is_only_closed(store: Store) -> None:
    write(store, [claim("a")], 1)
    store.db.execute("DELETE FROM dirty")

    write(store, [claim(None)], 2)

    assert store.db.execute("SELECT name FROM dirty").fetchall() == [("claims",)]
