"""Fairness beside exposure: the other measures held between groups, decisions, rules, and the stated basis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from persync.errors import PersyncError
from persync.estimate import Estimate
from persync.measure import rules
from persync.measure.attributes import left_out
from persync.measure.fairness import decisions, groups, own, targeting
from persync.measure.fairness.parities import FOUR_FIFTHS
from persync.report import words
from persync.report.report import Block, Cell, Column, Inputs, Note, Table

MEASURES: Final[Mapping[str, str]] = {
    "exposure_dose": "Personalised messages a person",
    "mean_sends": "Messages a person",
    "mean_level": "Highest level a person received",
    "dropped": "Chosen for a message, then held back",
    "unsubscribed_rate": "Delivered messages that people unsubscribed after",
    "complained_rate": "Delivered messages that people complained of",
    "ignored_share": "Delivered messages neither opened nor clicked",
    "offered": "Customers given a discount",
    "offer_value": "Discounts a customer",
    "discount_share": "Discounts over prices",
    "free_shipping_share": "Orders sent for nothing",
    "price_paid": "Paid a piece",
    "matched": "Known to more than one system",
}
"""{measure: what it is about}; rates go by their kind, means by their id"""
OFFERS: Final = ("offered", "offer_value", "discount_share", "free_shipping_share", "price_paid")
"""the measures that go by orders alone"""
DECIDED: Final[Mapping[str, str]] = {
    "demographic_parity": "Selected",
    "equal_opportunity": "Selected of those who qualified",
    "equalised_odds": "Selected rightly or wrongly, the worse of the two",
    "predictive_parity": "Qualified of those selected",
}
JUDGED: Final[Mapping[str, str]] = {
    "demographic_parity": "selection",
    "equal_opportunity": "true_positive",
    "predictive_parity": "precision",
}
"""{measure of a decision: the rate whose four-fifths verdict it has}"""
FIFTHS: Final = Column(
    "verdict",
    "Four fifths",
    "text",
    "below: the whole interval lies under 0.8; meets: none of it does; not shown: the data do not say; a screen, not a legal"
    " finding",
)
COLUMNS: Final = (
    Column("measure", "Held between the groups"),
    Column("ends", "Worse off against better off"),
    Column(
        "gap", "Gap", "estimate", "of the known groups large enough, the worst off and the best off: chosen after seeing them"
    ),
    Column("seen", "Could have been seen", "text", "the smallest gap that these two groups would show four times in five"),
    Column("said", "Do the groups differ?", "text", "a test over all known groups: chi-square of rates, Cochran's of means"),
)
SELECTED: Final = (
    Column("attribute", "By"),
    Column("group", "Group"),
    Column("rate", "Selected", "estimate"),
    Column("ratio", "Against the best", "estimate", "its rate over that of the best group, which is the reference"),
    FIFTHS,
)


def others(attribute: str, estimates: Sequence[Estimate], kinds: Sequence[str] = tuple(MEASURES)) -> list[Block]:
    """Return one table of everything else (of these kinds) that is held between the groups of an attribute; nothing where
    nothing is known."""
    rows = [row for kind in kinds if (row := _row(kind, f"{kind}_parity", MEASURES[kind], estimates)) is not None]
    if not rows:
        return []
    return [
        Table(f"parities_{attribute}", f"What else the groups got, and what it cost them, by {attribute}", COLUMNS, tuple(rows))
    ]


def _row(kind: str, spread: str, title: str, estimates: Sequence[Estimate]) -> tuple[Cell, ...] | None:
    mine = [e for e in estimates if e.id == spread]
    if not mine:
        return None
    gap = next((e for e in mine if e.by.get("statistic") == "difference"), mine[0])
    worse, better = gap.by.get("group"), gap.by.get("against")
    ends = f"{worse} against {better}" if worse and better else None
    seen = next((e for e in estimates if e.id == f"{kind}_smallest_gap" and e.by.get("group") == worse), None)
    if seen is not None and (seen.by.get("against") != better or seen.value is None):
        seen = None
    test = next((e for e in estimates if e.id == f"{kind}_homogeneity"), None)
    said = None
    if test is not None and test.p is not None:
        differ = test.note.startswith("the groups differ")
        said = f"{'yes' if differ else 'not shown'}, {words.p_value(test.p)}"
    return title, ends, gap, words.value(seen, short=True) if seen else None, said


def decided(inputs: Inputs, names: Sequence[str]) -> list[Block]:
    """Return what every decision in the store, and every segment and score that the settings name, did to the groups of each
    attribute, with what is wrong with it."""
    found = decisions.names(inputs.engine)
    mine = own.asked(inputs.ask)
    if not (found or mine) or not names:
        return []
    wanted = groups.of_each(inputs.engine, list(names))
    blocks: list[Block] = []
    for name in found:
        blocks += _decision(name, wanted, decisions.assess_each(inputs.engine, wanted, inputs.ask, name))
    for one in mine:
        try:
            blocks += _decision(one.title, wanted, own.assess_each(inputs.engine, wanted, inputs.ask, one))
        except PersyncError as error:
            blocks.append(Note(f"Of the {one.title} nothing is said: {error}"))
    return blocks


def _decision(name: str, wanted: Sequence[groups.Groups], estimates: Sequence[Estimate]) -> list[Block]:
    rows: list[tuple[Cell, ...]] = []
    said: list[str] = []
    each: list[tuple[Cell, ...]] = []
    for one in wanted:
        mine = [e for e in estimates if e.by.get("attribute") == one.title]
        for spread, title in DECIDED.items():
            here = [e for e in mine if e.id == spread and e.reason not in (decisions.NO_LABELS, rules.IMMATURE)]
            gap = next((e for e in here if e.by.get("statistic") == "difference"), here[0] if here else None)
            if gap is not None:
                ratio = next((e for e in here if e.by.get("statistic") == "ratio"), None)
                worse = f"{gap.by['group']} against {gap.by['against']}" if "against" in gap.by else None
                times = words.brief(ratio) if ratio and ratio.value is not None else None
                rows.append((one.title, title, worse, gap, times, _verdict(mine, spread, gap)))
        said += _judged(one.title, mine)
        each += _selected(one.title, mine)
    columns = (
        Column("attribute", "By"),
        *COLUMNS[:3],
        Column("ratio", "Ratio", "text", "the worse off to the better off; four fifths is 0.8"),
        FIFTHS,
    )
    blocks: list[Block] = [Note(text, "warning", f"The decision '{name}'") for text in _wrong(estimates)]
    if said:
        blocks.append(Note(" ".join(said), "answer", f"Does the decision '{name}' treat the groups alike?"))
    if rows:
        blocks.append(Table(f"decision_{name}", f"How the decision '{name}' treats the groups", columns, tuple(rows)))
    if each:
        blocks.append(Table(f"decision_{name}_groups", f"Whom the decision '{name}' selects", SELECTED, tuple(each)))
    return blocks


def _verdict(estimates: Sequence[Estimate], spread: str, gap: Estimate) -> str | None:
    """Return the verdict on the pair of groups that is held against each other; None where there is none."""
    found = [e for e in estimates if e.id == "four_fifths" and e.by.get("of") == JUDGED.get(spread)]
    ends = gap.by.get("group"), gap.by.get("against")
    return next((e.by["verdict"] for e in found if (e.by["group"], e.by["against"]) == ends), None)


def _judged(attribute: str, estimates: Sequence[Estimate]) -> list[str]:
    """Say of the group that is selected least against the best one how often, and what is shown by that."""
    of = [e for e in estimates if e.id == "four_fifths" and e.by.get("of") == "selection" and groups.is_known(e.by["group"])]
    least = min((e for e in of if e.value is not None), key=lambda e: float(e.value or 0.0), default=None)
    if least is None:
        return []
    counted = "less" if float(least.value or 0.0) < FOUR_FIFTHS else "not less"
    verdict = {
        "below": "surely less than four fifths",
        "meets": "surely at least four fifths",
    }.get(least.by["verdict"], f"{counted} than four fifths as counted, which is not shown to be more than chance")
    times = words.times(float(least.value or 0.0))
    ends = f"'{least.by['group']}' was selected {times} as often as '{least.by['against']}'"
    return [f"By {attribute}: {ends} (95 %: {words.interval(least)}): {verdict}."]


def _selected(attribute: str, estimates: Sequence[Estimate]) -> list[tuple[Cell, ...]]:
    """Return a row a group: its rate, what that is to the best group's, and the verdict."""
    fifths = {e.by["group"]: e for e in estimates if e.id == "four_fifths" and e.by.get("of") == "selection"}
    best = {e.by["against"] for e in fifths.values()}
    return [
        (
            attribute,
            (name := e.by["group"]),
            e,
            fifths.get(name),
            fifths[name].by["verdict"] if name in fifths else "reference" if name in best else None,
        )
        for e in estimates
        if e.id == "selection_rate" and "group" in e.by
    ]


def _wrong(estimates: Sequence[Estimate]) -> list[str]:
    """Return what must be said of a decision before its figures are read."""
    said = []
    right = next((e for e in estimates if e.id == "accuracy" and "group" not in e.by), None)
    if right is not None and decisions.WRONG_WAY_ROUND in right.note:
        said.append(
            f"It was right about {words.brief(right)} of the people: less often than not. Is the score the wrong way round?"
        )
    odd = next((e for e in estimates if e.id == "strangers_share"), None)
    if odd is not None:
        said.append(f"{words.value(odd)} of the people decided about are known to the store from nothing else.")
    torn = [e.by["attribute"] for e in estimates if e.id == "demographic_parity" and decisions.CANNOT_ALL_HOLD in e.note]
    if torn:
        by = words.listing(list(dict.fromkeys(torn)))
        said.append(
            f"By {by} the groups' base rates differ, so equal shares selected, equal chances of those who qualify and equal"
            " precision cannot all hold: somebody has to choose which matters here."
        )
    return said


def aimed(inputs: Inputs) -> list[Block]:
    """Return the segments and messages whose people were chosen by a gender, an age or a place."""
    found: dict[tuple[str, str], list[str]] = {}
    for what, chosen in (("segment", targeting.rules(inputs.engine)), ("message", targeting.campaigns(inputs.engine))):
        for rule in chosen:
            found.setdefault((rule.segment, what), []).append(rule.what)
    if not found:
        return []
    columns = Column("name", "Name"), Column("what", "What it is"), Column("by", "Its people are chosen by")
    rows = tuple((name, what, words.listing(list(dict.fromkeys(by)))) for (name, what), by in found.items())
    return [Table("aimed", "Who is chosen by what they are, not by what they did", columns, rows)]


def basis(inputs: Inputs, names: Sequence[str]) -> list[Block]:
    """Return on what basis each attribute is held; a warning where none was stated."""
    held = groups.basis(inputs.engine, groups.Groups(tuple(names)))
    bare = [f"'{name}'" for name in names if not held[name]]
    said = [f"'{name}': {'; '.join(held[name])}." for name in names if held[name]]
    blocks: list[Block] = []
    if some := list(left_out(inputs.engine, names)):
        blocks.append(Note(" ".join(some), "warning"))
    if bare:
        are = "is" if len(bare) == 1 else "are"
        blocks.append(Note(f"{words.listing(bare)} {are} held without a stated basis: state one, or let go of it.", "warning"))
    return [*blocks, *([Note(" ".join(said), "definition", "Why these attributes are held")] if said else [])]
