"""`persync plugins`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from persync.cli.base import Group, format_option
from persync.cli.context import App, pass_app
from persync.cli.output import show_json, show_table

if TYPE_CHECKING:
    from persync.plugins import Failure, Host, Plugin

MANY = 12
"""more things than this of one kind are counted, not named; `--format json` names them all"""


@click.group(cls=Group)
def plugins() -> None:
    """Show the plugins and what they offer."""


@plugins.command("list")
@format_option("text", "json")
@pass_app
def list_plugins(app: App, form: str) -> None:
    """List persync's own parts and every plugin: version, what it offers, and what is not used, with the reason."""
    entries = list(_entries(app.host))
    app.tell_nothing()
    if form == "json":
        show_json("plugins", entries)
    else:
        show_table(("plugin", "version", "offers"), map(_row, entries))


def _entries(host: Host) -> Iterator[dict[str, Any]]:
    """Yield one entry for each room of persync and each plugin, whatever went wrong with it and how often."""
    from persync.plugins import BUNDLED

    reasons: dict[tuple[str, str, str], list[str]] = {}
    for failure in host.failures:
        reasons.setdefault(_key(failure), []).append(failure.reason)
    offers = {_key(one): host.offers(one) for one in (*host.core, *host.plugins)}
    for key in dict.fromkeys((*offers, *reasons)):
        name, distribution, version = key
        yield {
            "name": name,
            "distribution": distribution or None,
            "version": version or None,
            "bundled": distribution == BUNDLED,
            "offers": offers.get(key, {}),
            "failure": " ".join(reasons[key]) if key in reasons else None,
        }


def _key(one: Plugin | Failure) -> tuple[str, str, str]:
    return one.name, one.distribution, one.version


def _row(entry: dict[str, Any]) -> tuple[str, str, str]:
    source = "bundled" if entry["bundled"] else f"{entry['distribution'] or ''} {entry['version'] or ''}".strip()
    parts = [f"{kind}: {', '.join(names) if len(names) <= MANY else len(names)}" for kind, names in entry["offers"].items()]
    parts += [f"NOT USED: {entry['failure']}"] if entry["failure"] else []
    return entry["name"], source, "; ".join(parts) or "nothing"
