"""`persync demo`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from persync.cli.base import Command
from persync.cli.context import App, pass_app


@click.command(cls=Command, goes_on="what was pulled is kept. With the folder it went into as --out the demonstration goes on.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Keep everything here; default: a new temporary folder."
)
@click.option("--seed", type=int, default=7, show_default=True)
@click.option("--no-open", is_flag=True, help="Do not open the report in a browser.")
@pass_app
def demo(app: App, out: Path | None, seed: int, no_open: bool) -> None:
    """Make up a shop, imitate its three vendors on this machine, pull all of them and make the report.

    No account, no questions. The last line is the path of the report.
    """
    import tempfile

    from persync.cli.progress import Watch
    from persync.jobs.demo import run_demo

    folder = out or Path(tempfile.mkdtemp(prefix="persync-demo-"))
    with Watch(quiet=app.quiet, color=app.color) as watch:
        path = run_demo(app.host, folder, seed, say=app.say, leave_out=app.leave_out, watch=watch)
    click.echo(str(path))
    if sys.stdout.isatty() and not no_open:
        import webbrowser

        webbrowser.open(path.as_uri())
