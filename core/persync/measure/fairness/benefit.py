"""Who benefits: what an experiment's treatment changed in each group's spending, or in what discounts spared them, and whether
groups differ in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from persync.attribution.horizon import orders_note, orders_until
from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.errors import ConfigError
from persync.estimate import RAW, Estimate, Label
from persync.measure import experiments, intervals, rules
from persync.measure.fairness.frame import Frame
from persync.measure.fairness.groups import Groups, is_known, of
from persync.measure.fairness.offer import NO_DISCOUNTS
from persync.measure.fairness.parities import ONE_GROUP
from persync.measure.intervals import Moments
from persync.measure.metric import Ask, Experiment
from persync.measure.texts import EVER, join, piece, run
from persync.measure.trials import power

Outcome = Literal["revenue", "saving"]
"""what the shop took, or what discounts spared the customer"""
OUTCOMES: Final[tuple[Outcome, ...]] = ("revenue", "saving")
Cell = tuple[Moments, int]
"""moments of the outcome a person, and how many people have any"""


def assess(engine: Engine, attribute: str | Sequence[str], ask: Ask, outcomes: Sequence[Outcome] = OUTCOMES) -> list[Estimate]:
    """Return the estimates of `frames`. `attribute` may be two names, which are crossed.

    Raises DataError when the attribute has too many values to make groups.
    """
    return [one for frame in frames(engine, of(engine, attribute), ask, outcomes).values() for one in frame.estimates()]


def frames(
    engine: Engine, groups: Groups, ask: Ask, outcomes: Sequence[Outcome] = OUTCOMES
) -> dict[tuple[str, str, Outcome], Frame]:
    """Return {(experiment, arm, outcome): what it did for each group}, of every configured experiment that has a control and
    falls into the asked period; the arm is "" where none can be read.

    `overall` and `by_group` are the difference to the control in net revenue a person, or with `saving` in what discounts on
    their orders came to (null, `no_discounts`, where none is known) (`benefit_difference`); `difference` is
    that of the group that gained least to the one that gained most, and `ratio` least over most (`benefit_parity`), null where
    nobody gained; `test` is Cochran's that all gained the same (`benefit_interaction`, its value is Q); in `more` stands the
    smallest gap that these two groups would have shown with a power of 80 % (`benefit_smallest_gap`).

    Groups may claim cause as far as the experiment may: the draw is random within each group too.
    """
    build_orders(engine)
    out: dict[tuple[str, str, Outcome], Frame] = {}
    for experiment in experiments.asked(engine, ask).values():
        if experiment.control is not None:
            note = experiments.own_days(experiment, ask)
            try:
                blocked = experiments.blocked(engine, experiment)
            except ConfigError as problem:
                label = experiments.label_of(experiment)
                for outcome in outcomes:
                    by = {"attribute": groups.title, "experiment": experiment.name, "outcome": outcome}
                    out[experiment.name, "", outcome] = _nothing(experiments.MISCONFIGURED, by, "", label, str(problem))
                continue
            rows = _read(engine, experiment, groups, ask)
            for outcome in outcomes:
                for arm, frame in _experiment(engine, experiment, rows, groups, ask, outcome).items():
                    out[experiment.name, arm, outcome] = frame.noted(note).noted(blocked)
    return out


def _read(engine: Engine, experiment: Experiment, groups: Groups, ask: Ask) -> list[dict[str, Any]]:
    """Return the sums of every outcome by arm and group, from one look at the people."""
    base, params = experiments.arms_sql(experiment)
    from_at, to_at = experiments.window(experiment) or (-EVER, EVER)
    params |= {"from_at": from_at, "to_at": to_at, "gross": int(ask.basis == "gross"), **groups.params}
    texts = (*map(piece, ("order_money", "arm_orders", "arm_savings")), groups.text, piece("benefit_by_group_read"))
    return run(engine, join(*base, *texts), params)


def _nothing(reason: str, by: Mapping[str, str], unit: str, label: Label, note: str = "") -> Frame:
    """Return the frame of what cannot be read, whole or by group."""
    overall = rules.absent("benefit_difference", reason, by, unit=unit, label=label, note=note)
    return Frame(overall, {}, rules.absent("benefit_parity", reason, by, unit=unit, label=RAW, note=note))


def _experiment(
    engine: Engine, experiment: Experiment, rows: Sequence[Mapping[str, Any]], groups: Groups, ask: Ask, outcome: Outcome
) -> dict[str, Frame]:
    control = experiment.control
    assert control is not None
    by = {"attribute": groups.title, "experiment": experiment.name, "outcome": outcome}
    label = experiments.label_of(experiment)
    if outcome == "saving" and not engine.rows(_ANY_DISCOUNT):
        return {"": _nothing(NO_DISCOUNTS, by, "", label)}
    arms = sorted({row["arm"] for row in rows})
    currency = rules.one_currency([row[f"{outcome}_currency_{end}"] for row in rows for end in ("low", "high")])
    until = orders_until(engine, ask)
    immature = not experiments.is_over(experiment, until)
    reason = rules.IMMATURE if immature else rules.MIXED_CURRENCIES if currency is None else None
    told = orders_note(until, ask) if immature else ""
    if control not in arms or len(arms) < 2:
        return {"": _nothing(rules.NO_DENOMINATOR, by, "", label, "an arm has nobody in it")}
    unit = currency or ask.currency or ""
    cells = _cells(rows, outcome, unit)
    tables = [{name: by_arm[arm][0].n if arm in by_arm else 0 for name, by_arm in cells.items()} for arm in arms]
    hide = groups.hidden(tables, ask)
    out = {}
    for arm in arms:
        if arm != control:
            here = {**by, "arm": arm, "against": control}
            if reason:
                out[arm] = _nothing(reason, here, unit, label, told)
            else:
                out[arm] = _arm(cells, arm, control, hide, ask, here, unit, label)
    return out


def _cells(rows: Sequence[Mapping[str, Any]], outcome: Outcome, unit: str) -> dict[str, dict[str, Cell]]:
    cells: dict[str, dict[str, Cell]] = {}
    for row in rows:
        people, payers, total, squares = (int(row[name]) for name in ("people", *(f"{outcome}_{part}" for part in _SUMS)))
        sample = rules.scaled(intervals.moments(people, total, squares), unit)
        assert sample is not None
        cells.setdefault(row["name"], {})[row["arm"]] = (sample, payers)
    return cells


def pooled(samples: Sequence[Moments]) -> Moments:
    """Return the moments of several samples taken together."""
    n = sum(sample.n for sample in samples)
    total = sum(sample.n * sample.mean for sample in samples)
    inner = sum((sample.n - 1) * sample.variance + sample.n * (sample.mean - total / n) ** 2 for sample in samples)
    return Moments(n, total / n, inner / (n - 1) if n > 1 else 0.0)


def _arm(
    cells: Mapping[str, Mapping[str, Cell]],
    arm: str,
    control: str,
    hide: frozenset[str],
    ask: Ask,
    by: Mapping[str, str],
    unit: str,
    label: Label,
) -> Frame:
    sides = [[groups[side] for groups in cells.values() if side in groups] for side in (arm, control)]
    whole = [(pooled([sample for sample, _ in side]), sum(payers for _, payers in side)) for side in sides]
    overall = _difference(whole[0], whole[1], ask, by, unit, label)
    family: list[Estimate] = []
    for name, groups in cells.items():
        here = {**by, "group": name}
        if name in hide:
            family.append(rules.suppressed("benefit_difference", ask, here, unit=unit, label=label))
        elif arm not in groups or control not in groups:
            family.append(rules.absent("benefit_difference", rules.NO_DENOMINATOR, here, unit=unit, label=label))
        else:
            family.append(_difference(groups[arm], groups[control], ask, here, unit, label))
    large = [e for e in family if e.value is not None and not rules.too_few(e) and is_known(e.by["group"])]
    errors = {e.by["group"]: sum(cells[e.by["group"]][side][0].error for side in (arm, control)) for e in large}
    large = [e for e in large if errors[e.by["group"]] > 0]
    by_group = dict(zip(cells, rules.compared(family), strict=True))
    return _between(Frame(overall, by_group, overall), large, errors, ask, by, unit, label)


def _difference(a: Cell, b: Cell, ask: Ask, by: Mapping[str, str], unit: str, label: Label) -> Estimate:
    (sample, payers), (base, base_payers) = a, b
    welch = intervals.welch(sample, base, ask.confidence)
    made = rules.from_interval("benefit_difference", welch, n=sample.n + base.n, unit=unit, by=by, label=label)
    return rules.with_note(made, rules.smallness(min(sample.n, base.n), min(payers, base_payers), ask))


def _between(
    frame: Frame,
    large: Sequence[Estimate],
    errors: Mapping[str, float],
    ask: Ask,
    by: Mapping[str, str],
    unit: str,
    label: Label,
) -> Frame:
    """Add to a frame whether the groups that are large enough differ in what the treatment did for them."""
    if len(large) < 2:
        return replace(
            frame,
            difference=rules.absent("benefit_parity", ONE_GROUP, by, unit=unit, label=RAW, note=rules.TOO_FEW),
            test=rules.absent("benefit_interaction", ONE_GROUP, by, label=label, note=rules.TOO_FEW),
        )
    effects = {e.by["group"]: float(e.value or 0.0) for e in large}
    statistic, p = intervals.heterogeneity(list(effects.values()), [errors[name] for name in effects])
    n = sum(e.n or 0 for e in large)
    words = "the groups differ" if p < 1 - ask.confidence else "no difference between the groups is shown"
    note = f"{words} (Cochran's Q over {len(large)} groups)"
    top, bottom = (pick(effects, key=lambda name: (effects[name], name)) for pick in (max, min))
    both = sum(e.n or 0 for e in large if e.by["group"] in (top, bottom))
    gap = effects[top] - effects[bottom]
    error = (errors[top] + errors[bottom]) ** 0.5
    half = intervals.normal_quantile(ask.confidence) * error
    spread = intervals.Interval(gap, gap - half, gap + half, intervals.normal_p(gap / error))
    ends = {**by, "group": bottom, "against": top}
    # Moments whose squared error is the effect's own.
    least, most = (Moments(2, effects[name], 2 * errors[name]) for name in (bottom, top))
    seen = power.detectable_gap(errors[top] + errors[bottom], alpha=1 - ask.confidence)

    def told(statistic: str, what: str, interval: intervals.Interval | None) -> Estimate:
        # Whether somebody is in a group was not drawn, so a difference between groups says nothing about why.
        here = {**ends, "statistic": statistic}
        made = rules.from_interval("benefit_parity", interval, n=both, unit=what, by=here, label=RAW)
        return rules.with_note(made, f"{_ENDS[statistic]} of {len(large)} groups, chosen after seeing them")

    return replace(
        frame,
        difference=told("difference", unit, spread),
        ratio=told("ratio", "ratio", intervals.ratio_of_means(least, most, ask.confidence)),
        test=Estimate("benefit_interaction", statistic, p=p, n=n, label=label, by=dict(by), note=note),
        more=(Estimate("benefit_smallest_gap", seen, n=both, unit=unit, label=RAW, by=ends, note="seen with a power of 80 %"),),
    )


_SUMS: Final = ("payers", "total", "squares")
"""what is read of each outcome; `payers` have any of it"""
_ANY_DISCOUNT: Final = "SELECT d.order_key AS order_key FROM order_discounts AS d WHERE d.amount_minor IS NOT NULL LIMIT 1"
_ENDS: Final = {"difference": "largest less smallest", "ratio": "smallest over largest"}
