"""A small count within a large cell is left out of it: two complaints among a hundred people, three of them not mailed.

Small groups have been folded before (see `fold`); here single measures of a cell are left out, and the merged figure has
bounds. The total over everybody stays: it says how many of the store did something, not of which group they are. What is left
out must not follow from the total and from what stays, so further cells lose the measure until the interval that remains for
each small count is wide enough: the feasibility interval of cell suppression (Hundepool and others, Statistical Disclosure
Control, 2012, chapter 4), worked out by bounds alone, because each measure of a table has one sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from persync.federate.document import AMOUNTS, LEVELLED, MEASURES, ONCE, PAYERS_OF, Cell, Family, Table

AT_MOST: Final[Mapping[Family, tuple[tuple[str, str], ...]]] = {
    "mail": (
        ("mailed", "people"), ("mailed", "sends"), ("personalised", "mailed"), ("unclear", "mailed"), ("clickers", "people"),
        ("clickers", "clicks"), ("delivered", "sends"),
    ),
    "exposure": (),
    "money": (("buyers", "payers"), ("buyers", "orders"), ("refunds", "reversals")),
}  # fmt: skip
"""{family: (what is never more, than what)}: what tells of one measure by another"""
REST: Final = "suppressed"
_ROUNDS: Final = 20
"""rounds of narrowing; bounds settle after as many as there are measures, and further ones are narrower by nothing"""

Place = tuple[str, str]
"""a measure, and the cell it is left out of"""


def given(table: Table, floor: int) -> Table:
    """Return a folded table as it may be given away: without the counts of fewer than `floor` in its cells, and without who
    was behind each amount (`PAYERS_OF`), by which that is told."""
    cells = {**table.groups, **({REST: table.suppressed} if table.suppressed is not None else {})}
    out = _Hiding(table, cells, floor).places() if len(cells) > 1 else set()
    kept = {name: bare({m: n for m, n in cell.items() if (m, name) not in out}) for name, cell in cells.items()}
    rest = kept.pop(REST) if table.suppressed is not None else None
    return table.model_copy(update={"total": bare(table.total), "groups": kept, "suppressed": rest})


def bare(cell: Cell) -> Cell:
    """Return a cell without the counts that only tell whether an amount may be given away."""
    return {name: n for name, n in cell.items() if name not in PAYERS_OF.values()}


def _left(cell: Cell, measure: str, more: str, others: tuple[str, ...]) -> int:
    return cell[more] - cell[measure] - sum(cell[other] for other in others)


@dataclass
class _Hiding:
    """Which measures of which cells are left out, and what is known of them by whoever reads the rest."""

    table: Table
    cells: Mapping[str, Cell]
    floor: int
    out: set[Place] = field(default_factory=set)

    def places(self) -> set[Place]:
        """Return what is left out: what is small, and as much else as it takes."""
        small = [place for place in self._every() if self._is_small(*place)]
        self.out = set(small)
        while True:
            self.out |= set(self._nothings())
            known = self._known()
            told = [*self._alone(), *(place for place in small if not self._is_covered(*place, known))]
            more = next((one for place in told if (one := self._next(*place)) is not None), None)
            if more is None:
                return self.out
            self.out.add(more)

    def _alone(self) -> list[Place]:
        """Return what is left out of one cell alone: the total less the others is it."""
        measures = [measure for measure, _ in self.out]
        return sorted(place for place in self.out if measures.count(place[0]) == 1)

    def _nothings(self) -> Iterator[Place]:
        """Yield every nothing of the measures of which one is left out: so where one is listed, no other is behind a gap."""
        for measure in {measure for measure, name in self.out if not self.cells[name][measure]}:
            yield from ((measure, name) for name, cell in self.cells.items() if not cell[measure])

    def _every(self) -> Iterator[Place]:
        first = MEASURES[self.table.family][0]
        for measure in self.table.total:
            if measure not in (first, "squares", *PAYERS_OF.values()):
                yield from ((measure, name) for name in self.cells)

    def _above(self, measure: str) -> list[str]:
        return [more for less, more in AT_MOST[self.table.family] if less == measure and more in self.table.total]

    def _below(self, measure: str) -> list[str]:
        return [less for less, more in AT_MOST[self.table.family] if more == measure and less in self.table.total]

    def _rests(self, measure: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield what a measure is part of, and the other parts: what they leave of it is a count as well, unless people are
        held against things that may be several of one of them."""
        yield from ((more, ()) for more in self._above(measure) if (measure in ONCE) == (more in ONCE))
        parts = LEVELLED if measure in LEVELLED else ()
        if parts and "mailed" in self._above(measure):
            yield "mailed", tuple(part for part in parts if part != measure and part in self.table.total)

    def _is_small(self, measure: str, name: str) -> bool:
        """Tell whether a number is of fewer than the floor, or leaves so few of what it is part of."""
        cell = self.cells[name]
        if measure in AMOUNTS:
            return 0 < cell.get(PAYERS_OF[measure], self.floor) < self.floor
        return 0 < cell[measure] < self.floor or any(
            0 < _left(cell, measure, *rest) < self.floor for rest in self._rests(measure)
        )

    def _is_covered(self, measure: str, name: str, known: Mapping[Place, tuple[int, int]]) -> bool:
        """Tell whether a small number may, for all that is known, be one that need not be left out: as far as the total, which
        is given away, leaves room for that."""
        low, high = known[measure, name]
        value, total = self.cells[name][measure], self.table.total
        if measure in AMOUNTS:
            return high - low >= min(value, total[measure])
        if high == low or (0 < value < self.floor and high < min(self.floor, total[measure])):
            return False
        return all(
            known[more, name][1] - low - sum(known[other, name][0] for other in others)
            >= min(self.floor, _left(total, measure, more, others))
            for more, others in self._rests(measure)
            if 0 < _left(self.cells[name], measure, more, others) < self.floor
        )

    def _next(self, measure: str, name: str) -> Place | None:
        """Return what to leave out as well: the measure in the next smallest cell, in one of nothing when there is no other,
        then what bounds it in its own cell."""
        others = [(not cell[measure], cell[measure], other) for other, cell in self.cells.items()]
        wanted = [(measure, other) for *_, other in sorted(others)]
        first = MEASURES[self.table.family][0]
        wanted += [(one, name) for one in (*self._below(measure), *self._above(measure)) if one != first]
        return next((place for place in wanted if place not in self.out), None)

    def _apart(self, less: str, more: str, name: str, known: Mapping[Place, tuple[int, int]]) -> int:
        """Return by how much two measures of a cell differ at most: by as much as their totals, less what they do elsewhere."""
        elsewhere = (known[more, other][0] - known[less, other][1] for other in self.cells if other != name)
        return self.table.total[more] - self.table.total[less] - sum(max(0, one) for one in elsewhere)

    def _known(self) -> dict[Place, tuple[int, int]]:
        """Return the least and the most that each number can be for whoever has the total and what is not left out.

        Where a cell of nothing is listed, what is left out is known to be something.
        """
        known: dict[Place, tuple[int, int]] = {}
        left: dict[str, list[str]] = {}
        for measure in self.table.total:
            for name, cell in self.cells.items():
                if (measure, name) in self.out:
                    left.setdefault(measure, []).append(name)
                else:
                    known[measure, name] = (cell.get(measure, 0),) * 2
        sums = {measure: sum(self.cells[name][measure] for name in names) for measure, names in left.items()}
        for measure, names in left.items():
            least = int(any(not cell[measure] for name, cell in self.cells.items() if name not in names))
            known |= {(measure, name): (least, sums[measure]) for name in names}
        for _ in range(_ROUNDS):
            before = dict(known)
            for measure, names in left.items():
                for name in names:
                    low, high = known[measure, name]
                    wholes = [known[more, name][1] - sum(known[o, name][0] for o in by) for more, by in self._rests(measure)]
                    wholes += [known[more, name][1] for more in self._above(measure)]
                    wholes += [known[less, name][1] + self._apart(less, measure, name, known) for less in self._below(measure)]
                    high = min([high, *wholes])
                    parts = [known[less, name][0] for less in self._below(measure)]
                    parts += [known[more, name][0] - self._apart(measure, more, name, known) for more in self._above(measure)]
                    levels = sum(known[one, name][0] for one in LEVELLED if (one, name) in known) if measure == "mailed" else 0
                    low = max([low, levels, *parts])
                    others = [known[measure, other] for other in names if other != name]
                    high = min(high, sums[measure] - sum(one for one, _ in others))
                    known[measure, name] = max(low, sums[measure] - sum(one for _, one in others)), high
            if known == before:
                break
        return known
