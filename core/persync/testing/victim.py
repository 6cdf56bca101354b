"""The list of a connector on which faults are tried, and a connector's readers in small pages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import orjson

from persync.connect.connector import Connector
from persync.connect.fetch import Page
from persync.connect.stream import Reader, Request, Token, Work
from persync.errors import DataError

if TYPE_CHECKING:
    from persync.sandbox.faults import Fault

SIZES: Final = ("count", "limit", "size", "first", "page_size", "per_page", "length")
"""how readers call the size of a page in their tokens"""
SMALL: Final = 10
"""records of a small page"""
FEW: Final = range(2, 8)
"""pages of a list that is quickly read"""
LONGEST_OPERATION: Final = 60
"""letters of a GraphQL query that tell it from others"""


class SmallPages:
    """A reader that begins with small pages, where the size of a page stands in its token; all else is the reader's own."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    def start(self, work: Work) -> Token:
        """Return the token of a small first page."""
        found: Token = _smaller(self._reader.start(work))
        return found

    def request(self, work: Work, token: Token) -> Request:
        """Return the call that a token stands for."""
        return self._reader.request(work, token)

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Any:
        """Take an answer apart."""
        return self._reader.read(work, token, body, headers)

    def shrink(self, work: Work, token: Token) -> Token | None:
        """Return a token for a smaller page still."""
        return self._reader.shrink(work, token)


def _smaller(token: Any) -> Any:
    if not isinstance(token, dict):
        return token
    return {
        name: SMALL if name in SIZES and isinstance(value, int) and value > SMALL else _smaller(value)
        for name, value in token.items()
    }


@dataclass(frozen=True, slots=True)
class Victim:
    """One list of a stream: what is pulled to read it (`streams`), its own calls (`match`, `body`: as of a fault) and how many
    pages it has."""

    stream: str
    streams: tuple[str, ...]
    call: str
    match: str
    body: str
    pages: int

    def fault(self, kind: str, after: int = 0, times: int | None = 1, retry_after: float | None = None) -> Fault:
        """Return a fault that strikes the calls of this list, the first `after` of them left alone."""
        from persync.sandbox.faults import Fault

        return Fault(kind, match=self.match, body=self.body, after=after, times=times, retry_after=retry_after)


def victim_of(connector: Connector, lists: Mapping[tuple[str, str], list[Page]]) -> Victim:
    """Return the list to strike, of those that a pull read, {(stream, partition): pages}. Raise DataError when it read none."""
    full = {where: pages for where, pages in lists.items() if any(len(page.step.body) > 2 for page in pages)}
    if not full:
        raise DataError("not one page was read.")
    several = {where: pages for where, pages in full.items() if len(pages) > 1} or full

    def fullest(where: tuple[str, str]) -> tuple[float, str, str]:
        pages = several[where]
        return sum(len(page.step.body) for page in pages) / len(pages), *where

    # Faults of pages are tried where records follow upon records: a list that is cut by time or by parent is none. Every pull
    # reads all of it: one of a few pages says as much as a long one.
    name, partition = max(several, key=lambda where: (_goes_on(several[where]), len(several[where]) in FEW, *fullest(where)))
    pages = several[name, partition]
    job, token = pages[0].job, pages[0].token
    request = job.work.stream.reader.request(job.work, token)
    path = urlsplit(request.path).path.strip("/")
    match = rf"^{request.method} [^?]*{f'/{re.escape(path)}' if path else ''}/?(\?|$)"
    query = request.json.get("query") if isinstance(request.json, Mapping) else None
    body = re.escape(orjson.dumps(query).decode()[1:LONGEST_OPERATION]) if isinstance(query, str) else ""
    same = sum(len(found) for (stream, _), found in lists.items() if stream == name and _asks(found[0]) == _asks(pages[0]))
    return Victim(name, _closure(connector, name), f"{request.method} /{path}", match, body, same)


def _goes_on(pages: list[Page]) -> bool:
    continues = getattr(pages[0].job.work.stream.reader, "continues", None)
    return continues is not None and len(pages) > 1 and bool(continues(pages[1].token))


def _asks(page: Page) -> tuple[str, str]:
    request = page.job.work.stream.reader.request(page.job.work, page.token)
    return request.method, request.path


def _closure(connector: Connector, name: str) -> tuple[str, ...]:
    """Return a stream with all those that it needs or hangs under, in the connector's order."""
    known, wanted, found = {stream.name: stream for stream in connector.streams}, [name], set[str]()
    while wanted:
        one = wanted.pop()
        if one in known and one not in found:
            found.add(one)
            wanted += [*known[one].needs, *((known[one].parent,) if known[one].parent else ())]
    # What tells of the account is read before all else, whoever says so.
    return tuple(stream.name for place, stream in enumerate(connector.streams) if stream.name in found or place == 0)
