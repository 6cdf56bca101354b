"""Refusals, many of them with HTTP 200, become the right error with the right thing to do."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from persync.errors import AuthError, ConfigError, PersyncError, ResponseError, SkipStreamError, TransientError
from persync_shopify.connector import Shopify, ShopifySettings
from persync_shopify.failures import graphql_failure
from persync_shopify.pages import redacted


def failed(answer: Any) -> PersyncError | None:
    return graphql_failure(orjson.dumps(answer))


def coded(code: str, message: str = "no", **more: Any) -> dict[str, Any]:
    return {"message": message, "extensions": {"code": code, **more}}


def cost(asked: float, available: float, rate: float) -> dict[str, Any]:
    throttle = {"maximumAvailable": 2000, "currentlyAvailable": available, "restoreRate": rate}
    return {"cost": {"requestedQueryCost": asked, "actualQueryCost": None, "throttleStatus": throttle}}


def test_a_good_answer_is_no_failure() -> None:
    assert failed({"data": {"shop": {"name": 'the "errors" shop'}}, "extensions": cost(1, 1999, 100)}) is None


def test_throttled_waits_for_exactly_the_missing_points() -> None:
    error = failed({"errors": [coded("THROTTLED")], "extensions": cost(950, 50, 100)})

    assert isinstance(error, TransientError)
    assert (error.throttled, error.wait, error.shrink) == (True, 9.0, False)


def test_throttled_without_a_bucket_leaves_the_wait_to_the_client() -> None:
    error = failed({"errors": [coded("THROTTLED")]})

    assert isinstance(error, TransientError)
    assert (error.throttled, error.wait) == (True, None)


def test_a_query_that_costs_too_much_asks_for_a_smaller_page() -> None:
    error = failed({"errors": [coded("MAX_COST_EXCEEDED", cost=1002, maxCost=1000)]})

    assert isinstance(error, TransientError)
    assert (error.shrink, error.throttled) == (True, False)
    assert "1002" in error.what


def test_a_denied_stream_is_skipped_with_the_scope_it_needs() -> None:
    denied = coded("ACCESS_DENIED", "Access denied.", requiredAccess="`read_customers` access scope.") | {"path": ["customers"]}

    error = failed({"data": None, "errors": [denied]})

    assert isinstance(error, SkipStreamError)
    assert (error.reason, error.hint) == ("scope", "Give the app: `read_customers` access scope.")


def test_a_cursor_that_is_gone_is_no_matter_of_access() -> None:
    told = {"data": None, "errors": [{"message": "Invalid cursor for current pagination sort.", "path": ["orders"]}]}

    error = graphql_failure(orjson.dumps(told))

    assert type(error) is ResponseError
    assert "Invalid cursor" in error.what


def test_a_denied_field_costs_only_itself() -> None:
    """Values and errors come together: the page is used, and the names of what is missing are known."""
    path = ["orders", "nodes", 0, "lineItems", "nodes", 0, "variant", "inventoryItem", "unitCost"]
    answer = {"data": {"orders": {"nodes": []}}, "errors": [coded("ACCESS_DENIED") | {"path": path}]}

    assert failed(answer) is None
    assert redacted(orjson.dumps(answer)) == ("inventoryItem", "lineItems", "unitCost", "variant")


def test_a_fault_of_shopifys_is_asked_again() -> None:
    error = failed({"errors": [coded("INTERNAL_SERVER_ERROR")]})

    assert isinstance(error, TransientError)
    assert not error.throttled


@pytest.mark.parametrize(
    ("answer", "word", "hint"),
    [
        ({"errors": [coded("undefinedField", "Field 'x' doesn't exist on type 'Order'")]}, "undefinedField", "api_version"),
        ({"errors": [coded("BAD_REQUEST", "first must be smaller")]}, "BAD_REQUEST", ""),
        ({"errors": [coded("SHOP_INACTIVE")]}, "SHOP_INACTIVE", "closed"),
        ({"errors": ["something"]}, "something", ""),
        ({"errors": "Not Found"}, "Not Found", ""),
    ],
)
def test_what_no_repetition_helps_ends_the_stream(answer: Any, word: str, hint: str) -> None:
    error = failed(answer)

    assert type(error) is ResponseError
    assert word in error.what
    assert hint in error.hint


@pytest.mark.parametrize(
    ("status", "body", "kind", "word"),
    [
        (401, b'{"errors":"[API] Invalid API key or access token"}', AuthError, "refused"),
        (403, b"{}", AuthError, "does not let this app in"),
        (404, b'{"errors":"Not Found"}', ConfigError, "lantern"),
        (402, b"{}", ResponseError, "frozen"),
        (423, b"{}", ResponseError, "locked"),
        (429, b"", TransientError, "429"),
        (502, b"<html>", TransientError, "502"),
        (400, b"Oauth error shop_not_permitted: ...", AuthError, "different organisations"),
        (400, b'{"error":"application_cannot_be_found"}', AuthError, "client id"),
    ],
)
def test_http_refusals_say_what_to_do(status: int, body: bytes, kind: type[PersyncError], word: str) -> None:
    connector = Shopify("shopify", ShopifySettings(connector="shopify", shop="lantern"), {"token": "t"})

    error = connector.failure(status, {}, body)

    assert type(error) is kind
    assert word in error.what


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "kind", "facts"),
    [
        ("throttled.recorded.json", TransientError, {"throttled": True, "wait": pytest.approx(0.08), "shrink": False}),
        ("max_cost_exceeded.recorded.json", TransientError, {"throttled": False, "shrink": True}),
        (
            "access_denied.recorded.json",
            SkipStreamError,
            {"reason": "scope", "hint": "Give the app: `read_publications` access scope."},
        ),
    ],
)
def test_recorded_refusals_become_the_right_errors(
    shared: Path, name: str, kind: type[PersyncError], facts: dict[str, Any]
) -> None:
    error = graphql_failure((shared / "specs/samples/shopify" / name).read_bytes())

    assert type(error) is kind
    assert {fact: getattr(error, fact) for fact in facts} == facts


@pytest.mark.shared
def test_a_recorded_protected_field_is_withheld_not_absent(shared: Path) -> None:
    body = (shared / "specs/samples/shopify/protected_field.doc.json").read_bytes()

    assert graphql_failure(body) is None
    assert redacted(body) == ("phone",)
