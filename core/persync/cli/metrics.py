"""`persync metrics` and `persync metric`."""

from __future__ import annotations

import click

from persync.cli.base import Command, Group, format_option, period_option, small_groups_option
from persync.cli.context import App, pass_app
from persync.cli.fit import paragraph, terminal_width
from persync.cli.names import dimensions, known
from persync.cli.output import show_estimates, show_json, show_table


@click.group(cls=Group)
def metrics() -> None:
    """List the metrics, or show how one is defined."""


@metrics.command("list")
@format_option("text", "json")
@pass_app
def list_metrics(app: App, form: str) -> None:
    """List every metric with its unit and what it can be split by."""
    from persync.jobs.metric import listed

    known = app.host.metrics.values()
    if form == "json":
        show_json("metrics", map(listed, known))
    else:
        show_table(("id", "title", "unit", "by"), [(m.id, m.title, m.unit, ", ".join(m.dimensions)) for m in known])


@metrics.command()
@click.argument("id", shell_complete=known("metrics"))
@format_option("text", "json")
@pass_app
def show(app: App, id: str, form: str) -> None:
    """Show how the metric ID is defined."""
    from persync.jobs.metric import defined, find_metric

    parts = defined(find_metric(app.host, id))
    if form == "json":
        show_json("metric", [parts])
        return
    for name, value in parts.items():
        if value:
            text = f"{name.replace('_', ' ')}: {', '.join(value) if isinstance(value, list) else value}"
            for line in paragraph(text, terminal_width()):
                click.echo(line)


@click.command(cls=Command)
@click.argument("id", shell_complete=known("metrics"))
@click.option(
    "--by",
    "by",
    multiple=True,
    metavar="DIM",
    shell_complete=dimensions,
    help="Split by this dimension; may be given several times.",
)
@click.option(
    "--arm",
    metavar="EXPERIMENT",
    shell_complete=known("experiments"),
    help="For each arm since its draw, with the difference to the control.",
)
@period_option
@small_groups_option
@format_option("text", "json", "csv")
@pass_app
def metric(app: App, id: str, by: tuple[str, ...], arm: str | None, period: str | None, form: str) -> None:
    """Compute the metric ID, with its interval, or the reason why it cannot be known."""
    from persync.jobs.metric import compute, find_metric

    one = find_metric(app.host, id, by)
    with app.engine() as engine:
        ask = app.ask(period, by=by, arm=arm)
        show_estimates(compute(engine, one, ask), form, ask)
