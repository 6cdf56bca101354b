"""`persync config`."""

from __future__ import annotations

import json

import click

from persync.cli.base import Group, format_option
from persync.cli.context import App, pass_app
from persync.cli.output import show_table


@click.group(cls=Group)
def config() -> None:
    """Show what is set, and where."""


@config.command()
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option("--origin", is_flag=True, help="Say where each value comes from.")
@format_option("text", "json")
@pass_app
def show(app: App, tables: tuple[str, ...], origin: bool, form: str) -> None:
    """Show every setting with the value that counts, or those of TABLE: `report`, `connections.shop`.

    With --origin each has its place: a line of persync.toml, the store, or persync's own default; a secret has the variable or
    file that it was found in. Secrets, addresses and phone numbers are never shown.
    """
    from persync.jobs.answers.listed import settings_json, settings_of

    found = settings_of(app.project, app.host, tables)
    if form == "json":
        click.echo(settings_json(found))
        return
    # The value stands last: it may be of any length.
    rows = [(one.name, one.origin, "(none)" if one.value is None else _toml(one.value)) for one in found]
    if origin:
        show_table(("setting", "from", "value"), rows)
    else:
        show_table(("setting", "value"), [(name, value) for name, _, value in rows])


def _toml(value: object) -> str:
    """Return a value about as persync.toml has it."""
    return json.dumps(value, ensure_ascii=False)
