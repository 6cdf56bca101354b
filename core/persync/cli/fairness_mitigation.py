"""`persync fairness mitigate` and `persync fairness decide`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from persync.cli.base import Command, format_option, period_option
from persync.cli.context import App, pass_app
from persync.cli.output import show_estimates
from persync.redact import inert

if TYPE_CHECKING:
    from persync.measure.fairness import Direction

METHODS = ("group_thresholds", "exploration_floor", "reweighing", "drop_proxy", "generic_mail", "as_decided")
"""of persync.measure.fairness.mitigation.methods, which the help must not import"""
MOST_WORDS = 500
"""the longest reason that is logged"""


@click.command(cls=Command)
@click.option("--decision", metavar="NAME", help="The imported decision.")
@click.option("--message", metavar="TITLE", help="Or a message: who was sent it was chosen, who ordered soon after qualified.")
@click.option("--by", "attribute", required=True, metavar="ATTR", help="The attribute that makes the groups.")
@click.option("--direction", type=click.Choice(["more", "less"]), default="more", show_default=True, help="less: a burden.")
@click.option("--gain", type=click.FloatRange(min=0), help="What it brings to choose somebody who qualifies.")
@click.option("--cost", type=click.FloatRange(min=0), help="What choosing anybody costs. Both default to [ethics] prices.")
@period_option
@format_option("text", "json")
@pass_app
def mitigate(
    app: App,
    decision: str | None,
    message: str | None,
    attribute: str,
    direction: Direction,
    gain: float | None,
    cost: float | None,
    period: str | None,
    form: str,
) -> None:
    """Show what could be done about an unfair decision: fairness, accuracy and money before and after, on people that nothing
    was learnt from, and the frontier of fairness and return. Nothing is changed."""
    from persync.measure.fairness import mitigation

    if (gain is None) != (cost is None):
        raise click.UsageError("--gain and --cost go together.")
    if (decision is None) == (message is None):
        raise click.UsageError("name one of --decision and --message.")
    prices = None if gain is None or cost is None else {"right_choice": gain, "choice": cost}
    with app.engine() as engine:
        ask = app.ask(period)
        estimates = mitigation.mitigate(engine, ask, attribute, decision, direction, prices, message=message)
    show_estimates(estimates, form, ask)


@click.command(cls=Command)
@click.argument("method", type=click.Choice(METHODS))
@click.option("--decision", required=True, metavar="NAME", help="The decision that this is about.")
@click.option("--by", "attribute", required=True, metavar="ATTR", help="The attribute it was assessed by.")
@click.option("--strength", type=click.FloatRange(0, 1), default=1.0, show_default=True)
@click.option("--because", required=True, metavar="WORDS", help="Why; nothing personal.")
@pass_app
def decide(app: App, method: str, decision: str, attribute: str, strength: float, because: str) -> None:
    """Write into the store's log what a person decided to do; as_decided: to leave it as it is. Nothing else is changed."""
    from persync.errors import ConfigError
    from persync.redact import redacted
    from persync.store.log import append

    words = " ".join(inert(redacted(because)).split())
    if not words or len(words) > MOST_WORDS:
        raise ConfigError(f"--because takes 1 to {MOST_WORDS} signs.")
    detail = f"{decision} by {attribute}: {method} at {strength:g}, because: {words}"
    with app.store() as store, store.transaction() as db:
        append(db, None, app.now, "fairness decided", detail)
    app.say(f"persync: noted in the log: {detail}.")
