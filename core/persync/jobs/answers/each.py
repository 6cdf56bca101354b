"""Reading one thing after the other, of which some may have no data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from persync.errors import DataError

T = TypeVar("T")
E = TypeVar("E")


def read_each(
    things: Sequence[T], read: Callable[[T], Sequence[E]], *, tolerant: bool, tell: Callable[[str], object]
) -> list[E]:
    """Read one thing after the other. With `tolerant`, one that has no data is told and left out, unless all are."""
    found: list[E] = []
    problems: list[DataError] = []
    for thing in things:
        try:
            found += read(thing)
        except DataError as error:
            problems.append(error)
            if not tolerant:
                break
    if problems and not (found and tolerant):
        raise problems[0]
    for problem in problems:
        tell(str(problem))
    return found
