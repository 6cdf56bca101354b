"""Whether the mirror says what the store says, and the credit ledger kept beside it adds up."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

from persync.engine.mirror import mirror_folder, read_manifest
from persync.engine.parts import month_starts, month_text
from persync.store.schema import MONTHLY

_OF_LEDGER: Final = frozenset(
    (
        "order_id",
        "is_counted",
        "currency",
        "event_number",
        "event_at",
        "position",
        "connection",
        "campaign_key",
        "word",
        "touched_at",
        "is_turned",
        "reason",
    )
)


def mirror_problems(db: sqlite3.Connection, store_path: Path) -> tuple[list[tuple[str, str]], bool]:
    """Return (table, what is wrong) of the mirror's files, and whether some of them are older than the store.

    A file that is older is no fault: the next report writes it anew. One of the store's own revision must hold its rows.
    """
    folder = mirror_folder(store_path)
    if not folder.exists():
        return [], False
    manifest = read_manifest(folder)
    if manifest is None:
        return [], True
    dirty: dict[str, dict[int, int]] = {}
    for name, month, rev in db.execute("SELECT name, month, rev FROM dirty"):
        dirty.setdefault(name, {})[month] = rev
    wrong: list[tuple[str, str]] = []
    is_behind = False
    for name, table in manifest["tables"].items():
        parts = {int(month): part for month, part in table["parts"].items()}
        revs = dirty.get(name, {})
        fresh = {month for month, part in parts.items() if revs.get(month, 0) == part["rev"]}
        if fresh != set(parts) or set(revs) - set(parts):
            is_behind = True
        wrong += [(name, what) for month in sorted(fresh) for what in _file(folder, parts[month])]
        if fresh == set(parts) and not set(revs) - set(parts):
            wrong += [(name, what) for what in _rows(db, name, parts)]
    return wrong, is_behind


def _file(folder: Path, part: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with one file: it is gone, cut, or holds other rows than the manifest says."""
    from pyarrow import ArrowException
    from pyarrow.parquet import read_metadata

    if part["file"] is None:
        return
    try:
        rows = read_metadata(folder / part["file"]).num_rows
    except FileNotFoundError:
        yield f"{part['file']} is not there"
    except (OSError, ArrowException):
        yield f"{part['file']} cannot be read"
    else:
        if rows != part["rows"]:
            yield f"{part['file']} holds {rows:,} rows, not {part['rows']:,}"


def _rows(db: sqlite3.Connection, name: str, parts: dict[int, dict[str, Any]]) -> Iterator[str]:
    """Yield where the number of rows in the mirror is not that in the store."""
    held = {month: part["rows"] if part["file"] is not None else 0 for month, part in parts.items() if month != -1}
    if name not in MONTHLY:
        stored = db.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
        if stored != parts[-1]["rows"]:
            yield f"the mirror holds {parts[-1]['rows']:,} rows, the store {stored:,}"
        return
    months = sorted(held)
    if db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] == sum(held.values()):
        return
    days: dict[int, int] = dict(db.execute(f"SELECT happened_at / 86400000, count(*) FROM {name} GROUP BY 1"))
    stored_of = dict.fromkeys(months, 0)
    elsewhere = sum(days.values())
    for month in months:
        first, last = month_starts(month) // 86_400_000, month_starts(month + 1) // 86_400_000
        stored_of[month] = sum(days.get(day, 0) for day in range(first, last))
        elsewhere -= stored_of[month]
    for month in months:
        if stored_of[month] != held[month]:
            yield f"{month_text(month)}: the mirror holds {held[month]:,} rows, the store {stored_of[month]:,}"
    if elsewhere:
        yield f"{elsewhere:,} rows of the store lie in months that the mirror does not have"


def ledger_problems(store_path: Path, models: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield (file, what is wrong) of credit ledgers kept beside the mirror: every model that sums to the order must.

    `models` are those that do. A ledger is held against the mirror's own `order_ledger`, on whichever basis it was made; one of
    margins or in a reporting currency (`is_turned`) has its models held against each other.
    """
    folder = mirror_folder(store_path)
    manifest = read_manifest(folder) if folder.exists() else None
    if manifest is None:
        return
    derived = folder / f"derived-g{manifest['generation']}"
    # Spark writes a folder of files.
    files = sorted([*derived.glob("credit_ledger-*.parquet"), *derived.glob("credit_ledger-*.spark")])
    if not files:
        return
    import duckdb

    with duckdb.connect() as db:
        for table in ("order_ledger", "order_of"):
            parts = manifest["tables"][table]["parts"]
            paths = [str(folder / part["file"]) for part in parts.values() if part["file"] is not None]
            db.read_parquet(paths).create_view(table)
        db.execute(
            "CREATE TEMP TABLE due AS SELECT f.order_id, l.currency, sum(l.amount_minor) AS gross,"
            " sum(CASE WHEN l.part IN ('product', 'adjustment') THEN l.amount_minor ELSE 0 END) AS net"
            " FROM order_ledger l JOIN order_of f ON f.order_key = l.order_key AND f.is_money_source = 1 GROUP BY 1, 2"
        )
        for path in files:
            credit = db.read_parquet(str(path / "*.parquet" if path.suffix == ".spark" else path))
            summing = [name for name in credit.columns if name in models and name not in _OF_LEDGER]
            if not summing:
                continue
            credit.create_view("credit", replace=True)
            if "is_turned" in credit.columns:
                yield from ((path.name, what) for what in _unequal(db, summing))
                continue
            sums = ", ".join(f'sum(c."{name}") AS "{name}"' for name in summing)

            def off(basis: str, names: list[str] = summing) -> str:
                return ", ".join(f'count(*) FILTER (WHERE s."{name}" IS DISTINCT FROM d.{basis})' for name in names)

            # All of it is fetched: with a row to come, the connection would refuse the next ledger's view.
            [found] = db.execute(
                f"SELECT {off('net')}, {off('gross')} FROM"
                f" (SELECT c.order_id, c.currency, {sums} FROM credit c GROUP BY 1, 2) s"
                " LEFT JOIN due d ON d.order_id = s.order_id AND d.currency = s.currency"
            ).fetchall()
            net, gross = found[: len(summing)], found[len(summing) :]
            for name, count in zip(summing, min(net, gross, key=sum), strict=True):
                if count:
                    yield path.name, f"{name} does not add up to {count:,} orders"


def _unequal(db: Any, models: list[str]) -> Iterator[str]:
    """Yield the models whose credits do not come to the same as the first one's, order by order."""
    sums = ", ".join(f'sum(c."{name}") AS "{name}"' for name in models)
    off = ", ".join(f'count(*) FILTER (WHERE s."{name}" IS DISTINCT FROM s."{models[0]}")' for name in models)
    [found] = db.execute(f"SELECT {off} FROM (SELECT {sums} FROM credit c GROUP BY c.order_id, c.currency) s").fetchall()
    for name, count in zip(models, found, strict=True):
        if count:
            yield f"{name} and {models[0]} do not come to the same for {count:,} orders"
