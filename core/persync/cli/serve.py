"""`persync serve`."""

from __future__ import annotations

import click

from persync.cli.base import Command
from persync.cli.context import App, pass_app


@click.command(cls=Command, goes_on="nothing is served any more. The same command serves again, under a new address.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default="a free one", help="The port on 127.0.0.1.")
@click.option("--open", "opens", is_flag=True, help="Open it in the browser.")
@pass_app
def serve(app: App, port: int, opens: bool) -> None:
    """Serve the report as live pages to this machine alone, with filters and the rows behind every number.

    The address that is printed holds a token, new at every start: who does not have it is not let in. Ctrl-C ends it.
    """
    from persync.serve.run import serve as run

    def announce(address: str) -> None:
        click.echo(address)
        app.say("persync: serving to this machine alone until Ctrl-C.")
        if opens:
            click.launch(address)

    if app.project.store_path.exists():
        app.ask()  # says and logs it where small groups are not hidden
    if number := run(app.host, app.project, port=port, announce=announce):
        raise KeyboardInterrupt(number)
