"""What is computed from facts: who is one person, which keys are one order, which campaign a key means, each level.

Facts carry the keys they came with and are never rewritten; these tables are replaced as a whole whenever identities
changed, so a merge costs nothing and can be undone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import chain

from persync.store.counts import note_counts
from persync.store.identity import natural_hash, people
from persync.store.levels import grade
from persync.store.many import insert
from persync.store.orders import all_orders
from persync.store.store import Store
from persync.store.write import mark_dirty

_SOURCES = {
    "person_of": ("person_keys", "links"),
    "campaign_of": ("campaign_keys", "campaign_aliases", "campaigns"),
    "campaign_levels": ("campaign_evidence", "campaigns"),
    "order_of": ("order_keys", "orders", "order_ledger", "connections"),
}


def derive(
    store: Store, *, aliases: Mapping[str, str] | None = None, force: bool = False, only: Collection[str] | None = None
) -> None:
    """Bring every derived table up to date with the facts it comes from, each in its own transaction.

    `aliases` maps other names of a shop to its own domain ([shops] aliases in persync.toml). A table whose sources did
    not change since last time is left alone; `only` names those to look at.
    """
    for table, step in _steps(aliases).items():
        if only is not None and table not in only:
            continue
        with store.transaction() as db:
            state = _state(db, table) + (repr(sorted((aliases or {}).items())) if table == "order_of" else "")
            known = db.execute("SELECT value FROM meta WHERE name = ?", (f"derived {table}",)).fetchone()
            if not force and known is not None and known[0] == state:
                continue
            step(db)
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"derived {table}", state))
    if only is None:
        with store.transaction() as db:
            note_counts(db)


def differing(store: Store, *, aliases: Mapping[str, str] | None = None) -> tuple[list[str], list[str]]:
    """Return the derived tables that are not what deriving them anew gives, and those whose facts changed since.

    They are derived into temporary tables of the same names, which SQLite finds first: the store is only read.
    """
    db = store.db
    wrong, behind = [], []
    db.execute("SAVEPOINT differing")  # whoever asks may be in the middle of reading one state of the store
    try:
        for table, step in _steps(aliases).items():
            known = db.execute("SELECT value FROM meta WHERE name = ?", (f"derived {table}",)).fetchone()
            if known is None or not known[0].startswith(_state(db, table)):
                behind.append(table)
                continue
            for name in (table, "dirty"):
                made = db.execute("SELECT sql FROM main.sqlite_master WHERE type = 'table' AND name = ?", (name,)).fetchone()[0]
                db.execute(made.replace("CREATE TABLE", "CREATE TEMP TABLE", 1))
            db.execute(f"INSERT INTO temp.{table} SELECT * FROM main.{table}")
            step(db)
            if db.execute("SELECT 1 FROM temp.dirty WHERE name = ?", (table,)).fetchone():
                wrong.append(table)
            for name in (table, "dirty"):
                db.execute(f"DROP TABLE temp.{name}")
    finally:
        db.execute("ROLLBACK TO differing")
        db.execute("RELEASE differing")
    return wrong, behind


def _steps(aliases: Mapping[str, str] | None) -> dict[str, Callable[[sqlite3.Connection], None]]:
    return {
        "person_of": _people,
        "campaign_of": _campaigns,
        "campaign_levels": _levels,
        "order_of": lambda db: _orders(db, aliases or {}),
    }


def _state(db: sqlite3.Connection, table: str) -> str:
    """Return the revisions of a derived table's sources as one text."""
    marks = ", ".join("?" * len(_SOURCES[table]))
    found = db.execute(f"SELECT name, sum(rev) FROM dirty WHERE name IN ({marks}) GROUP BY name ORDER BY name", _SOURCES[table])
    return repr(found.fetchall())


def _replace(db: sqlite3.Connection, table: str, key: str, rows: Iterable[tuple[object, ...]]) -> None:
    """Make a table hold exactly these rows, touching only those that differ."""
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    before = db.total_changes
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    db.execute(f"CREATE TEMP TABLE wanted AS SELECT * FROM {table} LIMIT 0")
    try:
        created = db.total_changes
        db.executemany(f"INSERT INTO wanted VALUES ({marks})", rows)
        inserted = db.total_changes - created
        db.execute(f"DELETE FROM {table} WHERE {key} NOT IN (SELECT {key} FROM wanted)")
        differs = " OR ".join(f"{table}.{name} IS NOT excluded.{name}" for name in columns if name != key)
        changes = ", ".join(f"{name} = excluded.{name}" for name in columns if name != key)
        db.execute(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM wanted WHERE true"
            f" ON CONFLICT ({key}) DO UPDATE SET {changes} WHERE {differs}"
        )
        if db.total_changes - before - inserted:
            mark_dirty(db, table)
    finally:
        db.execute("DROP TABLE wanted")


def _people(db: sqlite3.Connection) -> None:
    before = db.total_changes
    otherwise = (
        "ON CONFLICT DO UPDATE SET person = excluded.person, hash = excluded.hash"
        " WHERE person_of.person IS NOT excluded.person OR person_of.hash IS NOT excluded.hash"
    )
    keys = "FROM person_keys k LEFT JOIN connections n USING (connection)"
    if db.execute("SELECT 1 FROM links WHERE undone_at IS NULL LIMIT 1").fetchone():
        insert(db, "person_of", _linked(db, keys), otherwise)
    else:
        # Every key is a person: nothing need be held in memory, nor pass through it.
        db.create_function("natural_hash", 3, natural_hash, deterministic=True)
        db.execute(
            "INSERT INTO person_of SELECT k.key_id, k.key_id, natural_hash(k.kind, coalesce(n.name, ''), k.key)"
            f" {keys} WHERE true ORDER BY k.key_id {otherwise}"
        )
    db.execute("DELETE FROM person_of WHERE key_id NOT IN (SELECT k.key_id FROM person_keys k)")
    if db.total_changes != before:
        mark_dirty(db, "person_of")


def _linked(db: sqlite3.Connection, keys: str) -> Iterator[tuple[int, int, int]]:
    """Return (key_id, person, hash) of every key, as their links join them."""
    groups = sorted(db.execute(f"SELECT DISTINCT k.kind, coalesce(n.name, ''), k.connection {keys}"))
    # Group by group the index already has the keys in order: nothing is sorted.
    ordered = chain.from_iterable(
        db.execute("SELECT key_id FROM person_keys WHERE kind = ? AND connection = ? ORDER BY key", (kind, connection))
        for kind, _, connection in groups
    )
    numbered = db.execute(f"SELECT k.key_id, k.kind, coalesce(n.name, ''), k.key {keys} ORDER BY k.key_id")
    links = db.execute("SELECT key_a, key_b FROM links WHERE undone_at IS NULL")
    highest = db.execute("SELECT coalesce(max(key_id), 0) FROM person_keys").fetchone()[0]
    return people(ordered, numbered, links, highest)[0]


def _campaigns(db: sqlite3.Connection) -> None:
    own = {row[0] for row in db.execute("SELECT campaign_key FROM campaigns")}
    naturals = {
        key: natural
        for key, *natural in db.execute(
            "SELECT k.campaign_key, n.name, k.key FROM campaign_keys k LEFT JOIN connections n ON n.connection = k.connection"
        )
    }
    meaning = {key: key for key in own}
    for campaign, alias in db.execute("SELECT campaign_key, alias_key FROM campaign_aliases"):
        # Two campaigns that share an alias (one utm name used twice): the one whose own name sorts first has it.
        if campaign in own and (alias not in meaning or naturals[campaign] < naturals[meaning[alias]]):
            meaning[alias] = campaign
    _replace(db, "campaign_of", "campaign_key", meaning.items())


def _levels(db: sqlite3.Connection) -> None:
    evidence: dict[int, list[tuple[str, str, str]]] = {row[0]: [] for row in db.execute("SELECT campaign_key FROM campaigns")}
    for key, *item in db.execute("SELECT campaign_key, source, kind, detail FROM campaign_evidence"):
        evidence.setdefault(key, []).append((item[0], item[1], item[2]))
    _replace(db, "campaign_levels", "campaign_key", ((key, *grade(items)) for key, items in evidence.items()))


def _orders(db: sqlite3.Connection, aliases: Mapping[str, str]) -> None:
    def known() -> Iterator[tuple[object, ...]]:
        return db.execute(
            "SELECT k.order_key, n.name, n.connector, coalesce(n.shop, ''), k.vendor_order_id, k.shop, k.shop_order_id,"
            " k.shop_order_name, EXISTS (SELECT 1 FROM order_ledger l WHERE l.order_key = k.order_key)"
            " FROM order_keys k JOIN connections n ON n.connection = k.connection"
            " JOIN orders o ON o.order_key = k.order_key"
        )

    before = db.total_changes
    db.executemany(
        "INSERT INTO order_of VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET order_id = excluded.order_id,"
        " is_money_source = excluded.is_money_source WHERE order_of.order_id IS NOT excluded.order_id"
        " OR order_of.is_money_source IS NOT excluded.is_money_source",
        all_orders(known, aliases),
    )
    db.execute("DELETE FROM order_of WHERE order_key NOT IN (SELECT o.order_key FROM orders o)")
    if db.total_changes != before:
        mark_dirty(db, "order_of")
