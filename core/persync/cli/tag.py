"""`persync tag`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import click

from persync.cli.base import Command, format_option
from persync.cli.context import App, pass_app
from persync.cli.output import iso, show_json, show_table
from persync.redact import inert

if TYPE_CHECKING:
    import sqlite3

    from persync.store.store import Store

AUTO = "auto"
LEVELS = ("0", "1", "2", "3", "4", "unknown", AUTO)
SHOWN = 5
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


@click.command(cls=Command)
@click.argument("campaign", required=False)
@click.argument("level", type=click.Choice(LEVELS), required=False)
@click.option("--list", "listing", is_flag=True, help="Show levels and evidence, of CAMPAIGN or of all.")
@format_option("text", "json")
@pass_app
def tag(app: App, campaign: str | None, level: str | None, listing: bool, form: str) -> None:
    """Say yourself how personal a campaign is, where the evidence misleads. Later pulls leave it so.

    CAMPAIGN is CONNECTION:ID, an id, or a title that only one campaign has. LEVEL is 0 generic, 1 name or field, 2 segment,
    3 triggered, 4 individual content, or unknown; auto takes the word back, and the evidence counts again. A level from here
    wins over one in persync.toml.
    """
    if listing and level is not None:
        raise click.UsageError("--list shows levels, it sets none.")
    if not listing and (campaign is None or level is None):
        raise click.UsageError("say CAMPAIGN and LEVEL, or --list.")
    with app.store() as store:
        chosen = None if campaign is None else find_campaign(store.db, campaign)
        if chosen is not None and level is not None:
            before = read_levels(store.db, chosen)[0]
            set_level(store, chosen, level, now=app.now, aliases=app.project.aliases)
        levels = read_levels(store.db, chosen)
    if form == "json":
        show_json("levels", levels)
    elif listing:
        show_table(
            ("campaign", "title", "sent", "level", "because", "chosen by"),
            [
                (
                    f"{one['connection']}:{one['campaign']}",
                    one["title"],
                    (one["sent_at"] or "")[:10],
                    _word(one["level"]),
                    one["why"],
                    ", ".join(one["demographic"]),
                )
                for one in levels
            ],
            right=("level",),
        )
    else:
        one = levels[0]
        said = f"{one['connection']}:{one['campaign']} {one['title']}: level {_word(one['level'])} ({one['why']}),"
        click.echo(inert(f"{said} before {_word(before['level'])} ({before['why']})."))


def find_campaign(db: sqlite3.Connection, name: str) -> Campaign:
    """Return the one campaign of this name. Raise DataError when there is none, naming the nearest, or more than one."""
    from difflib import get_close_matches

    from persync.errors import DataError

    for way in _WAYS:
        found = [Campaign(*row) for row in db.execute(way, (name,))]
        if len(found) == 1:
            return found[0]
        if found:
            listed = ", ".join(_described(one) for one in found[:SHOWN]) + (" ..." if len(found) > SHOWN else "")
            raise DataError(f"'{name}' names {len(found)} campaigns: {listed}.", hint="Say CONNECTION:ID.")
    known = [Campaign(*row) for row in db.execute(_CAMPAIGNS + _ORDER)]
    close = get_close_matches(name, {text for one in known for text in (one.name, one.id, one.title)}, n=1)
    hint = (
        f"Did you mean '{close[0]}'?" if close else "`persync tag --list` shows all." if known else "Run `persync pull` first."
    )
    raise DataError(f"there is no campaign '{name}'.", hint=hint)


def set_level(store: Store, campaign: Campaign, level: str, *, now: int, aliases: Any = None) -> bool:
    """Set a campaign's level (0-4, unknown), or with `auto` leave it to settings and evidence; return whether that changed it.

    The change and its entry in the log are one transaction; then levels are graded anew.
    """
    from persync.store.derive import derive
    from persync.store.levels import TAG
    from persync.store.log import append
    from persync.store.write import mark_dirty

    with store.transaction() as db:
        known = db.execute(
            "SELECT detail FROM campaign_evidence WHERE campaign_key = ? AND source = ? AND kind = 'level'", (campaign.key, TAG)
        ).fetchone()
        before = known[0] if known else AUTO
        if before != level:
            db.execute("DELETE FROM campaign_evidence WHERE campaign_key = ? AND source = ?", (campaign.key, TAG))
            if level != AUTO:
                db.execute("INSERT INTO campaign_evidence VALUES (?, ?, 'level', ?)", (campaign.key, TAG, level))
            mark_dirty(db, "campaign_evidence")
            append(db, None, now, "campaign tagged", f"{campaign.name}: {before} -> {level}")
    derive(store, aliases=aliases)
    return bool(before != level)


def read_levels(db: sqlite3.Connection, campaign: Campaign | None = None) -> list[dict[str, Any]]:
    """Return level, reason and evidence of one campaign or of all, by connection and time of sending.

    `set_by` is tag (this command), settings (persync.toml) or None; `demographic` says by what its segment chose people.
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


def _word(level: int | None) -> str:
    return "unknown" if level is None else str(level)
