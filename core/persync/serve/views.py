"""The pages: parts of the report, metrics, the rows behind a number, orders, coverage and the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from markupsafe import Markup
from starlette.requests import Request

from persync.attribution.calibrate import named
from persync.attribution.explain import explain_all, find_order
from persync.errors import PersyncError, nearest
from persync.estimate import Estimate
from persync.jobs.metric import compute, find_metric
from persync.measure.lifts import with_lift
from persync.report import words
from persync.report.render.html import Links, section_html
from persync.report.report import Block, BuiltSection, Cell, Column, Figure, Note, Section, Table
from persync.serve.diary import coverage_blocks, log_blocks
from persync.serve.explained import blocks_of
from persync.serve.filters import Filters, chosen_models
from persync.serve.pages import NotHereError, scope_note
from persync.serve.render import query_of
from persync.serve.rows import PAGE, Found, find_table, rows_behind
from persync.serve.tables import PEOPLE, TABLES, tables_for

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.measure.metric import Ask, Metric
    from persync.serve.scope import Scope
    from persync.serve.site import Site

Shown = tuple[str, Markup, int]
FEW = 10
"""rows of each table on the page behind a number"""


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
        raise NotHereError(f"there is no part '{name}'.", hint=nearest(name, list(site.host.sections)))
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

    return "All metrics", _section(site, "metrics", "All metrics", (table,), Links(cell, _nowhere, _nothing)), 200


def metric_of(site: Site, id: str, by: Sequence[str]) -> Metric:
    """Return a metric. Raise NotHereError for one that there is not, ConfigError for an unknown dimension."""
    if id not in site.host.metrics:
        raise NotHereError(f"there is no metric '{id}'.", hint=nearest(id, list(site.host.metrics)))
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
    content = scope_note(scope) + _section(
        site, "metric", one.title, blocks, _links_to_rows("metric", filters, lambda _: f"/metric/{id}.csv{_again(by, filters)}")
    )
    ways = [("as a whole", f"/metric/{id}{filters.query()}", not by)]
    ways += [(name, f"/metric/{id}{filters.query(by=name)}", by == (name,)) for name in splits]
    return one.title, content + _ways("Split by", ways), 200


def _again(by: Sequence[str], filters: Filters) -> str:
    query = query_of(filters, [("by", name) for name in by])
    return f"?{query}" if query else ""


def behind(site: Site, request: Request, filters: Filters) -> Shown:
    """Show the rows behind a number: a few of each table that it was worked out from."""
    part_name = str(request.path_params["part"])
    of = request.query_params.get("of", "")
    by = slice_from(request.query_params)
    one = _metric_behind(site, of)
    names = tables_for(part_name, one.data if one else ())

    def make(engine: Engine, ask: Ask, scope: Scope | None) -> tuple[list[tuple[str, Found | PersyncError]], Scope | None]:
        found: list[tuple[str, Found | PersyncError]] = []
        for name in names:
            try:
                found.append((name, rows_behind(engine, ask, name, by, limit=FEW)))
            except PersyncError as error:  # one table may not be shown, the others may
                found.append((name, error))
        return found, scope

    found, scope = site.answer(("behind", part_name, of, tuple(by.items())), filters, make)
    told = ", ".join(f"{name} {value}" for name, value in by.items())
    title = f"What is behind {one.title if one else of or 'these numbers'}"
    blocks: list[Block] = [Note(f"Of {told}." if told else "Of everybody.")] if of else []
    if one:
        blocks.append(Note(one.definition, "definition", "What the number means"))
    ignored: list[str] = []
    for name, each in found:
        if isinstance(each, PersyncError):
            blocks.append(Note(f"{name}: {each}", "warning"))
        else:
            blocks.append(each.table)
            ignored += each.ignored
    if ignored:
        blocks.append(Note(f"Rows cannot be told apart by {words.listing(sorted(set(ignored)))}: those of all are shown."))
    blocks.append(Note(PEOPLE))
    more = {name: f"/rows/{name}?{_slice_query(filters, by)}" for name in names}
    content = scope_note(scope) + _section(
        site, "behind", title, blocks, row_links(filters, lambda table: more.get(table.name, ""))
    )
    return title, content, 200


def _metric_behind(site: Site, of: str) -> Metric | None:
    """Return the metric that a number's id names or begins with; None for none."""
    known = [id for id in site.host.metrics if of == id or of.startswith(f"{id}_")]
    return site.host.metrics[max(known, key=len)] if known else None


def slice_from(query: Any) -> dict[str, str]:
    """Return the slice of an address: `d.country=DE` is the dimension country."""
    return {name[2:]: value for name, value in query.multi_items() if name.startswith("d.") and name[2:]}


def _slice_query(filters: Filters, by: Mapping[str, str], **more: str) -> str:
    return query_of(filters, [*((f"d.{name}", value) for name, value in by.items()), *more.items()])


def tables(site: Site, request: Request, filters: Filters) -> Shown:
    """Show which tables there are rows of."""
    rows = tuple((name, listed.what) for name, listed in TABLES.items())
    table = Table(
        "tables", "What was read from the platforms and files.", (Column("name", "table"), Column("what", "of")), rows
    )
    query = filters.query()

    def cell(_: Table, column: Column, value: Cell) -> str:
        return f"/rows/{value}{query}" if column.name == "name" else ""

    return "Rows", _section(site, "tables", "Rows", (table, Note(PEOPLE)), Links(cell, _nowhere, _nothing)), 200


def rows(site: Site, request: Request, filters: Filters) -> Shown:
    """Show the rows of a table, a page at a time."""
    name = table_named(request)
    by = slice_from(request.query_params)
    number = page_number(request)

    def make(engine: Engine, ask: Ask, scope: Scope | None) -> tuple[Found, Scope | None]:
        return rows_behind(engine, ask, name, by, offset=(number - 1) * PAGE), scope

    found, scope = site.answer(("rows", name, tuple(by.items()), number), filters, make)
    blocks: list[Block] = [found.table]
    if found.ignored:
        blocks.append(Note(f"Rows cannot be told apart by {words.listing(found.ignored)}: those of all are shown."))
    if find_table(name).of_people:
        blocks.append(Note(PEOPLE))
    csv = f"/rows/{name}.csv?{_slice_query(filters, by)}"
    content = scope_note(scope) + _section(site, "rows", name.replace("_", " "), blocks, row_links(filters, lambda _: csv))
    last = max(1, -(-found.total // PAGE))
    near = [(word, n) for word, n in (("earlier", number + 1), ("later", number - 1)) if 1 <= n <= last]
    ways = [(word, f"/rows/{name}?{_slice_query(filters, by, page=str(n))}", False) for word, n in near]
    return f"Rows of {name}", content + _ways(f"Page {number} of {last}", ways), 200


def table_named(request: Request) -> str:
    """Return the table of an address. Raise NotHereError with the nearest."""
    name = str(request.path_params["table"])
    if name not in TABLES:
        raise NotHereError(f"there is no table '{name}' to be shown.", hint=nearest(name, list(TABLES)))
    return name


def page_number(request: Request) -> int:
    """Return the number of the page that an address asks for, 1 where it is none."""
    text = request.query_params.get("page", "1")
    return max(1, int(text)) if text.isdecimal() and len(text) < 9 else 1


def orders(site: Site, request: Request, filters: Filters) -> Shown:
    """Show the newest orders, each leading to how its credit came about; or the one that was looked for."""
    id = request.query_params.get("id", "").strip()
    if id:
        return order(site, request, filters)

    def make(engine: Engine, ask: Ask, scope: Scope | None) -> tuple[Found, Scope | None]:
        return rows_behind(engine, ask, "orders", {}), scope

    found, scope = site.answer(("orders",), filters, make)
    search = Markup(
        '<form class="search" method="get" action="/orders"><p class="field"><label for="id">Order</label>'
        '<input type="search" id="id" name="id" placeholder="#1001 or CONNECTION:ID" required></p>'
        '<p class="field"><button type="submit">Explain</button></p></form>'
    )
    content = scope_note(scope) + _section(site, "orders", "Orders", (found.table,), row_links(filters, lambda _: ""))
    return "Orders", search + content, 200


def order(site: Site, request: Request, filters: Filters) -> Shown:
    """Show how the credit of an order came about, touch by touch, as `persync explain order` does."""
    id = str(request.path_params.get("id") or request.query_params.get("id", ""))
    models = chosen_models(site.models, filters)

    def make(engine: Engine, ask: Ask, _: Scope | None) -> list[Block]:
        chosen = named([model.name for model in models], site.models)
        if any(model.is_calibrated for model in chosen):
            ask = with_lift(engine, ask)
        [one] = explain_all(engine, [find_order(engine, id)], chosen, ask)
        return blocks_of(one, ask)

    # Its whole history counts, whatever days the other pages look at.
    blocks = site.answer(("order", id), Filters(model=filters.model), make)
    links = Links(lambda *_: "", _nowhere, _nothing)
    return f"Order {id}", _section(site, "order", f"Order {id}: how its credit came about", blocks, links), 200


def coverage(site: Site, request: Request, filters: Filters) -> Shown:
    """Show which days of each stream are covered, and what is missing with the reason."""
    return "Coverage", coverage_blocks(site, filters), 200


def log(site: Site, request: Request, filters: Filters) -> Shown:
    """Show what ran, how it ended, and the last entries of the chained log."""
    blocks = log_blocks(site)
    return "Log", _section(site, "log", "What ran", blocks, Links(lambda *_: "", _nowhere, _nothing)), 200


def row_links(filters: Filters, table: Any) -> Links:
    """Return the links of rows: an order leads to its explanation."""

    def cell(_: Table, column: Column, value: Cell) -> str:
        return f"/order/{quote(str(value), safe='')}{filters.query()}" if column.name == "order_key" and value else ""

    return Links(cell, table, _nothing)


def _links_to_rows(part_name: str, filters: Filters, table: Any) -> Links:
    from persync.serve.render import links

    return Links(links(part_name, filters).cell, table, _nothing)


def _section(site: Site, name: str, title: str, blocks: Sequence[Block], links: Links) -> Markup:
    return section_html(BuiltSection(name, title, tuple(blocks)), site.project.timezone, draw=None, links=links)


def _ways(title: str, ways: Sequence[tuple[str, str, bool]]) -> Markup:
    from persync.serve.render import page

    return Markup(page("ways.html.j2", title=title, ways=ways))  # noqa: S704  the template escaped it


def _nowhere(_: Table) -> str:
    return ""


def _nothing(_: Figure) -> str:
    return ""


def nowhere(site: Site, request: Request, filters: Filters) -> Shown:
    """Say that there is no such page."""
    raise NotHereError(f"there is no page {request.url.path}.", hint="Choose one of the pages beside this.")
