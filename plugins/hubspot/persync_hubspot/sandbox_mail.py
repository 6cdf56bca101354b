"""The imitated marketing side: e-mails with statistics, campaigns with reports, and the v1 e-mail events."""

from __future__ import annotations

import base64
import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode

from persync.money import from_minor
from persync.sandbox.world import Message, Send, World
from persync_hubspot.properties import millis
from persync_hubspot.readers import MODELS
from persync_hubspot.sandbox_wire import Query, Refusal, first, iso, listed, page_size, uuid_of

ALL_TYPES = (
    "DROPPED, UNBOUNCE, STATUSCHANGE, DELIVERED, FORWARD, BOUNCE, REPLY, PRINT, PROCESSED, UNSUBSCRIBED, SUPPRESSED, "
    "CLICK_ON_IDENTIFIED_LINK, SENT, SELECTED, SPAMREPORT, OPT_IN_CHANGE, DEFERRED, ERROR, OPEN, MTA_DROPPED, CLICK"
)
EVENTS_MOST = 1000
PAGE_MOST = 100
SUBSCRIPTION = {"id": 23_704_464, "name": "Marketing Information"}
APP = {"id": 113, "name": "Batch"}


class Event(NamedTuple):
    """One event, before it is written out; `created` first, so that a list of them sorts by time."""

    created: int
    message: int
    send: int
    number: int
    kind: str


class Mail:
    """What a world's HubSpot account sent, and how it reports on it."""

    def __init__(self, world: World, *, offset_pages: int | None = None) -> None:
        self._world = world
        self._offset_pages = offset_pages
        self._portal = 10_000_000 + int(world.secret[:6], 16)
        self._messages = [message for message in world.messages if message.platform == "hubspot"]
        self._events: dict[str, list[Event]] | None = None
        self._campaigns = {str(campaign["guid"]): campaign for campaign in world.hubspot_campaigns}

    # -- marketing e-mails ---------------------------------------------------------------------------------------------

    def emails(self, query: Query) -> dict[str, Any]:
        """Answer the list of marketing e-mails, with statistics when they are asked for."""
        limit = page_size(first(query, "limit"), default=10, most=PAGE_MOST)
        found = [self._email(message, query) for message in self._messages]
        if first(query, "archived") == "true":
            found = []
        kind = first(query, "type")
        if kind:
            found = [email for email in found if email["type"] == kind]
        since = first(query, "updatedAfter")
        if since:
            found = [email for email in found if millis(email["updatedAt"], "updatedAt") > millis(since, "updatedAfter")]
        return _page(found, first(query, "after"), limit)

    def _email(self, message: Message, query: Query) -> dict[str, Any]:
        automated = message.kind.startswith("AUTOMATED")
        published = message.sent_at is not None
        campaign = self._campaigns.get(message.campaign_guid or "")
        updated = message.created_at if message.sent_at is None else max(message.sent_at, message.created_at)
        email: dict[str, Any] = {
            "id": message.id,
            "name": message.title,
            "subject": message.subject,
            "type": message.kind,
            "subcategory": "automated" if automated else "batch",
            "state": ("AUTOMATED" if automated else "PUBLISHED") if published else "DRAFT",
            "isPublished": published,
            "isAb": False,
            "isTransactional": False,
            "archived": False,
            "language": "en",
            "allEmailCampaignIds": list(message.email_campaign_ids) if published else [],
            "createdAt": iso(message.created_at),
            "updatedAt": iso(updated),
            "subscriptionDetails": {"subscriptionId": str(SUBSCRIPTION["id"]), "subscriptionName": SUBSCRIPTION["name"]},
            "to": {
                "contactIlsLists": {"include": ["61"], "exclude": []},
                "contactIds": {"include": [], "exclude": []},
                "limitSendFrequency": False,
                "suppressGraymail": False,
            },
        }
        if message.email_campaign_ids and published:
            email["primaryEmailCampaignId"] = message.email_campaign_ids[0]
        if message.sent_at is not None:
            email["publishDate"] = iso(message.sent_at)
        if campaign is not None:
            email |= {"campaign": campaign["guid"], "campaignName": campaign["name"]}
        if first(query, "workflowNames") == "true":
            email["workflowNames"] = [message.workflow] if message.workflow else []
        if message.html:
            email["content"] = {
                "templatePath": "@hubspot/email/dnd/plain_text.html",
                "plainTextVersion": "{{ site_settings.company_name }}",
                "widgets": {"hs_email_body": {"body": {"html": message.html}, "type": "module"}},
                "flexAreas": {},
                "smartFields": {},
            }
        if first(query, "includeStats") == "true":
            email["stats"] = _statistics(message)
        return email

    # -- campaigns -----------------------------------------------------------------------------------------------------

    def campaigns(self, query: Query) -> dict[str, Any]:
        """Answer the list of marketing campaigns, with the properties asked for."""
        limit = page_size(first(query, "limit"), default=50, most=PAGE_MOST)
        names = listed(query, "properties")
        found = []
        for guid, campaign in self._campaigns.items():
            values = {
                "hs_name": campaign["name"],
                "hs_campaign_status": "completed",
                "hs_currency_code": self._world.currency,
                "hs_start_date": iso(campaign["start"])[:10],
                "hs_end_date": iso(campaign["end"])[:10],
                "hs_spend_items_sum_amount": str(from_minor(campaign["spend_minor"], self._world.currency)),
            }
            found.append(
                {
                    "id": guid,
                    "properties": {name: values[name] for name in names if name in values},
                    "createdAt": iso(campaign["start"]),
                    "updatedAt": iso(campaign["end"]),
                    "businessUnits": [],
                }
            )
        return _page(found, first(query, "after"), limit)

    def revenue(self, guid: str, query: Query) -> dict[str, Any]:
        """Answer what HubSpot says a campaign earned under one of its models."""
        campaign = self._campaign(guid)
        model = first(query, "attributionModel", MODELS[0])
        if model not in MODELS:
            raise Refusal(400, f"Unknown attribution model {model[:40]}", "VALIDATION_ERROR")
        revenue: dict[str, int] = campaign["revenue"]
        amount = float(from_minor(revenue.get(model, revenue.get(MODELS[0], 0)), self._world.currency))
        return {
            "contactsNumber": len({send.person for message in self._of(guid) for send in message.sends}),
            "dealsNumber": campaign["deals"],
            "dealAmount": amount,
            "revenueAmount": amount,
            "currencyCode": self._world.currency,
        }

    def budget(self, guid: str) -> dict[str, Any]:
        """Answer what a campaign was allowed and what was spent on it."""
        campaign = self._campaign(guid)
        spent = float(from_minor(campaign["spend_minor"], self._world.currency))
        item = {"id": "1", "name": "Production", "order": 0, "createdAt": campaign["start"], "updatedAt": campaign["start"]}
        return {
            "currencyCode": self._world.currency,
            "budgetTotal": spent * 2,
            "spendTotal": spent,
            "remainingBudget": spent,
            "budgetItems": [{**item, "amount": spent * 2}],
            "spendItems": [{**item, "amount": spent}] if campaign["spend_minor"] else [],
        }

    def _campaign(self, guid: str) -> dict[str, Any]:
        if guid not in self._campaigns:
            raise Refusal(404, f"No campaign has the id {guid[:40]}", "OBJECT_NOT_FOUND")
        return self._campaigns[guid]

    def _of(self, guid: str) -> list[Message]:
        return [message for message in self._messages if message.campaign_guid == guid]

    # -- v1: sends and events ------------------------------------------------------------------------------------------

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
                    "counters": {"sent": _statistics(message)["counters"]["sent"]},
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
        low = _moment(query, "startTimestamp", 0)
        high = _moment(query, "endTimestamp", self._world.now)
        start, end = bisect_left(events, (low,)), bisect_right(events, (high + 1,))
        skip, pages = self._offset(query)
        if first(query, "excludeFilteredEvents") == "true":
            events = [event for event in events[start:end] if not self._shown(event)["filteredEvent"]]
            start, end = 0, len(events)
        last = end - skip
        shown = [self._shown(event) for event in reversed(events[max(last - limit, start) : max(last, start)])]
        more = last - limit > start
        return {"hasMore": more, "offset": self._token(query, skip + limit, pages + 1), "events": shown}

    def _offset(self, query: Query) -> tuple[int, int]:
        """Read an offset; refuse one that is not ours, belongs to another question, or has lived too long."""
        text = first(query, "offset")
        if not text:
            return 0, 0
        try:
            skip, pages, question = base64.urlsafe_b64decode(text.encode()).decode().split(":")
            alive = self._offset_pages is None or int(pages) <= self._offset_pages
            if alive and question == self._question(query):
                return int(skip), int(pages)
        except (ValueError, UnicodeError):
            pass
        raise Refusal(400, "The offset is no longer valid")

    def _token(self, query: Query, skip: int, pages: int) -> str:
        return base64.urlsafe_b64encode(f"{skip}:{pages}:{self._question(query)}".encode()).decode()

    def _question(self, query: Query) -> str:
        asked = urlencode(sorted((name, values[0]) for name, values in query.items() if name != "offset"))
        return hashlib.blake2b(f"{self._world.secret} {asked}".encode(), digest_size=8).hexdigest()

    def _sorted(self, kind: str) -> list[Event]:
        """Return the events of one type, or of all, oldest first."""
        if self._events is None:
            everything = sorted(
                Event(at, number, position, index, type_)
                for number, message in enumerate(self._messages)
                for position, send in enumerate(message.sends)
                for type_, at, index in _happened(send)
            )
            self._events = {"": everything}
            for event in everything:
                self._events.setdefault(event.kind, []).append(event)
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
            shown["filteredEvent"] = _is_filtered(send, event.number)
        elif kind == "BOUNCE":
            shown |= {
                "category": "UNKNOWN_USER" if send.status == "hard" else "MAILBOX_FULL",
                "status": "5.1.1" if send.status == "hard" else "4.2.2",
            }
        elif kind == "DROPPED":
            shown |= {"dropReason": "PREVIOUSLY_UNSUBSCRIBED", "dropMessage": ""}
        elif kind == "STATUSCHANGE":
            shown |= {
                "portalSubscriptionStatus": "UNSUBSCRIBED",
                "requestedBy": person.email,
                "source": "SOURCE_RECIPIENT",
                "subscriptions": [{"id": SUBSCRIPTION["id"], "status": "UNSUBSCRIBED"}],
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


def _is_filtered(send: Send, number: int) -> bool:
    """Tell whether HubSpot's filter noticed that a scanner clicked; it misses a third of them."""
    return send.clicks[number].is_machine and send.person % 3 != 0


def _statistics(message: Message) -> dict[str, Any]:
    """Count as HubSpot does: people, each once, what its filter caught left out; ratios in percent."""
    sends = message.sends
    sent = sum(send.status != "dropped" for send in sends)
    hard = sum(send.status == "hard" for send in sends)
    soft = sum(send.status == "soft" for send in sends)
    dropped = len(sends) - sent
    delivered = sent - hard - soft
    opened = {send.person for send in sends if any(not one.is_machine for one in send.opens)}
    clicked = {send.person for send in sends if any(not _is_filtered(send, number) for number in range(len(send.clicks)))}
    counters = {
        "selected": len(sends),
        "sent": sent,
        "delivered": delivered,
        "open": len(opened),
        "click": len(clicked),
        "bounce": hard + soft,
        "hardbounced": hard,
        "softbounced": soft,
        "dropped": dropped,
        "notsent": dropped,
        "contactslost": sum(send.unsubscribed_at is not None or send.complained_at is not None for send in sends),
        "unsubscribed": sum(send.unsubscribed_at is not None for send in sends),
        "spamreport": sum(send.complained_at is not None for send in sends),
        "suppressed": 0,
        "pending": 0,
    }
    ratios = {f"{name}ratio": round(100 * counters[name] / (delivered or 1), 3) for name in ("open", "click", "unsubscribed")}
    return {"counters": counters, "ratios": ratios, "deviceBreakdown": {}, "qualifierStats": {}}


def _moment(query: Query, name: str, default: int) -> int:
    value = first(query, name)
    if not value:
        return default
    if not value.isdigit():
        raise Refusal(400, f"{name} must be a number of milliseconds")
    return int(value)


def _page(found: list[dict[str, Any]], after: str, limit: int) -> dict[str, Any]:
    """Cut a page out of a list; the cursor is the encoded id of the last record before it."""
    start = 0
    if after:
        try:
            last = base64.b64decode(after.encode(), validate=True).decode()
            start = next(number for number, one in enumerate(found) if one["id"] == last) + 1
        except (ValueError, StopIteration):
            raise Refusal(400, "Invalid input: the after cursor is not valid", "VALIDATION_ERROR") from None
    page = found[start : start + limit]
    answer: dict[str, Any] = {"total": len(found), "results": page}
    if start + limit < len(found):
        following = base64.b64encode(page[-1]["id"].encode()).decode()
        answer["paging"] = {"next": {"after": following, "link": f"https://api.hubapi.com/?after={following}"}}
    return answer
