"""`fields` and `exclude_fields`: comma lists of dotted paths from the envelope's root, through lists as through objects."""

from __future__ import annotations

from typing import Any

__all__ = ["project"]

_Tree = dict[str, Any]


def project(document: Any, fields: str | None, excluded: str | None) -> Any:
    """Return the document with only `fields` (all when None), less `excluded`."""
    if fields:
        document = _only(document, _tree(fields))
    if excluded:
        document = _without(document, _tree(excluded))
    return document


def _tree(paths: str) -> _Tree:
    """Turn "a.b,a.c" into {"a": {"b": {}, "c": {}}}; an empty tree is a leaf, and a leaf wins over what lies under it."""
    root: _Tree = {}
    leaves = set(filter(None, (path.strip() for path in paths.split(","))))
    for path in sorted(leaves):
        parts = path.split(".")
        if any(".".join(parts[:n]) in leaves for n in range(1, len(parts))):
            continue
        node = root
        for part in parts:
            node = node.setdefault(part, {})
    return root


def _only(value: Any, tree: _Tree) -> Any:
    if not tree:
        return value
    if isinstance(value, list):
        return [_only(item, tree) for item in value]
    if isinstance(value, dict):
        return {name: _only(value[name], below) for name, below in tree.items() if name in value}
    return value


def _without(value: Any, tree: _Tree) -> Any:
    if isinstance(value, list):
        return [_without(item, tree) for item in value]
    if isinstance(value, dict):
        kept = {}
        for name, item in value.items():
            below = tree.get(name)
            if below is None:
                kept[name] = item
            elif below:
                kept[name] = _without(item, below)
        return kept
    return value
