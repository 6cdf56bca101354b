"""`attributes`: what is known of people, by opt-in: numbers serve as covariates, words as groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from persync.coarse import coarse, identifies, is_birth, needs_basis
from persync.imports.checks import EachLine
from persync.imports.importer import Column, Importer
from persync.imports.values import shown
from persync.rows import Attribute, Row


class MayBeHeld:
    """The rule of what may be stored; what goes for an attribute as a whole is said once in a file, of its first line."""

    def __init__(self, bases: Mapping[str, str]) -> None:
        self._bases = bases
        self._told: set[str] = set()

    def __call__(self, line: dict[str, Any]) -> str | None:
        """Return what is wrong with an attribute, at its first line, or with its value."""
        name, value = line["name"], line["value"]
        if name in self._told:
            return None
        if wrong := self._name(name, value, line["basis"] or self._bases.get(name)):
            self._told.add(name)
            return wrong
        if identifies(name, value):
            self._told.add(name)
            return f"a value of {shown(name)} looks like a person's name or address, and is never stored."
        return None if coarse(name, value) else f"the value of {shown(name)} is neither an age nor a band such as 30-44."

    @staticmethod
    def _name(name: str, value: str, basis: str | None) -> str | None:
        if identifies(name):
            return f"{shown(name)} says who a person is, and is never stored."
        if is_birth(name):
            return f"{shown(name)} is never stored; write an age or its band (30-44) under another name."
        if not basis and needs_basis(name, value):
            where = "the column 'basis', or [connections.NAME.attributes] of a `files` connection, says why you may hold it"
            return f"{shown(name)} tells who somebody is, and no basis is stated: {where}."
        return None


def attributes_importer(bases: Mapping[str, str]) -> Importer:
    """Return the importer for a connection that states these bases, {name: why it may be held}; a line may state its own."""

    def rows(line: dict[str, Any], number: int) -> Iterator[Row]:
        """One attribute a line, as coarse as it may be stored."""
        name, basis = line["name"], line["basis"] or bases.get(line["name"])
        yield Attribute(person=line["person"], name=name, value=coarse(name, line["value"]), basis=basis)

    return Importer(
        kind="attributes",
        summary="What is known of people: numbers serve as covariates, words as groups.",
        columns=(
            Column("person", "person", help="of whom it is known"),
            Column("name", "text", help="age_band, country, recency ..."),
            Column("value", "text", help="coarse enough not to name anybody"),
            Column("basis", "text", required=False, help="why you may hold it; needed for who somebody is"),
        ),
        rows=rows,
        once=("person", "name"),
        check=lambda: EachLine((MayBeHeld(bases),)),
        opted_in=attributes_importer,
    )


ATTRIBUTES = attributes_importer({})
