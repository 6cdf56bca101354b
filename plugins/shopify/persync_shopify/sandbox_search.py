"""How the imitated shop searches and pages: dates in quotes, `>` and `<` meaning `>=` and `<=`, whole days for customers.

An index that lags shows nothing of a thing that changed a moment ago; a list ends at its wall, in silence.
"""

from __future__ import annotations

import base64
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from graphql import GraphQLError

__all__ = ["Found", "Listing", "connection", "counted", "iso", "sliced"]

Json = dict[str, Any]
Row = tuple[int, int, Any]
"""(what it is sorted by, its number, the thing)"""

DAY_MS: Final = 86_400_000
_TERM: Final = re.compile(r"(\w+):(>=|<=|>|<|)(?:'([^']*)'|([\w-]+))")
_TIMES: Final = {"CREATED_AT": "created_at", "PROCESSED_AT": "processed_at", "UPDATED_AT": "updated_at"}


@dataclass(slots=True)
class Listing:
    """One kind of thing: how to number it, to time it, to find it by a word, and to show it."""

    things: Sequence[Any]
    number: Callable[[Any], int]
    time: Callable[[Any, str], int | None]
    """the moment of a thing by the name of its time: created_at, updated_at, processed_at"""
    node: Callable[[Any], Json]
    words: Callable[[Any, str], str | None] = lambda thing, name: None
    """the value of another search term"""
    step: int = 1000
    """how finely its filter tells moments apart, in ms"""


class Found:
    """Searches listings. `lag` and `now` in ms: what changed after `now - lag` is not in the index yet."""

    def __init__(self, listings: dict[str, Listing], *, now: int, lag: int = 0, wall: int = 25_000) -> None:
        self._listings = listings
        self._now, self._lag, self._wall = now, lag, wall
        self._sorted: dict[tuple[str, str], list[Row]] = {}
        self._last: dict[tuple[str, str], tuple[str | None, list[Row]]] = {}
        """the last search of each list: its pages are asked for one after the other"""

    def page(self, kind: str, first: int, after: str | None, query: str | None, reverse: bool, sort_key: str) -> Json:
        """Return one page of a search as a connection."""
        listing = self._listings[kind]
        rows = self.rows(kind, sort_key, query)
        if reverse:
            rows = rows[::-1]
        start = 0
        if after:
            at = tuple(uncursor(after))
            key = (lambda row: (-row[0], -row[1])) if reverse else (lambda row: (row[0], row[1]))
            start = bisect_right(rows, tuple(-part for part in at) if reverse else at, key=key)
        end = min(start + first, self._wall)
        page = rows[start:end]
        cursor = _cursor(page[-1][:2]) if page else None
        return {
            "nodes": [listing.node(row[2]) for row in page],
            "pageInfo": {"hasNextPage": end < min(len(rows), self._wall), "endCursor": cursor},
        }

    def rows(self, kind: str, sort_key: str, query: str | None) -> list[Row]:
        """Return all that a search finds, sorted."""
        text, rows = self._last.get((kind, sort_key), (None, []))
        if text != (query or ""):
            rows = self._search(kind, sort_key, query or "")
            self._last[kind, sort_key] = (query or "", rows)
        return rows

    def _search(self, kind: str, sort_key: str, query: str) -> list[Row]:
        listing = self._listings[kind]
        rows = self._sorted.get((kind, sort_key)) or self._sort(kind, sort_key)
        for name, sign, quoted, bare in _TERM.findall(query):
            rows = list(_matching(listing, rows, name, sign, quoted, bare))
        return rows

    def _sort(self, kind: str, sort_key: str) -> list[Row]:
        listing, time = self._listings[kind], _TIMES.get(sort_key, "")
        seen = listing.things
        if self._lag:
            seen = [each for each in seen if (listing.time(each, "updated_at") or 0) <= self._now - self._lag]
        rows = sorted(
            (((listing.time(each, time) or 0) if time else 0, listing.number(each), each) for each in seen),
            key=lambda row: row[:2],
        )
        self._sorted[kind, sort_key] = rows
        return rows


def _matching(listing: Listing, rows: Iterable[Row], name: str, sign: str, quoted: str, bare: str) -> Iterable[Row]:
    if name == "id" and bare.isdecimal():
        above = int(bare)
        fits = {">": above.__lt__, ">=": above.__le__, "<": above.__gt__, "<=": above.__ge__}.get(sign, above.__eq__)
        return (row for row in rows if fits(row[1]))
    if name in _TIMES.values():
        wanted = _parsed(quoted)
        if wanted is None:
            return rows  # the vendor ignores what it does not understand, and warns in the extensions
        bound = wanted // listing.step

        def steps(row: Row) -> int:
            return (listing.time(row[2], name) or 0) // listing.step

        if sign in (">=", ">"):
            return (row for row in rows if steps(row) >= bound)
        return (row for row in rows if steps(row) <= bound) if sign in ("<=", "<") else rows
    value = (quoted or bare).lower()
    return (row for row in rows if listing.words(row[2], name) in (None, value))


def connection(nodes: Sequence[Json], first: int, after: str | None) -> Json:
    """Return a page of a short list as a connection."""
    start = uncursor(after)[0] if after else 0
    end = min(start + first, len(nodes))
    return {
        "nodes": nodes[start:end],
        "pageInfo": {"hasNextPage": end < len(nodes), "endCursor": _cursor([end]) if end > start else None},
    }


def sliced(nodes: Sequence[Json]) -> Callable[..., Json]:
    """Return the function of a connection over a short list."""
    return lambda first=0, after=None: connection(nodes, first, after)


def counted(rows: Sequence[object], limit: int | None) -> Json:
    """Return a count as the vendor gives it: never above the limit."""
    if limit is not None and len(rows) > limit:
        return {"count": limit, "precision": "AT_LEAST"}
    return {"count": len(rows), "precision": "EXACT"}


def _cursor(parts: Sequence[int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(parts)).encode()).decode()


def uncursor(text: str) -> list[int]:
    """Return what a cursor holds; raise GraphQLError when it is not one of ours."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(text))
        if isinstance(parts, list) and parts and all(isinstance(part, int) for part in parts):
            return [int(part) for part in parts]
    except ValueError:
        pass
    raise GraphQLError("Invalid cursor for current pagination sort.", extensions={"code": "BAD_REQUEST"})


def _parsed(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)


def iso(at: int) -> str:
    """Write epoch milliseconds as the vendor does."""
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
