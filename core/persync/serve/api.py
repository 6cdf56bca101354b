"""/api/v1: the same answers as `--format json` on the command line, to the letter."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from persync import __version__
from persync.errors import ConfigError
from persync.jobs.metric import estimates_json, listed
from persync.jobs.report import make_report
from persync.plugins import find
from persync.report.render.estimates import document, finite
from persync.report.report import PROFILES
from persync.serve.filters import NAMES, Filters, filters_from
from persync.serve.pages import NotHereError, said, status_of
from persync.serve.views import estimates

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.measure.metric import Ask
    from persync.serve.scope import Scope
    from persync.serve.site import Site

JSON = "application/json; charset=utf-8"


def answered(site: Site, make: Callable[[Site, Request], str]) -> Callable[[Request], Response]:
    """Return an endpoint that answers with JSON, an error's too."""

    def endpoint(request: Request) -> Response:
        try:
            return Response(make(site, request) + "\n", media_type=JSON)
        except Exception as error:  # a metric of a plugin may fail in any way
            return problem(*said(error), status_of(error))

    return endpoint


def problem(what: str, hint: str, status: int) -> Response:
    """Return an error as JSON: what happened, and what to do."""
    body: dict[str, Any] = {"persync": __version__, "kind": "error", "error": {"what": what, "hint": hint or None}}
    return Response(json.dumps(finite(body), ensure_ascii=False) + "\n", status, media_type=JSON)


def metrics(site: Site, request: Request) -> str:
    """Return what `persync metrics list --format json` prints."""
    _check(request, ())
    return document("metrics", map(listed, site.host.metrics.values()))


def metric(site: Site, request: Request) -> str:
    """Return what `persync metric ID --by ... --arm ... --period ... --format json` prints."""
    _check(request, ("by", "arm", "period"))
    query = request.query_params
    filters = Filters(period=filters_from({"period": query.get("period", "")}, site.project.timezone).period)
    by = tuple(name for text in query.getlist("by") for name in text.split(",") if name)
    found, ask, _ = estimates(site, str(request.path_params["id"]), filters, by, query.get("arm") or None)
    return estimates_json(found, ask)


def report(site: Site, request: Request) -> str:
    """Return what `persync report --profile ... --period ... --format json` prints; a part that failed is among its facts."""
    _check(request, ("profile", "period"))
    query = request.query_params
    profile = find("profile", query.get("profile", "full"), {name: name for name in PROFILES})
    filters = Filters(period=filters_from({"period": query.get("period", "")}, site.project.timezone).period)

    def make(engine: Engine, ask: Ask, _: Scope | None) -> str:
        text, _failed = make_report(site.host, site.project, engine, ask, "json", profile=profile)
        return str(text).rstrip("\n")

    return site.answer(("report", profile), filters, make)


def nothing(site: Site, request: Request) -> str:
    """Say that there is no such address."""
    raise NotHereError("there is no such address.", hint="There are /api/v1/metrics, /api/v1/metrics/ID and /api/v1/report.")


def _check(request: Request, known: tuple[str, ...]) -> None:
    """Raise ConfigError for a parameter that would be passed over in silence."""
    for name in request.query_params:
        if name not in known:
            more = " The filters of pages are no parameters here." if name in NAMES else ""
            raise ConfigError(f"there is no parameter '{name}'.{more}", hint=f"There are: {', '.join(known) or 'none'}.")
