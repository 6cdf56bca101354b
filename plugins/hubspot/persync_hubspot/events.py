"""E-mail events: what was sent to whom, opened and clicked.

HubSpot gives them in the v1 API alone, which is unsupported from September 2027 and has no successor yet. So everything
behind this page knows an `EmailEvent`, and where events come from is an `EmailEventSource`: an export, webhooks or a
dated API can take v1's place without a change to rows or store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from pydantic import Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from persync.connect.readers import iso, picked
from persync.connect.stream import DAY_MS, Context, Incremental, Reader, Request, Size, Step, Stream, Token, Work
from persync.errors import ResponseError
from persync.rows import Action, CampaignRef, Person, Row, Touchpoint
from persync_hubspot import ab_test, api, records_mail
from persync_hubspot.consent_rows import word
from persync_hubspot.source import Source
from persync_hubspot.unused import EVENT

EVENT_TYPES = (
    "SENT",
    "DELIVERED",
    "OPEN",
    "CLICK",
    "BOUNCE",
    "STATUSCHANGE",
    "SPAMREPORT",
    "DROPPED",
    "SUPPRESSED",
    "MTA_DROPPED",
)
"""What is asked for. An unsubscription comes as STATUSCHANGE and again as UNSUBSCRIBED: the first says more, so it is read.

The other types are no touch (PROCESSED, DEFERRED, SELECTED, ERROR, UNBOUNCE, OPT_IN_CHANGE), repeat one
(CLICK_ON_IDENTIFIED_LINK), or have no meaning in the store (PRINT, FORWARD, REPLY).
"""

ACTIONS: Mapping[str, Action] = {
    "SENT": Action.SEND,
    "DELIVERED": Action.DELIVER,
    "OPEN": Action.OPEN,
    "CLICK": Action.CLICK,
    "BOUNCE": Action.BOUNCE,
    "STATUSCHANGE": Action.UNSUBSCRIBE,
    "UNSUBSCRIBED": Action.UNSUBSCRIBE,
    "SPAMREPORT": Action.COMPLAINT,
    "DROPPED": Action.DROP,
    "MTA_DROPPED": Action.DROP,
    "SUPPRESSED": Action.DROP,
}

FIRST_MAIL = 1_262_304_000_000
"""2010-01-01: no account has e-mail events older than this."""
FIRST_SPAN_DAYS = 32
MAILS_LOOKED_AT = 50
COUNTERS = ("sent", "delivered", "open", "click", "bounce", "unsubscribed", "spamreport", "dropped")
"""statistics of a mail that count what the events tell one by one"""
LONG_SLICE_PAGES = 20
REREAD_DAYS = 3
NO_OFFSET = "Pull again later; what was read is kept."
PATIENCE = 5
"""How often a slice may start again without getting anywhere."""


class _Moment(TypedDict, total=False):
    created: Any


class _Moments(TypedDict):
    # What is no record at all is let through: the page is good, that record becomes a reject.
    events: list[Annotated[_Moment | Any, Field(union_mode="left_to_right")]]


@lru_cache(maxsize=1)
def _moments() -> TypeAdapter[_Moments]:
    return TypeAdapter(_Moments)


def _times(body: bytes) -> list[int | None]:
    """Return when each event of a page happened, without building the rest of it; None for one that does not say."""
    try:
        page = _moments().validate_json(body)
    except ValidationError:
        raise ResponseError("the answer is no page of e-mail events.", hint="Check base_url.") from None
    said = (event.get("created") if isinstance(event, dict) else None for event in page["events"])
    return [moment if type(moment) is int else None for moment in said]


class EmailEvent(NamedTuple):
    """One event, whoever told of it."""

    action: Action
    recipient: str
    happened_at: int
    email_campaign: str | None
    link: str | None = None
    link_number: int = 0
    is_machine: bool | None = None
    reason: str | None = None
    """why it was not sent, bounced or unsubscribed, in the vendor's own word; never free text"""


class EmailEventSource(Source, Protocol):
    """Where e-mail events come from, and how a record becomes events."""

    def events(self, record: Any) -> Iterator[EmailEvent]:
        """Yield the events of one record, none when it says nothing about a person."""
        ...


def event_stream(source: EmailEventSource) -> Stream:
    """Return the stream that reads e-mail events from a source."""

    def event_rows(record: Any, at: Context) -> Iterator[Row]:
        for event in source.events(record):
            person = Person(("email", event.recipient))
            side, until = ab_test.arm(at.fields, event.email_campaign)
            yield Touchpoint(
                CampaignRef(("email_campaign", event.email_campaign)) if event.email_campaign else None,
                person,
                event.action,
                event.happened_at,
                link=event.link,
                ordinal=event.link_number,
                variant=side,
                is_machine=event.is_machine,
                source=event.reason or "",
            )
            if event.action is Action.SEND:
                yield from ab_test.assignment(person, side, until, event.happened_at)

    return Stream(
        name="email_events",
        path=source.path,
        record=source.record,
        rows=event_rows,
        reader=source.reader,
        window=Incremental(overlap=REREAD_DAYS * DAY_MS),
        parent="account",
        # Which sends belong to a test is said by the mails.
        needs=("marketing_emails", "automated_emails"),
        scopes=source.scopes,
        supported_until=source.supported_until,
        safe=("id", "type"),
        facts=("sends", "opens", "clicks", "bounces", "unsubscribes", "complaints", "suppression"),
        unused=source.unused,
    )


@dataclass(frozen=True, slots=True)
class EventSlices:
    """Pages of v1 events of one type: newest first, slice by slice of time, from the end of the window to its start.

    Offsets die soon, or are not given at all. Since the newest come first, everything younger than the oldest event seen is
    already kept: then the slice starts again there, not at its beginning. Slices begin 32 days wide; one that fits on half
    a page makes the next twice as wide, one of many pages halves it, down to a day: quiet years cost few calls, busy days
    their own slice.
    """

    limit: int = 1000

    def sizing(self, work: Work) -> Request:
        """Ask for the latest mails of the window with their statistics: no answer about events tells how many there are."""
        params = {"limit": str(MAILS_LOOKED_AT), "sort": "-createdAt", "includeStats": "true", "isPublished": "true"}
        if work.since is not None:
            params["publishedAfter"] = iso(work.since)
        return Request(path=api.EMAILS, params=params)

    def sized(self, work: Work, body: bytes) -> Size | None:
        """Return how many events those statistics stand for: people are counted once there, events as often as they happen."""
        total, mails = picked(body, "total", "results")
        if not isinstance(total, int) or not isinstance(mails, list):
            return None
        counts = [(mail.get("stats") or {}).get("counters") or {} for mail in mails if isinstance(mail, dict)]
        counted = sum(int(each.get(name) or 0) for each in counts for name in COUNTERS)
        slices, token = 0, self._slice(work, work.until - 1, FIRST_SPAN_DAYS)
        while token is not None:
            slices, token = slices + 1, self._slice(work, token["from"] - 1, token["span"] * 2)
        note = f"by the statistics of {len(mails):,} of {total:,} mails; who opened or clicked again comes on top"
        return Size(round(counted * total / max(1, len(mails))), note, pages_each=slices)

    def start(self, work: Work) -> Token:
        whole = {"from": work.until, "to": work.until, "span": FIRST_SPAN_DAYS}
        return self._slice(work, work.until - 1, FIRST_SPAN_DAYS) or whole

    def request(self, work: Work, token: Token) -> Request:
        params = {
            "eventType": work.parent["type"],
            "startTimestamp": str(token["from"]),
            "endTimestamp": str(token["to"]),
            "limit": str(token.get("limit", self.limit)),
        }
        if "offset" in token:
            params["offset"] = token["offset"]
        return Request(path=work.stream.path, params=params)

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        more, offset = picked(body, "hasMore", "offset")
        times = _times(body)
        if more:
            # An event without a time, or with one that was not asked for, is a reject or a repetition: it leads nowhere.
            inside = (moment for moment in times if moment is not None and token["from"] <= moment <= token["to"])
            oldest = min(inside, default=token.get("oldest", token["to"]))
            following: Token | None = {**token, "offset": offset, "oldest": oldest, "pages": token.get("pages", 1) + 1}
            if not offset:
                following = self.shrink(work, {**token, "offset": "", "oldest": oldest, "pages": token.get("pages", 1)})
            if following is None:
                raise ResponseError("HubSpot says that there are more events, and not where.", hint=NO_OFFSET)
            return Step(body, ("events",), following)
        pages, span = token.get("pages", 1), token["span"]
        if pages == 1 and len(times) * 2 <= self.limit:
            span *= 2
        elif pages > LONG_SLICE_PAGES:
            span = max(1, span // 2)
        return Step(body, ("events",), self._slice(work, token["from"] - 1, span))

    def continues(self, token: Token) -> bool:
        return "offset" in token

    def shrink(self, work: Work, token: Token) -> Token | None:
        if "offset" not in token:
            return None
        # Events of the oldest millisecond seen are asked for again: some of them may be on the page that died.
        to = min(token["to"], token.get("oldest", token["to"]))
        # Counted in this run alone: a later one may find that the API has come to its senses.
        last, stuck = work.memo.get("stuck", (token["to"], 0))
        stuck = stuck + 1 if to == last else 0
        work.memo["stuck"] = to, stuck
        if stuck > PATIENCE:
            return None
        return {"from": token["from"], "to": to, "span": token["span"], "pages": token["pages"]}

    @staticmethod
    def _slice(work: Work, to: int, span: int) -> Token | None:
        """Return the slice that ends at a moment (inclusive), None when the window's start has been reached."""
        floor = max(work.since or 0, FIRST_MAIL)
        if to < floor:
            return None
        return {"from": max(floor, to - span * DAY_MS + 1), "to": to, "span": span}


@dataclass(frozen=True, slots=True)
class V1Events:
    """The v1 e-mail events API."""

    path: str = api.EVENTS_V1
    record: Any = records_mail.V1EmailEvent
    reader: Reader = EventSlices()
    scopes: tuple[str, ...] = ("content",)
    supported_until: str | None = api.V1_SUPPORTED_UNTIL
    unused: tuple[str, ...] = EVENT

    def events(self, record: Any) -> Iterator[EmailEvent]:
        """Yield what a record says happened; nothing for one that a later event made obsolete, or that is no touch."""
        event: records_mail.V1EmailEvent = record
        action = ACTIONS.get(event["type"])
        if action is None or event.get("obsoletedBy"):
            return
        if event["type"] == "STATUSCHANGE" and not _is_unsubscription(event):
            return
        campaign = event.get("emailCampaignId")
        yield EmailEvent(
            action,
            event["recipient"],
            event["created"],
            None if campaign is None else str(campaign),
            link=_bare(event.get("url")),
            # Scanners follow many links in one millisecond; links that differ in their query alone stay apart.
            link_number=(event.get("linkId") or 0) if action is Action.CLICK else 0,
            is_machine=event.get("filteredEvent") if action in (Action.OPEN, Action.CLICK) else None,
            reason=_reason(event, action),
        )


def _reason(event: records_mail.V1EmailEvent, action: Action) -> str | None:
    """Return the word that says why. The messages beside it (dropMessage, response) quote addresses and are not read."""
    if action is Action.DROP:
        return word(event.get("dropReason"))
    if action is Action.BOUNCE:
        return word(event.get("category"))
    return word(event.get("source")) if action is Action.UNSUBSCRIBE else None


def _is_unsubscription(event: records_mail.V1EmailEvent) -> bool:
    if event.get("portalSubscriptionStatus") == "UNSUBSCRIBED":
        return True
    return any(one.get("status") == "UNSUBSCRIBED" for one in event.get("subscriptions") or ())


def _bare(url: str | None) -> str | None:
    """Return a URL without user, query and fragment: HubSpot's own parameters name the reader."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.netloc else None
