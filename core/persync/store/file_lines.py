"""Which file of the user's said which line of money, so that a changed file can take back what it said before.

Two files that say the same line mean one thing, as overlapping exports do; a line goes when the last file that said it says
something else in its place. A place is all of an entry before its last `|`: a day and a category of costs, an order and a
moment of its ledger. Places that a file does not name any longer stay: an export of the last month takes back no earlier one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from persync import rows
from persync.store.months import month_of
from persync.store.store import Store

__all__ = ["Line", "lines_of", "note_lines"]

Line = tuple[str, str]
"""(table, entry); an order's entry begins with its `order_key`"""
_ENTRY: Final = {"costs": "entry", "ad_spend": "entry", "order_ledger": "entry", "order_discounts": "discount"}
_OF_CONNECTION: Final[dict[type[Any], str]] = {rows.Cost: "costs", rows.AdSpend: "ad_spend"}


def lines_of(given: Iterable[Any], order_keys: dict[rows.OrderRef, int]) -> Iterator[Line]:
    """Yield what a file's rows say of money. `order_keys` are the numbers of its orders."""
    for row in given:
        if (table := _OF_CONNECTION.get(type(row))) is not None:
            yield table, row.entry
        elif isinstance(row, rows.LedgerEntry):
            yield "order_ledger", f"{order_keys[row.order]}|{row.entry}"
        elif isinstance(row, rows.OrderDiscount):
            yield "order_discounts", f"{order_keys[row.order]}|{row.discount}"


def note_lines(store: Store, connection: int, path: str, said: set[Line]) -> tuple[int, set[tuple[str, int]]]:
    """Note what a file says now, and remove what it alone said before in the same places.

    Call in the transaction that wrote its rows. Returns how many rows went, and (table, month) of where they stood, month -1
    for a table kept whole.
    """
    db, file = store.db, (connection, path)
    before: set[Line] = set(db.execute("SELECT kind, entry FROM file_lines WHERE connection = ? AND path = ?", file))
    places = {_place(entry) for _, entry in said}
    over = sorted(line for line in before - said if _place(line[1]) in places)
    db.executemany(
        "DELETE FROM file_lines WHERE connection = ? AND path = ? AND kind = ? AND entry = ?", [(*file, *line) for line in over]
    )
    db.executemany("INSERT INTO file_lines VALUES (?, ?, ?, ?)", [(connection, *line, path) for line in sorted(said - before)])
    gone, marks = 0, set()
    for table, entry in over:
        if db.execute(
            "SELECT 1 FROM file_lines WHERE connection = ? AND kind = ? AND entry = ?", (connection, table, entry)
        ).fetchone():
            continue
        owner, key, own = "connection", connection, entry
        if table.startswith("order_"):
            order, _, own = entry.partition("|")
            owner, key = "order_key", int(order)
        gone += db.execute(f"DELETE FROM {table} WHERE {owner} = ? AND {_ENTRY[table]} = ?", (key, own)).rowcount
        marks.add((table, month_of(int(own.partition("|")[0])) if table == "order_ledger" else -1))
    return gone, marks


def _place(entry: str) -> str:
    return entry.rpartition("|")[0]
