"""Delivery and engagement: what the platforms counted, and clicks without machines.

Over several campaigns the interval takes campaigns (their totals) or people (their clicks) as the units, because one person
got several messages (rule E9). Over one campaign each person got one message and Wilson's interval holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from persync.attribution.journeys import build_touches
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import intervals, rules
from persync.measure.intervals import Interval
from persync.measure.metric import Ask, Metric
from persync.measure.slices import CAMPAIGN_DIMENSIONS, SEND_DIMENSIONS, check, slices
from persync.measure.texts import bounds, join, piece, query, run

Counts = tuple[int, int]
"""numerator, denominator of one campaign"""


def _clipped(interval: Interval | None) -> Interval | None:
    return interval and interval._replace(low=max(0.0, interval.low), high=min(1.0, interval.high))


def pooled_rate(id: str, counts: Sequence[Counts], ask: Ask, by: Mapping[str, str]) -> Estimate:
    """Return the sum of numerators over the sum of denominators, one pair a campaign."""
    top, bottom = sum(a for a, _ in counts), sum(b for _, b in counts)
    if len(counts) == 1 and 0 <= top <= bottom:
        return rules.share(id, top, bottom, ask, by)
    if bottom == 0:
        return rules.absent(id, rules.NO_DENOMINATOR, by, unit="share", n=0)
    interval = intervals.ratio_of_sums(
        len(counts),
        top,
        bottom,
        sum(a * a for a, _ in counts),
        sum(b * b for _, b in counts),
        sum(a * b for a, b in counts),
        ask.confidence,
    )
    interval = _clipped(interval) if top <= bottom else interval
    made = rules.from_interval(id, interval, n=bottom, unit="share", by=by, value=top / bottom)
    return rules.with_note(made, rules.smallness(bottom, top, ask))


def _counted(
    id: str, top: str, reason: str = "not_measured", *, bottom: str = "delivered"
) -> Callable[[Engine, Ask], list[Estimate]]:
    """Return the computation of `top` over `bottom` (delivered over sent for `delivered`) from the platforms' totals."""

    def pair(row: Mapping[str, Any]) -> Counts | None:
        above, below = (row[top], row["sent"]) if top == "delivered" else (row[top], row[bottom])
        if above is None or below is None or (top == "delivered" and not row["has_bounces"]):
            return None
        return int(above), int(below)

    def compute(engine: Engine, ask: Ask) -> list[Estimate]:
        check(ask.by, CAMPAIGN_DIMENSIONS, id)
        out = []
        for by, rows in _campaign_slices(run(engine, query("counters", "counters_read"), bounds(ask.period)), ask):
            measured = [counts for counts in map(pair, rows) if counts is not None]
            if rows and not measured:
                out.append(rules.absent(id, reason, by, unit="share"))
                continue
            made = pooled_rate(id, measured, ask, by)
            if len(measured) < len(rows):
                made = rules.with_note(made, f"measured for {len(measured)} of {len(rows)} campaigns")
            out.append(replace(made, period=ask.period))
        return out

    return compute


def _campaign_slices(rows: Iterable[Mapping[str, Any]], ask: Ask) -> Iterable[tuple[dict[str, str], list[Mapping[str, Any]]]]:
    found: dict[tuple[str, ...], tuple[dict[str, str], list[Mapping[str, Any]]]] = {}
    if not ask.by:
        found[()] = ({}, [])
    for row in rows:
        by: dict[str, str] = {}
        for dimension in ask.by:
            by[dimension] = "unknown" if row[dimension] is None else str(row[dimension])
            if dimension == "msg":
                by["title"] = str(row["title"])
        found.setdefault(tuple(by.values()), (by, []))[1].append(row)
    return [found[key] for key in sorted(found)]


def ctr(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the click-through rate from the events of single people, or the platforms' own where there are none."""
    build_touches(engine)
    cut = slices(engine, ask, "ctr")
    select = piece("ctr_read").replace("/*columns*/", cut.columns).replace("/*grouping*/", cut.grouping)
    final = "SELECT COUNT(*) AS people" + "".join(f", p.d{i} AS d{i}" for i in range(len(cut.dimensions))) + _SUMS
    if cut.dimensions:
        keys = ", ".join(f"p.d{i}" for i in range(len(cut.dimensions)))
        final += f" GROUP BY {keys} ORDER BY {keys}"
    rows = run(engine, join(*cut.texts, piece("bounces"), piece("clicks"), select, final), {**bounds(ask.period), **cut.params})
    if not any(int(row["people"]) for row in rows):
        if set(ask.by) <= set(CAMPAIGN_DIMENSIONS):
            return _ctr_of_totals(engine, ask)
        note = "no single people's messages are known, and the platforms' totals have no such slices"
        return [rules.absent("ctr", rules.NO_DENOMINATOR, {}, unit="share", n=0, note=note)]
    hide = cut.hidden(rows, "people", ask)
    out = []
    for row in rows:
        by = cut.by(row)
        if cut.attribute and by[cut.attribute] in hide:
            out.append(rules.suppressed("ctr", ask, by, unit="share"))
            continue
        clicked, delivered = int(row["clicked"]), int(row["delivered"])
        if delivered == int(row["delivered_squared"]):  # nobody got more than one message
            made = rules.share("ctr", clicked, delivered, ask, by)
        elif int(row["people"]) < ask.suppress_n:
            made = rules.suppressed("ctr", ask, by, unit="share")
        else:
            sums = (int(row["clicked_squared"]), int(row["delivered_squared"]), int(row["product"]))
            interval = intervals.ratio_of_sums(int(row["people"]), clicked, delivered, *sums, ask.confidence)
            made = rules.from_interval("ctr", _clipped(interval), n=delivered, unit="share", by=by)
            made = rules.with_note(made, rules.smallness(int(row["people"]), clicked, ask))
        out.append(replace(made, period=ask.period))
    return out


_SUMS = (
    ", CAST(COALESCE(SUM(p.delivered), 0) AS BIGINT) AS delivered, CAST(COALESCE(SUM(p.clicked), 0) AS BIGINT) AS clicked"
    ", CAST(COALESCE(SUM(p.delivered * p.delivered), 0) AS BIGINT) AS delivered_squared"
    ", CAST(COALESCE(SUM(p.clicked * p.clicked), 0) AS BIGINT) AS clicked_squared"
    ", CAST(COALESCE(SUM(p.clicked * p.delivered), 0) AS BIGINT) AS product FROM per_person AS p"
)


def ctor(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute clickers over openers, reported and without machine opens (`ctor_human`)."""
    reported = _counted("ctor", "unique_clicks", bottom="unique_opens")(engine, ask)
    human = _counted("ctor_human", "unique_clicks", "no_flag", bottom="unique_human_opens")(engine, ask)
    note = "openers include mail proxies, which makes it too low"
    return [*(rules.with_note(e, note) if e.value is not None else e for e in reported), *human]


def _ctr_of_totals(engine: Engine, ask: Ask) -> list[Estimate]:
    made = _counted("ctr", "unique_clicks")(engine, ask)
    return [
        rules.with_note(e, "the platforms' own count: machine clicks are in it") if e.value is not None else e for e in made
    ]


METRICS: tuple[Metric, ...] = (
    Metric(
        "delivery_rate",
        "Delivery rate",
        "How much of what was sent arrived, by the platforms' own totals.",
        "(sent − hard bounces − soft bounces) ÷ sent",
        "share",
        _counted("delivery_rate", "delivered"),
        number="7",
        dimensions=CAMPAIGN_DIMENSIONS,
        edge_cases="Nothing sent: null, no_denominator. A platform that tells no bounces is left out and said.",
        data=("campaign_counters", "campaigns"),
    ),
    Metric(
        "open_rate",
        "Open rate (reported)",
        "Unique openers over delivered, as the platforms report it. Mail proxies open messages that nobody read: never a "
        "measure of success.",
        "unique openers ÷ delivered",
        "share",
        _counted("open_rate", "unique_opens"),
        number="8",
        dimensions=CAMPAIGN_DIMENSIONS,
        edge_cases="Campaigns sent without open tracking are left out and said.",
        data=("campaign_counters", "campaigns"),
    ),
    Metric(
        "human_open_rate",
        "Open rate without machines",
        "Openers without those the platform knows to be proxies or bots, over delivered. A lower bound: people behind a "
        "proxy may have read it too.",
        "unique human openers ÷ delivered",
        "share",
        _counted("human_open_rate", "unique_human_opens", "no_flag"),
        number="9",
        dimensions=CAMPAIGN_DIMENSIONS,
        edge_cases="A platform that flags no machine opens gives null, no_flag, not the reported rate.",
        data=("campaign_counters", "campaigns"),
    ),
    Metric(
        "ctr",
        "Click-through rate",
        "People who clicked a link of a campaign over those it was delivered to. Clicks the platform flags as a machine's, "
        "bursts over several links as scanners make them, and clicks on the unsubscribe link do not count.",
        "unique clickers ÷ delivered",
        "share",
        ctr,
        number="10",
        dimensions=(*SEND_DIMENSIONS, "arm", "coh", "any attribute"),
        edge_cases="Without events of single people: the platforms' own count, and a note that machines are in it. "
        "Over several campaigns people are the units of the interval.",
        data=("touchpoints", "campaign_links", "campaign_counters"),
    ),
    Metric(
        "ctor",
        "Click-to-open rate",
        "Unique clickers over unique openers, by the platforms' own totals; beside it over the openers without those the "
        "platform knows to be proxies or bots.",
        "unique clickers ÷ unique openers",
        "share",
        ctor,
        number="11",
        dimensions=CAMPAIGN_DIMENSIONS,
        edge_cases="Nobody opened: null, no_denominator. A platform that flags no machine opens: null, no_flag, for the "
        "second. Where pictures are blocked more may click than are seen to open: then it is above 1.",
        data=("campaign_counters", "campaigns"),
    ),
    Metric(
        "unsubscribe_rate",
        "Unsubscribe rate",
        "Unsubscribes over delivered, by the platforms' own totals. (A platform's own rate may be over openers.)",
        "unsubscribes ÷ delivered",
        "share",
        _counted("unsubscribe_rate", "unsubscribes"),
        number="13",
        dimensions=CAMPAIGN_DIMENSIONS,
        data=("campaign_counters", "campaigns"),
    ),
    Metric(
        "complaint_rate",
        "Complaint rate",
        "Spam complaints over delivered. Most mailbox providers report none: zero means none reported.",
        "complaints ÷ delivered",
        "share",
        _counted("complaint_rate", "complaints"),
        number="14",
        dimensions=CAMPAIGN_DIMENSIONS,
        data=("campaign_counters", "campaigns"),
    ),
)
