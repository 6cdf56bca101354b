"""Small cells never leave: they are folded into one, with as many others as it takes that no total gives them away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from persync.federate.document import MEASURES, Cell, Family, Table


def added(cells: Iterable[Mapping[str, int]], family: Family) -> Cell:
    """Return cells of a family added up; those without squares give none."""
    out = dict.fromkeys(MEASURES[family], 0)
    for cell in cells:
        for name, n in cell.items():
            out[name] += n
    return out


def withheld(total: Mapping[str, int], family: Family, floor: int) -> bool:
    """Tell whether even the total is of somebody, and of fewer than `floor`: there is nothing to fold it into."""
    return 0 < total[MEASURES[family][0]] < floor


def folded(
    family: Family,
    attribute: str,
    groups: Mapping[str, Cell],
    floor: int,
    *,
    currency: str = "",
    also: frozenset[str] = frozenset(),
) -> tuple[Table, frozenset[str]]:
    """Return the table in which groups of fewer than `floor` (and those in `also`) are one cell `suppressed`, and their names.

    A cell of nobody says that nobody is in it, and stays unless it is in `also`. Folded are two groups or more, together
    of `floor` or more (the smallest others join it until it is); the total itself must be of as many, see `withheld`.
    """
    first = MEASURES[family][0]
    cells = {**{name: added((), family) for name in also}, **groups}
    sizes = {name: cell[first] for name, cell in cells.items()}
    gone = {name for name, n in sizes.items() if 0 < n < floor or name in also}
    for _, name in sorted((n, name) for name, n in sizes.items() if n > 0):
        if not gone or (len(gone) > 1 and sum(sizes[other] for other in gone) >= floor):
            break
        gone.add(name)
    kept = {name: cell for name, cell in cells.items() if name not in gone}
    rest = added((cells[name] for name in gone), family) if gone else None
    total = added(cells.values(), family)
    return Table(family=family, attribute=attribute, currency=currency, total=total, groups=kept, suppressed=rest), frozenset(
        gone
    )
