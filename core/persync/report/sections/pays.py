"""Does it pay: what each randomised arm or holdout caused, what came back for the cost, and how far raw numbers overstate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from persync.errors import DataError
from persync.measure.returns import OUTSIDE, Return
from persync.report import charts, words
from persync.report.findings import Effect, aside, doubt, effects, other_days, outside, returned
from persync.report.report import Block, Cell, Column, Figure, Inputs, Note, Section, Table

NO_EXPERIMENT = (
    "no randomised test and no holdout is configured or imported, so what the messages caused cannot be known;"
    " credit and claims below say what came after them, not what came because of them."
)


def build_pays(inputs: Inputs) -> Sequence[Block]:
    """Return the lift of every arm with its verdict, the raw numbers beside it, and the return on cost."""
    found, problems = effects(inputs)
    if outside(inputs):
        raise DataError(f"{OUTSIDE}.")
    if not found and not problems:
        raise DataError(NO_EXPERIMENT)
    blocks: list[Block] = [Note(problem, "warning") for problem in problems]
    blocks += [Note(text, "warning") for text in other_days(inputs)]
    if not found:
        return blocks
    blocks += [Note(sentence(effect)) for effect in found if effect.has_control]
    table = _table(found)
    blocks += [table, _figure(found, table)]
    overstated = [effect for effect in found if effect.overstated is not None]
    if overstated:
        blocks += [*map(_raw_note, overstated), _raw_table(overstated)]
    returns = returned(inputs)
    if returns:
        blocks += [Note(return_sentence(one)) for one in returns]
        blocks.append(_return_table(returns, inputs.ask.timezone))
    return [*blocks, DEFINITION]


def name_of(effect: Effect, *, several: bool = False) -> str:
    """Return how an arm is called; with its experiment's name where there are several."""
    return f"{effect.experiment.name}: {effect.arm}" if several else effect.arm


def sentence(effect: Effect) -> str:
    """Say what an arm caused, or that it cannot be told, in one sentence."""
    how = "a holdout" if effect.experiment.holdout else "a randomised test"
    change = effect.revenue
    if change.value is None:
        return f"What '{effect.arm}' caused is {words.value(change)}."
    amount = f"{words.brief(change)} of revenue a customer"
    if effect.verdict == "cannot tell":
        why = f" ({change.note})" if change.note else ""
        return (
            f"In {how}, '{effect.arm}' against '{effect.against}': {amount}. We cannot tell whether it changed anything{why}."
        )
    verb = "caused" if effect.verdict == "pays" else "cost"
    return f"In {how}, '{effect.arm}' {verb} {amount} against '{effect.against}'.{aside(effect)}"


def return_sentence(one: Return) -> str:
    """Say what came back for the cost, in one sentence."""
    if one.cost.value is None:
        return f"What it cost is {words.value(one.cost)}, so whether it pays in the end is not known."
    if one.back.value is None:
        return f"What came back for the cost is {words.value(one.back)}."
    times = f"{words.value(one.back)} its cost (95 %: {words.interval(one.back)})"
    spent = f"It cost {words.value(one.cost)} and brought in {words.brief(one.gain)}: {times}."
    before = " What the goods cost is not taken off: no margin is set." if "gain is revenue" in one.gain.note else ""
    said = doubt(one.gain.note)
    return spent + before + (f" {said}" if said else "")


def _table(found: Sequence[Effect]) -> Table:
    several = len({effect.experiment.name for effect in found}) > 1
    outcomes = list(dict.fromkeys(e.by["outcome"] for effect in found for e in effect.others))

    def cells(effect: Effect) -> tuple[Cell, ...]:
        by_outcome = {e.by["outcome"]: e for e in effect.others}
        return (
            name_of(effect, several=several),
            effect.against,
            effect.revenue,
            effect.relative,
            effect.conversion,
            *(by_outcome.get(outcome) for outcome in outcomes),
            effect.verdict if effect.has_control else None,
        )

    columns = (
        Column("arm", "Arm"),
        Column("against", "Held against"),
        Column(
            "revenue", "Revenue a customer", "estimate", "revenue of everybody in the arm, buyers or not, less the same there"
        ),
        Column("relative", "Relative", "estimate", "the same difference as a share of what the other arm took"),
        Column(
            "conversion", "Customers who bought", "estimate", "placed an order that was neither cancelled nor fully refunded"
        ),
        *(Column(f"outcome_{i}", outcome, "estimate", "an imported outcome") for i, outcome in enumerate(outcomes)),
        Column(
            "verdict",
            "Verdict",
            "text",
            "before costs; pays or costs only when the interval and the Holm-adjusted p exclude zero",
        ),
    )
    return Table("lift", "What each arm changed", columns, tuple(map(cells, found)))


def _figure(found: Sequence[Effect], table: Table) -> Figure:
    several = len({effect.experiment.name for effect in found}) > 1
    rows = [
        {
            "name": name_of(effect, several=several),
            "value": effect.revenue.value,
            "low": effect.revenue.low,
            "high": effect.revenue.high,
            "verdict": effect.verdict,
        }
        for effect in found
        if effect.revenue.value is not None and effect.revenue.low is not None
    ]
    said = [f"{name_of(effect, several=several)}: {words.brief(effect.revenue)}, {effect.verdict}" for effect in found]
    unit = found[0].revenue.unit
    return Figure(
        "lift_figure",
        "Extra revenue a customer, with 95 % intervals",
        f"Extra revenue a customer. {'; '.join(said)}.",
        charts.intervals(rows, unit=f"{unit} a customer", verdicts=True),
        table,
    )


def _raw_note(effect: Effect) -> Note:
    assert effect.overstated is not None
    assert effect.mean is not None
    return Note(
        f"Counting all revenue that came after the mail would credit '{effect.arm}' with {words.value(effect.mean)} a customer:"
        f" that overstates what it caused by {words.brief(effect.overstated)}, because most of it would have come anyway."
    )


def _raw_table(found: Sequence[Effect]) -> Table:
    several = len({effect.experiment.name for effect in found}) > 1
    columns = (
        Column("arm", "Arm"),
        Column("raw", "Revenue after mail, a customer", "estimate", "all orders of the arm inside the window"),
        Column("base", "Without it", "estimate", "what the arm it is held against took in the same days"),
        Column("caused", "Caused", "estimate"),
        Column("overstated", "Raw overstates by", "estimate", "revenue after mail over revenue caused"),
    )
    rows = tuple(
        (name_of(effect, several=several), effect.mean, effect.base, effect.revenue, effect.overstated) for effect in found
    )
    return Table("raw", "Revenue after the mail, and revenue because of it", columns, rows)


def _return_table(returns: Sequence[Return], timezone: str) -> Table:
    columns = (
        Column("experiment", "Experiment"),
        Column("gain", "Brought in", "estimate", "the difference a customer times the customers treated"),
        Column("cost", "Cost", "estimate", "costs that name the experiment, else all costs of its days"),
        Column("back", "Came back for each unit spent", "estimate", "brought in over cost; only what came in is uncertain"),
        Column("roi", "Return", "estimate", "what was brought in less the cost, over the cost"),
        Column("days", "Days"),
        Column(
            "verdict",
            "Verdict",
            "text",
            "pays only when the whole interval of what came in lies above the cost; adjusted for the number of experiments",
        ),
    )
    rows = tuple(
        (
            one.experiment.name,
            one.gain,
            one.cost,
            replace(one.back, note=""),
            replace(one.roi, note=""),
            words.period(one.days, timezone) if one.days else "all that are known",
            one.word,
        )
        for one in returns
    )
    return Table("return", "What came back for the cost", columns, rows)


DEFINITION = Note(
    "People are compared in the arm they were drawn into by lot, whatever they received afterwards. The difference of two"
    " means has Welch's interval, the difference of two shares Newcombe's, a relative difference the delta method's. Verdicts"
    " are adjusted for the number of comparisons (Holm). Arms whose sizes are not as planned give no verdict, nor do"
    " contaminated ones.",
    "definition",
    "How a lift is worked out",
)

SECTION = Section("pays", "Does it pay?", build_pays, order=200)
