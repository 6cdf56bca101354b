"""A check: one claim about a connector, and how to find out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from persync.connect.result import PullResult
from persync.store.store import open_store
from persync.testing.case import Case, digests


@dataclass(frozen=True, slots=True)
class Check:
    """`run(case, thorough)` returns in a few words what it looked at; it raises AssertionError where the claim is false."""

    name: str
    claim: str
    run: Callable[[Case, bool], str]


def expect(holds: bool, otherwise: str) -> None:
    """Raise AssertionError with `otherwise` unless it holds."""
    if not holds:
        raise AssertionError(otherwise)


def said(result: PullResult) -> list[str]:
    """Return every error of a pull in the words a person would read."""
    return [str(error) for error in (*result.errors, *(one.error for one in result.streams if one.error is not None))]


def unequal(one: Path, other: Path) -> list[str]:
    """Return the tables in which two stores differ, sorted; of coverage its holes alone: there are many ways to read."""
    first, second = digests(one), digests(other)
    differ = {table for table in {*first, *second} if first.get(table) != second.get(table)} - {"coverage"}
    return sorted(differ | ({"coverage"} if holes(one) != holes(other) else set()))


def holes(path: Path) -> list[tuple[str, str]]:
    """Return (stream, partition) of every hole in a store's coverage, sorted."""
    with open_store(path) as store:
        found = store.db.execute("SELECT stream, partition FROM coverage WHERE state = 'hole' ORDER BY stream, partition")
        return [(stream, partition) for stream, partition in found]


def spread(count: int, most: int) -> list[int]:
    """Return at most `most` numbers below `count`: all, or evenly spread with the first and the last among them."""
    if count <= most:
        return list(range(count))
    return sorted({round(i * (count - 1) / (most - 1)) for i in range(most)})


def many(count: int, word: str) -> str:
    """Return a count with its word."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def listed(names: Iterable[str]) -> str:
    """Return names in a row."""
    return ", ".join(names)
