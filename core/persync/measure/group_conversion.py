"""Conversion of each group against all the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from persync.engine.engine import Engine
from persync.estimate import RAW, Estimate
from persync.measure import attributes, intervals, rules
from persync.measure.attributes import MOST_GROUPS
from persync.measure.conversion import converted
from persync.measure.metric import Ask, Metric
from persync.measure.slices import SLICES, check

NO_GROUPS: Final = "no_groups"
NO_RECOMMENDATIONS: Final = "no_recommendations"


def segment_conversion_rate(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the conversion of each group of an attribute (or of every attribute) and its difference from all others."""
    id = "segment_conversion_rate"
    names = ask.by or tuple(
        name for name, number in attributes.values(engine).items() if 1 < number <= MOST_GROUPS and name not in SLICES
    )
    out: list[Estimate] = []
    differences: list[Estimate] = []
    for name in names:
        found = converted(engine, replace(ask, by=(name,)), id)
        out += [e for e, *_ in found]
        people, buyers = sum(n for _, n, _ in found), sum(b for *_, b in found)
        hidden = any(e.reason == rules.SUPPRESSED for e, *_ in found)
        for estimate, n, bought in found:
            if len(found) > 1:
                differences.append(_against(estimate, n, bought, people - n, buyers - bought, ask, hidden=hidden))
    if not out:
        note = "import attributes, or map a merge field or property to one"
        return [rules.absent(id, NO_GROUPS, {}, unit="share", note=note)]
    return out + rules.compared(differences)


def _against(estimate: Estimate, n: int, buyers: int, others: int, other_buyers: int, ask: Ask, *, hidden: bool) -> Estimate:
    id = "segment_conversion_rate_difference"
    if estimate.value is None:
        return replace(estimate, id=id, unit="points", label=RAW)
    if hidden:  # the others' total would give the hidden groups away
        return replace(rules.suppressed(id, ask, estimate.by, unit="points", label=RAW), period=ask.period)
    if others < ask.suppress_n:
        return replace(rules.absent(id, rules.NO_DENOMINATOR, estimate.by, unit="points", label=RAW), period=ask.period)
    interval = intervals.newcombe(buyers, n, other_buyers, others, ask.confidence)
    made = rules.from_interval(id, interval, n=n + others, unit="points", by=estimate.by, label=RAW)
    small = rules.smallness(min(n, others), min(buyers, other_buyers), ask)
    return replace(rules.with_note(made, small), period=ask.period)


def recommendation_effectiveness(engine: Engine, ask: Ask) -> list[Estimate]:
    """Return null: no platform tells which items it recommended to whom."""
    check(ask.by, (), "recommendation_effectiveness")
    note = "no platform that persync reads tells which items were recommended to whom; a randomised test of recommendations "
    note += "is read by ab_test"
    return [rules.absent("recommendation_effectiveness", NO_RECOMMENDATIONS, {}, unit="share", note=note)]


METRICS: Sequence[Metric] = (
    Metric(
        "segment_conversion_rate",
        "Conversion by group",
        "The share who ordered within the look-back days (30) after their first message, in each group of an attribute, and "
        "its difference from everybody else who was reached. Without --by: of every attribute.",
        "conversion of the group − conversion of the others",
        "share",
        segment_conversion_rate,
        number="24",
        dimensions=("any attribute",),
        edge_cases="Differences are raw: groups differ in more than the mail. They are counted and Holm-adjusted. Where a "
        "small group is hidden no difference is shown, because it would give it away. No attributes: null, no_groups.",
        data=("touchpoints", "attributes", "orders", "order_of", "order_ledger"),
    ),
    Metric(
        "recommendation_effectiveness",
        "Recommended items",
        "Clicks, purchases and revenue of recommended items against those of popular ones, and how many of the recommended "
        "items are bought later (hit rate at k).",
        "buyers of a recommended item ÷ people it was shown to",
        "share",
        recommendation_effectiveness,
        number="34",
        edge_cases="Always null, no_recommendations, for now: the platforms tell that a block recommends products (level 4), "
        "not which ones each person saw. Whether recommending pays is read from a randomised test.",
        data=("campaign_evidence",),
    ),
)
