"""What commands with `--epsilon` share: sums as they may be given away, what noise costs, and saying both."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from persync.cli.names import known

if TYPE_CHECKING:
    from decimal import Decimal

    from persync.cli.context import App
    from persync.federate.document import Export

F = TypeVar("F", bound=Callable[..., Any])

SETS = ("mail", "money", "rates", "experiments")


def wish_options(sets: tuple[str, ...]) -> Callable[[F], F]:
    """Return a decorator with the options that say which sums are given away, and with what noise."""

    def add(command: F) -> F:
        only = "This set of measures; may be given several times."
        named = "With --epsilon: this measure (people, sends, sales ...) and others so named alone share it."
        for option in (
            click.option("--epsilon", metavar="E", help="Add noise that costs so much of [privacy] epsilon_budget."),
            click.option(
                "--by",
                "attributes",
                multiple=True,
                metavar="ATTR",
                shell_complete=known("attributes"),
                help="Groups by this attribute; default: all that make any.",
            ),
            click.option("--measure", "measures", multiple=True, metavar="NAME", help=named),
            click.option("--only", multiple=True, type=click.Choice(sets), help=only),
        ):
            command = option(command)
        return command

    return add


def give(
    app: App,
    only: tuple[str, ...],
    measures: tuple[str, ...],
    attributes: tuple[str, ...],
    epsilon: str | None,
    period: str | None,
    purpose: str,
) -> Export:
    """Return the sums of the store as they may be given away, with noise paid for where an epsilon is named, and say what is
    lost in it."""
    import secrets

    from persync.federate import document
    from persync.federate.export import Wish, deviations, export, noise_of, noisy, store_id
    from persync.privacy.release import amount

    table = app.project.privacy
    wish = Wish(only, measures, attributes, amount(epsilon) if epsilon else None, table.clip_events, table.clip_minor)
    with app.store() as store:
        name = store_id(store)
    with app.engine() as engine:
        made = export(engine, name, app.ask(period), wish)
    if wish.epsilon is None:
        return made
    parts = noise_of(made, wish).parts  # refused before anything is spent
    pay(app, wish.epsilon, parts, f"{purpose} {name[:8]}")
    made = noisy(made, wish, secrets.randbelow)
    for measure, currency, value, deviation in deviations(made):
        lost = ": lost in the noise" if abs(value) < deviation else ""
        unit = f" minor units of {currency}" if currency and measure in document.AMOUNTS else ""
        app.say(f"Noise in {measure}: a standard deviation of {deviation:,.0f}{unit}, beside {value:,}{lost}.")
    return made


def pay(app: App, epsilon: Decimal, parts: int, purpose: str) -> None:
    """Enter what noise costs into the ledger, and say what is left and how many numbers share it. Raises as `spend` does."""
    from persync.privacy.release import spend, spent

    with app.store() as store:
        left = spend(store, epsilon, app.project.privacy.epsilon_budget, now=app.now, purpose=purpose)
        used = spent(store)
    app.say(f"Privacy budget: {used.normalize():f} spent, {left.normalize():f} left.")
    app.say(f"What one person has a share in: {parts:,} numbers, each with {float(epsilon) / parts:.3g} of it.")
