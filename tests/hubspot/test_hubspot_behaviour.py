"""The page on what HubSpot really does names a test for every line, and every one of them exists."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

from persync_hubspot import streams
from persync_hubspot.connector import HubSpot, HubSpotSettings

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "hubspot.md"
HEAD = "endpoint, field or trap"


KNOWN = {
    "1": (
        "one host",
        "dated versions",
        "eighteen months",
        "v1 to v3",
        "another place",
        "faults of their own",
        "validation rules",
    ),
    "2": ("service key", "OAuth", "401", "530", "scopes", "tiers", "403"),
    "3": (
        "ten seconds",
        "five searches",
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
        "custom objects",
        "owners",
        "paging.next.link",
        "unknown names",
        "414",
        "10,000",
        "keyset",
        "filters 5 x 6",
        "index lags",
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
        "Closed Lost",
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
        "one type a call",
        "1,000",
        "offset",
        "filteredEvent",
        "STATUSCHANGE",
        "obsoletedBy",
        "sentBy",
        "retention",
        "emailCampaignId",
        "event-occurrences",
        "September 2027",
        "subscription timeline",
        "late events",
    ),
    "7": (
        "NOT_SPECIFIED",
        "legalBasis",
        "brand",
        "definitions",
        "budget",
        "nine models",
        "memberships",
        "exports",
        "marketing events",
        "assets",
    ),
    "8": ("contactIlsLists", "personalised", "same sale", "first touch", "as of the send", "cost"),
    "9": ("boolean", "414", "label", "merged ids", "bot events", "archived", "sentiment"),
}
"""What is known of HubSpot, by part: a word or two of each thing that a line must speak of."""


@cache
def lines() -> list[tuple[str, str, str]]:
    """Return (trap, rule, tests) of every line of the hand-written tables."""
    text = PAGE.read_text("utf-8").partition("## What HubSpot really does")[2]
    rows = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    cells = [tuple(cell.strip() for cell in row) for row in rows]
    return [(row[0], row[1], row[2]) for row in cells if row[0] not in ("---", HEAD)]


def test_every_line_has_a_rule_and_a_test() -> None:
    assert len(lines()) > 80
    for trap, rule, tests in lines():
        assert trap
        assert rule
        assert re.fullmatch(r"`test_\w+`(, `test_\w+`)*", tests), trap


def test_every_test_that_is_named_exists() -> None:
    named = {test for _, _, tests in lines() for test in re.findall(r"`(test_\w+)`", tests)}
    known = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
    }

    assert named - known == set()


def test_every_part_of_what_is_known_of_hubspot_has_lines() -> None:
    """Versions, sign-in, limits, objects, properties, e-mail, consent, sources of facts, peers."""
    parts = {part for trap, _, _ in lines() for part in trap.partition(":")[0].split(", ")}

    assert set("12367") | {"8", "9"} <= parts


def test_everything_that_is_known_of_hubspot_has_a_line() -> None:
    """A line that is deleted takes its words with it."""
    told = [({*trap.partition(":")[0].split(", ")}, f"{trap} | {rule}".lower()) for trap, rule, _ in lines()]
    missing = [
        (part, word)
        for part, words in KNOWN.items()
        for word in words
        if not any(part in parts and word.lower() in text for parts, text in told)
    ]

    assert missing == []
    assert sum(map(len, KNOWN.values())) > 90


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
