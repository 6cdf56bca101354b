"""Leads: how many come, from where, and how many become customers by a fixed age."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from persync.attribution.horizon import orders_note, orders_until
from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import counts, rules
from persync.measure.intervals import Interval
from persync.measure.metric import Ask, Metric
from persync.measure.slices import check
from persync.measure.texts import bounds, join, piece, run

NO_CONTACTS: Final = "no_contacts"
AGES: Final = (30, 60, 90)
"""days after which a lead is looked at"""
LEAD_DIMENSIONS: Final = ("source",)


def lead_generation(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the new leads of the period, their change, and how many there were for a thousand messages sent."""
    id = "lead_generation"
    check(ask.by, LEAD_DIMENSIONS, id)
    if not engine.rows("SELECT 1 AS one FROM contacts LIMIT 1"):
        return [rules.absent(id, NO_CONTACTS, {}, unit="count", note="no system that knows contacts was read")]
    earlier = counts.before(ask)
    was = _numbers(engine, earlier) if earlier else {}
    out: list[Estimate] = []
    numbers = _numbers(engine, ask)
    hide = rules.hidden(numbers, ask.suppress_n) if ask.by else frozenset()
    for source, number in numbers.items():
        by = {"source": source} if ask.by else {}
        if source in hide:
            out.append(rules.suppressed(id, ask, by, unit="count"))
            continue
        out.append(counts.counted(id, number, ask, by))
        out.append(counts.change(f"{id}_change", number, was.get(source, 0) if earlier else None, ask, by))
    if not ask.by:
        number = _numbers(engine, ask)[""]
        (row,) = run(engine, _SENDS, bounds(ask.period))
        out.append(_per_thousand(number, int(row["sends"]), ask))
    return out


_SENDS: Final = (
    "SELECT COUNT(*) AS sends FROM touchpoints AS t WHERE t.action = 1 AND t.happened_at >= :from_at AND t.happened_at < :to_at"
)


def _per_thousand(number: int, sends: int, ask: Ask) -> Estimate:
    id = "lead_generation_per_1000_sends"
    if not sends:
        return replace(rules.absent(id, rules.NO_DENOMINATOR, {}, unit="ratio", n=0), period=ask.period)
    found = counts.poisson(number, ask.confidence)
    scaled = Interval(*(1000 * x / sends for x in (found.value, found.low, found.high)))
    made = rules.from_interval(id, scaled, n=sends, unit="ratio", by={})
    return replace(rules.with_note(made, "side by side, not because of them"), period=ask.period)


def _numbers(engine: Engine, ask: Ask) -> dict[str, int]:
    source = "l.source" if ask.by else "''"
    final = (
        f"SELECT {source} AS source, COUNT(*) AS leads FROM leads AS l"
        " WHERE l.lead_at >= :from_at AND l.lead_at < :to_at GROUP BY 1 ORDER BY 1"
    )
    rows = run(engine, join(piece("leads"), final), bounds(ask.period))
    return {str(row["source"]): int(row["leads"]) for row in rows} or ({} if ask.by else {"": 0})


def lead_conversion_rate(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the share of the period's leads who were customers 30, 60 and 90 days after they were first known."""
    id = "lead_conversion_rate"
    check(ask.by, LEAD_DIMENSIONS, id)
    build_orders(engine)
    until = orders_until(engine, ask)
    source = "c.source" if ask.by else "''"
    columns = "".join(
        f", SUM(CASE WHEN c.lead_at + {age * rules.DAY} <= :until THEN 1 ELSE 0 END) AS old_{age}"
        f", SUM(CASE WHEN c.lead_at + {age * rules.DAY} <= :until AND c.customer_at < c.lead_at + {age * rules.DAY}"
        f" THEN 1 ELSE 0 END) AS won_{age}"
        for age in AGES
    )
    final = f"SELECT {source} AS source, COUNT(*) AS leads{columns} FROM lead_cohort AS c GROUP BY 1 ORDER BY 1"
    params = {**bounds(ask.period), "until": until, "gross": int(ask.basis == "gross")}
    rows: Sequence[Mapping[str, Any]] = run(
        engine, join(piece("leads"), piece("order_money"), piece("lead_orders"), final), params
    )
    if not rows:
        rows = [{"source": "", "leads": 0, **{f"{part}_{age}": 0 for age in AGES for part in ("old", "won")}}]
    tables = [{str(row["source"]): int(row[key]) for row in rows} for key in ("leads", *(f"old_{age}" for age in AGES))]
    hide = rules.hidden_in_any(tables, ask.suppress_n) if ask.by else frozenset()
    out = []
    for row in rows:
        for age in AGES:
            by = {**({"source": str(row["source"])} if ask.by else {}), "age_days": str(age)}
            leads, old = int(row["leads"]), int(row[f"old_{age}"])
            if str(row["source"]) in hide:
                made = rules.suppressed(id, ask, by, unit="share")
            elif leads and not old:
                made = rules.absent(id, rules.IMMATURE, by, unit="share", note=orders_note(until, ask))
            else:
                made = rules.share(id, int(row[f"won_{age}"]), old, ask, by)
                if made.value is not None and old < leads:
                    made = rules.with_note(made, f"{leads - old:,} younger leads are left out")
            out.append(replace(made, period=ask.period))
    return out


METRICS: Sequence[Metric] = (
    Metric(
        "lead_generation",
        "New leads",
        "People first known in the period: by the stage subscriber or lead, a consent given, or the contact made, whichever "
        "was first; the change against the period of the same length before; and leads for a thousand messages sent.",
        "people first known in the period",
        "count",
        lead_generation,
        number="22",
        dimensions=LEAD_DIMENSIONS,
        edge_cases="The change needs a period: else null, no_period. Leads for a thousand messages say nothing of what brought "
        "them.",
        data=("stages", "consents", "consent_changes", "contacts", "touchpoints"),
    ),
    Metric(
        "lead_conversion_rate",
        "Leads who become customers",
        "Of the leads first known in the period, the share who placed a counted order or entered the stage customer within 30, "
        "60 and 90 days.",
        "leads who were customers at that age ÷ leads at least that old",
        "share",
        lead_conversion_rate,
        number="25",
        dimensions=LEAD_DIMENSIONS,
        edge_cases="Leads younger than the age are left out; none old enough: null, immature. Whoever was a customer before "
        "being a lead is none.",
        data=("stages", "consents", "contacts", "orders", "order_of", "order_ledger"),
    ),
)
