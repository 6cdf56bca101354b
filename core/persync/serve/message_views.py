"""The pages of messages: how personal each is, and what followed one, as `persync explain send` tells it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.requests import Request

from persync.jobs.answers import campaigns, sent
from persync.money import Money
from persync.redact import redacted
from persync.report import words
from persync.report.render.html import Links
from persync.report.report import Block, Cell, Column, Note, Table
from persync.serve.diary import store_of
from persync.serve.filters import Filters
from persync.serve.render import query_of
from persync.serve.row_views import page_number, page_ways
from persync.serve.rows import PAGE
from persync.serve.views import Shown, no_file, no_spec, section_page

if TYPE_CHECKING:
    from persync.attribution.sends import Sent
    from persync.engine.engine import Engine
    from persync.measure.metric import Ask
    from persync.serve.scope import Scope
    from persync.serve.site import Site

LEVEL = "How personal a message is, from 0 to 4, is graded from what was found in it; persync tag takes your own word for it."


def messages(site: Site, request: Request, filters: Filters) -> Shown:
    """Show every message with how personal it is and why, the newest first."""
    number = page_number(request)
    with store_of(site) as store:
        found = campaigns.read_levels(store.db)
    found.sort(key=lambda one: (one["sent_at"] or "", one["connection"], one["campaign"]), reverse=True)
    columns = (
        Column("message", "message"),
        Column("title", "title"),
        Column("sent", "sent", "time"),
        Column("level", "level"),
        Column("why", "because"),
    )
    rows = tuple(
        (
            f"{one['connection']}:{one['campaign']}",
            redacted(one["title"]),
            round(datetime.fromisoformat(one["sent_at"]).timestamp() * 1000) if one["sent_at"] else None,
            _level(one["level"]),
            one["why"],
        )
        for one in found[(number - 1) * PAGE : number * PAGE]
    )
    table = Table("messages", f"{words.plural(len(found), 'message')}, the newest first.", columns, rows)
    content = section_page(site, "messages", "Messages", (table, Note(LEVEL)), Links(message_link(filters), no_file, no_spec))
    turning = page_ways(number, len(found), lambda page: f"/messages?{query_of(filters, [('page', page)])}")
    return "Messages", content + turning, 200


def message(site: Site, request: Request, filters: Filters) -> Shown:
    """Show what a message is, how personal and on what evidence, and what followed it: of all days, of everybody who got it."""
    id = str(request.path_params["id"])
    with store_of(site) as store:
        one = sent.message_of(store, id, None)

    def make(engine: Engine, ask: Ask, _: Scope | None) -> list[Block]:
        return _blocks(one, one.after(engine, ask), ask.suppress_n)

    blocks = site.answer(("message", one.key), Filters(), make)
    title = redacted(one.told["title"]) or id
    links = Links(lambda *_: "", no_file, no_spec)
    return title, section_page(site, "message", f"{title}: what followed it", blocks, links), 200


def _blocks(one: sent.Message, found: Sent, least: int) -> list[Block]:
    told = one.told
    sent_on = f"sent {told['sent_at'][:10]}" if told["sent_at"] else "not sent"
    facts = ", ".join(filter(None, (told["kind"], told["status"], sent_on)))
    blocks: list[Block] = [
        Note(f"{told['connection']}:{told['campaign']}, {facts}. Level {_level(told['level'])}: {told['why']}."),
    ]
    if told["evidence"]:
        found_in = (Column("source", "found in"), Column("kind", "what"), Column("detail", "in particular"))
        evidence = tuple((item["source"], item["kind"], redacted(item["detail"])) for item in told["evidence"])
        blocks.append(Table("evidence", "What shows how personal it is.", found_in, evidence))
    if found.done:
        counts = (Column("times", "times", "count"), Column("people", "people", "count"))
        done: tuple[tuple[Cell, ...], ...] = tuple(
            (each.kind, sent.done_by(each.odd), *((None, None) if each.people < least else (each.times, each.people)))
            for each in found.done
        )
        blocks.append(Table("done", "What was done with it.", (Column("what", "what"), Column("by", "by"), *counts), done))
        if any(each.people < least for each in found.done):
            blocks.append(Note(f"What fewer than {least} people did is not counted out."))
    else:
        blocks.append(Note("No send of it is known, and nothing that followed."))
    within = f"within {words.number(found.window_days)} days of a send"
    shown = [each for each in found.takings if each.orders >= least]
    if shown:
        some = (Column("orders", "orders", "count"), Column("clicked", "after a click", "count"))
        takings = tuple(
            (each.orders, each.clicked if each.clicked >= least else None, Money(each.minor, each.currency)) for each in shown
        )
        blocks.append(Table("takings", f"Orders {within}.", (*some, Column("net", "net", "money")), takings))
    elif found.done:
        blocks.append(Note(f"{'Fewer than ' + str(least) + ' orders' if found.takings else 'No order'} {within}."))
    return [*blocks, Note("What followed a message is not what it caused: an experiment says that.")]


def message_link(filters: Filters) -> Callable[[Table, Column, Cell], str]:
    """Return where a message's name leads."""

    def cell(_: Table, column: Column, value: Cell) -> str:
        return f"/message/{quote(str(value), safe='')}{filters.query()}" if column.name == "message" and value else ""

    return cell


def _level(level: int | None) -> str:
    return "unknown" if level is None else str(level)
