"""Handing people to a platform: what `persync experiment export` and `persync export segment` share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from persync.cli.base import decorated
from persync.cli.context import App
from persync.cli.names import known

if TYPE_CHECKING:
    from persync.export.lists import Chosen
    from persync.store.store import Store

F = TypeVar("F", bound=Callable[..., Any])
PLATFORMS = ("mailchimp", "hubspot", "shopify")


def list_options(command: F) -> F:
    """Add the options that say which platform a list is for, and whose addresses it is made from."""
    options = (
        click.option(
            "--for",
            "connection",
            metavar="CONNECTION",
            required=True,
            shell_complete=known("connections"),
            help="The connection whose platform gets the list.",
        ),
        click.option(
            "--list",
            "source",
            type=click.Path(path_type=Path, dir_okay=False),
            help="Your own export of the platform's people.",
        ),
        click.option("--column", metavar="NAME", help="The column of that list that holds addresses."),
        click.option(
            "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file, readable by you alone."
        ),
    )
    return decorated(command, options)


def target(app: App, name: str, source: Path | None, out: Path | None) -> tuple[str, str]:
    """Return connection and connector of what `--for` names: a connection, or a platform of which there is only one (or none:
    then ids are out of reach, and a list of addresses does). Raise ConfigError with the nearest, and for a list that cannot be
    made for it so.
    """
    from persync.errors import ConfigError
    from persync.settings import refuse_out

    connection, connector = _named(app, name)
    if out is not None:
        refuse_out(app.project, out, "--out")
    if source is not None and out is None:
        raise click.UsageError("a list with addresses is not printed: give --out FILE.")
    if source is not None and out is not None and out.resolve() == source.resolve():
        raise ConfigError("the list would be written over itself.", hint="Give another --out FILE.")
    if source is None and not (connector == "hubspot" and connection):
        title = {"hubspot": "HubSpot"}.get(connector, connector.capitalize())
        text = f"{title} finds people by their e-mail address, and persync keeps none."
        if connector == "hubspot":
            text = "there is no connection to HubSpot, so persync knows no ids of it."
        raise ConfigError(text, hint=f"Export your people from {title} and give that file: --list FILE --out FILE.")
    return connection, connector


def _named(app: App, name: str) -> tuple[str, str]:
    from persync.errors import ConfigError
    from persync.plugins import find

    connections = {each: settings.connector for each, settings in app.project.connections.items()}
    if name not in connections and name in PLATFORMS:
        mine = [each for each, connector in connections.items() if connector == name]
        if len(mine) > 1:
            raise ConfigError(f"there are several connections to {name}: {', '.join(mine)}.", hint="Say which: --for NAME.")
        return (mine[0] if mine else ""), name
    connector: str = find("connection", name, {**dict.fromkeys(PLATFORMS, ""), **connections})
    if connector not in PLATFORMS:
        raise ConfigError(f"no list can be made for {connector}.", hint=f"There are: {', '.join(PLATFORMS)}.")
    return name, connector


def hand_over(
    app: App,
    store: Store,
    chosen: Chosen,
    to: tuple[str, str],
    source: Path | None,
    column: str | None,
    out: Path | None,
    rest: str,
) -> None:
    """Write the list for a platform and say how many are on it; `rest` says of the lines of the user's own list what those
    are that are not known: "are in an arm; the other {} were not drawn".
    """
    from persync.export.lists import id_list, mark_list, platform_ids
    from persync.redact import inert
    from persync.store import private
    from persync.store.log import LIST_EXPORTED, note

    connection, connector = to
    if source is None or out is None:
        text = id_list(chosen, platform_ids(store, chosen, connection))
        note(store, LIST_EXPORTED, f"{chosen.tag}: {text.count(chr(10)) - 1} ids for {connection}", now=app.now)
        if out is None:
            click.echo(text, nl=False)
            return
        private.replace(out, text.encode())
        click.echo(f"{inert(str(out))}: {text.count(chr(10)) - 1:,} of the {chosen.size:,} people of '{inert(chosen.wanted)}'.")
        return
    done = mark_list(store, chosen, source, out, connector=connector, connection=connection, column=column)
    note(store, LIST_EXPORTED, f"{chosen.tag}: {done.written} people for {connection or connector}", now=app.now)
    click.echo(
        f"{inert(str(out))}: {done.written:,} people, tagged {inert(chosen.tag)}. Of {done.lines:,} lines"
        f" {done.known:,} {rest.format(f'{done.lines - done.known:,}')}."
    )
