"""`persync pull`."""

from __future__ import annotations

import click

from persync.cli.base import Command, format_option
from persync.cli.context import App, pass_app
from persync.cli.names import known


@click.command(cls=Command, goes_on="what was read is kept. The same command goes on where it stopped.")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=known("connections"))
@click.option("--stream", "streams", multiple=True, metavar="S", shell_complete=known("streams"), help="Read only this stream.")
@click.option("--since", metavar="D", help="Read again from this day on (YYYY-MM-DD).")
@click.option("--full", is_flag=True, help="Read everything again.")
@click.option("--dry-run", is_flag=True, help="Say what it would take; read next to nothing.")
@click.option("--rejects", is_flag=True, help="Read again where records were rejected.")
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="Wait for another run of the same connection.",
)
@format_option("text", "json")
@pass_app
def pull(
    app: App,
    names: tuple[str, ...],
    streams: tuple[str, ...],
    since: str | None,
    full: bool,
    dry_run: bool,
    rejects: bool,
    wait: float,
    form: str,
) -> None:
    """Read what is new from the connections NAME (default: all). Goes on where the last pull stopped.

    With --dry-run each stream is asked one small question and nothing is written: shown are the records, pages, calls and
    time that the same pull would take, and its share of the vendor's calls a day. What hangs under parts not known yet is
    estimated, and says from what; what no vendor counts has an upper bound, and says "at most".
    """
    from persync.cli.progress import Watch, show_plans, show_pull
    from persync.connect.result import PullOptions
    from persync.jobs.pulling import pull_project
    from persync.settings import parse_since

    options = PullOptions(
        now=app.now,
        streams=streams,
        since=parse_since(since, app.project.timezone, app.now) if since else None,
        full=full,
        rejects=rejects,
        wait=wait,
    )
    if dry_run:
        from persync.jobs.planning import plan_project

        raise click.exceptions.Exit(show_plans(plan_project(app.host, app.project, names, options), form))
    with Watch(quiet=app.quiet, color=app.color) as watch:
        result = pull_project(app.host, app.project, names, options, watch)
    show_pull(result, form)
    raise click.exceptions.Exit(result.exit_code)
