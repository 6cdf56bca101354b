"""`persync plugins`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from persync.cli.base import Group, format_option
from persync.cli.context import App, pass_app
from persync.cli.output import show_json, show_table

if TYPE_CHECKING:
    from persync.plugins import Failure, Plugin


@click.group(cls=Group)
def plugins() -> None:
    """Show the plugins and what they offer."""


@plugins.command("list")
@format_option("text", "json")
@pass_app
def list_plugins(app: App, form: str) -> None:
    """List every plugin: its version, what it offers, and what is not used, with the reason."""
    host = app.host
    failures = host.failures
    app.tell_nothing()
    if form == "json":
        loaded = [_entry(one, bundled=one.is_bundled, offers=host.offers(one)) for one in host.plugins]
        show_json("plugins", loaded + [_entry(one, bundled=False, offers={}) for one in failures])
        return
    rows = [
        (
            plugin.name,
            "bundled" if plugin.is_bundled else _source(plugin),
            "; ".join(f"{kind}: {', '.join(names)}" for kind, names in host.offers(plugin).items()) or "nothing",
        )
        for plugin in host.plugins
    ]
    rows += [(failure.name, _source(failure), f"NOT USED: {failure.reason}") for failure in failures]
    show_table(("plugin", "version", "offers"), rows)


def _source(one: Plugin | Failure) -> str:
    return f"{one.distribution} {one.version}".strip()


def _entry(one: Plugin | Failure, *, bundled: bool, offers: dict[str, list[str]]) -> dict[str, Any]:
    return {
        "name": one.name,
        "distribution": one.distribution or None,
        "version": one.version or None,
        "bundled": bundled,
        "offers": offers,
        "failure": getattr(one, "reason", None),
    }
