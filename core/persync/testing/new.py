"""A new plugin from nothing: a whole distribution that installs, and whose tests pass at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from persync import __version__
from persync.errors import ConfigError
from persync.testing.kinds import KINDS

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")


def write_plugin(name: str, kind: str, folder: Path) -> list[Path]:
    """Write the distribution `persync-NAME` below `folder`; return its files.

    Raise ConfigError for a name that cannot be one, or when something of that name is there.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"'{name}' cannot name a plugin.", hint="Small letters, digits and _ between them: klaviyo.")
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
