"""What the imitated API counts: a report for each campaign, and how often each member got, opened and clicked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

from persync.money import from_minor
from persync.sandbox.world import Message, Send, World
from persync_mailchimp.dates import PROXY_FLAG_FROM, when
from persync_mailchimp.imitation.query import not_found

__all__ = ["Counts"]

_HOUR = 3_600_000


class Counts:
    """The messages of this platform, counted once each."""

    def __init__(self, world: World, untracked: Mapping[str, str] = MappingProxyType({})) -> None:
        self.world = world
        self.untracked = untracked
        self._reports: dict[str, dict[str, Any]] = {}

    @cached_property
    def messages(self) -> list[Message]:
        """Return the messages of this platform, latest first as the vendor lists them."""
        mine = [message for message in self.world.messages if message.platform == "mailchimp"]
        return sorted(mine, key=lambda m: (-m.created_at, m.id))

    def message(self, campaign_id: str) -> Message:
        """Return the message of an id; raise the vendor's 404."""
        for message in self.messages:
            if message.id == campaign_id:
                return message
        raise not_found()

    def report(self, message: Message) -> dict[str, Any]:
        """Return a campaign's report."""
        if message.id not in self._reports:
            self._reports[message.id] = self.count(message)
        return self._reports[message.id]

    def off(self, message: Message) -> str:
        """Return what is not tracked ("o", "c"): issues and resends are tracked as their parent is."""
        return self.untracked.get(message.parent or message.id, "")

    def count(self, message: Message) -> dict[str, Any]:
        """Count a message, or a part of one, into a report."""
        found = _count(message, self.world)
        if off := self.off(message):
            # What is not measured is shown as 0.
            for name, mark in (("opens", "o"), ("clicks", "c")):
                if mark in off:
                    found[name] = {key: "" if key.startswith("last") else 0 for key in found[name]}
        return found

    @cached_property
    def _engagement(self) -> dict[str, Counter[int]]:
        """Return per kind (sends, opens, clicks) how many messages each person got, opened, clicked; 0 is everybody."""
        counts: dict[str, Counter[int]] = {"sends": Counter(), "opens": Counter(), "clicks": Counter()}
        for message in self.messages:
            for send in message.sends:
                if send.status != "sent":
                    continue
                for kind, happened in (("sends", True), ("opens", bool(send.opens)), ("clicks", bool(send.clicks))):
                    if happened:
                        counts[kind][send.person] += 1
                        counts[kind][0] += 1
        return counts

    def rate(self, kind: str, person: int = 0) -> float:
        # Not counts[person]: a Counter answers for whom it does not know by a slow way round.
        sends = self._engagement["sends"].get(person, 0)
        return self._engagement[kind].get(person, 0) / sends if sends else 0.0


def _count(message: Message, world: World) -> dict[str, Any]:
    sends = [send for send in message.sends if send.status != "dropped"]
    hard, soft = (sum(send.status == status for send in sends) for status in ("hard", "soft"))
    delivered = len(sends) - hard - soft
    opens = [one for send in sends for one in send.opens]
    openers = sum(bool(send.opens) for send in sends)
    readers = sum(any(not one.is_machine for one in send.opens) for send in sends)
    clicks = [click for send in sends for click in send.clicks]
    clickers = sum(bool(send.clicks) for send in sends)
    flags = message.sent_at is not None and message.sent_at >= PROXY_FLAG_FROM
    claimed = float(from_minor(message.claimed_minor, world.currency))

    def rate(count: int) -> float:
        return count / delivered if delivered else 0

    found: dict[str, Any] = {
        "id": message.id,
        "campaign_title": message.title,
        "type": message.kind,
        "list_id": world.list_id,
        "list_is_active": True,
        "list_name": world.list_name,
        "subject_line": message.subject,
        "preview_text": "",
        "emails_sent": len(sends),
        "abuse_reports": sum(send.complained_at is not None for send in sends),
        "unsubscribed": sum(send.unsubscribed_at is not None for send in sends),
        "send_time": when(message.sent_at),
        "bounces": {"hard_bounces": hard, "soft_bounces": soft, "syntax_errors": 0},
        "forwards": {"forwards_count": 0, "forwards_opens": 0},
        "opens": {
            "opens_total": len(opens),
            "proxy_excluded_opens": sum(not one.is_machine for one in opens) if flags else 0,
            "unique_opens": openers,
            "proxy_excluded_unique_opens": readers if flags else 0,
            "open_rate": rate(openers),
            "proxy_excluded_open_rate": rate(readers) if flags else 0,
            "last_open": when(max((one.at for one in opens), default=None)),
        },
        "clicks": {
            "clicks_total": len(clicks),
            "unique_clicks": sum(len({click.url for click in send.clicks}) for send in sends),
            "unique_subscriber_clicks": clickers,
            "click_rate": rate(clickers),
            "last_click": when(max((click.at for click in clicks), default=None)),
        },
        "facebook_likes": {"recipient_likes": 0, "unique_likes": 0, "facebook_likes": 0},
        "list_stats": {"sub_rate": 0, "unsub_rate": 0, "open_rate": 100 * rate(openers), "click_rate": 100 * rate(clickers)},
        "timeseries": _first_day(message, sends),
        "ecommerce": {
            "total_orders": message.claimed_orders,
            "total_spent": claimed,
            "total_revenue": claimed,
            "currency_code": world.currency,
        },
        "delivery_status": {"enabled": False},
    }
    if message.kind == "absplit":
        found["ab_split"] = {variant: _arm([send for send in sends if send.variant == variant]) for variant in ("a", "b")}
    return found


def _arm(sends: list[Send]) -> dict[str, Any]:
    opens = [one for send in sends for one in send.opens]
    return {
        "bounces": sum(send.status in ("hard", "soft") for send in sends),
        "abuse_reports": sum(send.complained_at is not None for send in sends),
        "unsubs": sum(send.unsubscribed_at is not None for send in sends),
        "recipient_clicks": sum(bool(send.clicks) for send in sends),
        "forwards": 0,
        "forwards_opens": 0,
        "opens": len(opens),
        "unique_opens": sum(bool(send.opens) for send in sends),
        "last_open": when(max((one.at for one in opens), default=None)),
    }


def _first_day(message: Message, sends: list[Send]) -> list[dict[str, Any]]:
    """Return the hourly counts of the 24 hours after the send."""
    if message.sent_at is None:
        return []
    start = message.sent_at // _HOUR * _HOUR
    hours = [
        {
            "timestamp": when(start + hour * _HOUR),
            "emails_sent": 0,
            "unique_opens": 0,
            "proxy_excluded_unique_opens": 0,
            "recipients_clicks": 0,
        }
        for hour in range(24)
    ]

    def add(name: str, at: int) -> None:
        hour = (at - start) // _HOUR
        if 0 <= hour < len(hours):
            hours[hour][name] += 1  # type: ignore[operator]

    for send in sends:
        add("emails_sent", send.at)
        if send.opens:
            add("unique_opens", min(one.at for one in send.opens))
        read = [one.at for one in send.opens if not one.is_machine]
        if read:
            add("proxy_excluded_unique_opens", min(read))
        if send.clicks:
            add("recipients_clicks", min(click.at for click in send.clicks))
    return hours
