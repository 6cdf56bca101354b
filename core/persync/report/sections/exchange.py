"""What personal mail is worth to both sides: revenue by the consent behind it, what people get for it, and what harm costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from persync.estimate import Estimate
from persync.measure.ethics import worth
from persync.report import words
from persync.report.report import Block, Cell, Column, Inputs, Note, Table

EXCHANGED: Final = {
    "value_exchange": "Got something for it",
    "discount_per_customer": "Discounts a customer got",
    "data_points_per_customer": "Facts held on a customer",
    "gain_per_customer": "Revenue a customer brought",
}
_WORTH: Final = (Column("what", "What"), Column("value", "Value", "estimate"))


def blocks(inputs: Inputs) -> list[Block]:
    """Return the tables of what is known, with a sentence each; nothing of what is not."""
    engine, ask = inputs.engine, inputs.ask
    revenue = worth.revenue_by_consent(engine, ask)
    exchanged = worth.value_exchange(engine, ask)
    return [*_by_consent(revenue), *_exchanged(exchanged), *_harm(worth.cost_of_harm(engine, ask))]


def _by_consent(revenue: Sequence[Estimate]) -> list[Block]:
    rows = [(one.by["state"], one) for one in revenue if "state" in one.by]
    if not rows:
        return []
    table = Table(
        "revenue_by_consent",
        "Revenue by the consent behind the last message",
        (Column("state", "Consent behind the last message"), Column("revenue", "Revenue", "estimate")),
        tuple(rows),
    )
    lost = next((one for one in revenue if one.id == "undefended_revenue"), None)
    said = ""
    if lost is not None and lost.value is not None:
        of = words.plural(lost.n or 0, "person", "people")
        said = f"{words.value(lost)} from {of} came after a message without a consent that held: revenue you could not defend."
    elif lost is not None:
        said = f"How much revenue you could not defend is not told: {words.reason(lost.reason)}."
    note = "It came after the message, which is not to say because of it."
    return [Note(f"{said} {note}".strip(), "answer", "What revenue could you not defend?"), table]


def _exchanged(exchanged: Sequence[Estimate]) -> list[Block]:
    found = {one.id: one for one in exchanged}
    share = found.get("value_exchange")
    if share is None or share.value is None:
        return []
    said = f"{words.brief(share)} of the customers {share.note.partition(';')[0]}."
    rows: list[tuple[Cell, ...]] = [(title, found[id]) for id, title in EXCHANGED.items() if id in found]
    return [
        Note(said, "answer", "What do people get for their data?"),
        Table("value_exchange", "What customers get and what they bring", _WORTH, tuple(rows)),
    ]


def _harm(harm: Sequence[Estimate]) -> list[Block]:
    parts = [one for one in harm if "part" in one.by]
    if all(one.value is None for one in parts):
        return []
    rows: list[tuple[Cell, ...]] = [(worth.PARTS[one.by["part"]].capitalize(), one) for one in parts]
    rows.append(("In all, of what is priced", harm[0]))
    return [Table("cost_of_harm", "What harm costs, at your prices", _WORTH, tuple(rows))]
