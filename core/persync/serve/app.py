"""The addresses of the live page."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from persync import __version__
from persync.errors import PersyncError
from persync.money import Money, from_minor
from persync.report.render.csv_ import to_csv
from persync.report.render.estimates import as_csv
from persync.report.report import BuiltSection, Report, Table
from persync.report.safe import spreadsheet
from persync.report.words import iso
from persync.serve import message_views, order_views, row_views, views
from persync.serve.api import endpoint
from persync.serve.filters import Filters
from persync.serve.guard import Guard
from persync.serve.pages import framed, shown, status_of
from persync.serve.render import page
from persync.serve.rows import CSV_ROWS, rows_behind

if TYPE_CHECKING:
    from persync.serve.site import Site

STATIC: Final = {
    "report.css": ("persync.report", "templates/report.css", "text/css"),
    "live.css": ("persync.serve", "static/live.css", "text/css"),
    "live.js": ("persync.serve", "static/live.js", "text/javascript"),
    "icon.svg": ("persync.serve", "static/icon.svg", "image/svg+xml"),
}

UNFILTERED: Final = ("/log", "/messages", "/message/{id:path}")
"""pages that no filter changes"""
KEPT: Final = {"Cache-Control": "private, max-age=3600"}
"""a new release is a new server: a browser may keep its files for an hour"""


def make_app(site: Site, *, token: str, port: int) -> Guard:
    """Return the application of a project's live page, behind its door."""
    handlers = {
        "/": views.part,
        "/part/{name}": views.part,
        "/metrics": views.metrics,
        "/metric/{id}": views.metric,
        "/behind/{part}": row_views.behind,
        "/rows": row_views.tables,
        "/rows/{table}": row_views.rows,
        "/orders": order_views.orders,
        "/order/{id:path}": order_views.order,
        "/messages": message_views.messages,
        "/message/{id:path}": message_views.message,
        "/coverage": views.coverage,
        "/log": views.log,
    }
    files_of = {
        "/part/{name}/{table:path}.csv": _part_csv,
        "/metric/{id}.csv": _metric_csv,
        "/rows/{table}.csv": _rows_csv,
    }
    nowhere = framed(site, views.nowhere, filtered=False)
    routes = [Route(path, _file(site, make)) for path, make in files_of.items()]
    routes += [Route(path, framed(site, handler, filtered=path not in UNFILTERED)) for path, handler in handlers.items()]
    routes += [
        *endpoint.routes(site),
        Route("/static/vega.js", lambda request: _vega(site)),
        Route("/static/{name}", _static),
        Route("/{rest:path}", nowhere),
    ]
    # No route has a line break in it, so an address with one comes past them all.
    lost = {404: lambda request, _: endpoint.nothing(request) if request.url.path.startswith("/api/") else nowhere(request)}
    return Guard(Starlette(routes=routes, exception_handlers=lost), token=token, port=port, refuse=_refuse)


def _refuse(what: str, hint: str, status: int, wants_json: bool) -> Response:
    if wants_json:
        return endpoint.problem(what, hint, status)
    return HTMLResponse(page("refused.html.j2", what=what, hint=hint), status)


def _static(request: Request) -> Response:
    """Return a file of the package."""
    found = STATIC.get(str(request.path_params["name"]))
    if found is None:
        return PlainTextResponse("there is no such file\n", 404)
    package, name, kind = found
    return Response(files(package).joinpath(name).read_bytes(), media_type=kind, headers=KEPT)


def _vega(site: Site) -> Response:
    try:
        text = site.library.text()
    except PersyncError as error:
        return PlainTextResponse(f"{error}\n", 500)
    return Response(text, media_type="text/javascript", headers=KEPT)


def _file(site: Site, make: Callable[[Site, Request, Filters], str]) -> Callable[[Request], Response]:
    def answering(request: Request) -> Response:
        try:
            text = make(site, request, site.filters(request.query_params))
        except Exception as error:  # as on a page: a metric or a plugin may fail in any way
            return PlainTextResponse(" ".join(filter(None, shown(error))) + "\n", status_of(error))
        name = request.url.path.strip("/").replace("/", "-")
        safe = "".join(character if character.isalnum() or character in "-_." else "_" for character in name)
        headers = {"Content-Disposition": f'attachment; filename="{safe.encode("ascii", "replace").decode()}"'}
        return Response(text, media_type="text/csv", headers=headers)

    return answering


def _part_csv(site: Site, request: Request, filters: Filters) -> str:
    section = views.section_of(site, str(request.path_params["name"]))
    built = site.part(section, filters)
    table = views.table_of(built.section, str(request.path_params["table"]))
    alone = BuiltSection(section.name, section.title, (table,))
    return to_csv(Report(section.title, __version__, 0, None, built.timezone, (alone,)))


def _metric_csv(site: Site, request: Request, filters: Filters) -> str:
    by = tuple(name for name in request.query_params.getlist("by") if name)
    found, _, _ = views.estimates(site, str(request.path_params["id"]), filters, by, None)
    return as_csv(found)


def _rows_csv(site: Site, request: Request, filters: Filters) -> str:
    name = row_views.table_named(request)
    by = row_views.slice_from(request.query_params)

    def make(engine: Any, ask: Any, _: object) -> Table:
        return rows_behind(engine, ask, name, by, limit=CSV_ROWS).table

    return wide(site.answer(("rows csv", name, tuple(by.items())), filters, make))


def wide(table: Table) -> str:
    """Return rows as CSV (RFC 4180), a line each: times ISO 8601 in UTC, money decimal, its currency in a column of its own."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\r\n")
    has_money = any(column.kind == "money" for column in table.columns)
    writer.writerow([*(column.name.removesuffix("_minor") for column in table.columns), *(["currency"] if has_money else [])])
    for row in table.rows:
        currency = next((cell.currency for cell in row if isinstance(cell, Money)), "")
        cells = [
            str(from_minor(cell.minor, cell.currency))
            if isinstance(cell, Money)
            else ""
            if cell is None
            else iso(cell)
            if column.kind == "time" and isinstance(cell, int)
            else spreadsheet(str(cell))
            for column, cell in zip(table.columns, row, strict=True)
        ]
        writer.writerow([*cells, *([currency] if has_money else [])])
    return sink.getvalue()
