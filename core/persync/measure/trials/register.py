"""The register of tests (catalogue 79): what was believed, when it ran, what came out, what was decided, and how many won."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from persync.engine.engine import Engine
from persync.errors import PersyncError
from persync.estimate import Estimate, missing
from persync.measure import experiments, rules, verdict
from persync.measure.metric import Ask, Experiment
from persync.measure.slices import check
from persync.measure.trials import looks
from persync.measure.verdict import Verdict

State = Literal["planned", "running", "over"]
OVER_ALL = "no dates"


@dataclass(frozen=True, slots=True)
class Entry:
    """One arm of one test, held against its control on the outcome that was to decide."""

    experiment: Experiment
    arm: str
    result: Estimate
    found: Verdict
    state: State
    sizes: dict[str, int]

    @property
    def is_first(self) -> bool:
        """Tell whether the outcome that decides was fixed before: an imported test without settings has none."""
        return bool(self.experiment.hypothesis)


def entries(engine: Engine, ask: Ask) -> list[Entry]:
    """Return every arm of every known experiment, judged together (Holm) on its primary outcome, in the order of their start.

    One that cannot be read is there with the reason. Tests without a control have an entry for each pair of arms.
    """
    found: list[Entry] = []
    every = sorted(experiments.known(engine, ask).values(), key=lambda one: (one.since or 0, one.name))
    for experiment in every:
        found += _of(engine, experiment, ask)
    judged = verdict.judge([entry.result for entry in found], ask.confidence)
    return [replace(entry, found=word) for entry, word in zip(found, judged, strict=True)]


def _of(engine: Engine, experiment: Experiment, ask: Ask) -> list[Entry]:
    state = state_of(experiment, ask)
    label = experiments.label_of(experiment)

    def without(reason: str, arm: str, note: str, sizes: dict[str, int]) -> Entry:
        by = {"experiment": experiment.name, "arm": arm, "outcome": experiment.primary}
        result = replace(missing("difference", reason, label=label), by=by, note=note)
        return Entry(experiment, arm, result, Verdict("cannot tell", reason), state, sizes)

    try:
        read = experiments.read(engine, experiment, replace(ask, period=None))
    except PersyncError as problem:
        return [without("misconfigured", "", str(problem), {})]
    sizes = {e.by["arm"]: int(e.value) for e in read if e.id == "arm_size" and e.value is not None}
    if any(e.reason == experiments.NOBODY for e in read):
        return [without(experiments.NOBODY, "", read[-1].note, sizes)]
    out = []
    for e in read:
        if e.id == "difference" and e.by["outcome"] == experiment.primary:
            if experiment.control is None and e.by["arm"] < e.by["against"]:
                continue
            out.append(Entry(experiment, e.by["arm"], e, Verdict("cannot tell"), state, sizes))
    return out or [without("no_outcome", "", f"nothing is known of its outcome '{experiment.primary}'", sizes)]


def state_of(experiment: Experiment, ask: Ask) -> State:
    """Return whether an experiment is still to come, runs, or is over; without dates it is over."""
    if experiment.since is not None and experiment.since > ask.now:
        return "planned"
    return "running" if looks.is_open(experiment, ask.now) else "over"


def iteration_log(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the register: each test's result with its verdict, and the share of finished tests of which an arm won."""
    check(ask.by, (), "iteration_log")
    every = entries(engine, ask)
    out = [_line(entry) for entry in every]
    over = {entry.experiment.name for entry in every if entry.state == "over" and entry.result.value is not None}
    won = {entry.experiment.name for entry in every if entry.found.word == "pays"} & over
    share = rules.share("share_won", len(won), len(over), replace(ask, suppress_n=1), {})
    return [*out, rules.with_note(share, "finished tests of which an arm won on the outcome that was to decide")]


def _line(entry: Entry) -> Estimate:
    experiment = entry.experiment
    said = [entry.found.word + (f": {entry.found.why}" if entry.found.why else ""), entry.state]
    said += [f"hypothesis: {experiment.hypothesis}"] if experiment.hypothesis else ["no hypothesis was written down before"]
    said += [f"decision: {experiment.decision}"] if experiment.decision else []
    return replace(entry.result, id="iteration_log", note="; ".join(said))
