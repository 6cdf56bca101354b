"""`persync status`."""

from __future__ import annotations

import sqlite3
from typing import Any

import click

from persync.cli.base import Command, format_option
from persync.cli.context import App, pass_app
from persync.cli.output import iso, show_json, show_table
from persync.store.counts import known_counts


@click.command(cls=Command)
@format_option("text", "json")
@pass_app
def status(app: App, form: str) -> None:
    """Show how far every stream of every connection is read, its rejects, and its holes with the reason."""
    with app.store() as store:
        streams = read_streams(store.db)
        rows = read_rows(store.db)
    if form == "json":
        plain = {name: {table: count for table, (count, _) in tables.items()} for name, tables in rows.items()}
        more = {name: [table for table, (_, some) in tables.items() if some] for name, tables in rows.items()}
        show_json(
            "status",
            streams,
            rows=plain,
            at_least={name: tables for name, tables in more.items() if tables},
            errors=[str(error) for error in app.project.broken.values()],
        )
        return
    show_table(
        ("connection", "stream", "complete from", "to", "parts", "under way", "rejected", "holes"),
        [
            (
                one["connection"],
                one["stream"],
                one["from"] or ("the start" if one["to"] else ""),
                one["to"] or "",
                f"{one['complete']:,}",
                f"{one['under_way']:,}" if one["under_way"] else "",
                f"{one['rejects']:,}" if one["rejects"] else "",
                _holes(one["holes"]),
            )
            for one in streams
        ],
        right=("parts", "under way", "rejected"),
    )
    for connection, tables in rows.items():
        told = [_told(table, *count) for table, count in tables.items()]
        click.echo(f"{connection}: " + (", ".join(told) or "no rows"))


def read_streams(db: sqlite3.Connection) -> list[dict[str, Any]]:
    """Return every stream that was read: its complete window (ISO 8601, None = from the start), parts, rejects, holes.

    The window of a stream with parts (one a campaign, say) reaches to the end of the part read last.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}

    def entry(connection: str, stream: str) -> dict[str, Any]:
        blank: dict[str, Any] = {"from": None, "to": None, "complete": 0, "under_way": 0, "rejects": 0, "holes": []}
        return found.setdefault((connection, stream), {"connection": connection, "stream": stream, **blank})

    for name, stream, first, last, parts in db.execute(
        "SELECT n.name, c.stream, min(c.from_at), max(c.to_at), count(*) FROM coverage c JOIN connections n USING (connection)"
        " WHERE c.state = 'complete' GROUP BY 1, 2"
    ):
        entry(name, stream).update({"from": iso(first) if first else None, "to": iso(last), "complete": parts})
    for name, stream, reason, parts in db.execute(
        "SELECT n.name, c.stream, c.reason, count(*) FROM coverage c JOIN connections n USING (connection)"
        " WHERE c.state <> 'complete' GROUP BY 1, 2, 3 ORDER BY 3"
    ):
        entry(name, stream)["holes"].append({"reason": reason, "parts": parts})
    for name, stream, count in db.execute(
        "SELECT n.name, r.stream, count(*) FROM rejects r JOIN connections n USING (connection) GROUP BY 1, 2"
    ):
        entry(name, stream)["rejects"] = count
    for name, stream, count in db.execute(
        "SELECT n.name, p.stream, count(*) FROM checkpoints p JOIN connections n USING (connection)"
        " WHERE p.token IS NOT NULL GROUP BY 1, 2"
    ):
        entry(name, stream)["under_way"] = count
    for name, path, count in db.execute(
        "SELECT n.name, f.path, f.rows FROM imported_files f JOIN connections n USING (connection)"
    ):
        entry(name, path)["complete"] = count
    return [found[key] for key in sorted(found)]


def read_rows(db: sqlite3.Connection) -> dict[str, dict[str, tuple[int, bool]]]:
    """Return {connection: {table: (rows, whether there may be more)}}, without the empty ones."""
    names = dict(db.execute("SELECT connection, name FROM connections ORDER BY name").fetchall())
    rows: dict[str, dict[str, tuple[int, bool]]] = {name: {} for name in names.values()}
    for (connection, table), count in known_counts(db).items():
        if connection in names:
            rows[names[connection]][table] = count
    return rows


def _told(table: str, count: int, more: bool) -> str:
    return f"{'at least ' if more else ''}{count:,} {table}"


def _holes(holes: list[dict[str, Any]]) -> str:
    return "; ".join(f"{hole['reason']}" + (f" ({hole['parts']:,} parts)" if hole["parts"] > 1 else "") for hole in holes)
