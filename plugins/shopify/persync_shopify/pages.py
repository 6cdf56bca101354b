"""How Shopify's GraphQL is paged, on top of core's GraphQLPages.

An answer may hold values and errors at once: a field that this app may not see comes as null with an error naming its path.
The names of such fields go to the row functions, which must not take the null for an absent value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from persync.connect import DAY_MS, GraphQLPages, Request, Size, Step, Token, Work, iso, picked
from persync.errors import ConfigError
from persync_shopify.access import demand, granted
from persync_shopify.queries import query
from persync_shopify.values import milliseconds, tail

__all__ = [
    "AgreementPages",
    "Asked",
    "CustomerPages",
    "Everything",
    "InventoryPages",
    "MemberPages",
    "OnePart",
    "OrderPages",
    "PartPages",
    "ShopPage",
    "Sliced",
]

WALL: Final = 24_000
"""records read before a new search begins: Shopify pages to 25,000"""


def redacted(body: bytes) -> tuple[str, ...]:
    """Return the names of the fields that the errors of an answer point at, sorted."""
    if b'"errors"' not in body:
        return ()
    (errors,) = picked(body, "errors")
    names: set[str] = set()
    for error in errors if isinstance(errors, list) else []:
        path = error.get("path") if isinstance(error, dict) else None
        names.update(part for part in (path or [])[1:] if isinstance(part, str) and part != "nodes")
    return tuple(sorted(names))


@dataclass(frozen=True)
class ShopPage:
    """One query without pages; the answer's `data` is the one record."""

    query: str

    def start(self, work: Work) -> Token:
        return {}

    def request(self, work: Work, token: Token) -> Request:
        return Request("POST", "graphql.json", json={"query": query(self.query, work.settings.api_version)})

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        return Step(body, ("data",), None, single=True)

    def shrink(self, work: Work, token: Token) -> Token | None:
        return None


@dataclass(frozen=True)
class Asked(GraphQLPages):
    """Pages of a query that is kept by name: its text is made for the version asked for and the scopes of the token.

    `needs` are the scopes of which one must be there for the stream to be read at all.
    """

    needs: tuple[str, ...] = ()

    def start(self, work: Work) -> Token:
        demand(work, *self.needs)
        return super().start(work)

    def request(self, work: Work, token: Token) -> Request:
        return self._spliced(work, super().request(work, token))

    def _spliced(self, work: Work, request: Request, *, counting: bool = False) -> Request:
        text = query(self.query, work.settings.api_version, granted(work.parent), counting=counting)
        asked = {name: value for name, value in request.json["variables"].items() if f"${name}" in text}
        return replace(request, json={"query": text, "variables": asked})

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        step = super().read(work, token, body, headers)
        return replace(step, total=counted(body), params={**step.params, "redacted": redacted(body)})

    def probe(self, work: Work) -> Request:
        """Return a call for one record and, where Shopify counts, for how many there are."""
        token = {**self.start(work), "first": 1}
        return self._spliced(work, self.request(work, token), counting=True)

    def count(self, work: Work, body: bytes) -> int | None:
        """Return how many records Shopify says there are, None when it does not say exactly."""
        return counted(body)


def counted(body: bytes) -> int | None:
    """Return the exact `total` in an answer, None without one."""
    if b'"total"' not in body:
        return None
    count, precision = picked(body, "data.total.count", "data.total.precision")
    return count if precision == "EXACT" and isinstance(count, int) else None


@dataclass(frozen=True)
class Sliced(Asked):
    """A long list in slices: Shopify pages no further than 25,000 records, and then simply ends.

    Near that wall a new search begins. By change (`sort`): at the last record's change. Where no later moment was
    reached, because so many records changed at one, and without `sort`: by number, above the last one.
    """

    sort: str | None = None
    window: int = 1000
    """how finely the filter tells moments apart, in ms"""

    def start(self, work: Work) -> Token:
        token = super().start(work)
        return token if self.sort else {**token, "above": 0}

    def request(self, work: Work, token: Token) -> Request:
        if token.get("from", 0) > (work.since or 0):
            work = replace(work, since=token["from"])
        request = super().request(work, token)
        variables = dict(request.json["variables"])
        if "above" in token:
            above = f"id:>{token['above']}"
            variables["query"] = f"{variables['query']} AND {above}" if variables.get("query") else above
        if self.sort:
            variables["sort"] = "ID" if "above" in token else self.sort
        return replace(request, json={**request.json, "variables": variables})

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        step = super().read(work, token, body, headers)
        if step.next is None:
            return step
        read = token.get("read", 0) + token["first"]
        if read + token["first"] <= WALL:
            return replace(step, next={**step.next, "read": read})
        (nodes,) = picked(body, f"data.{self.at}.nodes")
        return replace(step, next=self._beyond(work, token, nodes[-1]))

    def _beyond(self, work: Work, token: Token, last: Mapping[str, Any]) -> Token:
        following: Token = {"first": token["first"]}
        if "from" in token:
            following["from"] = token["from"]
        if "above" in token:
            return {**following, "above": int(tail(str(last["id"])))}
        moment = milliseconds(datetime.fromisoformat(str(last["updatedAt"])))
        begun = max(token.get("from", 0), work.since or 0)
        if moment // self.window > begun // self.window:
            return {**following, "from": moment}
        return {**following, "above": 0}


@dataclass(frozen=True)
class InventoryPages(Sliced):
    """What is kept in stock: Shopify does not count it, but the product variants, of which each is kept once."""

    def sizing(self, work: Work) -> Request:
        """Ask how many product variants there are."""
        return Request("POST", "graphql.json", json={"query": query("variants", work.settings.api_version)})

    def sized(self, work: Work, body: bytes) -> Size | None:
        """Return them: at most these changed."""
        total = counted(body)
        return None if total is None else Size(total, f"one for each of {total:,} product variants", at_most=True)


@dataclass(frozen=True)
class OrderPages(Sliced):
    """Orders by UPDATED_AT. Refuses a start that lies before what the token may read: nothing else would tell."""

    def start(self, work: Work) -> Token:
        wall = work.account.covers_from
        wanted = work.settings.start
        if work.first_load and wanted and wall is not None and _day(wanted) < wall:
            raise ConfigError(
                f"start = {wanted} lies before {iso(wall)[:10]}: without the scope read_all_orders Shopify hides orders older "
                "than 60 days.",
                hint="Give the app read_all_orders, or take a later start.",
            )
        return super().start(work)


@dataclass(frozen=True)
class CustomerPages(Sliced):
    """Customers by UPDATED_AT. Their `updated_at` filter matches whole days, in a zone that is not said: ask a day more."""

    def request(self, work: Work, token: Token) -> Request:
        if work.since == work.account.covers_from:
            # The wall of 60 days hides orders; customers are all there.
            work = replace(work, since=None)
        if work.since is not None:
            work = replace(work, since=work.since // DAY_MS * DAY_MS - DAY_MS)
        request = super().request(work, token)
        wanted = work.settings.attributes
        tiers = bool({"spend_tier", "rfm_group"} & set(wanted))
        variables = {**request.json["variables"], "country": "country" in wanted, "tiers": tiers}
        return replace(request, json={**request.json, "variables": variables})


@dataclass(frozen=True)
class Everything(Sliced):
    """A whole listing, for what is gone. Orders that the token may not see are not gone: then nothing is listed."""

    def start(self, work: Work) -> Token:
        if work.stream.name == "order_listing":
            demand(work, "read_all_orders")
        return super().start(work)


@dataclass(frozen=True)
class MemberPages(Asked):
    """The members of one segment: this list has edges alone, and its own total."""

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        step = super().read(work, token, body, headers)
        (total,) = picked(body, f"data.{self.at}.totalCount")
        return replace(step, at=(*step.at[:-1], "edges"), total=total)


@dataclass(frozen=True)
class PartPages(Asked):
    """One order's connection, page by page: the record is the order with one page of it. A deleted order has no record."""

    variables: tuple[str, ...] = ("id",)
    root: str = "order"

    def probe(self, work: Work) -> Request:
        """Return the call that reading begins with: most that hangs under one order is on its first page."""
        return self.request(work, self.start(work))

    def count(self, work: Work, body: bytes) -> int | None:
        """Return how many pages are sure to be read: a record is the order with one page."""
        (found,) = picked(body, f"data.{self.root}.id")
        if found is None:
            return 0
        return 1 if self.following(self.start(work), body) is None else 2

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        (found,) = picked(body, f"data.{self.root}.id")
        if found is None:
            return Step(b'{"data":[]}', ("data",), None)
        following = self.following(token, body)
        return Step(body, ("data", self.root), following, single=True, params={"redacted": redacted(body)})

    def following(self, token: Token, body: bytes) -> Token | None:
        """Return the token of the next page, None at the end."""
        info = f"data.{self.at}.pageInfo"
        more, cursor = picked(body, f"{info}.hasNextPage", f"{info}.endCursor")
        return {**token, "after": cursor} if more and cursor else None


@dataclass(frozen=True)
class OnePart(PartPages):
    """One thing by its id, in one page."""

    def following(self, token: Token, body: bytes) -> Token | None:
        return None


@dataclass(frozen=True)
class AgreementPages(PartPages):
    """One order's agreements one by one, and the sales of each page by page: `sales` is the cursor inside the agreement."""

    def request(self, work: Work, token: Token) -> Request:
        request = super().request(work, token)
        variables: dict[str, Any] = {**request.json["variables"], "sales": token.get("sales")}
        return replace(request, json={**request.json, "variables": variables})

    def following(self, token: Token, body: bytes) -> Token | None:
        (agreements,) = picked(body, "data.order.agreements.nodes")
        sales = agreements[0]["sales"]["pageInfo"] if agreements else {}
        if sales.get("hasNextPage"):
            return {**token, "sales": sales["endCursor"]}
        further = super().following(token, body)
        return None if further is None else {name: value for name, value in further.items() if name != "sales"}


def _day(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)
