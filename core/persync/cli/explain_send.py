"""`persync explain send`: what was sent, how personal it is and why, and what followed."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from persync.cli.base import Command, format_option
from persync.cli.context import App, pass_app
from persync.cli.output import iso, show_json, show_table
from persync.redact import inert, redacted

if TYPE_CHECKING:
    from persync.attribution.sends import Sent

SHOWN = 12
"""so many digits of a keyed hash tell keys apart"""
_ODD = {
    "machine": "a machine, says the vendor",
    "scanner": "a scanner",
    "unsubscribe": "a click to unsubscribe",
    "same_click": "another record of a click",
}


@click.command(cls=Command)
@click.argument("id")
@click.argument("key", required=False)
@format_option("text", "json")
@pass_app
def send(app: App, id: str, key: str | None, form: str) -> None:
    """Explain the message ID: what was sent, how personal it is and on what evidence, and what followed.

    ID is CONNECTION:ID, an id, or a title that only one campaign has. With KEY (an address, CONNECTION:ID, or an id of your
    own) it is told as that person had it; without, for all who got it. What followed is not what it caused.
    """
    from persync.attribution.sends import explain_send
    from persync.cli.tag import find_campaign, read_levels

    with app.store() as store:
        chosen = find_campaign(store.db, id)
        [told] = read_levels(store.db, chosen)
        row = store.db.execute("SELECT kind, status, subject FROM campaigns WHERE campaign_key = ?", (chosen.key,)).fetchone()
        key_ids = None if key is None else person_keys(store, key)
        names = {} if key_ids is None else {number: _name(store.db, number) for number in key_ids}
    ask = app.ask()
    with app.engine() as engine:
        found = explain_send(engine, chosen.key, ask, key_ids)
    message = {**told, "kind": row[0], "status": row[1], "subject": redacted(row[2] or "") or None}
    if form == "json":
        show_json("sent", [{**message, **_as_json(found, names)}])
    else:
        _show(message, found, names, ask.timezone)


def person_keys(store: Any, key: str) -> list[int]:
    """Return all keys of the person that an address, CONNECTION:ID or an own id names. Raise DataError for nobody."""
    from persync.errors import DataError
    from persync.rows import Person
    from persync.store.subjects import find

    connection, colon, rest = key.partition(":")
    name = ("email", key) if "@" in key else (f"id@{connection}", rest) if colon else ("opaque", key)
    found = find(store, Person(name))
    if not found.key_ids:
        raise DataError("the store knows nobody by that key.", hint="Write an address, CONNECTION:ID, or an id of your own.")
    return sorted(found.key_ids)


def _name(db: sqlite3.Connection, key_id: int) -> str:
    """Return a key as it is stored: a platform's own id, or the beginning of a keyed hash."""
    kind, connection, key = db.execute(
        "SELECT k.kind, coalesce(n.name, ''), k.key FROM person_keys k LEFT JOIN connections n USING (connection)"
        " WHERE k.key_id = ?",
        (key_id,),
    ).fetchone()
    return f"{connection}:{redacted(key)}" if kind == "id" else f"{kind} (keyed hash {key[:SHOWN]})"


def _as_json(found: Sent, names: dict[int, str]) -> dict[str, Any]:
    from persync.money import from_minor

    def amount(minor: int | None, currency: str) -> float | None:
        return None if minor is None else float(from_minor(minor, currency))

    orders = [
        {
            "order": one.name,
            "connection": one.connection,
            "ordered_at": iso(one.ordered_at),
            "days_after": one.days,
            "net": amount(one.minor, one.currency),
            "currency": one.currency or None,
            "clicked_before": one.is_clicked,
        }
        for one in found.orders
    ]
    events = [
        {
            "key": names[one.key_id],
            "at": iso(one.happened_at),
            "kind": one.kind,
            "variant": one.variant or None,
            "level": one.level,
            "connection": one.seen_by,
            "link": one.link or None,
            "reason": one.odd or None,
        }
        for one in found.events
    ]
    if names:
        return {"window_days": found.window_days, "events": events, "orders": orders}
    return {
        "window_days": found.window_days,
        "events": [{"kind": e.kind, "reason": e.odd or None, "times": e.times, "people": e.people} for e in found.done],
        "orders": [
            {"currency": e.currency, "orders": e.orders, "clicked_before": e.clicked, "net": amount(e.minor, e.currency)}
            for e in found.takings
        ],
    }


def _show(message: dict[str, Any], found: Sent, names: dict[int, str], timezone: str) -> None:
    from persync.cli.explain import _money, _when
    from persync.report import words

    level = "unknown" if message["level"] is None else message["level"]
    facts = [message["kind"], message["status"], f"sent {message['sent_at'][:10]}" if message["sent_at"] else "not sent"]
    click.echo(inert(f"{message['connection']}:{message['campaign']} {message['title']}: {', '.join(filter(None, facts))}"))
    click.echo(inert(f"Level {level}: {message['why']}."))
    for item in message["evidence"]:
        click.echo(inert(f"  {item['source']}: {item['kind']} {item['detail']}".rstrip()))
    click.echo()
    if names:
        _show_events(found, names, timezone)
    else:
        rows = [[e.kind, _ODD.get(e.odd, e.odd.replace("_", " ")), f"{e.times:,}", f"{e.people:,}"] for e in found.done]
        if not rows:
            click.echo("No send of it is known, and nothing that followed.")
        else:
            show_table(("what", "by", "times", "people"), rows, right=("times", "people"))
    click.echo()
    within = f"within {words.number(found.window_days)} days of a send"
    if "send" not in {*(one.kind for one in found.events), *(one.kind for one in found.done)}:
        click.echo("Without a send that is known, no order can be said to have followed.")
    elif not found.orders and not found.takings:
        click.echo(f"No order {within}.")
    for one in found.orders:
        net = "money unknown" if one.minor is None else f"{_money(one.minor, one.currency)} net"
        clicked = "after a click" if one.is_clicked else "without a click"
        click.echo(
            inert(
                f"{one.connection}:{one.name}, {_when(one.ordered_at, timezone)}, {net}: {one.days:.1f} days after, {clicked}"
            )
        )
    for each in found.takings:
        after = f"{each.clicked:,} of them after a click"
        click.echo(f"{words.plural(each.orders, 'order')} {within}, {_money(each.minor, each.currency)} net; {after}.")
    click.echo("What followed a message is not what it caused: an experiment says that.")


def _show_events(found: Sent, names: dict[int, str], timezone: str) -> None:
    from persync.cli.explain import _when

    if not found.events:
        click.echo("No send of it to them is known, and nothing that followed.")
        return
    keys: Sequence[str] = sorted({names[one.key_id] for one in found.events})
    click.echo(inert(f"To {' and '.join(keys)}, times in {timezone}"))
    rows = [
        [
            _when(one.happened_at, timezone),
            " ".join(filter(None, (one.kind, one.variant, "" if one.level is None else f"level {one.level}"))),
            one.seen_by,
            urlsplit(one.link).path,
            _ODD.get(one.odd, one.odd.replace("_", " ")),
        ]
        for one in found.events
    ]
    show_table(("when", "what", "seen by", "link", "by"), rows)
