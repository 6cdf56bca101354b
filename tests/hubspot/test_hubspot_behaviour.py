"""The page on what HubSpot really does names a test for every line, and every one of them exists."""

import re
from pathlib import Path
from typing import Any

import pytest

from persync_hubspot import streams
from persync_hubspot.connector import HubSpot, HubSpotSettings
from sheets import fields_in, lines, page_text, problems, read_names, sheet_of, unfounded, untold

KNOWN = {
    "1": (
        "for every account",
        "versions",
        "18 months of support each",
        "v1, v2, v3",
        "position of the version differs by family",
        "validation rules",
    ),
    "2": ("service key", "OAuth", "401", "530", "scopes", "Tier gates", "403"),
    "3": (
        "10 s window",
        "5 requests/s per account",
        "DAILY",
        "TEN_SECONDLY_ROLLING",
        "Retry-After",
        "5 %",
        "423",
        "477",
        "correlationId",
        "207",
    ),
    "4": (
        "type ids",
        "custom",
        "paging.next.link",
        "unknown names",
        "414",
        "10,000",
        "keyset",
        "5 x 6",
        "to be indexed",
        "batch read",
        "hs_lastmodifieddate",
        "90 days",
        "GDPR",
        "merged",
        "associationTypes",
        "idProperty",
        "gdpr-delete",
    ),
    "5": (
        "hs_additional_emails",
        "lifecyclestage",
        "hs_v2_date_entered",
        "propertiesWithHistory",
        "hs_email_optout",
        "hs_legal_basis",
        "hs_analytics_source",
        "first_conversion_date",
        "dataSensitivity",
        "hs_is_closed_won",
        "stage's metadata",
        "hs_merged_object_ids",
        "deal_currency_code",
        "hs_external_order_id",
        "hs_source_store",
        "refunds",
        "hs_closed_date",
        "hs_cost_of_goods_sold",
        "first_agent_reply_date",
        "CSAT",
        "midnight UTC",
    ),
    "6": (
        "includeStats",
        "variantStats",
        "updatedAfter",
        "percentages",
        "histogram",
        "bot filter",
        "exactly one",
        "1-1000",
        "key (created, id)",
        "offset",
        "filteredEvent",
        "STATUSCHANGE",
        "obsoletedBy",
        "sentBy",
        "retention",
        "emailCampaignId",
        "event-occurrences",
        "unsupported from Sept 2027",
        "subscription timeline",
        "late events",
    ),
    "7": (
        "NOT_SPECIFIED",
        "legalBasis",
        "owners",
        "definitions",
        "budget",
        "attributionModel",
        "memberships",
        "exports",
        "marketing events",
        "assets",
    ),
    "8": ("brand-wide vs portal-wide", "contactIlsLists", "personalised", "same sale", "first touch", "as of the send", "cost"),
    "9": ("boolean", "414", "label", "merged ids", "events counted by default", "archived", "sentiment"),
}
"""What is known of HubSpot, by part: a word or two of each thing that a line must speak of."""


OTHERS = {
    *("dbt_hubspot", "email_analytics", "marketing_events"),  # other programs, files, scopes
    *("campaignId", "contactType", "emailId", "typeId", "objectType"),  # what stands in paths and questions
    *("errorType", "missingScopes", "spendTotal"),  # read whatever they are called, or added up from their items
    "click_date",
}
"""names in the sheet that are no field to be read"""

LINES = lines("hubspot", "HubSpot")


def test_every_line_has_a_rule_and_tests_that_exist() -> None:
    assert problems(LINES) == []
    assert len(LINES) > 180


def test_every_part_of_what_is_known_of_hubspot_has_lines() -> None:
    """Versions, sign-in, limits, objects, properties, e-mail, consent, sources of facts, peers."""
    assert {part for line in LINES for part in line.parts} == set("123456789")


def test_everything_that_is_known_of_hubspot_has_a_line() -> None:
    """A line that is deleted takes its words with it."""
    assert untold(KNOWN, LINES) == []
    assert sum(map(len, KNOWN.values())) > 90


def test_fields_that_hubspot_has_and_nobody_needs_are_nowhere_read() -> None:
    """No property list names them, no record type has them."""
    named = " ".join(text for line in LINES if line.is_left_out for text in re.findall(r"`([^`]+)`", line.trap))

    assert len(fields_in(named)) > 45
    assert fields_in(named) & read_names("hubspot") == set()


@pytest.mark.shared
def test_the_words_are_the_sheets_own(shared: Path) -> None:
    assert unfounded(KNOWN, sheet_of(shared, "hubspot")) == []


@pytest.mark.shared
def test_every_field_of_the_sheet_is_read_or_named(shared: Path) -> None:
    sheet = sheet_of(shared, "hubspot")
    named = fields_in("\n".join(sheet[part] for part in "123456789"))

    assert len(named) > 150
    assert named - read_names("hubspot") - fields_in(page_text(LINES)) - OTHERS == set()


# -- rules that hold for all streams ---------------------------------------------------------------------------------------


def test_one_host_serves_every_account() -> None:
    assert HubSpot("h", HubSpotSettings(connector="hubspot"), {"token": "x"}).base_url() == "https://api.hubapi.com"


LEFT_OUT = (
    "statistics/list",
    "event-occurrences",
    "/reports/metrics",
    "/reports/contacts",
    "marketing-events",
    "/exports/",
    "/statuses/(?!batch/)",
    "gdpr-delete",
)


def test_no_path_of_what_is_left_out_is_ever_called(account: Any, tmp_path: Path) -> None:
    """Held against every path that a whole pull of all streams really calls."""
    from persync.connect.pull import PullOptions, pull

    names = tuple(stream.name for stream in streams.STREAMS)
    pull(tmp_path / "a.db", [account.connector()], PullOptions(now=account.world.now, streams=names), client=account.client)

    called = {call.url.path for call in account.transport.calls}
    assert len(called) > 30
    assert {"/email/public/v1/events", "/crm/objects/2026-09/0-123", "/crm/lists/2026-09/search"} <= called
    assert [path for path in called for left_out in LEFT_OUT if re.search(left_out, path)] == []


def test_nothing_is_ever_written_to_hubspot(account: Any, tmp_path: Path) -> None:
    """Every POST of a whole pull is a search or a batch read."""
    from persync.connect.pull import PullOptions, pull

    names = tuple(stream.name for stream in streams.STREAMS)
    pull(tmp_path / "a.db", [account.connector()], PullOptions(now=account.world.now, streams=names), client=account.client)

    posted = {call.url.path for call in account.transport.calls if call.method == "POST"}
    assert {call.method for call in account.transport.calls} == {"GET", "POST"}
    assert [path for path in posted if not path.endswith(("/search", "/batch/read", "/batch/unsubscribe-all/read"))] == []
