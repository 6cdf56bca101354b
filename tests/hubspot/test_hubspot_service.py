"""Companies, tickets, surveys, the history of stages and what is sensitive: from records to rows."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from persync.connect.page import Shaped
from persync.rows import (
    Attribute,
    Company,
    Feedback,
    Field,
    MemberOf,
    Person,
    Present,
    Stage,
    Ticket,
)
from persync_hubspot import streams_crm
from persync_hubspot.connector import HubSpotSettings
from persync_hubspot.properties import millis

Shape = Callable[..., Shaped]
MADE = "2026-01-01T00:00:00Z"


def page(*records: dict[str, Any]) -> bytes:
    return orjson.dumps({"results": [{"id": str(n), "createdAt": MADE, **one} for n, one in enumerate(records, 1)]})


@pytest.mark.parametrize(
    ("employees", "size"),
    [("1", "1-9"), ("9", "1-9"), ("10", "10-49"), ("249", "50-249"), ("250", "250+"), ("0", None), ("", None), (None, None)],
)
def test_a_company_is_a_size_an_industry_and_a_country_without_a_name(
    shaped: Shape, employees: str | None, size: str | None
) -> None:
    values = {"name": "Acme", "domain": "acme.example.com", "industry": "RETAIL", "country": "Germany", "hs_country_code": "DE"}
    found = shaped(streams_crm.COMPANIES_STREAM, page({"properties": {**values, "numberofemployees": employees}}))

    assert found.rows == [Company("1", millis(MADE, ""), None, "RETAIL", "DE", size)]


def test_a_contact_belongs_to_each_company_once_and_leaves_them_all_when_none_is_named(shaped: Shape) -> None:
    """The same company comes once for each label; a contact of whom nothing was said keeps what was known."""
    twice = {
        "companies": {"results": [{"id": "61", "type": "primary"}, {"id": "61", "type": "plain"}, {"id": "7", "type": "x"}]}
    }
    records = [{"id": "31", "associations": twice}, {"id": "32", "associations": {"companies": {"results": []}}}, {"id": "33"}]
    found = shaped(streams_crm.CONTACT_COMPANIES, orjson.dumps({"results": records}))

    assert found.rows == [
        MemberOf(Person(("id", "31")), "company", "", ("7", "61")),
        MemberOf(Person(("id", "32")), "company", "", ()),
    ]


def test_a_ticket_says_whose_and_how_fast_and_never_what(shaped: Shape) -> None:
    values = {
        "subject": "Broken lantern",
        "content": "It broke.",
        "createdate": "2026-05-01T00:00:00Z",
        "closed_date": "2026-05-03T00:00:00Z",
        "first_agent_reply_date": "",
        "hs_pipeline": "0",
        "hs_pipeline_stage": "4",
        "hs_ticket_category": "PRODUCT_ISSUE",
        "hs_ticket_priority": None,
        "source_type": "EMAIL",
    }
    ends = {"associations": {"contacts": {"results": [{"id": "31"}]}}}
    found = shaped(streams_crm.TICKETS_STREAM, page({"properties": values, **ends}))

    assert found.rows == [
        Ticket(
            "1",
            Person(("id", "31")),
            millis("2026-05-01", ""),
            millis("2026-05-03", ""),
            None,
            "0/4",
            "PRODUCT_ISSUE",
            None,
            "EMAIL",
        )
    ]


def test_a_survey_answer_is_kept_by_its_kind_and_its_text_is_dropped(shaped: Shape) -> None:
    """Nobody's answer is an answer; the group is kept beside the value, which it may contradict; a kind is needed."""
    answers = [
        {"hs_survey_type": "NPS", "hs_value": "9", "hs_contact_id": "31", "hs_submission_timestamp": "2026-05-01T00:00:00Z"},
        {"hs_survey_type": "CSAT", "hs_value": "2", "hs_contact_id": None, "hs_response_group": "PROMOTER", "hs_content": "Hm"},
        {"hs_survey_type": "CES", "hs_value": "", "hs_contact_id": "32", "hs_ticket_id": "7", "hs_survey_id": "5"},
        {"hs_survey_type": "CES", "hs_value": "much", "hs_contact_id": "32"},
        {"hs_survey_type": None, "hs_value": "1"},
    ]
    found = shaped(streams_crm.FEEDBACK, page(*({"properties": values} for values in answers)))

    made = millis(MADE, "")
    assert found.rows == [
        Feedback("1", Person(("id", "31")), "NPS", None, None, 9.0, None, millis("2026-05-01", "")),
        Feedback("2", None, "CSAT", None, None, 2.0, "PROMOTER", made),
        Feedback("3", Person(("id", "32")), "CES", "5", None, None, None, made, "7"),
    ]
    assert [(reject.record, reject.field) for reject in found.rejects] == [
        ("4", "properties.hs_value"),
        ("5", "properties.hs_survey_type"),
    ]


def test_stages_come_from_the_history_backward_moves_included(shaped: Shape) -> None:
    """A customer who was moved back to lead by hand: the single dates of the stages would have forgotten the first time."""
    moves = [
        ("lead", "2026-04-01T00:00:00.500Z"),
        ("", "2026-03-15T00:00:00Z"),
        ("94837261", "2026-03-01T00:00:00Z"),
        ("lead", "2026-02-01T00:00:00Z"),
    ]
    versions = [{"value": value, "timestamp": at, "sourceType": "CRM_UI"} for value, at in moves]
    records = [{"id": "31", "propertiesWithHistory": {"lifecyclestage": versions}}, {"id": "32"}]
    found = shaped(streams_crm.CONTACT_STAGES, orjson.dumps({"results": records}))

    ann = Person(("id", "31"))
    assert found.rejects == []
    assert found.rows == [
        Stage(ann, "lead", millis("2026-04-01T00:00:00.500Z", "")),
        Stage(ann, "94837261", millis("2026-03-01", "")),
        Stage(ann, "lead", millis("2026-02-01", "")),
    ]


@pytest.mark.parametrize(("versions", "is_cut"), [(44, False), (45, True)])
def test_a_history_that_hubspot_cut_says_from_when_it_is_known(shaped: Shape, versions: int, is_cut: bool) -> None:
    moves = [{"value": "lead", "timestamp": f"2026-03-{45 - n // 24 - 15:02}T{n % 24:02}:00:00Z"} for n in range(versions)]
    found = shaped(
        streams_crm.CONTACT_STAGES,
        orjson.dumps({"results": [{"id": "31", "propertiesWithHistory": {"lifecyclestage": moves}}]}),
    )

    oldest = min(millis(move["timestamp"], "") for move in moves)
    cut = [Stage(Person(("id", "31")), "history_cut", oldest)]
    assert [row for row in found.rows if isinstance(row, Stage) and row.stage == "history_cut"] == (cut if is_cut else [])


@pytest.mark.parametrize(("source", "stages"), [("DIRECT_TRAFFIC", ["first_touch"]), (None, ["first_touch"]), ("OFFLINE", [])])
def test_an_import_is_no_first_touch(shaped: Shape, source: str | None, stages: list[str]) -> None:
    values = {"hs_analytics_source": source, "hs_analytics_first_timestamp": "2026-03-01T00:00:00Z"}
    found = shaped(streams_crm.CONTACTS_STREAM, page({"properties": values}))

    assert [row.stage for row in found.rows if isinstance(row, Stage)] == stages


def test_the_accounts_own_stages_and_sensitive_properties_are_known_by_name(shaped: Shape) -> None:
    stage = {"value": "94837261", "label": "Club member", "displayOrder": 6, "hidden": False}
    properties = [
        {"name": "lifecyclestage", "type": "enumeration", "label": "Stage", "options": [stage]},
        {"name": "dietary_need", "type": "string", "label": None, "dataSensitivity": "sensitive"},
        {"name": "city", "type": "string", "label": "City", "dataSensitivity": "non_sensitive"},
    ]
    found = shaped(streams_crm.CONTACT_PROPERTIES, orjson.dumps({"results": properties}))
    elsewhere = shaped(
        streams_crm.CONTACT_PROPERTIES,
        orjson.dumps({"results": [{"name": "health_note", "type": "string"}]}),
        params={"sensitivity": "highly_sensitive"},
    )

    assert found.rows == [
        Field("contacts", "lifecyclestage", "enumeration", "Stage"),
        Field("contacts:lifecyclestage", "94837261", "option", "Club member"),
        Field("contacts", "dietary_need", "string", ""),
        Field("contacts:sensitive", "dietary_need", "sensitive"),
        Field("contacts", "city", "string", "City"),
    ]
    assert elsewhere.rows[1:] == [Field("contacts:sensitive", "health_note", "highly_sensitive")]


def test_a_sensitive_property_is_kept_only_on_a_basis_that_was_named(shaped: Shape) -> None:
    values = {"dietary_need": "vegan", "zip": "12345", "country": "DE", "health_note": "none of ours"}
    found = shaped(
        streams_crm.CONTACTS_STREAM,
        page({"properties": values}),
        attributes={"dietary_need": "consent", "zip": "contract", "country": "delivery"},
        fields={"contacts:sensitive": {"dietary_need": "sensitive"}},
    )

    assert [row.value for row in found.rows if isinstance(row, Attribute)] == ["vegan", "12", "DE"]
    with pytest.raises(ValueError, match="'dietary_need' has no basis; write why you may hold it"):
        HubSpotSettings(connector="hubspot", attributes={"country": "delivery", "dietary_need": " "})


def test_a_list_of_ids_says_only_that_they_are_there(shaped: Shape) -> None:
    found = shaped(streams_crm.CONTACT_IDS, page({"properties": {"hs_object_id": "1", "email": "a@example.com"}}))

    assert found.rows == [Present("1")]
