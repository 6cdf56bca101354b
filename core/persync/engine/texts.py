"""SQL texts kept as files in packages, and the `:name` parameters in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

from persync.errors import DataError

_TOKEN: Final = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|(?<![:\w]):([A-Za-z_]\w*)")


@cache
def load(name: str, package: str) -> str:
    """Return the text of `<name>.sql` that lies in a package."""
    return (files(package) / f"{name}.sql").read_text("utf-8")


@lru_cache(maxsize=512)
def names(sql: str) -> frozenset[str]:
    """Return the names of the parameters that a text uses, outside strings, quoted names and comments."""
    return frozenset(match[1] for match in _TOKEN.finditer(sql) if match[1])


def rename(sql: str, new: Mapping[str, str]) -> str:
    """Return the text with its parameters written as `new` says; those it does not name stay."""
    return _TOKEN.sub(lambda match: new.get(match[1], match[0]) if match[1] else match[0], sql)


@lru_cache(maxsize=512)
def bare(sql: str) -> str:
    """Return the text without its comments."""
    return _TOKEN.sub(lambda match: "" if match[0].startswith("--") else match[0], sql)


def used(sql: str, params: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the parameters a text uses, with their values. Raise DataError when one has none."""
    given = params or {}
    wanted = names(sql)
    if lacking := sorted(wanted - given.keys()):
        raise DataError(f"no value was given for :{', :'.join(lacking)}.")
    return {name: given[name] for name in sorted(wanted)}
