"""The groups that fairness is assessed between: one opted-in attribute, or two crossed; never inferred.

`unknown` is always a group of its own: people whose value is missing or differs between systems. The basis on which an
attribute is held stands beside it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from persync.engine.engine import Engine
from persync.errors import ConfigError, DataError, nearest
from persync.measure import attributes, rules
from persync.measure.metric import Ask
from persync.measure.texts import piece

UNKNOWN: Final = "unknown"
TIMES: Final = " × "
"""stands between the halves of a crossed group's name"""
DEEPEST: Final = 2
MOST_CROSSED: Final = 400
"""More cells than this are no groups that anybody reads."""


@dataclass(frozen=True, slots=True)
class Groups:
    """What makes the groups: the names of one attribute, or of two that are crossed."""

    names: tuple[str, ...]

    @property
    def title(self) -> str:
        """What stands as `attribute` in an estimate's `by`."""
        return TIMES.join(self.names)

    @property
    def text(self) -> str:
        """The CTE `group_values` (person, value)."""
        return piece("groups" if len(self.names) == 1 else "groups_crossed")

    @property
    def params(self) -> dict[str, Any]:
        """The parameters of `text`."""
        return dict(zip(("attribute", "second"), self.names, strict=False))

    def halves(self, group: str) -> tuple[str, ...]:
        """Return the value of each attribute in a group's name."""
        if group == UNKNOWN:
            return (UNKNOWN,) * len(self.names)
        return (group,) if len(self.names) == 1 else tuple(group.split(TIMES, 1))

    def hidden(self, tables: Iterable[Mapping[str, int]], ask: Ask) -> frozenset[str]:
        """Return the groups to hide alike in all tables over them ({group: people}), so that no total gives one away.

        Of crossed groups the totals are those of each attribute alone as well: what is hidden there is hidden here, with all
        that is crossed with it.
        """
        every = list(tables)
        if len(self.names) == 1:
            return rules.hidden_in_any(every, ask.suppress_n)
        tables_of_two = [{self.halves(name): (name, n) for name, n in table.items()} for table in every]
        margins = [
            rules.hidden_in_any([_margin(table, axis) for table in tables_of_two], ask.suppress_n) for axis in range(DEEPEST)
        ]
        out: frozenset[str] = frozenset()
        while True:
            more = out
            for table in tables_of_two:
                more |= hidden_crossed(table, ask.suppress_n, more, margins)
            if more == out:
                return out
            out = more


def of(engine: Engine, attribute: str | Sequence[str]) -> Groups:
    """Return the groups of one attribute or of two crossed; see `of_each`."""
    return of_each(engine, [attribute])[0]


def of_each(engine: Engine, wanted: Sequence[str | Sequence[str]]) -> list[Groups]:
    """Return the groups of each: of one attribute or of two crossed.

    Raises DataError when nobody has one of them or it has too many values to make groups, ConfigError when an attribute is
    crossed with itself, more than two are, or one that tells who somebody is is held on no stated basis.
    """
    sizes = attributes.values(engine)
    return [_checked(engine, (one,) if isinstance(one, str) else tuple(one), sizes) for one in wanted]


def _checked(engine: Engine, names: tuple[str, ...], sizes: Mapping[str, int]) -> Groups:
    if len(names) > DEEPEST or len(set(names)) < len(names) or not names:
        raise ConfigError("groups are crossed from two different attributes.", hint="--cross takes A,B.")
    for name in names:
        if name not in sizes:
            hint = nearest(name, list(sizes)) or "Attributes are opt-in: name them in a connection's settings, or import them."
            raise DataError(f"nobody in the store has the attribute '{name}'.", hint=hint)
        attributes.check(engine, name, sizes)
    cells = math.prod(sizes.get(name, 0) + 1 for name in names)
    if len(names) > 1 and cells > MOST_CROSSED:
        raise DataError(
            f"'{names[0]}' and '{names[1]}' crossed make {cells:,} groups.", hint=f"Coarsen them to at most {MOST_CROSSED}."
        )
    return Groups(names)


def is_known(group: str) -> bool:
    """Tell whether every attribute in a group's name is known."""
    return UNKNOWN not in group.split(TIMES, 1)


def basis(engine: Engine, groups: Groups) -> dict[str, tuple[str, ...]]:
    """Return {attribute: the bases it is held on}; () where none was stated."""
    rows = engine.rows(
        "SELECT DISTINCT a.name AS name, a.basis AS basis FROM attributes AS a WHERE TRIM(COALESCE(a.basis, '')) <> ''"
        " ORDER BY 1, 2"
    )
    return {name: tuple(str(row["basis"]) for row in rows if row["name"] == name) for name in groups.names}


Table = Mapping[tuple[str, ...], tuple[str, int]]
"""a two-way table: {(row, column): (name, people)}"""


def hidden_crossed(
    cells: Table, floor: int, also: frozenset[str] = frozenset(), dark: Sequence[frozenset[str]] = ()
) -> frozenset[str]:
    """Return the cells of a two-way table to hide where its margins are shown as well, those in `also` among them. `dark` names
    the rows and the columns whose margins are not shown; without it those that rule E1 hides in this table.

    Margins that are hidden themselves take their whole line with them; in each other line no hidden cell stands alone or with
    fewer than `floor` people; and no hidden cell can be worked out from several lines together: that is so exactly when it
    lies on no cycle of hidden cells through rows and columns (a bridge of the graph that has lines for nodes).
    """
    full = {key: (name, n) for key, (name, n) in cells.items() if n > 0}
    margins = dark or [rules.hidden(_margin(full, axis), floor) for axis in range(DEEPEST)]
    out = frozenset(name for key, (name, _) in full.items() if name in also or key[0] in margins[0] or key[1] in margins[1])
    lines = [{name: n for key, (name, n) in full.items() if key[a] == line} for a in (0, 1) for line in _lines(full, a)]
    while True:
        more = out.union(*(rules.hidden(line, floor, out) for line in lines))
        if more == out:
            bare = _bridges([key for key, (name, _) in full.items() if name in out])
            bare = [key for key in bare if key[0] not in margins[0] and key[1] not in margins[1]]
            if not bare:
                return out
            near = [(n, name) for key, (name, n) in full.items() if name not in out and _beside(key, bare[0])]
            rest = near or [(n, name) for name, n in full.values() if name not in out]
            if not rest:
                return out
            more = out | {min(rest)[1]}
        out = more


def _margin(cells: Table, axis: int) -> dict[str, int]:
    """Return how many people each row, or column, has."""
    return {line: sum(n for key, (_, n) in cells.items() if key[axis] == line) for line in _lines(cells, axis)}


def _lines(cells: Iterable[tuple[str, ...]], axis: int) -> list[str]:
    return sorted({key[axis] for key in cells})


def _beside(key: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return (key[0] == other[0]) != (key[1] == other[1])


def _bridges(cells: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the cells without which the graph of hidden cells (rows and columns its nodes) falls apart."""
    beside: dict[tuple[int, str], set[tuple[int, str]]] = defaultdict(set)
    for row, column in cells:
        beside[0, row].add((1, column))
        beside[1, column].add((0, row))
    found: list[tuple[str, ...]] = []
    for row, column in sorted(cells):
        start, end = (0, row), (1, column)
        seen, todo = {start}, [start]
        while todo and end not in seen:
            here = todo.pop()
            more = [node for node in beside[here] if node not in seen and (here, node) != (start, end)]
            seen.update(more)
            todo += more
        if end not in seen:
            found.append((row, column))
    return found
