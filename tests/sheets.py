"""What is known of a vendor, held against the page that says what persync makes of it.

The page's tables have lines of three cells: an endpoint, a field or a trap; the rule; the tests. `KNOWN` of each vendor's test
names what must have a line, and while the fact sheet is at hand each of its fields, paths and those phrases is looked up there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
HEAD = "endpoint, field or trap"
_FIELD = re.compile(r"(?<!\w)[a-z]+(?:_[a-z0-9]+)+(?!\w)|(?<!\w)[a-z]+[A-Z][A-Za-z]+(?!\w)")
_PATH = re.compile(r"(?<![\w.:/}])/[a-z][a-z0-9_{}./-]*[a-z}]")


class Line(NamedTuple):
    """One line of a page: `parts` of the sheet it is about, the trap, the rule, the tests' names."""

    parts: frozenset[str]
    trap: str
    rule: str
    tests: str

    @property
    def is_left_out(self) -> bool:
        return self.rule.startswith("left out")


@cache
def lines(vendor: str, title: str) -> tuple[Line, ...]:
    """Return the lines of the hand-written tables of a vendor's page."""
    text = (ROOT / "docs" / f"{vendor}.md").read_text("utf-8").partition(f"## What {title} really does")[2]
    found, part = [], ""
    for row in text.splitlines():
        if heading := re.match(r"### (\d)\.", row):
            part = heading[1]
        elif row.startswith("| ") and not row.startswith(("| --- ", f"| {HEAD} ")):
            trap, rule, tests = (cell.strip() for cell in row.strip().strip("|").split(" | "))
            # A page has its parts as headings, or before each trap.
            parts = [part] if part else trap.partition(":")[0].split(", ")
            found.append(Line(frozenset(parts), trap, rule, tests))
    return tuple(found)


@cache
def all_tests() -> frozenset[str]:
    """Return the names of all tests of the project."""
    return frozenset(
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
    )


def problems(found: Iterable[Line]) -> list[str]:
    """Return what is wrong with lines: no rule, no test, a test that does not exist."""
    wrong = []
    for line in found:
        named = set(re.findall(r"`(test_\w+)`", line.tests))
        if not line.rule or not re.fullmatch(r"`test_\w+`(, `test_\w+`)*", line.tests):
            wrong.append(f"{line.trap}: {line.rule}: {line.tests}")
        wrong += [f"{line.trap}: {name}" for name in sorted(named - all_tests())]
    return wrong


def plain(text: str) -> str:
    """Return a text without marks of code and emphasis, in lower case, on one line."""
    return " ".join(text.replace("`", "").replace("**", "").lower().split())


def untold(known: Mapping[str, Iterable[str]], found: Iterable[Line]) -> list[tuple[str, str]]:
    """Return (part, phrase) of what is known and has no line of its part."""
    told = [(line.parts, plain(f"{line.trap} | {line.rule}")) for line in found]
    return [
        (part, phrase)
        for part, phrases in known.items()
        for phrase in phrases
        if not any(part in parts and plain(phrase) in text for parts, text in told)
    ]


def sheet_of(shared: Path, vendor: str) -> dict[str, str]:
    """Return the numbered parts of a fact sheet: {"1": text}; what follows them (its sources) is left out."""
    text = (shared / "specs" / f"{vendor}.md").read_text("utf-8")
    pieces = re.split(r"^## (?:(\d+)\.)?.*$", text, flags=re.MULTILINE)
    return {number: piece for number, piece in zip(pieces[1::2], pieces[2::2], strict=True) if number}


def unfounded(known: Mapping[str, Iterable[str]], sheet: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return (part, phrase) of what is said to be known and does not stand in that part of the sheet."""
    return [(part, phrase) for part, phrases in known.items() for phrase in phrases if plain(phrase) not in plain(sheet[part])]


def fields_in(text: str) -> set[str]:
    """Return the names in snake_case and camelCase in a text."""
    return set(_FIELD.findall(text))


def paths_in(text: str) -> set[str]:
    """Return the paths in a text, with `{}` for whatever varies."""
    return {re.sub(r"\{[^}]*\}", "{}", path) for path in _PATH.findall(text)}


@cache
def read_names(plugin: str) -> frozenset[str]:
    """Return the words in the texts and the record types of a connector's code; those of its imitation are not among them."""
    found: set[str] = set()
    for path in (ROOT / "plugins" / plugin / f"persync_{plugin}").glob("*.py"):
        # What is known to come and not read has a list of its own.
        if path.name.startswith(("sandbox", "unused")):
            continue
        tree = ast.parse(path.read_text("utf-8"))
        # A text that stands alone is a docstring: it says what is not read, too.
        notes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "unused":
                notes |= {id(each) for each in ast.walk(node.value)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in notes:
                found |= set(re.findall(r"\w+", node.value))
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found.add(node.target.id)
    return frozenset(found)


@cache
def asked_names(plugin: str) -> frozenset[str]:
    """Return the words in a connector's GraphQL texts: what is asked for."""
    folder = ROOT / "plugins" / plugin / f"persync_{plugin}" / "queries"
    texts = [path.read_text("utf-8") for path in folder.glob("*.graphql")]
    lines = [line.partition("#")[0] for text in texts for line in text.splitlines()]
    return frozenset(re.findall(r"\w+", "\n".join(lines)))


def page_text(found: Iterable[Line]) -> str:
    """Return all that the lines say, without the names of tests."""
    return "\n".join(f"{line.trap} | {line.rule}" for line in found)
