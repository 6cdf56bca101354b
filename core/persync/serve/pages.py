"""The frame around every page: navigation, filters, and what is said when something is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from persync import __version__
from persync.errors import AmbiguousError, ConfigError, DataError, NotFoundError, PersyncError, StoreError
from persync.measure import experiments
from persync.measure.membership import STAGES
from persync.report import words
from persync.report.coverage import COVERAGE, reaches
from persync.serve.filters import NAMES, Filters, asked, days_of, presets
from persync.serve.render import page, query_of
from persync.settings.periods import zone

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.measure.metric import Ask
    from persync.serve.scope import Scope
    from persync.serve.site import Site

RFM: Final = ("champions", "loyal", "recent", "slipping", "lost")
PLACES: Final = (
    ("/metrics", "All metrics"),
    ("/rows", "Rows"),
    ("/orders", "Orders"),
    ("/messages", "Messages"),
    ("/coverage", "Coverage"),
    ("/log", "Log"),
)

LAGS_MS: Final = 86_400_000
"""a connection that is so much behind the newest is named"""
DAYS: Final = "Choose the first and the last day with From and To above, or one of the periods beneath them."
OWN: Final = (*NAMES, "from", "to", "page")
"""what the form itself says of an address"""

Handler = Callable[["Site", Request, Filters], tuple[str, Markup, int]]
"""makes a page's title, its content and its status"""


class NotHereError(ConfigError):
    """There is no such page."""


def status_of(error: Exception) -> int:
    """Return the status that an answer has when it ended in this error."""
    if isinstance(error, NotHereError | NotFoundError):
        return 404
    if isinstance(error, AmbiguousError):
        return 409
    if isinstance(error, ConfigError):
        return 400
    if isinstance(error, StoreError):
        return 503
    return 422 if isinstance(error, DataError) else 500


def said(error: Exception) -> tuple[str, str]:
    """Return what an error says and what to do: of one that nobody foresaw only its kind, it may quote anything."""
    if isinstance(error, PersyncError):
        return f"{error.where}: {error.what}" if error.where else error.what, error.hint
    return f"This could not be worked out ({type(error).__name__}).", "The other pages go on. `persync doctor` looks further."


def shown(error: Exception) -> tuple[str, str]:
    """Return what an error says and what to do on a page: it has fields where a command has an option for the days."""
    what, hint = said(error)
    return what, DAYS if "--period" in hint else hint


def framed(site: Site, handler: Handler, *, filtered: bool = True) -> Callable[[Request], Response]:
    """Return the endpoint of a page; `handler` makes what is in its frame."""

    def endpoint(request: Request) -> Response:
        filters = Filters()
        status = 200
        try:
            filters = site.filters(request.query_params)
            title, content, status = handler(site, request, filters)
        except Exception as error:  # a metric or a plugin may fail in any way; the frame stands
            what, hint = shown(error)
            status = status_of(error)
            title = "Not here" if status == 404 else "Not shown"
            content = Markup(page("problem.html.j2", what=what, hint=hint))  # noqa: S704  the template escaped it
        return HTMLResponse(whole(site, request, filters, title, content, filtered=filtered), status)

    return endpoint


def whole(site: Site, request: Request, filters: Filters, title: str, content: Markup, *, filtered: bool) -> str:
    """Return a page with navigation and filters around its content."""
    # What else an address says, as whose rows it is about, outlives a change of the filters; the page number does not.
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in OWN]
    try:
        choices, about = _choices(site, filters, kept), _about(site)
    except Exception:  # the content says what is wrong with the store, or with a plugin; the frame stands
        choices, about = None, ""
    query = filters.query()
    sections = sorted(site.host.sections.values(), key=lambda one: (one.order, one.name))
    parts = [(f"/part/{one.name}", one.title) for one in sections]
    path = request.url.path if request.url.path != "/" else (parts[0][0] if parts else "/")
    return page(
        "live.html.j2",
        title=title,
        shop=str(site.project.facts().get("name") or ""),
        parts=[(f"{href}{query}", name, href == path) for href, name in parts],
        # One metric, order or message belongs to the page of all of them.
        places=[(f"{href}{query}", name, path.startswith(href.removesuffix("s"))) for href, name in PLACES],
        path=path,
        kept=kept,
        filters=filters,
        choices=choices if filtered else None,
        about=about,
        problem=site.source.problem,
        content=content,
        version=__version__,
    )


def scope_note(scope: Scope | None) -> Markup:
    """Return what stands above numbers about some people alone."""
    return Markup(page("scope.html.j2", scope=scope)) if scope else Markup()  # noqa: S704  the template escaped it


def _about(site: Site) -> str:
    def make(engine: Engine, ask: Ask, _: Scope | None) -> str:
        shown = f"; small groups are not hidden: {ask.small_groups}" if ask.small_groups else ""
        said = [*_reach(reaches(engine.rows(COVERAGE)), ask.timezone), f"looked at {words.moment(ask.now, ask.timezone)}"]
        return f"{', '.join(said)} ({ask.timezone}){shown}"

    return site.answer("about", Filters(), make)


def _reach(until: Mapping[str, int], timezone: str) -> list[str]:
    """Say until when the data reach, and which connection lags behind; nothing where no connection was read."""
    last = max(until.values(), default=0)
    late = [f"{name} only until {words.moment(at, timezone)}" for name, at in sorted(until.items()) if last - at > LAGS_MS]
    return [f"data until {words.moment(last, timezone)}", *late] if until else []


def _choices(site: Site, filters: Filters, kept: Sequence[tuple[str, str]]) -> Mapping[str, Any]:
    """Return what the filters can be set to; a filter that is set is always among them."""
    plain = Filters()
    ask = asked(site.project, replace(filters, segment="", arm=""), site.moment())
    first, last = days_of(ask)

    def arms(engine: Engine, ask: Ask, _: Scope | None) -> list[str]:
        known = experiments.known(engine, ask)
        return [f"{name}:{arm}" for name, one in known.items() for arm in sorted(experiments.arm_sizes(engine, one))]

    segments = [f"life-cycle: {stage}" for stage in STAGES] + [f"rfm: {name}" for name in RFM]
    segments = [*site.project.segments.rules, *segments]
    today = datetime.fromtimestamp(ask.now / 1000, zone(ask.timezone)).date()
    ways = [*presets(today), ("all days", "")]
    return {
        "from": first,
        "to": last,
        "presets": [(name, query_of(_in_days(filters, days), kept), days == filters.period) for name, days in ways],
        "models": [name for name, model in site.models.items() if model.sums_to == "order"],
        "segments": segments if filters.segment in ("", *segments) else [filters.segment, *segments],
        "arms": site.answer("arms", plain, arms),
    }


def _in_days(filters: Filters, period: str) -> Filters:
    """Return the filters with another period; a segment goes with the last one."""
    return replace(filters, period=period, segment=filters.segment if period else "")
