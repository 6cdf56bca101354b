"""Mitigation and its frontier in the registry of metrics."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import attributes
from persync.measure.fairness.mitigation.every import of_all
from persync.measure.grouping import ANY_ATTRIBUTE
from persync.measure.metric import Ask, Metric
from persync.measure.slices import check


def compute(id: str, engine: Engine, ask: Ask) -> Sequence[Estimate]:
    """Compute `bias_mitigation` or `fairness_roi_frontier` by the attributes in `ask.by`, or by all."""
    check(ask.by, tuple(attributes.values(engine)), id)
    return of_all(engine, ask, id)


_EDGES: Final = (
    "Groups below report_n people in any part, hidden ones and unknown steer nothing: their people stay as decided, and "
    "left_as_decided names them (persync fairness mitigate counts unknown as a group where asked). At strength 0 every "
    "method is the decision as it is. Money is in the reporting currency, else in the store's only one: null, "
    "mixed_currencies or no_currency; it is what the user prices, a raw difference, no cause. Where no [ethics] prices "
    "right_choice and choice are set there is none: null, not_priced. A message is null, immature until the 30 days "
    "after it are over, and not_at_once where it was sent over more than a week. A method that the data leave no room "
    "for is null with its reason: no_scores, no_facts, no_proxy, not_a_burden. Without a decision, or a gap that a choice "
    "of people explains, it is null, no_gap."
)
METRICS: Final = (
    Metric(
        "bias_mitigation",
        "What could be done about an unfair decision",
        "Of every imported decision, and of the message, segment or score behind the surest gap of a scan: the"
        " worst group's rate of being chosen over the best's, the accuracy and the money as it is, and with"
        " thresholds by group, a floor by lot, reweighing, a proxy dropped or generic mail; learnt on one half of the people"
        " and judged on the other. Suggested, never done.",
        "lowest rate / highest rate of the groups that steer, on the half held out",
        "ratio",
        partial(compute, "bias_mitigation"),
        "133",
        (ANY_ATTRIBUTE,),
        edge_cases=_EDGES,
        data=("decisions", "attributes", "touchpoints", "contacts", "orders", "order_ledger"),
    ),
    Metric(
        "fairness_roi_frontier",
        "What fairness costs",
        "Each mitigation's return at each strength beside the ratio between groups, the accuracy and the money that go with it."
        " One point is suggested: chosen by cross-fitting among the people learnt on, and judged, as all are, on the others.",
        "(right_choice x right ones chosen - choice x chosen) / (choice x chosen)",
        "ratio",
        partial(compute, "fairness_roi_frontier"),
        "134",
        (ANY_ATTRIBUTE,),
        edge_cases=_EDGES,
        data=("decisions", "attributes", "touchpoints", "contacts", "orders", "order_ledger"),
    ),
)
