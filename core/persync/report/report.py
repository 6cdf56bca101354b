"""The report as data: sections of tables, figures and notes; renderers know nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure.metric import Ask
from persync.money import Money

Profile = Literal["starter", "full", "audit"]
"""How much of the report is wanted: one page for a beginning, all of it, or what somebody needs who has to check it."""
PROFILES: Final[tuple[Profile, ...]] = get_args(Profile)

Cell = Estimate | Money | str | int | float | None
"""One cell: an Estimate carries its interval, Money its currency; a bare float is allowed only for shares in such a column."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading, what kind of value it holds and, for people, what it means."""

    name: str
    title: str
    kind: Literal["text", "money", "share", "count", "ratio", "points", "estimate", "time"] = "text"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns. `caption` is one sentence; `has_total` marks the last row as a sum.

    `layout` is `rows`, or `tiles` for the few numbers that are shown large: one tile a row, of the columns
    heading, value and (if there is a third) what it means.
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    has_total: bool = False
    layout: Literal["rows", "tiles"] = "rows"


@dataclass(frozen=True, slots=True)
class Figure:
    """A Vega-Lite spec without colours of its own (they are CSS variables), the text that stands for it, and its data.

    When the section also shows `table` as a block of its own (same name), renderers do not print it twice.
    """

    name: str
    caption: str
    alt: str
    spec: Mapping[str, Any]
    table: Table


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence or two in words.

    `tone`: answer (the computed words), info, warning, or definition (how something is worked out: kept one click away
    where there is something to click), or glossary: a definition to look up, together with others behind one click, left out
    of what is printed and of what is sent as text, or coverage: how far the data reach. `heading` is the question that the
    words answer, or the term they define.
    """

    text: str
    tone: Literal["answer", "info", "warning", "definition", "glossary", "coverage"] = "info"
    heading: str = ""


Block = Table | Figure | Note


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a section may read: the engine, the question, and what the host knows (models, metrics, facts of the project)."""

    engine: Engine
    ask: Ask
    models: tuple[Any, ...] = ()
    metrics: Mapping[str, Any] = field(default_factory=dict)
    project: Mapping[str, Any] = field(default_factory=dict)
    """name of the shop, connections with their connectors, versions, aliases of shops"""
    profile: Profile = "full"
    """of the report that is being made: a section may say less, or more"""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report; `order` sorts it. `build` returns its blocks, or raises DataError when it has nothing to say.

    `profiles` are the reports it belongs to unless a reader asks for it by name.
    """

    name: str
    title: str
    build: Callable[[Inputs], Sequence[Block]]
    order: int = 500
    profiles: tuple[Profile, ...] = ("full", "audit")


@dataclass(frozen=True, slots=True)
class BuiltSection:
    """A section that was built."""

    name: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a renderer needs."""

    title: str
    persync: str
    made_at: int
    period: tuple[int, int] | None
    timezone: str
    sections: tuple[BuiltSection, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    profile: Profile = "full"
