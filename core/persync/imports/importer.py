"""An importer: a documented CSV shape and the pure function from its lines to rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from persync.rows import Person, Row

__all__ = ["Column", "FileCheck", "Importer", "Stored"]

Draw = tuple[str, Person]
"""(experiment, person)"""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store has already of the file's connection; every question is asked anew at each call.

    `orders` gives of numbers of orders the currency of each known one, `arms` of (experiment, person) the arm of each person
    who was drawn.
    """

    orders: Callable[[Collection[str]], Mapping[str, str]] = lambda orders: {}
    arms: Callable[[Collection[Draw]], Mapping[Draw, str]] = lambda draws: {}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file.

    A cell of a required column must not be empty, unless `may_be_empty`; an optional column may be absent, its empty cell
    is None. `choices` are the words allowed in a text column, `least` and `most` the bounds of an integer.
    """

    name: str
    kind: Literal["person", "text", "time", "money", "number", "integer", "flag", "currency", "share"]
    required: bool = True
    help: str = ""
    choices: tuple[str, ...] = ()
    may_be_empty: bool = False
    least: int | None = None
    most: int | None = None


class FileCheck(Protocol):
    """What must be known of a whole file before its first row is kept."""

    def see(self, line: dict[str, Any], number: int) -> str | None:
        """Look at one parsed line and its number; return what is wrong with it in the light of those before, or None."""
        ...

    def end(self, stored: Stored) -> Iterator[tuple[int, str]]:
        """Yield (line, what is wrong with it) for what only the whole file and the store together could tell."""
        ...

    def complete(self, line: dict[str, Any]) -> None:
        """Add to a line what only the whole file could tell, before it becomes rows."""
        ...


@dataclass(frozen=True, slots=True)
class Importer:
    """One kind of file: `rows(line, number)` gets the parsed values of one line by column name, and the line's number.

    Times arrive as epoch ms, money as minor units of the line's currency, flags as bool, a person as `rows.Person`.
    `once` names columns that together may stand in one line only. `counted` names columns within which equal lines are
    numbered from 0; the number is `line["ordinal"]`. With `takes_back` a changed file takes back what it alone said before in
    the same places, a place being all of a row's entry before its last `|` (of costs, advertising, and an order's money).
    `check` makes the checks that need the whole file. `opted_in` returns the importer for a connection that has opted in to
    attributes, {name: basis}. `sample` is a small file that it reads, as text, for `persync plugins check`; without one a
    line is made from the columns.
    """

    kind: str
    summary: str
    columns: tuple[Column, ...]
    rows: Callable[[dict[str, Any], int], Iterator[Row]]
    once: tuple[str, ...] = ()
    counted: tuple[str, ...] = ()
    takes_back: bool = False
    check: Callable[[], FileCheck] | None = None
    opted_in: Callable[[Mapping[str, str]], Importer] | None = None
    sample: str = ""

    def of(self, attributes: Mapping[str, str]) -> Importer:
        """Return the importer for a file of a connection that has opted in to these attributes."""
        return self.opted_in(attributes) if self.opted_in else self
