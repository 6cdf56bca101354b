"""A message, what it is and what followed it: the answer of `persync explain send`."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from persync.errors import NotFoundError
from persync.jobs.answers.campaigns import find_campaign, read_levels
from persync.redact import redacted

if TYPE_CHECKING:
    from persync.attribution.sends import Sent
    from persync.engine.engine import Engine
    from persync.measure.metric import Ask
    from persync.store.store import Store

SHOWN: Final = 12
"""so many digits of a keyed hash tell keys apart"""
ODD: Final = {
    "machine": "a machine, says the vendor",
    "scanner": "a scanner",
    "unsubscribe": "a click to unsubscribe",
    "same_click": "another record of a click",
}
"""what did something where it was not the person"""


@dataclass(frozen=True, slots=True)
class Message:
    """A campaign of the store: what is told of it, and the keys of the person it is told of, each as it is shown.

    `key_ids` is None where it is told of all who got it.
    """

    key: int
    told: Mapping[str, Any]
    key_ids: tuple[int, ...] | None
    names: Mapping[int, str] = field(default_factory=dict)

    def after(self, engine: Engine, ask: Ask) -> Sent:
        """Return what followed."""
        from persync.attribution.sends import explain_send

        return explain_send(engine, self.key, ask, self.key_ids)


def message_of(store: Store, id: str, key: str | None, *, derived: bool = False) -> Message:
    """Return the message ID, as the person KEY had it if one is given. Raises as `find_campaign` and `person_keys` do."""
    chosen = find_campaign(store.db, id)
    [told] = read_levels(store.db, chosen)
    row = store.db.execute("SELECT kind, status, subject FROM campaigns WHERE campaign_key = ?", (chosen.key,)).fetchone()
    key_ids = None if key is None else tuple(person_keys(store, key, derived=derived))
    names = {number: _name(store.db, number) for number in key_ids or ()}
    whole = {**told, "kind": row[0], "status": row[1], "subject": redacted(row[2] or "") or None}
    return Message(chosen.key, whole, key_ids, names)


def person_keys(store: Store, key: str, *, derived: bool = False) -> list[int]:
    """Return all keys of the person that an address, CONNECTION:ID or an own id names. Raise NotFoundError for nobody.

    With `derived` who is one person is taken as the store has it: nothing is written.
    """
    from persync.rows import Person
    from persync.store.subjects import find

    connection, colon, rest = key.partition(":")
    name = ("email", key) if "@" in key else (f"id@{connection}", rest) if colon else ("opaque", key)
    found = find(store, Person(name), derived=derived)
    if not found.key_ids:
        raise NotFoundError(
            "the store knows nobody by that key.", hint="Write an address, CONNECTION:ID, or an id of your own."
        )
    return sorted(found.key_ids)


def _name(db: sqlite3.Connection, key_id: int) -> str:
    """Return a key as it is stored: a platform's own id, or the beginning of a keyed hash."""
    kind, connection, key = db.execute(
        "SELECT k.kind, coalesce(n.name, ''), k.key FROM person_keys k LEFT JOIN connections n USING (connection)"
        " WHERE k.key_id = ?",
        (key_id,),
    ).fetchone()
    return f"{connection}:{redacted(key)}" if kind == "id" else f"{kind} (keyed hash {key[:SHOWN]})"


def done_by(odd: str) -> str:
    """Return in words who did something, where it was not the person."""
    return ODD.get(odd, odd.replace("_", " "))


def sent_json(message: Message, found: Sent) -> str:
    """Return a message and what followed as the one JSON object of the command."""
    from persync.report.render.estimates import document

    return document("sent", [{**message.told, **_as_json(found, message.names)}])


def _as_json(found: Sent, names: Mapping[int, str]) -> dict[str, Any]:
    from persync.money import from_minor
    from persync.report.words import iso

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
