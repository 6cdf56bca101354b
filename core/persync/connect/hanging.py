"""What hangs on what a stream says: row functions know the account and the fields of its lists, which other streams bring.

Those that were read while a record of such a stream did not fit, or could not be read, are read again once it does.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import orjson

from persync.connect.stream import AccountFacts, Stream
from persync.store import checkpoints as points

__all__ = ["account_facts", "field_types", "follow", "forget", "hanging_on", "note"]


def account_facts(db: sqlite3.Connection, number: int) -> AccountFacts:
    """Return what the account stream of a connection stored."""
    row = db.execute(
        "SELECT account_id, currency, timezone, shop, covers_from FROM connections WHERE connection = ?", (number,)
    ).fetchone()
    return AccountFacts(*row)


def field_types(db: sqlite3.Connection, number: int) -> dict[str, dict[str, str]]:
    """Return {list: {field: type}} of a connection."""
    fields: dict[str, dict[str, str]] = {}
    for where, name, kind in db.execute("SELECT list, name, type FROM fields WHERE connection = ? ORDER BY 1, 2", (number,)):
        fields.setdefault(where, {})[name] = kind
    return fields


def hanging_on(streams: Iterable[Stream], name: str, *, below: bool = True) -> list[str]:
    """Return the streams that need this one and, with `below`, those that hang under them, in the order given."""
    streams = list(streams)
    found = {one.name for one in streams if name in one.needs}
    while below and (more := {one.name for one in streams if one.parent in found} - found):
        found |= more
    return [one.name for one in streams if one.name in found]


def note(db: sqlite3.Connection, number: int, stream: str, partition: str) -> None:
    """Note what is known before a part is read that did not fit or failed the last time, or is begun again, and how many of
    its records are rejected; call in its first page's transaction, before they are forgotten.

    An earlier note stays: it is older than what a pass that was broken off, or in which nothing more fitted, has brought.
    """
    known = orjson.dumps([*_known(db, number), _rejected(db, number, stream, partition)]).decode()
    db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (_name(number, stream, partition), known))


def follow(db: sqlite3.Connection, number: int, stream: str, partition: str) -> tuple[bool, bool]:
    """Tell whether the account, and the fields, are known otherwise than the note has it, which goes; call in the last page's
    transaction, before that completes the part.

    While as many records are rejected as before, and nothing else was missing, the note stays and nothing is told: what changed
    meanwhile changed as it does where all fits.
    """
    name = _name(number, stream, partition)
    row = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    if row is None:
        return False, False
    *before, rejected = orjson.loads(row[0])
    still = _rejected(db, number, stream, partition)
    if still >= rejected and not points.is_open(db, number, stream, partition):
        db.execute("UPDATE meta SET value = json_set(value, '$[2]', ?) WHERE name = ?", (still, name))
        return False, False
    forget(db, number, stream, partition)
    now = orjson.loads(orjson.dumps(_known(db, number)))
    return before[0] != now[0], before[1] != now[1]


def forget(db: sqlite3.Connection, number: int, stream: str, partition: str) -> None:
    """Forget the note of a part, as of one that there is no more."""
    db.execute("DELETE FROM meta WHERE name = ?", (_name(number, stream, partition),))


def _rejected(db: sqlite3.Connection, number: int, stream: str, partition: str) -> int:
    place = (number, stream, partition)
    found = db.execute("SELECT count(*) FROM rejects WHERE connection = ? AND stream = ? AND partition = ?", place)
    return int(found.fetchone()[0])


def _known(db: sqlite3.Connection, number: int) -> tuple[AccountFacts, dict[str, dict[str, str]]]:
    return account_facts(db, number), field_types(db, number)


def _name(number: int, stream: str, partition: str) -> str:
    return f"hanging {number} {stream} {partition}"
