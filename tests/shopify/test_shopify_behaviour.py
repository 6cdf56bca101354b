"""All that is known of Shopify has a line on its page, each trap by its own words, and every test that a line names exists."""

import re
from pathlib import Path

import pytest

from sheets import ROOT, asked_names, fields_in, lines, page_text, problems, read_names, sheet_of, unfounded, untold

KNOWN = {
    "1": ("graphql.json", "X-Shopify-Access-Token", "oldest supported one", "publicApiVersions", "REST", "momentsCount"),
    "2": (
        "shpat_",
        "client",
        "24 h",
        "no refresh token",
        "401",
        "shop_not_permitted",
        "rotating refresh token",
        "accessScopes",
        "read_all_orders",
        "60-day trap",
        "Protected customer data",
        "absent",
        "requiredAccess",
        "Field-level scopes move without notice",
    ),
    "3": (
        "250 a page",
        "25 000",
        "input arrays at 250 items",
        "limit: null",
        "precision",
        "must be quoted",
        "whole days",
        "Default sort",
        "open",
        "lag",
        "10 min",
        "3-day",
    ),
    "4": (
        "leaky bucket",
        "throttleStatus",
        "must fit",
        "THROTTLED",
        "do not back off exponentially",
        "MAX_COST_EXCEEDED",
        "429",
        "INTERNAL_SERVER_ERROR",
        "SHOP_INACTIVE",
        "undefinedField",
        "BAD_REQUEST",
        "000 for a single order",
    ),
    "5": (
        "bulkOperationRunQuery",
        "bulkOperation(id)",
        "currentBulkOperation",
        "BULK_OPERATIONS_FINISH",
        "at most 5 connections",
        "nesting 2 deep",
        "10 days max run",
        "one top-level field",
        "first ignored",
        "5 at once per app+shop",
        "OPERATION_IN_PROGRESS",
        "LIMIT_REACHED",
        "connection inside a list is refused",
        "Do not put sortKey in a bulk query",
        "Nested connections can be truncated silently",
        "subtotalLineItemsQuantity",
        "signed storage URL",
        "valid 7 days",
        "EXPIRED",
        "no rows = url null",
        "Slashes may be escaped",
        "UnsignedInt64 counts are strings",
        "discount applications have no id",
        "__parentId",
        "even before the parent",
        "Grouping slows the job and raises timeouts",
        "lines = objectCount, roots = rootObjectCount, bytes = fileSize, no errorCode/partialDataUrl",
        "CREATED RUNNING CANCELING CANCELED COMPLETED EXPIRED FAILED",
        "Timeout -> halve the window",
        "comment in the query text",
        "adopt or cancel only those",
        "resumes polling",
        "bulk needs offline/app token",
        "moments",
    ),
    "6": (
        "not unique across stores",
        "processedAt",
        "closedAt",
        "without padding",
        "MoneyBag",
        "total - refunded is wrong",
        "agreements",
        "lineType",
        "refunds",
        "displayFinancialStatus",
        "cancelReason",
        "returnStatus",
        "edited",
        "test",
        "shopify_draft_order",
        "POS",
        "Gift cards",
        "discountCodes",
        "only the first code",
        "currentQuantity",
        "priceAfterAllDiscountsBeforeTaxesSet",
        "unitCost",
        "coverage",
        "fees",
        "merchant is not in the API",
        "taxesIncluded flips meaning of every price",
        "Tips, duties",
        "clientIp",
        "guest",
    ),
    "7": (
        "visit",
        "moments",
        "30 days",
        "sourceType",
        "free text",
        "ready:false or momentsCount null = not attributed yet",
        "not proven to bump updatedAt",
        "ready",
        "mc_cid",
        "mc_eid",
        "unobserved",
        "attribution",
        "checkoutToken",
        "cartToken",
        "marketingEvent",
    ),
    "8": (
        "customers",
        "Deprecated",
        "no history",
        "INVALID",
        "REDACTED",
        "customerAcceptsMarketing",
        "locale",
        "predictedSpendTier",
        "rfmGroup",
        "segments",
        "customerSegmentMembers",
        "pages up to 1000",
        "marketingActivities",
        "marketingEvents",
        "MarketingEngagement",
        "Shopify Messaging",
        "shopifyqlQuery",
        "abandonedCheckouts",
        "includes recovered ones",
        "emailSentAt",
    ),
    "9": (
        "Deleted rows just stop appearing",
        "events",
        "year",
        "deletionEvents",
        "Webhooks",
        "merged",
        "customers/data_request",
        "customers/redact",
        "shop/redact",
        "HMAC",
        "only redacted",
    ),
}
"""Words of the sheet, by part, that must stand in a line of that part: whoever deletes the line is told."""

OTHERS = {
    *("dbt_shopify", "ecommerce_integrations", "order_refunds", "sort_key", "net_sales"),  # other programs, another language
    *(
        "groupObjects",
        "segmentId",
        "sortKey",
        "discount_code",
        "email_state",
        "not_sent",
        "subject_type",
    ),  # arguments and words
    *("netPayment", "transactionsCount"),  # an amount by another name; a list that comes whole in bulk
    *("lineItem", "customerJourney", "openTracking"),  # deprecated, or named by another of its names
}
"""names in the sheet that are no field to be read"""

LINES = lines("shopify", "Shopify")


def test_every_line_has_a_rule_and_tests_that_exist() -> None:
    assert problems(LINES) == []
    assert len(LINES) > 120


def test_all_nine_parts_are_there() -> None:
    assert {part for line in LINES for part in line.parts} == set("123456789")


def test_everything_that_is_known_of_shopify_has_a_line() -> None:
    assert untold(KNOWN, LINES) == []
    assert sum(map(len, KNOWN.values())) > 130


def test_every_stream_has_a_line_or_is_made_by_one() -> None:
    """A stream without a known behaviour would be one that nobody looked at."""
    from persync_shopify.connector import Shopify

    text = (ROOT / "docs" / "shopify.md").read_text("utf-8")
    assert [stream.name for stream in Shopify.streams if f"`{stream.name}`" not in text] == []


def test_fields_that_shopify_has_and_nobody_needs_are_in_no_query() -> None:
    """Those of the lines that leave something out, and those of which a rule says that they are not asked for."""
    lines_out = [line.trap for line in LINES if line.is_left_out or "not asked for" in line.rule]
    left_out = {name for text in lines_out for quoted in re.findall(r"`([^`]+)`", text) for name in fields_in(quoted)}

    assert len(left_out) > 45
    assert left_out & asked_names("shopify") == set()


@pytest.mark.shared
def test_the_words_are_the_sheets_own(shared: Path) -> None:
    assert unfounded(KNOWN, sheet_of(shared, "shopify")) == []


@pytest.mark.shared
def test_every_field_of_the_sheet_is_read_or_named(shared: Path) -> None:
    sheet = sheet_of(shared, "shopify")
    named = fields_in("\n".join(sheet[part] for part in "123456789"))
    known = read_names("shopify") | asked_names("shopify") | fields_in(page_text(LINES)) | OTHERS

    assert len(named) > 150
    assert named - known == set()
