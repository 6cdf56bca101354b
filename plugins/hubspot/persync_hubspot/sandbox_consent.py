"""The imitated side of consent: types of subscription, statuses by address, the v1 log of changes, flags on contacts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from persync.sandbox.world import SandboxPerson, World
from persync_hubspot.sandbox_offsets import Offsets, moment
from persync_hubspot.sandbox_wire import Query, Refusal, first, iso, page_size, uuid_of

MARKETING = 23_704_464
NEWS = 23_704_465
TYPES = {MARKETING: "Marketing Information", NEWS: "Product News"}
BATCH_MOST = 100
LOG_MOST = 1000
PROPERTIES = {"hs_email_last_send_date": "datetime", **{f"hs_email_optout_{kind}": "bool" for kind in TYPES}}
"""What contacts have besides, because of what is sent to them"""


class HasValues(Protocol):
    """A contact of the imitated CRM: its number and its properties."""

    number: int
    values: dict[str, str | None]


def add_consent(contacts: Iterable[HasValues], world: World) -> None:
    """Give contacts their opt-out flags and the date of the last mail they were sent."""
    sent = _last_sent(world)
    people = {int(person.hubspot_id or 0): person for person in world.people.values() if person.hubspot_id}
    for contact in contacts:
        if (person := people.get(contact.number)) is None:
            continue
        last = sent.get(person.number)
        contact.values["hs_email_last_send_date"] = None if last is None else iso(last)
        for kind in TYPES:
            state = _state(person, kind)
            # A flag that was set once is never empty again.
            never = "" if person.status_changed_at is None else "false"
            contact.values[f"hs_email_optout_{kind}"] = {"UNSUBSCRIBED": "true", "SUBSCRIBED": "false"}.get(state, never)


def _last_sent(world: World) -> dict[int, int]:
    found: dict[int, int] = {}
    for message in world.messages:
        if message.platform == "hubspot":
            for send in message.sends:
                if send.status != "dropped":
                    found[send.person] = max(send.at, found.get(send.person, 0))
    return found


def _state(person: SandboxPerson, kind: int) -> str:
    if kind == NEWS:
        return "UNSUBSCRIBED" if person.number % 5 == 0 else "NOT_SPECIFIED"
    return {"subscribed": "SUBSCRIBED", "unsubscribed": "UNSUBSCRIBED"}.get(person.status, "NOT_SPECIFIED")


class Consents:
    """What a world's people agreed to, as HubSpot tells it."""

    def __init__(self, world: World, offsets: Offsets) -> None:
        self._world = world
        self._offsets = offsets
        self._portal = 10_000_000 + int(world.secret[:6], 16)
        self._by_address = {person.email.lower(): person for person in world.people.values() if person.hubspot_id}
        self._log: list[dict[str, Any]] | None = None

    def definitions(self) -> dict[str, Any]:
        """Answer the types of subscription."""
        born = iso(self._world.now - 900 * 86_400_000)
        found = [
            {
                "id": str(kind),
                "name": name,
                "description": f"{name} by e-mail",
                "purpose": "Marketing",
                "communicationMethod": "Email",
                "isActive": True,
                "isDefault": kind == MARKETING,
                "isInternal": False,
                "createdAt": born,
                "updatedAt": born,
                "businessUnitId": 0,
            }
            for kind, name in TYPES.items()
        ]
        return self._done(found)

    def statuses(self, query: Query, body: Any) -> tuple[int, dict[str, Any]]:
        """Answer what up to a hundred addresses said to each type of subscription."""
        return self._batch(query, body, lambda address: {"statuses": list(self._of(address))})

    def unsubscribed(self, query: Query, body: Any) -> tuple[int, dict[str, Any]]:
        """Answer which of up to a hundred addresses unsubscribed from everything."""
        return self._batch(query, body, lambda address: {"wideStatuses": [self._wide(address)]})

    def _batch(self, query: Query, body: Any, answer: Any) -> tuple[int, dict[str, Any]]:
        if first(query, "channel") != "EMAIL":
            raise Refusal(400, "channel is required and must be EMAIL", "VALIDATION_ERROR")
        inputs = body.get("inputs")
        if not isinstance(inputs, list) or not 1 <= len(inputs) <= BATCH_MOST:
            raise Refusal(400, f"inputs must hold 1 to {BATCH_MOST} addresses", "VALIDATION_ERROR")
        good = [str(one) for one in inputs if "@" in str(one)]
        told = self._done([{"subscriberIdString": one, **answer(one)} for one in good])
        bad = len(inputs) - len(good)
        if not bad:
            return 200, told
        error = {
            "status": "error",
            "category": "VALIDATION_ERROR",
            "message": "Invalid subscriber id",
            "context": {},
            "errors": [],
            "links": {},
        }
        return 207, {**told, "numErrors": bad, "errors": [error] * bad}

    def _of(self, address: str) -> Iterable[dict[str, Any]]:
        person = self._by_address.get(address.lower())
        for kind, name in TYPES.items():
            state = "NOT_SPECIFIED" if person is None else _state(person, kind)
            status: dict[str, Any] = {
                "channel": "EMAIL",
                "subscriberIdString": address,
                "subscriptionId": kind,
                "subscriptionName": name,
                "status": state,
                "source": "",
                "timestamp": "1970-01-01T00:00:00Z",
                "businessUnitId": 0,
            }
            if person is not None and state != "NOT_SPECIFIED":
                status["timestamp"] = iso(_since(person, state))
                status["source"] = "FORM_SUBMISSION" if state == "SUBSCRIBED" else "PUBLIC_STATUS_API"
                status["legalBasis"] = "CONSENT_WITH_NOTICE" if state == "SUBSCRIBED" else "LEGITIMATE_INTEREST_CLIENT"
                status["legalBasisExplanation"] = "a sentence that somebody wrote"
            yield status

    def _wide(self, address: str) -> dict[str, Any]:
        person = self._by_address.get(address.lower())
        at = None if person is None else self._left_all().get(person.number)
        return {
            "channel": "EMAIL",
            "subscriberIdString": address,
            "status": "NOT_SPECIFIED" if at is None else "UNSUBSCRIBED",
            "timestamp": "1970-01-01T00:00:00Z" if at is None else iso(at),
            "wideStatusType": "PORTAL_WIDE",
        }

    def _left_all(self) -> dict[int, int]:
        return {
            send.person: send.unsubscribed_at
            for message in self._world.messages
            if message.platform == "hubspot"
            for send in message.sends
            if send.unsubscribed_at is not None
        }

    def _done(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        at = iso(self._world.now)
        return {"status": "COMPLETE", "startedAt": at, "completedAt": at, "results": results}

    # -- the v1 log ----------------------------------------------------------------------------------------------------

    def log(self, query: Query) -> dict[str, Any]:
        """Answer the changes of consent between two moments, in no order that is promised."""
        limit = page_size(first(query, "limit"), default=10, most=LOG_MOST, category="")
        low, high = moment(query, "startTimestamp", 0), moment(query, "endTimestamp", self._world.now)
        skip, pages = self._offsets.read(query)
        if self._log is None:
            self._log = self._changes()
        found = [one for one in self._log if low <= one["timestamp"] <= high]
        page = found[skip : skip + limit]
        return {
            "timeline": page,
            "hasMore": skip + limit < len(found),
            "offset": self._offsets.make(query, skip + limit, pages + 1),
        }

    def _changes(self) -> list[dict[str, Any]]:
        log = []
        for person in self._world.people.values():
            if not person.hubspot_id:
                continue
            # A log forgets nothing: who became something else since had agreed all the same.
            if person.status in ("subscribed", "unsubscribed") or person.status_changed_at is not None:
                log.append(self._entry(person, person.created_at, "SUBSCRIBED", MARKETING))
            if person.status == "unsubscribed":
                log.append(self._entry(person, _since(person, "UNSUBSCRIBED"), "UNSUBSCRIBED", MARKETING))
        for message in self._world.messages:
            for send in message.sends if message.platform == "hubspot" else ():
                person = self._world.people[send.person]
                if person.hubspot_id and send.unsubscribed_at is not None:
                    log.append(self._entry(person, send.unsubscribed_at, "UNSUBSCRIBED", None))
                if person.hubspot_id and send.complained_at is not None:
                    log.append(self._entry(person, send.complained_at, "REPORTED_SPAM", None))
        # By a name that has nothing to do with time: no order is promised.
        return sorted(log, key=lambda one: uuid_of(f"{one['timestamp']} {one['recipient']}"))

    def _entry(self, person: SandboxPerson, at: int, change: str, subscription: int | None) -> dict[str, Any]:
        told: dict[str, Any] = {"change": change, "source": "SOURCE_RECIPIENT", "portalId": self._portal}
        if subscription is not None:
            told |= {"changeType": "SUBSCRIPTION_STATUS", "subscriptionId": subscription}
        else:
            told["changeType"] = "PORTAL_STATUS" if change == "UNSUBSCRIBED" else "PORTAL_SPAM_REPORT"
            told["causedByEvent"] = {"id": uuid_of(f"{person.number} {at}"), "created": at}
        return {"timestamp": at, "recipient": person.email, "portalId": self._portal, "changes": [told]}


def _since(person: SandboxPerson, state: str) -> int:
    """Return when a person's state for the first type began."""
    if state == "SUBSCRIBED":
        return person.created_at
    return person.status_changed_at if person.status_changed_at is not None else person.updated_at
