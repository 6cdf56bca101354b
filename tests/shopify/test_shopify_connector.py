"""Settings, secrets, tokens and pace of the connector."""

import json
import logging
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest
from pydantic import ValidationError

from persync.connect.client import Client
from persync.connect.stream import Request
from persync.errors import AuthError
from persync_shopify import persync_connectors, persync_sandboxes
from persync_shopify.access import allows
from persync_shopify.connector import Shopify, ShopifySettings
from persync_shopify.pace import CostPace
from persync_shopify.sandbox import secrets

SHOP_QUERY = Request("POST", "graphql.json", json={"query": "{ shop { id } }"})


def granted(world: Any) -> dict[str, str]:
    found = secrets(world)
    return {"client_id": found["SHOPIFY_CLIENT_ID"], "client_secret": found["SHOPIFY_CLIENT_SECRET"]}


def test_the_plugin_offers_one_connector_and_its_sandbox() -> None:
    assert [each.name for each in persync_connectors()] == ["shopify"]
    assert [(each.name, each.connector) for each in persync_sandboxes()] == [("shopify", "shopify")]


@pytest.mark.parametrize("shop", ["lantern-test", "lantern-test.myshopify.com", "https://Lantern-Test.myshopify.com/"])
def test_a_shop_may_be_written_in_any_usual_way(shop: str) -> None:
    connector = Shopify("shopify", ShopifySettings(connector="shopify", shop=shop), {"token": "t"})

    assert connector.base_url() == "https://lantern-test.myshopify.com/admin/api/2026-10"


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"shop": "shop.example.com"}, "handle"),
        ({"shop": "a", "api_version": "2026-11"}, "version"),
        ({"shop": "a", "start": "last year"}, "isoformat"),
        ({"shop": "a", "attributes": {"age": "because"}}, "country"),
        ({"shop": "a", "shopp": "b"}, "shopp"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        ShopifySettings(connector="shopify", **settings)


def test_a_static_token_signs_every_call(build: Any, connect: Callable[..., Any]) -> None:
    connector, client, transport = connect(build.world())

    with client(connector, None) as one:
        one.send(SHOP_QUERY)

    assert [call.headers["x-shopify-access-token"] for call in transport.calls] == [
        secrets(build.world())["SHOPIFY_ACCESS_TOKEN"]
    ]


def test_check_says_what_was_found(build: Any, connect: Callable[..., Any]) -> None:
    connector, client, _ = connect(build.world(), scopes=frozenset({"read_orders", "read_products"}))

    with client(connector, None) as one:
        found = list(connector.check(one))

    assert found == [
        ("shop", "lantern-test.myshopify.com, EUR, Europe/Berlin"),
        ("scopes", "missing: read_customers"),
        ("orders", "the last 60 days alone: the app lacks read_all_orders"),
        ("API version", "2026-10, supported until 2027-10-01"),
    ]


def test_check_says_when_another_version_answered(build: Any, connect: Callable[..., Any]) -> None:
    """Shopify answers an old version as its oldest supported one, without an error."""
    connector, client, _ = connect(build.world(), settings={"api_version": "2025-04"})

    with client(connector, None) as one:
        found = dict(connector.check(one))

    assert found["API version"] == (
        "asked for 2025-04, answered as 2026-01: 2025-04 is no longer (or not yet) supported. "
        'Set api_version = "2026-10" in persync.toml, or update persync.'
    )
    assert (connector.api_version, connector.supported_until) == ("2025-04", None)


@pytest.mark.parametrize(("version", "until"), [("2026-01", "2027-01-01"), ("2026-10", "2027-10-01"), ("unstable", None)])
def test_the_connection_knows_until_when_its_version_answers(version: str, until: str | None) -> None:
    connector = Shopify("shopify", ShopifySettings(connector="shopify", shop="a", api_version=version), {"token": "t"})

    assert (connector.api_version, connector.supported_until) == (version, until)


def test_a_token_is_renewed_before_it_runs_out(
    build: Any, connect: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A granted token lives a day; five minutes before its end another one is asked for."""
    now = [1000.0]
    monkeypatch.setattr("persync_shopify.connector.time.monotonic", lambda: now[0])
    world = build.world()
    connector, client, transport = connect(world, secrets=granted(world))
    grants = []

    with client(connector, None) as one:
        for passed in (0.0, 86_399 - 301, 2.0, 10.0):
            now[0] += passed
            one.send(SHOP_QUERY)
            grants.append(sum(call.url.path.endswith("access_token") for call in transport.calls))

    assert grants == [1, 1, 2, 2]


def test_a_token_refused_again_after_its_renewal_ends_the_pull(build: Any, connect: Callable[..., Any]) -> None:
    """One renewal, then the refusal is believed."""
    world = build.world()
    connector, client, transport = connect(world, secrets=granted(world))
    answer = transport.handle_request

    def refuse(request: httpx.Request) -> httpx.Response:
        found: httpx.Response = answer(request)
        if not request.url.path.endswith("graphql.json"):
            return found
        return httpx.Response(401, json={"errors": "[API] Invalid API key or access token"})

    transport.handle_request = refuse

    with client(connector, None) as one, pytest.raises(AuthError, match="refused"):
        one.send(SHOP_QUERY)

    paths = [call.url.path.rpartition("/")[2] for call in transport.calls]
    assert paths == ["access_token", "graphql.json", "access_token", "graphql.json"]


@pytest.mark.parametrize(
    ("scopes", "wanted", "there"),
    [
        (None, ("read_orders",), True),
        (frozenset({"read_orders"}), ("read_orders",), True),
        (frozenset({"write_orders"}), ("read_orders",), True),
        (frozenset({"read_orders"}), ("read_customers",), False),
        (frozenset({"read_products"}), ("read_inventory", "read_products"), True),
    ],
)
def test_a_scope_is_there_unless_it_is_known_to_be_missing(
    scopes: frozenset[str] | None, wanted: tuple[str, ...], there: bool
) -> None:
    """The scope to write a thing includes to read it."""
    assert allows(scopes, wanted) is there


def test_a_wrong_token_is_refused_at_once(build: Any, connect: Callable[..., Any]) -> None:
    connector, client, transport = connect(build.world(), secrets={"token": "shpat_wrong"})

    with client(connector, None) as one, pytest.raises(AuthError, match="refused") as caught:
        list(connector.check(one))

    assert len(transport.calls) == 1
    assert "shpat_wrong" not in str(caught.value)


def test_client_credentials_get_one_token_and_keep_it(build: Any, connect: Callable[..., Any]) -> None:
    world = build.world()
    connector, client, transport = connect(world, secrets=granted(world))

    with client(connector, None) as one:
        one.send(SHOP_QUERY)
        one.send(SHOP_QUERY)

    assert [call.url.path for call in transport.calls] == [
        "/admin/oauth/access_token",
        "/admin/api/2026-10/graphql.json",
        "/admin/api/2026-10/graphql.json",
    ]
    assert "x-shopify-access-token" not in transport.calls[0].headers
    assert transport.calls[0].headers["content-type"] == "application/x-www-form-urlencoded"


def test_a_token_that_ran_out_is_renewed_once(build: Any, connect: Callable[..., Any]) -> None:
    world = build.world()
    connector, client, transport = connect(world, secrets=granted(world))
    connector._granted, connector._expires = "shpat_run_out", float("inf")

    with client(connector, None) as one:
        assert one.send(SHOP_QUERY).status == 200

    assert [call.url.path.rpartition("/")[2] for call in transport.calls] == ["graphql.json", "access_token", "graphql.json"]


@pytest.mark.parametrize(
    ("changes", "shop", "word"),
    [
        ({}, {"same_organisation": False}, "different organisations"),
        ({"client_secret": "shpss_wrong"}, {}, "no app has this client id"),
        ({"client_secret": ""}, {}, "neither a token nor a client id"),
    ],
)
def test_a_refused_grant_says_why_and_keeps_the_secret(
    build: Any, connect: Callable[..., Any], changes: dict[str, str], shop: dict[str, Any], word: str
) -> None:
    world = build.world()
    connector, client, _ = connect(world, secrets={**granted(world), **changes}, **shop)

    with client(connector, None) as one, pytest.raises(AuthError, match=word) as caught:
        one.send(SHOP_QUERY)

    assert "shpss" not in str(caught.value)


def test_another_version_answering_is_told_once(
    build: Any, connect: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    connector, client, _ = connect(build.world(), settings={"api_version": "2024-01"})

    with caplog.at_level(logging.WARNING, "persync.shopify"), client(connector, None) as one:
        one.send(SHOP_QUERY)
        one.send(SHOP_QUERY)

    assert [record.getMessage() for record in caplog.records] == [
        "Shopify answered as API version 2026-01, not 2024-01 as asked: that version is no longer (or not yet) supported."
    ]


def test_pace_waits_until_the_bucket_holds_what_the_query_cost() -> None:
    now = [0.0]
    pace = CostPace(concurrent=2, version="2026-10", clock=lambda: now[0])
    throttle = {"maximumAvailable": 1000, "currentlyAvailable": 100, "restoreRate": 50}
    body = orjson.dumps({"extensions": {"cost": {"requestedQueryCost": 400, "throttleStatus": throttle}}})

    before = pace.before(SHOP_QUERY)
    pace.learn(SHOP_QUERY, 200, {}, body)
    waits = [pace.before(SHOP_QUERY)]
    now[0] = 6.0
    waits += [pace.before(SHOP_QUERY), pace.before(SHOP_QUERY)]

    assert before == 0.0
    assert waits == [6.0, 0.0, 8.0]


def test_pace_never_waits_for_what_no_bucket_holds() -> None:
    pace = CostPace(concurrent=1, version="2026-10", clock=lambda: 0.0)
    throttle = {"maximumAvailable": 100, "currentlyAvailable": 0, "restoreRate": 50}
    body = orjson.dumps({"extensions": {"cost": {"requestedQueryCost": 400, "throttleStatus": throttle}}})

    pace.learn(SHOP_QUERY, 200, {}, body)
    pace.learn(SHOP_QUERY, 200, {}, b'{"extensions": {"cost": {"throttleStatus": null}}}')

    assert pace.before(SHOP_QUERY) == 0.0


@pytest.mark.parametrize(
    ("asked", "available", "rate", "wait"),
    [
        (400, -(2**63), 50, 28.0),
        (400, 0, 1e-300, 0.0),
        (400, 0, "nan", 0.0),
        (400, "inf", 50, 0.0),
        (float("inf"), 0, 50, 20.0),
        ("400", 0, 50, 20.0),
        (-400, 0, 50, 20.0),
        (10**400, 0, 50, 20.0),
    ],
    ids=range(8),
)
def test_pace_waits_no_longer_than_a_bucket_takes_to_fill_whatever_is_said(
    asked: Any, available: Any, rate: Any, wait: float
) -> None:
    pace = CostPace(concurrent=1, version="2026-10", clock=lambda: 0.0)
    throttle = {"maximumAvailable": 1000, "currentlyAvailable": available, "restoreRate": rate}
    body = json.dumps({"extensions": {"cost": {"requestedQueryCost": asked, "throttleStatus": throttle}}}).encode()

    pace.learn(SHOP_QUERY, 200, {}, body)

    assert pace.before(SHOP_QUERY) == wait


def test_an_answer_that_is_no_shop_is_told() -> None:
    connector = Shopify("shopify", ShopifySettings(connector="shopify", shop="a", base_url="http://127.0.0.1"), {"token": "t"})
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json={"data": {"shop": None}}))

    with Client(connector, transport=transport) as one, pytest.raises(Exception, match="does not describe a shop"):
        list(connector.check(one))
