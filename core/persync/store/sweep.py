"""What is gone: things that a platform deleted, or that a complete listing of it no longer names.

Facts about a thing that is gone stay: that it was there is as true as before. It gets a row in `deletions`, dated when the
platform says so and else when a pull first missed it, and a mark in its own table. Who is gone from a segment has left it:
a membership ends when a pull first misses it.
"""

from __future__ import annotations

import sqlite3

import orjson

from persync.rows import Deletion

_COMPLETE = ""
"""the key that marks a partition as listed to its end: nothing has an empty id"""

_KNOWN = {
    "contact": "SELECT k.key FROM contacts t JOIN person_keys k ON k.key_id = t.key_id AND k.kind = 'id'"
    " AND k.connection = t.connection WHERE t.connection = :connection AND coalesce(t.is_deleted, 0) = 0",
    "campaign": "SELECT k.key FROM campaigns t JOIN campaign_keys k ON k.campaign_key = t.campaign_key AND k.kind = 'id'"
    " WHERE t.connection = :connection AND t.status IS NOT 'deleted'",
    "order": "SELECT k.vendor_order_id FROM orders t JOIN order_keys k ON k.order_key = t.order_key"
    " WHERE t.connection = :connection AND t.status IS NOT 'deleted'",
    "cart": "SELECT t.cart FROM carts t WHERE t.connection = :connection",
    "company": "SELECT t.company FROM companies t WHERE t.connection = :connection",
    "product": "SELECT t.product FROM products t WHERE t.connection = :connection",
    "ticket": "SELECT t.ticket FROM tickets t WHERE t.connection = :connection",
}

_MARKS = {
    "contact": (
        "contacts",
        "UPDATE contacts SET is_deleted = :gone WHERE connection = :connection AND coalesce(is_deleted, 0) != :gone"
        " AND key_id = (SELECT k.key_id FROM person_keys k"
        " WHERE k.kind = 'id' AND k.connection = :connection AND k.key = :key)",
    ),
    # What it was before it was gone is not known any longer: a later change of it says it again.
    "campaign": (
        "campaigns",
        "UPDATE campaigns SET status = iif(:gone, 'deleted', NULL) WHERE (status IS NOT 'deleted') = :gone AND campaign_key ="
        " (SELECT k.campaign_key FROM campaign_keys k WHERE k.kind = 'id' AND k.connection = :connection AND k.key = :key)",
    ),
    "order": (
        "orders",
        "UPDATE orders SET status = iif(:gone, 'deleted', NULL) WHERE (status IS NOT 'deleted') = :gone AND order_key ="
        " (SELECT k.order_key FROM order_keys k WHERE k.connection = :connection AND k.vendor_order_id = :key)",
    ),
}


def delete(db: sqlite3.Connection, connection: int, row: Deletion, *, now: int) -> set[str]:
    """Note that a thing is gone and mark it; return the tables that changed."""
    before = db.total_changes
    db.execute(
        "INSERT INTO deletions VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET deleted_at = excluded.deleted_at"
        " WHERE deletions.deleted_at IS NULL AND excluded.deleted_at IS NOT NULL",
        (connection, row.thing, row.vendor_id, row.deleted_at, now),
    )
    changed = {"deletions"} if db.total_changes != before else set()
    return changed | _mark(db, connection, row.thing, row.vendor_id, gone=True)


def _mark(db: sqlite3.Connection, connection: int, thing: str, key: str, *, gone: bool) -> set[str]:
    if thing not in _MARKS:
        return set()
    table, text = _MARKS[thing]
    cursor = db.execute(text, {"connection": connection, "key": key, "gone": int(gone)})
    return {table} if cursor.rowcount else set()


def begin(db: sqlite3.Connection, connection: int, stream: str, partition: str) -> None:
    """Forget what an earlier pass over a partition named; call in the transaction of its first page."""
    for table in ("present", "parked"):
        db.execute(
            f"DELETE FROM {table} WHERE connection = ? AND stream = ? AND partition = ?", (connection, stream, partition)
        )


def listed(db: sqlite3.Connection, connection: int, stream: str, partition: str, *, total: int | None) -> None:
    """Note that a pass over a partition is complete, unless it named fewer things than the vendor's own `total`.

    Nor is one whose records were rejected: what they would have named is there.
    """
    place = (connection, stream, partition)
    if db.execute("SELECT 1 FROM rejects WHERE connection = ? AND stream = ? AND partition = ?", place).fetchone():
        return
    found: int = db.execute(
        "SELECT count(*) FROM present WHERE connection = ? AND stream = ? AND partition = ?", place
    ).fetchone()[0]
    if total is None or found >= total:
        db.execute("INSERT OR IGNORE INTO present VALUES (?, ?, ?, ?)", (*place, _COMPLETE))


def leave(db: sqlite3.Connection, connection: int, stream: str, segment: str, *, kinds: tuple[str, ...], now: int) -> list[str]:
    """End the memberships of a segment that its complete listing did not name; return a table for each row that changed.

    Call after `listed`, in the same transaction; the partition is the segment's id. Nothing ends when the listing is short.
    """
    place = {"connection": connection, "stream": stream, "segment": segment, "mark": _COMPLETE}
    names = "FROM present p WHERE p.connection = :connection AND p.stream = :stream AND p.partition = :segment"
    if db.execute(f"SELECT 1 {names} AND p.key = :mark", place).fetchone() is None:
        return []
    gone = db.execute(
        "UPDATE memberships SET left_at = :now WHERE left_at IS NULL AND segment_id IN (SELECT s.segment_id FROM segments s"
        " WHERE s.connection = :connection AND s.vendor_id = :segment AND s.kind IN (SELECT j.value FROM json_each(:kinds) j))"
        " AND key_id NOT IN (SELECT k.key_id FROM person_keys k WHERE k.kind = 'id' AND k.connection = :connection"
        f" AND k.key IN (SELECT p.key {names}))",
        {**place, "now": now, "kinds": orjson.dumps(kinds).decode()},
    )
    db.execute(f"DELETE {names.replace(' p ', ' AS p ')}", place)
    return ["memberships"] * gone.rowcount


def sweep(
    db: sqlite3.Connection,
    connection: int,
    stream: str,
    thing: str,
    *,
    only: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
    now: int,
) -> list[str]:
    """Compare a stream's complete listing with what the store knows of a thing; return a table for each row that changed.

    Call in the transaction that completes a partition. Nothing happens before the last partition of the stream is
    listed: what is missing here may be named there.
    """
    unread = db.execute(
        "SELECT 1 FROM checkpoints c WHERE c.connection = :connection AND c.stream = :stream AND NOT EXISTS (SELECT 1 FROM"
        " present p WHERE p.connection = c.connection AND p.stream = c.stream AND p.partition = c.partition AND p.key = :mark)",
        {"connection": connection, "stream": stream, "mark": _COMPLETE},
    ).fetchone()
    if unread is not None:
        return []
    text = _KNOWN[thing]
    if only:
        text += " AND t.kind IN (SELECT j.value FROM json_each(:only) j)"
    if without:
        text += " AND coalesce(t.kind, '') NOT IN (SELECT j.value FROM json_each(:without) j)"
    facts = {
        "connection": connection,
        "stream": stream,
        "thing": thing,
        "only": orjson.dumps(only).decode(),
        "without": orjson.dumps(without).decode(),
    }
    names = "SELECT p.key FROM present p WHERE p.connection = :connection AND p.stream = :stream"
    changed: list[str] = []
    back = db.execute(
        "SELECT d.vendor_id FROM deletions d WHERE d.connection = :connection AND d.thing = :thing"
        f" AND d.vendor_id IN ({names})",
        facts,
    ).fetchall()
    for (key,) in back:
        db.execute("DELETE FROM deletions WHERE connection = ? AND thing = ? AND vendor_id = ?", (connection, thing, key))
        changed += ["deletions", *_mark(db, connection, thing, key, gone=False)]
    for (key,) in db.execute(f"{text} EXCEPT {names}", facts).fetchall():
        changed += delete(db, connection, Deletion(thing, key), now=now)
    db.execute("DELETE FROM present WHERE connection = ? AND stream = ?", (connection, stream))
    return changed
