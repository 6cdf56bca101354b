"""From HubSpot's CRM records to rows."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from persync.connect.page import Shaped
from persync.rows import (
    KEEP,
    Account,
    Attribute,
    Child,
    Consent,
    Contact,
    Deletion,
    Field,
    LedgerEntry,
    Merged,
    Order,
    OrderPerson,
    OrderRef,
    Person,
    Stage,
)
from persync_hubspot import streams_crm
from persync_hubspot.events import EVENT_TYPES

Shape = Callable[..., Shaped]
ANN = Person(("id", "31"), ("email", "Ann@Example.com"), ("email", "ann.work@example.com"), ("email", "ann.old@example.com"))


def ms(text: str) -> int:
    from persync_hubspot.properties import millis

    return millis(text, "")


def contact(**properties: str | None) -> bytes:
    record = {"id": "1", "properties": properties, "createdAt": "2026-01-01T00:00:00Z"}
    return orjson.dumps({"results": [record]})


def deal(**properties: Any) -> bytes:
    given = {
        "amount": "10",
        "deal_currency_code": "EUR",
        "createdate": "2026-01-01T00:00:00Z",
        "closedate": "2026-02-01T00:00:00Z",
    }
    return orjson.dumps({"results": [{"id": "1", "properties": {**given, **properties}, "createdAt": "2026-01-01T00:00:00Z"}]})


def test_a_contact_becomes_its_keys_consent_stages_and_merges(shaped: Shape, page: Any) -> None:
    """Empty and null values say nothing; a vendor field nobody knows is left out; names never appear."""
    found = shaped(streams_crm.CONTACTS_STREAM, page("contacts_list"))

    assert found.rejects == []
    assert found.rows == [
        Contact(ANN, ms("2025-02-03T09:00:00.250Z"), "customer", "EMAIL_MARKETING", is_deleted=False),
        Consent(ANN, "email", "subscribed", level="consent"),
        Stage(ANN, "subscriber", ms("2025-02-03T09:00:00Z")),
        Stage(ANN, "customer", ms("2025-06-10T12:30:00.500Z")),
        Merged(ANN, Person(("id", "27"))),
        Merged(ANN, Person(("id", "28"))),
        Merged(ANN, Person(("id", "29"))),
        Contact(Person(("id", "32"), ("email", "bo@example.com")), ms("2025-03-01T00:00:00Z"), None, None, is_deleted=False),
        Consent(Person(("id", "32"), ("email", "bo@example.com")), "email", "unsubscribed"),
        Contact(Person(("id", "33")), ms("2025-03-02T00:00:00Z"), None, None, is_deleted=False),
    ]


def test_attributes_are_kept_only_when_opted_in_and_coarsened(shaped: Shape, page: Any) -> None:
    found = shaped(
        streams_crm.CONTACTS_STREAM,
        page("contacts_list"),
        attributes={"country": "consent", "date_of_birth": "consent", "zip": "contract"},
    )

    assert [row for row in found.rows if isinstance(row, Attribute)] == [
        Attribute(ANN, "country", "Germany", "consent"),
        Attribute(ANN, "date_of_birth", "30-44", "consent"),
    ]


@pytest.mark.parametrize(
    ("born", "band"),
    [
        ("2009-10-02", "under 18"),
        ("2008-10-01", "18-29"),
        ("1996-10-01", "30-44"),
        ("1966-10-01", "60+"),
        ("-", None),
        ("0", "45-59"),
    ],
)
def test_a_date_of_birth_is_kept_as_an_age_band(shaped: Shape, born: str, band: str | None) -> None:
    found = shaped(
        streams_crm.CONTACTS_STREAM, contact(email="a@example.com", date_of_birth=born), attributes={"date_of_birth": "x"}
    )

    assert [row.value for row in found.rows if isinstance(row, Attribute)] == [band]


@pytest.mark.parametrize(
    ("optout", "basis", "state", "level"),
    [
        ("true", None, "unsubscribed", None),
        ("true", "Legitimate interest – existing customer", "unsubscribed", None),
        ("false", "Freely given consent from contact", "subscribed", "consent"),
        ("false", "Legitimate interest – prospect/lead", "subscribed", "legitimate_interest"),
        (None, "Not applicable;Freely given consent from contact", "subscribed", "consent"),
        ("", "Performance of a contract", "not_subscribed", "contract"),
        ("false", "Not applicable", "unknown", None),
        ("false", None, "unknown", None),
        (None, "", "unknown", None),
    ],
)
def test_not_having_opted_out_is_not_consent(
    shaped: Shape, optout: str | None, basis: str | None, state: str, level: str | None
) -> None:
    found = shaped(streams_crm.CONTACTS_STREAM, contact(email="a@example.com", hs_email_optout=optout, hs_legal_basis=basis))

    assert [row for row in found.rows if isinstance(row, Consent)] == [
        Consent(Person(("id", "1"), ("email", "a@example.com")), "email", state, level)
    ]


@pytest.mark.parametrize(
    ("name", "value", "field", "reason"),
    [
        ("hs_email_optout", "yes", "properties.hs_email_optout", "hs_email_optout is neither true nor false."),
        ("createdate", "yesterday", "properties.createdate", "not a time in ISO 8601."),
        ("hs_email_optout", False, "properties.hs_email_optout", "Input should be a valid string"),
        ("hs_merged_object_ids", 12, "properties.hs_merged_object_ids", "Input should be a valid string"),
    ],
)
def test_a_value_that_does_not_fit_is_a_reject_that_names_its_field(
    shaped: Shape, name: str, value: Any, field: str, reason: str
) -> None:
    found = shaped(streams_crm.CONTACTS_STREAM, contact(email="a@example.com", **{name: value}))

    assert [(reject.record, reject.field, reject.reason) for reject in found.rejects] == [("1", field, reason)]


def test_a_deleted_contact_is_kept_as_deleted(shaped: Shape) -> None:
    found = shaped(streams_crm.CONTACTS_ARCHIVED, contact(email="a@example.com"))

    assert found.rows == [
        Contact(Person(("id", "1"), ("email", "a@example.com")), created_at=ms("2026-01-01T00:00:00Z"), is_deleted=True),
        Deletion("contact", "1"),
    ]


def test_a_won_deal_is_a_sale_on_its_close_date_whatever_its_stage_is_called(shaped: Shape, page: Any) -> None:
    """It opened when it was made. Contacts come once each, the oldest first; the deal merged into it loses its money, as do
    deals that are not won."""
    found = shaped(streams_crm.DEALS_STREAM, page("deals_list"))

    won, open_, lost, merged = OrderRef("501"), OrderRef("502"), OrderRef("503"), OrderRef("499")
    sold = ms("2026-04-02T10:00:00Z")
    made, later, last = (ms(f"2026-03-0{day}T08:00:00Z") for day in (1, 5, 6))
    deal = {"kind": "deal", "is_test": False, "cancelled_at": None}
    assert found.rejects == []
    assert found.rows == [
        Order(
            won,
            **deal,
            person=Person(("id", "31")),
            ordered_at=sold,
            status="won",
            currency="USD",
            total_minor=120_050,
            opened_at=made,
        ),
        OrderPerson(won, Person(("id", "132"))),
        LedgerEntry(won, "sale", "sale", "product", sold, 120_050, "USD"),
        Order(merged, kind="deal", status="deleted", cancelled_at=sold, currency="USD"),
        LedgerEntry(merged, "sale", "sale", "product", sold, 0, "USD"),
        Order(open_, **deal, ordered_at=later, status="open", currency="EUR", total_minor=8000, opened_at=later),
        LedgerEntry(open_, "sale", "sale", "product", later, 0, "EUR"),
        Order(lost, **deal, ordered_at=last, status="lost", currency="USD", total_minor=None, opened_at=last),
        LedgerEntry(lost, "sale", "sale", "product", last, 0, "USD"),
    ]


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"hs_is_closed_won": "true", "hs_is_closed": "true"}, "won"),
        ({"hs_is_closed_won": "false", "hs_is_closed": "true"}, "lost"),
        ({"hs_is_closed_won": "false", "hs_is_closed": "false"}, "open"),
        ({"hs_is_closed_won": "true", "hs_is_closed": "true", "dealstage": "closedlost"}, "won"),
        ({"hs_is_closed_won": "", "hs_is_closed": None, "dealstage": "s9", "pipeline": "p1"}, "won"),
        ({"dealstage": "closedwon", "pipeline": "p1"}, "lost"),
        ({"dealstage": "closedwon", "pipeline": "unknown"}, "open"),
    ],
)
def test_a_deal_is_won_as_hubspot_computes_it_else_as_its_stage_is_marked(
    shaped: Shape, values: dict[str, str | None], status: str
) -> None:
    fields = {"pipeline:p1": {"s9": "won", "closedwon": "lost"}}
    found = shaped(streams_crm.DEALS_STREAM, deal(**values), fields=fields)

    assert [row.status for row in found.rows if isinstance(row, Order)] == [status]
    assert [row.amount_minor > 0 for row in found.rows if isinstance(row, LedgerEntry)] == [status == "won"]


@pytest.mark.parametrize(
    ("values", "currency", "field"),
    [
        ({"hs_is_closed_won": True}, "EUR", "properties.hs_is_closed_won"),
        ({"hs_is_closed_won": "yes"}, "EUR", "properties.hs_is_closed_won"),
        ({"amount": 10}, "EUR", "properties.amount"),
        ({"amount": "ten"}, "EUR", "properties.amount"),
        ({"deal_currency_code": None}, None, "properties.deal_currency_code"),
        ({"closedate": "soon"}, "EUR", "properties.closedate"),
    ],
)
def test_a_deal_that_does_not_fit_is_a_reject(shaped: Shape, values: dict[str, Any], currency: str | None, field: str) -> None:
    found = shaped(streams_crm.DEALS_STREAM, deal(**values), currency=currency)

    assert found.rows == []
    assert [reject.field for reject in found.rejects] == [field]


def test_the_copy_of_an_order_names_the_shops_own(shaped: Shape, page: Any) -> None:
    found = shaped(streams_crm.ORDERS_STREAM, page("orders_list"))

    copy = OrderRef("9001", "lantern-shop", "7001", "#1001")
    sold = ms("2026-05-05T12:00:00Z")
    order = {"kind": "order", "is_test": False, "cancelled_at": None, "currency": "EUR"}
    assert found.rejects == []
    assert found.rows == [
        Order(copy, **order, person=Person(("id", "31")), ordered_at=sold, status="paid", total_minor=5990),
        LedgerEntry(copy, "sale", "sale", "product", sold, 5990, "EUR"),
        LedgerEntry(copy, "redone", "sale", "product", ms("2026-05-05T12:00:00Z"), 0, "EUR"),
        Order(OrderRef("9002"), **order, person=KEEP, ordered_at=ms("2026-05-06T00:00:00Z"), status=None, total_minor=None),
    ]


@pytest.mark.parametrize("stream", [streams_crm.DEALS_ARCHIVED, streams_crm.ORDERS_ARCHIVED])
def test_what_was_deleted_is_marked_with_its_date_and_its_sale_is_nothing(shaped: Shape, stream: Any) -> None:
    record = {
        "id": "9",
        "properties": {},
        "createdAt": "2026-01-01T00:00:00Z",
        "archived": True,
        "archivedAt": "2026-06-01T00:00:00Z",
    }
    found = shaped(stream, orjson.dumps({"results": [record]}))

    gone = ms("2026-06-01T00:00:00Z")
    kind = "deal" if stream is streams_crm.DEALS_ARCHIVED else "order"
    assert found.rows == [
        Order(OrderRef("9"), kind=kind, status="deleted", cancelled_at=gone, currency="EUR"),
        LedgerEntry(OrderRef("9"), "sale", "sale", "product", gone, 0, "EUR"),
        Deletion("order", "9", gone),
        *([LedgerEntry(OrderRef("9"), "redone", "sale", "product", gone, 0, "EUR")] if kind == "order" else []),
    ]


def test_associations_read_alone_give_the_people_in_the_same_order(shaped: Shape) -> None:
    """Ids come as numbers or as strings; the oldest is the deal's person, as in the list; a deal of nobody is nobody's."""
    body = {
        "results": [
            {
                "from": {"id": "501"},
                "to": [{"toObjectId": 132, "associationTypes": []}, {"toObjectId": "31", "associationTypes": []}],
            },
            {"from": {"id": "502"}, "to": []},
        ]
    }

    assert shaped(streams_crm.DEAL_PEOPLE, orjson.dumps(body)).rows == [
        Order(OrderRef("501"), person=Person(("id", "31"))),
        OrderPerson(OrderRef("501"), Person(("id", "132"))),
        Order(OrderRef("502"), person=None),
    ]


def test_the_account_says_what_else_there_is_to_read(shaped: Shape) -> None:
    body = orjson.dumps({"portalId": 62515, "timeZone": "US/Eastern", "companyCurrency": "USD", "accountType": "STANDARD"})
    found = shaped(streams_crm.ACCOUNT, body, single=True)

    first, *children = found.rows
    assert first == Account("62515", currency="USD", timezone="US/Eastern")
    assert [(row.stream, row.key) for row in children if isinstance(row, Child)] == [
        ("automated_emails", "AUTOMATED_EMAIL"),
        ("automated_emails", "AUTOMATED_AB_EMAIL"),
        ("automated_emails", "MARKETING_SINGLE_SEND_API"),
        *(("email_events", kind) for kind in EVENT_TYPES),
    ]


def test_properties_and_stages_become_fields(shaped: Shape) -> None:
    properties = {"results": [{"name": "email", "type": "string", "label": "Email", "fieldType": "text"}]}
    stages = [
        {"id": "s1", "label": "Talking", "metadata": {"isClosed": "false", "probability": "1.0"}},
        {"id": "s2", "label": "Lost (won back?)", "metadata": {"isClosed": "true", "probability": "0.0"}},
        {"id": "s3", "label": "Done", "metadata": {"isClosed": "true", "probability": "1.0"}},
    ]
    pipelines = {"results": [{"id": "p1", "label": "Sales", "stages": stages}, {"label": "nameless", "stages": []}]}

    assert shaped(streams_crm.CONTACT_PROPERTIES, orjson.dumps(properties)).rows == [
        Field("contacts", "email", "string", "Email")
    ]
    found = shaped(streams_crm.PIPELINES, orjson.dumps(pipelines))
    assert found.rows == [
        Field("pipeline:p1", "s1", "open", "Talking"),
        Field("pipeline:p1", "s2", "lost", "Lost (won back?)"),
        Field("pipeline:p1", "s3", "won", "Done"),
    ]
    assert [reject.field for reject in found.rejects] == ["id"]


@pytest.mark.parametrize(
    "text", ["2026-05-01", "2026-05-01T00:00:00Z", "2026-05-01T00:00:00.000Z", "2026-05-01T02:00:00+02:00", "1777593600000"]
)
def test_times_of_every_form_are_the_same_moment(shaped: Shape, text: str) -> None:
    """ISO 8601 with a fraction and without, a `date` (midnight UTC), and milliseconds in a string."""
    found = shaped(streams_crm.CONTACTS_STREAM, contact(createdate=text))

    assert [row.created_at for row in found.rows if isinstance(row, Contact)] == [1_777_593_600_000]


def test_first_conversion_and_first_touch_are_stages(shaped: Shape) -> None:
    dates = {"first_conversion_date": "2026-05-02T00:00:00Z", "hs_analytics_first_timestamp": "2026-05-01T00:00:00Z"}
    found = shaped(streams_crm.CONTACTS_STREAM, contact(**dates))

    assert [row for row in found.rows if isinstance(row, Stage)] == [
        Stage(Person(("id", "1")), "first_conversion", ms("2026-05-02")),
        Stage(Person(("id", "1")), "first_touch", ms("2026-05-01")),
    ]
