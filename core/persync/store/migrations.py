"""The steps that made the tables what they are; a store that is older is brought up by the steps it lacks."""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from persync.rows import Action
from persync.store.schema import DDL_1, DDL_2, DDL_3, DDL_4, DDL_5, DDL_6, DDL_7

migrations = Migrations("persync")


@migrations()
def m001_first(db: Database) -> None:
    """Create every table of the first release."""
    for statement in DDL_1.split(";"):
        if statement.strip():
            db.execute(statement)
    db.conn.executemany("INSERT INTO actions VALUES (?, ?)", [(action.value, action.name.lower()) for action in Action])


@migrations()
def m002_whole_vendors(db: Database) -> None:
    """Add what the connectors read besides campaigns, people and orders, and where full listings are compared."""
    for statement in DDL_2.split(";"):
        if statement.strip():
            db.execute(statement)


@migrations()
def m003_erasure(db: Database) -> None:
    """Add the anonymous counts that erased people leave."""
    for statement in DDL_3.split(";"):
        if statement.strip():
            db.execute(statement)


@migrations()
def m004_touch_months(db: Database) -> None:
    """Note which campaigns have touches in which month."""
    db.execute(DDL_4.strip().rstrip(";"))
    month = "strftime('%Y', t.happened_at / 1000.0, 'unixepoch') * 12 + strftime('%m', t.happened_at / 1000.0, 'unixepoch') - 1"
    db.execute(f"INSERT INTO touch_months SELECT DISTINCT {month}, t.connection, t.campaign_key FROM touchpoints t")


@migrations()
def m005_own_files(db: Database) -> None:
    """Add what the user's own files tell besides: visits, posts, hours, advertising, what people spend elsewhere."""
    for statement in DDL_5.split(";"):
        if statement.strip():
            db.execute(statement)


@migrations()
def m006_opened_deals(db: Database) -> None:
    """Add when a deal was opened; `persync pull --full` fills it in for deals that were read before."""
    db.execute(DDL_6.strip().rstrip(";"))


@migrations()
def m007_file_lines(db: Database) -> None:
    """Note which file said which line of money, and name those lines by all that is told in them.

    Which file said an older line is not known, so every file is read once more.
    """
    db.execute(DDL_7.strip().rstrip(";"))
    for source, owner, home, place, told, named in _LINES:
        start = " || '|' || ".join(f"coalesce({name}, '')" for name in place) + " || '|'"
        cells, tail = ", ".join((owner, *place, *told)), " || '/' || ".join(told)
        renamed = (
            f"SELECT {owner} AS owner, entry AS old, {start} || {tail} || '/'"
            f" || (ROW_NUMBER() OVER (PARTITION BY {cells} ORDER BY entry) - 1) AS new FROM {source}"
            f" WHERE {owner} IN ({home})"
            f" AND substr(entry, 1, length({start})) = {start} AND substr(entry, length({start}) + 1) NOT GLOB '*[^0-9]*'"
        )
        for table, column in named:
            db.execute(
                f"UPDATE {table} SET {column} = n.new FROM ({renamed}) AS n"
                f" WHERE n.owner = {table}.{owner} AND n.old = {table}.{column}"
            )
    db.execute("UPDATE imported_files SET digest = ''")


_FILES = "SELECT connection FROM connections WHERE connector = 'files'"
_LINES: tuple[tuple[str, str, str, tuple[str, ...], tuple[str, ...], tuple[tuple[str, str], ...]], ...] = (
    (
        "costs",
        "connection",
        _FILES,
        ("happened_at", "category", "currency", "scope"),
        ("amount_minor", "amortise_months"),
        (("costs", "entry"),),
    ),
    (
        "ad_spend",
        "connection",
        _FILES,
        ("happened_at", "channel", "campaign", "purpose", "currency"),
        ("amount_minor",),
        (("ad_spend", "entry"),),
    ),
    (
        "order_ledger",
        "order_key",
        f"SELECT order_key FROM order_keys WHERE connection IN ({_FILES})",
        ("happened_at",),
        ("iif(amount_minor < 0, amount_minor, '+')",),
        (("order_discounts", "discount"), ("order_ledger", "entry")),
    ),
)
"""(table, column that says whose a line is, those that are of files, cells of an entry's place, cells that follow it, where
the entry stands)"""
