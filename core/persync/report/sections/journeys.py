"""How people come to an order: where they stop on the way from message to order, and the channels they touch before one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from persync.errors import DataError
from persync.estimate import Estimate
from persync.measure import funnel as steps
from persync.measure import journeys
from persync.measure.metric import Ask
from persync.report import charts, words
from persync.report.charts import Flow
from persync.report.report import Block, Cell, Column, Figure, Inputs, Note, Section, Table

STEPS: Final = {
    "sent": "Mailed",
    "delivered": "Got it",
    "opened": "Opened it (not a step)",
    "clicked": "Clicked (not a step)",
    "visited": "Came to the shop",
    "checkout": "Began a cart or checkout",
    "ordered": "Ordered",
}
REST: Final = "other paths"


def build_journeys(inputs: Inputs) -> Sequence[Block]:
    """Return the funnel from message to order with where most stop, and the paths to orders as ribbons and as a table."""
    blocks = [*_funnel(inputs), *_paths(inputs)]
    if not blocks:
        raise DataError("no dated message and no touchpoint before an order is known.")
    return [*blocks, *_RULES]


def _funnel(inputs: Inputs) -> list[Block]:
    found = steps.funnel(inputs.engine, inputs.ask)
    of_all = {e.by["step"]: e for e in found if e.id == "funnel" and e.value is not None and "step" in e.by}
    of_before = {e.by["step"]: e for e in found if e.id == "funnel_step"}
    if len(of_all) < 2:
        why = next((e.reason for e in found if e.reason), None)
        return [Note(f"How far people go after a message is not known: {words.reason(why)}.")] if why else []
    columns = (
        Column("step", "Step"),
        Column("of_all", "Of all who were mailed", "share"),
        Column("of_before", "Of those at the step before", "share", "opened and clicked: of those who got it"),
    )
    rows: list[tuple[Cell, ...]] = [
        (title, of_all.get(step), _bare(of_before.get(step))) for step, title in STEPS.items() if step in {*of_all, *of_before}
    ]
    table = Table("funnel", "From message to order: people at each step", columns, tuple(rows))
    drawn = [{"name": STEPS[step], **_drawn(e)} for step, e in of_all.items()]
    said = "; ".join(f"{STEPS[step]}: {words.value(e)}" for step, e in of_all.items())
    return [
        Note(sentence(of_all, of_before), "answer", "Where do people stop?"),
        Figure(
            "funnel_figure",
            "Share of the people mailed who took each step, with 95 % intervals",
            f"Of {words.number(of_all['sent'].n or 0)} people mailed. {said}.",
            charts.levels(drawn, unit="% of the people mailed"),
            table,
        ),
    ]


def sentence(of_all: dict[str, Estimate], of_before: dict[str, Estimate]) -> str:
    """Say how many of a hundred ordered, and at which step most of those who had come so far stopped."""
    text = (
        f"Of 100 people mailed {words.number(100 * float(of_all['ordered'].value or 0), 1)} ordered within the look-back days."
    )
    known = {step: e for step, e in of_before.items() if e.value is not None and step in of_all}
    if not known:
        return text
    hard = min(known, key=lambda step: float(known[step].value or 0))
    return (
        f"{text} The step that fewest take is '{STEPS[hard].lower()}': {words.brief(known[hard])} of those at the step before."
    )


def _paths(inputs: Inputs) -> list[Block]:
    found = journeys.journey_paths(inputs.engine, inputs.ask)
    paths = [e for e in found if e.id == "journey_path" and e.value is not None]
    if not paths:
        return []
    by_id = {e.id: e for e in found if not e.by}
    columns = (Column("path", "Channels touched before an order"), Column("share", "Of the orders with a touch", "share"))
    rows = tuple((_named(e), replace(e, note=e.note if e.by["path"] == journeys.OTHERS else "")) for e in paths)
    table = Table("paths", "The most common paths to an order", columns, rows)
    flows = [Flow(_channels(e), float(e.value or 0)) for e in paths]
    said = "; ".join(f"{_named(e)}: {words.value(e)}" for e in paths)
    return [
        Note(_lengths(by_id, paths, inputs.ask), "answer", "Which way do they come?"),
        Figure(
            "paths_figure",
            "Channels touched before an order, touch by touch",
            f"Paths to {words.number(paths[0].n or 0)} orders. {said}.",
            charts.sankey(flows, end="order", rest=REST),
            table,
        ),
    ]


def _lengths(by_id: dict[str, Estimate], paths: Sequence[Estimate], ask: Ask) -> str:
    first = paths[0]
    text = f"The most common path to an order is {_named(first)}: {words.brief(first)} of the orders with a touch."
    length, days = by_id.get("journey_length"), by_id.get("days_to_convert")
    if length is not None and length.value is not None and days is not None and days.value is not None:
        touches = words.plural(round(float(length.value)), "touch", "touches")
        text += f" Half of the orders had {touches} or fewer before them, and came within {words.brief(days)} of the first."
    return text


def _channels(path: Estimate) -> tuple[str, ...]:
    if path.by["path"] == journeys.OTHERS:
        return (REST,)
    return tuple(name.replace("_", " ") for name in path.by["path"].split(" > ") if name != "…")


def _named(path: Estimate) -> str:
    return path.by["path"].replace("_", " ")


def _drawn(e: Estimate) -> dict[str, float | None]:
    return {name: None if end is None else 100 * end for name, end in (("value", e.value), ("low", e.low), ("high", e.high))}


def _bare(e: Estimate | None) -> Estimate | None:
    return None if e is None else replace(e, note="")


_RULES: Final = (
    Note(
        "People are counted once, by the first message of the period that reached them; those whose look-back days are not over"
        " are left out. Whoever took a later step took the earlier ones, seen or not. What is done after a message need not be"
        " done because of it.",
        "definition",
        "How steps are counted",
    ),
    Note(
        "A path is the channels of the touches inside the look-back before an order, in order of time, five at most. Each path"
        " shown has enough people; the rest stand together. A path says what came before an order, not what brought it about.",
        "definition",
        "What a path is",
    ),
)

SECTION = Section("journeys", "How do people come to an order?", build_journeys, order=347, profiles=("full",))
