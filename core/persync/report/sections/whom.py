"""For whom does it pay: the effect in each group, and what people made of each level of personalisation."""

from __future__ import annotations

from collections.abc import Sequence

from persync.errors import DataError, PersyncError
from persync.estimate import Estimate
from persync.measure import rules, verdict
from persync.measure.fairness import benefit
from persync.measure.fairness.groups import is_known
from persync.measure.returns import OUTSIDE
from persync.measure.verdict import Word
from persync.report import charts, words
from persync.report.findings import attributes, effects, metric, outside, undecided
from persync.report.report import Block, Cell, Column, Figure, Inputs, Note, Section, Table

LEVELS = {
    "0": "0 generic",
    "1": "1 name or field",
    "2": "2 segment",
    "3": "3 triggered",
    "4": "4 individual content",
    "unknown": "unknown: content not read",
}
BY_LEVEL = ("exposure", "ctr", "conversion_rate", "revenue_per_recipient")
MOST_IN_FIGURE = 24


def group_effects(inputs: Inputs) -> tuple[list[tuple[Estimate, Word]], list[str]]:
    """Return the effect in every group of every attribute with its verdict, and why some attributes were left out.

    Verdicts and p-values are adjusted (Holm) over all groups of all attributes and experiments: the family shown in one table.
    People of whom an attribute is not known are shown and never judged: who they are, nobody can say.
    """
    groups: list[Estimate] = []
    names, problems = attributes(inputs)
    stopped = undecided(effects(inputs)[0])
    for attribute in names:
        try:
            assessed = benefit.assess(inputs.engine, attribute, inputs.ask, ("revenue",))
        except PersyncError as error:
            problems.append(f"By '{attribute}': {error}")
            continue
        groups += [e for e in assessed if e.id == "benefit_difference" and "group" in e.by]
    family = rules.compared(groups)
    judged = verdict.judge(family, inputs.ask.confidence)
    return [
        (e, one.word if is_known(e.by["group"]) and e.by["experiment"] not in stopped else "cannot tell")
        for e, one in zip(family, judged, strict=True)
    ], problems


def build_whom(inputs: Inputs) -> Sequence[Block]:
    """Return the effect by group with verdicts, and engagement by level."""
    found, problems = group_effects(inputs)
    blocks: list[Block] = [Note(sentence(found))] if found else []
    blocks += map(Note, problems)
    if found:
        table = _table(found)
        blocks += [table, _figure(found, table)]
        blocks.append(DEFINITION)
    else:
        blocks.append(Note(why_not(inputs)))
    by_level = _levels(inputs)
    if by_level:
        blocks += [by_level, LEVEL_NOTE]
    if not found and not by_level:
        raise DataError(why_not(inputs))
    return blocks


def why_not(inputs: Inputs) -> str:
    """Say why it cannot be told for whom it pays."""
    if outside(inputs):
        return f"For whom it pays cannot be told: {OUTSIDE}."
    if not any(experiment.control for experiment in inputs.ask.experiments.values()):
        return "For whom it pays cannot be told: that takes a randomised test or a holdout with a named control."
    return "For whom it pays cannot be told: no attribute of people was opted in or imported."


def sentence(found: Sequence[tuple[Estimate, Word]]) -> str:
    """Say in one sentence for which groups it pays, costs, or cannot be told."""
    arms = _has_arms(found)
    by_word: dict[Word, list[str]] = {"pays": [], "costs": [], "cannot tell": []}
    for e, word in found:
        by_word[word].append(_name(e, arm=arms))
    if len(by_word["cannot tell"]) == len(found):
        looked = words.plural(len(found), "group")
        return f"We cannot tell for any of the {looked} looked at: each difference may be none, or rests on too few people."
    parts = []
    if by_word["pays"]:
        parts.append(f"it sold more to {_few(by_word['pays'], len(found))}")
    if by_word["costs"]:
        parts.append(f"it cost sales to {_few(by_word['costs'], len(found))}")
    if by_word["cannot tell"]:
        parts.append(f"for {_few(by_word['cannot tell'], len(found))} we cannot tell")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _few(names: Sequence[str], whole: int, most: int = 5) -> str:
    return words.listing(names) if len(names) <= most else f"{words.number(len(names))} of {words.plural(whole, 'group')}"


def _name(e: Estimate, *, arm: bool = False) -> str:
    name = f"{e.by['attribute']} {e.by['group']}"
    return f"{name} by '{e.by['arm']}'" if arm else name


def _has_arms(found: Sequence[tuple[Estimate, Word]]) -> bool:
    return len({(e.by["experiment"], e.by["arm"]) for e, _ in found}) > 1


def _table(found: Sequence[tuple[Estimate, Word]]) -> Table:
    arms = _has_arms(found)
    columns = (
        Column("attribute", "By"),
        Column("group", "Group"),
        *((Column("arm", "Arm"),) if arms else ()),
        Column("verdict", "Verdict", "text", "before costs; adjusted (Holm) over all groups in this table"),
        Column("effect", "Revenue a customer", "estimate", "the arm's mean in this group less the control's in the same group"),
    )

    def cells(e: Estimate, word: Word) -> tuple[Cell, ...]:
        arm = (f"{e.by['experiment']}: {e.by['arm']}",) if arms else ()
        return (e.by["attribute"], e.by["group"], *arm, word, e)

    rows = tuple(cells(e, word) for e, word in found)
    return Table("groups", "What the mail changed in each group", columns, rows)


def _figure(found: Sequence[tuple[Estimate, Word]], table: Table) -> Figure:
    shown = [(e, word) for e, word in found if e.value is not None and e.low is not None]
    arms = _has_arms(found)
    rows = [
        {"name": _name(e, arm=arms), "value": e.value, "low": e.low, "high": e.high, "verdict": word}
        for e, word in shown[:MOST_IN_FIGURE]
    ]
    said = "; ".join(f"{_name(e, arm=arms)} {words.brief(e)}, {word}" for e, word in shown[:MOST_IN_FIGURE])
    left = f" {len(shown) - MOST_IN_FIGURE} more stand in the table." if len(shown) > MOST_IN_FIGURE else ""
    unit = shown[0][0].unit if shown else ""
    return Figure(
        "groups_figure",
        "Extra revenue a customer in each group, with 95 % intervals",
        f"Extra revenue a customer by group: {said}.{left}",
        charts.intervals(rows, unit=f"{unit} a customer", verdicts=True),
        table,
    )


def _levels(inputs: Inputs) -> Table | None:
    read = {id: metric(inputs, id, "level") for id in BY_LEVEL}
    by_level = {id: {e.by["level"]: e for e in estimates if "level" in e.by} for id, estimates in read.items()}
    kept = [id for id in BY_LEVEL if by_level[id]]
    levels = [level for level in LEVELS if any(level in by_level[id] for id in kept)]
    if not levels:
        return None
    titles = {id: inputs.metrics[id].title for id in kept}
    columns = (
        Column("level", "Level of the message"),
        *(Column(id, titles[id], "estimate", inputs.metrics[id].definition) for id in kept),
    )
    rows = tuple((LEVELS[level], *(by_level[id].get(level) for id in kept)) for level in levels)
    return Table("levels", "What people made of each level of personalisation", columns, rows)


LEVEL_NOTE = Note(
    "These are raw numbers: people get a triggered or individual message because of what they did, so they differ before the"
    " message arrives. Read them as a description; only the tests above say what a message caused.",
    "warning",
)

DEFINITION = Note(
    "Each group's treated people are held against the same group's people in the control. The draw is by lot within each group"
    " too, so the difference is caused; that one group's differs from another's says nothing about why. People of"
    " whom the attribute is not known are shown, and nothing is claimed of them. Groups too small to show are hidden together"
    " with others, so that no total gives them away.",
    "definition",
    "How the groups are compared",
)

SECTION = Section("whom", "For whom does it pay?", build_whom, order=300, profiles=("full",))
