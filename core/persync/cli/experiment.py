"""`persync experiment`."""

from __future__ import annotations

import click

from persync.cli.base import Group, format_option
from persync.cli.context import App, pass_app
from persync.cli.output import read_each, show_estimates


@click.group(cls=Group)
def experiment() -> None:
    """Read randomised tests and holdouts."""


@experiment.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@format_option("text", "json")
@pass_app
def read(app: App, names: tuple[str, ...], form: str) -> None:
    """Read the experiments NAME (default: all): arms, sample ratio, means, differences with their intervals.

    Experiments come from [experiments.NAME] in persync.toml and from imported assignments.
    """
    from persync.errors import DataError
    from persync.measure.experiments import known
    from persync.measure.experiments import read as read_one
    from persync.plugins import find

    with app.engine() as engine:
        ask = app.ask()
        experiments = known(engine, ask)
        if not experiments:
            hint = "Add [experiments.NAME] to persync.toml, or import assignments."
            raise DataError("there is no experiment to read.", hint=hint)
        wanted = [find("experiment", name, experiments) for name in names] or list(experiments.values())
        estimates = read_each(app, wanted, lambda one: read_one(engine, one, ask), tolerant=not names)
    show_estimates(estimates, form, ask)
