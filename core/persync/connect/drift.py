"""What a vendor sends that nobody reads: counted, so that a change of its API does not go unnoticed."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Annotated, Any, NotRequired, Required, Union, get_args, get_origin

from typing_extensions import get_type_hints, is_typeddict

Tree = Mapping[str, Any] | None
"""The fields that a record type names, each with the tree below it; None where anything is read."""


@lru_cache(maxsize=256)
def fields(kind: Any) -> Tree:
    """Return the fields that a record type names."""
    origin = get_origin(kind)
    if origin in (Annotated, Required, NotRequired):
        return fields(get_args(kind)[0])
    if origin in (Union, types.UnionType):
        trees = [tree for part in get_args(kind) if (tree := fields(part)) is not None]
        return {name: below for tree in trees for name, below in tree.items()} if trees else None
    if origin in (list, tuple):
        return fields(get_args(kind)[0])
    if is_typeddict(kind):
        return {name: fields(hint) for name, hint in get_type_hints(kind, include_extras=True).items()}
    return None


def unread(kind: Any, records: Iterable[Any]) -> set[str]:
    """Return the dotted names of fields in records that their type does not name; names alone, never a value."""
    found: set[str] = set()
    tree = fields(kind)
    for record in records:
        _compare(record, tree, "", found)
    return found


def _compare(value: Any, tree: Tree, path: str, found: set[str]) -> None:
    if tree is None:
        return
    if isinstance(value, list):
        for item in value:
            _compare(item, tree, path, found)
    elif isinstance(value, dict):
        for name, item in value.items():
            place = f"{path}.{name}" if path else name
            if name in tree:
                _compare(item, tree[name], place, found)
            elif "@" not in name:
                found.add(place[:120])
