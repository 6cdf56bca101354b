"""`persync fairness`."""

from __future__ import annotations

import click

from persync.cli.base import Command, format_option, period_option
from persync.cli.context import App, pass_app
from persync.cli.output import read_each, show_estimates


@click.command(cls=Command)
@click.option("--by", "attributes", multiple=True, metavar="ATTR", help="The attribute that makes the groups; default: all.")
@click.option("--decision", metavar="NAME", help="Assess an imported decision instead of who is mailed.")
@period_option
@format_option("text", "json")
@pass_app
def fairness(app: App, attributes: tuple[str, ...], decision: str | None, period: str | None, form: str) -> None:
    """Assess exposure and benefit by group, with intervals and the four-fifths verdict; small groups are hidden."""
    from persync.errors import DataError
    from persync.measure.fairness import assess

    with app.engine() as engine:
        ask = app.ask(period)
        found = engine.rows("SELECT DISTINCT a.name AS name FROM attributes AS a")
        wanted = attributes or tuple(sorted(str(row["name"]) for row in found))
        if not wanted:
            hint = 'Import attributes, or opt in with [connections.NAME] attributes = { country = "why you may hold it" }.'
            raise DataError("no attribute of people is in the store.", hint=hint)
        estimates = read_each(app, wanted, lambda name: assess(engine, name, ask, decision=decision), tolerant=not attributes)
    show_estimates(estimates, form, ask)
