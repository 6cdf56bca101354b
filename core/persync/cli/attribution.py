"""`persync attribution`."""

from __future__ import annotations

import click

from persync.cli.base import Command, format_option, period_option
from persync.cli.context import App, pass_app
from persync.cli.output import show_estimates


@click.command(cls=Command)
@click.option("--models", default="all", show_default=True, metavar="A,B|all", help="Which models.")
@click.option("--by", "by", multiple=True, metavar="DIM", help="Split by this: channel (default), campaign, level ...")
@click.option("--lookback", type=click.FloatRange(min=0, min_open=True), metavar="DAYS", help="How far back a touch counts.")
@click.option("--basis", type=click.Choice(("net", "gross")), help="Which money; default: as in persync.toml, else net.")
@click.option("--engine", "engine_name", default="duckdb", show_default=True, metavar="E")
@period_option
@format_option("text", "json")
@pass_app
def attribution(
    app: App,
    models: str,
    by: tuple[str, ...],
    lookback: float | None,
    basis: str | None,
    engine_name: str,
    period: str | None,
    form: str,
) -> None:
    """Credit each order to the touchpoints before it, by model. Credit is not cause: an experiment says what was caused.

    For every model that sums to the order, the credits add up to the revenue to the cent; what no touchpoint can take
    stands beside it.
    """
    from persync.attribution.credit import credit
    from persync.plugins import find

    known = app.host.models
    wanted = list(known) if models == "all" else [name.strip() for name in models.split(",") if name.strip()]
    chosen = [find("attribution model", name, known) for name in dict.fromkeys(wanted)]
    with app.engine(engine_name) as engine:
        ask = app.ask(period, lookback_days=lookback, basis=basis)
        show_estimates(credit(engine, chosen, by or ("channel",), ask), form, ask)
