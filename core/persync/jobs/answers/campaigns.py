"""Campaigns by name, and how personal each is on what evidence: what `persync tag --list` shows."""

from __future__ import annotations

import sqlite3
from typing import Any, Final, NamedTuple

from persync.errors import AmbiguousError, NotFoundError
from persync.report.words import iso

SHOWN: Final = 5
"""so many candidates are named when a name is not unique"""

_CAMPAIGNS = (
    "SELECT c.campaign_key, n.name, k.key, coalesce(c.title, ''), c.sent_at FROM campaigns c"
    " JOIN campaign_keys k USING (campaign_key) JOIN connections n ON n.connection = c.connection"
)
_ORDER = " ORDER BY n.name, c.sent_at IS NULL, c.sent_at, k.key"
_WAYS = (
    (_CAMPAIGNS + " WHERE n.name || ':' || k.key = ?" + _ORDER),
    (_CAMPAIGNS + " WHERE k.key = ?" + _ORDER),
    (_CAMPAIGNS + " WHERE c.title = ?" + _ORDER),
    (_CAMPAIGNS + " WHERE lower(c.title) = lower(?)" + _ORDER),
)
"""how a campaign may be named: the first way that finds any decides"""


class Campaign(NamedTuple):
    """A campaign of the store; `sent_at` in epoch ms."""

    key: int
    connection: str
    id: str
    title: str
    sent_at: int | None

    @property
    def name(self) -> str:
        return f"{self.connection}:{self.id}"


_NAMED = (
    "SELECT coalesce(n.name || ':', '') || k.key, m.name || ':' || own.key, coalesce(c.title, '') FROM campaign_keys k"
    " LEFT JOIN connections n ON n.connection = k.connection JOIN campaign_of a ON a.campaign_key = k.campaign_key"
    " JOIN campaign_of b ON b.campaign_id = a.campaign_id JOIN campaigns c ON c.campaign_key = b.campaign_key"
    " JOIN campaign_keys own ON own.campaign_key = c.campaign_key JOIN connections m ON m.connection = c.connection"
    " ORDER BY 1, 2 DESC"
)


def names(db: sqlite3.Connection) -> dict[str, tuple[str, str]]:
    """Return the name (CONNECTION:ID) and the title of a campaign by every key that it is known by: CONNECTION:KEY, or KEY
    alone where all connections share it."""
    return {key: (name, title) for key, name, title in db.execute(_NAMED)}


def find_campaign(db: sqlite3.Connection, name: str) -> Campaign:
    """Return the one campaign of this name. Raise NotFoundError with the nearest when there is none, AmbiguousError where
    it is the name of several."""
    from difflib import get_close_matches

    for way in _WAYS:
        found = [Campaign(*row) for row in db.execute(way, (name,))]
        if len(found) == 1:
            return found[0]
        if found:
            listed = ", ".join(_described(one) for one in found[:SHOWN]) + (" ..." if len(found) > SHOWN else "")
            raise AmbiguousError(f"'{name}' names {len(found)} campaigns: {listed}.", hint="Say CONNECTION:ID.")
    known = [Campaign(*row) for row in db.execute(_CAMPAIGNS + _ORDER)]
    close = get_close_matches(name, {text for one in known for text in (one.name, one.id, one.title)}, n=1)
    hint = (
        f"Did you mean '{close[0]}'?" if close else "`persync tag --list` shows all." if known else "Run `persync pull` first."
    )
    raise NotFoundError(f"there is no campaign '{name}'.", hint=hint)


def read_levels(db: sqlite3.Connection, campaign: Campaign | None = None) -> list[dict[str, Any]]:
    """Return level, reason and evidence of one campaign or of all, by connection and time of sending.

    `set_by` is tag (`persync tag`), settings (persync.toml) or None; `demographic` says by what its segment chose people.
    """
    from persync.store.levels import OVERRIDE, TAG, grade

    evidence: dict[int, list[tuple[str, str, str]]] = {}
    for key, *item in db.execute("SELECT campaign_key, source, kind, detail FROM campaign_evidence"):
        evidence.setdefault(key, []).append((item[0], item[1], item[2]))
    wanted = [campaign] if campaign else [Campaign(*row) for row in db.execute(_CAMPAIGNS + _ORDER)]
    found = []
    for one in wanted:
        items = sorted(evidence.get(one.key, []))
        level, why = grade(items)
        setters = {source for source, kind, _ in items if kind == "level"}
        found.append(
            {
                "connection": one.connection,
                "campaign": one.id,
                "title": one.title,
                "sent_at": None if one.sent_at is None else iso(one.sent_at),
                "level": level,
                "why": why,
                "set_by": "tag" if TAG in setters else "settings" if OVERRIDE in setters else None,
                "demographic": sorted({detail for _, kind, detail in items if kind == "demographic"}),
                "evidence": [{"source": source, "kind": kind, "detail": detail} for source, kind, detail in items],
            }
        )
    return found


def _described(one: Campaign) -> str:
    sent = f", sent {iso(one.sent_at)[:10]}" if one.sent_at is not None else ""
    return f"{one.name} ({one.title}{sent})"
