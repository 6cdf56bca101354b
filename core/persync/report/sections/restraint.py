"""When to pull back: what less mail would gain by group, as tests say, and how answers go with how often one is mailed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from persync.errors import DataError
from persync.estimate import Estimate
from persync.measure import frequency
from persync.report import charts, words
from persync.report.report import Block, Cell, Column, Figure, Inputs, Note, Section, Table

OUTCOMES: Final = (
    ("clicks", "Clicks a person"),
    ("revenue", "Revenue a person"),
    ("unsubscribed", "Unsubscribed"),
    ("complained", "Complained"),
)
WHOLE: Final = "everybody"


def build_restraint(inputs: Inputs) -> Sequence[Block]:
    """Return who should get less, who goes on, and who is undecided; then the dose of mail, with its warning."""
    engine, ask = inputs.engine, inputs.ask
    advice = [one for one in frequency.pull_back_advice(engine, ask) if one.value is not None]
    doses = [one for one in frequency.frequency_response(engine, ask) if "sends_a_week" in one.by and one.value is not None]
    tired = [one for one in frequency.fatigue(engine, ask) if one.value is not None]
    if not advice and not doses:
        raise DataError("neither a test nor dated messages are known, so nothing says when to pull back.")
    blocks: list[Block] = [Note(sentence(advice), "answer", "Should anybody get less?")]
    if advice:
        blocks.append(_advice(advice))
    if doses:
        cap = frequency.CAP.replace("`", "")  # a page shows words, not marks
        blocks += [_doses(doses), *curve(doses), Note(f"Not a cause: {frequency.SELECTED}. To know, {cap}.", "warning")]
    blocks += [Note(text, "info") for text in map(_tired, tired) if text]
    return [*blocks, _RULES]


def sentence(advice: Sequence[Estimate]) -> str:
    """Say what tests advise on the whole, for which groups to pull back, and how many are undecided, from the advice alone."""
    if not advice:
        return "Nobody can say: no test or holdout has measured what less mail would do."
    said = [_on_the_whole(one) for one in advice if who(one) == WHOLE and not _is_rail(one)]
    rails = [one for one in advice if who(one) == WHOLE and _is_rail(one) and one.by["advice"] == "pull back"]
    said += [f"But the guard rail '{one.by['outcome']}' says to pull back." for one in rails]
    groups = {who(one): one for one in advice if who(one) != WHOLE and not _is_rail(one)}
    harmed = {who(one) for one in advice if who(one) != WHOLE and one.by["advice"] == "pull back"}
    if harmed:
        said.append(f"Pull back for {words.listing(sorted(harmed))}: the mail is shown to cost more there than it brings.")
    elif groups:
        said.append("For no group is the mail shown to cost more than it brings.")
    if open_ones := [name for name, one in groups.items() if one.by["advice"] == "test"]:
        said.append(f"{len(open_ones)} of {words.plural(len(groups), 'group')} {_verb(open_ones)} undecided: test longer.")
    return " ".join(said)


def _verb(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _on_the_whole(one: Estimate) -> str:
    size = words.brief(replace(one, value=abs(float(one.value or 0.0)), low=None, high=None)).removeprefix("+")
    test = f"the test '{one.by['experiment']}'"
    if one.by["advice"] == "keep":
        return f"Not on the whole: by {test}, pulling back would lose {size} a person."
    if one.by["advice"] == "pull back":
        return f"Yes, on the whole: by {test}, pulling back would gain {size} a person."
    return f"On the whole {test} does not decide it."


def _is_rail(one: Estimate) -> bool:
    return one.note.startswith("guard rail") or "; guard rail" in one.note


def who(one: Estimate) -> str:
    """Return the group that an advice is about: everybody, or `country DE`."""
    group, attribute = one.by.get("group", WHOLE), one.by.get("attribute", WHOLE)
    return group if group == WHOLE else f"{attribute} {group}"


def _advice(advice: Sequence[Estimate]) -> Table:
    tests = {one.by.get("experiment", "") for one in advice}
    outcomes = {one.by.get("outcome", "") for one in advice}
    columns = [Column("group", "Group"), Column("advice", "Advice")]
    columns.append(
        Column("gain", "Gain of pulling back", "estimate", "A person over the test's days; below zero it is a loss.")
    )
    columns += [Column("outcome", "In")] if len(outcomes) > 1 else []
    columns += [Column("experiment", "By test")] if len(tests) > 1 else []
    order = {"pull back": 0, "keep": 1, "test": 2}
    ranked = sorted(advice, key=lambda one: (who(one) != WHOLE, order.get(one.by["advice"], 3)))
    rows = []
    for one in ranked:
        row: list[Cell] = [who(one), one.by["advice"], replace(one, note="")]
        row += [one.by.get("outcome", "")] if len(outcomes) > 1 else []
        row += [one.by.get("experiment", "")] if len(tests) > 1 else []
        rows.append(tuple(row))
    return Table("pull_back", "Pull back, keep or test", tuple(columns), tuple(rows))


def _doses(doses: Sequence[Estimate]) -> Table:
    names = list(dict.fromkeys(one.by["sends_a_week"] for one in doses))
    cells = {(one.by["sends_a_week"], one.by["outcome"]): one for one in doses}
    shown = [(outcome, title) for outcome, title in OUTCOMES if any((name, outcome) in cells for name in names)]
    columns = (Column("dose", "Messages a week"), *(Column(outcome, title, "estimate") for outcome, title in shown))
    rows: list[tuple[Cell, ...]] = []
    for name in names:
        found = [cells.get((name, outcome)) for outcome, _ in shown]
        # The warning stands once under the table; what is special to one cell stays.
        rows.append((name, *(one if one is None else replace(one, note=_own(one.note)) for one in found)))
    return Table("doses", "How answers and leaving go with how often one is mailed: a raw difference", columns, tuple(rows))


def curve(doses: Sequence[Estimate]) -> list[Block]:
    """Return the answers by dose with what each dose has over the one before; nothing for a single dose."""
    for outcome, title in (("revenue", "revenue a person"), ("clicks", "clicks a person")):
        known = [one for one in doses if one.by["outcome"] == outcome]
        if len(known) < 2:
            continue
        before: list[Estimate | None] = [None, *known[:-1]]
        rows = [
            {
                "name": one.by["sends_a_week"],
                "value": one.value,
                "low": one.value if one.low is None else one.low,
                "high": one.value if one.high is None else one.high,
                "more": None if last is None else float(one.value or 0) - float(last.value or 0),
            }
            for one, last in zip(known, before, strict=True)
        ]
        said = "; ".join(f"{one.by['sends_a_week']} a week: {words.brief(replace(one, note=''))}" for one in known)
        unit = known[0].unit if words.is_currency(known[0].unit) else title
        spec = charts.response(rows, across="messages a week", unit=unit, named=title, marginal="added by this step")
        caption = f"{title.capitalize()} by how often one is mailed, and what each step adds: a raw difference"
        return [Figure("doses_figure", caption, f"A raw difference, no cause. {said}.", spec, _doses(doses))]
    return []


def _own(note: str) -> str:
    return "; ".join(part for part in note.split("; ") if part not in frequency.SELECTED)


def _tired(one: Estimate) -> str:
    if one.id == "silent_share":
        return f"{words.value(one)} of those who were mailed before and in the last 90 days did nothing in them."
    return ""


_RULES: Final = Note(
    "Pull back is advised where a test or holdout says that the group's members bring less with the mail than without, keep"
    " where it says that they bring more, and test where the interval holds both or does not stand after Holm's correction"
    " over the groups shown. A harm beyond the line set for a guard rail is a reason to pull back, too.",
    "definition",
    "What the advice rests on",
)

SECTION = Section("restraint", "When to pull back?", build_restraint, order=320, profiles=("full",))
