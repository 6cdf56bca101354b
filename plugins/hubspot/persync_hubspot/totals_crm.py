"""HubSpot's own numbers of its CRM, beside ours: how many of each thing, and the money of the latest sales."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from persync.connect.stream import AccountFacts, Request
from persync.connect.totals import Total
from persync.errors import RecordError, ResponseError, SkipStreamError
from persync_hubspot import api
from persync_hubspot import properties as prop
from persync_hubspot.association_readers import SEARCH_LIMIT

if TYPE_CHECKING:
    from persync.connect.client import Client

NEW_MEANWHILE = 0.01
"""Things are made and deleted between a pull and this look: a hundredth is no gap."""
HINT = "Pull again; if it stays, `persync pull --full` lists everything anew."

_THERE = (
    "SELECT count(*) FROM {table} t WHERE t.connection = :connection AND NOT EXISTS (SELECT 1 FROM deletions d"
    " WHERE d.connection = t.connection AND d.thing = '{thing}' AND d.vendor_id = t.{thing})"
)
_ORDERS = "SELECT count(*) FROM orders o WHERE o.connection = :connection AND o.kind = :kind AND o.status IS NOT 'deleted'"
COUNTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "contacts": (
        "SELECT count(*) FROM contacts c WHERE c.connection = :connection AND coalesce(c.is_deleted, 0) = 0",
        {},
    ),
    "companies": (_THERE.format(table="companies", thing="company"), {}),
    "deals": (_ORDERS, {"kind": "deal"}),
    "orders": (_ORDERS, {"kind": "order"}),
    "carts": (_THERE.format(table="carts", thing="cart"), {}),
    "tickets": (_THERE.format(table="tickets", thing="ticket"), {}),
}
"""What is counted of each type, and with which parameters."""

_MONEY = (
    "SELECT coalesce(sum(l.amount_minor), 0) FROM orders o JOIN order_ledger l ON l.order_key = o.order_key"
    " WHERE o.connection = :connection AND o.kind = :kind AND o.status IS NOT 'deleted' AND o.currency = :currency"
    # HubSpot's total of an order stays when the order is undone.
    " AND (o.kind <> 'deal' OR o.status = 'won') AND l.event = 'sale'"
    " AND o.ordered_at BETWEEN :first AND :last"
)
_WON = [{"propertyName": "hs_is_closed_won", "operator": "EQ", "value": "true"}]


def crm_totals(client: Client, account: AccountFacts) -> Iterator[Total]:
    """Yield counts of contacts, companies, deals, orders, carts and tickets, and the money of the latest 200 sales.

    Ten calls at most: a search tells how many there are, but adds up no amounts. What the key may not read is a total
    without a value that says why.
    """
    for kind, (sql, params) in COUNTS.items():
        yield _count(client, kind, kind, [], sql, params)
    sql = "SELECT count(*) FROM orders o WHERE o.connection = :connection AND o.kind = 'deal' AND o.status = 'won'"
    yield _count(client, "deals", "won deals", _WON, sql, {})
    yield from _money(client, account, "deals", _WON, "closedate", "amount", "deal_currency_code")
    yield from _money(client, account, "orders", [], "hs_external_created_date", "hs_total_price", "hs_currency_code")


def _search(client: Client, kind: str, filters: list[dict[str, str]], **more: Any) -> Any:
    body = {"filterGroups": [{"filters": filters}] if filters else [], "sorts": [], "properties": [], "after": "0"}
    answer = client.send(Request("POST", api.search(kind), json={**body, "limit": 1, **more}))
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        raise ResponseError("the answer is not JSON.", hint="Check base_url.") from None


def _count(client: Client, kind: str, name: str, filters: list[dict[str, str]], sql: str, params: Mapping[str, str]) -> Total:
    try:
        total = _search(client, kind, filters).get("total")
    except SkipStreamError as error:
        return Total(name, "all", None, sql, params, hint=error.what)
    return Total(name, "all", total, sql, params, tolerance=NEW_MEANWHILE, hint=HINT)


def _money(
    client: Client, account: AccountFacts, kind: str, filters: list[dict[str, str]], when: str, amount: str, currency: str
) -> Iterator[Total]:
    """Yield the sum of the latest sales by currency, from the oldest of them that surely has no other beside it."""
    latest = [{"propertyName": when, "direction": "DESCENDING"}]
    known = [*filters, {"propertyName": when, "operator": "HAS_PROPERTY"}]
    asked = {"limit": SEARCH_LIMIT, "sorts": latest, "properties": [amount, currency, when]}
    try:
        page = _search(client, kind, known, **asked)
    except SkipStreamError:
        return
    sums: dict[str, int] = {}
    times: list[int] = []
    sales = [record["properties"] for record in page["results"]]
    if "paging" in page and sales:
        oldest = sales[-1][when]
        sales = [values for values in sales if values[when] != oldest]
    for values in sales:
        code = prop.text(values, currency) or account.currency
        try:
            at = prop.moment(values, when)
            minor = prop.amount(values, amount, code) if code else None
        except RecordError:
            continue
        if at is not None:
            times.append(at)
        if code and minor is not None:
            sums[code] = sums.get(code, 0) + minor
    for code, minor in sorted(sums.items()):
        params = {"kind": kind.removesuffix("s"), "currency": code, "first": min(times), "last": max(times)}
        name = "won deals" if kind == "deals" else kind
        yield Total(name, f"the latest {len(sales)}", minor, _MONEY, params, code, NEW_MEANWHILE, HINT)
