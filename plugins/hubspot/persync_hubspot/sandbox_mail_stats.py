"""How the imitated HubSpot counts: people, each once, without what its filter caught; ratios in percent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from persync.sandbox.world import Message, Send
from persync_hubspot.sandbox_wire import iso

DAY = 86_400_000
EVER = 1 << 60


def is_filtered(send: Send, number: int) -> bool:
    """Tell whether HubSpot's filter noticed that a scanner clicked; it misses a third of them."""
    return send.clicks[number].is_machine and send.person % 3 != 0


def statistics(message: Message) -> dict[str, Any]:
    """Count everything that became of a mail."""
    return _counted([message], 0, EVER)


def histogram(messages: list[Message], low: int, high: int) -> dict[str, Any]:
    """Count what became of mails within each day between two moments."""
    found = []
    for start in range(low - low % DAY, high, DAY):
        interval = {"start": iso(start), "end": iso(start + DAY)}
        found.append({"interval": interval, "aggregations": _counted(messages, start, start + DAY)})
    return {"total": len(found), "results": found}


def _counted(messages: list[Message], low: int, high: int) -> dict[str, Any]:
    sends = [send for message in messages for send in message.sends]

    def within(at: int | None) -> bool:
        return at is not None and low <= at < high

    started = [send for send in sends if within(send.at)]
    sent = sum(send.status != "dropped" for send in started)
    hard = sum(send.status == "hard" for send in started)
    soft = sum(send.status == "soft" for send in started)
    dropped = len(started) - sent
    delivered = sent - hard - soft
    opened = {send.person for send in sends if any(within(one.at) and not one.is_machine for one in send.opens)}
    clicked = {send.person for send in sends if any(within(send.clicks[number].at) for number in _believed(send))}
    lost = [send for send in sends if within(send.unsubscribed_at) or within(send.complained_at)]
    counters = {
        "selected": len(started),
        "sent": sent,
        "delivered": delivered,
        "open": len(opened),
        "click": len(clicked),
        "bounce": hard + soft,
        "hardbounced": hard,
        "softbounced": soft,
        "dropped": dropped,
        "notsent": dropped,
        "contactslost": len(lost),
        "unsubscribed": sum(within(send.unsubscribed_at) for send in sends),
        "spamreport": sum(within(send.complained_at) for send in sends),
        "suppressed": 0,
        "pending": 0,
    }
    ratios = {f"{name}ratio": round(100 * counters[name] / (delivered or 1), 3) for name in ("open", "click", "unsubscribed")}
    return {"counters": counters, "ratios": ratios, "deviceBreakdown": {}, "qualifierStats": {}}


def _believed(send: Send) -> Iterator[int]:
    return (number for number in range(len(send.clicks)) if not is_filtered(send, number))
