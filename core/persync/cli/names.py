"""Names that a shell offers while a command is typed: read from persync.toml and the store, in a moment and without a word.

Whatever is wrong with either, nothing is offered and nothing is said: the command itself says it when it is run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from persync.plugins import Host

MOST: Final = 200
"""names that are offered at once: a store may know thousands of segments"""
WAIT_S: Final = 0.2
"""a store that another program holds is not waited for longer"""
TABLES: Final = {
    "connections": "connections",
    "jobs": "jobs",
    "experiments": "experiments",
    "segments": "segments",
    "channels": "notify",
}
"""{kind of name: table of persync.toml whose keys are such names}"""
QUERIES: Final = {
    "connections": "SELECT name FROM connections",
    "experiments": "SELECT DISTINCT experiment FROM assignments",
    "segments": "SELECT DISTINCT name FROM segments WHERE name IS NOT NULL",
    "streams": "SELECT DISTINCT stream FROM coverage WHERE state <> 'removed'",
}
"""{kind of name: where the store has more of them}"""
HOST: Final[dict[str, Callable[[Host], Iterable[str]]]] = {
    "connectors": lambda host: host.connectors,
    "importers": lambda host: host.importers,
    "metrics": lambda host: host.metrics,
    "models": lambda host: ("all", *host.models),
    "plugins": lambda host: [plugin.name for plugin in (*host.plugins, *host.core)],
}
"""{kind of name: what the plugins offer of it}"""

Completer = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]


def known(*kinds: str, joined: bool = False) -> Completer:
    """Return what completes a word with the names of these kinds; `joined` completes the last of several with commas."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        before, comma, last = incomplete.rpartition(",") if joined else ("", "", incomplete)
        return [_item(before + comma + name) for name in names_of(kinds, ctx) if name.startswith(last)][:MOST]

    return complete


def names_of(kinds: Iterable[str], ctx: click.Context) -> list[str]:
    """Return the names of some kinds in order, of those that a terminal can show as they are."""
    folder = folder_of(ctx)
    found: set[str] = set()
    for kind in kinds:
        for read in (_from_settings, _from_store, _from_plugins):
            try:
                found.update(read(kind, folder))
            except Exception:  # noqa: S112  whatever it is, half a list is better than an error in the middle of a line
                continue
    return sorted(name for name in found if name and name.isprintable() and not name.startswith("-"))


def folder_of(ctx: click.Context) -> Path:
    """Return the folder that the line typed so far names, before or after the command."""
    return Path(ctx.meta.get("persync.folder") or ctx.find_root().params.get("folder") or ".")


def _item(value: str) -> CompletionItem:
    from click.shell_completion import CompletionItem

    return CompletionItem(value)


def _settings(folder: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads((folder / "persync.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _from_settings(kind: str, folder: Path) -> Iterable[str]:
    table = _settings(folder).get(TABLES[kind], {}) if kind in TABLES else {}
    return list(table)


def _from_store(kind: str, folder: Path) -> Iterable[str]:
    import sqlite3
    from contextlib import closing

    path = folder / str(_settings(folder).get("store", {}).get("path", "persync.db"))
    if kind not in QUERIES or not path.is_file():
        return []
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=WAIT_S)) as db:
        return [str(name) for (name,) in db.execute(f"{QUERIES[kind]} ORDER BY 1 LIMIT ?", (10 * MOST,))]


def _from_plugins(kind: str, folder: Path) -> Iterable[str]:
    if kind not in HOST:
        return []
    from persync.plugins import load_plugins

    return list(HOST[kind](load_plugins()))
