"""Discord: a channel's webhook and one embed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from persync.hookspecs import Message, Notifier
from persync.jobs.notify.calling import call, trial
from persync.jobs.notify.wording import COLOURS

TITLE: Final = 256
DESCRIPTION: Final = 4096
VALUE: Final = 1024
FOOTER: Final = 500
EMBED: Final = 6000
"""characters that Discord takes in the parts of an embed, fewer of a footer, and in all of them together"""


def payload(message: Message) -> dict[str, Any]:
    """Return what Discord is sent. Nobody is mentioned, whatever the texts say."""
    colour = COLOURS.get(message.status, COLOURS["test"])
    title, footer = escaped(message.subject)[:TITLE], message.span[:FOOTER]
    fields = [_field(one.title, one.value, one.interval, one.change) for one in message.numbers]
    room = EMBED - len(title) - len(footer) - sum(len(one["name"]) + len(one["value"]) for one in fields)
    said = "\n".join(escaped(part) for part in (message.verdict, *message.lines) if part)
    embed: dict[str, Any] = {
        "title": title,
        "description": said[: min(DESCRIPTION, room)],
        "color": int(colour.removeprefix("#"), 16),
        "fields": fields,
    }
    if footer:
        embed["footer"] = {"text": footer}
    if message.link:
        embed["url"] = message.link
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def escaped(text: str) -> str:
    """Return a text in which Discord's Markdown, links and mentions find nothing."""
    return re.sub(r"(?i)\b(https?):", r"\1\\:", re.sub(r"([\\`*_~|>#\[\]()<@])", r"\\\1", text))


def _field(title: str, value: str, interval: str, change: str) -> dict[str, Any]:
    lines = [value, f"95 %: {interval}" if interval else "", change]
    text = "\n".join(escaped(line) for line in lines if line)
    return {"name": escaped(title)[:TITLE], "value": text[:VALUE], "inline": True}


def send(settings: Any, secrets: Mapping[str, str], message: Message) -> None:
    """Post an embed to a channel's webhook."""
    call("discord", secrets, payload(message))


NOTIFIER = Notifier(
    "discord", "A Discord channel, through its webhook.", send, secrets={"url": "DISCORD_WEBHOOK_URL"}, trial=trial
)
