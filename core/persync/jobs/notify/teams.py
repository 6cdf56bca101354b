"""Microsoft Teams: a workflow's webhook and an Adaptive Card."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from persync.hookspecs import Message, Notifier
from persync.jobs.notify.calling import call


def payload(message: Message) -> dict[str, Any]:
    """Return what Teams is sent: one card, whose texts hold no markup."""
    body: list[dict[str, Any]] = [_block(message.subject, size="Large", weight="Bolder")]
    if message.verdict:
        body.append(_block(message.verdict))
    if message.numbers:
        body += [_block(message.span, isSubtle=True, spacing="Medium")] if message.span else []
        facts = []
        for one in message.numbers:
            beside = "; ".join(part for part in (f"95 %: {one.interval}" if one.interval else "", one.change) if part)
            facts.append({"title": escaped(one.title), "value": escaped(f"{one.value} ({beside})" if beside else one.value)})
        body.append({"type": "FactSet", "facts": facts})
    body += [_block(line) for line in message.lines]
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    if message.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Read the report", "url": message.link}]
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "contentUrl": None, "content": card}]}


def escaped(text: str) -> str:
    """Return a text in which the card's Markdown and the <at> of mentions find nothing."""
    return re.sub(r"([\\`*_\[\]()#<>~|])", r"\\\1", text)


def _block(text: str, **look: Any) -> dict[str, Any]:
    return {"type": "TextBlock", "text": escaped(text), "wrap": True, **look}


def send(settings: Any, secrets: Mapping[str, str], message: Message) -> None:
    """Post a card to a workflow's webhook."""
    call("teams", secrets, payload(message))


NOTIFIER = Notifier("teams", "A Microsoft Teams channel, through a workflow.", send, secrets={"url": "TEAMS_WEBHOOK_URL"})
