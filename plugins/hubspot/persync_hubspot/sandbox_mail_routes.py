"""The paths of the imitated marketing side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from persync.sandbox.world import World
from persync_hubspot import api, api_mail
from persync_hubspot.sandbox_consent import Consents
from persync_hubspot.sandbox_events import MailEvents
from persync_hubspot.sandbox_lists import Lists
from persync_hubspot.sandbox_mail import Mail
from persync_hubspot.sandbox_offsets import Offsets
from persync_hubspot.sandbox_wire import Query, Refusal

Answered = Callable[..., Response]
Path = Mapping[str, str]


def mail_routes(world: World, answered: Answered, *, offset_pages: int | None = None) -> list[BaseRoute]:
    """Return the routes of the marketing side. An offset of the v1 API dies after `offset_pages` pages, never when None."""
    offsets = Offsets(world.secret, offset_pages)
    mail, events = Mail(world), MailEvents(world, offsets)
    consents, lists = Consents(world, offsets), Lists(world)

    def get(path: str, answer: Callable[[Path, Query], Any]) -> Route:
        async def endpoint(request: Request) -> Response:
            return answered(request, lambda: answer(request.path_params, parse_qs(request.url.query)))

        return Route(path, endpoint, methods=["GET"])

    def post(path: str, answer: Callable[[Query, Any], Any]) -> Route:
        async def endpoint(request: Request) -> Response:
            body = await request.body()
            return answered(request, lambda: answer(parse_qs(request.url.query), _object(body)))

        return Route(path, endpoint, methods=["POST"])

    return [
        get(api_mail.STATISTICS, lambda path, query: mail.by_interval(query)),
        get(api.EMAILS, lambda path, query: mail.emails(query)),
        get(api.CAMPAIGNS, lambda path, query: mail.campaigns(query)),
        get(f"{api.CAMPAIGNS}/{{guid}}/reports/revenue", lambda path, query: mail.revenue(path["guid"], query)),
        get(f"{api.CAMPAIGNS}/{{guid}}/budget/totals", lambda path, query: mail.budget(path["guid"])),
        get(f"{api.CAMPAIGNS}/{{guid}}/assets/{{kind}}", lambda path, query: mail.assets(path["guid"], path["kind"], query)),
        get(api_mail.DEFINITIONS, lambda path, query: consents.definitions()),
        post(api_mail.STATUSES, consents.statuses),
        post(api_mail.UNSUBSCRIBED_FROM_ALL, consents.unsubscribed),
        post(api_mail.LIST_SEARCH, lambda query, body: lists.search(body)),
        get(api_mail.LISTS, lambda path, query: lists.definitions(query)),
        get(api_mail.LEGACY_LIST, lambda path, query: lists.legacy(query)),
        get(api_mail.LIST_MEMBERS, lambda path, query: lists.members(path["id"], query)),
        get(api_mail.CONSENT_LOG_V1, lambda path, query: consents.log(query)),
        get(api.EVENTS_V1, lambda path, query: events.events(query)),
        get(f"{api.EMAIL_CAMPAIGNS_V1}/by-id", lambda path, query: events.email_campaign_ids(query)),
        get(f"{api.EMAIL_CAMPAIGNS_V1}/{{number}}", lambda path, query: events.email_campaign(path["number"])),
    ]


def _object(body: bytes) -> Any:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refusal(400, "Invalid input JSON on line 1, column 1: not JSON", "VALIDATION_ERROR") from None
    if not isinstance(found, dict):
        raise Refusal(400, "Invalid input JSON on line 1, column 1: an object is expected", "VALIDATION_ERROR")
    return found
