"""Answers that are almost JSON, and answers written again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from persync.errors import ResponseError

__all__ = ["as_json", "mended", "understood"]

# A backslash that is escaped itself, a whole pair, one half that stands alone, or the character zero.
_ESCAPES = re.compile(
    rb"\\\\|\\u[dD][89aAbB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\u0000"
)


def mended(body: bytes) -> bytes:
    r"""Return a JSON text in which a lone half of a surrogate pair (\ud83d), or \u0000, is U+FFFD; any other text as it is.

    A subject that was cut in the middle of an emoji is written so by many a server. RFC 8259 (section 8.2) leaves open what
    a reader does then; the strict ones refuse the whole page, and with it every other record on it. SQLite takes the character
    zero for the end of a text, in some of its functions alone: an id with one would be stored and not be found again.
    """
    # One byte is looked for ten times as fast as three, and most pages have none.
    if b"\\" not in body or not any(one in body for one in (b"\\ud", b"\\uD", b"\\u0000")):
        return body
    return _ESCAPES.sub(lambda found: b"\\ufffd" if len(found[0]) == 6 else found[0], body)


def as_json(value: Any) -> bytes:
    """Write a value that was read from JSON as JSON again, its members in order: the same value, the same bytes.

    Integers may be of any size: a vendor's careless number costs the record that it stands in, not the page.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # an integer of more than 64 bits
        return json.dumps(value, sort_keys=True).encode()


@contextmanager
def understood(otherwise: str) -> Iterator[None]:
    """Raise ResponseError where a block trips over an answer of a form that nobody foresaw; `otherwise` says what is wrong.

    The stream fails with its place, and everything else is pulled.
    """
    try:
        yield
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
        raise ResponseError(
            f"{otherwise} ({type(error).__name__}).", hint="Pull again; if it stays so, the vendor changed: update persync."
        ) from error
