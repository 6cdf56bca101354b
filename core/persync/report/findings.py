"""What several sections say alike: the effect of each experiment's arms, what came back for its cost, and the verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from persync.errors import PersyncError
from persync.estimate import Estimate
from persync.measure import experiments, fairness, intervals, returns, verdict
from persync.measure.metric import Experiment
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
    """Read every experiment; return the effects on revenue and why some experiments could not be read.

    Verdicts are adjusted (Holm) over all effects shown that are held against a control.
    """
    found: list[Effect] = []
    problems: list[str] = []
    for experiment in experiments.known(inputs.engine, inputs.ask).values():
        try:
            found += _read(inputs, experiment)
        except PersyncError as error:
            problems.append(f"The experiment '{experiment.name}' could not be read: {error}")
    controlled = [effect for effect in found if effect.has_control]
    judged = iter(verdicts([effect.revenue for effect in controlled], inputs.ask.confidence))
    return [replace(effect, verdict=next(judged)) if effect.has_control else effect for effect in found], problems


def _read(inputs: Inputs, experiment: Experiment) -> list[Effect]:
    read = experiments.read(inputs.engine, experiment, inputs.ask)
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


def verdicts(family: Sequence[Estimate], confidence: float) -> list[Word]:
    """Judge differences shown together: `pays` or `costs` only where one may decide (rules E1 and E7, the sample-ratio
    check), its interval excludes zero, and so does its p-value after Holm's adjustment over all that may decide (E8)."""
    usable = [i for i, e in enumerate(family) if not verdict.blocked(e) and e.p is not None]
    adjusted = dict(zip(usable, intervals.holm([family[i].p or 0.0 for i in usable]), strict=True))
    return [
        verdict.pays(e).word if i in adjusted and adjusted[i] < 1 - confidence else "cannot tell" for i, e in enumerate(family)
    ]


@dataclass(frozen=True, slots=True)
class Return:
    """What an experiment's treatment brought in all, what it cost, and what came back for it."""

    experiment: Experiment
    revenue: Estimate
    """incremental revenue of all treated arms"""
    gain: Estimate
    """incremental margin when a margin is set, else incremental revenue; its note says which"""
    cost: Estimate
    roi: Estimate
    back: Estimate
    """gain for each unit spent"""
    days: tuple[int, int] | None
    """[from, to) of the costs; None = all that are known"""

    @property
    def word(self) -> Word:
        """Return whether the gain is above the cost for sure, below it for sure, or neither."""
        return verdict.pays(self.gain, self.cost).word


def returned(inputs: Inputs) -> list[Return]:
    """Return gain, cost and return of every experiment with a control that can be read.

    Costs that name the experiment count whatever their date. Where none does, all costs of the asked period count, else
    those inside the experiment's window: gain and cost are of the same days.
    """
    ask, engine = inputs.ask, inputs.engine
    out = []
    known = experiments.known(engine, ask)
    for experiment in known.values():
        if experiment.control is None:
            continue
        within = experiments.window(experiment)
        days = ask.period or (within if within and within[1] <= ask.now else None)
        try:
            revenue = returns.caused(engine, experiment, ask)[-1]
            gain = returns.gain_of(revenue, ask)
            cost = returns.experiment_cost(engine, experiment, replace(ask, period=days), alone=len(known) == 1)
        except PersyncError:
            continue  # `effects` says why this experiment cannot be read
        roi, back = returns.roi(gain, cost)
        out.append(Return(experiment, revenue, gain, cost, roi, back, days))
    return out


def undecided(effects: Sequence[Effect]) -> frozenset[str]:
    """Return the experiments whose arms are not of the planned sizes: nothing about their groups is decided either."""
    return frozenset(effect.experiment.name for effect in effects if verdict.NO_VERDICT in effect.revenue.note)


def attributes(inputs: Inputs) -> tuple[list[str], list[str]]:
    """Return the attributes that make groups of people, and for each one with too many values a sentence saying so."""
    rows = inputs.engine.rows(
        "SELECT a.name AS name, COUNT(DISTINCT a.value) AS number FROM attributes AS a GROUP BY a.name ORDER BY a.name"
    )
    groups = [str(row["name"]) for row in rows if int(row["number"]) <= fairness.MOST_GROUPS]
    fine = [
        f"By '{row['name']}' nobody is compared: it has {words.number(int(row['number']))} values, which are no groups."
        for row in rows
        if int(row["number"]) > fairness.MOST_GROUPS
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
