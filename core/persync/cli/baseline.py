"""`persync baseline`."""

from __future__ import annotations

import dataclasses

import click

from persync.cli.base import Group, format_option, period_option
from persync.cli.context import App, pass_app
from persync.cli.output import show_estimates


@click.group(cls=Group)
def baseline() -> None:
    """Freeze how things stood before, and hold what is now against it."""


@baseline.command()
@period_option
@click.option("--replace", is_flag=True, help="Take the place of one that is frozen already.")
@pass_app
def freeze(app: App, period: str | None, replace: bool) -> None:
    """Freeze every metric over the days of --period (default: the 90 days before the goal's start, or before today).

    It is written beside persync.toml with its date and the digest of the data, and holds no line about any person.
    """
    from persync.errors import ConfigError
    from persync.measure.goal import DAYS, freeze
    from persync.measure.rules import DAY
    from persync.settings.goal import BASELINE, write_baseline
    from persync.store.digest import digest

    path = app.folder / BASELINE
    if path.exists() and not replace:
        raise ConfigError("a baseline is frozen already.", where=str(path), hint="--replace loses it, and the before with it.")
    ask = app.ask(period, frozen=False)
    if ask.period is None:
        end = ask.goal.start if ask.goal and ask.goal.start and ask.goal.start < ask.now else ask.now
        ask = dataclasses.replace(ask, period=(end - DAYS * DAY, end))
    with app.store() as store:
        version = digest(store)
    with app.engine() as engine:
        frozen = freeze(engine, app.host.metrics.values(), ask, data=version)
    write_baseline(path, frozen)
    click.echo(f"{path}: {len(frozen.estimates)} numbers frozen, {len(frozen.last_year)} of the year before.")


@baseline.command()
@period_option
@format_option("text", "json", "csv")
@pass_app
def show(app: App, period: str | None, form: str) -> None:
    """Show the frozen baseline, what it is now, and the difference: a raw one, which says nothing about why."""
    from persync.plugins import find

    with app.engine() as engine:
        ask = app.ask(period)
        show_estimates(find("metric", "baseline", app.host.metrics).compute(engine, ask), form, ask)
