"""The house: who may import whom, and what is public."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ORDER = [
    {"nearness", "redact"},
    {"errors"},
    {"money", "personal"},
    {"rows", "estimate", "coarse"},
    {"store"},
    {"engine", "connect"},
    {"attribution", "imports"},
    {"measure"},
    {"report"},
    {"hookspecs", "plugins", "settings", "secrets", "loopback"},
    {"sandbox", "testing", "jobs", "privacy", "federate", "serve", "export", "notebook", "bi"},
    {"cli"},
]
"""From the ground up. A room imports its own floor and those below; `persync` itself is below them all."""

FLOOR = {room: floor for floor, rooms in enumerate(ORDER) for room in rooms}

APART = [
    ("engine", "connect"),
    ("attribution", "connect"),
    ("measure", "connect"),
    ("report", "connect"),
    ("connect", "engine"),
    ("attribution", "imports"),
    ("measure", "imports"),
    ("report", "imports"),
    ("report", "store"),
]
"""Pairs (importer, imported) that the floors alone would allow and the house forbids: the right side knows no vendor."""

PURE = {"httpx", "sqlite3", "sqlite_utils", "click", "os", "time", "socket", "subprocess"}
PUBLIC = {
    "persync",
    "errors",
    "money",
    "estimate",
    "rows",
    "coarse",
    "hookspecs",
    "connect",
    "engine",
    "imports",
    "attribution",
    "measure",
    "report",
    "sandbox",
    "testing",
}


def imports_at_run_time(path: Path) -> list[tuple[int, str]]:
    """Return (line, dotted name) of every import but those for the type checker alone."""
    tree = ast.parse(path.read_text("utf-8"))
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            skipped |= {id(child) for child in ast.walk(node)}
    found = []
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are written in full"
            if node.module == "persync":
                found += [(node.lineno, f"persync.{alias.name}") for alias in node.names]
            else:
                found.append((node.lineno, node.module or ""))
    return found


def room_of(path: Path, root: Path) -> str:
    parts = path.relative_to(root / "core" / "persync").parts
    return parts[0].removesuffix(".py") if parts[0] != "__init__.py" else ""


def test_imports_run_one_way(root: Path) -> None:
    wrong = []
    for path in sorted((root / "core" / "persync").rglob("*.py")):
        room = room_of(path, root)
        for line, name in imports_at_run_time(path):
            if not name.startswith("persync."):
                continue
            other = name.split(".")[1]
            if other not in FLOOR or not room or other == room:
                continue
            if FLOOR[other] > FLOOR[room] or (room, other) in APART:
                wrong.append(f"{path.relative_to(root)}:{line}: {room} imports {other}")
    assert wrong == []


def test_every_room_has_its_floor(root: Path) -> None:
    rooms = {room_of(path, root) for path in (root / "core" / "persync").rglob("*.py")} - {""}
    assert rooms <= set(FLOOR), "a new room needs its place in ORDER"


def test_no_text_is_lost_beside_the_line_that_it_belongs_to(root: Path) -> None:
    """A second half without brackets around both is a statement of its own, which says nothing."""
    lost = []
    for path in [*sorted((root / "core").rglob("*.py")), *sorted((root / "plugins").rglob("*.py"))]:
        text = path.read_text("utf-8")
        lines = text.splitlines()
        lost += [
            f"{path.relative_to(root)}:{one.lineno}"
            for one in ast.walk(ast.parse(text))
            if isinstance(one, ast.Expr)
            and isinstance(one.value, ast.Constant | ast.JoinedStr)
            # What tells of the line above has three quotes; `...` is no text.
            and re.match(r"\s*\w?[\"'](?!\"\")", lines[one.lineno - 1])
        ]
    assert lost == []


def test_the_core_imports_no_plugin_and_plugins_only_public_names(root: Path) -> None:
    wrong = []
    for path in sorted((root / "core").rglob("*.py")):
        wrong += [
            f"{path}:{line}: {name}"
            for line, name in imports_at_run_time(path)
            if name.startswith(("persync_", "core.", "plugins."))
        ]
    for path in sorted((root / "plugins").rglob("*.py")):
        own = path.relative_to(root / "plugins").parts[1]
        for line, name in imports_at_run_time(path):
            if name.startswith("persync_") and name.split(".")[0] != own:
                wrong.append(f"{path}:{line}: imports the plugin {name}")
            if name.startswith("persync.") and name.split(".")[1] not in PUBLIC | {"hookimpl", "__version__"}:
                wrong.append(f"{path}:{line}: {name} is private")
    assert wrong == []


def test_measures_and_rows_are_pure(root: Path) -> None:
    wrong = []
    for place in ("attribution", "measure", "money.py", "rows"):
        base = root / "core" / "persync" / place
        for path in [base] if base.is_file() else sorted(base.rglob("*.py")):
            wrong += [
                f"{path.relative_to(root)}:{line}: {name}"
                for line, name in imports_at_run_time(path)
                if name.split(".")[0] in PURE
            ]
    assert wrong == []


@pytest.mark.parametrize("name", sorted(PUBLIC - {"persync"}))
def test_public_rooms_say_what_is_public(name: str) -> None:
    module = importlib.import_module(f"persync.{name}")

    in_order = sorted(module.__all__, key=lambda n: (0 if n.isupper() else 1 if n[0].isupper() else 2, n))
    assert list(module.__all__) == in_order, "constants, classes, functions, each by name"
    assert [public for public in module.__all__ if not hasattr(module, public)] == []


def test_importing_persync_is_cheap() -> None:
    text = "import sys, persync; print(','.join(sorted(m for m in sys.modules if m.split('.')[0] in sys.argv[1:])))"
    heavy = ["httpx", "pydantic", "duckdb", "numpy", "scipy", "sqlite_utils", "pyarrow", "altair", "starlette", "graphql"]
    found = subprocess.run([sys.executable, "-c", text, *heavy], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == ""


def test_altair_is_for_notebooks_alone(root: Path) -> None:
    """To import it costs every report 23 MB and half a second."""
    core = root / "core" / "persync"
    found = {path.relative_to(core).parts[0] for path in core.rglob("*.py") if "import altair" in path.read_text("utf-8")}

    assert found == {"notebook"}


def test_a_share_is_told_in_one_way(root: Path) -> None:
    """`55 %`, by `percent` or `words.share`: never by a format of Python's, which sets no space."""
    told = re.compile(r"\.\d%\}")
    core = root / "core" / "persync"
    found = [path for path in core.rglob("*.py") if "templates" not in path.parts and told.search(path.read_text("utf-8"))]

    assert found == []


def test_nothing_is_left_unfinished(root: Path) -> None:
    marks = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplementedError")
    found = [
        f"{path.relative_to(root)}: {mark}"
        for folder in ("core", "plugins")
        for path in sorted((root / folder).rglob("*.py"))
        for mark in marks
        if mark in path.read_text("utf-8")
    ]
    assert found == ["core/persync/connect/connector.py: NotImplementedError"], "only the base class's own two methods"
