"""The opaque offsets of the v1 API: they belong to one question, and die after some pages."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import urlencode

from persync_hubspot.sandbox_wire import Query, Refusal, first


class Offsets:
    """Makes and reads offsets. One lives for `pages` pages, for ever when None."""

    def __init__(self, secret: str, pages: int | None) -> None:
        self._secret = secret
        self._pages = pages

    def read(self, query: Query) -> tuple[int, int]:
        """Return (records to skip, pages so far); refuse an offset that is not ours, or another question's, or dead."""
        text = first(query, "offset")
        if not text:
            return 0, 0
        try:
            skip, pages, question = base64.urlsafe_b64decode(text.encode()).decode().split(":")
            alive = self._pages is None or int(pages) <= self._pages
            if alive and question == self._question(query):
                return int(skip), int(pages)
        except (ValueError, UnicodeError):
            pass
        raise Refusal(400, "The offset is no longer valid")

    def make(self, query: Query, skip: int, pages: int) -> str:
        """Return the offset of the next page of a question."""
        return base64.urlsafe_b64encode(f"{skip}:{pages}:{self._question(query)}".encode()).decode()

    def _question(self, query: Query) -> str:
        asked = urlencode(sorted((name, values[0]) for name, values in query.items() if name != "offset"))
        return hashlib.blake2b(f"{self._secret} {asked}".encode(), digest_size=8).hexdigest()


def moment(query: Query, name: str, default: int) -> int:
    """Read a time in milliseconds."""
    value = first(query, name)
    if not value:
        return default
    if not value.isdigit():
        raise Refusal(400, f"{name} must be a number of milliseconds")
    return int(value)
