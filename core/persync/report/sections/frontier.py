"""What could be done about the unfairest choice that was found, and what it would bring or cost: suggested, never done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from persync.estimate import Estimate
from persync.measure.fairness import FOUR_FIFTHS, mitigation
from persync.measure.fairness.mitigation import Choice
from persync.report import charts, words
from persync.report.report import Block, Cell, Column, Figure, Inputs, Note, Table

METHODS: Final[Mapping[str, str]] = {
    "as_decided": "as decided",
    "group_thresholds": "group lines",
    "exploration_floor": "floor by lot",
    "reweighing": "reweighed",
    "drop_proxy": "no proxy",
    "generic_mail": "generic mail",
}
VERDICTS: Final[Mapping[str, str]] = {
    "below": "surely less than four fifths",
    "meets": "surely at least four fifths",
    "not shown": "which is neither shown to be four fifths nor to be less",
}


Points = Mapping[tuple[str, str], Estimate]
"""the ratio at each method and strength"""
Beside = Mapping[tuple[str, str, str], Estimate]
"""what else is known at each: by id, method and strength"""


def blocks(inputs: Inputs, found: Sequence[Estimate]) -> list[Block]:
    """Return the frontier of the first choice that can be mitigated: sentence, figure and table."""
    wanted = mitigation.choices(found, inputs.ask, mitigation.generic(inputs.engine))
    best = mitigation.surest(inputs.engine, inputs.ask, wanted)
    if best is None:
        return []
    choice, made = best
    return _told(choice, made, {_point(e): e for e in made if e.id == "frontier_ratio"})


def _told(choice: Choice, made: Sequence[Estimate], points: Points) -> list[Block]:
    of = {(e.id, *_point(e)): e for e in made if "strength" in e.by}
    table = _table(points, of)
    left = [f"Left as decided: {e.note}." for e in made if e.id == "left_as_decided"]
    unfit = [
        f"{METHODS[e.by['method']].capitalize()}: {words.reason(e.reason)}."
        for e in made
        if e.id == "bias_mitigation" and e.reason and "method" in e.by
    ]
    first = next(iter(points.values()))
    basis = f"{_basis(first)}. At strength 0 everything is as decided. {_HOW} {' '.join([*unfit, *left])}".strip()
    return [
        Note(sentence(choice, points, of), "answer", "What could be done, and what would it cost?"),
        _figure(choice, points, of, table),
        Note(basis, "definition", "How mitigations are learnt, chosen and judged"),
    ]


_HOW: Final = (
    "The floor draws by lot until each group's share is that much of the best one's; group lines move where the"
    " decision was drawn; a new score decides of a share of the people. The worst-off and the"
    " best-off group are found by looking at the people judged, so their ratio looks a little smaller than it is."
)


def sentence(choice: Choice, points: Points, of: Beside) -> str:
    """Say how unfair the choice is as it is, what is suggested, and what that would do and cost on people of its own."""
    before = points["as_decided", "0"]
    best = next((e for e in points.values() if e.by["suggested"] == "yes"), None)
    said = (
        f"{choice.name[:1].upper()}{choice.name[1:]}, by {choice.attribute}: as it is, '{before.by['group']}' was {choice.verb}"
        f" {words.brief(before)} as often as '{before.by['against']}', {VERDICTS[before.by['verdict']]}."
    )
    if best is None or best.by["method"] == "as_decided":
        return f"{said} Nothing that was tried is suggested in its place."
    return (
        f"{said} Suggested, never done: {_name(best)}. Of {words.number(best.n or 0)} people from whom nothing was learnt or"
        f" chosen, '{best.by['group']}' would be {choice.verb} {words.brief(best)} as often as '{best.by['against']}',"
        f" {VERDICTS[best.by['verdict']]}; {_money(of['frontier_money_difference', *_point(best)])}."
        " A person decides; persync fairness decide writes it down."
    )


def _money(difference: Estimate) -> str:
    if difference.value is None:
        return f"what that brings or costs is not known: {words.reason(difference.reason)}"
    size = words.brief(difference)
    if difference.low is not None and difference.low > 0:
        verb = "it would bring"
    elif difference.high is not None and difference.high < 0:
        verb = "it would cost"
    else:
        return f"whether it brings or costs money is not shown, {size} at your prices"
    return f"{verb} money: {size} against the decision as it is, at your prices"


def _figure(choice: Choice, points: Points, of: Beside, table: Table) -> Figure:
    is_priced = all(of["frontier_money_difference", *point].value is not None for point in points)
    id, what = ("frontier_money_difference", "money") if is_priced else ("frontier_accuracy", "accuracy")
    across = {point: of[id, *point] for point in points}
    unit = next(iter(across.values())).unit
    title = f"{unit} more than as decided" if is_priced else "% rightly decided"
    said = "; ".join(
        f"{_name(e)}: {words.brief(e)}, {words.brief(across[point])}"
        for point, e in points.items()
        if point[1] == "1" or _mark(e)
    )
    return Figure(
        "fairness_frontier",
        f"What each mitigation of {choice.name} does for the worst-off group by {choice.attribute}, against {what}, with 95 %"
        " intervals",
        f"The worst-off group's chance over the best-off one's, and {what}: {said}.",
        charts.frontier(
            [_drawn(e, across[point], 1.0 if is_priced else 100.0) for point, e in points.items()],
            across=title,
            up="worst-off against best-off group",
            line_at=FOUR_FIFTHS,
            line_named="four fifths",
        ),
        table,
    )


def _drawn(up: Estimate, across: Estimate, scale: float) -> dict[str, Any]:
    row: dict[str, Any] = {"name": METHODS[up.by["method"]], "strength": float(up.by["strength"]), "mark": _mark(up)}
    for axis, one, by in (("x", across, scale), ("y", up, 1.0)):
        for end, value in (("", one.value), ("_low", one.low), ("_high", one.high)):
            row[f"{axis}{end}"] = by * float((one.value if value is None else value) or 0.0)
    return row


def _mark(e: Estimate) -> str:
    return "suggested" if e.by["suggested"] == "yes" else "as decided" if e.by["method"] == "as_decided" else ""


def _judged(points: Points) -> int:
    return max(e.n or 0 for e in points.values())


def _table(points: Points, of: Beside) -> Table:
    columns = (
        Column("what", "What"),
        Column("ends", "Worst off / best off"),
        Column("ratio", "Chosen as often", "estimate", "the worst-off group's share chosen over the best-off one's"),
        Column("verdict", "Four fifths"),
        Column("money", "Money against as decided", "estimate", "of the same people, at your prices"),
        Column("roi", "Return", "estimate", "what is left of the gain for each unit of cost"),
        Column("right", "Rightly decided", "estimate"),
    )
    bare = dict.fromkeys(("frontier_money_difference", "fairness_roi_frontier", "frontier_accuracy"))

    def cells(point: tuple[str, str], e: Estimate) -> tuple[Cell, ...]:
        money, roi, right = (replace(of[id, *point], note="", n=None) for id in bare)
        mark = " (suggested)" if e.by["suggested"] == "yes" else ""
        ends = f"{e.by['group']} / {e.by['against']}"
        return f"{_name(e)}{mark}", ends, replace(e, note="", n=None), e.by["verdict"], money, roi, right

    # Strength 0 of each method is the decision as it is, which stands there once.
    rows = tuple(cells(point, e) for point, e in points.items() if point[0] == "as_decided" or point[1] != "0")
    n = words.number(_judged(points))
    return Table("frontier", f"Every mitigation at every strength, on the {n} people judged", columns, rows)


def _name(e: Estimate) -> str:
    if e.by["method"] == "as_decided":
        return METHODS["as_decided"]
    share = "in full" if e.by["strength"] == "1" else words.share(float(e.by["strength"]), 0).replace(" ", "\u00a0")
    return f"{METHODS[e.by['method']]}, {share}"


def _basis(e: Estimate) -> str:
    """Return what the figures rest on, without the words that every suggestion carries."""
    text = "; ".join(part for part in e.note.split("; ") if part != mitigation.ENDS and not part.startswith("a suggestion"))
    return text[:1].upper() + text[1:]


def _point(e: Estimate) -> tuple[str, str]:
    return e.by.get("method", ""), e.by.get("strength", "")
