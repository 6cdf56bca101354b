"""`persync fairness`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from persync.cli.base import AskedGroup, format_option, period_option, small_groups_option
from persync.cli.context import App
from persync.cli.fairness_decide import SCORES, decide, decisions
from persync.cli.fairness_mitigation import mitigate
from persync.cli.names import known
from persync.cli.output import show_estimates

if TYPE_CHECKING:
    from persync.measure.fairness import Direction

LESS_IS_BETTER = "less: being selected, or getting personalised mail, is a burden; more: a gain; default: as [fairness] has it."


@click.group(cls=AskedGroup, invoke_without_command=True)
@click.option(
    "--by",
    "attributes",
    multiple=True,
    metavar="ATTR",
    shell_complete=known("attributes"),
    help="The attribute that makes the groups; default: all.",
)
@click.option("--cross", metavar="A,B", help="Cross two attributes.")
@click.option("--decision", metavar="NAME", help="Assess an imported decision instead of who is mailed.")
@click.option("--segment", metavar="NAME", help="Assess who was in a segment at the period's start.")
@click.option("--score", type=click.Choice(SCORES), help="Assess who scored --threshold or more at the period's start.")
@click.option("--threshold", type=click.FloatRange(0, min_open=True), metavar="X", help="From where on a score selects.")
@click.option("--direction", type=click.Choice(["more", "less"]), help=LESS_IS_BETTER)
@period_option
@small_groups_option
@format_option("text", "json")
@click.pass_context
def fairness(
    ctx: click.Context,
    attributes: tuple[str, ...],
    cross: str | None,
    decision: str | None,
    segment: str | None,
    score: str | None,
    threshold: float | None,
    direction: Direction | None,
    period: str | None,
    form: str,
) -> None:
    """Assess who is reached, who benefits and who bears the cost, by group, with intervals, the smallest gap that could have
    been seen and the four-fifths verdict; small groups are hidden. An attribute without a stated basis makes no
    groups: one that tells who somebody is is refused when asked for, any other is null, `no_basis`. A segment or a
    score is assessed like an imported decision: who orders in the 30 days (`window_days`) after it is what turned out."""
    if ctx.invoked_subcommand is not None:
        return
    from persync.jobs.answers.fair import assessed, own_of, refuse_several
    from persync.measure.fairness.directions import turned

    refuse_several(decision=decision, segment=segment, score=score)
    own = own_of(segment, score, threshold)
    app: App = ctx.obj
    with app.engine() as engine:
        ask = turned(app.ask(period), direction)
        estimates = assessed(engine, ask, attributes=attributes, cross=cross, decision=decision, own=own, tell=app.note)
    show_estimates(estimates, form, ask)


fairness.add_command(mitigate)
fairness.add_command(decide)
fairness.add_command(decisions)
