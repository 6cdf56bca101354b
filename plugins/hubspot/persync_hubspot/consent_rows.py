"""From records to rows: who agreed to be written to, for which type of subscription. Pure functions; no address is kept.

Consent by type has three sources, each with a channel of its own, because they know different things about one state:
`email/<type>` is what HubSpot states for the address (Enterprise), `email_optout/<type>` the flag on the contact (any
tier), and the log of changes gives dated changes of the channel `email/<type>`. The channel `email` is the contact's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from persync.connect.stream import Context
from persync.errors import RecordError
from persync.rows import Consent, Person, Row, Segment
from persync_hubspot import properties as prop
from persync_hubspot import records_mail

STATES = {
    "SUBSCRIBED": "subscribed",
    "UNSUBSCRIBED": "unsubscribed",
    "NOT_SUBSCRIBED": "not_subscribed",
    "NOT_SPECIFIED": "unknown",
}
"""NOT_SPECIFIED says that nobody ever asked: it is no consent. NOT_SUBSCRIBED is the word of older versions."""

OPT_OUT = re.compile(r"hs_email_optout_(\d+)")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_ -]{0,59}")


def definition_rows(record: records_mail.SubscriptionDefinition, at: Context) -> Iterator[Row]:
    """Yield a type of subscription under its name, so that a channel's number can be read."""
    rule = "/".join(word for word in (record.get("communicationMethod"), record.get("purpose")) if word)
    yield Segment("subscription", str(record["id"]), name=record["name"], rule=rule or None)


def status_rows(record: records_mail.SubscriptionStatus, at: Context) -> Iterator[Row]:
    """Yield the state of one address for one type of subscription, or for all of a portal's or a brand's."""
    state = STATES.get(record["status"])
    if state is None:
        raise RecordError("a status that says neither yes nor no.", field="status")
    legal = record.get("legalBasis")
    yield Consent(
        Person(("email", record["subscriberIdString"])),
        _channel(record),
        state,
        level=legal.lower() if legal else None,
        source=word(record.get("source")),
        # HubSpot gives the start of time where nothing was ever said.
        changed_at=prop.millis(record["timestamp"], "timestamp") or None,
    )


def _channel(record: records_mail.SubscriptionStatus) -> str:
    wide = record.get("wideStatusType")
    if wide:
        unit = record.get("businessUnitId")
        return "email/all" if wide == "PORTAL_WIDE" or unit is None else f"email/all/{unit}"
    subscription = record.get("subscriptionId")
    if subscription is None:
        raise RecordError("a status of no subscription.", field="subscriptionId")
    return f"email/{subscription}"


def opt_out_rows(record: records_mail.OptOuts, at: Context) -> Iterator[Row]:
    """Yield what a contact's flags say: opted out of a type, or no longer. Not having opted out is not consent."""
    values = record["properties"]
    person = Person(("id", record["id"]), ("email", prop.text(values, "email")))
    for name in sorted(values):
        if (kind := OPT_OUT.fullmatch(name)) is None:
            continue
        out = prop.flag(values, name)
        if out is not None:
            yield Consent(person, f"email_optout/{kind[1]}", "unsubscribed" if out else "unknown", source="hs_email_optout")


def word(text: str | None) -> str | None:
    """Return what reads like one of the vendor's own words, None for anything else: free text may name a person."""
    return text if text and _WORD.fullmatch(text) else None
