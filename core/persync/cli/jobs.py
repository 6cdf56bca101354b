"""`persync run` and `persync schedule`."""

from __future__ import annotations

import click

from persync.cli.base import Command
from persync.cli.context import App, pass_app


@click.command(cls=Command)
@click.argument("job")
@click.option("--wait", type=float, default=0.0, metavar="SECONDS", help="Wait for another run of the same job.")
@pass_app
def run(app: App, job: str, wait: float) -> None:
    """Run JOB of persync.toml: pull, check, report. A partial pull still makes the report; the exit code tells the worst."""
    from persync.cli.progress import Watch
    from persync.jobs.run import run_job
    from persync.plugins import find

    table = find("job", job, app.project.jobs)
    with Watch(quiet=app.quiet) as watch:
        code = run_job(app.host, app.project, job, table, now=app.now, wait=wait, say=click.echo, watch=watch)
    raise click.exceptions.Exit(code)


@click.command(cls=Command)
@click.argument("job")
@click.option("--target", type=click.Choice(("cron", "systemd")), required=True, help="What is to run it.")
@pass_app
def schedule(app: App, job: str, target: str) -> None:
    """Print what makes the system run JOB every day, and how to install it. Changes nothing."""
    from persync.jobs.run import refuse_unknown_metrics
    from persync.jobs.schedule import cron, program, systemd
    from persync.plugins import find

    table = find("job", job, app.project.jobs)
    refuse_unknown_metrics(app.host, app.project, job, table)
    make = cron if target == "cron" else systemd
    click.echo(make(job, table, app.project, program()), nl=False)
