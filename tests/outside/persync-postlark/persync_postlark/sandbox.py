"""Postlark's API, imitated over a made-up business: JSON:API, linked pages, a filter, a revision, its own words for errors."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from persync.hookspecs import Sandbox
from persync.money import from_minor
from persync.sandbox import Refusal, SandboxOrder, World
from persync_postlark.connector import REVISION

MOST = 500
"""records of the longest page"""
FILTER = re.compile(r"greater-or-equal\((updated|datetime),([0-9TZ:+-]+)\)")
Record = dict[str, Any]


def iso(at: int | None) -> str | None:
    """Return epoch milliseconds as the API writes times."""
    return None if at is None else datetime.fromtimestamp(at / 1000, UTC).isoformat()


def profiles(world: World) -> Iterator[Record]:
    """Yield everybody on the list."""
    for person in world.people.values():
        consent = "SUBSCRIBED" if person.status == "subscribed" else "UNSUBSCRIBED"
        told = {
            "email": person.email,
            "created": iso(person.created_at),
            "updated": iso(person.updated_at),
            "subscriptions": {"email": {"consent": consent}},
        }
        yield {"type": "profile", "id": f"P{person.number}", "attributes": told}


def campaigns(world: World) -> Iterator[Record]:
    """Yield every message."""
    for message in world.messages:
        told = {
            "name": message.title,
            "subject": message.subject,
            "status": "Sent" if message.sent_at else "Draft",
            "send_time": iso(message.sent_at),
            "updated_at": iso(message.sent_at or message.created_at),
        }
        yield {"type": "campaign", "id": message.id, "attributes": told}


def events(world: World) -> Iterator[Record]:
    """Yield what became of every message and every order, each with an id that stays."""
    for message in world.messages:
        for send in message.sends:
            if send.status != "sent":
                continue
            name, told = f"{message.id}-{send.person}", {"campaign": message.id}
            yield event(f"{name}-s", "Received Email", send.at, send.person, told)
            for number, opened in enumerate(send.opens):
                yield event(f"{name}-o{number}", "Opened Email", opened.at, send.person, told)
            for number, click in enumerate(send.clicks):
                yield event(f"{name}-c{number}", "Clicked Email", click.at, send.person, {**told, "url": click.url})
    for order in world.orders:
        yield from movements(world, order)


def movements(world: World, order: SandboxOrder) -> Iterator[Record]:
    """Yield an order as placed, and each later change with its own amount."""
    said = {"order": order.id, "shop": world.shop_domain, "currency": world.currency}
    by_time: dict[int, int] = defaultdict(int)
    placed = 0
    for entry in order.ledger:
        if entry.reason == "ORDER":
            placed += entry.total_minor
        else:
            by_time[entry.at] += entry.total_minor
    yield event(f"order-{order.id}", "Placed Order", order.processed_at, order.person, said | money(world, placed))
    for at, minor in sorted(by_time.items()):
        metric = "Refunded Order" if minor < 0 else "Changed Order"
        yield event(f"order-{order.id}-{at}", metric, at, order.person, said | money(world, minor))


def money(world: World, minor: int) -> dict[str, float]:
    """Return an amount as the API writes it: a decimal number, not minor units."""
    return {"value": float(from_minor(minor, world.currency))}


def event(id: str, metric: str, at: int, person: int | None, told: Mapping[str, Any]) -> Record:
    """Return one event; `person` is None for a guest."""
    return {
        "type": "event",
        "id": id,
        "attributes": {"metric": metric, "datetime": iso(at), "event_properties": dict(told)},
        "relationships": {"profile": {"data": None if person is None else {"type": "profile", "id": f"P{person}"}}},
    }


def key(world: World) -> str:
    """Return the key that this sandbox accepts."""
    return f"plk_{world.secret[:32]}"


def problem(status: int, code: str, detail: str) -> Refusal:
    """Return an error as the API words it."""
    said = {"id": "00000000-0000-4000-8000-000000000000", "status": status, "code": code, "detail": detail}
    return Refusal(status, {"errors": [said]}, "application/vnd.api+json")


REFUSALS = {
    "too_many": problem(429, "throttled", "Request was throttled."),
    "unauthorised": problem(401, "not_authenticated", "The key is not valid."),
    "forbidden": problem(403, "permission_denied", "The key may not read this."),
    "expired_cursor": problem(400, "invalid", "The cursor is not valid any more."),
    "broken": problem(500, "error", "A server error occurred."),
}


def answer(refusal: Refusal) -> Response:
    """Send a refusal."""
    return Response(refusal.text(), refusal.status, media_type=refusal.kind)


def app(world: World) -> Any:
    """Return the API over a world."""
    kept: dict[str, list[Record]] = {}

    def refused(request: Request) -> Refusal | None:
        if request.headers.get("authorization") != f"Postlark-Key {key(world)}":
            return REFUSALS["unauthorised"]
        if request.headers.get("revision") != REVISION:
            return problem(400, "invalid", "A revision is needed.")
        return None

    def listing(name: str, make: Callable[[World], Iterator[Record]]) -> Callable[[Request], Response]:
        def page(request: Request) -> Response:
            if refusal := refused(request):
                return answer(refusal)
            asked = request.query_params
            records = kept.setdefault(name, list(make(world)))
            if "filter" in asked:
                found = FILTER.fullmatch(asked["filter"])
                if found is None:
                    return answer(problem(400, "invalid", "The filter is not understood."))
                since = found[2].replace("Z", "+00:00")
                records = [one for one in records if one["attributes"][found[1]] >= since]
            size, cursor = int(asked.get("page[size]", "20")), asked.get("page[cursor]", "0")
            if not 1 <= size <= MOST or not cursor.isdigit() or int(cursor) > len(records):
                return answer(REFUSALS["expired_cursor"])
            end = int(cursor) + size
            link = str(request.url.include_query_params(**{"page[cursor]": str(end)})) if end < len(records) else None
            body = {"data": records[int(cursor) : end], "links": {"self": str(request.url), "next": link}}
            return JSONResponse(body, headers={"pl-request-id": f"{name}-{cursor}"})

        return page

    def accounts(request: Request) -> Response:
        if refusal := refused(request):
            return answer(refusal)
        told = {"preferred_currency": world.currency, "timezone": world.timezone}
        return JSONResponse({"data": [{"type": "account", "id": "PL1", "attributes": told}]})

    makers = {"profiles": profiles, "campaigns": campaigns, "events": events}
    return Starlette(
        routes=[Route("/accounts", accounts), *(Route(f"/{name}", listing(name, make)) for name, make in makers.items())]
    )


def facts(world: World) -> Mapping[str, int]:
    """Return what a store must hold after a pull from this world; money in minor units."""
    sends = [send for message in world.messages for send in message.sends if send.status == "sent"]
    return {
        "SELECT COUNT(*) FROM contacts": len(world.people),
        "SELECT COUNT(*) FROM campaigns": len(world.messages),
        "SELECT COUNT(*) FROM touchpoints WHERE action = 1": len(sends),
        "SELECT COUNT(*) FROM orders": len(world.orders),
        "SELECT SUM(amount_minor) FROM order_ledger": sum(order.total_minor() for order in world.orders),
    }


SANDBOX = Sandbox(
    name="postlark",
    connector="postlark",
    app=app,
    settings=lambda world, base_url: {"base_url": base_url},
    secrets=lambda world: {"POSTLARK_KEY": key(world)},
    refusal=lambda kind, path: REFUSALS.get(kind),
    facts=facts,
)
