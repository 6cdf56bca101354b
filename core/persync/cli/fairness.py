"""`persync fairness`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from persync.cli.base import AskedGroup, format_option, period_option, small_groups_option
from persync.cli.context import App
from persync.cli.fairness_decide import decide, decisions
from persync.cli.fairness_mitigation import mitigate
from persync.cli.fairness_own import SCORES, own_of
from persync.cli.output import show_estimates

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.measure.fairness import Direction

LESS_IS_BETTER = "less: being selected, or getting personalised mail, is a burden; more: a gain; default: as [fairness] has it."


@click.group(cls=AskedGroup, invoke_without_command=True)
@click.option("--by", "attributes", multiple=True, metavar="ATTR", help="The attribute that makes the groups; default: all.")
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
    if sum(one is not None for one in (decision, segment, score)) > 1:
        raise click.UsageError("name one of --decision, --segment and --score.")
    mine = own_of(segment, score, threshold)
    from persync.errors import ConfigError, DataError
    from persync.jobs.answers.each import read_each
    from persync.measure.attributes import refuse
    from persync.measure.fairness import assess, bases, groups, own
    from persync.measure.fairness.decisions import assess_each
    from persync.measure.fairness.directions import turned

    app: App = ctx.obj

    with app.engine() as engine:
        ask = turned(app.ask(period), direction)
        found = engine.rows("SELECT DISTINCT a.name AS name FROM attributes AS a")
        crossed = tuple(part.strip() for part in cross.split(",")) if cross is not None else ()
        if cross is not None and len(crossed) < 2:
            raise ConfigError("groups are crossed from two different attributes.", hint="--cross takes A,B.")
        named = [(name,) for name in attributes] + ([crossed] if crossed else [])
        wanted = named or [(name,) for name in sorted(str(row["name"]) for row in found)]
        if not wanted:
            hint = 'Import attributes, or opt in with [connections.NAME] attributes = { country = "why you may hold it" }.'
            raise DataError("no attribute of people is in the store.", hint=hint)
        refuse(engine, [name for names in named for name in names])
        lacking = {names: bases.unstated(engine, names) for names in wanted}
        estimates = [bases.null(names, bare, mine.title if mine else decision) for names, bare in lacking.items() if bare]
        wanted = [names for names in wanted if not lacking[names]]
        if not wanted:
            pass  # no group may be made: what is said is why
        elif decision is not None or mine is not None:  # all groups from one look at the people
            made = read_each(wanted, lambda names: [groups.of(engine, names)], tolerant=not named, tell=app.note)
            found_out = own.assess_each(engine, made, ask, mine) if mine else assess_each(engine, made, ask, decision or "")
            estimates += found_out
        else:
            estimates += read_each(wanted, lambda names: assess(engine, names, ask), tolerant=not named, tell=app.note)
        for line in _said(engine, sorted({name for names in lacking for name in names})):
            app.say(f"persync: {line}")
    show_estimates(estimates, form, ask)


def _said(engine: Engine, names: list[str]) -> list[str]:
    """Return what is to be said of attributes: held without a stated basis, or aimed at by the rules of segments."""
    from persync.measure.attributes import HOW, left_out
    from persync.measure.fairness import bases, targeting

    bare = bases.unstated(engine, names)
    said = [f"'{name}' is held without a stated basis: nobody is compared by it. {HOW}" for name in bare]
    said += left_out(engine, names)
    said += [f"the segment '{rule.segment}' is chosen by {rule.what}: {rule.rule}." for rule in targeting.rules(engine)]
    return said + [f"the message '{rule.segment}' is for people chosen by {rule.what}." for rule in targeting.campaigns(engine)]


fairness.add_command(mitigate)
fairness.add_command(decide)
fairness.add_command(decisions)
