"""From records to rows: the account, its properties and pipelines, its people. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator

from persync.coarse import coarse
from persync.connect.stream import Context
from persync.errors import RecordError
from persync.rows import (
    Account,
    Attribute,
    Child,
    Consent,
    Contact,
    Deletion,
    Field,
    MemberOf,
    Merged,
    Person,
    Present,
    Row,
    Stage,
)
from persync_hubspot import properties as prop
from persync_hubspot import records
from persync_hubspot.events import EVENT_TYPES
from persync_hubspot.shapes import archived_at, associated, created_at

RESENDING_TYPES = ("AUTOMATED_EMAIL", "AUTOMATED_AB_EMAIL", "MARKETING_SINGLE_SEND_API")
"""Types of mails that go on being sent without being edited, so that no change date tells of their new statistics."""

VERSIONS_MOST = 45
"""versions of a value that HubSpot keeps of a contact"""
HISTORY_CUT = "history_cut"
FIRST_TOUCH = "first_touch"
SENSITIVE = frozenset({"sensitive", "highly_sensitive"})
CONSENT_WORDS = ("freely given consent", "consent_with_notice", "consent with notice")


def account_rows(record: records.PortalDetails, at: Context) -> Iterator[Row]:
    """Yield the account, and the work that is the same in every account: one partition for each type of mail and event."""
    yield Account(str(record["portalId"]), currency=record["companyCurrency"], timezone=record["timeZone"])
    for kind in RESENDING_TYPES:
        yield Child("automated_emails", kind, {"type": kind})
    for kind in EVENT_TYPES:
        yield Child("email_events", kind, {"type": kind})


def property_rows(record: records.PropertyRecord, at: Context) -> Iterator[Row]:
    """Yield one property that contacts have in this account: what may be opted in to, its type, and if it is sensitive.

    The life-cycle stages are the account's own since 2022: their names and labels are the options of that property.
    """
    yield Field("contacts", record["name"], record["type"], record.get("label") or "")
    sensitivity = record.get("dataSensitivity") or at.params.get("sensitivity")
    if sensitivity in SENSITIVE:
        yield Field("contacts:sensitive", record["name"], sensitivity)
    if record["name"] == "lifecyclestage":
        for option in record.get("options") or ():
            yield Field("contacts:lifecyclestage", option["value"], "option", option.get("label") or "")


def pipeline_rows(record: records.Pipeline, at: Context) -> Iterator[Row]:
    """Yield each stage of a pipeline with what its metadata, not its label, says it is: open, won or lost."""
    pipeline = record.get("id") or record.get("pipelineId")
    if not pipeline:
        raise RecordError("a pipeline without an id.", field="id")
    for stage in record["stages"]:
        name = stage.get("id") or stage.get("stageId")
        if not name:
            raise RecordError("a stage without an id.", field="stages.id")
        yield Field(f"pipeline:{pipeline}", name, _stage_state(stage["metadata"]), stage["label"])


def _stage_state(metadata: records.StageMetadata) -> str:
    if metadata.get("isClosed") != "true":
        return "open"
    return "won" if metadata.get("probability") in ("1.0", "1") else "lost"


def contact_rows(record: records.CrmObject, at: Context) -> Iterator[Row]:
    """Yield a contact: its consent, stages and merges, and the attributes the user opted in to. No name, no address."""
    values = record["properties"]
    email, person = prop.text(values, "email"), _bearer(record)
    yield Contact(
        person,
        created_at=created_at(record, "createdate"),
        status=prop.text(values, "lifecyclestage"),
        source=prop.text(values, "hs_analytics_source"),
        is_deleted=False,
    )
    if email:
        yield _consent(person, values)
    for name, stage in prop.STAGE_DATES.items():
        entered = prop.moment(values, name)
        if entered is not None:
            yield Stage(person, stage, entered)
    if (seen := prop.moment(values, "hs_analytics_first_timestamp")) is not None and not _is_imported(values):
        yield Stage(person, FIRST_TOUCH, seen)
    for name, basis in at.settings.attributes.items():
        if name in values:
            value = prop.text(values, name)
            yield Attribute(person, name, None if value is None else coarse(name, value, at.now), basis)
    for loser in _merged(values):
        if loser != record["id"]:
            yield Merged(person, Person(("id", loser)))


def archived_contact_rows(record: records.CrmObject, at: Context) -> Iterator[Row]:
    """Yield that a contact was deleted, and when; HubSpot keeps it for 90 days and then forgets it."""
    yield Contact(_bearer(record), created_at=created_at(record, "createdate"), is_deleted=True)
    yield Deletion("contact", record["id"], archived_at(record))


def history_rows(record: records.ContactHistory, at: Context) -> Iterator[Row]:
    """Yield every life-cycle stage a contact ever entered, moves backward and forward again included.

    HubSpot clears the date of a stage when somebody is moved back by hand, so the dates alone cannot tell. It keeps only
    the last versions of a value: where it has cut, the stage `history_cut` says from when on the history is known.
    """
    person = Person(("id", record["id"]))
    versions = record.get("propertiesWithHistory", {}).get("lifecyclestage", [])
    times = []
    for version in versions:
        entered = prop.millis(version["timestamp"], "propertiesWithHistory.lifecyclestage.timestamp")
        times.append(entered)
        if version["value"]:
            yield Stage(person, version["value"], entered)
    if len(versions) >= VERSIONS_MOST:
        yield Stage(person, HISTORY_CUT, min(times))


def contact_company_rows(record: records.LinkedObject, at: Context) -> Iterator[Row]:
    """Yield the companies that a contact belongs to now: a set, so that leaving one is noticed."""
    companies = associated(record, "companies")
    if companies is not None:
        yield MemberOf(Person(("id", record["id"])), "company", "", tuple(companies))


def present_rows(record: records.ObjectId, at: Context) -> Iterator[Row]:
    """Yield that an object is still there."""
    yield Present(record["id"])


def _is_imported(values: prop.Properties) -> bool:
    """Tell whether a contact came from a file or by hand: then its first "visit" is the moment of the import."""
    return prop.text(values, "hs_analytics_source") == "OFFLINE"


def _bearer(record: records.CrmObject) -> Person:
    """Return who a contact is: under its id, its address, and those of the contacts that went into it."""
    values = record["properties"]
    others = prop.several(values, "hs_additional_emails")
    found: Person = Person(("id", record["id"]), ("email", prop.text(values, "email")), *(("email", other) for other in others))
    return found


def _merged(values: prop.Properties) -> list[str]:
    """Return the contacts that went into this one. The two properties each miss some; the second adds ":time" to an id."""
    listed = prop.several(values, "hs_merged_object_ids")
    listed += [part.partition(":")[0] for part in prop.several(values, "hs_calculated_merged_vids")]
    return list(dict.fromkeys(listed))


def _consent(person: Person, values: prop.Properties) -> Consent:
    """Read consent from the opt-out flag and the legal basis. Having opted out of nothing is not consent."""
    if prop.flag(values, "hs_email_optout"):
        return Consent(person, "email", "unsubscribed")
    bases = [basis.lower() for basis in prop.several(values, "hs_legal_basis")]
    if any(word in basis for basis in bases for word in CONSENT_WORDS):
        return Consent(person, "email", "subscribed", level="consent")
    if any("legitimate" in basis for basis in bases):
        return Consent(person, "email", "subscribed", level="legitimate_interest")
    if any("performance" in basis for basis in bases):
        return Consent(person, "email", "not_subscribed", level="contract")
    return Consent(person, "email", "unknown")
