"""A platform's claim on an order, when it moves to another campaign or is dropped: where it was, it ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import orjson

__all__ = ["close_moved"]


def close_moved(db: sqlite3.Connection, connection: int, told: Iterable[tuple[int, int, str]], *, now: int) -> int:
    """Close the claims on orders that are made for another campaign now; return how many.

    `told` are (campaign, order, model) as the platform claims them now, campaign 0 for an order that it claims for none. A
    closing snapshot claims no order and no money, so that the newest snapshots of all claims add up to what is claimed.
    """
    claimed: dict[tuple[int, str], set[int]] = {}
    for campaign, order, model in told:
        claimed.setdefault((order, model), set()).add(campaign)
    newest = db.execute(
        "SELECT campaign_key, order_key, model, max(number), from_at, to_at, orders, amount_minor, currency FROM claims"
        " WHERE connection = ? AND order_key IN (SELECT j.value FROM json_each(?) j) GROUP BY 1, 2, 3",
        (connection, orjson.dumps(sorted({order for order, _ in claimed})).decode()),
    ).fetchall()
    ended = [
        (connection, campaign, order, model, number + 1, from_at, to_at, 0, 0, currency, now)
        for campaign, order, model, number, from_at, to_at, orders, amount, currency in newest
        if (orders or amount) and campaign not in claimed.get((order, model), {campaign})
    ]
    db.executemany(
        "INSERT INTO claims (connection, campaign_key, order_key, model, number, from_at, to_at, orders, amount_minor,"
        " currency, observed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ended,
    )
    return len(ended)
