"""All metrics that come with persync, under the hook that plugins use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from persync import hookimpl
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import (
    automations,
    channels,
    context,
    conversion,
    credited,
    engaged,
    engagement,
    forecast,
    frequency,
    funnel,
    gain,
    goal,
    group_conversion,
    journeys,
    leads,
    model_returns,
    people,
    profiles,
    returns,
    rules,
    segments,
    social,
    uplift,
    value,
    web,
)
from persync.measure.metric import Ask, Metric
from persync.measure.trials import metrics as trials


def answered(metric: Metric) -> Metric:
    """Return the metric so that it is never silent: where there is no slice to show it gives the whole, mostly null with its
    reason. Of a period that has not begun nothing is known, whatever the metric would count in it (E4)."""

    def compute(engine: Engine, ask: Ask) -> Sequence[Estimate]:
        found = metric.compute(engine, ask)
        begun = ask.period is None or ask.period[0] < ask.now
        if found and begun:
            return found
        found = found or metric.compute(engine, replace(ask, by=()))
        if found and begun:
            return found
        units = {one.id: one for one in found} or {metric.id: Estimate(metric.id, None, unit=ask.currency or "")}
        reason, note = (rules.NO_DENOMINATOR, NOTHING) if begun else (rules.IMMATURE, NOT_BEGUN)
        return [
            replace(rules.absent(id, reason, {}, unit=one.unit, label=one.label, note=note), period=ask.period)
            for id, one in units.items()
        ]

    return replace(metric, compute=compute)


NOT_BEGUN: Final = "the period has not begun"
NOTHING: Final = "nothing is known of this period"


FAMILIES = (
    people,
    profiles,
    channels,
    engagement,
    engaged,
    web,
    social,
    leads,
    conversion,
    group_conversion,
    uplift,
    funnel,
    credited,
    value,
    returns,
    model_returns,
    gain,
    trials,
    segments,
    journeys,
    context,
    frequency,
    automations,
    forecast,
)
"""the modules of metrics, in the order of the catalogue"""
METRICS: tuple[Metric, ...] = tuple(
    answered(metric)
    for metric in (
        *goal.metrics(lambda: {metric.id: metric for metric in METRICS}),
        *(metric for family in FAMILIES for metric in family.METRICS),
    )
)


@hookimpl
def persync_metrics() -> Iterator[Metric]:
    """Yield the metrics that come with persync."""
    yield from METRICS
