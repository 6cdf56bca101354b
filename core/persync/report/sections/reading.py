"""Who reads the messages, and who leaves: rates with their intervals, opens between bounds, complaints by their lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from persync.errors import DataError
from persync.estimate import Estimate
from persync.measure import engaged, engagement
from persync.measure.ethics.control import COMPLAINTS
from persync.measure.metric import Metric
from persync.report import words
from persync.report.report import Block, Cell, Column, Inputs, Note, Section, Table

RATES: Final = (
    ("delivery_rate", "Delivered", "of what was sent"),
    ("human_open_rate", "Opened by people", "of what was delivered, without machines: the lower bound"),
    ("open_rate", "Opened, as reported", "of what was delivered, machines included: the upper bound"),
    ("ctr", "Clicked", "of what was delivered, scanners left out"),
    ("engagement_rate", "People who did anything", "of the people who were reached"),
    ("unsubscribe_rate", "Unsubscribed", "of what was delivered"),
    ("complaint_rate", "Complained", "of what was delivered, where the provider reports it"),
)
_METRICS: Final[dict[str, Metric]] = {metric.id: metric for family in (engagement, engaged) for metric in family.METRICS}


def build_reading(inputs: Inputs) -> Sequence[Block]:
    """Return the rates in one table, a sentence on how many read, and one on complaints."""
    found = {id: _METRICS[id].compute(inputs.engine, inputs.ask)[0] for id, _, _ in RATES}
    if all(one.value is None for one in found.values()):
        raise DataError("no message of this period has been counted.")
    blocks: list[Block] = []
    if said := _read(found):
        blocks.append(Note(said, "answer", "Do people read it?"))
    blocks.append(Note(_complaints(found["complaint_rate"]), "answer", "Do they complain?"))
    columns = (Column("rate", "Rate"), Column("value", "Share", "share"), Column("of", "Of what"))
    rows: list[tuple[Cell, ...]] = [(title, replace(found[id], note=""), of) for id, title, of in RATES]
    return [*blocks, Table("reading", "What became of the messages", columns, tuple(rows)), _RULES]


def _read(found: dict[str, Estimate]) -> str:
    people, reported, clicked = (found[id].value for id in ("human_open_rate", "open_rate", "ctr"))
    if clicked is None:
        return ""
    text = f"Of 100 messages that arrived, {_hundred(clicked)} were clicked"
    if people is not None and reported is not None and people <= reported:
        text += f", and between {_hundred(people)} and {_hundred(reported)} opened: machines open too, so nobody knows closer"
    return f"{text}."


def _hundred(share: float) -> str:
    return words.number(share * 100, 0 if share >= 0.1 else 1)


def _complaints(rate: Estimate) -> str:
    """Hold complaints against the lines; none reported is never called few, because large providers report none."""
    if rate.value is None:
        return f"How many complained is not known: {words.reason(rate.reason)}."
    if rate.value == 0:
        return "No complaint was reported. That is no proof that there were none: large providers report none."
    low, high = COMPLAINTS
    told = words.value(rate)
    if rate.value >= high:
        return f"{told} complained, above the {words.share(high)} at which large providers turn senders away: pull back now."
    if rate.value >= low:
        return f"{told} complained, above the {words.share(low)} that large providers ask senders to stay below."
    return f"{told} of what arrived was reported as a complaint. Large providers report none, so there may be more."


_RULES: Final = Note(
    "A message counts as delivered when it did not bounce. Privacy proxies and scanners open and click by themselves: opens"
    " that a platform marks as a machine's are left out of the lower bound, clicks of a run through a message's links are left"
    " out of clicks. Intervals allow for messages of one campaign being alike.",
    "definition",
    "How reading is counted",
)

SECTION = Section("reading", "Who reads it, and who leaves?", build_reading, order=310, profiles=("full",))
