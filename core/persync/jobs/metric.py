"""A metric as a command or a page asks for it: by dimensions, and by the arms of an experiment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from persync.errors import ConfigError

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.estimate import Estimate
    from persync.measure.metric import Ask, Metric
    from persync.plugins import Host


def find_metric(host: Host, id: str, by: Sequence[str] = ()) -> Metric:
    """Return a metric. Raise ConfigError with the nearest for one that there is not, or a dimension that it does not have."""
    from persync.plugins import find

    metric: Metric = find("metric", id, host.metrics)
    for dimension in by:
        # Those of people are known once the store is open.
        if "any attribute" not in metric.dimensions and dimension not in metric.refused:
            find(f"dimension of {id}", dimension, dict.fromkeys(metric.dimensions))
    return metric


def compute(engine: Engine, metric: Metric, ask: Ask) -> Sequence[Estimate]:
    """Compute a metric; by arm since the draw where `ask.arm` names an experiment or arms are a dimension.

    Raise ConfigError for arms of a metric that has none.
    """
    from persync.measure.arms import by_arm

    if (ask.arm is None and "arm" not in ask.by) or metric.options.get("arms") == "own":
        return metric.compute(engine, ask)
    if "arm" in metric.dimensions:
        return by_arm(engine, metric, ask)
    raise ConfigError(f"{metric.id} has no arms.", hint="It is no number of people: see `persync metrics list`.")


def listed(metric: Metric) -> dict[str, object]:
    """Return a metric as a list for machines has it."""
    return {
        "id": metric.id,
        "title": metric.title,
        "unit": metric.unit,
        "dimensions": metric.dimensions,
        "number": metric.number or None,
    }


def defined(metric: Metric) -> dict[str, object]:
    """Return how a metric is defined."""
    return {
        "id": metric.id,
        "title": metric.title,
        "definition": metric.definition,
        "formula": metric.formula,
        "unit": metric.unit,
        "number": metric.number or None,
        "dimensions": list(metric.dimensions),
        "not_by": [f"{dimension} ({why})" for dimension, why in metric.refused.items()],
        "edge_cases": metric.edge_cases or None,
        "data": list(metric.data),
    }


def estimates_json(estimates: Sequence[Estimate], ask: Ask, kind: str = "estimates") -> str:
    """Return estimates as the one JSON object of DESIGN section 12; it says so where no group is hidden."""
    from persync.report.render.estimates import document, hidden_below

    return document(kind, (estimate.as_json() for estimate in estimates), ask.period, **hidden_below(ask))
