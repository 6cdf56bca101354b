"""What a beginner's report has besides the answer: a few plain numbers, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from persync.estimate import Estimate
from persync.measure import frequency
from persync.report import words
from persync.report.findings import metric
from persync.report.report import Cell, Inputs, Note
from persync.report.sections import restraint

PLAIN: Final = (
    ("ctr", "Clicked", "of the people to whom a message was delivered"),
    ("unsubscribe_rate", "Unsubscribed", "of what was delivered"),
    ("repeat_purchase_rate", "Bought again", "of the customers who bought"),
    ("revenue_per_recipient", "Revenue a person reached", "what came after mail, not what mail caused"),
    ("exposure", "Got personal mail", "of the people reached"),
)
"""metrics that need no test, what they are called, and what they mean"""
ADVICE: Final = (
    ("pull back", "Send less to {}: by the test, the mail costs more there than it brings."),
    ("keep", "Go on with {}: by the test, less mail would lose money there."),
    ("test", "Test longer with {}: the data do not decide it yet."),
)


def filling(inputs: Inputs) -> list[tuple[Cell, ...]]:
    """Return the rows of the plain numbers that are known, for a page that has room for more."""
    rows: list[tuple[Cell, ...]] = []
    for id, what, why in PLAIN:
        whole = next((e for e in metric(inputs, id) if not e.by and e.value is not None), None)
        if whole is not None:
            rows.append((what, replace(whole, note=""), why))
    return rows


def steps(inputs: Inputs) -> list[Note]:
    """Return what to do about each group by the tests, as a note; nothing where no test says anything."""
    advice = [e for e in frequency.pull_back_advice(inputs.engine, inputs.ask) if e.value is not None]
    said = [text.format(words.listing(names)) for word, text in ADVICE if (names := _groups(advice, word))]
    return [Note(" ".join(said), "answer", "What to do?")] if said else []


def _groups(advice: Sequence[Estimate], word: str) -> list[str]:
    """Return the groups to which an advice is given, everybody first; what a guard rail says counts as well."""
    names = dict.fromkeys(restraint.who(e) for e in advice if e.by["advice"] == word)
    return sorted(names, key=lambda name: name != restraint.WHOLE)
