"""How vendors page: small classes named after the mechanism. Each is stateless; its memory is the token.

Paths and parameters may hold `{name}` for a value of the parent's data. All take care of one thing only: which call comes
first, what an answer means, which call comes next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from persync.connect.stream import Request, Step, Token, Work
from persync.errors import ResponseError, TransientError

__all__ = ["GraphQLPages", "OffsetPages", "SearchWindows", "SinglePage", "TokenPages", "iso", "picked"]


def iso(at: int) -> str:
    """Write epoch milliseconds as ISO 8601 UTC in whole seconds, the form all three vendors accept."""
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=256)
def _picker(paths: tuple[str, ...]) -> TypeAdapter[Any]:
    """Build an adapter that reads only the given dotted paths and skips the rest of the JSON without building it."""
    tree: dict[str, Any] = {}
    for path in paths:
        node = tree
        *parents, leaf = path.split(".")
        for part in parents:
            node = node.setdefault(part, {})
        node[leaf] = None

    def build(node: dict[str, Any]) -> Any:
        # The functional form is the point: the fields are known only at run time.
        return TypedDict(  # type: ignore[operator]
            "Picked", {name: (Any if child is None else build(child) | None) for name, child in node.items()}, total=False
        )

    return TypeAdapter(build(tree))


def unexpected(error: ValidationError) -> ResponseError:
    """Return the error for an answer that is no JSON, or JSON of another shape: one wording wherever it is noticed."""
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    return ResponseError(
        f"the answer is not the JSON that was expected ({f'{where}: ' if where else ''}{problem['msg']}).",
        hint="Check base_url: something other than the vendor's API may have answered. If the vendor changed, update persync.",
    )


def picked(body: bytes, *paths: str) -> tuple[Any, ...]:
    """Return the values at dotted paths of a JSON object, None where absent. Raise ResponseError when it is not JSON."""
    try:
        tree = _picker(paths).validate_json(body)
    except ValidationError as error:
        raise unexpected(error) from None
    found = []
    for path in paths:
        node: Any = tree
        for part in path.split("."):
            node = node.get(part) if isinstance(node, dict) else None
        found.append(node)
    return tuple(found)


def refuse_problem(body: bytes) -> None:
    """Raise TransientError for a problem document (RFC 9457, or {"error", "status"}) that came with HTTP 200 as a record.

    Where all fields of a record are optional it would pass for one that says nothing.
    """
    status, error, title, detail = picked(body, "status", "error", "title", "detail")
    if type(status) is int and 400 <= status < 600 and any(isinstance(one, str) for one in (error, title, detail)):
        raise TransientError(f"the answer is an error (status {status} inside HTTP 200).", hint="Pull again later.")


def _fill(text: str, work: Work) -> str:
    return text.format_map({k: quote(str(v), safe="") for k, v in work.parent.items()}) if "{" in text else text


def _params(work: Work) -> dict[str, str]:
    return {k: (v.format_map(work.parent) if "{" in v else v) for k, v in work.stream.params.items()}


@dataclass(frozen=True, slots=True)
class SinglePage:
    """One call, one answer: an object (`at=()`), or a list inside it."""

    at: str = ""
    single: bool = True

    def start(self, work: Work) -> Token:
        return {}

    def request(self, work: Work, token: Token) -> Request:
        return Request(path=_fill(work.stream.path, work), params=_params(work))

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        if self.single and not self.at:
            refuse_problem(body)
        return Step(body, tuple(self.at.split(".")) if self.at else (), None, single=self.single)

    def shrink(self, work: Work, token: Token) -> Token | None:
        return None


@dataclass(frozen=True, slots=True)
class OffsetPages:
    """`count` and `offset`, until the vendor's total is reached or a page comes short.

    `since` and `until` name the parameters that bound the window, where the endpoint has them.
    """

    at: str
    count: int = 1000
    total_at: str = "total_items"
    count_param: str = "count"
    offset_param: str = "offset"
    since: str | None = None
    until: str | None = None
    smallest: int = 50

    def start(self, work: Work) -> Token:
        return {"offset": 0, "count": self.count}

    def request(self, work: Work, token: Token) -> Request:
        params = _params(work)
        params[self.count_param] = str(token["count"])
        params[self.offset_param] = str(token["offset"])
        if self.since and work.since is not None:
            params[self.since] = iso(work.since).replace("Z", "+00:00")
        if self.until and work.since is not None:
            params[self.until] = iso(work.until).replace("Z", "+00:00")
        return Request(path=_fill(work.stream.path, work), params=params)

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        (total,) = picked(body, self.total_at)
        offset = token["offset"] + token["count"]
        more = isinstance(total, int) and offset < total
        following = {"offset": offset, "count": token["count"]} if more else None
        return Step(body, tuple(self.at.split(".")), following, total=total if isinstance(total, int) else None)

    def continues(self, token: Token) -> bool:
        return bool(token["offset"])

    def shrink(self, work: Work, token: Token) -> Token | None:
        return {**token, "count": token["count"] // 2} if token["count"] // 2 >= self.smallest else None


@dataclass(frozen=True, slots=True)
class TokenPages:
    """The answer holds the token of the next page (`paging.next.after`), absent at the end."""

    at: str
    limit: int = 100
    next_at: str = "paging.next.after"
    token_param: str = "after"  # noqa: S105 - the name of a parameter
    limit_param: str = "limit"
    since: str | None = None
    """the parameter for "changed since", in ISO 8601, where the endpoint has one"""

    def start(self, work: Work) -> Token:
        return {"limit": self.limit}

    def request(self, work: Work, token: Token) -> Request:
        params = _params(work)
        params[self.limit_param] = str(token["limit"])
        if "after" in token:
            params[self.token_param] = token["after"]
        if self.since and work.since is not None:
            params[self.since] = iso(work.since)
        return Request(path=_fill(work.stream.path, work), params=params)

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        (after,) = picked(body, self.next_at)
        following = {**token, "after": str(after)} if after is not None and after != "" else None
        return Step(body, tuple(self.at.split(".")), following)

    def continues(self, token: Token) -> bool:
        return "after" in token

    def shrink(self, work: Work, token: Token) -> Token | None:
        return {**token, "limit": token["limit"] // 2} if token["limit"] >= 20 else None


@dataclass(frozen=True, slots=True)
class SearchWindows:
    """A search with a wall (10,000 results): keyset on the id inside a window of the modified date.

    The first load goes through `list_reader` instead, which has no wall. Within a window the ids ascend; before the wall
    the search starts again behind the last id seen.
    """

    list_reader: Any
    search_path: str
    modified: str
    """the property that holds the modified date"""
    properties: tuple[str, ...]
    limit: int = 200
    wall: int = 9_800
    id_property: str = "hs_object_id"

    def start(self, work: Work) -> Token:
        if work.first_load or work.since is None:
            return {"list": self.list_reader.start(work)}
        return {"last": "0", "after": 0, "limit": self.limit}

    def request(self, work: Work, token: Token) -> Request:
        if "list" in token:
            listed: Request = self.list_reader.request(work, token["list"])
            return listed
        filters = [
            {"propertyName": self.modified, "operator": "GTE", "value": str(work.since)},
            {"propertyName": self.modified, "operator": "LT", "value": str(work.until)},
            {"propertyName": self.id_property, "operator": "GT", "value": token["last"]},
        ]
        body = {
            "filterGroups": [{"filters": filters}],
            "sorts": [{"propertyName": self.id_property, "direction": "ASCENDING"}],
            "properties": list(self.properties),
            "limit": token["limit"],
            "after": str(token["after"]),
        }
        return Request("POST", self.search_path, json=body)

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        if "list" in token:
            step: Step = self.list_reader.read(work, token["list"], body, headers)
            following = {"list": step.next} if step.next is not None else None
            return Step(step.body, step.at, following, total=step.total)
        after, results = picked(body, "paging.next.after", "results")
        if after is None or not results:
            return Step(body, ("results",), None)
        if int(after) + token["limit"] > self.wall:
            return Step(body, ("results",), {"last": str(results[-1]["id"]), "after": 0, "limit": token["limit"]})
        return Step(body, ("results",), {**token, "after": int(after)})

    def shrink(self, work: Work, token: Token) -> Token | None:
        if "list" in token:
            smaller = self.list_reader.shrink(work, token["list"])
            return None if smaller is None else {"list": smaller}
        return {**token, "limit": token["limit"] // 2} if token["limit"] >= 20 else None


@dataclass(frozen=True, slots=True)
class GraphQLPages:
    """A GraphQL connection, paged by `first` and `after`; `size` shrinks when the vendor says that a query costs too much.

    The query takes `$first`, `$after` and, when `filter` is set, `$query`; `filter` is a search text in which `{since}` and
    `{until}` stand for the window in ISO 8601. `variables` are taken from the parent's data by name.
    """

    query: str
    at: str
    size: int = 50
    filter: str | None = None
    variables: tuple[str, ...] = ()
    path: str = "graphql.json"
    constants: Mapping[str, Any] = field(default_factory=dict)

    def start(self, work: Work) -> Token:
        return {"first": self.size}

    def request(self, work: Work, token: Token) -> Request:
        variables: dict[str, Any] = {**self.constants, "first": token["first"], "after": token.get("after")}
        for name in self.variables:
            variables[name] = work.parent[name]
        if self.filter is not None:
            since = "1970-01-01T00:00:00Z" if work.since is None else iso(work.since)
            variables["query"] = self.filter.format(since=since, until=iso(work.until + 1000))
        return Request("POST", work.stream.path or self.path, json={"query": self.query, "variables": variables})

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        info = f"data.{self.at}.pageInfo"
        more, cursor = picked(body, f"{info}.hasNextPage", f"{info}.endCursor")
        following = {**token, "after": cursor} if more and cursor else None
        return Step(body, ("data", *self.at.split("."), "nodes"), following)

    def continues(self, token: Token) -> bool:
        return bool(token.get("after"))

    def shrink(self, work: Work, token: Token) -> Token | None:
        return {**token, "first": token["first"] // 2} if token["first"] >= 2 else None
