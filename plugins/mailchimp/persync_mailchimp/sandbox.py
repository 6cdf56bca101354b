"""The Marketing API 3.0, imitated over a world: the calls that the connector makes, with the vendor's limits and errors."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from persync.hookspecs import Sandbox
from persync.sandbox.world import World
from persync_mailchimp.imitation.audience import Audience
from persync_mailchimp.imitation.campaigns import Campaigns
from persync_mailchimp.imitation.counts import Counts
from persync_mailchimp.imitation.projection import project
from persync_mailchimp.imitation.query import LINKS, Problem, not_found
from persync_mailchimp.imitation.reports import Reports

__all__ = ["SANDBOX", "api_key", "app"]


MOST_AT_ONCE = 10


def api_key(world: World) -> str:
    """Return the key that this world's API accepts: 32 hex digits and a data centre that does not exist."""
    return hashlib.sha256(f"{world.secret}:mailchimp".encode()).hexdigest()[:32] + "-us0"


def app(world: World) -> Starlette:
    """Return the ASGI application. What is counted is counted once: serve a changed world anew."""
    counts = Counts(world)
    audience, campaigns = Audience(world, counts), Campaigns(world, counts)
    told = Reports(audience, counts)
    routes = [
        ("/3.0", lambda r: audience.account()),
        ("/3.0/", lambda r: audience.account()),
        ("/3.0/ping", lambda r: {"health_status": "Everything's Chimpy!"}),
        ("/3.0/lists", audience.lists),
        ("/3.0/lists/{list_id}", lambda r: audience.one_list(r.path_params["list_id"])),
        ("/3.0/lists/{list_id}/merge-fields", audience.merge_fields),
        ("/3.0/lists/{list_id}/segments", audience.segments),
        ("/3.0/lists/{list_id}/members", audience.members),
        ("/3.0/lists/{list_id}/members/{member_id}", audience.one_member),
        ("/3.0/campaigns", campaigns.campaigns),
        ("/3.0/campaigns/{campaign_id}", lambda r: campaigns.one_campaign(r.path_params["campaign_id"])),
        ("/3.0/campaigns/{campaign_id}/content", lambda r: campaigns.content(r.path_params["campaign_id"])),
        ("/3.0/reports", told.reports),
        ("/3.0/reports/{campaign_id}", lambda r: told.one_report(r.path_params["campaign_id"])),
        ("/3.0/reports/{campaign_id}/sent-to", told.sent_to),
        ("/3.0/reports/{campaign_id}/email-activity", told.email_activity),
        ("/3.0/reports/{campaign_id}/open-details", told.open_details),
        ("/3.0/reports/{campaign_id}/unsubscribed", told.unsubscribed),
        ("/3.0/reports/{campaign_id}/abuse-reports", told.abuse_reports),
    ]
    return Starlette(
        routes=[Route(path, _endpoint(answer), methods=["GET"]) for path, answer in routes],
        middleware=[Middleware(Guard, key=api_key(world))],
        exception_handlers={404: _not_found, 405: _not_allowed},
    )


def _endpoint(answer: Callable[[Request], Mapping[str, Any]]) -> Callable[[Request], Response]:
    """Wrap an answer: problem documents, `fields` and `exclude_fields`, and `_links` unless excluded."""

    # Not async on purpose: starlette runs it in a thread, so a slow page does not hold up the others.
    def endpoint(request: Request) -> Response:
        try:
            found = {**answer(request), "_links": LINKS}
        except Problem as problem:
            return _problem(problem)
        fields, excluded = request.query_params.get("fields"), request.query_params.get("exclude_fields")
        return Response(orjson.dumps(project(found, fields, excluded)), media_type="application/json; charset=utf-8")

    return endpoint


def _problem(problem: Problem) -> Response:
    body: dict[str, Any] = {
        "type": "https://mailchimp.com/developer/marketing/docs/errors/",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": hashlib.sha256(problem.detail.encode()).hexdigest()[:32],
    }
    if problem.errors:
        body["errors"] = [{"field": field, "message": message} for field, message in problem.errors]
    return Response(orjson.dumps(body), problem.status, media_type="application/problem+json; charset=utf-8")


def _not_found(request: Request, error: Exception) -> Response:
    return _problem(not_found())


def _not_allowed(request: Request, error: Exception) -> Response:
    return _problem(Problem(405, "Method Not Allowed", "The requested method and resource are not compatible."))


class Guard:
    """Lets in who shows the key (the password of Basic with any user name, or Bearer), ten calls at a time."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self.app = app
        self.key = key
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if not self._admits(Request(scope).headers.get("authorization", "")):
            detail = "Your API key may be invalid, or you've attempted to access the wrong datacenter."
            return await _problem(Problem(401, "API Key Invalid", detail))(scope, receive, send)
        if self._open >= MOST_AT_ONCE:
            detail = "You have exceeded the limit of 10 simultaneous connections."
            return await _problem(Problem(429, "Too Many Requests", detail))(scope, receive, send)
        self._open += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._open -= 1

    def _admits(self, header: str) -> bool:
        scheme, _, value = header.partition(" ")
        if scheme.lower() == "bearer":
            return value == self.key
        if scheme.lower() != "basic":
            return False
        try:
            _, _, password = b64decode(value, validate=True).decode().partition(":")
        except (Base64Error, UnicodeDecodeError):
            return False
        return password == self.key


SANDBOX = Sandbox(
    name="mailchimp",
    connector="mailchimp",
    app=app,
    settings=lambda world, base_url: {"base_url": f"{base_url.rstrip('/')}/3.0"},
    secrets=lambda world: {"MAILCHIMP_API_KEY": api_key(world)},
)
