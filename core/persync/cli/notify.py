"""`persync notify`."""

from __future__ import annotations

from typing import Any

import click

from persync.cli.base import Group, format_option
from persync.cli.context import App, pass_app
from persync.cli.names import known
from persync.cli.output import show_json


@click.group(cls=Group)
def notify() -> None:
    """Try the ways to tell somebody."""


@notify.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=known("channels"))
@format_option("text", "json")
@pass_app
def test(app: App, names: tuple[str, ...], form: str) -> None:
    """Send a test message through the channels NAME of persync.toml (default: all), quiet hours or not.

    It holds made-up numbers and says so.
    """
    from persync.errors import ConfigError, PersyncError, nearest
    from persync.jobs.notify.sending import deliver
    from persync.jobs.notify.trying import trial
    from persync.plugins import find

    project = app.project
    known: dict[str, Any] = {**project.channels, **project.broken_channels}
    if not known:
        hint = f"Write [notify.NAME] with via = ... {nearest('', sorted(app.host.notifiers))}"
        raise ConfigError("no way to tell anybody is set up.", hint=hint)
    code = 0
    results = []
    for name, channel in {name: find("channel", name, known) for name in names or known}.items():
        try:
            if isinstance(channel, PersyncError):
                raise channel
            deliver(app.host, project, channel, trial(project, now=app.now))
        except PersyncError as error:
            click.echo(f"persync: {error}", err=True)
            code = code or error.exit_code
            results.append({"channel": name, "sent": False, "error": str(error)})
        else:
            results.append({"channel": name, "sent": True, "error": None})
            if form == "text":
                click.echo(f"{name}: sent through {channel.via}")
    if form == "json":
        show_json("notify", results, exit_code=code)
    raise click.exceptions.Exit(code)
