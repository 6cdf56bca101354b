"""The pages: parts of the report, metrics, the rows behind a number, orders, coverage and the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from starlette.requests import Request

from persync.errors import nearest
from persync.estimate import Estimate
from persync.jobs.metric import compute, find_metric
from persync.plugins import titles_of
from persync.report import words
from persync.report.render.html import Links, section_html
from persync.report.report import Block, BuiltSection, Cell, Column, Figure, Note, Section, Table
from persync.serve.calendar import coverage_blocks
from persync.serve.diary import log_blocks
from persync.serve.filters import Filters
from persync.serve.pages import NotHereError, scope_note
from persync.serve.render import query_of

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.measure.metric import Ask, Metric
    from persync.serve.scope import Scope
    from persync.serve.site import Site

Shown = tuple[str, Markup, int]


def part(site: Site, request: Request, filters: Filters) -> Shown:
    """Show a part of the report; the first one where none is named."""
    section = section_of(site, request.path_params.get("name"))
    built = site.part(section, filters)
    drawn = request.headers.get("x-persync-script") != "draws"
    content = scope_note(built.scope) + site.part_html(section, filters, drawn=drawn)
    return section.title, content, 500 if built.failed else 200


def section_of(site: Site, name: str | None) -> Section:
    """Return a section by name, the first of the report without. Raise NotHereError with the nearest."""
    if name is None:
        return min(site.host.sections.values(), key=lambda one: (one.order, one.name))
    if name not in site.host.sections:
        raise NotHereError(f"there is no part '{name}'.", hint=nearest(name, titles_of(site.host.sections)))
    return site.host.sections[name]


def table_of(section: BuiltSection, name: str) -> Table:
    """Return a table of a section, a figure's too. Raise NotHereError with the nearest."""
    tables = {
        table.name: table
        for block in section.blocks
        if not isinstance(block, Note)
        for table in [block.table if isinstance(block, Figure) else block]
    }
    if name not in tables:
        raise NotHereError(f"there is no table '{name}' here.", hint=nearest(name, list(tables)) if tables else "")
    return tables[name]


def metrics(site: Site, request: Request, filters: Filters) -> Shown:
    """Show every metric with what it means."""
    known = site.host.metrics.values()
    columns = (Column("id", "metric"), Column("title", "what it is"), Column("unit", "unit"), Column("by", "by"))
    rows = tuple((one.id, one.title, one.unit, ", ".join(one.dimensions)) for one in known)
    table = Table("metrics", f"{words.plural(len(rows), 'metric')}.", columns, rows)
    query = filters.query()

    def cell(_: Table, column: Column, value: Cell) -> str:
        return f"/metric/{value}{query}" if column.name == "id" else ""

    return "All metrics", section_page(site, "metrics", "All metrics", (table,), Links(cell, no_file, no_spec)), 200


def metric_of(site: Site, id: str, by: Sequence[str]) -> Metric:
    """Return a metric. Raise NotHereError for one that there is not, ConfigError for an unknown dimension."""
    if id not in site.host.metrics:
        raise NotHereError(f"there is no metric '{id}'.", hint=nearest(id, titles_of(site.host.metrics)))
    return find_metric(site.host, id, by)


def estimates(
    site: Site, id: str, filters: Filters, by: tuple[str, ...], experiment: str | None
) -> tuple[Sequence[Estimate], Ask, Scope | None]:
    """Return what a metric says, the question it was asked, and whom of."""
    one = metric_of(site, id, by)

    def make(engine: Engine, ask: Ask, scope: Scope | None) -> tuple[Sequence[Estimate], Ask, Scope | None]:
        return compute(engine, one, ask), ask, scope

    return site.answer(("metric", id, by, experiment), filters, make, by=by, arm=experiment)


def metric(site: Site, request: Request, filters: Filters) -> Shown:
    """Show one metric with its definition, split by what the address asks for."""
    id = str(request.path_params["id"])
    by = tuple(name for name in request.query_params.getlist("by") if name)
    one = metric_of(site, id, by)
    found, ask, scope = estimates(site, id, filters, by, None)
    dimensions = list(dict.fromkeys(name for estimate in found for name in estimate.by))
    columns = (
        Column("what", "measure"),
        *(Column(name, name) for name in dimensions),
        Column("value", "value", "estimate"),
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple((e.id, *(e.by.get(name, "") for name in dimensions), e) for e in found)
    splits = [name for name in one.dimensions if name not in ("arm", "any attribute")]
    blocks: list[Block] = [
        Table(id, f"{one.title}, {words.period(ask.period, ask.timezone)}.", columns, rows),
        Note(one.definition, "definition", "What it means"),
        Note(one.formula, "definition", "How it is worked out"),
    ]
    content = scope_note(scope) + section_page(
        site, "metric", one.title, blocks, _links_to_rows("metric", filters, lambda _: f"/metric/{id}.csv{_again(by, filters)}")
    )
    splitting = [("as a whole", f"/metric/{id}{filters.query()}", not by)]
    splitting += [(name, f"/metric/{id}{filters.query(by=name)}", by == (name,)) for name in splits]
    return one.title, content + ways("Split by", splitting), 200


def _again(by: Sequence[str], filters: Filters) -> str:
    query = query_of(filters, [("by", name) for name in by])
    return f"?{query}" if query else ""


def coverage(site: Site, request: Request, filters: Filters) -> Shown:
    """Show which days of each stream are covered, and what is missing with the reason."""
    return "Coverage", coverage_blocks(site, filters), 200


def log(site: Site, request: Request, filters: Filters) -> Shown:
    """Show what ran, how it ended, and the last entries of the chained log."""
    blocks = log_blocks(site)
    return "Log", section_page(site, "log", "What ran", blocks, Links(lambda *_: "", no_file, no_spec)), 200


def _links_to_rows(part_name: str, filters: Filters, table: Any) -> Links:
    from persync.serve.render import links

    return Links(links(part_name, filters).cell, table, no_spec)


def section_page(site: Site, name: str, title: str, blocks: Sequence[Block], links: Links) -> Markup:
    return section_html(BuiltSection(name, title, tuple(blocks)), site.project.timezone, draw=None, links=links)


def ways(title: str, ways: Sequence[tuple[str, str, bool]]) -> Markup:
    from persync.serve.render import page

    return Markup(page("ways.html.j2", title=title, ways=ways))  # noqa: S704  the template escaped it


def no_file(_: Table) -> str:
    return ""


def no_spec(_: Figure) -> str:
    return ""


def nowhere(site: Site, request: Request, filters: Filters) -> Shown:
    """Say that there is no such page."""
    raise NotHereError(f"there is no page {request.url.path}.", hint="Choose one of the pages beside this.")
