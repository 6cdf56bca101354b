"""An importer: a documented CSV shape and the pure function from its lines to rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from persync.rows import Row


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file. `kind`: person, text, time, money, number, integer, flag, currency."""

    name: str
    kind: Literal["person", "text", "time", "money", "number", "integer", "flag", "currency", "share"]
    required: bool = True
    help: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Importer:
    """One kind of file: `rows(line, number)` gets the parsed values of one line by column name."""

    kind: str
    summary: str
    columns: tuple[Column, ...]
    rows: Callable[[dict[str, Any], int], Iterator[Row]]
