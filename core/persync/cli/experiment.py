"""`persync experiment`."""

from __future__ import annotations

from pathlib import Path

import click

from persync.cli.base import Group, format_option
from persync.cli.context import App, pass_app
from persync.cli.lists import hand_over, list_options, target
from persync.cli.names import known
from persync.cli.output import show_estimates, show_json, show_table
from persync.estimate import percent


@click.group(cls=Group)
def experiment() -> None:
    """Plan, draw and read randomised tests and holdouts."""


@experiment.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=known("experiments"))
@format_option("text", "json")
@pass_app
def read(app: App, names: tuple[str, ...], form: str) -> None:
    """Read the experiments NAME (default: all): arms, sample ratio, means, differences with their intervals.

    Beside each difference: how much of what the arm did it caused, the chance to win, the difference freed of what covariates
    say, and, while the experiment runs, an interval that stays valid however often one looks. One of several whose settings do
    not fit its arms has a line that says why. Experiments come from
    [experiments.NAME] in persync.toml and from imported or drawn assignments.
    """
    from persync.jobs.answers.trials import readings

    with app.engine() as engine:
        ask = app.ask()
        estimates = readings(engine, ask, names, tell=app.note)
    show_estimates(estimates, form, ask)


@experiment.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=known("experiments"))
@format_option("text", "json")
@pass_app
def plan(app: App, names: tuple[str, ...], form: str) -> None:
    """Say what the experiments NAME (default: all) need: people an arm, weeks at today's volume, and what could be seen now.

    The smallest change worth seeing is `smallest` of [experiments.NAME] (relative, default 0.1), the power 80 %.
    """
    from persync.jobs.answers.trials import plans

    with app.engine() as engine:
        ask = app.ask()
        estimates = plans(engine, ask, names)
    show_estimates(estimates, form, ask)


@experiment.command()
@click.argument("name", shell_complete=known("experiments"))
@click.option("--dry-run", is_flag=True, help="Say how many would be drawn, and draw nobody.")
@format_option("text", "json")
@pass_app
def assign(app: App, name: str, dry_run: bool, form: str) -> None:
    """Draw the arms of the experiment NAME by lot, among everybody who may be mailed and is in none of its arms yet.

    The arms and their shares are planned_shares of [experiments.NAME]. The draw is a salted hash of the person's key: the salt
    is the setting, else made once and kept in the store. Run it again to draw who has come since.
    """
    from persync.errors import DataError
    from persync.jobs.drawing import assign as draw
    from persync.jobs.drawing import salt_of, shares_of
    from persync.measure.trials.planning import audience
    from persync.plugins import find

    one = find("experiment", name, app.project.experiments, "Add [experiments.NAME] to persync.toml.")
    shares = shares_of(one)
    salt = app.project.experiment_tables[name].salt
    with app.engine() as engine:
        people = audience(engine)
    if not people:
        raise DataError(
            "nobody may be mailed.", hint="Run `persync pull` first: contacts of a system that sends are drawn from."
        )
    with app.store() as store:
        with_salt = salt_of(store, name, salt)
        done = draw(store, one, people, salt=with_salt, now=app.now, aliases=app.project.aliases, keep=not dry_run)
    sizes, new = done.sizes, done.new
    lines = [
        {"experiment": name, "arm": arm, "people": sizes[arm], "new": new.get(arm, 0), "share": shares.get(arm)}
        for arm in sizes
    ]
    if form == "json":
        show_json("assignments", lines)
        return
    rows = [
        (
            line["arm"],
            f"{line['people']:,}",
            f"{line['new']:,}",
            "" if line["share"] is None else percent(float(line["share"]), 1),
        )
        for line in lines
    ]
    show_table(
        ("arm", "people", "would be new" if dry_run else "new", "planned"),
        [tuple(map(str, row)) for row in rows],
        right=("people", "new", "planned"),
    )


@experiment.command()
@click.argument("name", shell_complete=known("experiments"))
@click.option("--arm", metavar="ARM", help="Whom to list; default: the control, to be left out of mailings.")
@list_options
@pass_app
def export(
    app: App, name: str, arm: str | None, connection: str, source: Path | None, column: str | None, out: Path | None
) -> None:
    """Write an arm of the experiment NAME as a list that a platform imports.

    HubSpot takes record ids, which persync has. Mailchimp and Shopify find people by their address alone, and persync keeps
    none: give the platform's own export with --list. Its addresses are hashed here, compared and forgotten.
    """
    from persync.errors import ConfigError
    from persync.export.people import arm_of, drawn
    from persync.jobs.answers.trials import NO_EXPERIMENT
    from persync.plugins import find

    to = target(app, connection, source, out)
    with app.store() as store:
        settings = app.project.experiments
        find("experiment", name, dict.fromkeys(drawn(store)) | settings, NO_EXPERIMENT)
        control = settings[name].control if name in settings else None
        wanted = arm or control
        if wanted is None:
            raise ConfigError("no arm was named, and the experiment has no control.", hint="Say --arm ARM.")
        chosen = arm_of(store, name, wanted)
        hand_over(app, store, chosen, to, source, column, out, "are in an arm; the other {} were not drawn")
