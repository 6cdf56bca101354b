"""What the imitated API reports: counters of each campaign and what each recipient did."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.requests import Request

from persync.money import from_minor
from persync.sandbox.world import Message, SandboxPerson, Send, World
from persync_mailchimp.dates import PROXY_FLAG_FROM
from persync_mailchimp.imitation import Imitation, member_id, when, within
from persync_mailchimp.query import moment_of, one_of, page

__all__ = ["Reports"]

MOST_EVENTS = 1000
"""email-activity shows this many opens and as many clicks of a member, no more"""
_HOUR = 3_600_000
_IP = "203.0.113.12"


class Reports:
    """The reports of one world."""

    def __init__(self, base: Imitation) -> None:
        self.base = base
        self.world: World = base.world
        self._reports: dict[str, dict[str, Any]] = {}

    def reports(self, request: Request) -> dict[str, Any]:
        """Answer `GET /reports`: whatever was sent."""
        kind = one_of(request, "type", ("regular", "plaintext", "absplit", "rss", "variate"))
        since, before = moment_of(request, "since_send_time"), moment_of(request, "before_send_time")
        found = [
            message
            for message in self.base.messages
            if message.sent_at is not None and (kind is None or message.kind == kind) and within(message.sent_at, since, before)
        ]
        return page(request, "reports", found, self.report)

    def one_report(self, campaign_id: str) -> dict[str, Any]:
        """Answer `GET /reports/{campaign_id}`."""
        return self.report(self.base.message(campaign_id))

    def report(self, message: Message) -> dict[str, Any]:
        """Return a campaign's report; counted once."""
        if message.id not in self._reports:
            self._reports[message.id] = _count(message, self.world)
        return self._reports[message.id]

    def _recipients(self, request: Request) -> tuple[Message, list[tuple[Send, SandboxPerson]]]:
        message = self.base.message(request.path_params["campaign_id"])
        people = self.world.people
        return message, [(send, people[send.person]) for send in message.sends if send.status != "dropped"]

    def _who(self, message: Message, person: SandboxPerson) -> dict[str, Any]:
        return {
            "email_id": member_id(person.email),
            "email_address": person.email,
            "merge_fields": self.base.merge_values(person),
            "vip": False,
            "campaign_id": message.id,
            "list_id": self.world.list_id,
            "list_is_active": True,
        }

    def sent_to(self, request: Request) -> dict[str, Any]:
        """Answer `GET /reports/{campaign_id}/sent-to`."""
        message, found = self._recipients(request)

        def render(pair: tuple[Send, SandboxPerson]) -> dict[str, Any]:
            send, person = pair
            return {
                **self._who(message, person),
                "status": send.status,
                "open_count": len(send.opens),
                "last_open": when(max((one.at for one in send.opens), default=None)),
                "absplit_group": send.variant if message.kind == "absplit" else "",
                "gmt_offset": 0,
            }

        return page(request, "sent_to", found, render, campaign_id=message.id)

    def email_activity(self, request: Request) -> dict[str, Any]:
        """Answer `GET /reports/{campaign_id}/email-activity`: every recipient, `since` narrows their events alone."""
        message, found = self._recipients(request)
        since = moment_of(request, "since")

        def render(pair: tuple[Send, SandboxPerson]) -> dict[str, Any]:
            send, person = pair
            who = self._who(message, person)
            del who["merge_fields"], who["vip"]
            events = [event for at, event in sorted(_events(send), key=lambda pair: pair[0]) if since is None or at > since]
            # The vendor shows recipients without events in both ways.
            return {**who, "activity": events} if events or person.number % 2 else who

        return page(request, "emails", found, render, campaign_id=message.id)

    def open_details(self, request: Request) -> dict[str, Any]:
        """Answer `GET /reports/{campaign_id}/open-details`: those who opened, with the flag of mail proxies."""
        message, recipients = self._recipients(request)
        since = moment_of(request, "since")
        sort, direction = one_of(request, "sort_field", ("opens_count",)), one_of(request, "sort_dir", ("ASC", "DESC"))
        flags = message.sent_at is not None and message.sent_at >= PROXY_FLAG_FROM
        found = [
            (send, person) for send, person in recipients if any(since is None or _second(one.at) > since for one in send.opens)
        ]
        if sort is not None:
            found.sort(key=lambda pair: len(pair[0].opens), reverse=direction == "DESC")

        def render(pair: tuple[Send, SandboxPerson]) -> dict[str, Any]:
            send, person = pair
            opens = [one for one in send.opens if since is None or _second(one.at) > since]
            return {
                **self._who(message, person),
                "contact_status": person.status,
                "opens_count": len(opens),
                "proxy_excluded_opens_count": sum(not one.is_machine for one in opens),
                "opens": [{"timestamp": when(one.at), "is_proxy_open": flags and one.is_machine} for one in opens],
            }

        opens = [one for send, _ in recipients for one in send.opens]
        return page(
            request,
            "members",
            found,
            render,
            campaign_id=message.id,
            total_opens=len(opens),
            total_proxy_excluded_opens=sum(not one.is_machine for one in opens) if flags else 0,
        )

    def unsubscribed(self, request: Request) -> dict[str, Any]:
        """Answer `GET /reports/{campaign_id}/unsubscribed`."""
        message, recipients = self._recipients(request)

        def render(pair: tuple[Send, SandboxPerson]) -> dict[str, Any]:
            send, person = pair
            return {**self._who(message, person), "timestamp": when(send.unsubscribed_at), "reason": "None given"}

        return page(
            request, "unsubscribes", [pair for pair in recipients if pair[0].unsubscribed_at], render, campaign_id=message.id
        )

    def abuse_reports(self, request: Request) -> dict[str, Any]:
        """Answer `GET /reports/{campaign_id}/abuse-reports`."""
        message, recipients = self._recipients(request)

        def render(pair: tuple[Send, SandboxPerson]) -> dict[str, Any]:
            send, person = pair
            return {**self._who(message, person), "id": person.number, "date": when(send.complained_at)}

        return page(
            request, "abuse_reports", [pair for pair in recipients if pair[0].complained_at], render, campaign_id=message.id
        )


def _second(at: int) -> int:
    return at // 1000 * 1000


def _events(send: Send) -> Iterable[tuple[int, dict[str, Any]]]:
    if send.status in ("hard", "soft"):
        yield _second(send.at), {"action": "bounce", "type": send.status, "timestamp": when(send.at), "ip": _IP}
    for one in send.opens[:MOST_EVENTS]:
        yield _second(one.at), {"action": "open", "timestamp": when(one.at), "ip": _IP}
    for click in send.clicks[:MOST_EVENTS]:
        yield _second(click.at), {"action": "click", "timestamp": when(click.at), "url": click.url, "ip": _IP}


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
