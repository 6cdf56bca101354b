"""Everything that is sent and everything that is answered holds against Shopify's own schema."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    build_schema,
    get_nullable_type,
    is_abstract_type,
    is_list_type,
    is_non_null_type,
    is_scalar_type,
    parse,
    validate,
    value_from_ast_untyped,
)
from graphql.execution import get_variable_values

from persync.connect.pull import PullOptions, pull
from persync.jobs.planning import plan_one
from persync.sandbox.demo import make_world
from persync.sandbox.world import LedgerEvent, Line
from persync_shopify.queries import NAMES, query
from persync_shopify.sandbox_data import Oddities
from persync_shopify.sandbox_more import Gone
from persync_shopify.streams import STREAMS

pytestmark = pytest.mark.shared

Connect = Callable[..., Any]

DEVIATIONS: dict[str, str] = {}
"""what the imitated shop answers otherwise than the schema says, by the place where it does, with the reason: nothing"""

EVERY = frozenset(
    {
        "read_orders",
        "read_all_orders",
        "read_customers",
        "read_products",
        "read_inventory",
        "read_marketing_events",
        "read_customer_merge",
    }
)

SCALARS: dict[str, Callable[[Any], bool]] = {
    "Boolean": lambda value: isinstance(value, bool),
    "DateTime": lambda value: isinstance(value, str) and bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value)),
    # Written without padding: 8600.0, 12.34.
    "Decimal": lambda value: isinstance(value, str) and bool(re.fullmatch(r"-?\d+\.(0|\d*[1-9])", value)),
    "Float": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "FormattedString": lambda value: isinstance(value, str),
    "ID": lambda value: isinstance(value, str) and bool(re.fullmatch(r"gid://shopify/[A-Z]\w+/\d+", value)),
    "Int": lambda value: isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31,
    "String": lambda value: isinstance(value, str),
    "URL": lambda value: isinstance(value, str) and bool(re.match(r"https://", value)),
    "UnsignedInt64": lambda value: isinstance(value, str) and value.isdecimal(),
}


@cache
def official(path: Path) -> GraphQLSchema:
    return build_schema(path.read_text("utf-8"), assume_valid=True)


@cache
def parsed(text: str) -> DocumentNode:
    return parse(text)


@cache
def problems(schema: GraphQLSchema, text: str) -> tuple[str, ...]:
    return tuple(error.message for error in validate(schema, parsed(text)))


class Checker:
    """Walks an answer along the query it answers, and names every place that the schema does not allow."""

    def __init__(self, schema: GraphQLSchema, text: str, variables: Mapping[str, Any]) -> None:
        self.schema = schema
        self.text = text
        self.document = parsed(text)
        self.variables = dict(variables)
        (self.operation,) = (node for node in self.document.definitions if isinstance(node, OperationDefinitionNode))
        self.fragments = {n.name.value: n for n in self.document.definitions if isinstance(n, FragmentDefinitionNode)}

    def request(self) -> Iterator[str]:
        """Yield what is wrong with the call: its text, its variables, and variables that nobody asked for."""
        yield from problems(self.schema, self.text)
        defined = {each.variable.name.value for each in self.operation.variable_definitions or ()}
        yield from (f"${name} is not defined" for name in self.variables.keys() - defined)
        given = get_variable_values(self.schema, self.operation.variable_definitions or (), self.variables)
        yield from (error.message for error in given) if isinstance(given, list) else ()

    def answer(self, data: Any) -> Iterator[str]:
        """Yield what is wrong with `data`."""
        root = self.schema.mutation_type if self.operation.operation.value == "mutation" else self.schema.query_type
        yield from self.object(root, [self.operation.selection_set], data, "")

    def object(self, kind: Any, selections: list[SelectionSetNode], value: Any, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{path}: {type(value).__name__} for {kind.name}"
            return
        if is_abstract_type(kind):
            options = [each for each in self.schema.get_possible_types(kind) if value.get("__typename", each.name) == each.name]
            problems = [list(self.object(each, selections, value, path)) for each in options]
            yield from min(problems, key=len, default=[f"{path}: no {kind.name} is called {value.get('__typename')}"])
            return
        fields: dict[str, list[FieldNode]] = {}
        for each in selections:
            self.collect(kind, each, fields)
        if fields.keys() != value.keys():
            yield f"{path}: has {sorted(value)} where {sorted(fields)} was asked for"
            return
        for key, nodes in fields.items():
            if nodes[0].name.value == "__typename":
                continue
            inside = [node.selection_set for node in nodes if node.selection_set is not None]
            yield from self.value(kind.fields[nodes[0].name.value].type, inside, value[key], f"{path}.{key}")

    def value(self, kind: Any, inside: list[SelectionSetNode], value: Any, path: str) -> Iterator[str]:
        if value is None:
            if is_non_null_type(kind):
                yield f"{path}: null for {kind}"
            return
        kind = get_nullable_type(kind)
        if is_list_type(kind):
            for index, each in enumerate(value):
                yield from self.value(kind.of_type, inside, each, f"{path}[{index}]")
        elif isinstance(kind, GraphQLEnumType):
            if value not in kind.values:
                yield f"{path}: {value} is no {kind.name}"
        elif is_scalar_type(kind):
            if not SCALARS[kind.name](value):
                yield f"{path}: {value!r} is no {kind.name}"
        else:
            yield from self.object(kind, inside, value, path)

    def collect(self, kind: Any, selection: SelectionSetNode, into: dict[str, list[FieldNode]]) -> None:
        for node in selection.selections:
            if not self.included(node):
                continue
            if isinstance(node, FieldNode):
                into.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
                continue
            inside = self.fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
            assert isinstance(inside, InlineFragmentNode | FragmentDefinitionNode)
            wanted = inside.type_condition.name.value if inside.type_condition else kind.name
            if wanted == kind.name or wanted in {each.name for each in kind.interfaces}:
                self.collect(kind, inside.selection_set, into)

    def included(self, node: Any) -> bool:
        return all(
            value_from_ast_untyped(each.arguments[0].value, self.variables) is (each.name.value == "include")
            for each in node.directives or ()
        )


@cache
def world() -> Any:
    """The demo shop, its last year made nastier: waiting journeys, guests, tests, an authorised and a voided order."""
    demo = make_world(3)
    demo.orders = demo.orders[-60:]
    for index, order in enumerate(demo.orders[-12:]):
        order.journey_ready = index % 3 > 0
        order.is_test = index == 4
    demo.orders[3].financial_status = "VOIDED"
    demo.orders[5].financial_status = "AUTHORIZED"
    demo.orders[7].person, demo.orders[7].email = None, "guest@example.com"
    demo.orders[8].discount_codes = ("ONE", "TWO")
    first = demo.orders[9]
    first.ledger += [
        LedgerEvent(f"990{n}", f"99{n}", first.created_at + n * 1000, "REFUND", "RETURN", "ADJUSTMENT", -1, 0) for n in range(6)
    ]
    first.lines += [Line(f"77{n}", "Lantern", f"X-{n}", 1, 1000, 100) for n in range(5)]
    keep = {order.person for order in demo.orders} | set(list(demo.people)[:40])
    demo.people = {number: person for number, person in demo.people.items() if number in keep}
    # Somebody who left a checkout not long ago.
    recent = next(person for person in demo.people.values() if person.shopify_id is not None and person.number % 17 == 3)
    recent.created_at = demo.now - 20 * 86_400_000
    return demo


def conversations(connect: Connect, store: Path, **more: Any) -> list[tuple[str, dict[str, Any], Any]]:
    """Pull everything there is from the imitated shop; return each call's query and variables, and its answer."""
    settings = {
        "attributes": dict.fromkeys(("country", "language", "spend_tier", "rfm_group"), "why"),
        "segments": ["401", "Customers who bought more than once"],
        **more.pop("settings", {}),
    }
    connector, client, transport = connect(world(), settings=settings, **more)
    heard: list[tuple[str, dict[str, Any], Any]] = []
    answer = transport.handle_request

    def listen(request: httpx.Request) -> httpx.Response:
        response: httpx.Response = answer(request)
        if request.url.path.endswith("graphql.json"):
            asked = json.loads(request.content)
            heard.append((asked["query"], asked.get("variables") or {}, json.loads(response.content)))
        return response

    transport.handle_request = listen
    now = world().now
    names = tuple(stream.name for stream in STREAMS)
    for later in (0, 1):
        options = PullOptions(now=now + later * 86_400_000, streams=names, full=bool(later))
        assert pull(store, [connector], options, client=client, clock=lambda: now / 1000).exit_code == 0
    with client(connector, None) as one:
        list(connector.check(one))
        list(connector.totals(one, _account(store)))
    options = PullOptions(now=now, streams=names, full=True)
    assert plan_one(connector, store, options, client=lambda one: client(one, None)).error is None
    return heard


def _account(store: Path) -> Any:
    import sqlite3

    from persync.connect.stream import AccountFacts

    with sqlite3.connect(store) as db:
        row = db.execute("SELECT account_id, currency, timezone, shop, covers_from FROM connections").fetchone()
    return AccountFacts(*row)


WAYS: dict[str, dict[str, Any]] = {
    "everything granted": {"scopes": EVERY},
    "few scopes": {"scopes": frozenset({"read_orders"})},
    "nothing protected shown": {"scopes": EVERY, "protected": False},
    "costs denied": {"scopes": EVERY, "odd": Oddities(denied=frozenset({"unitCost", "product"}))},
    "the oldest version": {"scopes": EVERY, "settings": {"api_version": "2026-01"}},
    "things gone": {
        "scopes": EVERY,
        "odd": Oddities(lag=3_600_000, late=7_200_000, gone=(Gone("PRODUCT", "1", 1_700_000_000_000),)),
    },
}


@pytest.mark.parametrize("way", WAYS)
def test_every_call_and_every_answer_fits_shopifys_own_schema(way: str, connect: Connect, shared: Path, tmp_path: Path) -> None:
    """Types, nullability, enums and the forms of scalars, field by field, over two whole pulls, check and totals."""
    schema = official(shared / "specs/shopify-admin.graphql")

    heard = conversations(connect, tmp_path / "s.db", **WAYS[way])

    wrong: set[str] = set()
    for text, variables, answer in heard:
        checker = Checker(schema, text, variables)
        wrong.update(checker.request())
        if answer.get("data") is not None:
            wrong.update(re.sub(r"\[\d+\]", "[]", each) for each in checker.answer(answer["data"]))
        wrong.update(_extensions(answer))
    assert {each for each in wrong if each not in DEVIATIONS} == set()
    asked = {text.split("(")[0].split("{")[0].split()[1] for text, _, _ in heard}
    known = {query(name).split("(")[0].split("{")[0].split()[1] for name in NAMES}
    # Those of bulk operations come on top, where there are many orders.
    assert {name for name in asked - known if "Bulk" not in name} == set()
    assert known <= asked or way != "everything granted"


def _extensions(answer: Any) -> Iterator[str]:
    """Yield what is wrong with the cost of an answer, and with the errors in it."""
    for error in answer.get("errors", []):
        if not isinstance(error.get("message"), str):
            yield f"an error without a message: {error}"
    cost = answer.get("extensions", {}).get("cost")
    if "data" in answer and cost is None:
        yield "an answer without its cost"
    if cost is not None and set(cost) != {"requestedQueryCost", "actualQueryCost", "throttleStatus"}:
        yield f"a cost of {sorted(cost)}"


@pytest.mark.parametrize(
    ("text", "data", "word"),
    [
        ("{ shop { id } }", {"shop": {"id": None}}, "null for ID!"),
        ("{ shop { id } }", {"shop": {"id": "5"}}, "is no ID"),
        ("{ shop { id } }", {"shop": {"id": "gid://shopify/Shop/5", "name": "x"}}, "was asked for"),
        ("{ shop { currencyCode } }", {"shop": {"currencyCode": "EURO"}}, "is no CurrencyCode"),
        ("{ ordersCount { count } }", {"ordersCount": {"count": "3"}}, "is no Int"),
        (
            '{ order(id: "gid://shopify/Order/1") { createdAt } }',
            {"order": {"createdAt": "2026-01-01T00:00:00+01:00"}},
            "DateTime",
        ),
        (
            '{ order(id: "gid://shopify/Order/1") { currentTotalPriceSet { shopMoney { amount } } } }',
            {"order": {"currentTotalPriceSet": {"shopMoney": {"amount": "10.00"}}}},
            "Decimal",
        ),
        (
            '{ order(id: "gid://shopify/Order/1") { agreements(first: 1) { nodes { __typename } } } }',
            {"order": {"agreements": {"nodes": [{"__typename": "Nonsense"}]}}},
            "no SalesAgreement",
        ),
    ],
)
def test_the_check_itself_finds_what_is_wrong(shared: Path, text: str, data: Any, word: str) -> None:
    checker = Checker(official(shared / "specs/shopify-admin.graphql"), text, {})

    assert list(checker.request()) == []
    assert word in " ".join(checker.answer(data))
