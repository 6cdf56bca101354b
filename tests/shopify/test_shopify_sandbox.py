"""The imitated shop answers and refuses as the vendor does."""

import asyncio
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

import httpx
import orjson
import pytest
from graphql import GraphQLSchema, build_schema, execute_sync, parse

from persync_shopify.queries import query
from persync_shopify.sandbox import SANDBOX, app, secrets
from persync_shopify.sandbox_data import ShopData

SINCE = "updated_at:>='1970-01-01T00:00:00Z'"
ALL = frozenset({"read_orders", "read_all_orders", "read_customers"})


def post(application: Any, path: str, **more: Any) -> httpx.Response:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://127.0.0.1") as client:
            return await client.post(path, **more)

    return asyncio.run(ask())


@pytest.fixture
def ask(build: Any) -> Callable[..., Any]:
    """Send a query to the imitation of a world and return its answer."""

    def send(
        text: str, variables: dict[str, Any] | None = None, *, world: Any = None, version: str = "2026-10", **shop: Any
    ) -> Any:
        world = world or build.world()
        token = secrets(world)["SHOPIFY_ACCESS_TOKEN"]
        body = {"query": text, "variables": variables or {}}
        answer = post(
            app(world, **shop), "/admin/api/2026-10/graphql.json", json=body, headers={"X-Shopify-Access-Token": token}
        )
        assert answer.status_code == 200
        return answer.json()

    return send


def names(answer: Any) -> list[str]:
    return [order["name"] for order in answer["data"]["orders"]["nodes"]]


@pytest.mark.parametrize("headers", [{}, {"X-Shopify-Access-Token": "shpat_wrong"}])
def test_a_wrong_token_gets_401(build: Any, headers: dict[str, str]) -> None:
    answer = post(app(build.world()), "/admin/api/2026-10/graphql.json", json={"query": "{ shop { id } }"}, headers=headers)

    assert answer.status_code == 401
    assert answer.json() == {"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"}


@pytest.mark.parametrize(("asked", "answered"), [("2026-07", "2026-07"), ("2025-10", "2026-01"), ("2031-01", "2026-01")])
def test_a_version_out_of_support_is_answered_as_the_oldest(build: Any, asked: str, answered: str) -> None:
    world = build.world()
    headers = {"X-Shopify-Access-Token": secrets(world)["SHOPIFY_ACCESS_TOKEN"]}

    answer = post(app(world), f"/admin/api/{asked}/graphql.json", json={"query": "{ shop { id } }"}, headers=headers)

    assert (answer.status_code, answer.headers["x-shopify-api-version"]) == (200, answered)


def test_an_unknown_field_is_refused_in_the_vendors_words(ask: Any) -> None:
    answer = ask("{ shop { id nope } }")

    assert answer == {
        "errors": [
            {
                "message": "Field 'nope' doesn't exist on type 'Shop'",
                "locations": [{"line": 1, "column": 13}],
                "extensions": {"code": "undefinedField", "typeName": "Shop", "fieldName": "nope"},
            }
        ]
    }


@pytest.mark.parametrize(
    ("text", "variables", "word"),
    [
        ("{ orders(first: 251) { nodes { id } } }", {}, "between 1 and 250"),
        ("query Q($n: Int!) { orders(first: $n) { nodes { id } } }", {"n": 0}, "between 1 and 250"),
        ("query Q($n: Int!) { orders(first: $n) { nodes { id } } }", {}, "$n"),
        ("{ orders { nodes { id } } }", {}, "first or last"),
        ('{ orders(first: 1, after: "nonsense") { nodes { id } } }', {}, "Invalid cursor"),
        ("{ shop { id }", {}, "Syntax Error"),
    ],
)
def test_what_the_vendor_refuses_is_refused(ask: Any, text: str, variables: dict[str, Any], word: str) -> None:
    answer = ask(text, variables)

    assert word in answer["errors"][0]["message"]


def test_a_query_over_1000_points_is_refused(ask: Any) -> None:
    answer = ask(query("orders"), {"first": 20, "query": SINCE})

    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "MAX_COST_EXCEEDED", "cost": error["extensions"]["cost"], "maxCost": 1000}
    assert error["extensions"]["cost"] > 1000


def test_the_bucket_empties_throttles_and_fills_again(build: Any, ask: Any) -> None:
    """What a query did not use flows back; what it used comes back with time."""
    now = [0.0]
    world = build.world()
    asked = ask(query("orders"), {"first": 3, "query": SINCE}, world=world)["extensions"]["cost"]["requestedQueryCost"]
    application = app(world, maximum=float(asked), rate=10.0, clock=lambda: now[0])
    headers = {"X-Shopify-Access-Token": secrets(world)["SHOPIFY_ACCESS_TOKEN"]}
    body = {"query": query("orders"), "variables": {"first": 3, "query": SINCE}}

    def send() -> Any:
        return post(application, "/admin/api/2026-10/graphql.json", json=body, headers=headers).json()

    first, second = send(), send()
    now[0] = 60.0
    third = send()

    cost = first["extensions"]["cost"]
    used = cost["actualQueryCost"]
    assert cost["throttleStatus"] == {"maximumAvailable": asked, "currentlyAvailable": asked - used, "restoreRate": 10.0}
    assert 0 < used < cost["requestedQueryCost"]
    assert second["errors"] == [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]
    assert second["extensions"]["cost"]["actualQueryCost"] is None
    assert "errors" not in third


def test_orders_come_by_processing_date_unless_told_otherwise(build: Any, ask: Any) -> None:
    early, late = build.order(1, 1), build.order(2, 2)
    early.updated_at = late.updated_at + 1000
    world = build.world(orders=[late, early])

    default = ask("{ orders(first: 5) { nodes { name } } }", world=world)
    updated = ask("{ orders(first: 5, sortKey: UPDATED_AT) { nodes { name } } }", world=world)
    backwards = ask("{ orders(first: 1, sortKey: UPDATED_AT, reverse: true) { nodes { name } } }", world=world)

    assert (names(default), names(updated), names(backwards)) == (["#1001", "#1002"], ["#1002", "#1001"], ["#1001"])


def test_before_and_after_include_the_moment_itself(build: Any, ask: Any) -> None:
    """The vendor reads > as >= and < as <=, and ignores a date without quotes."""
    world = build.world()
    text = "query Q($q: String) { orders(first: 9, sortKey: UPDATED_AT, query: $q) { nodes { name updatedAt } } }"
    second = ask(text, world=world)["data"]["orders"]["nodes"][1]["updatedAt"]

    assert names(ask(text, {"q": f"updated_at:>'{second}'"}, world=world)) == ["#1002", "#1003"]
    assert names(ask(text, {"q": f"updated_at:>='{second}' AND updated_at:<'{second}'"}, world=world)) == ["#1002"]
    assert names(ask(text, {"q": f"updated_at:>={second}"}, world=world)) == ["#1001", "#1002", "#1003"]


def test_customers_are_found_by_whole_days(build: Any, ask: Any) -> None:
    world = build.world()
    text = "query Q($q: String) { customers(first: 9, query: $q) { nodes { id } } }"

    found = ask(text, {"q": "updated_at:>='2026-06-23T23:59:59Z' AND updated_at:<'2026-06-23T00:00:00Z'"}, world=world)
    none = ask(text, {"q": "updated_at:>='2026-06-24T00:00:00Z'"}, world=world)

    assert len(found["data"]["customers"]["nodes"]) == 3
    assert none["data"]["customers"]["nodes"] == []


def test_orders_older_than_sixty_days_are_not_there_without_the_scope(build: Any, ask: Any) -> None:
    old = build.order(1, 1, created_at=build.now - 61 * build.day)
    world = build.world(orders=[old, build.order(2, 2)])
    text = "{ orders(first: 9) { nodes { name } } ordersCount(limit: null) { count precision } }"

    some = ask(text, world=world, scopes=frozenset({"read_orders"}))
    every = ask(text, world=world)

    assert (names(some), some["data"]["ordersCount"]) == (["#1002"], {"count": 1, "precision": "EXACT"})
    assert (names(every), every["data"]["ordersCount"]) == (["#1001", "#1002"], {"count": 2, "precision": "EXACT"})


def test_a_missing_scope_denies_the_list(ask: Any) -> None:
    answer = ask("{ customers(first: 1) { nodes { id } } }", scopes=frozenset({"read_orders"}))

    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"
    assert answer["errors"][0]["path"] == ["customers"]


def test_protected_data_comes_as_null_with_an_error(ask: Any) -> None:
    """A null in a field that cannot be null takes the object around it."""
    answer = ask("{ customers(first: 1) { nodes { id defaultEmailAddress { emailAddress } } } }", protected=False)

    assert answer["data"] == {"customers": {"nodes": [{"id": "gid://shopify/Customer/8001", "defaultEmailAddress": None}]}}
    assert answer["errors"][0]["path"] == ["customers", "nodes", 0, "defaultEmailAddress", "emailAddress"]


def test_money_is_written_without_padding(build: Any) -> None:
    data = ShopData(build.world(orders=[build.order(1, 1, total=860000), build.order(2, 2, total=1230)]), ALL)

    totals = [data.order(order)["currentTotalPriceSet"]["shopMoney"]["amount"] for order in data.orders]

    assert totals == ["8600.0", "12.3"]


@pytest.mark.parametrize("kind", ["json", "data"])
def test_client_credentials_are_granted_to_a_form_or_json(build: Any, kind: str) -> None:
    world = build.world()
    found = secrets(world)
    form = {"client_id": found["SHOPIFY_CLIENT_ID"], "client_secret": found["SHOPIFY_CLIENT_SECRET"]}

    answer = post(app(world), "/admin/oauth/access_token", **{kind: {**form, "grant_type": "client_credentials"}})
    refused = post(app(world), "/admin/oauth/access_token", **{kind: form})

    granted = answer.json()
    assert (answer.status_code, granted["expires_in"], granted["scope"]) == (
        200,
        86399,
        "read_all_orders,read_customers,read_orders,read_products",
    )
    assert (refused.status_code, refused.json()) == (400, {"error": "application_cannot_be_found"})


def test_the_sandbox_tells_how_to_connect_to_it(build: Any) -> None:
    world = build.world()
    world.attributes = {"shopify": {"country": "delivery area"}}

    assert SANDBOX.settings(world, "http://127.0.0.1:1/shopify") == {
        "base_url": "http://127.0.0.1:1/shopify",
        "shop": "lantern-test.myshopify.com",
        "attributes": {"country": "delivery area"},
    }
    assert SANDBOX.secrets(world) == {"SHOPIFY_ACCESS_TOKEN": f"shpat_sandbox_{world.secret}"}


def test_pieces_know_where_the_shop_is_mounted(build: Any) -> None:
    """A file that the shop serves lies beside its API, also when it is one of several sandboxes."""
    from starlette.applications import Starlette
    from starlette.routing import Mount

    from persync_shopify.sandbox_parts import HERE

    heard: list[str] = []
    world = build.world()
    inner = app(world)
    headers = {"X-Shopify-Access-Token": secrets(world)["SHOPIFY_ACCESS_TOKEN"]}

    async def listening(scope: Any, receive: Any, send: Any) -> None:
        await inner(scope, receive, send)
        heard.append(HERE.get())

    mounted = Starlette(routes=[Mount("/shopify", app=listening)])
    for application, before in ((listening, ""), (mounted, "/shopify")):
        post(application, f"{before}/admin/api/2026-10/graphql.json", json={"query": "{ shop { id } }"}, headers=headers)

    assert heard == ["http://127.0.0.1/", "http://127.0.0.1/shopify/"]


@cache
def schema() -> GraphQLSchema:
    return build_schema(files("persync_shopify").joinpath("sandbox.graphql").read_text("utf-8"))


@pytest.mark.parametrize("protected", [True, False])
@pytest.mark.parametrize(
    ("name", "variables"),
    [
        ("shop", {}),
        ("customers", {"first": 3, "query": SINCE, "country": True, "tiers": True}),
        ("customers", {"first": 3, "query": SINCE, "country": False, "tiers": False}),
        ("orders", {"first": 3, "query": SINCE}),
        ("order_sales", {"id": "gid://shopify/Order/5001", "first": 1}),
        ("order_lines", {"id": "gid://shopify/Order/5001", "first": 1}),
        ("order_moments", {"id": "gid://shopify/Order/5001", "first": 1}),
        ("order_moments", {"id": "gid://shopify/Order/1", "first": 1}),
    ],
)
def test_answers_equal_those_of_graphql_cores_own_executor(
    build: Any, ask: Any, name: str, variables: dict[str, Any], protected: bool
) -> None:
    """The quick runner may be quick only because it says the same: values, types by the schema, errors and their paths."""
    at = build.now - 50 * build.day
    visits = [build.visit(n, at - n * 1000, f"https://shop.example.com/?n={n}", utm={"source": "s"}) for n in range(3)]
    world = build.world(orders=[build.order(1, 1, tax=319, visits=visits), build.order(2, None), build.order(3, 3)])

    answer = ask(query(name), variables, world=world, protected=protected)

    def resolve(source: Any, info: Any, **arguments: Any) -> Any:
        value = source[info.field_name]
        return value(**{{"sortKey": "sort_key"}.get(k, k): v for k, v in arguments.items()}) if callable(value) else value

    root = ShopData(world, ALL | {"read_products"}, protected=protected).root()
    expected = execute_sync(schema(), parse(query(name)), root, variable_values=variables, field_resolver=resolve)
    assert answer["data"] == orjson.loads(orjson.dumps(expected.data))
    paths = [error.path for error in expected.errors or []]
    assert [error["path"] for error in answer.get("errors", [])] == paths
