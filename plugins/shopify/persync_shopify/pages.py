"""How Shopify's GraphQL is paged, on top of core's GraphQLPages.

An answer may hold values and errors at once: a field that this app may not see comes as null with an error naming its path.
The names of such fields go to the row functions, which must not take the null for an absent value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from persync.connect import DAY_MS, GraphQLPages, Request, Step, Token, Work, iso, picked
from persync.errors import ConfigError

__all__ = ["AgreementPages", "CustomerPages", "OrderPages", "PartPages", "ShopPage"]


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
        return Request("POST", "graphql.json", json={"query": self.query})

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        return Step(body, ("data",), None, single=True)

    def shrink(self, work: Work, token: Token) -> Token | None:
        return None


@dataclass(frozen=True)
class OrderPages(GraphQLPages):
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

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        return replace(super().read(work, token, body, headers), params={"redacted": redacted(body)})


@dataclass(frozen=True)
class CustomerPages(GraphQLPages):
    """Customers by UPDATED_AT. Their `updated_at` filter matches whole days, in a zone that is not said: ask a day more."""

    def request(self, work: Work, token: Token) -> Request:
        if work.since == work.account.covers_from:
            # The wall of 60 days hides orders; customers are all there.
            work = replace(work, since=None)
        if work.since is not None:
            work = replace(work, since=work.since // DAY_MS * DAY_MS - DAY_MS)
        request = super().request(work, token)
        variables = {**request.json["variables"], "country": "country" in work.settings.attributes}
        return replace(request, json={**request.json, "variables": variables})

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        return replace(super().read(work, token, body, headers), params={"redacted": redacted(body)})


@dataclass(frozen=True)
class PartPages(GraphQLPages):
    """One order's connection, page by page: the record is the order with one page of it. A deleted order has no record."""

    variables: tuple[str, ...] = ("id",)

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        (order,) = picked(body, "data.order.id")
        if order is None:
            return Step(b'{"data":[]}', ("data",), None)
        return Step(body, ("data", "order"), self.following(token, body), single=True, params={"redacted": redacted(body)})

    def following(self, token: Token, body: bytes) -> Token | None:
        """Return the token of the next page, None at the end."""
        info = f"data.{self.at}.pageInfo"
        more, cursor = picked(body, f"{info}.hasNextPage", f"{info}.endCursor")
        return {**token, "after": cursor} if more and cursor else None


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
