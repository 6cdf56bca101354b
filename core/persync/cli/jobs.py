"""`persync run` and `persync schedule`."""

from __future__ import annotations

from functools import partial

import click

from persync.cli.base import Command, format_option, unheard
from persync.cli.context import App, pass_app
from persync.cli.names import known
from persync.cli.output import show_json
from persync.redact import inert

NO_JOB = "Write [jobs.NAME] in persync.toml."


@click.command(cls=Command, goes_on="what was committed is kept. The same command goes on where it stopped.")
@click.argument("job", shell_complete=known("jobs"))
@click.option("--wait", type=click.FloatRange(min=0), metavar="SECONDS", help="Wait for another run; default: the job's own.")
@format_option("text", "json")
@pass_app
def run(app: App, job: str, wait: float | None, form: str) -> None:
    """Run JOB of persync.toml: pull, check, write reports and exports, and tell whom it is to tell.

    A partial pull still makes the report; the exit code tells the worst. A second run on the same day with nothing new writes
    nothing and tells nobody again.
    """
    from persync.cli.progress import Watch
    from persync.jobs.run import run_job
    from persync.plugins import find

    table = find("job", job, app.project.jobs, NO_JOB)
    with Watch(quiet=app.quiet, color=app.color) as watch:
        lines: list[str] = []
        say = lines.append if form == "json" else partial(unheard, _said)
        told = partial(unheard, watch)
        code = run_job(app.host, app.project, job, table, now=app.now, wait=wait, say=say, watch=told)
    if form == "json":
        unheard(show_json, "run", ({"said": line} for line in lines), job=job, exit_code=code)
    raise click.exceptions.Exit(code)


def _said(line: str) -> None:
    """Print a line of a run: names in it come from other people's systems."""
    click.echo(inert(line))


@click.command(cls=Command)
@click.argument("job", metavar="JOB|status", shell_complete=known("jobs"))
@click.option("--target", metavar="T", help="What is to run it: systemd, cron, launchd, windows, github-actions, airflow, ...")
@click.option("--install", "action", flag_value="install", help="Put it in place: systemd, cron and launchd.")
@click.option("--remove", "action", flag_value="remove", help="Take it away again, also when JOB is in the settings no more.")
@format_option("text", "json")
@pass_app
def schedule(app: App, job: str, target: str | None, action: str | None, form: str) -> None:
    """Print what makes a scheduler run JOB every day; with --install put it in place. `status` shows last and next runs.

    All times are in the report's time zone; in JSON they are UTC. Targets are systemd, cron, launchd, windows, github-actions,
    airflow, dagster and prefect. Without --install or --remove nothing is changed.
    """
    from persync.errors import ConfigError, nearest
    from persync.jobs.names import known_parts
    from persync.jobs.schedule import INSTALLED, TARGETS, files_of, plan_of, printed, program
    from persync.jobs.schedule.install import install
    from persync.plugins import find

    if job == "status" and target is None and action is None:
        _show_status(app, form)
        return
    if action == "remove" and (target is None or target in INSTALLED):
        _remove(app, job, target)
        return
    if target is None:
        raise ConfigError("no --target was given.", hint=nearest("", TARGETS))
    if target not in TARGETS:
        raise ConfigError(f"there is no target '{target}'.", hint=nearest(target, TARGETS))
    table = find("job", job, app.project.jobs, NO_JOB)
    _, wrong = known_parts(app.host, app.project, job, table)
    for error in wrong[:-1]:
        click.echo(f"persync: {error}", err=True)
    if wrong:
        raise wrong[-1]
    plan = plan_of(job, table, app.project, program())
    if action is None:
        click.echo(printed(files_of(target, plan, now=app.now)), nl=False)
        return
    if target not in INSTALLED:
        into = "install into" if action == "install" else "remove from"
        hint = f"Print its files without --{action}, and put them in place there, or take them away."
        raise ConfigError(f"persync cannot {into} {target}.", hint=hint)
    for line in install(target, plan, now=app.now):
        click.echo(line)


def _remove(app: App, job: str, target: str | None) -> None:
    """Take away what schedules a job, which need not stand in persync.toml any more."""
    from persync.errors import ConfigError, nearest
    from persync.jobs.schedule.install import remove, remove_everywhere
    from persync.jobs.schedule.status import status_of, units_of

    units = units_of(app.project, job)
    if not units:
        known = [one.job for one in status_of(app.project, now=app.now)]
        raise ConfigError(f"there is no job '{job}', and nothing schedules one.", hint=nearest(job, known))
    done = [line for unit in units for line in (remove(target, unit) if target else remove_everywhere(unit))]
    for line in done or ["nothing was there"]:
        click.echo(line)


def _show_status(app: App, form: str) -> None:
    from persync.cli.scheduled import show_status
    from persync.jobs.answers.stood import schedule_json
    from persync.jobs.schedule.status import status_of

    found = status_of(app.project, now=app.now)
    if form == "json":
        click.echo(schedule_json(found))
        return
    if not found:
        click.echo(f"There is no job. {NO_JOB}")
        return
    show_status(found, app.project.timezone, now=app.now)
