"""From records to rows: accounts, people, deals, orders. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator

from persync.connect.stream import Context
from persync.errors import RecordError
from persync.rows import (
    KEEP,
    Account,
    Attribute,
    Child,
    Consent,
    Contact,
    Field,
    LedgerEntry,
    Merged,
    Order,
    OrderPerson,
    OrderRef,
    Outcome,
    Person,
    Row,
    Stage,
)
from persync_hubspot import properties as prop
from persync_hubspot import records
from persync_hubspot.events import EVENT_TYPES

RESENDING_TYPES = ("AUTOMATED_EMAIL", "AUTOMATED_AB_EMAIL", "MARKETING_SINGLE_SEND_API")
"""Types of mails that go on being sent without being edited, so that no change date tells of their new statistics."""

KNOWN_ORDER_STATES = frozenset({"paid", "pending", "authorized", "cancelled", "refunded", "voided", "expired"})
CONSENT_WORDS = ("freely given consent", "consent_with_notice", "consent with notice")


def account_rows(record: records.PortalDetails, at: Context) -> Iterator[Row]:
    """Yield the account, and the work that is the same in every account: one partition for each type of mail and event."""
    yield Account(str(record["portalId"]), currency=record["companyCurrency"], timezone=record["timeZone"])
    for kind in RESENDING_TYPES:
        yield Child("automated_emails", kind, {"type": kind})
    for kind in EVENT_TYPES:
        yield Child("email_events", kind, {"type": kind})


def property_rows(record: records.PropertyRecord, at: Context) -> Iterator[Row]:
    """Yield one property that contacts have in this account: what may be opted in to, and its type."""
    yield Field("contacts", record["name"], record["type"], record.get("label") or "")


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
    email = prop.text(values, "email")
    person = Person(
        ("id", record["id"]), ("email", email), *(("email", other) for other in prop.several(values, "hs_additional_emails"))
    )
    created = prop.moment(values, "createdate")
    yield Contact(
        person,
        created_at=prop.millis(record["createdAt"], "createdAt") if created is None else created,
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
    for name, basis in at.settings.attributes.items():
        if name in values:
            value = prop.text(values, name)
            yield Attribute(person, name, None if value is None else prop.coarse(name, value, at.now), basis)
    for loser in _merged(values):
        if loser != record["id"]:
            yield Merged(Person(("id", record["id"])), Person(("id", loser)))


def archived_contact_rows(record: records.CrmObject, at: Context) -> Iterator[Row]:
    """Yield that a contact was deleted; HubSpot keeps it for 90 days and then forgets it."""
    person = Person(("id", record["id"]), ("email", prop.text(record["properties"], "email")))
    yield Contact(person, created_at=prop.millis(record["createdAt"], "createdAt"), is_deleted=True)


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


def deal_rows(record: records.CrmObject, at: Context) -> Iterator[Row]:
    """Yield a deal; when it is won, its amount is one sale on the close date."""
    values = record["properties"]
    order = OrderRef(record["id"])
    currency = _currency(values, "deal_currency_code", at)
    status = _deal_status(values, at)
    total = prop.amount(values, "amount", currency)
    closed = prop.moment(values, "closedate")
    created = prop.moment(values, "createdate")
    if created is None:
        created = prop.millis(record["createdAt"], "createdAt")
    sold_at = closed if status == "won" and closed is not None else created
    people = _associated(record, "contacts")
    yield Order(
        order,
        kind="deal",
        person=Person(("id", people[0])) if people else KEEP,
        ordered_at=sold_at,
        status=status,
        is_test=False,
        cancelled_at=None,
        currency=currency,
        total_minor=total,
    )
    yield from _further_people(order, people)
    if status == "won" and total is not None:
        yield LedgerEntry(order, "sale", "sale", "product", sold_at, total, currency)
    for loser in prop.several(values, "hs_merged_object_ids"):
        if loser != record["id"]:
            # The survivor holds the whole amount: what the merged deal was worth must not be counted beside it.
            yield from _withdrawn(OrderRef(loser), "deal", sold_at, currency)


def _deal_status(values: prop.Properties, at: Context) -> str:
    """Return open, won or lost: as HubSpot computes it, else as the stage's metadata says; never by the stage's name."""
    won = prop.flag(values, "hs_is_closed_won")
    closed = prop.flag(values, "hs_is_closed")
    if won is None and closed is None:
        stages = at.fields.get(f"pipeline:{prop.text(values, 'pipeline')}", {})
        return stages.get(prop.text(values, "dealstage") or "", "open")
    if won:
        return "won"
    return "lost" if closed else "open"


def archived_deal_rows(record: records.CrmObject, at: Context) -> Iterator[Row]:
    """Yield that a deal was deleted, and with it its sale."""
    values = record["properties"]
    yield from _withdrawn(OrderRef(record["id"]), "deal", _archived_at(record), _currency(values, "deal_currency_code", at))


def order_rows(record: records.CrmObject, at: Context) -> Iterator[Row]:
    """Yield HubSpot's copy of a shop's order, with the keys by which the shop's own is found.

    HubSpot has neither tax nor refunds of its own: the total is one sale, and counts only where no shop says better.
    """
    values = record["properties"]
    order = _shop_order(record)
    currency = _currency(values, "hs_currency_code", at)
    total = prop.amount(values, "hs_total_price", currency)
    ordered_at = prop.moment(values, "hs_external_created_date")
    if ordered_at is None:
        ordered_at = prop.moment(values, "hs_createdate")
    if ordered_at is None:
        ordered_at = prop.millis(record["createdAt"], "createdAt")
    state = (prop.text(values, "hs_external_order_status") or "").lower()
    people = _associated(record, "contacts")
    yield Order(
        order,
        kind="order",
        person=Person(("id", people[0])) if people else KEEP,
        ordered_at=ordered_at,
        status=state if state in KNOWN_ORDER_STATES else None,
        is_test=False,
        cancelled_at=None,
        currency=currency,
        total_minor=total,
    )
    yield from _further_people(order, people)
    if total is not None:
        yield LedgerEntry(order, "sale", "sale", "product", ordered_at, total, currency)


def archived_order_rows(record: records.CrmObject, at: Context) -> Iterator[Row]:
    """Yield that HubSpot's copy of an order was deleted, and with it its sale."""
    currency = _currency(record["properties"], "hs_currency_code", at)
    yield from _withdrawn(_shop_order(record), "order", _archived_at(record), currency)


def order_people_rows(record: records.ObjectAssociations, at: Context) -> Iterator[Row]:
    """Yield whose deal or order it is, from the associations alone: a search never gives them."""
    order = OrderRef(record["from"]["id"])
    people = _in_order(str(other["toObjectId"]) for other in record["to"])
    if people:
        yield Order(order, person=Person(("id", people[0])))
        yield from _further_people(order, people)


def _shop_order(record: records.CrmObject) -> OrderRef:
    values = record["properties"]
    return OrderRef(
        record["id"],
        shop=(prop.text(values, "hs_source_store") or "").lower(),
        shop_order_id=prop.text(values, "hs_external_order_id") or "",
        shop_order_name=prop.text(values, "hs_order_name") or "",
    )


def _archived_at(record: records.CrmObject) -> int:
    at = record.get("archivedAt")
    return prop.millis(at, "archivedAt") if at else prop.millis(record["createdAt"], "createdAt")


def _withdrawn(order: OrderRef, kind: str, at: int, currency: str) -> Iterator[Row]:
    """Yield an order that is no longer one. The same entry goes to zero, so bringing the record back brings the sale back."""
    yield Order(order, kind=kind, status="cancelled", cancelled_at=at, currency=currency)
    yield LedgerEntry(order, "sale", "sale", "product", at, 0, currency)


def _currency(values: prop.Properties, name: str, at: Context) -> str:
    currency = prop.text(values, name) or at.account.currency
    if not currency:
        raise RecordError("no currency, and the account's own is not known yet.", field=f"properties.{name}")
    return currency


def _associated(record: records.CrmObject, kind: str) -> list[str]:
    others = record.get("associations", {}).get(kind)
    return _in_order(other["id"] for other in others["results"]) if others else []


def _in_order(ids: Iterator[str]) -> list[str]:
    """Return ids once each, the oldest record first: HubSpot repeats an id for each label and promises no order."""
    return sorted(set(ids), key=lambda found: (len(found), found))


def _further_people(order: OrderRef, people: list[str]) -> Iterator[Row]:
    for other in people[1:]:
        yield OrderPerson(order, Person(("id", other)))


def feedback_rows(record: records.CrmObject, at: Context) -> Iterator[Row]:
    """Yield a survey answer as a number by the kind of survey; what was written is not read, an anonymous answer is left out.

    The group HubSpot gives (promoter ...) is not used: it comes with surveys that have no promoters.
    """
    values = record["properties"]
    contact = prop.text(values, "hs_contact_id")
    survey = prop.text(values, "hs_survey_type")
    if contact is None or survey is None:
        return
    answered = prop.moment(values, "hs_submission_timestamp")
    yield Outcome(
        Person(("id", contact)),
        outcome=f"survey_{survey.lower()}",
        value=prop.number(values, "hs_value"),
        happened_at=prop.millis(record["createdAt"], "createdAt") if answered is None else answered,
    )
