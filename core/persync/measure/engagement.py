"""Delivery and engagement: what the platforms counted, and clicks without machines.

Over several campaigns the interval takes campaigns (their totals) or people (their clicks) as the units, because one person
got several messages (rule E9). Over one campaign each person got one message and Wilson's interval holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from persync.attribution.journeys import build_touches
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import arm_rates, intervals, rules
from persync.measure.clock import SPANS, placed
from persync.measure.intervals import Interval
from persync.measure.metric import Ask, Metric
from persync.measure.slices import CAMPAIGN_DIMENSIONS, SLICES, Slices, check, slices
from persync.measure.texts import bounds, join, piece, query, run

NO_FLAG: Final = "no_flag"
OPEN, BOUNCE, UNSUBSCRIBE, COMPLAIN = 3, 5, 6, 7
OF_CAMPAIGNS: Final = (*CAMPAIGN_DIMENSIONS, *SPANS)
"""what the platforms' totals can be sliced by: a campaign, and when it was sent"""
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
    id: str, top: str, reason: str = "not_measured", *, bottom: str = "delivered", action: int | None = None
) -> Callable[[Engine, Ask], list[Estimate]]:
    """Return the computation of `top` over `bottom` (delivered over sent for `delivered`) from the platforms' totals; by who
    was sent a message, by its hour, or where no platform tells totals, from the events `action` of single people (bounces
    for `delivered`)."""

    def pair(row: Mapping[str, Any]) -> Counts | None:
        above, below = (row[top], row["sent"]) if top == "delivered" else (row[top], row[bottom])
        if above is None or below is None or (top == "delivered" and not row["has_bounces"]):
            return None
        return int(above), int(below)

    def compute(engine: Engine, ask: Ask) -> list[Estimate]:
        if action is not None and top != "delivered" and set(ask.by) - set(OF_CAMPAIGNS):
            return _by_people(engine, ask, id, action, reason)
        check(ask.by, OF_CAMPAIGNS, id)
        totals = run(engine, query("counters", "counters_read"), bounds(ask.period))
        if not totals and _is_sent(engine, ask):
            if action is not None:
                return _by_people(engine, ask, id, action, reason)
            note = "no platform's totals are known"
            return [replace(rules.absent(id, reason, {}, unit="share", note=note), period=ask.period)]
        out = []
        for by, rows in _campaign_slices(totals, ask):
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
            value = row[dimension] if dimension not in SPANS else _when(row["sent_at"], ask, dimension)
            by[dimension] = "unknown" if value is None else str(value)
            if dimension == "msg":
                by["title"] = str(row["title"])
        found.setdefault(tuple(by.values()), (by, []))[1].append(row)
    return [found[key] for key in sorted(found)]


def _when(at: int | None, ask: Ask, dimension: str) -> str | None:
    return None if at is None else placed(int(at), ask.timezone, dimension)


def ctr(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the click-through rate from the events of single people, or the platforms' own where there are none."""
    build_touches(engine)
    cut = slices(engine, ask, "ctr")
    rows = _per_person(engine, ask, cut, (piece("clicks"),), {})
    if not any(int(row["people"]) for row in rows):
        if set(ask.by) <= set(CAMPAIGN_DIMENSIONS):
            return _ctr_of_totals(engine, ask)
        note = "no single people's messages are known, and the platforms' totals have no such slices"
        return [rules.absent("ctr", rules.NO_DENOMINATOR, {}, unit="share", n=0, note=note)]
    return _rates("ctr", cut, rows, ask)


def _is_sent(engine: Engine, ask: Ask) -> bool:
    """Whether single people's messages of the period are known."""
    text = (
        "SELECT 1 AS one FROM touchpoints AS t WHERE t.action IN (1, 2) AND t.happened_at >= :from_at"
        " AND t.happened_at < :to_at LIMIT 1"
    )
    return bool(run(engine, text, bounds(ask.period)))


def _per_person(
    engine: Engine,
    ask: Ask,
    cut: Slices,
    clickers: Sequence[str],
    params: Mapping[str, Any],
    source: str = "sliced",
    *,
    bounced: str = "",
) -> list[dict[str, Any]]:
    """Return one row a slice: people, messages that reached them, those they answered, and the sums of squares over people.
    The last of the texts `clickers` says who answered what, `bounced` what does not count (what bounced)."""
    select = piece("ctr_read").replace("/*columns*/", cut.columns).replace("/*grouping*/", cut.grouping)
    select = select.replace("FROM sliced AS", f"FROM {source} AS")
    final = "SELECT COUNT(*) AS people" + "".join(f", p.d{i} AS d{i}" for i in range(len(cut.dimensions))) + _SUMS
    if cut.dimensions:
        keys = ", ".join(f"p.d{i}" for i in range(len(cut.dimensions)))
        final += f" GROUP BY {keys} ORDER BY {keys}"
    text = join(*cut.texts, bounced or piece("bounces"), *clickers, select, final)
    return run(engine, text, {**bounds(ask.period), **cut.params, **params})


def _rates(id: str, cut: Slices, rows: Sequence[Mapping[str, Any]], ask: Ask) -> list[Estimate]:
    """Return the share of messages answered in each slice; people are the units of its interval."""
    hide = cut.hidden(rows, "people", ask)
    out = []
    for row in rows:
        by = cut.by(row)
        if cut.attribute and by[cut.attribute] in hide:
            out.append(rules.suppressed(id, ask, by, unit="share"))
            continue
        clicked, delivered = int(row["clicked"]), int(row["delivered"])
        if delivered == int(row["delivered_squared"]):  # nobody got more than one message
            made = rules.share(id, clicked, delivered, ask, by)
        elif int(row["people"]) < ask.suppress_n:
            made = rules.suppressed(id, ask, by, unit="share")
        else:
            sums = (int(row["clicked_squared"]), int(row["delivered_squared"]), int(row["product"]))
            interval = intervals.ratio_of_sums(int(row["people"]), clicked, delivered, *sums, ask.confidence)
            made = rules.from_interval(id, _clipped(interval), n=delivered, unit="share", by=by)
            made = rules.with_note(made, rules.smallness(int(row["people"]), clicked, ask))
        out.append(replace(made, period=ask.period))
    return out


_TELLING = (
    "telling AS (SELECT DISTINCT t.connection AS connection FROM touchpoints AS t WHERE t.action = :action/*flag*/),"
    " untold AS (SELECT DISTINCT COALESCE(co.campaign_id, c.campaign_key) AS campaign_id FROM campaigns AS c"
    " LEFT JOIN campaign_of AS co ON co.campaign_key = c.campaign_key WHERE c.counts_opens = 0 AND :action = 3),"
    " heard AS (SELECT x.* FROM sliced AS x JOIN telling AS n ON n.connection = x.connection"
    " LEFT JOIN untold AS u ON u.campaign_id = x.campaign_id WHERE u.campaign_id IS NULL)"
)
_ANSWERED = (
    "clickers AS (SELECT DISTINCT COALESCE(po.person, t.key_id) AS person, COALESCE(co.campaign_id, t.campaign_key) AS"
    " campaign_id FROM touchpoints AS t LEFT JOIN person_of AS po ON po.key_id = t.key_id LEFT JOIN campaign_of AS co"
    " ON co.campaign_key = t.campaign_key WHERE t.action = :action/*human*/)"
)


_NONE_BOUNCED = "bounced AS (SELECT x.person AS person, x.campaign_id AS campaign_id FROM sliced AS x WHERE 1 = 0)"


def _by_people(engine: Engine, ask: Ask, id: str, action: int, reason: str) -> list[Estimate]:
    """Return the share of messages after which people did `action`, or that arrived (`action` is then a bounce): from single
    people's events, where a platform tells them, in slices that the platforms' totals do not have or where there are none."""
    cut = slices(engine, ask, id)
    human = reason == NO_FLAG
    telling = _TELLING.replace("/*flag*/", " AND t.is_machine IS NOT NULL" if human else "")
    answered = _ANSWERED.replace("/*human*/", " AND t.is_machine = 0" if human else "")
    bounced = _NONE_BOUNCED if action == BOUNCE else ""
    rows = _per_person(engine, ask, cut, (telling, answered), {"action": action}, "heard", bounced=bounced)
    if any(int(row["people"]) for row in rows):
        rows = [_arrived(row) for row in rows] if action == BOUNCE else rows
        note = "from single people's messages, where the platform tells them"
        return [rules.with_note(e, note) if e.value is not None else e for e in _rates(id, cut, rows, ask)]
    sent = _is_sent(engine, ask)
    note = "the platforms' totals have no such slices, and no single people's messages are known" if not sent else ""
    found = rules.absent(id, reason if sent else rules.NO_DENOMINATOR, {}, unit="share", note=note)
    return [replace(found, period=ask.period)]


def _arrived(row: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the sums of what bounced into those of what did not."""
    sent, product, squared = (int(row[name]) for name in ("delivered", "product", "delivered_squared"))
    return {
        **row,
        "clicked": sent - int(row["clicked"]),
        "clicked_squared": squared - 2 * product + int(row["clicked_squared"]),
        "product": squared - product,
    }


_SUMS = (
    ", CAST(COALESCE(SUM(p.delivered), 0) AS BIGINT) AS delivered, CAST(COALESCE(SUM(p.clicked), 0) AS BIGINT) AS clicked"
    ", CAST(COALESCE(SUM(p.delivered * p.delivered), 0) AS BIGINT) AS delivered_squared"
    ", CAST(COALESCE(SUM(p.clicked * p.clicked), 0) AS BIGINT) AS clicked_squared"
    ", CAST(COALESCE(SUM(p.clicked * p.delivered), 0) AS BIGINT) AS product FROM per_person AS p"
)


def ctor(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute clickers over openers, reported and without machine opens (`ctor_human`)."""
    reported = _counted("ctor", "unique_clicks", bottom="unique_opens")(engine, ask)
    human = _counted("ctor_human", "unique_clicks", NO_FLAG, bottom="unique_human_opens")(engine, ask)
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
        _counted("delivery_rate", "delivered", action=BOUNCE),
        number="7",
        dimensions=OF_CAMPAIGNS,
        edge_cases="Nothing sent: null, no_denominator. A platform that tells no bounces is left out and said. Without the "
        "platforms' totals: from single people's messages and bounces.",
        data=("campaign_counters", "campaigns", "touchpoints"),
    ),
    Metric(
        "open_rate",
        "Open rate (reported)",
        "Unique openers over delivered, as the platforms report it. Mail proxies open messages that nobody read: never a "
        "measure of success.",
        "unique openers ÷ delivered",
        "share",
        _counted("open_rate", "unique_opens", action=OPEN),
        number="8",
        dimensions=SLICES,
        compares_arms=True,
        since_draw=arm_rates.message_rate("open_rate"),
        edge_cases="By arm: since the draw, from single people's opens. "
        "Campaigns sent without open tracking are left out and said. By people, by hour or by weekday, or without the "
        "platforms' totals: from single people's opens, where a platform tells them, else null, not_measured.",
        data=("campaign_counters", "campaigns", "touchpoints"),
    ),
    Metric(
        "human_open_rate",
        "Open rate without machines",
        "Openers without those the platform knows to be proxies or bots, over delivered. A lower bound: people behind a "
        "proxy may have read it too.",
        "unique human openers ÷ delivered",
        "share",
        _counted("human_open_rate", "unique_human_opens", NO_FLAG, action=OPEN),
        number="9",
        dimensions=SLICES,
        edge_cases="A platform that flags no machine opens gives null, no_flag, not the reported rate. Without the platforms' "
        "totals: from single people's opens.",
        data=("campaign_counters", "campaigns", "touchpoints"),
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
        dimensions=SLICES,
        refused={"prod": "no platform tells which product a link leads to"},
        compares_arms=True,
        since_draw=arm_rates.message_rate("ctr"),
        edge_cases="By arm: since the draw. "
        "Without events of single people: the platforms' own count, and a note that machines are in it. "
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
        dimensions=OF_CAMPAIGNS,
        edge_cases="Nobody opened: null, no_denominator. A platform that flags no machine opens: null, no_flag, for the "
        "second; no platform's totals: null, not_measured. Where pictures are blocked more may click than are seen to open: "
        "then it is above 1.",
        data=("campaign_counters", "campaigns"),
    ),
    Metric(
        "unsubscribe_rate",
        "Unsubscribe rate",
        "Unsubscribes over delivered, by the platforms' own totals. (A platform's own rate may be over openers.)",
        "unsubscribes ÷ delivered",
        "share",
        _counted("unsubscribe_rate", "unsubscribes", action=UNSUBSCRIBE),
        number="13",
        dimensions=SLICES,
        compares_arms=True,
        since_draw=arm_rates.message_rate("unsubscribe_rate"),
        edge_cases="Null while nothing was delivered. Split by people, or without the platforms' totals, it counts the "
        "events known by person.",
        data=("campaign_counters", "campaigns", "touchpoints"),
    ),
    Metric(
        "complaint_rate",
        "Complaint rate",
        "Spam complaints over delivered. Most mailbox providers report none: zero means none reported.",
        "complaints ÷ delivered",
        "share",
        _counted("complaint_rate", "complaints", action=COMPLAIN),
        number="14",
        dimensions=SLICES,
        edge_cases='Null while nothing was delivered. Zero is not "under the line": it means that nobody told of any. '
        "Without the platforms' totals: from single people's complaints, null, not_measured, where none is told.",
        data=("campaign_counters", "campaigns", "touchpoints"),
    ),
)
