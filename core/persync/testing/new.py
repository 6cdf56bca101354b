"""A new plugin from nothing: a whole distribution that installs, and whose tests pass at once."""

from __future__ import annotations

import builtins
import keyword
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from persync import __version__
from persync.attribution.ledger import COLUMNS
from persync.errors import ConfigError
from persync.plugins import load_plugins
from persync.testing.kinds import KINDS

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
LONGEST: Final = 50
"""letters of a name: what is made of it has to stay a file name, and a column of the ledger"""
RESERVED: Final = frozenset({"all", "core", "files", "persync", "test", "tests"})
"""words that commands and settings take for something else"""


def check_name(name: str, kind: str) -> None:
    """Raise ConfigError for what cannot name a plugin of a kind: no name, one that Python keeps, one that is used already."""
    if not _NAME.fullmatch(name):
        fit = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_0123456789")
        hint = f"Small letters, digits and _ between them: {fit if _NAME.fullmatch(fit) else 'klaviyo'}."
        raise ConfigError(f"'{name}' cannot name a plugin.", hint=hint)
    if len(name) > LONGEST:
        raise ConfigError(f"a name has at most {LONGEST} letters, and this one {len(name)}.", hint="Choose a shorter one.")
    reason = _taken(name, kind)
    if reason:
        raise ConfigError(f"'{name}' cannot name a plugin: {reason}.", hint=f"Choose another: my_{name}.")


def _taken(name: str, kind: str) -> str:
    if keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in ("none", "true", "false"):
        return "Python keeps this word for itself"
    if name in sys.stdlib_module_names or hasattr(builtins, name):
        return "Python has a module or function of this name"
    if name in RESERVED or (kind == "model" and name in COLUMNS):
        return "persync uses this word for something else"
    host = load_plugins()
    one = next((plugin for plugin in (*host.plugins, *host.core) if plugin.name == name), None)
    if one is not None:
        return f"there is the plugin {one}"
    owner = host.owner(f"{kind}s", name)
    if owner is not None:
        return f"the {kind} '{name}' is offered by the plugin {owner}"
    package = f"persync_{name}"
    for found, distributions in packages_distributions().items():
        if found in (name, package):
            return f"the installed distribution {distributions[0]} has a package '{found}'"
    return ""


def write_plugin(name: str, kind: str, folder: Path) -> list[Path]:
    """Write the distribution `persync-NAME` below `folder`; return its files.

    Raise ConfigError for a name that cannot be one or is taken, or when something of that name is there.
    """
    check_name(name, kind)
    distribution, package = f"persync-{name.replace('_', '-')}", f"persync_{name}"
    root = folder / distribution
    if root.exists():
        raise ConfigError("it is there already.", where=str(root), hint="Choose another name, or another folder with --out.")
    words, following = KINDS[kind]
    facts = {
        "name": name,
        "kind": kind,
        "title": name.replace("_", " ").capitalize(),
        "class": "".join(part.capitalize() for part in name.split("_")),
        "variable": name.upper(),
        "package": package,
        "distribution": distribution,
        "version": __version__,
        "words": words,
        "next": following,
    }
    files = {
        "pyproject.toml": "common/pyproject.toml.j2",
        "README.md": "common/README.md.j2",
        f"{package}/__init__.py": f"{kind}/__init__.py.j2",
        f"{package}/py.typed": "",
        f"tests/test_{name}.py": f"{kind}/test.py.j2",
    }
    if kind == "connector":
        files |= {f"{package}/{part}.py": f"connector/{part}.py.j2" for part in ("connector", "sandbox")}
    environment = Environment(
        loader=PackageLoader("persync.testing", "templates"),
        autoescape=False,  # noqa: S701 - it writes Python, not pages
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
    )
    written = []
    for file, template in files.items():
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(environment.get_template(template).render(facts) if template else "", encoding="utf-8")
        written.append(path)
    return written
