"""Who was reached with what, and how well the systems' people are matched."""

from __future__ import annotations

from dataclasses import replace

from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import rules
from persync.measure.metric import Ask, Metric
from persync.measure.slices import check
from persync.measure.texts import bounds, join, piece, query, run

LEVELS = ("0", "1", "2", "3", "4", "unknown")


def exposure(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the share of the people reached by the highest level they received in the period."""
    check(ask.by, ("level",), "exposure")
    select = "SELECT r.level AS level, COUNT(*) AS people FROM received AS r GROUP BY r.level"
    rows = run(engine, join(piece("sends"), piece("doses"), piece("levels_read"), select), bounds(ask.period))
    counts = dict.fromkeys(LEVELS, 0) | {str(row["level"]): int(row["people"]) for row in rows}
    total = sum(counts.values())
    hide = rules.hidden(counts, ask.suppress_n)
    return [
        replace(
            rules.suppressed("exposure", ask, {"level": level}, unit="share")
            if level in hide
            else rules.share("exposure", people, total, ask, {"level": level}),
            period=ask.period,
        )
        for level, people in counts.items()
    ]


def customer_identity(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the share of people known to more than one system, and for each pair of systems the share of the first
    one's people that the other one knows too."""
    check(ask.by, ("connection",), "customer_identity")
    out = []
    if not ask.by:
        (row,) = run(engine, query("identity", "identity_read"), {})
        out.append(rules.share("customer_identity", int(row["matched"]), int(row["people"]), ask, {}))
    for row in run(engine, query("identity", "identity_pairs_read"), {}):
        by = {"connection": str(row["here"]), "against": str(row["there"])}
        out.append(rules.share("customer_identity", int(row["matched"]), int(row["people"]), ask, by))
    return out


METRICS: tuple[Metric, ...] = (
    Metric(
        "exposure",
        "Exposure to personalised mail",
        "The people reached in the period by the highest level of personalisation they received: 0 generic, 1 name or field, "
        "2 segment, 3 triggered, 4 individual content.",
        "people whose highest level is L ÷ people reached",
        "share",
        exposure,
        number="1",
        dimensions=("level",),
        edge_cases="A send whose content was not read has no level. Who got such a send and nothing of level 2 or above is "
        "`unknown`, never counted as generic.",
        data=("touchpoints", "campaign_levels"),
    ),
    Metric(
        "customer_identity",
        "Match rate of customers",
        "The share of people that more than one connected system knows, and for each pair of systems the share of the "
        "first one's people that the other one knows too.",
        "people known to both ÷ people known to the first",
        "share",
        customer_identity,
        number="4",
        dimensions=("connection",),
        edge_cases="One system alone: there are no pairs. Deleted contacts are left out.",
        data=("contacts", "person_of"),
    ),
)
