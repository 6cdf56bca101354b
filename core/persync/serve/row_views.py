"""The pages of rows: behind a number, and of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from markupsafe import Markup
from starlette.requests import Request

from persync.errors import PersyncError, nearest
from persync.report import words
from persync.report.render.html import Links
from persync.report.report import Block, Cell, Column, Note, Table
from persync.serve.filters import Filters
from persync.serve.pages import NotHereError, scope_note
from persync.serve.render import query_of
from persync.serve.rows import PAGE, Found, find_table, rows_behind, tables_of_draw
from persync.serve.tables import PEOPLE, TABLES, tables_for
from persync.serve.views import Shown, no_file, no_spec, section_page, ways

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.measure.metric import Ask, Metric
    from persync.serve.scope import Scope
    from persync.serve.site import Site

FEW = 10
"""rows of each table on the page behind a number"""


def behind(site: Site, request: Request, filters: Filters) -> Shown:
    """Show the rows behind a number: a few of each table that it was worked out from."""
    part_name = str(request.path_params["part"])
    of = request.query_params.get("of", "")
    by = slice_from(request.query_params)
    one = _metric_behind(site, of)
    names = tables_for(part_name, one.data if one else ())

    def make(engine: Engine, ask: Ask, scope: Scope | None) -> tuple[list[tuple[str, Found | PersyncError]], Scope | None]:
        found: list[tuple[str, Found | PersyncError]] = []
        for name in tables_of_draw(engine, ask, names, by):
            try:
                found.append((name, rows_behind(engine, ask, name, by, limit=FEW)))
            except PersyncError as error:  # one table may not be shown, the others may
                found.append((name, error))
        return found, scope

    found, scope = site.answer(("behind", part_name, of, tuple(by.items())), filters, make)
    told = ", ".join(f"{name} {value}" for name, value in by.items())
    title = f"What is behind {one.title if one else _unlisted(site, part_name, of)}"
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
    query = _slice_query(filters, by)
    links = row_links(filters, lambda table: f"/rows/{table.name}.csv?{query}")
    content = scope_note(scope) + section_page(site, "behind", title, blocks, links)
    shown = [name for name, each in found if not isinstance(each, PersyncError)]
    return title, content + ways("All rows of", [(name, f"/rows/{name}?{query}", False) for name in shown]), 200


def _metric_behind(site: Site, of: str) -> Metric | None:
    """Return the metric that a number's id names or begins with; None for none."""
    known = [id for id in site.host.metrics if of == id or of.startswith(f"{id}_")]
    return site.host.metrics[max(known, key=len)] if known else None


def _unlisted(site: Site, part: str, of: str) -> str:
    """Return what to call a number that is no metric, or a table, of a part."""
    what = of.replace("_", " ") or "these numbers"
    return f"{what} in “{site.host.sections[part].title}”" if part in site.host.sections else what


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

    return "Rows", section_page(site, "tables", "Rows", (table, Note(PEOPLE)), Links(cell, no_file, no_spec)), 200


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
    content = scope_note(scope) + section_page(site, "rows", name.replace("_", " "), blocks, row_links(filters, lambda _: csv))
    turning = page_ways(number, found.total, lambda n: f"/rows/{name}?{_slice_query(filters, by, page=n)}")
    return f"Rows of {name}", content + turning, 200


def page_ways(number: int, total: int, address: Callable[[str], str]) -> Markup:
    """Return the ways from a page of rows to those beside it; `address` gives that of a page."""
    last = max(1, -(-total // PAGE))
    if number > last:
        return ways(f"There is no page {number:,}", [(f"page {last:,}, the last", address(str(last)), False)])
    near = [(word, n) for word, n in (("earlier", number + 1), ("later", number - 1)) if 1 <= n <= last]
    return ways(f"Page {number:,} of {last:,}", [(word, address(str(n)), False) for word, n in near])


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


def row_links(filters: Filters, table: Any) -> Links:
    """Return the links of rows: an order leads to its explanation."""

    def cell(_: Table, column: Column, value: Cell) -> str:
        return f"/order/{quote(str(value), safe='')}{filters.query()}" if column.name == "order_key" and value else ""

    return Links(cell, table, no_spec)
