"""Somebody who wants to know what a file does not say: the bounds that its numbers leave to a folded cell, as linear programs.

They know the file, the rules by which its numbers hang together, and the names of the groups; where a table lists any group
also that somebody is in each of the others. Who is in a cell, and what they did, are the unknowns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linprog

from persync.federate.document import LEVEL, MEASURES, Export, Table
from persync.measure.people import LEVELS

Name = tuple[str, str, str, str, str]
"""family, attribute, currency, group, measure"""
AT_MOST = {
    "mail": (
        ("mailed", "people"), ("mailed", "sends"), ("clickers", "people"), ("clickers", "clicks"), ("delivered", "sends"),
        ("personalised", "mailed"), ("unclear", "mailed"),
    ),
    "exposure": (),
    "money": (("buyers", "payers"), ("buyers", "orders"), ("refunds", "reversals")),
}  # fmt: skip
"""{family: (what is never more, than what)}"""


@dataclass
class Attacker:
    """The unknowns of a file and all that is known of them."""

    names: list[Name] = field(default_factory=list)
    least: list[float] = field(default_factory=list)
    equal: list[tuple[dict[Name, float], float]] = field(default_factory=list)
    at_most: list[tuple[dict[Name, float], float]] = field(default_factory=list)

    def bounds(self, name: Name) -> tuple[float, float]:
        """Return the least and the most that one unknown can be."""
        at = {one: number for number, one in enumerate(self.names)}

        def matrix(rows: list[tuple[dict[Name, float], float]]) -> tuple[np.ndarray | None, list[float] | None]:
            if not rows:
                return None, None
            made = np.zeros((len(rows), len(at)))
            for number, (parts, _) in enumerate(rows):
                for one, factor in parts.items():
                    made[number, at[one]] = factor
            return made, [value for _, value in rows]

        (a_eq, b_eq), (a_ub, b_ub) = matrix(self.equal), matrix(self.at_most)
        ends = []
        for sign in (1, -1):
            aim = np.zeros(len(at))
            aim[at[name]] = sign
            found = linprog(aim, a_ub, b_ub, a_eq, b_eq, bounds=[(low, None) for low in self.least], method="highs")
            assert found.status in (0, 3), found.message
            ends.append(sign * found.fun if found.status == 0 else float("inf"))
        return ends[0], ends[1]


def unlisted(table: Table, groups: Iterable[str]) -> list[str]:
    """Return the groups that a table with a folded cell does not list."""
    return [group for group in groups if group not in table.groups] if table.suppressed is not None else []


def lacking(table: Table) -> list[tuple[str, str]]:
    """Return (group, measure) of what the listed cells do not tell."""
    return [(group, one) for one in table.total for group, cell in table.groups.items() if one not in cell]


def attack(export: Export, groups: Mapping[str, Iterable[str]]) -> Attacker:
    """Write down all that a file says of its folded cells and of what its cells do not tell. `groups` are the names of an
    attribute's groups."""
    known = Attacker()
    domain = {**groups, LEVEL: LEVELS}
    tables = {table.key: table for table in export.tables}
    for (family, attribute, _), table in tables.items():
        hidden = unlisted(table, domain.get(attribute, ()))
        measures = [one for one in MEASURES[family] if one in table.total and one != "squares"]
        for measure in measures:
            _sums(known, table, measure, hidden)

        def term(group: str, measure: str, table: Table = table) -> tuple[dict[Name, float], float]:
            """What a number is: an unknown, or what the file says."""
            cell = table.groups.get(group, {})
            name = (*table.key, group, measure)
            return ({}, cell[measure]) if measure in cell else ({name: 1.0}, 0.0)

        def never_more(parts: list[tuple[dict[Name, float], float]], whole: tuple[dict[Name, float], float]) -> None:
            factors = {name: n for names, _ in parts for name, n in names.items()} | {name: -n for name, n in whole[0].items()}
            if factors:
                known.at_most.append((factors, whole[1] - sum(n for _, n in parts)))

        for group in (*hidden, *table.groups) if attribute else ():
            for less, more in AT_MOST[family]:
                if less in measures and more in measures:
                    never_more([term(group, less)], term(group, more))
            if family == "mail" and "unclear" in measures:
                never_more([term(group, "personalised"), term(group, "unclear")], term(group, "mailed"))
            people = tables.get(("mail", attribute, ""))
            if family == "money" and people is not None and group != "unknown" and group in hidden:
                never_more([term(group, "payers")], term(group, "people", people))
    _levels(known, export, tables)
    return known


def _sums(known: Attacker, table: Table, measure: str, hidden: list[str]) -> None:
    """What the sums of one measure say of the groups that are not listed (`hidden`) and of the listed cells that lack it.

    Where some listed cell is of nothing, a count that a cell lacks is known not to be: those of nothing are left out last.
    """
    mine = [(*table.key, group, measure) for group in hidden]
    open_ = [(*table.key, group, measure) for group, cell in table.groups.items() if measure not in cell]
    shown = sum(cell.get(measure, 0) for cell in table.groups.values())
    rest = table.suppressed or {}
    known.names += mine + open_
    is_there = measure == "people" and bool(table.groups)
    known.least += [1.0 if is_there else 0.0] * len(mine)
    has_none = any(one.get(measure) == 0 for one in (*table.groups.values(), *([rest] if rest else [])))
    known.least += [1.0 if has_none else 0.0] * len(open_)
    left = table.total[measure] - shown
    if mine and measure in rest:
        known.equal.append((dict.fromkeys(mine, 1.0), rest[measure]))
        mine, left = [], left - rest[measure]
    if mine or open_:
        known.equal.append((dict.fromkeys((*mine, *open_), 1.0), left))


def _levels(known: Attacker, export: Export, tables: Mapping[tuple[str, str, str], Table]) -> None:
    """What the other tables say of the table by level: their `personalised` and `unclear` are sums of it."""
    exposure = tables.get(("exposure", LEVEL, ""))
    for table in export.tables if exposure is not None else ():
        if table.family != "mail" or "personalised" not in table.total:
            continue
        total = table.total
        rest = total["mailed"] - total["personalised"] - total["unclear"]
        sums = {("2", "3", "4"): total["personalised"], ("unknown",): total["unclear"], ("0", "1"): rest}
        for levels, n in sums.items():
            hidden = unlisted(exposure, levels)
            shown = sum(exposure.groups[level]["mailed"] for level in levels if level in exposure.groups)
            if hidden:
                known.equal.append(({("exposure", LEVEL, "", level, "mailed"): 1.0 for level in hidden}, n - shown))
