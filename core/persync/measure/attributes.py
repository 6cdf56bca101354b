"""The attributes of people that make groups, and the guard against those that do not: numbers, dates, free text, and what tells
who somebody is without a stated basis for holding it.

Which values are read at all is the mirror's rule (`persync.engine.held`), the same for every query; here what it left out is
refused by name, or said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from persync.engine.engine import Engine, once
from persync.errors import ConfigError, DataError
from persync.measure.texts import piece, run

MOST_GROUPS: Final = 50
"""More values than this are numbers, not groups."""
HOW: Final = "Import it again with a column 'basis', or state one in [connections.NAME.attributes] and pull."


def values(engine: Engine) -> dict[str, int]:
    """Return how many values each attribute in the store has that may be read, by name."""
    rows = engine.rows(
        "SELECT v.name AS name, COUNT(NULLIF(v.value, '')) AS number"
        " FROM (SELECT DISTINCT a.name AS name, a.value AS value FROM attributes AS a) AS v GROUP BY v.name ORDER BY v.name"
    )
    return {str(row["name"]): int(row["number"]) for row in rows}


def usable(engine: Engine) -> list[str]:
    """Return the attributes that make groups."""
    refused = set(unstated(engine))
    return [name for name, number in values(engine).items() if number <= MOST_GROUPS and (number or name not in refused)]


def unstated(engine: Engine) -> dict[str, int]:
    """Return of how many people each attribute is held and not read for want of a stated basis, {name: people}."""

    def found() -> dict[str, int]:
        return {str(row["name"]): int(row["people"]) for row in run(engine, piece("people_unstated"), {})}

    return once(engine, "attributes unstated", found)


def check(engine: Engine, attribute: str, known: Mapping[str, int] | None = None) -> None:
    """Raise DataError when an attribute has too many values to make groups, ConfigError when it tells who somebody is and no
    basis is stated. `known` is what `values` found."""
    number = (values(engine) if known is None else known).get(attribute, 0)
    if number > MOST_GROUPS:
        raise DataError(
            f"'{attribute}' has {number:,} values, which are no groups.",
            hint=f"Coarsen it to at most {MOST_GROUPS} groups before it is imported.",
        )
    if not number:
        refuse(engine, [attribute])


def refuse(engine: Engine, names: Iterable[str]) -> None:
    """Raise ConfigError for an attribute that tells who somebody is (age, gender, place ...) and is held on no stated basis."""
    wanted = list(names)
    bare = unstated(engine) if wanted else {}
    held = values(engine) if bare else {}
    for name in wanted:
        if name in bare and not held[name]:
            raise ConfigError(f"'{name}' tells who somebody is, and no basis for holding it is stated.", hint=HOW)


def left_out(engine: Engine, names: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each of the attributes that is held of some people without a basis: they count as unknown."""
    held, bare = values(engine), unstated(engine)
    for name in dict.fromkeys(names):
        if name in bare and held.get(name):
            people, they = ("person", "it counts") if bare[name] == 1 else ("people", "they count")
            yield f"'{name}' of {bare[name]:,} {people} is held without a stated basis: {they} as unknown."
