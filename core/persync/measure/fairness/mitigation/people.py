"""The people a decision was made about: their group, score, label, and which half of the data they are in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.measure import attributes
from persync.measure.fairness.groups import UNKNOWN, Groups
from persync.measure.metric import Ask
from persync.measure.rules import DAY
from persync.measure.texts import bounds, frame, join, piece

ROW_LIMIT: Final = 2_000_000
"""the most people that are looked at one by one"""
BUYING_DAYS: Final = 30
"""whoever orders so soon after a message was first sent is taken for one whom it was right to choose"""
Array = Any
"""one entry a person"""


@dataclass(frozen=True, slots=True)
class People:
    """One entry a person. `group` numbers `names`; `facts` holds a column of zeros and ones for each of `fact_names`, which is
    (attribute, value); `learn` marks the half that rules are learnt on, the other half is held out to see what they do."""

    names: tuple[str, ...]
    group: Array
    score: Array
    """NaN where nobody gave one"""
    selected: Array
    qualified: Array
    learn: Array
    facts: Array
    fact_names: tuple[tuple[str, str], ...]

    def half(self, learn: bool) -> People:
        """Return the half to learn on, or the one held out."""
        mine = self.learn if learn else ~self.learn
        return People(
            self.names,
            self.group[mine],
            self.score[mine],
            self.selected[mine],
            self.qualified[mine],
            self.learn[mine],
            self.facts[mine],
            self.fact_names,
        )

    def rates(self, chosen: Array) -> Array:
        """Return the share chosen of each group; 0 of an empty one."""
        counts = np.bincount(self.group, minlength=len(self.names))
        return np.bincount(self.group, weights=chosen, minlength=len(self.names)) / np.maximum(counts, 1)

    @property
    def sizes(self) -> Array:
        """How many people each group has."""
        return np.bincount(self.group, minlength=len(self.names))


def read(engine: Engine, groups: Groups, decision: str | int, ask: Ask) -> People:
    """Return everybody decided about whose label is known. Raises DataError above `ROW_LIMIT` people.

    `decision` is the name of an imported one, or the number of a campaign: then the decision is whom it was sent to, of all who
    could be mailed, and whoever ordered within `BUYING_DAYS` of its first sending qualified.
    """
    params = {**groups.params, **bounds(ask.period)}
    if isinstance(decision, int):
        build_orders(engine)
        params |= {"message": decision, "days_ms": BUYING_DAYS * DAY, "gross": int(ask.basis == "gross")}
        texts = [piece(name) for name in ("sends", "audience", "order_money", "decided_by_message")]
    else:
        params["decision"] = decision
        texts = [piece("decided")]
    found = frame(engine, join(*texts, groups.text, piece("decided_people")), params, limit=ROW_LIMIT)
    names, group = np.unique(np.asarray(found["name"], dtype=str), return_inverse=True)
    facts, fact_names = _facts(engine, groups.names, texts, params, np.asarray(found["person"]))
    return People(
        tuple(map(str, names)),
        group,
        np.where(np.asarray(found["scored"]) == 1, np.asarray(found["score"], dtype=float), np.nan),
        np.asarray(found["selected"]) == 1,
        np.asarray(found["qualified"]) == 1,
        np.asarray(found["half"]) == 0,
        facts,
        fact_names,
    )


def _facts(
    engine: Engine, protected: Sequence[str], texts: Sequence[str], params: dict[str, Any], people: Array
) -> tuple[Array, tuple[tuple[str, str], ...]]:
    """Return a column for each value of each other attribute that makes groups."""
    sizes = attributes.values(engine)
    usable = sorted(n for n, number in sizes.items() if n not in protected and 2 <= number <= attributes.MOST_GROUPS)
    if not usable or not len(people):
        return np.zeros((len(people), 0)), ()
    limit = ROW_LIMIT * max(len(usable), 1)
    found = frame(engine, join(*texts, piece("decided_facts")), params, limit=limit)
    pairs = list(zip(map(str, found["name"]), map(str, found["value"]), strict=True))
    names = tuple(sorted({pair for pair in pairs if pair[0] in usable and pair[1] != UNKNOWN}))
    column = {pair: number for number, pair in enumerate(names)}
    row = np.searchsorted(people, np.asarray(found["person"]))
    table = np.zeros((len(people), len(names)))
    for place, pair in zip(row, pairs, strict=True):
        if pair in column:
            table[place, column[pair]] = 1.0
    return table, names
