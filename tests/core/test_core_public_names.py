"""What strangers are shown imports public names alone: the beginnings of plugins, the tutorials, the distribution outside."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from core.test_core_house import PUBLIC
from persync.testing.kinds import KINDS
from persync.testing.new import write_plugin

ROOMS = {"persync", "persync.testing.conformance", *(f"persync.{name}" for name in PUBLIC - {"persync"})}
BLOCK = re.compile(r"^```python[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def private(text: str) -> list[str]:
    """Return what a module imports of persync that is not public, for the type checker alone too."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] == "persync" and alias.name not in ROOMS]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "persync":
            assert node.module is not None
            if node.module not in ROOMS:
                found.append(node.module)
                continue
            named = set(importlib.import_module(node.module).__all__)
            rooms = {room.rpartition(".")[2] for room in ROOMS if room.rpartition(".")[0] == node.module}
            found += [f"{node.module}.{alias.name}" for alias in node.names if alias.name not in named | rooms]
    return found


def shown(root: Path, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (where, text) of every module that a stranger is shown."""
    for kind in KINDS:
        for path in write_plugin(f"begun_{kind}", kind, folder):
            if path.suffix == ".py":
                yield f"{kind}: {path.name}", path.read_text("utf-8")
    for page in (root / "docs" / "hooks.md", *sorted((root / "docs").glob("writing-*.md"))):
        for number, block in enumerate(BLOCK.findall(page.read_text("utf-8")), 1):
            yield f"{page.name}, block {number}", block
    for path in sorted((root / "tests" / "outside").glob("persync-*/**/*.py")):
        yield f"{path.parent.name}/{path.name}", path.read_text("utf-8")


def test_strangers_are_shown_public_names_alone(root: Path, tmp_path: Path) -> None:
    found = {where: private(text) for where, text in shown(root, tmp_path)}

    assert len(found) > 25
    assert {where: names for where, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("from persync.engine.duck import open_engine", ["persync.engine.duck"]),
        ("import persync.connect.pull", ["persync.connect.pull"]),
        ("from persync.engine import duck, open_engine", ["persync.engine.duck"]),
        ("from persync import hookimpl, rows, store", ["persync.store"]),
        ("if TYPE_CHECKING:\n    from persync.connect.client import Client", ["persync.connect.client"]),
    ],
)
def test_a_private_name_is_found(text: str, names: list[str]) -> None:
    assert private(text) == names


@pytest.mark.parametrize("package", ["persync", "persync_hubspot", "persync_mailchimp", "persync_shopify"])
def test_a_package_tells_type_checkers_that_it_is_typed(package: str) -> None:
    """Without the marker (PEP 561) a checker takes all that a stranger imports for Any, and finds no misspelt keyword."""
    assert resources.files(package).joinpath("py.typed").is_file()
