"""The people a decision was made about: their group, score, label, their part of the data, and whose groups count."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.measure import attributes
from persync.measure.fairness.groups import UNKNOWN, Groups, is_known
from persync.measure.metric import Ask
from persync.measure.rules import DAY
from persync.measure.texts import bounds, frame, join, piece

MESSAGE: Final = ("sends", "audience", "order_money", "message_chosen", "bought_since", "decided_by_message")
"""the texts by which whom a message was sent to is a decision"""
DECISIONS: Final = "decisions"
_INSTEAD: Final = "decisions AS (SELECT x.* FROM {table} AS x)"
"""stands before the text `decided`, which then reads another table of the same columns"""
ROW_LIMIT: Final = 2_000_000
"""the most people that are looked at one by one"""
BUYING_DAYS: Final = 30
"""whoever orders so soon after a message was first sent is taken for one whom it was right to choose"""
Array = Any
"""one entry a person"""


PARTS: Final = 4
"""the people are drawn into so many parts: two to learn on and to choose on, the others to judge on"""
LEARNT_ON: Final = 2


@dataclass(frozen=True, slots=True)
class People:
    """One entry a person. `group` numbers `names`; `facts` holds a column of zeros and ones for each of `fact_names`, which is
    (attribute, value); `part` (0 to `PARTS` - 1) is drawn by the person's hash. `steering` has an entry a group: whether it is
    large enough, and known, to be held against others and to change what is done; the people of the rest stay as decided."""

    names: tuple[str, ...]
    group: Array
    score: Array
    """NaN where nobody gave one"""
    selected: Array
    qualified: Array
    part: Array
    facts: Array
    fact_names: tuple[tuple[str, str], ...]
    steering: Array

    def where(self, mine: Array) -> People:
        """Return the people of whom `mine` is true."""
        return replace(
            self,
            group=self.group[mine],
            score=self.score[mine],
            selected=self.selected[mine],
            qualified=self.qualified[mine],
            part=self.part[mine],
            facts=self.facts[mine],
        )

    @property
    def learn(self) -> Array:
        """Whether each is among those that rules are learnt and chosen on; the others are held out to judge them."""
        return self.part < LEARNT_ON

    @property
    def steers(self) -> Array:
        """Whether each is in a group that steers."""
        return self.steering[self.group]

    def rates(self, chosen: Array) -> Array:
        """Return the share chosen of each group; 0 of an empty one."""
        return np.bincount(self.group, weights=chosen, minlength=len(self.names)) / np.maximum(self.sizes, 1)

    @property
    def sizes(self) -> Array:
        """How many people each group has."""
        return np.bincount(self.group, minlength=len(self.names))


def steering(people: People, hidden: Collection[str], least: int, *, unknown: bool = False) -> Array:
    """Return for each group whether it may steer: known (or `unknown` is to count), not hidden, and at least `least` people in
    every part that something is learnt, chosen or judged on."""
    parts = [people.part == number for number in range(LEARNT_ON)] + [~people.learn]
    fewest = np.min([np.bincount(people.group[mine], minlength=len(people.names)) for mine in parts], axis=0)
    may = np.array([(unknown or is_known(name)) and name not in hidden for name in people.names], dtype=bool)
    return may & (fewest >= least)


def read(
    engine: Engine, groups: Groups, decision: str | int, ask: Ask, *, table: str = DECISIONS, unknown: bool = False
) -> People:
    """Return everybody decided about whose label is known, as a `table` of the columns of `decisions` has it.

    Raises DataError above `ROW_LIMIT` people.

    People whose group is unknown count as a group only where `unknown` says so.

    `decision` is the name of an imported one, or the number of a campaign: then the decision is whom it was sent to, of all who
    could be mailed, and whoever ordered within `BUYING_DAYS` of its first sending qualified.
    """
    params = {**groups.params, **bounds(ask.period)}
    if isinstance(decision, int):
        build_orders(engine)
        params |= {"message": decision, "days_ms": BUYING_DAYS * DAY, "gross": int(ask.basis == "gross")}
        texts = [piece(name) for name in MESSAGE]
    else:
        params["decision"] = decision
        texts = [piece("decided")] if table == DECISIONS else [_INSTEAD.format(table=table), piece("decided")]
    found = frame(engine, join(*texts, groups.text, piece("decided_people")), params, limit=ROW_LIMIT)
    names, group = np.unique(np.asarray(found["name"], dtype=str), return_inverse=True)
    least = max(ask.report_n, ask.suppress_n)
    facts, fact_names = _facts(engine, groups.names, texts, params, np.asarray(found["person"]), least)
    people = People(
        tuple(map(str, names)),
        group,
        np.where(np.asarray(found["scored"]) == 1, np.asarray(found["score"], dtype=float), np.nan),
        np.asarray(found["selected"]) == 1,
        np.asarray(found["qualified"]) == 1,
        np.asarray(found["part"], dtype=int) % PARTS,
        facts,
        fact_names,
        np.zeros(len(names), dtype=bool),
    )
    sizes = dict(zip(people.names, people.sizes.tolist(), strict=True))
    return replace(people, steering=steering(people, groups.hidden([sizes], ask), least, unknown=unknown))


def _facts(
    engine: Engine, protected: Sequence[str], texts: Sequence[str], params: dict[str, Any], people: Array, least: int
) -> tuple[Array, tuple[tuple[str, str], ...]]:
    """Return a column for each value, of at least `least` people, of each other attribute that makes groups."""
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
    kept = np.flatnonzero(table.sum(axis=0) >= least)
    return table[:, kept], tuple(names[number] for number in kept)
