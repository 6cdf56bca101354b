"""Who the customers are: stages of the life-cycle and the settings' own segments, what each did, and who moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from persync.errors import DataError
from persync.estimate import Estimate
from persync.measure import membership
from persync.measure.segments import moves, sizes, worth
from persync.report import words
from persync.report.report import Block, Cell, Column, Inputs, Note, Section, Table

SHOWN: Final = (membership.OWN, membership.LIFECYCLE)
"""the kinds on the page; those by recency and taste are many, and `persync metric segment_diagnosis` has them"""
SEG: Final = "seg"


def build_segments(inputs: Inputs) -> Sequence[Block]:
    """Return the segments with their size and what they did, a sentence on what stands out, and the moves between stages."""
    engine, ask = inputs.engine, inputs.ask
    found = {
        one.by[SEG]: one
        for one in sizes.segment_definitions(engine, ask)
        if SEG in one.by and membership.kind_of(one.by[SEG]) in SHOWN
    }
    if not found:
        raise DataError("nobody was known before the first day of the period, so there is nobody to tell apart.")
    calls = {one.by[SEG]: one for one in worth.segment_diagnosis(engine, ask) if SEG in one.by}
    moved = [one for one in moves.segment_migration(engine, ask) if one.value is not None and one.by["from"] != one.by["to"]]
    blocks: list[Block] = [Note(sentence(found, calls, moved), "answer", "Which customers are which?")]
    columns = (
        Column("segment", "Segment"),
        Column("share", "Of everybody", "share"),
        Column("bought", "Ordered in the period", "share"),
        *((Column("call", "What stands out"),) if any(map(_call, map(calls.get, found))) else ()),
    )
    rows: list[tuple[Cell, ...]] = []
    for name, one in found.items():
        did = calls.get(name)
        row = (name, replace(one, note=""), None if did is None else replace(did, note=""), _call(did))
        rows.append(row[: len(columns)])
    blocks.append(Table("segments", "Segments as of the period's first day, and what they did in it", columns, tuple(rows)))
    if moved:
        blocks.append(_moves(moved))
    return [*blocks, _RULES]


def sentence(found: dict[str, Estimate], calls: dict[str, Estimate], moved: Sequence[Estimate]) -> str:
    """Say which stage holds most, which segments call for something, and the largest move, from the estimates alone."""
    known = {name: one for name, one in found.items() if one.value is not None}
    stages = {name: one for name, one in known.items() if membership.kind_of(name) == membership.LIFECYCLE}
    said = []
    if stages:
        largest = max(stages, key=lambda name: float(stages[name].value or 0))
        said.append(f"Most people ({words.value(stages[largest])}) are in the stage '{_bare(largest)}'.")
    loud = [f"'{_bare(name)}': {_call(one)}" for name, one in calls.items() if name in known and _call(one)]
    if loud:
        said.append(f"What stands out: {words.listing(loud)}.")
    lapsing = [one for one in moved if one.by["to"] in ("at risk", "inactive")]
    if lapsing:
        most = max(lapsing, key=lambda one: float(one.value or 0))
        said.append(
            f"The largest move away: a month after being '{most.by['from']}', {words.value(most)} were '{most.by['to']}'."
        )
    return " ".join(said) or "No segment holds enough people to say anything of it."


def _bare(segment: str) -> str:
    return segment.split(": ", 1)[-1]


def _call(one: Estimate | None) -> str:
    """Return what the diagnosis says, "" where it makes no call."""
    said = "" if one is None else one.note.split("; ", 1)[0]
    return said if said in worth.ADVICE.values() else ""


def _moves(moved: Sequence[Estimate]) -> Table:
    columns = (Column("from", "From"), Column("to", "To"), Column("share", "A month later", "share"))
    ranked = sorted(moved, key=lambda one: -float(one.value or 0))
    rows: tuple[tuple[Cell, ...], ...] = tuple((one.by["from"], one.by["to"], replace(one, note="")) for one in ranked)
    return Table("segment_moves", "Who moved from one stage to another, a month on", columns, rows)


_RULES: Final = Note(
    "A segment's members are those of the period's first day, so that nobody is in one for what they did afterwards. What"
    " stands out is said only where both intervals lie on one side of the median of the segments of their kind. Stages follow"
    " from purchases alone; [lifecycle] sets their bounds and [segments.NAME] your own rules.",
    "definition",
    "How segments are made",
)

SECTION = Section("segments", "Who are the customers?", build_segments, order=340, profiles=("full",))
