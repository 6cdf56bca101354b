"""HubSpot's API over a world: the paths, caps, errors and quirks of the real one, as far as persync reads it.

It answers from the world alone and never for speed: what a vendor may do wrong on a bad day is the fault injector's part.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from persync.sandbox.world import World
from persync_hubspot import api
from persync_hubspot.sandbox_crm import Crm, CrmFaults, crm_routes
from persync_hubspot.sandbox_mail_routes import mail_routes
from persync_hubspot.sandbox_terms import Terms
from persync_hubspot.sandbox_wire import Refusal, correlation_id, iso

Answer = Callable[[Request], Awaitable[Response]]


def token(world: World) -> str:
    """Return the service key that this world's account accepts: in HubSpot's form, made from the world's secret."""
    padded = (world.secret * 32)[:32]
    return f"pat-na1-{padded[:8]}-{padded[8:12]}-{padded[12:16]}-{padded[16:20]}-{padded[20:32]}"


def settings(world: World, base_url: str) -> Mapping[str, Any]:
    """Return the settings of a connection to this sandbox."""
    return {"base_url": base_url, "attributes": dict(world.attributes.get("hubspot", {}))}


def secrets(world: World) -> Mapping[str, str]:
    """Return the variable that the connector looks for."""
    return {"HUBSPOT_ACCESS_TOKEN": token(world)}


def app(
    world: World, *, offset_pages: int | None = None, faults: CrmFaults | None = None, terms: Terms | None = None
) -> Starlette:
    """Return the ASGI application. An offset of the v1 API dies after `offset_pages` pages, never when None.

    `faults` says what is unusual about the account's CRM, `terms` what the key and the subscription allow.
    """
    crm = Crm(world, faults)
    account = {
        "portalId": portal_id(world),
        "accountType": "STANDARD",
        "timeZone": world.timezone,
        "companyCurrency": world.currency,
        "additionalCurrencies": [],
        "utcOffset": "+00:00",
        "utcOffsetMilliseconds": 0,
        "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "na1",
    }
    guard = _Guard(token(world), terms or Terms())

    def get(path: str, answer: Callable[[Mapping[str, str], Mapping[str, list[str]]], Any]) -> Route:
        async def endpoint(request: Request) -> Response:
            return guard.answered(request, lambda: answer(request.path_params, parse_qs(request.url.query)))

        return Route(path, endpoint, methods=["GET"])

    routes: list[BaseRoute] = [
        get(api.ACCOUNT, lambda path, query: account),
        get(api.USAGE, lambda path, query: guard.usage(world)),
        *crm_routes(crm, guard.answered),
        *mail_routes(world, guard.answered, offset_pages=offset_pages),
    ]

    async def nowhere(request: Request, error: Exception) -> Response:
        status = getattr(error, "status_code", 404)
        return guard.answered(
            request, lambda: _raise(Refusal(status, "resource not found" if status == 404 else "method not allowed"))
        )

    return Starlette(routes=routes, exception_handlers={404: nowhere, 405: nowhere})


def portal_id(world: World) -> int:
    """Return the account's number."""
    return 10_000_000 + int(world.secret[:6], 16)


class _Guard:
    """Lets in who has the token, and dresses answers and refusals as HubSpot does."""

    def __init__(self, accepted: str, terms: Terms) -> None:
        self._accepted = f"Bearer {accepted}"
        self._terms = terms
        self._calls = 0

    def answered(self, request: Request, make: Callable[[], Any], *, headers: bool = True) -> Response:
        self._calls += 1
        status = 200
        try:
            self._admit(request)
            self._terms.admit(request.method, request.url.path.removeprefix(request.scope.get("root_path", "")))
            body = make()
            if isinstance(body, tuple):
                status, body = body
        except Refusal as refusal:
            status, body = refusal.status, refusal.body(correlation_id(self._calls))
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        return Response(content, status, headers=self._terms.headers() if headers else None, media_type="application/json")

    def _admit(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        if given == self._accepted:
            return
        if not given:
            raise Refusal(
                401,
                "Authentication credentials not found. This API supports OAuth 2.0 authentication.",
                "INVALID_AUTHENTICATION",
            )
        raise Refusal(401, "The access token is expired or invalid.", "INVALID_AUTHENTICATION")

    def usage(self, world: World) -> dict[str, Any]:
        """Answer how many of the day's calls are used up; the day is the account's own."""
        day = datetime.fromtimestamp(world.now / 1000, ZoneInfo(world.timezone)).date() + timedelta(days=1)
        resets = datetime.combine(day, datetime.min.time(), ZoneInfo(world.timezone)).timestamp()
        limit = {"name": "private-apps-api-calls-daily", "usageLimit": self._terms.day_max}
        times = {"collectedAt": iso(world.now), "resetsAt": iso(int(resets * 1000))}
        used = self._terms.day_max - self._terms.day_left
        return {"results": [limit | times | {"currentUsage": used, "fetchStatus": "SUCCESS"}]}


def _raise(refusal: Refusal) -> Any:
    raise refusal
