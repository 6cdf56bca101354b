"""Any webhook: one JSON object, numbers with their estimates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from persync import __version__
from persync.hookspecs import Message, Notifier
from persync.jobs.notify.calling import call, trial
from persync.report.render.estimates import finite
from persync.report.safe import deep
from persync.report.words import iso


def payload(message: Message) -> dict[str, Any]:
    """Return what is posted: the message's parts; absent things are null."""
    numbers = [
        {
            "title": one.title,
            "text": one.value,
            "change": one.change or None,
            "estimate": None if one.estimate is None else one.estimate.as_json(),
        }
        for one in message.numbers
    ]
    whole: dict[str, Any] = deep(
        finite(
            {
                "persync": __version__,
                "kind": "notification",
                "job": message.job,
                "status": message.status,
                "made_at": iso(message.made_at),
                "subject": message.subject,
                "verdict": message.verdict or None,
                "span": message.span or None,
                "numbers": numbers,
                "lines": list(message.lines),
                "link": message.link or None,
            }
        )
    )
    return whole


def send(settings: Any, secrets: Mapping[str, str], message: Message) -> None:
    """Post a message as JSON."""
    call("webhook", secrets, payload(message))


NOTIFIER = Notifier("webhook", "Any address that takes JSON.", send, secrets={"url": "PERSYNC_WEBHOOK_URL"}, trial=trial)
