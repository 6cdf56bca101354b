"""Slack: an incoming webhook and Block Kit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from persync.hookspecs import Message, Notifier
from persync.jobs.notify.calling import call, trial

HEADER: Final = 150
SECTION: Final = 3000
FIELD: Final = 2000
"""characters that Slack takes in a header, in a section and in a field of one"""


def payload(message: Message) -> dict[str, Any]:
    """Return what Slack is sent. Every text is plain: no word of it mentions anybody, makes a link or is taken for markup."""
    blocks: list[dict[str, Any]] = [{"type": "header", "text": _plain(message.subject, HEADER)}]
    if message.verdict:
        blocks.append({"type": "section", "text": _plain(message.verdict, SECTION)})
    if message.numbers:
        # Slack refuses an empty text: a message that waited for this version has no span.
        blocks += [{"type": "context", "elements": [_plain(message.span, FIELD)]}] if message.span else []
        fields = []
        for one in message.numbers:
            lines = [one.title, one.value, f"95 %: {one.interval}" if one.interval else "", one.change]
            fields.append(_plain("\n".join(line for line in lines if line), FIELD))
        blocks.append({"type": "section", "fields": fields})
    if message.lines:
        blocks.append({"type": "section", "text": _plain("\n".join(f"• {line}" for line in message.lines), SECTION)})
    if message.link:
        address = message.link.replace("&", "&amp;").replace("|", "%7C")
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": f"<{address}|Read the report>"}})
    return {"text": escaped(message.subject), "blocks": blocks, "mrkdwn": False, "unfurl_links": False, "unfurl_media": False}


def escaped(text: str) -> str:
    """Return a text in which Slack finds no mention and no link: its three signs as entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str, longest: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": text[:longest], "emoji": False}


def send(settings: Any, secrets: Mapping[str, str], message: Message) -> None:
    """Post a message to a channel's webhook."""
    call("slack", secrets, payload(message))


NOTIFIER = Notifier(
    "slack", "A Slack channel, through an incoming webhook.", send, secrets={"url": "SLACK_WEBHOOK_URL"}, trial=trial
)
