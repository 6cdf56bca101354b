"""What the imitated API reports: counters of each campaign and what each recipient did."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from starlette.requests import Request

from persync.sandbox.world import Message, SandboxPerson, Send
from persync_mailchimp.dates import PROXY_FLAG_FROM, when
from persync_mailchimp.imitation.audience import Audience, member_id
from persync_mailchimp.imitation.campaigns import combination_id, is_issue
from persync_mailchimp.imitation.counts import Counts
from persync_mailchimp.imitation.query import DIRECTIONS, LINKS, moment_of, one_of, page, within

__all__ = ["Reports"]

MOST_EVENTS = 1000
"""email-activity shows this many opens and as many clicks of a member, no more"""
_IP = "203.0.113.12"


class Reports:
    """The reports of one world."""

    def __init__(self, audience: Audience, counts: Counts) -> None:
        self.audience = audience
        self.world = audience.world
        self._counted = counts

    def reports(self, request: Request) -> dict[str, Any]:
        """Answer `GET /reports`: whatever was sent."""
        kind = one_of(request, "type", ("regular", "plaintext", "absplit", "rss", "variate"))
        since, before = moment_of(request, "since_send_time"), moment_of(request, "before_send_time")
        found = [
            message
            for message in self._counted.messages
            if message.sent_at is not None
            and not is_issue(message)
            and (kind is None or message.kind == kind)
            and within(message.sent_at, since, before)
        ]
        return page(request, "reports", found, self._counted.report)

    def one_report(self, campaign_id: str) -> dict[str, Any]:
        """Answer `GET /reports/{campaign_id}`."""
        return self._counted.report(self._counted.message(campaign_id))

    def sub_reports(self, request: Request) -> dict[str, Any]:
        """Answer `GET /reports/{campaign_id}/sub-reports`: combinations of a test, issues, resends; all in one answer."""
        message = self._counted.message(request.path_params["campaign_id"])
        found = [self._counted.report(child) for child in self._counted.messages if child.parent == message.id]
        if message.kind == "variate":
            variants = sorted({send.variant for send in message.sends if send.variant})
            parts = [replace(message, sends=[s for s in message.sends if s.variant == variant]) for variant in variants]
            for variant, part in zip(variants, parts, strict=True):
                found.append({**self._counted.count(part), "id": combination_id(message, variant)})
        found = [{**report, "_links": LINKS} for report in found]
        return {"reports": found, "campaign_id": message.id, "total_items": len(found)}

    def click_details(self, request: Request) -> dict[str, Any]:
        """Answer `GET /reports/{campaign_id}/click-details`: the totals of each link as it stands in the message."""
        message = self._counted.message(request.path_params["campaign_id"])
        sort, direction = (
            one_of(request, "sort_field", ("total_clicks", "unique_clicks")),
            one_of(request, "sort_dir", DIRECTIONS),
        )
        clicks = [(click.url, send.person, click.at) for send in message.sends for click in send.clicks]
        people: dict[str, set[int]] = {}
        last: dict[str, int] = {}
        for url, person, at in clicks:
            people.setdefault(url, set()).add(person)
            last[url] = max(last.get(url, 0), at)
        totals = Counter(url for url, _, _ in clicks)
        every = sum(len(each) for each in people.values())
        found = sorted(totals)
        if sort is not None:
            by = {"total_clicks": totals.__getitem__, "unique_clicks": lambda url: len(people[url])}[sort]
            found.sort(key=by, reverse=direction == "DESC")

        def render(url: str) -> dict[str, Any]:
            return {
                "id": hashlib.sha256(f"{message.id}:{url}".encode()).hexdigest()[:10],
                "url": f"{url}{'&' if '?' in url else '?'}mc_cid={message.id}&mc_eid=UNIQID",
                "total_clicks": totals[url],
                "click_percentage": totals[url] / len(clicks),
                "unique_clicks": len(people[url]),
                "unique_click_percentage": len(people[url]) / every,
                "last_click": when(last[url]),
                "campaign_id": message.id,
            }

        return page(request, "urls_clicked", found, render, campaign_id=message.id)

    def _recipients(self, request: Request) -> tuple[Message, list[tuple[Send, SandboxPerson]]]:
        message = self._counted.message(request.path_params["campaign_id"])
        people = self.world.people
        # Whom Mailchimp deleted is gone from every list, but not from the counters.
        pairs = ((send, people[send.person]) for send in message.sends if send.status != "dropped")
        return message, [(send, person) for send, person in pairs if person.mailchimp_id is not None]

    def _who(self, message: Message, person: SandboxPerson) -> dict[str, Any]:
        return {
            "email_id": member_id(person.email),
            "email_address": person.email,
            "merge_fields": self.audience.merge_values(person),
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
        if message.parent is not None and message.kind == "regular":
            found = []  # resends show no activity, although their reports count it

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
        sort, direction = one_of(request, "sort_field", ("opens_count",)), one_of(request, "sort_dir", DIRECTIONS)
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
