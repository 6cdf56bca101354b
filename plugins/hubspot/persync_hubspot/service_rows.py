"""From records to rows: companies, requests for help, answers to surveys. Pure functions, no text of anybody's."""

from __future__ import annotations

from collections.abc import Iterator

from persync.connect.stream import Context
from persync.errors import RecordError
from persync.rows import KEEP, Company, Feedback, Keep, Person, Row, Ticket
from persync_hubspot import properties as prop
from persync_hubspot import records
from persync_hubspot.shapes import associated, created_at


def company_rows(record: records.CrmObject, at: Context) -> Iterator[Row]:
    """Yield a company without its name: its stage, industry, country and size."""
    values = record["properties"]
    yield Company(
        record["id"],
        created_at=created_at(record, "createdate"),
        stage=prop.text(values, "lifecyclestage"),
        industry=prop.text(values, "industry"),
        country=prop.text(values, "hs_country_code") or prop.text(values, "country"),
        size=prop.size_band(prop.number(values, "numberofemployees")),
    )


def ticket_rows(record: records.CrmObject, at: Context) -> Iterator[Row]:
    """Yield a request for help: whose, when, how fast it was answered; not what it says."""
    values = record["properties"]
    pipeline, stage = prop.text(values, "hs_pipeline"), prop.text(values, "hs_pipeline_stage")
    yield Ticket(
        record["id"],
        person=_first(associated(record, "contacts")),
        created_at=created_at(record, "createdate"),
        closed_at=prop.moment(values, "closed_date"),
        first_reply_at=prop.moment(values, "first_agent_reply_date"),
        stage=f"{pipeline}/{stage}" if pipeline and stage else stage,
        category=prop.text(values, "hs_ticket_category"),
        priority=prop.text(values, "hs_ticket_priority"),
        source=prop.text(values, "source_type"),
    )


def feedback_rows(record: records.CrmObject, at: Context) -> Iterator[Row]:
    """Yield an answer to a survey as a number beside the kind of survey, since their scales differ.

    The group HubSpot gives (promoter ...) comes with surveys that have no promoters too: it is kept apart from the value.
    What was written is not read, nor is the name of the submission, which holds an address.
    """
    values = record["properties"]
    kind = prop.text(values, "hs_survey_type")
    if kind is None:
        raise RecordError("an answer to no kind of survey.", field="properties.hs_survey_type")
    contact = prop.text(values, "hs_contact_id")
    people = [contact] if contact else associated(record, "contacts") or []
    yield Feedback(
        record["id"],
        person=Person(("id", people[0])) if people else None,
        kind=kind,
        survey=prop.text(values, "hs_survey_id"),
        channel=prop.text(values, "hs_survey_channel"),
        value=prop.number(values, "hs_value"),
        grade=prop.text(values, "hs_response_group"),
        submitted_at=created_at(record, "hs_submission_timestamp"),
        ticket=prop.text(values, "hs_ticket_id"),
    )


def _first(people: list[str] | None) -> Person | Keep | None:
    if people is None:
        return KEEP
    return Person(("id", people[0])) if people else None
