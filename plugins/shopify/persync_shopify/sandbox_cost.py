"""What a query costs before it runs, and the bucket that pays for it.

The vendor's rule as published: an object is 1 point, scalars and enums are free, a connection costs its page size times its
node, an interface its dearest branch. The vendor's own meter is often lower.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    value_from_ast_untyped,
)

__all__ = ["MOST", "Bucket", "page_size", "static_cost"]

MOST: Final = 1000
"""points one query may ask for"""
MUTATION: Final = 10
LARGEST_PAGE: Final = 250
LARGEST: Final = {"customerSegmentMembers": 1000}
"""records on a page, where a list differs from the others"""

Variables = Mapping[str, Any]
Fragments = Mapping[str, FragmentDefinitionNode]


def static_cost(operation: OperationDefinitionNode, fragments: Fragments, variables: Variables) -> int:
    """Return the points an operation asks for. Raise GraphQLError for a page size the vendor refuses."""
    if operation.operation is OperationType.MUTATION:
        return MUTATION * len(operation.selection_set.selections)
    return _selection(operation.selection_set, fragments, variables)


def _selection(selection: SelectionSetNode, fragments: Fragments, variables: Variables) -> int:
    total, dearest = 0, 0
    for node in selection.selections:
        if isinstance(node, FieldNode):
            total += _field(node, fragments, variables)
        elif isinstance(node, InlineFragmentNode):
            dearest = max(dearest, _selection(node.selection_set, fragments, variables))
        elif isinstance(node, FragmentSpreadNode):
            dearest = max(dearest, _selection(fragments[node.name.value].selection_set, fragments, variables))
    return total + dearest


def _field(node: FieldNode, fragments: Fragments, variables: Variables) -> int:
    if node.selection_set is None:
        return 0
    inside = _selection(node.selection_set, fragments, variables)
    names = {child.name.value for child in node.selection_set.selections if isinstance(child, FieldNode)}
    if not names & {"nodes", "edges"}:
        # A list that is cut to so many holds at most so many.
        cut = [each.value for each in node.arguments or () if each.name.value == "first"]
        return (int(value_from_ast_untyped(cut[0], dict(variables))) if cut else 1) * (1 + inside)
    size = page_size(node, variables)
    once = 1 if "pageInfo" in names else 0
    return once + size * (inside - once)


def page_size(node: FieldNode, variables: Variables) -> int:
    """Return the `first` of a connection; raise GraphQLError when it is missing or beyond what the vendor serves."""
    for argument in node.arguments or ():
        if argument.name.value == "first":
            size = value_from_ast_untyped(argument.value, dict(variables))
            largest = LARGEST.get(node.name.value, LARGEST_PAGE)
            if isinstance(size, int) and 0 < size <= largest:
                return size
            text = f"first of {node.name.value} must be between 1 and {largest}, not {size}"
            raise GraphQLError(text, extensions={"code": "BAD_REQUEST"})
    raise GraphQLError("you must provide one of first or last", extensions={"code": "BAD_REQUEST"})


class Bucket:
    """A leaky bucket of points: `maximum` of them, `rate` flow back a second. `clock` counts seconds."""

    def __init__(self, maximum: float, rate: float, clock: Callable[[], float]) -> None:
        self.maximum = maximum
        self.rate = rate
        self._clock = clock
        self._lock = threading.Lock()
        self._available = maximum
        self._seen_at = clock()

    def take(self, asked: float) -> bool:
        """Pay for a query if the bucket holds enough."""
        with self._lock:
            self._flow()
            if asked > self._available:
                return False
            self._available -= asked
            return True

    def give_back(self, points: float) -> None:
        """Refund what a query asked for and did not use."""
        with self._lock:
            self._available = min(self.maximum, self._available + points)

    def status(self, asked: int, actual: int | None) -> dict[str, Any]:
        """Return `extensions.cost` of an answer."""
        with self._lock:
            self._flow()
            throttle = {"maximumAvailable": self.maximum, "currentlyAvailable": int(self._available), "restoreRate": self.rate}
        return {"requestedQueryCost": asked, "actualQueryCost": actual, "throttleStatus": throttle}

    def _flow(self) -> None:
        now = self._clock()
        self._available = min(self.maximum, self._available + (now - self._seen_at) * self.rate)
        self._seen_at = now
