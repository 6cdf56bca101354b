"""A check: one claim about a connector, and how to find out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from persync.connect.result import PullResult
from persync.store.store import open_store
from persync.testing.case import Case, Peace, digests

NOTHING: Final = "nothing was tried"


class NotTriedError(Exception):
    """A check found nothing that it could try; its text is the reason. Neither green nor red."""


@dataclass(frozen=True, slots=True)
class Check:
    """`run(case, thorough)` returns in a few words what it looked at; it raises AssertionError where the claim is false, and
    NotTriedError where nothing could be tried.

    `needs` names checks without which this one says nothing: it is not tried unless they hold.
    """

    name: str
    claim: str
    run: Callable[[Case, bool], str]
    needs: tuple[str, ...] = ()

    def hold(self, case: Case, thorough: bool, others: Iterable[Check]) -> str:
        """Run the check, after those that it needs; remember in the case whether it held. Raises as `run` does."""
        known = {one.name: one for one in others}
        for name in self.needs:
            if name not in case.verdicts:
                try:
                    known[name].hold(case, thorough, known.values())
                except Exception:  # whatever it is, that check tells it when it is its turn
                    case.verdicts[name] = False
            if not case.verdicts[name]:
                raise NotTriedError(f"'{name}' does not hold, so this would say nothing.")
        case.verdicts[self.name] = False
        told = self.run(case, thorough)
        case.verdicts[self.name] = True
        return told


def expect(holds: bool, otherwise: str) -> None:
    """Raise AssertionError with `otherwise` unless it holds."""
    if not holds:
        raise AssertionError(otherwise)


def said(result: PullResult) -> list[str]:
    """Return every error of a pull in the words a person would read."""
    return [str(error) for error in (*result.errors, *(one.error for one in result.streams if one.error is not None))]


def unequal(one: Path, peace: Peace) -> list[str]:
    """Return the tables in which a store differs from what an undisturbed pull left, sorted; of coverage its holes alone: there
    are many ways to read."""
    first, second = digests(one), peace.digests
    differ = {table for table in {*first, *second} if first.get(table) != second.get(table)} - {"coverage"}
    return sorted(differ | ({"coverage"} if holes(one) != holes(peace.store) else set()))


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
