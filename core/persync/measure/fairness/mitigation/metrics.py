"""Mitigation and its frontier in the registry of metrics."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import attributes
from persync.measure.fairness.mitigation.effects import of_all
from persync.measure.grouping import ANY_ATTRIBUTE
from persync.measure.metric import Ask, Metric
from persync.measure.slices import check


def compute(id: str, engine: Engine, ask: Ask) -> Sequence[Estimate]:
    """Compute `bias_mitigation` or `fairness_roi_frontier` by the attributes in `ask.by`, or by all."""
    check(ask.by, tuple(attributes.values(engine)), id)
    return of_all(engine, ask, id)


_EDGES: Final = (
    "Where the user sets no [ethics] prices right_choice and choice there is no money: null, not_priced. A method that the data"
    " leave no room for is null with its reason: no_scores, no_facts, no_proxy, not_a_burden."
)
METRICS: Final = (
    Metric(
        "bias_mitigation",
        "What could be done about an unfair decision",
        "The worst group's rate of being chosen over the best's, the accuracy and the money of a decision as it is, and with"
        " thresholds by group, a floor by lot, reweighing, a proxy dropped or generic mail; learnt on one half of the people"
        " and measured on the other. Suggested, never done.",
        "lowest rate / highest rate of the known groups of at least report_n people, on the half held out",
        "ratio",
        partial(compute, "bias_mitigation"),
        "133",
        (ANY_ATTRIBUTE,),
        edge_cases=_EDGES,
        data=("decisions", "attributes"),
    ),
    Metric(
        "fairness_roi_frontier",
        "What fairness costs",
        "Each mitigation's return at each strength beside the ratio between groups that it buys, the suggested one marked.",
        "(right_choice x right ones chosen - choice x chosen) / (choice x chosen)",
        "ratio",
        partial(compute, "fairness_roi_frontier"),
        "134",
        (ANY_ATTRIBUTE,),
        edge_cases=_EDGES,
        data=("decisions", "attributes"),
    ),
)
