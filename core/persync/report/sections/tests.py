"""Every test and holdout: its arms, the effect on the outcome that was to decide, the verdict, and what was checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from persync.errors import DataError, PersyncError
from persync.estimate import Estimate, percent
from persync.measure import experiments, spilt
from persync.measure.metric import Experiment
from persync.measure.trials import more, register
from persync.measure.trials.register import Entry
from persync.measure.verdict import may_say_caused
from persync.report import words
from persync.report.report import Block, Cell, Column, Inputs, Note, Section, Table

NONE = "no test and no holdout is known: `persync experiment plan` says how many people one would take."


def build_tests(inputs: Inputs) -> Sequence[Block]:
    """Return the register of tests, and what was checked of each."""
    every = register.entries(inputs.engine, inputs.ask)
    if not every:
        raise DataError(NONE)
    blocks: list[Block] = [Note(sentence(every))]
    blocks += [Note(text) for text in map(_written, _once(every)) if text]
    blocks.append(_table(every))
    checks = [(experiment, _read(inputs, experiment)) for experiment in _once(every)]
    checked = [(experiment, read) for experiment, read in checks if any(e.id == "sample_ratio" for e in read)]
    if checked:
        blocks.append(_checks(checked))
    return [*blocks, DEFINITION]


def sentence(every: Sequence[Entry]) -> str:
    """Say in one sentence how many tests there are, how many are over, and how many won."""
    names = {entry.experiment.name for entry in every}
    over = {entry.experiment.name for entry in every if entry.state == "over" and entry.result.value is not None}
    won = {entry.experiment.name for entry in every if entry.found.word == "pays"} & over
    if not over:
        return f"{words.plural(len(names), 'test')} so far, none of which can be read yet."
    return f"{words.plural(len(names), 'test')} so far: {len(over)} over and read, {len(won)} won."


def _once(every: Sequence[Entry]) -> list[Experiment]:
    return list({entry.experiment.name: entry.experiment for entry in every}.values())


def _written(experiment: Experiment) -> str:
    """Return what was believed before and decided after, "" where neither was written down."""
    said = [f"{what}: {text}" for what, text in (("believed", experiment.hypothesis), ("decided", experiment.decision)) if text]
    return f"'{experiment.name}': {'; '.join(said)}." if said else ""


def _read(inputs: Inputs, experiment: Experiment) -> list[Estimate]:
    try:
        return more.read(inputs.engine, experiment, replace(inputs.ask, period=None))
    except PersyncError:
        return []  # the register says why


def _table(every: Sequence[Entry]) -> Table:
    columns = (
        Column("test", "Test"),
        Column("arm", "Arm"),
        Column("against", "Held against"),
        Column("outcome", "Judged on"),
        Column("verdict", "Verdict", "text", "before costs; adjusted over all tests in this table"),
        Column("state", "State"),
        Column("effect", "Effect a person", "estimate", "the arm's mean less that of the arm it is held against"),
    )

    def cells(entry: Entry) -> tuple[Cell, ...]:
        by = entry.result.by
        word = entry.found.word if may_say_caused(entry.result.label) else "cannot tell"
        return (
            entry.experiment.name,
            entry.arm,
            by.get("against"),
            by.get("outcome"),
            word,
            entry.state,
            replace(entry.result, note=""),
        )

    return Table("register", "Every test and what came of it", columns, tuple(map(cells, every)))


def _checks(checked: Sequence[tuple[Experiment, list[Estimate]]]) -> Table:
    columns = (
        Column("test", "Test"),
        Column(
            "ratio",
            "Arms of the planned sizes",
            "estimate",
            "how likely sizes so far from the plan are by chance; below 0.001 blocks",
        ),
        Column("mixed", "In several arms", "estimate", "people drawn into more than one arm; they are left out"),
        Column(
            "reached", "Held out, mailed all the same", "estimate", "of a holdout, the share that was sent personalised mail"
        ),
        Column(
            "covariate", "What was known before explains", "estimate", "the largest fall of the variance by a covariate (CUPED)"
        ),
    )

    def first(read: Sequence[Estimate], id: str) -> Estimate | None:
        return next((replace(e, note="") for e in read if e.id == id), None)

    def cells(experiment: Experiment, read: Sequence[Estimate]) -> tuple[Cell, ...]:
        reached = [e for e in read if e.id == "reached" and experiment.holdout and e.by["arm"] == experiment.control]
        helped = [e for e in read if e.id == "variance_reduction" and e.by["outcome"] == experiment.primary]
        best = max(helped, key=lambda e: float(e.value or 0), default=None)
        return (
            experiment.name,
            first(read, "sample_ratio"),
            first(read, "contamination"),
            replace(reached[0], note="") if reached else None,
            replace(best, note=best.by["covariate"]) if best else None,
        )

    return Table("checks", "What was checked", columns, tuple(cells(experiment, read) for experiment, read in checked))


DEFINITION = Note(
    "A test is read in the arms people were drawn into, on the outcome that was to decide; without one set before, that is"
    " revenue."
    f" Arms whose sizes are less likely than {experiments.MISMATCH:g} by chance give no verdict, nor does a holdout of"
    f" which more than {percent(spilt.LIMIT)} was mailed all the same. While a test runs,"
    " persync experiment read shows an early look, with an interval that stays valid however often one looks.",
    "definition",
    "How tests are read",
)

SECTION = Section("tests", "What did each test show?", build_tests, order=250)
