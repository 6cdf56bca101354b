"""`persync fairness mitigate`: what could be done about an unfair decision, and what it would bring or cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from persync.cli.base import Command, format_option, period_option
from persync.cli.context import App, pass_app
from persync.cli.fairness_decide import SCORES
from persync.cli.names import known
from persync.cli.output import show_estimates, show_table

if TYPE_CHECKING:
    from persync.estimate import Estimate
    from persync.measure.fairness import Direction

SHOWN = (
    ("frontier_ratio", "ratio"),
    ("frontier_accuracy", "rightly decided"),
    ("frontier_money", "money"),
    ("frontier_money_difference", "more than as decided"),
    ("fairness_roi_frontier", "return"),
)
"""the estimates of a point, and what they are called in its line"""


@click.command(cls=Command)
@click.option("--decision", metavar="NAME", help="The imported decision.")
@click.option("--message", metavar="TITLE", help="Or a message: who was sent it was chosen, who ordered soon after qualified.")
@click.option("--segment", metavar="NAME", help="Or persync's own segment, as of the period's start.")
@click.option("--score", type=click.Choice(SCORES), help="Or persync's own score, from --threshold on.")
@click.option("--threshold", type=click.FloatRange(0, min_open=True), metavar="X", help="From where on a score selects.")
@click.option(
    "--by",
    "attribute",
    required=True,
    metavar="ATTR",
    shell_complete=known("attributes"),
    help="The attribute that makes the groups.",
)
@click.option("--direction", type=click.Choice(["more", "less"]), help="less: a burden; default: as [fairness] has it.")
@click.option("--gain", type=click.FloatRange(min=0), help="What it brings to choose somebody who qualifies.")
@click.option("--cost", type=click.FloatRange(min=0), help="What choosing anybody costs. Both default to [ethics] prices.")
@click.option("--currency", metavar="CUR", help="The currency of the prices; default: the report's, or the store's only one.")
@click.option("--count-unknown", is_flag=True, help="Count people of whom the attribute is unknown as a group.")
@period_option
@format_option("text", "json")
@pass_app
def mitigate(
    app: App,
    decision: str | None,
    message: str | None,
    segment: str | None,
    score: str | None,
    threshold: float | None,
    attribute: str,
    direction: Direction | None,
    gain: float | None,
    cost: float | None,
    currency: str | None,
    count_unknown: bool,
    period: str | None,
    form: str,
) -> None:
    """Show what could be done about an unfair decision: fairness, accuracy and money before and after, and the frontier of
    fairness and return, on people from whom nothing was learnt or chosen. Small groups, and unknown, steer nothing. Nothing
    is changed. When none is named it is the decision or message behind the surest gap, as in the report. Of a segment or
    score, who orders in the 30 days (`window_days`) after it is what turned out."""
    from persync.jobs.answers.fair import mitigated, own_of, prices_of, refuse_several
    from persync.jobs.answers.options import currency_in

    refuse_several(decision=decision, message=message, segment=segment, score=score)
    own, prices = own_of(segment, score, threshold), prices_of(gain, cost)
    with app.engine() as engine:
        ask = app.ask(period, currency=currency_in(currency))
        found = mitigated(
            engine,
            ask,
            attribute,
            decision=decision,
            message=message,
            own=own,
            direction=direction,
            prices=prices,
            unknown=count_unknown,
            tell=app.note,
        )
    points = [one for one in found if one.id == "frontier_ratio"]
    if form == "json" or not points:
        show_estimates(found, form, ask)
        return
    _show(points, found)


def _show(points: Sequence[Estimate], found: Sequence[Estimate]) -> None:
    """Print a line for each point, then what all of it rests on, which methods there is no room for, and who took no part."""
    from persync.report import words

    of = {(one.id, _point(one)): one for one in found}
    headers = ["", "method", "strength", "worst / best", "four fifths"]
    for _, title in SHOWN:
        headers += [title, "95 %"]
    rows = []
    for one in points:
        ends = f"{one.by['group']} / {one.by['against']}" if "against" in one.by else ""
        mark = "suggested" if one.by["suggested"] == "yes" else ""
        row = [mark, one.by["method"], one.by["strength"], ends, one.by.get("verdict", "")]
        for id, _ in SHOWN:
            value = of[id, _point(one)]
            row += ["", ""] if value.value is None else [words.value(value), words.interval(value)]
        rows.append(row)
    show_table(headers, rows, right=("strength", "95 %", *(title for _, title in SHOWN)))
    money, suggested = (
        of["frontier_money", _point(points[0])],
        next((one for one in points if one.by["suggested"] == "yes"), None),
    )
    said = [(suggested or points[0]).note]
    if money.value is None:
        said.append(f"Money is not known: {words.reason(money.reason)}.")
    else:
        said.append(f"Money: {money.note.split(';')[0]}; {words.label(money)}.")
    said += [
        f"No {one.by['method']}: {words.reason(one.reason)}." for one in found if one.id == "bias_mitigation" and one.reason
    ]
    said += [f"Left as decided: {one.note}." for one in found if one.id == "left_as_decided"]
    for line in said:
        click.echo(line[:1].upper() + line[1:])


def _point(one: Estimate) -> tuple[str | None, str | None]:
    return one.by.get("method"), one.by.get("strength")
