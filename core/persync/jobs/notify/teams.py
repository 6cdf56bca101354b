"""Microsoft Teams: a workflow's webhook and an Adaptive Card.

All texts are RichTextBlocks: those know no Markdown. In a TextBlock or a FactSet it would have to be escaped, and on phones
Teams shows the backslashes of that (microsoft/AdaptiveCards, issues 5590 and 7474).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from persync.hookspecs import Message, Notifier
from persync.jobs.notify.calling import call, trial


def payload(message: Message) -> dict[str, Any]:
    """Return what Teams is sent: one card, in whose texts nothing is taken for markup, a mention or a link."""
    body: list[dict[str, Any]] = [_block(_run(message.subject, size="Large", weight="Bolder"))]
    if message.verdict:
        body.append(_block(_run(message.verdict)))
    if message.numbers:
        body += [_block(_run(message.span, isSubtle=True), spacing="Large")] if message.span else []
        for one in message.numbers:
            beside = "; ".join(part for part in (f"95 %: {one.interval}" if one.interval else "", one.change) if part)
            runs = [_run(f"{one.title}: "), _run(one.value, weight="Bolder")]
            body.append(_block(*runs, *([_run(f" ({beside})", isSubtle=True)] if beside else []), spacing="Small"))
    body += [_block(_run(f"• {line}"), spacing="Small" if n else "Large") for n, line in enumerate(message.lines)]
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


def _run(text: str, **look: Any) -> dict[str, Any]:
    return {"type": "TextRun", "text": text, **look}


def _block(*runs: dict[str, Any], **look: str) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(runs), **look}


def send(settings: Any, secrets: Mapping[str, str], message: Message) -> None:
    """Post a card to a workflow's webhook."""
    call("teams", secrets, payload(message))


NOTIFIER = Notifier(
    "teams", "A Microsoft Teams channel, through a workflow.", send, secrets={"url": "TEAMS_WEBHOOK_URL"}, trial=trial
)
