"""The imitated v1 e-mail endpoints: the numbers of sends, and who was sent, opened and clicked what."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode

from persync.sandbox.world import Send, World
from persync_hubspot.sandbox_consent import MARKETING
from persync_hubspot.sandbox_mail_stats import is_filtered, statistics
from persync_hubspot.sandbox_offsets import Offsets, moment
from persync_hubspot.sandbox_wire import Query, Refusal, first, page_size, uuid_of

ALL_TYPES = (
    "DROPPED, UNBOUNCE, STATUSCHANGE, DELIVERED, FORWARD, BOUNCE, REPLY, PRINT, PROCESSED, UNSUBSCRIBED, SUPPRESSED, "
    "CLICK_ON_IDENTIFIED_LINK, SENT, SELECTED, SPAMREPORT, OPT_IN_CHANGE, DEFERRED, ERROR, OPEN, MTA_DROPPED, CLICK"
)
EVENTS_MOST = 1000
APP = {"id": 113, "name": "Batch"}
DROP_REASONS = ("PREVIOUSLY_UNSUBSCRIBED_MESSAGE", "PREVIOUSLY_BOUNCED", "GRAYMAIL_SUPPRESSED")


class Event(NamedTuple):
    """One event, before it is written out; `created` first, so that a list of them sorts by time."""

    created: int
    message: int
    send: int
    number: int
    kind: str


class MailEvents:
    """What a world's HubSpot account sent, one event at a time."""

    def __init__(self, world: World, offsets: Offsets) -> None:
        self._world = world
        self._offsets = offsets
        self._portal = 10_000_000 + int(world.secret[:6], 16)
        self._messages = [message for message in world.messages if message.platform == "hubspot"]
        self._events: dict[str, list[Event]] | None = None

    def email_campaign_ids(self, query: Query) -> dict[str, Any]:
        """Answer the numbers of all sends."""
        limit = page_size(first(query, "limit"), default=10, most=1000, category="")
        numbers = sorted(int(one) for message in self._messages if message.sent_at for one in message.email_campaign_ids)
        after = first(query, "offset")
        start = int(after) if after.isdigit() else 0
        page = [{"id": one, "appId": APP["id"], "appName": APP["name"]} for one in numbers[start : start + limit]]
        return {"campaigns": page, "hasMore": start + limit < len(numbers), "offset": str(start + limit)}

    def email_campaign(self, number: str) -> dict[str, Any]:
        """Answer one send: which marketing e-mail it belongs to, and its counters."""
        for message in self._messages:
            if number in message.email_campaign_ids and message.sent_at is not None:
                return {
                    "id": int(number),
                    "appId": APP["id"],
                    "appName": APP["name"],
                    "contentId": int(message.id),
                    "name": message.title,
                    "subject": message.subject,
                    "type": message.kind,
                    "counters": {"sent": statistics(message)["counters"]["sent"]},
                    "numIncluded": len(message.sends),
                    "processingState": "DONE",
                    "lastUpdatedTime": message.sent_at,
                }
        raise Refusal(404, f"No campaign with id {number[:20]}")

    def events(self, query: Query) -> dict[str, Any]:
        """Answer e-mail events of one type, newest first."""
        limit = page_size(first(query, "limit"), default=10, most=EVENTS_MOST, category="")
        kind = first(query, "eventType")
        known = ALL_TYPES.split(", ")
        if kind and kind not in known:
            raise Refusal(
                400,
                "Invalid input JSON on line -1, column -1: "
                "Cannot deserialize value of type `com.hubspot.email.events.EventType` "
                f'from String "{{{kind[:80]}}}": not one of the values accepted for Enum class: [{ALL_TYPES}]',
            )
        events = self._sorted(kind)
        low = moment(query, "startTimestamp", 0)
        high = moment(query, "endTimestamp", self._world.now)
        start, end = bisect_left(events, (low,)), bisect_right(events, (high + 1,))
        skip, pages = self._offsets.read(query)
        if first(query, "excludeFilteredEvents") == "true":
            events = [event for event in events[start:end] if not self._shown(event)["filteredEvent"]]
            start, end = 0, len(events)
        last = end - skip
        shown = [self._shown(event) for event in reversed(events[max(last - limit, start) : max(last, start)])]
        more = last - limit > start
        return {"hasMore": more, "offset": self._offsets.make(query, skip + limit, pages + 1), "events": shown}

    def _sorted(self, kind: str) -> list[Event]:
        """Return the events of one type, or of all, oldest first."""
        if self._events is None:
            everything = sorted(
                Event(at, number, position, index, type_)
                for number, message in enumerate(self._messages)
                for position, send in enumerate(message.sends)
                for type_, at, index in _happened(send)
            )
            found = {"": everything}
            for event in everything:
                found.setdefault(event.kind, []).append(event)
            # Only when it is whole: callers in other threads must not see half of it.
            self._events = found
        return self._events.get(kind, [])

    def _shown(self, event: Event) -> dict[str, Any]:
        message = self._messages[event.message]
        send = message.sends[event.send]
        person = self._world.people[send.person]
        number = int(message.email_campaign_ids[0])
        kind, name = event.kind, f"{message.id} {event.send}"
        shown: dict[str, Any] = {
            "appName": APP["name"],
            "created": event.created,
            "id": uuid_of(f"{name} {kind} {event.number}"),
            "recipient": person.email,
            "portalId": self._portal,
            "appId": APP["id"],
            "emailCampaignId": number,
            "type": kind,
            "filteredEvent": False,
        }
        if kind != "SENT":
            shown["sentBy"] = {"id": uuid_of(f"{name} SENT 0"), "created": send.at}
        if kind == "SENT":
            shown["subject"] = message.title
        elif kind == "OPEN":
            opened = send.opens[event.number]
            shown |= {"deviceType": "COMPUTER", "duration": 0 if opened.is_machine else 4000, "browser": {}, "location": {}}
            shown["filteredEvent"] = opened.is_machine
        elif kind == "CLICK":
            click = send.clicks[event.number]
            mark = "&" if "?" in click.url else "?"
            tags = {"utm_medium": "email", "utm_source": "hs_email", "utm_content": number, "_hsmi": number, "_hsenc": name}
            shown |= {"url": f"{click.url}{mark}{urlencode(tags)}", "linkId": event.number, "deviceType": "MOBILE"}
            shown |= {"browser": {}, "location": {}, "referer": ""}
            shown["filteredEvent"] = is_filtered(send, event.number)
        elif kind == "BOUNCE":
            shown |= {
                "category": "UNKNOWN_USER" if send.status == "hard" else "MAILBOX_FULL",
                "status": "5.1.1" if send.status == "hard" else "4.2.2",
            }
        elif kind == "DROPPED":
            shown |= {"dropReason": DROP_REASONS[send.person % 3], "dropMessage": "a sentence about the address"}
        elif kind == "STATUSCHANGE":
            shown |= {
                "portalSubscriptionStatus": "UNSUBSCRIBED",
                "requestedBy": person.email,
                "source": "SOURCE_RECIPIENT",
                "subscriptions": [{"id": MARKETING, "status": "UNSUBSCRIBED"}],
            }
        return shown


def _happened(send: Send) -> Iterator[tuple[str, int, int]]:
    """Yield (type, when, number within the type) of each event of a send."""
    if send.status == "dropped":
        yield "DROPPED", send.at, 0
        return
    yield "SENT", send.at, 0
    if send.status in ("hard", "soft"):
        yield "BOUNCE", send.at + 2000, 0
        return
    yield "DELIVERED", send.at + 1000, 0
    for number, opened in enumerate(send.opens):
        yield "OPEN", opened.at, number
    for number, click in enumerate(send.clicks):
        yield "CLICK", click.at, number
    if send.unsubscribed_at is not None:
        yield "STATUSCHANGE", send.unsubscribed_at, 0
        yield "UNSUBSCRIBED", send.unsubscribed_at, 0
    if send.complained_at is not None:
        yield "SPAMREPORT", send.complained_at, 0
