"""Checks of a file that need one line alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from persync.imports.importer import FileCheck, Stored

Rule = Callable[[dict[str, Any]], str | None]
"""a parsed line -> what is wrong with it, or None"""


@dataclass(frozen=True, slots=True)
class EachLine:
    """Holds every line against rules."""

    rules: tuple[Rule, ...]

    def see(self, line: dict[str, Any], number: int) -> str | None:
        """Return what the first broken rule says."""
        return next((said for rule in self.rules if (said := rule(line))), None)

    def end(self, stored: Stored) -> Iterator[tuple[int, str]]:
        """Nothing hangs on the whole file."""
        yield from ()

    def complete(self, line: dict[str, Any]) -> None:
        """Nothing is added."""


def each_line(*rules: Rule) -> Callable[[], FileCheck]:
    """Return the check that holds every line against these rules."""
    return lambda: EachLine(rules)


def not_negative(*columns: str) -> Rule:
    """Return the rule that none of these columns is below zero."""

    def rule(line: dict[str, Any]) -> str | None:
        below = next((column for column in columns if line[column] is not None and line[column] < 0), None)
        return f"'{below}' is below zero." if below else None

    return rule


def in_order(line: dict[str, Any]) -> str | None:
    """A period ends after it begins."""
    return None if line["to"] > line["from"] else "the period ends before it begins."
