"""What the imitated shop makes of the text of a bulk operation: is it allowed, and which lines does it give?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
    parse,
    print_ast,
    visit,
)
from graphql.language.visitor import Visitor

__all__ = ["lines_of", "problem", "runnable"]

MOST_CONNECTIONS: Final = 5
DEEPEST: Final = 2
_ALL: Final = 2_000_000_000
_INSIDE: Final = frozenset({"edges", "nodes"})

Json = dict[str, Any]


def problem(text: str, schema: GraphQLSchema) -> str:
    """Return why the vendor refuses a text, "" when it does not."""
    try:
        document = parse(text)
    except GraphQLError as error:
        return f"Invalid bulk query: {error.message}"
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if len(operations) != 1 or operations[0].operation is not OperationType.QUERY:
        return "The bulk query must be a single query operation."
    top = operations[0].selection_set.selections
    if len(top) != 1 or not isinstance(top[0], FieldNode):
        return "Bulk queries cannot have more than one top level field."
    if top[0].name.value in ("node", "nodes"):
        return "Bulk queries cannot use the node or nodes fields at the top level."
    found = list(_connections(operations[0].selection_set, schema.query_type, _fragments(document), schema))
    if not found:
        return "The bulk query must contain at least one connection."
    if len(found) > MOST_CONNECTIONS:
        return f"Bulk queries cannot contain more than {MOST_CONNECTIONS} connections."
    if max(depth for depth, _ in found) > DEEPEST:
        return f"Bulk queries cannot contain connections with a nesting depth greater than {DEEPEST}."
    if any(in_list for _, in_list in found):
        return "Queries that contain a connection field within a list field are not currently supported."
    return ""


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}


def _connections(
    selection: SelectionSetNode,
    owner: Any,
    fragments: Mapping[str, FragmentDefinitionNode],
    schema: GraphQLSchema,
    depth: int = 0,
    in_list: bool = False,
) -> Iterator[tuple[int, bool]]:
    """Yield (how deep, whether below a list) of each connection; the topmost is at depth 0."""
    for node in selection.selections:
        if isinstance(node, InlineFragmentNode | FragmentSpreadNode):
            inside = fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
            named = inside.type_condition
            kind = schema.type_map[named.name.value] if named is not None else owner
            yield from _connections(inside.selection_set, kind, fragments, schema, depth, in_list)
        elif isinstance(node, FieldNode) and node.selection_set is not None:
            assert isinstance(owner, GraphQLObjectType | GraphQLInterfaceType)
            field = owner.fields.get(node.name.value)
            kind = get_named_type(field.type) if field is not None else None
            names = {each.name.value for each in node.selection_set.selections if isinstance(each, FieldNode)}
            if node.name.value == "edges" or field is None:
                # Our own schema has nodes alone; what lies in an edge is the same.
                yield from _connections(_node(node), _of(owner), fragments, schema, depth, in_list)
            elif names & _INSIDE:
                yield depth, in_list
                yield from _connections(node.selection_set, kind, fragments, schema, depth + 1, in_list)
            else:
                listed = in_list or (is_list_type(get_nullable_type(field.type)) and node.name.value != "nodes")
                yield from _connections(node.selection_set, kind, fragments, schema, depth, listed)


def _of(connection: GraphQLObjectType | GraphQLInterfaceType) -> Any:
    return get_named_type(connection.fields["nodes"].type)


def _node(edges: FieldNode) -> SelectionSetNode:
    assert edges.selection_set is not None
    for each in edges.selection_set.selections:
        if isinstance(each, FieldNode) and each.name.value == "node" and each.selection_set is not None:
            return each.selection_set
    return SelectionSetNode(selections=())


class _Whole(Visitor):
    """Turns `edges { node { ... } }` into `nodes { ... }`, and asks every connection for all it has: `first` is ignored."""

    def leave_field(self, node: FieldNode, *_: Any) -> FieldNode | None:
        if node.name.value == "edges":
            return FieldNode(name=NameNode(value="nodes"), arguments=(), directives=(), selection_set=_node(node))
        inside = node.selection_set.selections if node.selection_set is not None else ()
        if not any(isinstance(each, FieldNode) and each.name.value in _INSIDE for each in inside):
            return None
        kept = [each for each in node.arguments or () if each.name.value not in ("first", "last", "after", "before")]
        first = ArgumentNode(name=NameNode(value="first"), value=IntValueNode(value=str(_ALL)))
        return FieldNode(
            alias=node.alias,
            name=node.name,
            arguments=(*kept, first),
            directives=node.directives,
            selection_set=node.selection_set,
        )


def runnable(text: str) -> tuple[str, bool]:
    """Return the text as the shop itself can run it, and whether it sorts."""
    document = visit(parse(text), _Whole())
    return print_ast(document), "sortKey" in text


def lines_of(data: Json, most: int | None = None) -> list[bytes]:
    """Return the lines of an answer: each node one, with the id of the node above; slashes escaped, as the vendor does.

    `most`: of the children of one parent no more come, and nothing says so.
    """
    found: list[Json] = []
    for connection in data.values():
        for node in connection["nodes"]:
            _flatten(node, None, found, most)
    return [json.dumps(line, separators=(",", ":")).replace("/", "\\/").encode() for line in found]


def _flatten(node: Json, parent: str | None, into: list[Json], most: int | None) -> None:
    below = {name: value["nodes"] for name, value in node.items() if isinstance(value, dict) and value.keys() == {"nodes"}}
    line = {name: value for name, value in node.items() if name not in below}
    into.append(line if parent is None else {**line, "__parentId": parent})
    for children in below.values():
        for child in children[:most]:
            _flatten(child, node["id"], into, most)
