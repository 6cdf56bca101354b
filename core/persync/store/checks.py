"""What must hold inside the store, checked by queries over whole tables: references, coverage, erased people, money, counts.

Each check yields what is wrong, one finding a place; none of them writes anything.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from persync.store.gone import connection_names, tombstone
from persync.store.log import LOG_BROKEN, problems_of_log
from persync.store.store import Store

_REFERENCES: Final = {
    "connection": ("connections", "connection"),
    "key_id": ("person_keys", "key_id"),
    "key_a": ("person_keys", "key_id"),
    "key_b": ("person_keys", "key_id"),
    "campaign_key": ("campaign_keys", "campaign_key"),
    "alias_key": ("campaign_keys", "campaign_key"),
    "order_key": ("order_keys", "order_key"),
    "segment_id": ("segments", "segment_id"),
    "link_id": ("campaign_links", "link_id"),
    "channel": ("words", "word"),
    "source": ("words", "word"),
    "action": ("actions", "action"),
}
"""columns that hold another table's number; 0 and null stand for none"""
_WORDS: Final = ("channel", "source")
"""numbers in `touchpoints` alone, elsewhere texts"""
_EXPLAINED: Final = ("scope", "tier", "role", "gone")
"""why a part may be missing without anything being wrong: what the account or its key does not show"""
_LESS: Final = 0.05
"""so much of a campaign's activity may be that of people whom the vendor has deleted since, or of the last days"""
_COUNTED: Final = (
    ("sends", 1),
    ("opens", 3),
    ("clicks", 4),
    ("bounces", 5),
    ("unsubscriptions", 6),
    ("complaints", 7),
)
"""what vendors count, and the number of the action behind it"""
PULL: Final = "Run `persync pull {0}`."
RESTORE: Final = "Restore a backup, or pull the connections anew into another store."


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that is not as it should be: which check, where, what, and what to do. A note is no failure."""

    check: str
    where: str
    what: str
    fix: str
    is_note: bool = False


def integrity(store: Store) -> Iterator[Found]:
    """Yield what SQLite's own checks find."""
    for line in store.integrity()[:20]:
        yield Found("integrity", store.path.name, " ".join(line.split()), RESTORE)


def log(store: Store) -> Iterator[Found]:
    """Yield where the log's chain breaks, and runs that differ from what the log says of them."""
    for where, what in problems_of_log(store.db):
        yield Found("log", where, what, LOG_BROKEN)


def key(store: Store) -> Iterator[Found]:
    """Yield that an erasure has not overwritten everything yet."""
    if store.db.execute("SELECT 1 FROM meta WHERE name = 'erasure unfinished'").fetchone():
        what = "an erasure has not overwritten the file yet: it may hold bytes of erased rows"
        yield Found(
            "erasure", store.path.name, what, "Close other programs that have the store open, then run `persync report`."
        )


def references(store: Store) -> Iterator[Found]:
    """Yield the tables with rows that name something which is not there.

    Numbers are given from 1 on, so that one that is not there lies beyond the highest, or in one of the few gaps that
    erasures leave: both are looked for in one pass over a table, without a look-up a row.
    """
    db = store.db
    tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    lost = {home: _lost(db, *home) for home in dict.fromkeys(_REFERENCES.values())}
    try:
        for table in tables:
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            mine = [
                name
                for name in columns
                if name in _REFERENCES and _REFERENCES[name] != (table, name) and (name not in _WORDS or table == "touchpoints")
            ]
            tests = [f"({lost[_REFERENCES[name]].format(f't.{name}')})" for name in mine]
            if not mine or not db.execute(f"SELECT 1 FROM {table} t WHERE {' OR '.join(tests)} LIMIT 1").fetchone():
                continue
            counts = db.execute(f"SELECT {', '.join(f'sum{test}' for test in tests)} FROM {table} t").fetchone()
            for name, count in zip(mine, counts, strict=True):
                if count:
                    what = f"{count:,} rows whose {name} is not in {_REFERENCES[name][0]}"
                    yield Found("references", table, what, RESTORE)
    finally:
        for home, _ in lost:
            db.execute(f"DROP TABLE IF EXISTS temp.gaps_{home}")
    homeless = db.execute(
        "SELECT count(*) FROM person_of p WHERE NOT EXISTS (SELECT 1 FROM person_keys k WHERE k.key_id = p.person)"
    ).fetchone()[0]
    if homeless:
        yield Found("references", "person_of", f"{homeless:,} rows whose person is not in person_keys", RESTORE)


def _lost(db: sqlite3.Connection, home: str, number: str) -> str:
    """Return the SQL by which a number `{}` that a table does not have is known; 0 stands for none."""
    count, highest = db.execute(f"SELECT count(*), coalesce(max({number}), 0) FROM {home}").fetchone()
    beyond = f"{{0}} NOT BETWEEN 0 AND {highest}"
    if count == highest:
        return beyond
    db.execute(f"CREATE TEMP TABLE gaps_{home} (n INTEGER PRIMARY KEY)")
    db.execute(
        f"WITH RECURSIVE steps AS (SELECT {number} AS n, lag({number}, 1, 0) OVER (ORDER BY {number}) AS before FROM {home}),"
        " gaps AS (SELECT before + 1 AS n, n AS until FROM steps WHERE n > before + 1"
        " UNION ALL SELECT n + 1, until FROM gaps WHERE n + 1 < until)"
        f" INSERT INTO gaps_{home} SELECT n FROM gaps"
    )
    return f"{beyond} OR {{0}} IN (SELECT g.n FROM temp.gaps_{home} g)"


def coverage(store: Store) -> Iterator[Found]:
    """Yield what was not read to its end: parts that failed, and passes that were cut off."""
    for name, stream, state, reason, parts in store.db.execute(
        "SELECT n.name, c.stream, c.state, c.reason, count(*) FROM coverage c JOIN connections n USING (connection)"
        " WHERE c.state <> 'complete' OR c.reason <> '' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
    ):
        many = f" ({parts:,} parts)" if parts > 1 else ""
        if state == "complete":
            yield Found("coverage", f"{name} {stream}", f"{reason}{many}", PULL.format(f"{name} --full"), is_note=True)
        elif state == "removed":
            yield Found("coverage", f"{name} {stream}", reason, "Nothing: you asked for it.", is_note=True)
        else:
            explained = reason.split(":")[0] in _EXPLAINED
            yield Found("coverage", f"{name} {stream}", f"hole: {reason}{many}", PULL.format(name), is_note=explained)
    for name, stream, parts in store.db.execute(
        "SELECT n.name, p.stream, count(*) FROM checkpoints p JOIN connections n USING (connection)"
        " WHERE p.token IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"
    ):
        yield Found("coverage", f"{name} {stream}", f"a pull was cut off in {parts:,} of its parts", PULL.format(name))
    for name, stream, count in store.db.execute(
        "SELECT n.name, r.stream, count(*) FROM rejects r JOIN connections n USING (connection) GROUP BY 1, 2 ORDER BY 1, 2"
    ):
        what = f"{count:,} records were rejected"
        yield Found("coverage", f"{name} {stream}", what, PULL.format(f"{name} --rejects"), is_note=True)


def uncovered(store: Store, is_periodic: Callable[[str, str], bool]) -> Iterator[Found]:
    """Yield the streams with parts that were read to their end, of which coverage knows nothing or less.

    `is_periodic` tells of (connector, stream) whether it is read every so many days: its mark may only say since when these
    are counted.
    """
    for name, connector, stream, parts in store.db.execute(
        "SELECT n.name, n.connector, p.stream, count(*) FROM checkpoints p JOIN connections n USING (connection)"
        " LEFT JOIN coverage c ON c.connection = p.connection AND c.stream = p.stream AND c.partition = p.partition"
        " WHERE p.token IS NULL AND p.watermark IS NOT NULL"
        " AND (c.partition IS NULL OR (c.state = 'complete' AND c.to_at < p.watermark)) GROUP BY 1, 2, 3 ORDER BY 1, 3"
    ):
        if not is_periodic(connector, stream):
            what = f"coverage lacks what was read of {parts:,} of its parts"
            yield Found("coverage", f"{name} {stream}", what, PULL.format(f"{name} --full"))


def counters(store: Store) -> Iterator[Found]:
    """Yield campaigns of which fewer events are stored than the vendor had counted at the pull.

    More is no fault: a vendor stops counting people it has deleted. What erasure and retention took is added again.
    """
    events, gone, explained = _events(store.db), _gone(store.db), _walls(store.db)
    for connection, name, kind, campaign_key, campaign, sent_at, *vendor in store.db.execute(
        "SELECT g.connection, n.name, g.kind, g.campaign_key, k.key, g.sent_at, x.sent,"
        # Where a vendor counts people alone, there must be an event for each of them.
        " iif(g.counts_opens = 0, NULL, coalesce(x.opens, x.unique_opens)),"
        " iif(g.counts_clicks = 0, NULL, coalesce(x.clicks, x.unique_clicks)),"
        " coalesce(x.hard_bounces, 0) + coalesce(x.soft_bounces, 0),"
        " x.unsubscribes, x.complaints FROM campaign_counters x JOIN campaigns g ON g.campaign_key = x.campaign_key"
        " JOIN campaign_keys k ON k.campaign_key = g.campaign_key JOIN connections n ON n.connection = g.connection"
        " WHERE x.variant = '' AND x.number = (SELECT max(l.number) FROM campaign_counters l"
        " WHERE l.campaign_key = x.campaign_key AND l.variant = '') ORDER BY n.name, k.key"
    ):
        has_hole, from_at = explained.get(connection, (0, 0))
        stored = events.get(campaign_key, (0,) * len(_COUNTED))
        for (what, action), counted, mine in zip(_COUNTED, vendor, stored, strict=True):
            held = mine + gone.get((campaign_key, action), 0)
            if counted is None or held + max(1.0, _LESS * counted) >= counted:
                continue
            if what == "sends" and not mine and (kind or "").startswith("auto"):
                continue  # nobody tells when an automation mailed a person
            text = f"{campaign}: {held:,} {what} are stored, the vendor counted {counted:,}"
            note = bool(has_hole) or (sent_at or 0) < from_at
            yield Found("counts", name, text, PULL.format(f"{name} --full"), is_note=note)


def _events(db: sqlite3.Connection) -> dict[int, tuple[int, ...]]:
    """Return for each campaign how many events are stored of each of `_COUNTED`."""
    # In the order of the table's key, so that nothing is sorted.
    sums = ", ".join(f"sum(t.action = {action}) AS n{action}" for _, action in _COUNTED)
    found = db.execute(
        f"SELECT f.campaign_id, {', '.join(f'sum(s.n{action})' for _, action in _COUNTED)} FROM (SELECT t.campaign_key, {sums}"
        " FROM touchpoints t GROUP BY t.connection, t.campaign_key) s"
        " JOIN campaign_of f ON f.campaign_key = s.campaign_key GROUP BY 1"
    )
    return {campaign: tuple(numbers) for campaign, *numbers in found}


def _gone(db: sqlite3.Connection) -> dict[tuple[int, int], int]:
    """Return how many events of a campaign and action went with erased people."""
    found = db.execute(
        "SELECT f.campaign_id, e.action, sum(e.n) FROM erased_counts e JOIN campaign_of f ON f.campaign_key = e.campaign_key"
        " GROUP BY 1, 2"
    )
    return {(campaign, action): n for campaign, action, n in found}


def _walls(db: sqlite3.Connection) -> dict[int, tuple[int, int]]:
    """Return for each connection whether a hole is explained by what the account shows, and from when on it was read."""
    marks = ", ".join("?" * len(_EXPLAINED))
    found = db.execute(
        "SELECT c.connection, max(c.state = 'hole' AND substr(c.reason, 1, instr(c.reason || ':', ':') - 1)"
        f" IN ({marks})), max(c.from_at) FROM coverage c GROUP BY 1",
        _EXPLAINED,
    )
    return {connection: (has_hole, from_at) for connection, has_hole, from_at in found}


def balances(store: Store) -> Iterator[Found]:
    """Yield the connections with orders whose ledger does not add up to the total that the vendor gave, or is not there."""
    for name, count, order, total, held in store.db.execute(
        "SELECT n.name, count(*), k.vendor_order_id, o.total_minor, coalesce(s.amount, 0) FROM orders o"
        " LEFT JOIN (SELECT l.order_key, sum(l.amount_minor) AS amount, min(l.currency) AS least, max(l.currency) AS most"
        " FROM order_ledger l GROUP BY l.order_key) s ON s.order_key = o.order_key"
        " JOIN order_keys k ON k.order_key = o.order_key JOIN connections n ON n.connection = o.connection"
        # A deal that is open or lost has a total and is no sale.
        " WHERE o.status IS NOT 'deleted' AND (s.amount <> CASE WHEN o.kind = 'deal' AND o.status IS NOT 'won' THEN 0"
        " ELSE o.total_minor END OR s.least <> s.most OR s.least <> o.currency"
        " OR (s.order_key IS NULL AND o.kind = 'order' AND o.total_minor <> 0))"
        " GROUP BY n.name ORDER BY n.name"
    ):
        many = f"{count:,} orders whose ledger is not their total" if count > 1 else "an order whose ledger is not its total"
        what = f"{many}: {order} holds {held:,} of {total if total is not None else 0:,} minor units"
        yield Found("ledger", name, what, PULL.format(f"{name} --full"))


def erased(store: Store) -> Iterator[Found]:
    """Yield the tables in which a key of an erased person still stands."""
    db = store.db
    marks = {mark for (mark,) in db.execute("SELECT hash FROM tombstones")}
    if not marks:
        return
    fix = "Erase them again: `persync privacy erase --stdin`."
    names = connection_names(db)
    known: Mapping[str, str] = {
        "person_keys": "SELECT kind, connection, key FROM person_keys",
        "deletions": "SELECT 'id', connection, vendor_id FROM deletions WHERE thing = 'contact'",
        "orders": "SELECT 'order', k.connection, k.vendor_order_id FROM orders o JOIN order_keys k USING (order_key)"
        " WHERE o.key_id IS NOT NULL",
        "order_people": "SELECT DISTINCT 'order', k.connection, k.vendor_order_id FROM order_people p"
        " JOIN order_keys k USING (order_key)",
    }
    for table, query in known.items():
        count = sum(tombstone(store.key, kind, names[place], text) in marks for kind, place, text in db.execute(query))
        if count:
            yield Found("erasure", table, f"{count:,} rows name somebody who was erased", fix)


def unfinished_runs(store: Store) -> Iterator[Found]:
    """Yield the runs that began and never ended."""
    for run, command in store.db.execute("SELECT run, command FROM runs WHERE ended_at IS NULL ORDER BY run"):
        what = f"run {run} ({command}) was cut off, or is still under way"
        yield Found("runs", f"run {run}", what, "Nothing, if a later run of the same connection ended.", is_note=True)
