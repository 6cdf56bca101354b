"""Every shape in which Shopify refuses, through a whole pull: a named error with place, vendor's id and next step."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from persync.connect.client import Client
from persync.connect.pull import PullOptions, PullResult, pull
from persync.errors import (
    AuthError,
    ConfigError,
    PersyncError,
    ResponseError,
    SkipStreamError,
    TransientError,
    UnreachableError,
)
from persync_shopify.sandbox import secrets
from refusals import ADDRESS, Refusing, Shape, check

ID = "4f2c1d0e-request"
HERE = {"x-request-id": ID}
STREAMS = ("shop", "customers", "products", "orders")
HTML = b"<html><body>ann@example.com, 5ec7e7: sorry</body></html>"


def coded(code: str, message: str = f"no, {ADDRESS}", **more: Any) -> dict[str, Any]:
    return {"errors": [{"message": message, "extensions": {"code": code, **more}}]}


def shape(name: str, status: int, body: Any, error: type[PersyncError], what: str, next_step: str, **more: Any) -> Shape:
    return Shape(name, status, body, error, what, next_step, ID, HERE, **more)


COST = {
    "cost": {"requestedQueryCost": 500, "actualQueryCost": None, "throttleStatus": {"currentlyAvailable": 1, "restoreRate": 50}}
}
DENIED = {
    "data": None,
    "errors": [
        {
            "message": f"Access denied for products field, {ADDRESS}.",
            "path": ["products"],
            "extensions": {"code": "ACCESS_DENIED", "requiredAccess": "`read_products` access scope."},
        }
    ],
}
SHAPES = (
    shape(
        "THROTTLED", 200, coded("THROTTLED") | {"extensions": COST}, TransientError, "the bucket of query points", "Pull again"
    ),
    shape(
        "MAX_COST_EXCEEDED",
        200,
        coded("MAX_COST_EXCEEDED", cost=1002, maxCost=1000),
        TransientError,
        "the query costs 1002 points, 1000 are allowed",
        "update persync",
    ),
    *(
        shape(code, 200, coded(code), TransientError, f"Shopify failed ({code}): no, (address)", "goes on where it stopped")
        for code in ("INTERNAL_SERVER_ERROR", "TIMEOUT", "SERVICE_UNAVAILABLE")
    ),
    shape(
        "ACCESS_DENIED",
        200,
        DENIED,
        SkipStreamError,
        "Access denied for products field, (address)",
        "Give the app: `read_products` access scope.",
        state="skipped",
    ),
    shape(
        "a path alone",
        200,
        {"data": None, "errors": [{"message": "not approved", "path": ["products"]}]},
        SkipStreamError,
        "not approved",
        "Give the app access",
        state="skipped",
    ),
    shape(
        "undefinedField",
        200,
        coded("undefinedField"),
        ResponseError,
        "Shopify refuses the query (undefinedField): no, (address)",
        "remove api_version",
    ),
    shape("BAD_REQUEST", 200, coded("BAD_REQUEST"), ResponseError, "Shopify refuses the query (BAD_REQUEST)", "update persync"),
    shape(
        "SHOP_INACTIVE", 200, coded("SHOP_INACTIVE"), ResponseError, "Shopify refuses the query (SHOP_INACTIVE)", "its owner"
    ),
    shape("a code of next year", 200, coded("NEW"), ResponseError, "Shopify refuses the query (NEW)", "update persync"),
    shape(
        "errors as text", 200, {"errors": f"Not {ADDRESS} Found"}, ResponseError, "Shopify answers: Not (address) Found", "upd"
    ),
    shape(
        "errors as an object",
        200,
        {"errors": {"query": "Required"}},
        ResponseError,
        'Shopify answers: {"query":"Required"}',
        "update persync",
    ),
    shape(
        "errors cut short", 200, b'{"errors": [{"mess', ResponseError, "the answer is not the JSON that was", "Check base_url"
    ),
    shape("HTML", 200, HTML, ResponseError, "the answer is not the JSON that was expected", "Check base_url"),
    shape("nothing", 200, b"", ResponseError, "the answer is not the JSON that was expected", "Check base_url"),
    shape("no data", 200, {"data": None}, ResponseError, "the answer is not the JSON that was expected", "Check base_url"),
    shape("400", 400, {"errors": "bad"}, ResponseError, "HTTP 400", "update persync"),
    shape(
        "401",
        401,
        {"errors": "[API] Invalid API key"},
        AuthError,
        "the token was refused (HTTP 401)",
        "Dev Dashboard",
        ends=True,
    ),
    shape(
        "402", 402, {"errors": "Unavailable Shop"}, ResponseError, "the shop is frozen or locked (HTTP 402)", "owner must open"
    ),
    shape(
        "403", 403, {"errors": "Forbidden"}, AuthError, "the shop does not let this app in (HTTP 403)", "Dev Dash", ends=True
    ),
    shape("404", 404, {"errors": "Not Found"}, ConfigError, "nothing answers there (HTTP 404)", "Set shop to the name"),
    shape("423", 423, {"errors": "Locked"}, ResponseError, "the shop is frozen or locked (HTTP 423)", "owner must open"),
    shape("429", 429, b"", TransientError, "too many requests (HTTP 429)", "it goes on where it stopped"),
    *(
        shape(str(status), status, HTML, TransientError, f"the vendor failed (HTTP {status})", "goes on where it stopped")
        for status in (500, 502, 503, 504)
    ),
    Shape("no answer in time", 0, httpx.ReadTimeout("slow"), TransientError, "127.0.0.1 did not answer in time", "goes on"),
    Shape("cut off", 0, httpx.ReadError("reset"), TransientError, "the connection to 127.0.0.1 broke", "goes on where"),
    Shape("no host", 0, httpx.ConnectError("no"), UnreachableError, "cannot reach 127.0.0.1", "Check the network", ends=True),
)


def asks(name: str) -> Callable[[httpx.Request], bool]:
    return lambda request: f"query {name}".encode() in request.content


def pulled(connect: Any, world: Any, now: int, store: Path, refused: Any, one: Shape, **given: Any) -> PullResult:
    connector, _, transport = connect(world, **given)
    broken = Refusing(transport, refused, one)
    return pull(
        store,
        [connector],
        PullOptions(now=now, streams=STREAMS),
        client=lambda made, stop: Client(made, stop=stop, sleep=lambda seconds: False, transport=broken),
        clock=lambda: now / 1000,
    )


@pytest.mark.parametrize("one", SHAPES, ids=lambda one: one.name)
def test_every_refusal_of_shopifys_names_connection_stream_page_request_and_next_step(
    build: Any, connect: Any, tmp_path: Path, one: Shape
) -> None:
    result = pulled(connect, build.world(), build.now, tmp_path / "s.db", asks("PersyncProducts"), one)

    said = one.status != 200 or (isinstance(one.body, dict) and "errors" in one.body) or one.name == "errors cut short"
    check(result, one, "products", "shopify, products, page 1" + (", POST graphql.json" if said else ""))


def test_what_was_read_before_a_refusal_is_kept_and_the_page_is_named(build: Any, connect: Any, tmp_path: Path) -> None:
    one = SHAPES[-6]
    later = asks("PersyncCustomers")

    result = pulled(
        connect,
        build.world(people=95),
        build.now,
        tmp_path / "s.db",
        lambda request: later(request) and bool(orjson.loads(request.content)["variables"].get("after")),
        one,
    )

    check(result, one, "customers", "shopify, customers, page 2, POST graphql.json", kept=True)
    assert [each.records for each in result.streams if each.stream == "customers"] == [90]


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"Oauth error shop_not_permitted: 5ec7e7", "shop_not_permitted: id and secret are right, but"),
        (b'{"error":"application_cannot_be_found"}', "application_cannot_be_found: no app has this client id"),
        (b'{"error":"invalid_client"}', "invalid_client: no app has this client id and secret"),
    ],
)
def test_a_refused_grant_ends_the_connection_and_says_where(
    build: Any, connect: Any, tmp_path: Path, body: bytes, what: str
) -> None:
    world = build.world()
    found = secrets(world)
    granted = {"client_id": found["SHOPIFY_CLIENT_ID"], "client_secret": found["SHOPIFY_CLIENT_SECRET"]}
    one = shape("grant", 400, body, AuthError, what, "Dev Dashboard", ends=True)

    result = pulled(
        connect,
        world,
        build.now,
        tmp_path / "s.db",
        lambda request: request.url.path.endswith("/access_token"),
        one,
        secrets=granted,
    )

    check(result, one, "shop", "shopify, shop, page 1, POST /admin/oauth/access_token")
    assert granted["client_secret"] not in str(result.errors[0])


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "error"),
    [
        ("throttled.recorded.json", TransientError),
        ("max_cost_exceeded.recorded.json", TransientError),
        ("access_denied.recorded.json", SkipStreamError),
    ],
)
def test_shopifys_recorded_refusals_say_the_same(
    shared: Path, build: Any, connect: Any, tmp_path: Path, file: str, error: type[PersyncError]
) -> None:
    body = (shared / "specs" / "samples" / "shopify" / file).read_bytes()
    one = shape(file, 200, body, error, "", "", state="skipped" if error is SkipStreamError else "failed")

    result = pulled(connect, build.world(), build.now, tmp_path / "s.db", asks("PersyncProducts"), one)

    check(result, one, "products", "shopify, products, page 1, POST graphql.json")
