"""Names that a shell offers while a command is typed: read from persync.toml and the store, in a moment and without a word.

Whatever is wrong with either, nothing is offered and nothing is said: the command itself says it when it is run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from persync.redact import inert

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
    # Of the first rows alone: every person has the same few again.
    "attributes": "SELECT DISTINCT name, '' AS what FROM (SELECT name FROM attributes LIMIT 200000)",
    # By the id alone, as most of them are unique: bash takes what follows a colon for another word.
    "campaigns": "SELECT CASE WHEN COUNT(*) OVER (PARTITION BY k.key) = 1 THEN k.key ELSE n.name || ':' || k.key END AS name,"
    " coalesce(c.title, '') AS what FROM campaigns c JOIN campaign_keys k USING (campaign_key)"
    " JOIN connections n ON n.connection = c.connection",
    "connections": "SELECT name, '' AS what FROM connections",
    "experiments": "SELECT DISTINCT experiment AS name, '' AS what FROM assignments",
    # Without the # that many shops print before it: to a shell that begins a comment.
    "orders": "SELECT DISTINCT CASE WHEN shop_order_name = '' THEN vendor_order_id WHEN shop_order_name LIKE '#%'"
    " THEN substr(shop_order_name, 2) ELSE shop_order_name END AS name, '' AS what FROM order_keys",
    "segments": "SELECT DISTINCT name, '' AS what FROM segments WHERE name IS NOT NULL",
    "streams": "SELECT DISTINCT stream AS name, '' AS what FROM coverage WHERE state <> 'removed'",
}
"""{kind of name: where the store has more of them, and what they are called besides}"""
HOST: Final[dict[str, Callable[[Host], Iterable[str]]]] = {
    "connectors": lambda host: host.connectors,
    "importers": lambda host: host.importers,
    "levels": lambda host: _levels(),
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
        found = names_of(kinds, ctx, last)
        return [_item(before + comma + name, what) for name, what in found.items()][:MOST]

    return complete


def dimensions(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete what the metric of the line can be split by, people's attributes among it, without what it is split by."""
    from persync.measure.grouping import ANY_ATTRIBUTE
    from persync.plugins import load_plugins

    # Where the word that is being typed is an option's, click takes no argument; `export` has the metric for its command.
    typed = ctx.params.get("id") or next(iter(ctx.args), None) or ctx.info_name
    metric = load_plugins().metrics.get(str(typed))
    if metric is None:
        return []
    known = [name for name in metric.dimensions if name != ANY_ATTRIBUTE]
    if ANY_ATTRIBUTE in metric.dimensions:
        known += names_of(("attributes",), ctx)
    chosen = ctx.params.get("by") or ()
    return [_item(name) for name in dict.fromkeys(known) if name.startswith(incomplete) and name not in chosen][:MOST]


def names_of(kinds: Iterable[str], ctx: click.Context, start: str = "") -> dict[str, str]:
    """Return the names of some kinds that begin so, in order, of those that a terminal can show as they are, with what each is
    called besides ("": nothing)."""
    folder = folder_of(ctx)
    found: dict[str, str] = {}
    for kind in kinds:
        for read in (_from_settings, _from_plugins, _from_store):
            try:
                found.update(read(kind, folder, start))
            except Exception:  # noqa: S112  whatever it is, half a list is better than an error in the middle of a line
                continue
    shown = [name for name in found if name.startswith(start) and name.isprintable() and name[:1] not in ("", "-")]
    return {name: inert(found[name]) for name in sorted(shown)}


def folder_of(ctx: click.Context) -> Path:
    """Return the folder that the line typed so far names, before or after the command."""
    return Path(ctx.meta.get("persync.folder") or ctx.find_root().params.get("folder") or ".")


def _item(value: str, what: str = "") -> CompletionItem:
    from click.shell_completion import CompletionItem

    return CompletionItem(value, help=what or None)


def _settings(folder: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads((folder / "persync.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _from_settings(kind: str, folder: Path, start: str) -> Mapping[str, str]:
    table = _settings(folder).get(TABLES[kind], {}) if kind in TABLES else {}
    return dict.fromkeys(table, "")


def _from_store(kind: str, folder: Path, start: str) -> Mapping[str, str]:
    import sqlite3
    from contextlib import closing

    path = folder / str(_settings(folder).get("store", {}).get("path", "persync.db"))
    if kind not in QUERIES or not path.is_file():
        return {}
    # The store chooses by what is typed: there may be far more orders than are read.
    sql = f"SELECT name, what FROM ({QUERIES[kind]}) WHERE substr(name, 1, length(:start)) = :start ORDER BY 1 LIMIT :most"  # noqa: S608 - stands here
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=WAIT_S)) as db:
        return {str(name): str(what) for name, what in db.execute(sql, {"start": start, "most": 10 * MOST})}


def _from_plugins(kind: str, folder: Path, start: str) -> Mapping[str, str]:
    if kind not in HOST:
        return {}
    from persync.plugins import load_plugins

    return dict.fromkeys(HOST[kind](load_plugins()), "")


def _levels() -> Iterable[str]:
    from persync.attribution.levels import LEVELS

    return LEVELS
