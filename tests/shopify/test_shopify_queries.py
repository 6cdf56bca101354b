"""The queries are pinned: valid in our schema and in Shopify's, cheap enough, and asking for nothing they need not."""

import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    build_schema,
    parse,
    validate,
    visit,
)

from persync_shopify.connector import API_VERSION
from persync_shopify.queries import NAMES, query
from persync_shopify.sandbox import VERSIONS
from persync_shopify.sandbox_cost import MOST, static_cost
from persync_shopify.streams import STREAMS
from persync_shopify.versions import DEFAULT, GONE, SINCE, SUPPORTED

SIZES = {stream.name: getattr(stream.reader, "size", 1) for stream in STREAMS}
SCOPES = (
    None,
    frozenset({"read_orders"}),
    frozenset({"read_orders", "read_customers", "read_products", "read_customer_merge"}),
)
VARIANTS = [
    pytest.param(query(name, version, scopes, counting=counting), id=f"{name}-{version}-{number}-{counting}")
    for name in NAMES
    for version in (*SUPPORTED, "unstable")
    for number, scopes in enumerate(SCOPES)
    for counting in (False, True)
]


@cache
def small() -> GraphQLSchema:
    return build_schema(files("persync_shopify").joinpath("sandbox.graphql").read_text("utf-8"))


@cache
def official(path: Path) -> GraphQLSchema:
    return build_schema(path.read_text("utf-8"), assume_valid=True)


def cost_of(text: str, first: int) -> int:
    document = parse(text)
    (operation,) = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    fragments: Any = {node.name.value: node for node in document.definitions if node is not operation}  # type: ignore[attr-defined]
    return static_cost(operation, fragments, {"first": first})


def test_every_stream_has_its_query_and_no_other_is_kept() -> None:
    reconciling = ["totals", "last_order", "revenue", "variants"]
    assert [*(stream.name for stream in STREAMS), *reconciling] == list(NAMES)


@pytest.mark.parametrize("text", VARIANTS)
def test_a_query_is_valid_in_the_imitated_shop(text: str) -> None:
    assert validate(small(), parse(text)) == []


@pytest.mark.shared
@pytest.mark.parametrize("text", sorted({each.values[0] for each in VARIANTS}), ids=lambda text: text.split("(")[0][14:])
def test_a_query_is_valid_in_shopifys_own_schema(shared: Path, text: str) -> None:
    """Every variant is: the schema at hand is that of 2026-10, where what older versions need still answers."""
    assert validate(official(shared / "specs/shopify-admin.graphql"), parse(text)) == []


def fields_of(text: str) -> set[str]:
    """Return every Type.field that a query selects."""
    info, found = TypeInfo(small()), set[str]()

    class Fields(Visitor):
        def enter_field(self, node: Any, *_: Any) -> None:
            owner = info.get_parent_type()
            assert owner is not None
            found.add(f"{owner.name}.{node.name.value}")

    visit(parse(text), TypeInfoVisitor(info, Fields()))
    return found


@pytest.mark.parametrize("version", [*SUPPORTED, "unstable"])
def test_no_query_selects_a_field_that_its_version_does_not_have(version: str) -> None:
    for name in NAMES:
        asked = fields_of(query(name, version, counting=True))

        assert {field for field in asked if SINCE.get(field, "") > version or version >= GONE.get(field, "v")} == set()


def test_younger_fields_are_asked_for_as_soon_as_a_version_has_them() -> None:
    """What a version adds is used from that version on, and only then."""
    used = {
        field: [version for version in SUPPORTED if any(field in fields_of(query(name, version)) for name in NAMES)]
        for field in SINCE
        if not field.startswith("QueryRoot.")
    }

    new, newest = ["2026-07", "2026-10"], ["2026-10"]
    assert {field: versions for field, versions in used.items() if versions} == {
        "InventoryItem.variants": list(SUPPORTED),
        "Order.checkoutToken": new,
        "LineItem.priceAfterAllDiscountsBeforeTaxesSet": new,
        "CustomerPhoneNumber.whatsAppMarketingConsent": new,
        "CustomerPhoneNumber.smsMarketingConsent": newest,
    }
    assert "CustomerPhoneNumber.marketingState" in fields_of(query("customers", "2026-07"))
    assert "CustomerPhoneNumber.marketingState" not in fields_of(query("customers", "2026-10"))


def test_what_a_scope_gives_is_asked_for_with_the_scope_alone() -> None:
    """Without it Shopify would refuse the field on every record, or empty the records around it."""
    less, more = frozenset({"read_orders"}), frozenset({"read_orders", "write_products", "read_customer_merge"})

    assert "LineItem.variant" not in fields_of(query("orders", scopes=less))
    assert "LineItem.variant" in fields_of(query("orders", scopes=more))
    assert "Order.customer" not in fields_of(query("orders", scopes=less))
    assert "Order.customer" in fields_of(query("orders"))
    assert "Customer.mergeable" not in fields_of(query("customers", scopes=less))
    assert "Customer.mergeable" in fields_of(query("customers", scopes=more))
    assert "Customer.mergeable" not in fields_of(query("customers"))


def test_the_default_version_is_supported_the_longest() -> None:
    assert max(SUPPORTED, key=lambda version: SUPPORTED[version]) == DEFAULT == API_VERSION


@pytest.mark.parametrize("name", NAMES)
def test_a_page_stays_under_the_points_one_query_may_cost(name: str) -> None:
    assert 0 < cost_of(query(name, counting=True), SIZES.get(name, 250)) <= MOST


def test_the_cost_is_counted_as_published() -> None:
    """An object 1, a connection its page size times its node, an interface its dearest branch, scalars nothing."""
    text = """query Q($first: Int!) { orders(first: $first) { pageInfo { hasNextPage } nodes {
      id currentTotalPriceSet { shopMoney { amount } }
      agreements(first: 3) { nodes { id } }
      customerJourneySummary { moments(first: 2) { nodes { ... on CustomerVisit { id utmParameters { source } } } } } } } }"""

    assert cost_of(text, 10) == 1 + 10 * (1 + 2 + 3 * 1 + 1 + 2 * (1 + 1))


@pytest.mark.parametrize("name", NAMES)
def test_no_query_asks_for_names_phones_addresses_or_the_clients_ip(name: str) -> None:
    asked = set(re.findall(r"\w+", query(name)))

    forbidden = {"firstName", "lastName", "displayName", "phoneNumber", "phone", "clientIp", "note", "address1", "zip", "city"}
    assert asked & (forbidden | {"shippingAddress", "billingAddress", "statusPageUrl", "description"}) == set()


def test_the_pinned_version_is_one_the_imitated_shop_knows() -> None:
    assert API_VERSION in VERSIONS


def _owned(kind: Any) -> bool:
    return isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and not kind.name.startswith("__")


@pytest.mark.shared
def test_the_imitated_schema_is_a_part_of_shopifys(shared: Path) -> None:
    """Every type, field, argument and enum value exists there, with the same type and nullability."""
    theirs = official(shared / "specs/shopify-admin.graphql")

    wrong: list[str] = []
    for name, kind in small().type_map.items():
        other = theirs.type_map.get(name)
        if other is None or type(other) is not type(kind):
            wrong.append(name)
        elif isinstance(kind, GraphQLEnumType):
            wrong += [f"{name}.{value}" for value in kind.values if value not in other.values]  # type: ignore[attr-defined]
        elif _owned(kind):
            wrong += _differences(name, kind, other)
    assert wrong == []
    assert small().query_type is not None
    assert small().query_type.name == theirs.query_type.name  # type: ignore[union-attr]


def _differences(name: str, ours: Any, theirs: Any) -> list[str]:
    wrong = [
        f"{name} implements {each.name}" for each in ours.interfaces if each.name not in {i.name for i in theirs.interfaces}
    ]
    for field, kind in ours.fields.items():
        other = theirs.fields.get(field)
        if other is None or str(other.type) != str(kind.type):
            wrong.append(f"{name}.{field}")
            continue
        for argument, given in kind.args.items():
            if argument not in other.args or str(other.args[argument].type) != str(given.type):
                wrong.append(f"{name}.{field}({argument})")
    return wrong
