"""What experiments brought in and what came back for it: of each one, and by arm, by segment and by group of people.

A segment is what people were in on the first day of the experiment, so that the treatment cannot have put them there. Nothing
is drawn by time, by message or by model of attribution, so that there is no such slice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from persync.engine.engine import Engine
from persync.errors import ConfigError
from persync.estimate import Estimate
from persync.measure import arm_rates, attributes, experiments, rules, verdict
from persync.measure.grouping import ANY_ATTRIBUTE, ARM, SEGMENT, check_dimensions
from persync.measure.metric import Ask, Experiment, Metric
from persync.measure.returns import (
    MISCONFIGURED,
    NO_CONTROL,
    caused,
    experiment_cost,
    gain_of,
    gain_rate,
    no_experiment,
    returned,
    roi,
    times,
)

REVENUE: Final = "incremental_revenue"
RETURN: Final = "roi_simple"
NO_START: Final = "no_start"
DIMENSIONS: Final = (ARM, SEGMENT, ANY_ATTRIBUTE)
_TIME: Final = "people were drawn once, for all days of the test; see cltv_lift for its effect as customers grow older"
REFUSED: Final = {
    **dict.fromkeys(("day", "month", "time", "week"), _TIME),
    "coh": "the month of the first order may come after the draw, so that the treatment may have moved it",
    "model": "what was caused needs no model; see attribution_model_roi for what models credit",
    "msg": "a test tells the effect of all that its arm got; draw one for a single message",
}
SHARED: Final = "its part of the cost, shared by the people treated"


@dataclass(frozen=True, slots=True)
class _Part:
    """What one arm's people (of one segment) brought in, how many they are, and of which experiment."""

    experiment: Experiment
    revenue: Estimate
    people: int


def incremental_revenue(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute what every experiment's treatment brought in."""
    if ask.by:
        return [part.revenue for part in _parts(engine, ask, REVENUE)] or [no_experiment(engine, REVENUE, ask)]
    out = [estimate for experiment in _asked(engine, ask) for estimate in caused(engine, experiment, ask)]
    return out or [no_experiment(engine, REVENUE, ask)]


def roi_simple(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute (gain − cost) ÷ cost and gain ÷ cost for every experiment."""
    if not ask.by:
        names = {experiment.name for experiment in _asked(engine, ask)}
        found = [one for one in returned(engine, ask) if one.experiment.name in names]
        out = [estimate for one in found for estimate in (one.roi, one.back)]
        return out or [no_experiment(engine, RETURN, ask, unit="share")]
    parts, rate = _parts(engine, ask, RETURN), gain_rate(engine, ask)
    gains = [gain_of(part.revenue, rate) for part in parts]
    costs = [_cost(engine, part, ask) for part in parts]
    out = []
    for gain, cost, judged in zip(gains, costs, verdict.judge(gains, ask.confidence, costs), strict=True):
        out += [replace(one, by=gain.by, period=gain.period) for one in roi(gain, cost, judged.word)]
    return out or [no_experiment(engine, RETURN, ask, unit="share")]


def _asked(engine: Engine, ask: Ask) -> list[Experiment]:
    found = experiments.asked(engine, ask)
    if ask.arm is not None and ask.arm not in experiments.known(engine, ask):
        raise ConfigError(f"there is no experiment '{ask.arm}'.")
    return [experiment for name, experiment in found.items() if ask.arm in (None, name)]


def _cost(engine: Engine, part: _Part, ask: Ask) -> Estimate:
    """Return the part of an experiment's cost that falls on these people: as many of the treated as they are."""
    whole = experiment_cost(engine, part.experiment, ask)
    sizes = experiments.arm_sizes(engine, part.experiment)
    treated = sum(people for arm, people in sizes.items() if arm != part.experiment.control)
    if whole.value is None or not part.people or not treated:
        return whole
    return rules.with_note(replace(times(whole, part.people / treated), n=part.people), SHARED)


def _parts(engine: Engine, ask: Ask, id: str) -> list[_Part]:
    others = tuple(dimension for dimension in ask.by if dimension != ARM)
    known = {name for name in attributes.values(engine) if name not in (ARM, SEGMENT)}
    check_dimensions(ask.by, DIMENSIONS, known, id)
    out: list[_Part] = []
    for experiment in _asked(engine, ask):
        out += _in_groups(engine, experiment, others, ask) if others else _by_arm(engine, experiment, ask)
    apart = iter(rules.compared([part.revenue for part in out])) if others else iter([part.revenue for part in out])
    return [replace(part, revenue=next(apart)) for part in out]


def _by_arm(engine: Engine, experiment: Experiment, ask: Ask) -> list[_Part]:
    sizes = experiments.arm_sizes(engine, experiment)
    found = caused(engine, experiment, ask)
    arms = [one for one in found if ARM in one.by] or found
    return [_Part(experiment, one, sizes.get(one.by.get(ARM, ""), 0)) for one in arms]


def _in_groups(engine: Engine, experiment: Experiment, by: Sequence[str], ask: Ask) -> list[_Part]:
    label, here = experiments.label_of(experiment), {"experiment": experiment.name}

    def absent(reason: str, note: str = "") -> list[_Part]:
        return [_Part(experiment, rules.absent(REVENUE, reason, here, label=label, note=note), 0)]

    sizes = experiments.arm_sizes(engine, experiment)
    if not any(sizes.values()):
        return absent(experiments.NOBODY)
    if experiment.control is None:
        return absent(NO_CONTROL)
    if experiment.control not in sizes:
        return absent(MISCONFIGURED, f"the control '{experiment.control}' is not an arm")
    within = experiments.window(experiment)
    if SEGMENT in by and within is None:
        return absent(NO_START, "the test has no first day: who was in which segment before it cannot be told")
    asked = replace(ask, by=(*by, ARM), period=within, arm=experiment.name)
    found = arm_rates.revenue(engine, asked, experiment)
    people = {_key(one): one.n or 0 for one in found if "against" not in one.by}
    notes = experiments.blocked(engine, experiment), experiments.own_days(experiment, ask)
    out = []
    for one in found:
        if "against" in one.by:
            treated = people.get(_key(one), 0)
            made = replace(times(one, treated), id=REVENUE) if one.value is not None else replace(one, id=REVENUE)
            for note in notes:
                made = rules.with_note(made, note if made.value is not None else "")
            out.append(_Part(experiment, made, treated))
    return out


def _key(one: Estimate) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, value) for name, value in one.by.items() if name != "against"))


METRICS: tuple[Metric, ...] = (
    Metric(
        "incremental_revenue",
        "Incremental revenue",
        "What the treatment of each experiment brought in: the difference in net revenue a person between arm and "
        "control, times the people of the arm.",
        "(revenue a person treated − revenue a person in control) × people treated",
        "money",
        incremental_revenue,
        number="54",
        dimensions=DIMENSIONS,
        refused=REFUSED,
        options={"arms": "own"},
        edge_cases="No experiment: null, no_experiment. Nobody in it: null, nobody. No control: null, no_control. Window not "
        "over: null, immature. One whose window shares no day with the asked period is left out; the others are read over "
        "their own windows. By seg or an attribute: a treated arm's people of the segment against the control's, segments as "
        "they were on the first day of the experiment; without a first day: null, no_start.",
        data=("assignments", "memberships", "orders", "order_ledger"),
    ),
    Metric(
        "roi_simple",
        "Return on investment",
        "What came back for the cost: gain is incremental margin (the margin that is set, else that of the unit costs known), "
        "else incremental revenue, and the note says which. Beside it `returned_per_unit_spent`, gain ÷ cost.",
        "(gain − cost) ÷ cost",
        "share",
        roi_simple,
        number="55",
        dimensions=DIMENSIONS,
        refused=REFUSED,
        options={"arms": "own"},
        edge_cases="Costs are those that name the experiment, else those in its window. No cost entered: null, no_cost; none "
        "in these days: null, no_cost_in_period; a sum of nothing or less: null, not_a_cost. Several experiments with people "
        "and costs scoped to none: null, cost_not_scoped. "
        "Negative values are kept. The interval is the gain's; the cost is taken as known. "
        "By arm, seg or an attribute the cost is shared by the people treated.",
        data=("assignments", "memberships", "orders", "order_ledger", "costs"),
    ),
)
