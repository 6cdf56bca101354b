"""Whether automations work: entries, goals and money of each, and what a holdout says they caused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from persync.errors import DataError
from persync.estimate import Estimate
from persync.measure import automations
from persync.measure.metric import Ask
from persync.report import words
from persync.report.report import Block, Cell, Column, Inputs, Note, Section, Table

NONE: Final = (
    "no automated message is known: a platform that does not say which messages are automated is told by [automations.NAME]."
)


def build_automations(inputs: Inputs) -> Sequence[Block]:
    """Return a row an automation that is known, the carts, and a sentence on what is not known of them."""
    ask: Ask = inputs.ask
    read = {kind: automations.automation(kind, inputs.engine, ask) for kind in automations.KINDS}
    known = {kind: found for kind, found in read.items() if not all(one.value is None for one in found)}
    if not known:
        raise DataError(NONE)
    columns = (
        Column("automation", "Automation"),
        Column("entered", "Entered", "count"),
        Column("goal", "Reached the goal", "share", "Within the days set for it; what came after, not what it caused."),
        Column("money", "Revenue an entry", "estimate"),
        Column("left", "Unsubscribed", "share"),
        Column("caused", "Caused", "estimate", "By a holdout; without one nobody knows."),
    )
    rows: list[tuple[Cell, ...]] = []
    for kind, found in known.items():
        at = {one.id: one for one in found}
        names = ("entered", "", "revenue_per_entry", "unsubscribed", "incremental")
        rows.append((kind.title, *(_cell(at.get(f"{kind.id}_{name}" if name else kind.id)) for name in names)))
    absent = [kind.title.lower() for kind in read if kind not in known]
    blocks: list[Block] = [
        Note(sentence({kind.title: found for kind, found in known.items()}), "answer", "Do automations work?"),
        Table("automations", "Each automation, and what came after entering it", columns, tuple(rows)),
    ]
    if absent:
        blocks.append(Note(f"Not known here: {words.listing(absent)}.", "info"))
    return [*blocks, _RULES]


def sentence(known: dict[str, list[Estimate]]) -> str:
    """Say of how many automations a holdout tells what they caused; never that one works by what came after it."""
    caused = [
        name for name, found in known.items() if any(one.id.endswith("_incremental") and one.value is not None for one in found)
    ]
    count = words.plural(len(known), "automation")
    if not caused:
        return (
            f"{count} {'is' if len(known) == 1 else 'are'} known. What came after each is below; what it caused nobody can say,"
            " for no holdout leaves anybody out: hold a random part of the entrants out and name the experiment in"
            " [automations.NAME]."
        )
    return f"{count} {'is' if len(known) == 1 else 'are'} known; a holdout tells what {words.listing(caused)} caused."


def _cell(one: Estimate | None) -> Estimate | None:
    return None if one is None else replace(one, note="")


_RULES: Final = Note(
    "Somebody enters with the first message of an automation, and again with one that comes later than the goal's days after"
    " the last. An order belongs to the last entry before it. Entries too young for the goal's days are left out of the goal."
    " A cart counts as left after an hour, where its system tells what became of it; some come back by themselves.",
    "definition",
    "How automations are counted",
)

SECTION = Section("automations", "Do automations work?", build_automations, order=345, profiles=("full",))
