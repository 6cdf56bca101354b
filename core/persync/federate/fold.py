"""Small cells never leave: they are folded into one, with as many others as it takes that no number of the file tells one.

Complementary cell suppression for tables of counts and sums (Hundepool and others, Statistical Disclosure Control, 2012,
chapter 4): what is folded is two cells or more, and so many people that none of them can be told from one that need not be
folded; and where a table has a folded cell those of nobody are not listed either. Counts of people in another table that are
sums of cells (who got personalised mail, against the levels received) are margins like the total: each is folded within, or
not given away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from persync.federate.document import LEVEL, LEVELLED, MEASURES, Cell, Family, Table

CLASSES: Final = (("2", "3", "4"), ("unknown",), ("0", "1"))
"""the levels that `personalised`, `unclear` and what both leave of `mailed` count"""


def added(cells: Iterable[Mapping[str, int]], family: Family) -> Cell:
    """Return cells of a family added up; those without squares give none."""
    out = dict.fromkeys(MEASURES[family], 0)
    for cell in cells:
        for name, n in cell.items():
            out[name] = out.get(name, 0) + n  # also of whom an amount is, see `within`
    return out


def withheld(total: Mapping[str, int], family: Family, floor: int) -> bool:
    """Tell whether even the total is of somebody, and of fewer than `floor`: there is nothing to fold it into."""
    return 0 < total[MEASURES[family][0]] < floor


def names(sizes: Mapping[str, int], floor: int, also: frozenset[str] = frozenset()) -> frozenset[str]:
    """Return which cells to fold, {name: its people} given: those of fewer than `floor`, those in `also`, and the smallest of
    the others until there are two or more, and each may be of `floor` people for all one knows who takes the rest for one each.
    """
    gone = {name for name, n in sizes.items() if 0 < n < floor or name in also}
    for _, name in sorted((n, name) for name, n in sizes.items() if n > 0):
        if not gone or (len(gone) > 1 and sum(sizes[other] for other in gone) >= floor + len(gone) - 1):
            break
        gone.add(name)
    return frozenset(gone)


def without(family: Family, attribute: str, cells: Mapping[str, Cell], gone: frozenset[str], *, currency: str = "") -> Table:
    """Return the table in which the cells of `gone`, and then those of nobody, are one cell `suppressed`."""
    first = MEASURES[family][0]
    kept = {name: cell for name, cell in cells.items() if not gone or (name not in gone and cell[first])}
    rest = added((cells[name] for name in gone), family) if gone else None
    total = added(cells.values(), family)
    return Table(family=family, attribute=attribute, currency=currency, total=total, groups=kept, suppressed=rest)


def folded(
    family: Family,
    attribute: str,
    groups: Mapping[str, Cell],
    floor: int,
    *,
    currency: str = "",
    also: frozenset[str] = frozenset(),
) -> tuple[Table, frozenset[str]]:
    """Return the table in which groups of fewer than `floor` (and those in `also`) are folded, and which groups are.

    The total itself must be of `floor` or more, see `withheld`.
    """
    cells = {**{name: added((), family) for name in sorted(also)}, **groups}
    first = MEASURES[family][0]
    gone = names({name: cell[first] for name, cell in cells.items()}, floor, also)
    return without(family, attribute, cells, gone, currency=currency), gone


def levels(people: Mapping[str, int], floor: int) -> tuple[Table, bool]:
    """Return the table of who was mailed by level, and whether `personalised` and `unclear` may be given away beside it.

    They are sums of levels. Where each class of levels is of nobody or of `floor` and more, levels are folded within their
    class; else the counts of the classes would be small cells themselves, and must not be in the file.
    """
    cells = {level: {"mailed": n} for level, n in people.items()}
    classes = [{level: people[level] for level in levels if level in people} for levels in CLASSES]
    told = not any(0 < sum(one.values()) < floor for one in classes)
    parts = [names(one, floor) for one in classes] if told else [names(people, floor)]
    return without("exposure", LEVEL, cells, frozenset().union(*parts)), told


def unlevelled(table: Table) -> Table:
    """Return a table of mail without the counts by level."""

    def cell(given: Cell) -> Cell:
        return {name: n for name, n in given.items() if name not in LEVELLED}

    rest = cell(table.suppressed) if table.suppressed is not None else None
    groups = {name: cell(one) for name, one in table.groups.items()}
    return table.model_copy(update={"total": cell(table.total), "groups": groups, "suppressed": rest})
