"""The lists of a connector on which faults are tried, and a connector's readers in small pages."""

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
    """One list of a stream: what is pulled to read it (`streams`), its own calls (`match`, `body`: as of a fault), how many
    pages it has, of which partitions, and whether a page leads to the next: by a link, an offset, a token."""

    stream: str
    streams: tuple[str, ...]
    call: str
    match: str
    body: str
    pages: int
    partitions: tuple[str, ...]
    goes_on: bool

    def fault(self, kind: str, after: int = 0, times: int | None = 1, retry_after: float | None = None) -> Fault:
        """Return a fault that strikes the calls of this list, the first `after` of them left alone."""
        from persync.sandbox.faults import Fault

        return Fault(kind, match=self.match, body=self.body, after=after, times=times, retry_after=retry_after)


Lists = Mapping[tuple[str, str], list[Page]]
"""{(stream, partition): the pages of it that a pull read}"""


def victims_of(connector: Connector, lists: Lists) -> tuple[Victim, ...]:
    """Return what to strike of every stream that a pull read anything of, one for each call its list is read by: the one on
    which faults are tried one by one, then the others in the connector's order. What asks the same as one before it is left
    out. Raise DataError when nothing was read."""
    full = {where: pages for where, pages in lists.items() if any(len(page.step.body) > 2 for page in pages)}
    if not full:
        raise DataError("not one page was read.")
    first = _fullest(full)
    names = [first[0], *(stream.name for stream in connector.streams if stream.name != first[0])]
    found: dict[tuple[str, str], Victim] = {}
    for name in names:
        if own := {where: pages for where, pages in full.items() if where[0] == name}:
            _, partition = _fullest(own)
            for page in {_asks(page): page for page in reversed(lists[name, partition])}.values():
                one = _victim(connector, lists, name, page)
                found.setdefault((one.match, one.body), one)
    return tuple(found.values())


def _fullest(full: Lists) -> tuple[str, str]:
    several = {where: pages for where, pages in full.items() if len(pages) > 1} or full

    def fullest(where: tuple[str, str]) -> tuple[float, str, str]:
        pages = several[where]
        return sum(len(page.step.body) for page in pages) / len(pages), *where

    # Faults of pages are tried where records follow upon records: a list that is cut by time or by parent is none. Every pull
    # reads all of it: one of a few pages says as much as a long one.
    return max(several, key=lambda where: (_goes_on(several[where]), len(several[where]) in FEW, *fullest(where)))


def _victim(connector: Connector, lists: Lists, name: str, page: Page) -> Victim:
    """Return what to strike of a stream: all that asks as this page does."""
    asked = _asks(page)
    same = {
        of: [one for one in found if _asks(one) == asked]
        for (stream, of), found in lists.items()
        if stream == name and any(_asks(one) == asked for one in found)
    }
    method, path, query = asked
    base = "" if path else urlsplit(connector.base_url()).path.strip("/")
    match = rf"^{method} {'[^?]*' if path else ''}/{re.escape(path or base)}/?(\?|$)"
    leads = any(_leads_on(pages) for pages in same.values())
    pages = sum(map(len, same.values()))
    return Victim(name, _closure(connector, name), f"{method} /{path}", match, re.escape(query), pages, tuple(same), leads)


def _goes_on(pages: list[Page]) -> bool:
    continues = getattr(pages[0].job.work.stream.reader, "continues", None)
    return continues is not None and len(pages) > 1 and bool(continues(pages[1].token))


def _leads_on(pages: list[Page]) -> bool:
    """Tell whether a page leads to the next that asks the same, unless the reader says otherwise."""
    return _goes_on(pages) if hasattr(pages[0].job.work.stream.reader, "continues") else len(pages) > 1


def _asks(page: Page) -> tuple[str, str, str]:
    """Return the method and path of a page's call, and how its GraphQL query begins, if it has one."""
    request = page.job.work.stream.reader.request(page.job.work, page.token)
    query = request.json.get("query") if isinstance(request.json, Mapping) else None
    begins = orjson.dumps(query).decode()[1:LONGEST_OPERATION] if isinstance(query, str) else ""
    return request.method, urlsplit(request.path).path.strip("/"), begins


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
