"""A sale that is taken back whole, and perhaps stands again: each turn is an entry of its own in the ledger, none is rewritten.

Platforms that keep a state and no history say only what is true now: `undone` is the amount by which an order's sale is taken
back, `redone` that nothing is (any longer). What is posted is the difference to what was posted before, so that the ledger's
sum is what the platform says now, and every turn keeps the date on which it was first seen.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import orjson

from persync.rows import LedgerEntry

__all__ = ["REVERSALS", "turns"]

UNDONE, REDONE = "undone", "redone"
REVERSALS = frozenset({UNDONE, REDONE})


def turns(db: sqlite3.Connection, batch: Sequence[LedgerEntry], orders: Sequence[int]) -> list[LedgerEntry]:
    """Return what is to be posted for entries called `undone` or `redone`; `orders` are their orders' keys in the store.

    A turn that the ledger has already is corrected in place, with its first date; another one gets a number behind its name.
    """
    posted = _posted(db, orders)
    found = []
    for row, order in zip(batch, orders, strict=True):
        history = posted.setdefault((order, row.part), [])
        if not history and row.entry == REDONE:
            continue
        wanted = row.amount_minor if row.entry == UNDONE else 0
        if history and history[-1][0] == row.entry:
            kind, at, amount = history.pop()
            amount = wanted - sum(each for _, _, each in history)
        else:
            kind, amount = row.entry, wanted - sum(each for _, _, each in history)
            at = max(row.happened_at, history[-1][1]) if history else row.happened_at
            if history and not amount:
                continue
        number = sum(each == kind for each, _, _ in history) + 1
        history.append((kind, at, amount))
        name = kind if number == 1 else f"{kind}:{number}"
        found.append(row._replace(entry=name, happened_at=at, amount_minor=amount))
    return found


def _posted(db: sqlite3.Connection, orders: Sequence[int]) -> dict[tuple[int, str], list[tuple[str, int, int]]]:
    """Return {(order, part): [(kind, happened_at, amount), ...]} in the order of the turns: undone, redone, undone:2, ..."""
    rows = db.execute(
        "SELECT l.order_key, l.part, l.entry, l.happened_at, l.amount_minor FROM json_each(?) j CROSS JOIN order_ledger l"
        " ON l.order_key = j.value AND (l.entry IN (?, ?) OR l.entry GLOB ? OR l.entry GLOB ?)",
        (orjson.dumps(sorted(set(orders))).decode(), UNDONE, REDONE, f"{UNDONE}:*", f"{REDONE}:*"),
    )
    found: dict[tuple[int, str], list[tuple[int, int, str, int, int]]] = {}
    for order, part, entry, at, amount in rows:
        kind, _, number = entry.partition(":")
        found.setdefault((order, part), []).append((int(number or 1), kind == REDONE, kind, at, amount))
    return {place: [(kind, at, amount) for _, _, kind, at, amount in sorted(turns)] for place, turns in found.items()}
