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
from persync_mailchimp.imitation.audiences import Audiences
from persync_mailchimp.imitation.automations import Automations
from persync_mailchimp.imitation.batches import RESULTS, Batches
from persync_mailchimp.imitation.campaigns import Campaigns
from persync_mailchimp.imitation.counts import Counts
from persync_mailchimp.imitation.groups import Groups
from persync_mailchimp.imitation.projection import project
from persync_mailchimp.imitation.query import LINKS, Problem, not_found
from persync_mailchimp.imitation.quirks import Quirks
from persync_mailchimp.imitation.reports import Reports
from persync_mailchimp.imitation.shop import Shop
from persync_mailchimp.refusals import refusal

__all__ = ["SANDBOX", "api_key", "app"]


MOST_AT_ONCE = 10

Answer = Callable[[Request], Mapping[str, Any]]


def api_key(world: World) -> str:
    """Return the key that this world's API accepts: 32 hex digits and a data centre that does not exist."""
    return hashlib.sha256(f"{world.secret}:mailchimp".encode()).hexdigest()[:32] + "-us0"


def app(world: World, quirks: Quirks | None = None) -> Starlette:
    """Return the ASGI application. What is counted is counted once: serve a changed world anew."""
    quirks = quirks or Quirks()
    counts = Counts(world, quirks.untracked)
    groups, shop, batches = Groups(world), Shop(world, counts), Batches(world, quirks)
    audience, campaigns = Audience(world, counts, groups, quirks), Campaigns(world, counts)
    audiences = Audiences(audience, quirks)
    told, automations = Reports(audience, counts), Automations(campaigns)
    calls: list[tuple[str, Answer]] = [
        ("", lambda r: audience.account()),
        ("/", lambda r: audience.account()),
        ("/ping", lambda r: {"health_status": "Everything's Chimpy!"}),
        ("/lists", audiences.lists),
        ("/lists/{list_id}", lambda r: audiences.of(r).one_list(r.path_params["list_id"])),
        ("/lists/{list_id}/merge-fields", lambda r: audiences.of(r).merge_fields(r)),
        ("/lists/{list_id}/segments", lambda r: audiences.of(r).segments(r)),
        ("/lists/{list_id}/interest-categories", lambda r: audiences.of(r).groups.categories_page(r)),
        (
            "/lists/{list_id}/interest-categories/{interest_category_id}/interests",
            lambda r: audiences.of(r).groups.interests_page(r),
        ),
        ("/lists/{list_id}/members", lambda r: audiences.of(r).members(r)),
        ("/lists/{list_id}/members/{member_id}", lambda r: audiences.of(r).one_member(r)),
        ("/campaigns", campaigns.campaigns),
        ("/campaigns/{campaign_id}", lambda r: campaigns.one_campaign(r.path_params["campaign_id"])),
        ("/campaigns/{campaign_id}/content", lambda r: campaigns.content(r.path_params["campaign_id"])),
        ("/automations", automations.page),
        ("/automations/{workflow_id}/emails", automations.emails),
        ("/reports", told.reports),
        ("/reports/{campaign_id}", lambda r: told.one_report(r.path_params["campaign_id"])),
        ("/reports/{campaign_id}/sub-reports", told.sub_reports),
        ("/reports/{campaign_id}/sent-to", told.sent_to),
        ("/reports/{campaign_id}/email-activity", told.email_activity),
        ("/reports/{campaign_id}/open-details", told.open_details),
        ("/reports/{campaign_id}/click-details", told.click_details),
        ("/reports/{campaign_id}/unsubscribed", told.unsubscribed),
        ("/reports/{campaign_id}/abuse-reports", told.abuse_reports),
        ("/reports/{campaign_id}/ecommerce-product-activity", shop.product_activity),
        ("/ecommerce/stores", shop.stores),
        ("/ecommerce/orders", shop.all_orders),
        ("/ecommerce/stores/{store_id}/orders", shop.store_orders),
        ("/ecommerce/stores/{store_id}/carts", shop.carts),
        ("/ecommerce/stores/{store_id}/products", shop.products),
        ("/ecommerce/stores/{store_id}/promo-rules", shop.promo_rules),
        ("/ecommerce/stores/{store_id}/promo-rules/{promo_rule_id}/promo-codes", shop.promo_codes),
        ("/batches", batches.page),
        ("/batches/{batch_id}", batches.one),
    ]

    async def send_batch(request: Request) -> Response:
        body = await request.body()
        return _answered(request, lambda r: batches.send(body))

    routes = [Route(f"/3.0{path}", _endpoint(answer, quirks), methods=["GET"]) for path, answer in calls]
    batches.routes = routes
    batches.ask = _asked({route.endpoint: answer for route, (_, answer) in zip(routes, calls, strict=True)}, quirks)
    posts = [Route("/3.0/batches", send_batch, methods=["POST"]), Route(f"{RESULTS}{{name}}", batches.result, methods=["GET"])]
    return Starlette(
        routes=[*posts, *routes],
        middleware=[Middleware(Guard, key=api_key(world))],
        exception_handlers={404: _not_found, 405: _not_allowed},
    )


def _endpoint(answer: Answer, quirks: Quirks) -> Callable[[Request], Response]:
    """Wrap an answer: problem documents, `fields` and `exclude_fields`, and `_links` unless excluded."""

    # Not async on purpose: starlette runs it in a thread, so a slow page does not hold up the others.
    def endpoint(request: Request) -> Response:
        request.scope["persync.slow_above"] = quirks.slow_above
        return _answered(request, answer)

    return endpoint


def _asked(answers: Mapping[Any, Answer], quirks: Quirks) -> Callable[[Request], tuple[int, bytes]]:
    """Return what answers an operation of a batch: it runs without the 120 seconds of a call."""

    def ask(request: Request) -> tuple[int, bytes]:
        response = _answered(request, answers[request.scope["endpoint"]])
        return response.status_code, bytes(response.body)

    return ask


def _answered(request: Request, answer: Answer) -> Response:
    try:
        found = {**answer(request), "_links": LINKS}
    except Problem as problem:
        return _problem(problem)
    fields, excluded = request.query_params.get("fields"), request.query_params.get("exclude_fields")
    return Response(orjson.dumps(project(found, fields, excluded)), media_type="application/json; charset=utf-8")


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
        self._open = self._refused = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if Request(scope).url.path.startswith(f"{scope.get('root_path', '')}{RESULTS}"):
            return await self.app(scope, receive, send)
        if not self._admits(Request(scope).headers.get("authorization", "")):
            detail = "Your API key may be invalid, or you've attempted to access the wrong datacenter."
            return await _problem(Problem(401, "API Key Invalid", detail))(scope, receive, send)
        if self._open >= MOST_AT_ONCE:
            self._refused += 1
            if self._refused > MOST_AT_ONCE:
                # Who goes on like that is refused by what stands before the API, and that speaks no JSON.
                return await Response("<html><h1>Forbidden</h1></html>", 403, media_type="text/html")(scope, receive, send)
            detail = "You have exceeded the limit of 10 simultaneous connections."
            return await _problem(Problem(429, "Too Many Requests", detail))(scope, receive, send)
        self._open, self._refused = self._open + 1, 0
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


def facts(world: World) -> dict[str, int]:
    """Return what a store holds after a pull from this world."""
    messages = [message for message in world.messages if message.platform == "mailchimp"]
    sends = [send for message in messages for send in message.sends]
    return {
        "SELECT COUNT(*) FROM contacts": sum(person.mailchimp_id is not None for person in world.people.values()),
        "SELECT COUNT(*) FROM campaigns": len(messages),
        "SELECT COUNT(*) FROM touchpoints WHERE action = 3": sum(len(send.opens) for send in sends),
        "SELECT COUNT(*) FROM touchpoints WHERE action = 4": sum(len(send.clicks) for send in sends),
    }


SANDBOX = Sandbox(
    name="mailchimp",
    connector="mailchimp",
    app=app,
    settings=lambda world, base_url: {"base_url": f"{base_url.rstrip('/')}/3.0"},
    secrets=lambda world: {"MAILCHIMP_API_KEY": api_key(world)},
    refusal=refusal,
    facts=facts,
)
