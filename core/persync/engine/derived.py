"""How derived tables are named: by what they were made from, so that the same question finds what the last one wrote."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Container, Mapping
from functools import lru_cache
from typing import Any, Final

from persync.engine.texts import bare, used
from persync.errors import DataError

_WORD: Final = re.compile(r"(?<![.\w])(?<!\bAS )\w+\b")
_NAMED: Final = re.compile(r"\b(\w+) AS \(")


def settings_hash(sql: str, params: Mapping[str, Any] | None, known: Mapping[str, str]) -> str:
    """Return 16 hexadecimal digits of a query without its comments, its parameters and the derived tables it reads.

    `known` are the derived tables written so far, with their own hashes. Raise DataError when a parameter has no value.
    """
    text = bare(sql)
    before = sorted((name, made) for name, made in known.items() if reads(text, name))
    recipe = json.dumps([text, used(sql, params), before], default=str)
    return hashlib.sha256(recipe.encode()).hexdigest()[:16]


def reads(text: str, name: str) -> bool:
    """Tell whether a query may read the table `name`; a column of that name (`t.name`, `AS name`) is none."""
    return name in mentioned(text)


@lru_cache(maxsize=512)
def mentioned(text: str) -> frozenset[str]:
    """Return every word of a query that may be the name of a table: all but columns (`t.name`, `AS name`) and the parts that it
    names itself (`name AS (`)."""
    return frozenset(_WORD.findall(text)) - frozenset(_NAMED.findall(text))


def check_name(name: str, tables: Container[str]) -> None:
    """Raise DataError when a derived table would hide one of the store's `tables`."""
    if name in tables:
        raise DataError(f"{name!r} is a table of the store; a derived table needs another name.")


def too_many(limit: int) -> DataError:
    """Return the error of a frame with more rows than it may have."""
    return DataError(f"the question needs more than {limit} rows.", hint="Ask for a shorter period or fewer people.")


def no_mirror(folder: object) -> DataError:
    """Return the error of a folder that holds no mirror."""
    return DataError(f"there is no mirror in {folder}.", hint="Refresh it from the store.")
