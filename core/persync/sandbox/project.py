"""A ready project for a sandbox: persync.toml, its secrets file, and the world's own CSV files."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from persync.errors import ConfigError
from persync.sandbox.world import World

__all__ = ["refuse_foreign", "write_config", "write_files"]

_MARK = "# Written by persync sandbox; it will be written anew."
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def write_config(folder: Path, world: World, info: Mapping[str, Any]) -> Path:
    """Write persync.toml, persync.secrets.toml (0600) and the world's CSV files into `folder`; return the first one's path.

    `info` is what the running sandbox says of itself. Raises ConfigError rather than write over a persync.toml or a secrets
    file that somebody else wrote.
    """
    refuse_foreign(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path, secrets = folder / "persync.toml", folder / "persync.secrets.toml"
    connections = {name: dict(settings) for name, settings in info["connections"].items()}
    if world.files:
        write_files(folder, world)
        listed = [{"kind": world.file_kinds[name], "path": name} for name in world.files]
        connections["files"] = {"connector": "files", "files": listed}
    project: dict[str, Any] = {"store": {"path": "persync.db"}, "connections": connections, **world.settings}
    if world.experiments:
        project["experiments"] = world.experiments
    if world.prices:
        project["ethics"] = {"prices": world.prices}
    path.write_text("\n".join([_MARK, *_tables((), project)]) + "\n", encoding="utf-8")
    lines = [_MARK, *(f"{_key(name)} = {_value(value)}" for name, value in info["secrets"].items())]
    descriptor = os.open(secrets, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        os.fchmod(descriptor, 0o600)
        stream.write("\n".join(lines) + "\n")
    return path


def refuse_foreign(folder: Path) -> None:
    """Raise ConfigError when `folder` holds settings or secrets that a sandbox did not write."""
    for name in ("persync.toml", "persync.secrets.toml"):
        file = folder / name
        if file.exists() and not file.read_text(encoding="utf-8").startswith(_MARK):
            raise ConfigError(f"{name} is already there.", where=str(folder), hint="Choose an empty folder.")


def write_files(folder: Path, world: World) -> dict[str, Path]:
    """Write the world's CSV files into `folder`; return their absolute paths by name."""
    paths = {}
    for name, text in world.files.items():
        paths[name] = (folder / name).resolve()
        paths[name].write_text(text, encoding="utf-8")
    return paths


def _tables(path: tuple[str, ...], table: Mapping[str, Any]) -> Iterator[str]:
    """Yield the TOML lines of a table: its plain values, then tables and arrays of tables under their headings."""
    plain = {name: value for name, value in table.items() if not _is_table(value)}
    if path and plain:
        yield f"\n[{'.'.join(map(_key, path))}]"
    for name, value in plain.items():
        yield f"{_key(name)} = {_value(value)}"
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _tables((*path, name), value)
        elif _is_table(value):
            for item in value:
                yield f"\n[[{'.'.join(map(_key, (*path, name)))}]]"
                yield from (f"{_key(key)} = {_value(each)}" for key, each in item.items())


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and bool(value) and isinstance(value[0], Mapping))


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else json.dumps(name)


def _value(value: Any) -> str:
    """Return a plain value in TOML: a day as it is, and strings, numbers, booleans and lists as JSON writes them."""
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
