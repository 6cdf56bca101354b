"""`persync tag`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from persync.cli.base import Command, format_option
from persync.cli.context import App, pass_app
from persync.cli.names import known
from persync.cli.output import show_json, show_table
from persync.redact import inert

if TYPE_CHECKING:
    from persync.jobs.answers.campaigns import Campaign
    from persync.store.store import Store

AUTO = "auto"
LEVELS = ("0", "1", "2", "3", "4", "unknown", AUTO)


@click.command(cls=Command)
@click.argument("campaign", required=False, shell_complete=known("campaigns"))
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
    from persync.jobs.answers.campaigns import find_campaign, read_levels

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


def _word(level: int | None) -> str:
    return "unknown" if level is None else str(level)
