"""The holdout that attribution is held against: chosen among the experiments, and handed to calibrated models."""

from __future__ import annotations

from dataclasses import replace

from persync.attribution.calibrate import Lift
from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import experiments, returns, verdict
from persync.measure.metric import Ask, Experiment
from persync.measure.texts import EVER, piece

MISMATCH = "sample_ratio"
"""the arms are not of the planned sizes"""


def with_lift(engine: Engine, ask: Ask) -> Ask:
    """Return the question with what a holdout says (`ask.lift`), for models that are held against it or scaled to it.

    Experiments with a control are tried, holdouts first, then the latest: the first that can be read is taken, whatever
    period is asked for. When none can, the lift is null with the reason of the first; without any there is none.
    """
    tried: list[Lift] = []
    controlled = [one for one in experiments.known(engine, ask).values() if one.control is not None]
    for experiment in sorted(controlled, key=lambda one: (not one.holdout, -(one.since or 0), one.name)):
        tried.append(_lift(engine, experiment, ask))
        if tried[-1].incremental.value is not None:
            return replace(ask, lift=tried[-1])
    return replace(ask, lift=tried[0] if tried else None)


def _lift(engine: Engine, experiment: Experiment, ask: Ask) -> Lift:
    found = returns.caused(engine, experiment, replace(ask, period=None))[-1]
    assert experiment.control is not None
    if found.value is None or verdict.bars(found.note):
        return Lift(experiment.name, experiment.control, _without(found))
    build_orders(engine)
    texts, params = experiments.arms_sql(experiment)
    from_at, to_at = experiments.window(experiment) or (-EVER, EVER)
    gross = int(ask.basis == "gross")
    every = (*texts, piece("order_money"))
    return Lift(experiment.name, experiment.control, found, every, {**params, "gross": gross}, from_at, to_at)


def _without(found: Estimate) -> Estimate:
    barred = verdict.CONTAMINATED if verdict.bars(found.note).startswith(verdict.CONTAMINATED) else MISMATCH
    return replace(found, value=None, low=None, high=None, p=None, reason=found.reason or barred)
