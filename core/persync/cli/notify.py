"""`persync notify`."""

from __future__ import annotations

from typing import Any

import click

from persync.cli.base import Group
from persync.cli.context import App, pass_app
from persync.cli.names import known


@click.group(cls=Group)
def notify() -> None:
    """Try the ways to tell somebody."""


@notify.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=known("channels"))
@pass_app
def test(app: App, names: tuple[str, ...]) -> None:
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
    for channel in [find("channel", name, known) for name in dict.fromkeys(names or known)]:
        try:
            if isinstance(channel, PersyncError):
                raise channel
            deliver(app.host, project, channel, trial(project, now=app.now))
        except PersyncError as error:
            click.echo(f"persync: {error}", err=True)
            code = code or error.exit_code
        else:
            click.echo(f"{channel.name}: sent through {channel.via}")
    raise click.exceptions.Exit(code)
