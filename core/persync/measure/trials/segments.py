"""For whom a test works (catalogue 78): the effect in each segment with shrinkage, and whether segments differ at all.

Whether they differ is one joint test an attribute and outcome, over all its segments and all arms at once, adjusted (Holm) over
all such tests shown. A segment is claimed only where that test says so, was made with it (never of people of whom the attribute
is not known), and its own interval says so after Holm over all segments shown; everything else is `cannot tell`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.errors import DataError
from persync.estimate import Estimate, Label
from persync.measure import attributes, experiments, intervals, rules, verdict
from persync.measure.experiments import Outcome, Reading
from persync.measure.fairness.groups import UNKNOWN
from persync.measure.grouping import ANY_ATTRIBUTE, check_dimensions
from persync.measure.intervals import Interval, Moments
from persync.measure.metric import Ask, Experiment
from persync.measure.returns import no_experiment
from persync.measure.trials.cuped import once, scale_of, stored, value_rows
from persync.measure.verdict import Verdict

NO_DIFFERENCE: Final = "the segments are not shown to differ"
UNTESTED: Final = "it is not in the joint test"
ONE_GROUP: Final = "one_group"
Cell = tuple[Moments, int]
"""moments of the outcome, and how many people have any"""


@dataclass(frozen=True, slots=True)
class Segment:
    """The effect in one segment, shrunk towards that of all, and what may be said of it."""

    effect: Estimate
    shrunk: Estimate
    found: Verdict


@dataclass(frozen=True, slots=True)
class Split:
    """One attribute and outcome: the joint test that all segments have the same effects, and every segment of every arm."""

    attribute: str
    outcome: str
    interaction: Estimate
    """its value is the Wald statistic, its p is adjusted over all joint tests shown in the note"""
    differs: bool
    tested: frozenset[str]
    """the groups that the joint test was made with: those that are known and large enough in every arm"""
    segments: tuple[Segment, ...]


def splits(engine: Engine, experiment: Experiment, ask: Ask, names: Sequence[str] = ()) -> list[Split]:
    """Return the splits of an experiment by each attribute that makes groups (or those in `names`) and outcome, judged as one
    family."""
    return _judged(_splits(engine, experiment, ask, names), ask)


def _splits(engine: Engine, experiment: Experiment, ask: Ask, names: Sequence[str]) -> list[Split]:
    build_orders(engine)
    reading = experiments.gather(engine, experiment, ask)
    if reading.nobody or len(reading.sizes) < 2:
        return []
    usable = [name for name, number in attributes.values(engine).items() if 1 < number <= attributes.MOST_GROUPS]
    for name in names:
        if name not in usable:
            attributes.check(engine, name)
            raise DataError(f"'{name}' makes no segments: it has fewer than two values, or is no attribute of the store.")
    made: list[Split] = []
    for attribute in names or usable:
        rows = value_rows(engine, experiment, ask, "segment_cells_read", ("groups",), {"attribute": attribute})
        for outcome in reading.outcomes:
            if outcome.reason is None:
                split = _split(rows, attribute, outcome, experiment, reading, ask)
                made += [split] if split else []
    return made


def _judged(made: Sequence[Split], ask: Ask) -> list[Split]:
    """Adjust the joint tests over all that are shown, and every segment over all segments shown (rule E8), and claim what both
    allow."""
    ps = [split.interaction.p for split in made if split.interaction.p is not None]
    adjusted = iter(intervals.holm(ps))
    every = rules.compared([segment.effect for split in made for segment in split.segments])
    judged = iter(zip(every, verdict.judge(every, ask.confidence), strict=True))
    out = []
    for split in made:
        p = 1.0 if split.interaction.p is None else next(adjusted)
        differs = p < 1 - ask.confidence and not verdict.bars(split.interaction.note)
        said = "the segments differ" if differs else NO_DIFFERENCE
        note = f"{said}; " + (f"Holm-adjusted p {p:.3g} over {len(ps)} joint tests" if len(ps) > 1 else "the only joint test")
        interaction = rules.with_note(split.interaction, note if split.interaction.value is not None else "")
        segments = []
        for segment, (effect, found) in zip(split.segments, judged, strict=False):
            segments.append(replace(segment, effect=effect, found=_allowed(found, differs, effect.by["group"] in split.tested)))
        out.append(replace(split, interaction=interaction, differs=differs, segments=tuple(segments)))
    return out


def _allowed(found: Verdict, differs: bool, tested: bool) -> Verdict:
    """Return what may be said of a segment: its own verdict where the joint test was made with it and says that they differ."""
    if found.word == "cannot tell" and found.why:
        return found
    if not tested:
        return Verdict("cannot tell", UNTESTED)
    return found if differs else Verdict("cannot tell", NO_DIFFERENCE)


def _split(
    rows: Sequence[Mapping[str, Any]], attribute: str, outcome: Outcome, experiment: Experiment, reading: Reading, ask: Ask
) -> Split | None:
    cells = _cells(rows, outcome)
    blocked = experiments.doubts(experiment, reading)
    pairs = once(experiment, reading)
    by = {"experiment": experiment.name, "attribute": attribute, "outcome": outcome.name}
    label = experiments.label_of(experiment)
    arms = {arm for pair in pairs for arm in pair}
    sizes = [{name: each[arm][0].n if arm in each else 0 for name, each in cells.items()} for arm in sorted(arms)]
    hide = rules.hidden_in_any(sizes, ask.suppress_n)
    segments: list[Segment] = []
    for arm, against in pairs:
        here = {**by, "arm": arm, "against": against}
        effects = [_effect(name, each, arm, against, hide, here, outcome, label, ask) for name, each in cells.items()]
        effects = [rules.with_note(effect, blocked) for effect in effects]
        found = Verdict("cannot tell")  # until all are judged together
        segments += (Segment(effect, shrunk, found) for effect, shrunk in zip(effects, shrink(effects, ask), strict=True))
    if experiment.control is None:
        return None
    tested = _tested(cells, pairs, hide, ask)
    interaction = rules.with_note(_interaction([cells[name] for name in tested], pairs, by, label, ask), blocked)
    return Split(attribute, outcome.name, interaction, False, frozenset(tested), tuple(segments))


def _cells(rows: Sequence[Mapping[str, Any]], outcome: Outcome) -> dict[str, dict[str, Cell]]:
    cells: dict[str, dict[str, Cell]] = {}
    scale = scale_of(outcome)
    for row in rows:
        if (row["source"], row["outcome"]) == stored(outcome):
            n, total, squares = int(row["people"]), float(row["total"]) / scale, float(row["squares"]) / scale**2
            cells.setdefault(str(row["name"]), {})[row["arm"]] = (intervals.moments(n, total, squares), int(row["events"]))
    return cells


def _effect(
    name: str,
    each: Mapping[str, Cell],
    arm: str,
    against: str,
    hide: frozenset[str],
    by: Mapping[str, str],
    outcome: Outcome,
    label: Label,
    ask: Ask,
) -> Estimate:
    id, here = "uplift_by_segment", {**by, "group": name}
    if name in hide:
        return rules.suppressed(id, ask, here, unit=rules.gap(outcome.unit), label=label)
    if arm not in each or against not in each:
        return rules.absent(id, rules.NO_DENOMINATOR, here, unit=rules.gap(outcome.unit), label=label)
    (a, events), (b, base_events) = each[arm], each[against]
    if outcome.unit == "share":
        interval: Interval | None = intervals.newcombe(events, a.n, base_events, b.n, ask.confidence)
    else:
        interval = intervals.welch(a, b, ask.confidence)
    made = rules.from_interval(id, interval, n=a.n + b.n, unit=rules.gap(outcome.unit), by=here, label=label)
    return rules.with_note(made, rules.smallness(min(a.n, b.n), min(events, base_events), ask))


def shrink(effects: Sequence[Estimate], ask: Ask) -> list[Estimate]:
    """Return effects shrunk towards their weighted mean by how much they truly vary (normal-normal empirical Bayes with the
    moment estimate of the variance between segments; DerSimonian & Laird 1986), with the interval of the posterior."""
    z = intervals.normal_quantile(ask.confidence)
    known = [e for e in effects if e.value is not None and e.low is not None and e.high is not None and e.high > e.low]
    id = "uplift_shrunk"
    if len(known) < 2:
        return [replace(e, id=id, p=None) for e in effects]
    values = [float(e.value or 0) for e in known]
    errors = [((float(e.high or 0) - float(e.low or 0)) / 2 / z) ** 2 for e in known]
    weights = [1 / error for error in errors]
    total = sum(weights)
    pooled = sum(w * v for w, v in zip(weights, values, strict=True)) / total
    q = sum(w * (v - pooled) ** 2 for w, v in zip(weights, values, strict=True))
    spread = max(0.0, (q - (len(known) - 1)) / (total - sum(w * w for w in weights) / total))
    weights = [1 / (error + spread) for error in errors]
    pooled = sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
    of_mean = 1 / sum(weights)
    shrunk = {}
    for e, value, error in zip(known, values, errors, strict=True):
        own = spread / (spread + error)
        middle = pooled + own * (value - pooled)
        half = z * (own * error + (1 - own) ** 2 * of_mean) ** 0.5
        note = verdict.bars(e.note)
        shrunk[id_of(e)] = replace(e, id=id, value=middle, low=middle - half, high=middle + half, p=None, note=note)
    return [shrunk.get(id_of(e), replace(e, id=id, p=None)) for e in effects]


def id_of(e: Estimate) -> tuple[tuple[str, str], ...]:
    """Return what tells an estimate of a family from the others."""
    return tuple(sorted(e.by.items()))


def _tested(
    cells: Mapping[str, Mapping[str, Cell]], pairs: Sequence[tuple[str, str]], hide: frozenset[str], ask: Ask
) -> list[str]:
    """Return the segments for the joint test: known, not hidden, and large enough in all arms; none when there is only one."""
    needed = {arm for pair in pairs for arm in pair}
    large = []
    for name, each in cells.items():
        if name in hide or name == UNKNOWN or needed - each.keys():
            continue
        if all(not rules.smallness(each[arm][0].n, each[arm][1], ask) and each[arm][0].variance > 0 for arm in needed):
            large.append(name)
    return large if len(large) > 1 else []


def _interaction(
    large: Sequence[Mapping[str, Cell]], pairs: Sequence[tuple[str, str]], by: Mapping[str, str], label: Label, ask: Ask
) -> Estimate:
    """Test jointly over segments, and over all arms with their common control, that effects are the same: a Wald test with
    (segments - 1) x arms degrees of freedom."""
    import numpy as np

    id = "uplift_interaction"
    if not large:
        return rules.absent(id, ONE_GROUP, by, label=label, note=rules.TOO_FEW)
    weights, effects = [], []
    for each in large:
        d = np.array([each[arm][0].mean - each[against][0].mean for arm, against in pairs])
        cov = np.array(
            [
                [each[against][0].error + (each[arm][0].error if i == j else 0.0) for j in range(len(pairs))]
                for i, (arm, against) in enumerate(pairs)
            ]
        )
        effects.append(d)
        weights.append(np.linalg.inv(cov))
    middle = np.linalg.solve(sum(weights), sum(w @ d for w, d in zip(weights, effects, strict=True)))
    statistic = float(sum((d - middle) @ w @ (d - middle) for w, d in zip(weights, effects, strict=True)))
    p = intervals.chi_square_p(statistic, (len(large) - 1) * len(pairs))
    n = sum(each[arm][0].n for each in large for arm in {arm for pair in pairs for arm in pair})
    return Estimate(id, statistic, p=p, n=n, label=label, by=dict(by), note=f"{len(large)} segments, {len(pairs)} arms")


def uplift_by_segment(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the effect in each segment, as it is and shrunk, with each attribute's joint test; notes hold the verdicts."""
    known = set(attributes.values(engine))
    check_dimensions(ask.by, (ANY_ATTRIBUTE,), known, "uplift_by_segment")
    wanted = tuple(name for name in ask.by if name in known)
    made: list[Split] = []
    for experiment in experiments.asked(engine, ask).values():
        if experiment.control is not None and ask.arm in (None, experiment.name):
            made += _splits(engine, experiment, ask, wanted)
    out: list[Estimate] = []
    for split in _judged(made, ask):
        out.append(split.interaction)
        for segment in split.segments:
            why = f": {segment.found.why}" if segment.found.why and segment.effect.value is not None else ""
            out.append(rules.with_note(segment.effect, f"{segment.found.word}{why}"))
            out.append(segment.shrunk)
    return out or [no_experiment(engine, "uplift_by_segment", ask)]
