"""`persync explain send`: what was sent, how personal it is and why, and what followed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from persync.cli.base import Command, format_option
from persync.cli.context import App, pass_app
from persync.cli.names import known
from persync.cli.output import show_table
from persync.redact import inert

if TYPE_CHECKING:
    from persync.attribution.sends import Sent


@click.command(cls=Command)
@click.argument("id", shell_complete=known("campaigns"))
@click.argument("key", required=False)
@format_option("text", "json")
@pass_app
def send(app: App, id: str, key: str | None, form: str) -> None:
    """Explain the message ID: what was sent, how personal it is and on what evidence, and what followed.

    ID is CONNECTION:ID, an id, or a title that only one campaign has. With KEY (an address, CONNECTION:ID, or an id of your
    own) it is told as that person had it; without, for all who got it. What followed is not what it caused.
    """
    from persync.jobs.answers.sent import message_of, sent_json

    with app.store() as store:
        message = message_of(store, id, key)
    ask = app.ask()
    with app.engine() as engine:
        found = message.after(engine, ask)
    if form == "json":
        click.echo(sent_json(message, found))
    else:
        _show(message.told, found, message.names, ask.timezone)


def _show(message: Mapping[str, Any], found: Sent, names: Mapping[int, str], timezone: str) -> None:
    from persync.cli.explain import _money, _when
    from persync.jobs.answers.sent import done_by
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
        rows = [[e.kind, done_by(e.odd), f"{e.times:,}", f"{e.people:,}"] for e in found.done]
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


def _show_events(found: Sent, names: Mapping[int, str], timezone: str) -> None:
    from persync.cli.explain import _when
    from persync.jobs.answers.sent import done_by

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
            done_by(one.odd),
        ]
        for one in found.events
    ]
    show_table(("when", "what", "seen by", "link", "by"), rows)
