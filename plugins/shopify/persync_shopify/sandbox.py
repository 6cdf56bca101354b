"""An imitation of Shopify's Admin API over a world: GraphQL over our own small schema, and the client-credentials grant.

It refuses what the vendor refuses: a wrong token, an unknown field, a page over 250, a query over 1000 points, an empty bucket,
a scope the token lacks. An API version that is out of support is answered as the oldest supported one, as the vendor does.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    build_schema,
    parse,
    validate,
    visit,
)
from graphql.execution import get_variable_values
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from persync.hookspecs import Sandbox
from persync.sandbox.world import World
from persync_shopify.refusals import refusal
from persync_shopify.sandbox_bulk import bulk_operations
from persync_shopify.sandbox_cost import MOST, Bucket, static_cost
from persync_shopify.sandbox_data import Oddities, ShopData
from persync_shopify.sandbox_parts import HERE, PARTS, Part, Shop
from persync_shopify.sandbox_run import Answer, Plan
from persync_shopify.versions import SINCE, SUPPORTED

__all__ = ["ALL_SCOPES", "SANDBOX", "app"]

VERSIONS: Final = tuple(SUPPORTED)
ALL_SCOPES: Final = frozenset({"read_orders", "read_all_orders", "read_customers", "read_products"})
TOKEN_SECONDS: Final = 86_399

_UNKNOWN_FIELD: Final = re.compile(r"Cannot query field '(\w+)' on type '(\w+)'")
_SNAKE: Final = {"sortKey": "sort_key"}


@cache
def schema() -> GraphQLSchema:
    """Return our own small schema: every `sandbox*.graphql` of this package, joined."""
    texts = [each for each in files(__package__).iterdir() if re.fullmatch(r"sandbox\w*\.graphql", each.name)]
    return build_schema("\n".join(each.read_text("utf-8") for each in sorted(texts, key=lambda each: each.name)))


@dataclass(frozen=True, slots=True)
class _Query:
    """A text, parsed and checked once: errors, or a plan that can run."""

    plan: Plan | None
    errors: tuple[dict[str, Any], ...] = ()


@lru_cache(maxsize=256)
def _checked(text: str, version: str = VERSIONS[-1]) -> _Query:
    try:
        document = parse(text)
    except GraphQLError as error:
        return _Query(None, (_coded(error.message, "BAD_REQUEST"),))
    problems = validate(schema(), document) or _too_young(document, version)
    if problems:
        return _Query(None, tuple(_as_the_vendor(problem) for problem in problems))
    return _Query(Plan(schema(), document, lambda name: _SNAKE.get(name, name)))


def _too_young(document: DocumentNode, version: str) -> list[GraphQLError]:
    """Return an error for each field that the version does not have yet."""
    info, found = TypeInfo(schema()), list[GraphQLError]()

    class Fields(Visitor):
        def enter_field(self, node: FieldNode, *_: Any) -> None:
            owner = info.get_parent_type()
            if owner is not None and SINCE.get(f"{owner.name}.{node.name.value}", "") > version:
                found.append(GraphQLError(f"Cannot query field '{node.name.value}' on type '{owner.name}'.", node))

    visit(document, TypeInfoVisitor(info, Fields()))
    return found


def _as_the_vendor(error: GraphQLError) -> dict[str, Any]:
    places = [{"line": place.line, "column": place.column} for place in error.locations or []]
    unknown = _UNKNOWN_FIELD.match(error.message)
    if unknown:
        field, owner = unknown.groups()
        message = f"Field '{field}' doesn't exist on type '{owner}'"
        extensions = {"code": "undefinedField", "typeName": owner, "fieldName": field}
        return {"message": message, "locations": places, "extensions": extensions}
    return {"message": error.message, "locations": places, "extensions": {"code": "BAD_REQUEST"}}


def app(
    world: World,
    *,
    scopes: frozenset[str] = ALL_SCOPES,
    protected: bool = True,
    same_organisation: bool = True,
    maximum: float = 2000.0,
    rate: float = 100_000.0,
    clock: Callable[[], float] = time.monotonic,
    odd: Oddities | None = None,
    **options: Any,
) -> Starlette:
    """Return the imitated shop as an ASGI application.

    `scopes` are what the token may read, `protected` whether addresses are shown, `same_organisation` whether the
    client-credentials grant is allowed; `maximum` and `rate` shape the bucket, whose rate is high so that nobody waits.
    `odd` is what else the shop does (see `Oddities`); `options` go to the pieces that are mounted (see sandbox_parts.py).
    """
    data = ShopData(world, scopes, protected=protected, odd=odd)
    parts = [make(Shop(data, _run_on(data), schema, clock, options)) for make in (*PARTS, bulk_operations)]
    shop = _Shop(data, secrets(world), Bucket(maximum, rate, clock), parts)

    async def graphql(request: Request) -> Response:
        # Not base_url: that leaves out what the shop is mounted under.
        HERE.set(str(request.url).partition("admin/api/")[0])
        return shop.graphql(request.path_params["version"], request.headers, await request.body())

    async def grant(request: Request) -> Response:
        return shop.grant(request.headers.get("content-type", ""), await request.body(), same_organisation)

    return Starlette(
        routes=[
            Route("/admin/api/{version}/graphql.json", graphql, methods=["POST"]),
            Route("/admin/oauth/access_token", grant, methods=["POST"]),
            *(route for part in parts for route in part.routes),
        ]
    )


def _run_on(data: ShopData) -> Callable[[str, Mapping[str, Any]], Answer]:
    """Return what runs a text over the shop's data and asks for no points."""

    def run(text: str, variables: Mapping[str, Any]) -> Answer:
        query = _checked(text)
        if query.plan is None:
            raise GraphQLError(query.errors[0]["message"], extensions=query.errors[0]["extensions"])
        return query.plan.run({"QueryRoot": data.root()}, variables)

    return run


class _Shop:
    def __init__(self, data: ShopData, secrets: Mapping[str, str], bucket: Bucket, parts: Sequence[Part]) -> None:
        self._roots = {
            "QueryRoot": {**data.root(), **{name: value for part in parts for name, value in part.query.items()}},
            "Mutation": {name: value for part in parts for name, value in part.mutation.items()},
        }
        self._scopes = data.scopes
        self._failing = data.odd.failing
        self._numbers = itertools.count(1)
        self._granted: list[str] = []
        self._secrets = secrets
        self._bucket = bucket

    def graphql(self, version: str, headers: Mapping[str, str], body: bytes) -> Response:
        if version not in VERSIONS and not re.fullmatch(r"\d{4}-\d{2}", version):
            return _json({"errors": "Not Found"}, 404)
        spoken = version if version in VERSIONS else VERSIONS[0]
        answered = {"x-shopify-api-version": spoken, "x-request-id": f"sandbox-{next(self._numbers)}"}
        if headers.get("x-shopify-access-token") not in (self._secrets["SHOPIFY_ACCESS_TOKEN"], *self._granted):
            text = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            return _json({"errors": text}, 401, answered)
        try:
            asked = orjson.loads(body)
            text, variables = asked["query"], asked.get("variables") or {}
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            return _json({"errors": {"query": "Required parameter missing or invalid"}}, 400, answered)
        return _json(self._answer(text, variables, spoken), 200, answered)

    def _answer(self, text: str, variables: dict[str, Any], version: str) -> dict[str, Any]:
        if self._failing:
            code = self._failing.pop(0)
            return {"errors": [_coded(code.replace("_", " ").capitalize(), code)]}
        query = _checked(text, version)
        if query.plan is None:
            return {"errors": list(query.errors)}
        given = get_variable_values(schema(), query.plan.operation.variable_definitions or (), variables)
        if isinstance(given, list):
            return {"errors": [_coded(error.message, "INVALID_VARIABLE") for error in given]}
        try:
            asked = static_cost(query.plan.operation, query.plan.fragments, variables)
        except GraphQLError as error:
            return {"errors": [error.formatted]}
        if asked > MOST:
            message = f"Query cost is {asked}, which exceeds the single query max cost limit ({MOST})."
            return {"errors": [_coded(message, "MAX_COST_EXCEEDED", cost=asked, maxCost=MOST)]}
        if not self._bucket.take(asked):
            return {"errors": [_coded("Throttled", "THROTTLED")], "extensions": {"cost": self._bucket.status(asked, None)}}
        answer = query.plan.run(self._roots, variables)
        self._bucket.give_back(max(0, asked - answer.objects))
        errors = {"errors": [error.formatted for error in answer.errors]} if answer.errors else {}
        return {"data": answer.data, **errors, "extensions": {"cost": self._bucket.status(asked, answer.objects)}}

    def grant(self, content_type: str, body: bytes, same_organisation: bool) -> Response:
        try:
            form = orjson.loads(body) if "json" in content_type else dict(parse_qsl(body.decode("utf-8", "replace")))
        except orjson.JSONDecodeError:
            form = {}
        known = (self._secrets["SHOPIFY_CLIENT_ID"], self._secrets["SHOPIFY_CLIENT_SECRET"], "client_credentials")
        if not isinstance(form, dict) or (form.get("client_id"), form.get("client_secret"), form.get("grant_type")) != known:
            return _json({"error": "application_cannot_be_found"}, 400)
        if not same_organisation:
            return _json({"error": "shop_not_permitted"}, 400)
        scope = ",".join(sorted(self._scopes))
        self._granted.append(f"{self._secrets['SHOPIFY_ACCESS_TOKEN']}-granted-{len(self._granted)}")
        return _json({"access_token": self._granted[-1], "scope": scope, "expires_in": TOKEN_SECONDS}, 200)


def _coded(message: str, code: str, **more: Any) -> dict[str, Any]:
    return {"message": message, "extensions": {"code": code, **more}}


def _json(content: Any, status: int, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), status, headers, "application/json")


def secrets(world: World) -> dict[str, str]:
    """Return every secret the imitated shop accepts; in the vendor's form, and told apart by the word sandbox."""
    return {
        "SHOPIFY_ACCESS_TOKEN": f"shpat_sandbox_{world.secret}",
        "SHOPIFY_CLIENT_ID": f"sandbox-{world.secret[:16]}",
        "SHOPIFY_CLIENT_SECRET": f"shpss_sandbox_{world.secret}",
    }


def _settings(world: World, base_url: str) -> dict[str, Any]:
    wanted = world.attributes.get("shopify", {})
    return {"base_url": base_url, "shop": world.shop_domain, **({"attributes": wanted} if wanted else {})}


def _token(world: World) -> dict[str, str]:
    return {"SHOPIFY_ACCESS_TOKEN": secrets(world)["SHOPIFY_ACCESS_TOKEN"]}


def _facts(world: World) -> dict[str, int]:
    """Return what a store holds after a pull from this world; money in minor units."""
    money = sum(order.total_minor() for order in world.orders)
    return {
        "SELECT COUNT(*) FROM contacts": sum(person.shopify_id is not None for person in world.people.values()),
        "SELECT COUNT(*) FROM orders": len(world.orders),
        "SELECT SUM(total_minor) FROM orders": money,
        "SELECT SUM(amount_minor) FROM order_ledger": money,
    }


SANDBOX: Final = Sandbox(
    name="shopify", connector="shopify", app=app, settings=_settings, secrets=_token, refusal=refusal, facts=_facts
)
