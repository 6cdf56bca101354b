"""Kinds of faults inside a good answer: pages that lie about what follows, records that changed their shape.

They work on any JSON answer that holds a list of objects; one that holds none goes through untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import orjson

from persync.sandbox.fault_kinds import App, Fault, Kind, Receive, Scope, Send, capture, with_length

Change = Callable[[Any, list[dict[str, Any]]], None]
"""Changes an answer in place, given the list of its records."""
Leading = Callable[[Any, list[dict[str, Any]], str], None]
"""The same, given the address of the call too."""
IDLE: Final = "persync.idle"
"""the word in the scope that says that a fault found nothing to change"""
NEXT: Final = ("next", "next_page", "next_cursor", "next_page_token", "nextPageToken", "next_url", "cursor", "after")
"""how vendors call what leads to the next page, in the answer itself or in one of its objects"""


def find_records(data: Any) -> list[dict[str, Any]] | None:
    """Return the first list of objects nearest to the top of an answer, None when there is none."""
    level = [data]
    while level:
        for one in level:
            if isinstance(one, list) and one and all(isinstance(item, dict) for item in one):
                return one
        level = [below for one in level if isinstance(one, dict) for below in one.values()]
    return None


def records_of(body: bytes) -> list[dict[str, Any]] | None:
    """Return the records of an answer, None when it is no JSON or holds none."""
    try:
        return find_records(orjson.loads(body))
    except orjson.JSONDecodeError:
        return None


def _changed(change: Change) -> Kind:
    return _leading(lambda data, records, address: change(data, records))


def _leading(change: Leading) -> Kind:
    async def kind(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
        start, body = await capture(app, scope, receive)
        try:
            data = orjson.loads(body)
        except orjson.JSONDecodeError:
            data = None
        records = find_records(data)
        scope[IDLE] = True
        if records is not None:
            change(data, records, _address(scope))
            scope[IDLE] = data == orjson.loads(body)
            body = orjson.dumps(data)
        await send(with_length(start, len(body)))
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return kind


def repeating(before: list[dict[str, Any]]) -> Kind:
    """Return the kind that sends the records of the page before instead of this page's."""

    def change(data: Any, records: list[dict[str, Any]]) -> None:
        records[:] = before

    return _changed(change)


def overlapping(before: list[dict[str, Any]]) -> Kind:
    """Return the kind that sends the second half of the page before once more, in front of this page's records."""

    def change(data: Any, records: list[dict[str, Any]]) -> None:
        records[:0] = before[len(before) // 2 :]

    return _changed(change)


def _pagers(data: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in which a GraphQL connection tells of its next page."""
    if isinstance(data, dict):
        for name, value in data.items():
            if name == "pageInfo" and isinstance(value, dict):
                yield value
            else:
                yield from _pagers(value)
    elif isinstance(data, list):
        for item in data:
            yield from _pagers(item)


def _address(scope: Scope) -> str:
    """Return the address of a call as its caller wrote it."""
    host = next((value.decode("latin-1") for name, value in scope.get("headers", ()) if name.lower() == b"host"), "")
    query = scope.get("query_string", b"").decode("latin-1")
    return f"{scope.get('scheme', 'http')}://{host}{scope['path']}{'?' + query if query else ''}"


def _nexts(data: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield (object, name) of what leads to the next page: in the answer, or in one of its objects (links, meta, paging)."""
    for holder in (data, *(value for value in data.values() if isinstance(value, dict))):
        yield from ((holder, name) for name in NEXT if name in holder and not isinstance(holder[name], dict | list))


def _leads_back(holder: dict[str, Any], name: str, address: str) -> str | int:
    """Return a next link that leads to the page itself, in the form in which this vendor writes links; a place that there is
    not where it writes marks of places."""
    if isinstance(holder[name], int) and not isinstance(holder[name], bool):
        return 1
    written = next((value for value in (holder[name], *holder.values()) if isinstance(value, str)), "")
    return address if "://" in written else "same"


def _endless(data: Any, records: list[dict[str, Any]], address: str) -> None:
    """Promise a further page, always the same one or, with offsets, one more."""
    pagers, nexts = list(_pagers(data)), list(_nexts(data)) if isinstance(data, dict) else []
    if "total_items" in data:
        data["total_items"] = 10**9
    elif "hasMore" in data:
        data |= {"hasMore": True, "offset": "same"}
    elif pagers:
        for info in pagers:
            info |= {"hasNextPage": True, "endCursor": "same"}
    elif nexts:
        for holder, name in nexts:
            holder[name] = _leads_back(holder, name, address)
    elif isinstance(data, dict):
        data["paging"] = {"next": {"after": "same"}}


def _empty_with_next(data: Any, records: list[dict[str, Any]], address: str) -> None:
    _endless(data, records, address)
    records.clear()


def _emptied(data: Any, records: list[dict[str, Any]]) -> None:
    records.clear()


def _new_field(data: Any, records: list[dict[str, Any]]) -> None:
    for record in records:
        record["brand_new"] = {"made": "up"}


def _key(record: dict[str, Any]) -> str:
    """Return the field that no record can do without: its id, else its first one."""
    return "id" if "id" in record else next(iter(record))


def _missing_field(data: Any, records: list[dict[str, Any]]) -> None:
    records[0].pop(_key(records[0]))


def _changed_type(data: Any, records: list[dict[str, Any]]) -> None:
    records[0][_key(records[0])] = [{"was": "something else"}]


def _reordered(data: Any, records: list[dict[str, Any]]) -> None:
    records.reverse()


def _doubled(data: Any, records: list[dict[str, Any]]) -> None:
    records += [dict(record) for record in records]


PAGES: Mapping[str, Kind] = {
    "endless_next": _leading(_endless),
    "empty_with_next": _leading(_empty_with_next),
    "emptied_page": _changed(_emptied),
    "new_field": _changed(_new_field),
    "missing_field": _changed(_missing_field),
    "changed_type": _changed(_changed_type),
    "reordered_page": _changed(_reordered),
    "doubled_page": _changed(_doubled),
}
"""the kinds that change what stands in an answer, by name"""

AFTER_A_PAGE: Mapping[str, Callable[[list[dict[str, Any]]], Kind]] = {
    "repeated_page": repeating,
    "overlapping_page": overlapping,
}
"""the kinds that need the page before: they strike the first page that fits and has one"""
