"""The pages of orders: each once, and how the credit of one came about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from markupsafe import Markup
from starlette.requests import Request

from persync.jobs.answers import campaigns
from persync.jobs.answers.explained import explained, order_named
from persync.jobs.answers.options import ALL, models_in
from persync.report import words
from persync.report.render.html import Links
from persync.report.report import Block, Note, Table
from persync.serve.diary import store_of
from persync.serve.explained import blocks_of
from persync.serve.filters import Filters
from persync.serve.message_views import message_link
from persync.serve.pages import scope_note
from persync.serve.render import query_of
from persync.serve.row_views import page_number, page_ways, row_links
from persync.serve.rows import PAGE, Found, rows_behind
from persync.serve.tables import PEOPLE
from persync.serve.views import Shown, no_file, no_spec, section_page

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.measure.metric import Ask
    from persync.serve.scope import Scope
    from persync.serve.site import Site

ONCE: Final = "t.order_key IN (SELECT f.order_key FROM order_of AS f WHERE f.is_money_source = 1)"
"""of the copies that several systems have of an order, the one whose money counts"""
SHOWN: Final = ("ordered_at", "order_key", "total_minor", "status", "kind", "sales_channel", "key_id", "connection")
"""of the columns of orders, those that tell one from another"""
SEARCH: Final = Markup(
    '<form class="search" method="get" action="/orders"><p class="field"><label for="id">Order</label>'
    '<input type="search" id="id" name="id" placeholder="#1001 or CONNECTION:ID" required></p>'
    '<p class="field"><button type="submit">Explain</button></p></form>'
)


def orders(site: Site, request: Request, filters: Filters) -> Shown:
    """Show the orders, the newest first, each leading to how its credit came about; or the one that was looked for."""
    if request.query_params.get("id", "").strip():
        return order(site, request, filters)
    number = page_number(request)

    def make(engine: Engine, ask: Ask, scope: Scope | None) -> tuple[Found, Scope | None]:
        return rows_behind(engine, ask, "orders", {}, only=ONCE, offset=(number - 1) * PAGE), scope

    found, scope = site.answer(("orders", number), filters, make)
    links = row_links(filters, lambda _: "")
    content = scope_note(scope) + section_page(site, "orders", "Orders", (_once(found), Note(PEOPLE)), links)

    def address(page: str) -> str:
        return f"/orders?{query_of(filters, [('page', page)])}"

    return "Orders", SEARCH + content + page_ways(number, found.total, address), 200


def _once(found: Found) -> Table:
    """Return the orders with what tells one from another, and what they are."""
    table = found.table
    places = [[column.name for column in table.columns].index(name) for name in SHOWN]
    caption = (
        f"{words.plural(found.total, 'order or deal', 'orders and deals')}, each once: as the system has it whose money counts."
    )
    rows = tuple(tuple(row[place] for place in places) for row in table.rows)
    return Table("orders", caption, tuple(table.columns[place] for place in places), rows)


def order(site: Site, request: Request, filters: Filters) -> Shown:
    """Show how the credit of an order came about, touch by touch, as `persync explain order` does."""
    id = str(request.path_params.get("id") or request.query_params.get("id", "")).strip()
    models = models_in(filters.model or ALL, site.host, site.project)

    def make(engine: Engine, ask: Ask, _: Scope | None) -> list[Block]:
        broken: list[str] = []
        with store_of(site) as store:
            messages = campaigns.names(store.db)
        [one] = explained(engine, site.host, ask, models, order_named(id), tell=broken.append)
        return [*blocks_of(one, ask, messages), *(Note(line, "warning") for line in broken)]

    # Its whole history counts, whatever days the other pages look at.
    blocks = site.answer(("order", id), Filters(model=filters.model), make)
    links = Links(message_link(filters), no_file, no_spec)
    return f"Order {id}", section_page(site, "order", f"Order {id}: how its credit came about", blocks, links), 200
