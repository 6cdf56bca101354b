"""The texts of bulk operations: valid in Shopify's schema, within its limits, and asking for what a page asks for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    build_schema,
    parse,
    validate,
    visit,
)

from persync.connect import AccountFacts, Work
from persync_shopify.bulk import BulkOrders, mark
from persync_shopify.bulk_slices import Slice
from persync_shopify.connector import ShopifySettings
from persync_shopify.queries import query
from persync_shopify.sandbox import app, schema
from persync_shopify.sandbox_bulk import Bulk
from persync_shopify.sandbox_bulk_text import problem
from persync_shopify.streams import STREAMS
from persync_shopify.versions import DEFAULT, GONE, SINCE, SUPPORTED
from shopify.bulkshop import NOW, InProcess, connector, pulled, world

VERSIONS = (*SUPPORTED, "unstable")
NAMES = ("bulk_size", "bulk_list", "bulk_run", "bulk_poll")
ORDERS = next(stream for stream in STREAMS if stream.name == "orders")
PIECE = Slice.first(NOW - 86_400_000, NOW, 10, 5)


def work(version: str = DEFAULT, scopes: str | None = None, since: int | None = None) -> Work:
    settings = ShopifySettings(connector="shopify", shop="lantern-test", api_version=version)
    parent = {} if scopes is None else {"scopes": scopes}
    return Work(ORDERS, "shopify", settings, AccountFacts(), "", parent, since, NOW, first_load=True)


def text_of(version: str = DEFAULT, scopes: str | None = None, since: int | None = None) -> str:
    reader = ORDERS.reader
    assert isinstance(reader, BulkOrders)
    return reader.text(work(version, scopes, since), {"slice": list(PIECE), "attempt": 1})


@cache
def official(path: Path) -> GraphQLSchema:
    return build_schema(path.read_text("utf-8"), assume_valid=True)


@pytest.mark.shared
@pytest.mark.parametrize("version", VERSIONS)
def test_every_text_is_valid_in_shopifys_own_schema(version: str, shared: Path) -> None:
    """In 2026-10, which has every field of every version; the next test tells which version has which."""
    theirs = official(shared / "specs/shopify-admin.graphql")

    texts = [query(name, version) for name in NAMES] + [text_of(version), text_of(version, "read_orders")]

    assert [validate(theirs, parse(text)) for text in texts] == [[]] * 6
    assert [problem(text, theirs) for text in texts[4:]] == ["", ""]


@pytest.mark.parametrize("version", VERSIONS)
def test_no_text_selects_a_field_that_its_version_does_not_have(version: str) -> None:
    ours = schema()
    wrong: list[str] = []
    for text in [query(name, version) for name in NAMES] + [text_of(version)]:
        info = TypeInfo(ours)

        class Fields(Visitor):
            def enter_field(self, node: FieldNode, *_: Any, info: TypeInfo = info) -> None:
                owner = info.get_parent_type()
                name = f"{owner.name}.{node.name.value}" if owner is not None else ""
                gone = GONE.get(name)
                if SINCE.get(name, "") > version or (gone is not None and gone <= version):
                    wrong.append(name)

        visit(parse(text), TypeInfoVisitor(info, Fields()))
    assert wrong == []


def test_the_operation_asks_for_what_a_page_asks_for() -> None:
    """But for the journey's moments, whose number is asked for instead, the id by which an agreement's sales find it, and the
    number of pieces that the lines must come to."""
    page = {each for each in leaves(parse(query("orders"))) if ".moments." not in each}
    bulk = set(leaves(parse(text_of())))

    assert bulk - page == {
        "orders.agreements.id",
        "orders.customerJourneySummary.momentsCount.count",
        "orders.subtotalLineItemsQuantity",
    }
    assert page - bulk == set()


def leaves(document: DocumentNode) -> Iterator[str]:
    """Yield the dotted path of each scalar that a document selects, whether below nodes or edges."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}

    def inside(selection: SelectionSetNode, path: tuple[str, ...]) -> Iterator[str]:
        for node in selection.selections:
            if isinstance(node, FieldNode):
                name = node.name.value
                deeper = path if name in ("nodes", "edges", "node") else (*path, name)
                if name == "pageInfo":
                    continue
                if node.selection_set is None:
                    yield ".".join(deeper)
                else:
                    yield from inside(node.selection_set, deeper)
            elif isinstance(node, FragmentSpreadNode):
                yield from inside(fragments[node.name.value].selection_set, path)
            elif isinstance(node, InlineFragmentNode):
                yield from inside(node.selection_set, path)

    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            yield from inside(node.selection_set, ())


def test_the_mark_comes_first_and_tells_pass_slice_and_attempt() -> None:
    """A later pass must not take an earlier one's result: it would miss what changed between."""
    token = {"slice": list(PIECE), "attempt": 2}

    assert text_of().split("\n")[0] == mark(work(), {"slice": list(PIECE), "attempt": 1})
    assert mark(work(), token) == f"# persync orders, pass {NOW}, slice 0-{PIECE.end}, attempt 2"


def test_an_operation_may_run_for_ten_days() -> None:
    """That is 14,400 polls, one a minute."""
    reader = ORDERS.reader
    assert isinstance(reader, BulkOrders)
    token = {"phase": "poll", "slice": list(PIECE), "attempt": 1, "op": "1", "polls": 14_400}

    step = reader.read(work(), token, b'{"data":{"bulkOperation":{"id":"1","status":"RUNNING"}}}', {})

    assert (step.wait, step.next) == (60.0, {**token, "polls": 14_401})


def test_a_slice_is_of_the_time_at_which_orders_were_placed_and_bounded_below_by_change() -> None:
    """Orders do not leave such a slice while they change; with a sort key rows were seen to be missing."""
    found = text_of(since=NOW - 30 * 86_400_000).split('orders(query: "')[1].split('")')[0]

    assert found == (
        "created_at:>='1970-01-01T00:00:00Z' AND created_at:<'2026-09-30T12:00:01Z' AND updated_at:>='2026-09-01T00:00:00Z'"
    )
    assert "sortKey" not in text_of()
    assert "groupObjects: false" in query("bulk_run")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{ orders { edges { node { id } } }", "Invalid bulk query"),
        ('mutation { bulkOperationRunQuery(query: "") { bulkOperation { id } } }', "must be a single query"),
        ('{ node(id: "gid://shopify/Order/1") { id } }', "node or nodes"),
        ("{ shop { id } }", "at least one connection"),
        ("{ orders { edges { node { id } } } customers { edges { node { id } } } }", "more than one top level"),
        (
            "{ orders { edges { node { id agreements { edges { node { id sales { edges { node { id } } } } } } lineItems {"
            " edges { node { id } } } discountApplications { edges { node { index } } } a: lineItems { edges { node { id } } }"
            " } } } }",
            "more than 5 connections",
        ),
        (
            "{ customers { edges { node { id orders { edges { node { id agreements { edges { node { id sales { edges { node"
            " { id } } } } } } } } } } } } }",
            "nesting depth",
        ),
        (
            "{ orders { edges { node { id refunds { id refundLineItems { edges { node { quantity } } } } } } } }",
            "within a list",
        ),
    ],
)
@pytest.mark.shared
def test_the_imitated_shop_refuses_what_shopify_refuses(text: str, said: str, shared: Path) -> None:
    assert said in problem(text, official(shared / "specs/shopify-admin.graphql"))


def test_with_a_sort_key_the_imitated_shop_loses_rows_without_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the vendor was seen to do: counts and file agree, and orders are missing. Hence no text of ours has one."""
    real = BulkOrders.text
    monkeypatch.setattr(
        BulkOrders,
        "text",
        lambda self, *given: real(self, *given).replace('orders(query: "', 'orders(sortKey: UPDATED_AT, query: "'),
    )
    bulk = Bulk()

    result = pulled(tmp_path / "s.db", connector(world()), InProcess(app(world(), bulk=bulk)))

    orders = sum(b'"__parentId"' not in line for each in bulk.operations for line in each.lines)
    assert result.exit_code == 0
    assert orders < 40
