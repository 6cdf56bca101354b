"""What several sections say alike: the effect of each experiment's arms, what came back for its cost, and the verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from persync.errors import PersyncError
from persync.estimate import Estimate
from persync.measure import attributes as values
from persync.measure import experiments, returns, spilt, verdict
from persync.measure.metric import Experiment
from persync.measure.returns import Return
from persync.measure.verdict import Word
from persync.report import words
from persync.report.report import Inputs

PRIMARY: Final = "revenue"
"""The outcome that decides."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One arm held against another on revenue: what each took, the difference, and what it is worth."""

    experiment: Experiment
    arm: str
    against: str
    revenue: Estimate
    conversion: Estimate | None
    relative: Estimate | None
    mean: Estimate | None
    """revenue a person of the arm: what counting every order after a mail as its effect would claim"""
    base: Estimate | None
    """revenue a person of the arm it is held against"""
    verdict: Word
    others: tuple[Estimate, ...] = ()
    """differences on outcomes other than revenue and conversion"""

    @property
    def has_control(self) -> bool:
        """Tell whether the arm it is held against is the one left out or left alone."""
        return self.experiment.control == self.against

    @property
    def overstated(self) -> Estimate | None:
        """Return by how much the arm's whole revenue exceeds what was caused, as a ratio; None unless something was caused.

        With r the relative effect it is (1 + r) / r, so the interval is that of r turned round.
        """
        r = self.relative
        if self.verdict != "pays" or r is None or r.value is None or r.value <= 0 or r.low is None or r.high is None:
            return None
        low, high = 1 + 1 / r.high, 1 + 1 / r.low if r.low > 0 else None
        return Estimate("overstated", 1 + 1 / r.value, low, high, None, r.n, "ratio", "", by=dict(r.by))


def effects(inputs: Inputs) -> tuple[list[Effect], list[str]]:
    """Read every experiment that falls into the asked period; return the effects on revenue and why some could not be read.

    Verdicts are adjusted (Holm) over all effects shown that are held against a control.
    """
    found: list[Effect] = []
    problems: list[str] = []
    for experiment in experiments.asked(inputs.engine, inputs.ask).values():
        try:
            read = experiments.read(inputs.engine, experiment, inputs.ask)
        except PersyncError as error:
            problems.append(f"The experiment '{experiment.name}' could not be read: {error}")
            continue
        nobody = [e.note for e in read if e.reason == experiments.NOBODY]
        problems += [f"The experiment '{experiment.name}' could not be read: {note}" for note in nobody]
        found += [] if nobody else _effects(experiment, read)
    controlled = [effect for effect in found if effect.has_control]
    judged = iter(verdict.judge([effect.revenue for effect in controlled], inputs.ask.confidence))
    return [replace(effect, verdict=next(judged).word) if effect.has_control else effect for effect in found], problems


def _effects(experiment: Experiment, read: Sequence[Estimate]) -> list[Effect]:
    means = {(e.by["arm"], e.by["outcome"]): e for e in read if e.id == "mean"}

    def of(id: str, arm: str, against: str, outcome: str) -> Estimate | None:
        wanted = {"arm": arm, "against": against, "outcome": outcome}
        return next((e for e in read if e.id == id and wanted.items() <= e.by.items()), None)

    found = []
    for difference in (e for e in read if e.id == "difference" and e.by["outcome"] == PRIMARY):
        arm, against = difference.by["arm"], difference.by["against"]
        if experiment.control is None and arm < against and _turned(difference, read):
            continue  # without a control both directions are read; one of them says it all
        others = tuple(
            e
            for e in read
            if e.id == "difference"
            and (e.by["arm"], e.by["against"]) == (arm, against)
            and e.by["outcome"] not in (PRIMARY, "conversion")
        )
        found.append(
            Effect(
                experiment,
                arm,
                against,
                difference,
                of("difference", arm, against, "conversion"),
                of("relative", arm, against, PRIMARY),
                means.get((arm, PRIMARY)),
                means.get((against, PRIMARY)),
                "cannot tell",
                others,
            )
        )
    return found


def _turned(difference: Estimate, read: Sequence[Estimate]) -> bool:
    """Tell whether the same comparison stands there the other way round."""
    turned = {**difference.by, "arm": difference.by["against"], "against": difference.by["arm"]}
    return any(e.id == "difference" and e.by == turned for e in read)


def returned(inputs: Inputs) -> list[Return]:
    """Return gain, cost and return of every experiment with a control that can be read; `effects` says why others cannot."""
    unread = (experiments.NOBODY, returns.MISCONFIGURED)
    found = returns.returned(inputs.engine, inputs.ask)
    return [one for one in found if one.experiment.control is not None and one.revenue.reason not in unread]


def outside(inputs: Inputs) -> bool:
    """Tell whether there are experiments, and none falls into the asked period."""
    return bool(experiments.known(inputs.engine, inputs.ask)) and not experiments.asked(inputs.engine, inputs.ask)


def other_days(inputs: Inputs) -> list[str]:
    """Return for each experiment that is shown over other days than the asked ones a sentence saying so."""
    said = []
    for experiment in experiments.asked(inputs.engine, inputs.ask).values():
        note = experiments.own_days(experiment, inputs.ask)
        if note:
            said.append(f"What '{experiment.name}' says, gain and cost alike, is {note}.")
    return said


def undecided(effects: Sequence[Effect]) -> frozenset[str]:
    """Return the experiments whose arms are not of the planned sizes or contaminated: of their groups nothing is decided."""
    return frozenset(effect.experiment.name for effect in effects if verdict.bars(effect.revenue.note))


def doubt(note: str) -> str:
    """Say in a sentence that the arms behind an estimate with this note decide nothing, and why; "" where they may."""
    barred = verdict.bars(note)
    if barred.startswith(verdict.CONTAMINATED):
        return "Too many of the holdout were mailed all the same, or drawn into several arms, so this decides nothing."
    return "The arms of the test are not of the planned sizes, so this decides nothing." if barred else ""


def aside(effect: Effect) -> str:
    """Return the sentence that some of the holdout were mailed too, for behind an answer that this does not forbid; else ""."""
    return "".join(f" {part}." for part in effect.revenue.note.split("; ") if spilt.ASIDE in part)


def attributes(inputs: Inputs) -> tuple[list[str], list[str]]:
    """Return the attributes that make groups of people, and for each that does not a sentence saying why."""
    found = values.values(inputs.engine)
    groups = values.usable(inputs.engine)
    bare = values.unstated(inputs.engine)
    fine = [
        f"By '{name}' nobody is compared: it has {words.number(number)} values, which are no groups."
        for name, number in found.items()
        if number > values.MOST_GROUPS
    ]
    fine += [
        f"By '{name}' nobody is compared: it tells who somebody is, and no basis for holding it is stated."
        for name, number in found.items()
        if not number and name in bare
    ]
    return groups, fine


def metric(inputs: Inputs, id: str, *by: str) -> list[Estimate]:
    """Compute a registered metric, sliced; an unknown one, or one that has no data, gives nothing."""
    known = inputs.metrics.get(id)
    if known is None:
        return []
    try:
        return list(known.compute(inputs.engine, replace(inputs.ask, by=by)))
    except PersyncError:
        return []
