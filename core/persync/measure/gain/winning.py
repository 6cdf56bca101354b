"""What winning customers costs, and what advertising for subscribers brings back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.estimate import RAW, Estimate
from persync.measure import costs, counts, intervals, rules
from persync.measure.gain.span import AFTER, BEFORE, NO_START, START_HINT, halves
from persync.measure.intervals import Interval
from persync.measure.margins import margin
from persync.measure.metric import Ask
from persync.measure.occasions import build, build_money
from persync.measure.returns import not_a_cost
from persync.measure.slices import check
from persync.measure.texts import join, piece, run
from persync.money import exponent

CAC: Final = "cac"
REDUCTION: Final = "cac_reduction"
ROAS: Final = "roas_email"
NO_ADS: Final = "no_ad_spend"
NO_ADS_HERE: Final = "no_ad_spend_in_period"
HOW: Final = "enter what advertising cost: persync import ads FILE"

_NEW = (
    "newcomers AS (SELECT c.person AS person, c.first_at AS first_at FROM customers AS c"
    " WHERE c.first_at >= :from_at AND c.first_at < :to_at)"
)
_LAST_TOUCH = (
    "SELECT COALESCE(w.text, '') AS channel, COUNT(*) AS people FROM (SELECT v.person AS person, v.channel AS channel,"
    " ROW_NUMBER() OVER (PARTITION BY v.person ORDER BY v.happened_at DESC, v.channel) AS place FROM (SELECT n.person AS"
    " person, t.channel AS channel, t.happened_at AS happened_at FROM touchpoints AS t"
    " LEFT JOIN person_of AS po ON po.key_id = t.key_id JOIN newcomers AS n ON n.person = COALESCE(po.person, t.key_id)"
    " WHERE t.action IN (4, 9) AND t.happened_at <= n.first_at AND t.happened_at >= n.first_at - :window_ms) AS v) AS x"
    " LEFT JOIN words AS w ON w.word = x.channel WHERE x.place = 1 GROUP BY COALESCE(w.text, '') ORDER BY 1"
)


@dataclass(frozen=True, slots=True)
class Spend:
    """What was spent on advertising in some days, by channel, in minor units of one currency."""

    channels: dict[str, int]
    currency: str | None
    """None when there are several"""
    lines: int
    first_at: int | None
    known: bool
    """whether any advertising of these purposes is known at all"""

    @property
    def reason(self) -> str | None:
        """Why there is no sum, None when there is one."""
        if not self.known:
            return NO_ADS
        if not self.lines:
            return NO_ADS_HERE
        return rules.MIXED_CURRENCIES if self.currency is None else None

    def major(self, minor: int) -> float:
        """Return an amount in major units."""
        return minor / 10.0 ** exponent(self.currency or "")


def spend(engine: Engine, ask: Ask, purposes: tuple[str, ...]) -> Spend:
    """Return what advertising of these purposes cost in the period; a line without one is for acquisition."""
    from_at, to_at = ask.period or (-(2**62), 2**62)
    channels: dict[str, int] = {}
    seen: list[str] = []
    first: int | None = None
    known = False
    for row in engine.rows(
        "SELECT a.happened_at AS happened_at, a.channel AS channel, a.purpose AS purpose, a.amount_minor AS amount_minor,"
        " a.currency AS currency FROM ad_spend AS a ORDER BY a.connection, a.entry"
    ):
        if (row["purpose"] or "acquisition") not in purposes:
            continue
        known = True
        at = int(row["happened_at"])
        if not from_at <= at < to_at or at > ask.now:
            continue
        amount = costs.into_reporting(int(row["amount_minor"]), str(row["currency"]), at, ask)
        channels[str(row["channel"])] = channels.get(str(row["channel"]), 0) + amount.minor
        seen.append(amount.currency)
        first = at if first is None else min(first, at)
    return Spend(channels, rules.one_currency(seen), len(seen), first, known)


def price(id: str, spent: float, number: int, ask: Ask, by: dict[str, str], unit: str) -> Estimate:
    """Return spend over a number of people; the spend is taken as known, the number as Poisson."""
    if spent <= 0:
        return rules.absent(id, costs.NOT_A_COST, by, unit=unit, n=number, note=not_a_cost(spent, unit))
    if not number:
        return rules.absent(id, rules.NO_DENOMINATOR, by, unit=unit, n=0, note="nobody was won")
    drawn = counts.poisson(number, ask.confidence)
    interval = Interval(spent / number, spent / drawn.high, spent / drawn.low if drawn.low > 0 else spent / number)
    made = rules.from_interval(id, interval, n=number, unit=unit, by=by)
    return rules.with_note(made, rules.smallness(number, number, ask))


def newcomers(engine: Engine, from_at: int, to_at: int) -> int:
    """Return how many customers placed their first order in [from, to). Needs the table `customers`."""
    (row,) = run(engine, join(_NEW, "SELECT COUNT(*) AS people FROM newcomers AS n"), {"from_at": from_at, "to_at": to_at})
    return int(row["people"])


def cac(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute advertising for acquisition over customers whose first order fell into the period, in all and by channel."""
    check(ask.by, ("channel",), CAC)
    spent = spend(engine, ask, ("acquisition",))
    if spent.reason is not None:
        note = HOW if spent.reason == NO_ADS else ""
        return [replace(rules.absent(CAC, spent.reason, {}, unit=ask.currency or "", note=note), period=ask.period)]
    ground = build(engine, replace(ask, period=None))
    from_at, to_at = ask.period or (spent.first_at or 0, ground.end_at)
    unit = spent.currency or ""
    if to_at > ground.end_at and ask.period is not None:
        note = "the period is not over, or orders are not known to its end"
        return [replace(rules.absent(CAC, rules.IMMATURE, {}, unit=unit, note=note), period=ask.period)]
    if "channel" in ask.by:
        found = _by_channel(engine, ask, spent, from_at, to_at)
    else:
        made = price(CAC, spent.major(sum(spent.channels.values())), newcomers(engine, from_at, to_at), ask, {}, unit)
        found = [rules.with_note(made, "all new customers, however they came; advertising alone, no wages")]
    return [replace(one, period=ask.period) for one in found]


def _by_channel(engine: Engine, ask: Ask, spent: Spend, from_at: int, to_at: int) -> list[Estimate]:
    params: dict[str, Any] = {"from_at": from_at, "to_at": to_at, "window_ms": round(ask.lookback_days * rules.DAY)}
    won = {str(row["channel"]): int(row["people"]) for row in run(engine, join(_NEW, _LAST_TOUCH), params)}
    out = []
    for channel, minor in sorted(spent.channels.items()):
        by, number = {"channel": channel}, won.get(channel, 0)
        if 0 < number < ask.suppress_n:
            out.append(rules.suppressed(CAC, ask, by, unit=spent.currency or ""))
            continue
        made = price(CAC, spent.major(minor), number, ask, by, spent.currency or "")
        note = f"new customers whose last click or visit in the {ask.lookback_days:g} days before the first order was of it"
        out.append(rules.with_note(made, note))
    return out


def cac_reduction(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute what winning a customer cost before the programme began less what it cost after, and the same as a share."""
    check(ask.by, (), REDUCTION)
    spent = spend(engine, replace(ask, period=None), ("acquisition",))
    ids = ((REDUCTION, spent.currency or ask.currency or ""), (f"{REDUCTION}_relative", "share"))

    def none(reason: str, note: str = "") -> list[Estimate]:
        return [replace(rules.absent(i, reason, {}, unit=u, label=RAW, note=note), period=ask.period) for i, u in ids]

    if spent.reason is not None:
        return none(spent.reason, HOW if spent.reason == NO_ADS else "")
    asks = halves(ask, spent.first_at)
    if asks is None:
        return none(NO_START, START_HINT if ask.value.started is None else "no advertising is known from before it")
    ground = build(engine, replace(ask, period=None))
    sides = {}
    for side, half in asks.items():
        assert half.period is not None
        from_at, to_at = half.period[0], min(half.period[1], ground.end_at)
        money = spend(engine, replace(half, period=(from_at, to_at)), ("acquisition",))
        sides[side] = (money, newcomers(engine, from_at, to_at) if to_at > from_at else 0)
    reason = next((money.reason for money, _ in sides.values() if money.reason), None)
    if reason is not None:
        return none(reason)
    (old, old_n), (new, new_n) = sides[BEFORE], sides[AFTER]
    paid, pays = (money.major(sum(money.channels.values())) for money in (old, new))
    if paid <= 0 or pays <= 0:
        return none(costs.NOT_A_COST, f"{'before' if paid <= 0 else 'after'}: {not_a_cost(min(paid, pays), ids[0][1])}")
    if not old_n or not new_n:
        return none(rules.NO_DENOMINATOR, "nobody was won on one side")
    prices = [Interval(p / n, p / c.high, p / c.low) for p, n in ((paid, old_n), (pays, new_n)) for c in (counts.poisson(n),)]
    difference = intervals.difference_of(prices[0], prices[1], ask.confidence)
    # The ratio of the prices is that of the spends, which are known, times that of the numbers turned round.
    ratio = counts.ratio_of_counts(old_n, new_n, ask.confidence)
    assert ratio is not None
    scale = pays / paid
    share = Interval(1 - scale * ratio.value, 1 - scale * ratio.high, 1 - scale * ratio.low)
    note = f"{paid / old_n:,.2f} before, {pays / new_n:,.2f} after; seasons and prices of advertising are in it"
    small = rules.smallness(min(old_n, new_n), min(old_n, new_n), ask)
    return [
        replace(
            rules.with_note(
                rules.with_note(rules.from_interval(i, value, n=old_n + new_n, unit=u, by={}, label=RAW), note), small
            ),
            period=ask.period,
        )
        for (i, u), value in zip(ids, (difference, share), strict=True)
    ]


_SUBSCRIBERS = (
    "SELECT LOWER(l.source) AS source, c.bucket AS bucket, COUNT(DISTINCT l.person) AS people,"
    " CAST(SUM(COALESCE(y.minor, 0)) AS BIGINT) AS minor FROM leads AS l JOIN (SELECT l2.person AS person,"
    " MOD(MAX(COALESCE(h.hash, l2.person)), 256) AS bucket FROM leads AS l2 LEFT JOIN person_of AS h ON h.person = l2.person"
    " GROUP BY l2.person) AS c ON c.person = l.person LEFT JOIN (SELECT m.person AS person, m.happened_at AS happened_at,"
    " m.minor AS minor FROM customer_money AS m) AS y ON y.person = l.person AND y.happened_at >= l.lead_at"
    " AND y.happened_at < l.lead_at + :days_ms WHERE l.lead_at >= :from_at AND l.lead_at < :to_at"
    " AND l.lead_at + :days_ms <= :end_at GROUP BY LOWER(l.source), c.bucket ORDER BY 1, 2"
)


def roas_email(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the revenue of subscribers who came by advertising for the list over what it cost, the same of margin
    (`roas_email_margin`) and the ratio at which it pays for itself (`roas_email_break_even`)."""
    import numpy as np

    from persync.attribution.stability import replicate
    from persync.measure.value.cut import money as drawn_money

    check(ask.by, ("channel",), ROAS)
    spent = spend(engine, ask, ("list", "promotion"))
    build_orders(engine)
    ground = build(engine, replace(ask, period=None))
    kept = margin(engine, ask, ground)
    even = (
        rules.absent(f"{ROAS}_break_even", kept.reason or rules.NO_DENOMINATOR, {}, unit="ratio")
        if not kept.share or kept.share <= 0
        else Estimate(f"{ROAS}_break_even", 1 / kept.share, unit="ratio", note=kept.note)
    )

    def none(reason: str, by: dict[str, str], note: str = "") -> list[Estimate]:
        return [rules.absent(id, reason, by, unit="ratio", note=note) for id in (ROAS, f"{ROAS}_margin")]

    reason = spent.reason or (rules.MIXED_CURRENCIES if ground.currency is None else None)
    if reason is None and ground.currency and spent.currency != ground.currency:
        reason = rules.MIXED_CURRENCIES
    if reason is not None:
        note = "advertising with the purpose list or promotion: persync import ads FILE" if reason == NO_ADS else ""
        return [replace(one, period=ask.period) for one in (*none(reason, {}, note), even)]
    build_money(engine, replace(ask, period=None), ground)
    from_at, to_at = ask.period or (spent.first_at or 0, ground.end_at)
    days = ask.costs.ads_days
    params = {"from_at": from_at, "to_at": to_at, "end_at": ground.end_at, "days_ms": days * rules.DAY}
    rows = run(engine, join(piece("leads"), _SUBSCRIBERS), params)
    out: list[Estimate] = []
    slices = {name: {name.lower()} for name in sorted(spent.channels)} if ask.by else {"": {c.lower() for c in spent.channels}}
    for name, sources in slices.items():
        by = {"channel": name} if ask.by else {}
        minor = spent.channels[name] if ask.by else sum(spent.channels.values())
        mine = [row for row in rows if str(row["source"]) in sources]
        people = sum(int(row["people"]) for row in mine)
        if minor <= 0:
            out += none(costs.NOT_A_COST, by, not_a_cost(spent.major(minor), spent.currency or ""))
            continue
        if not people:
            note = f"no subscriber whose source is {' or '.join(sorted(sources))} signed up {days} days ago or earlier"
            out += none(rules.IMMATURE, by, note)
            continue
        ids = np.array([int(row["bucket"]) for row in mine], np.int64)
        sums = np.array([[float(row["minor"])] for row in mine])
        unique, place = np.unique(ids, return_inverse=True)
        columns = np.zeros((len(unique), 1))
        np.add.at(columns, place, sums)
        draws = replicate(unique, columns, ask.seed)[:, 0] / minor
        note = f"orders in the {days} days after sign-up; the sign-up names the channel as its source; credited, not caused"
        value = float(sums.sum()) / minor
        made = drawn_money(ROAS, value, draws, ask, by, n=people, unit="ratio", note=f"{ask.basis} revenue; {note}")
        out.append(made)
        if kept.share is None:
            out.append(rules.absent(f"{ROAS}_margin", kept.reason, by, unit="ratio"))
        elif made.value is None:
            out.append(replace(made, id=f"{ROAS}_margin"))
        else:
            bounds = [None if x is None else x * kept.share for x in (made.value, made.low, made.high)]
            as_margin = replace(made, id=f"{ROAS}_margin", value=bounds[0], low=bounds[1], high=bounds[2])
            out.append(replace(as_margin, note=f"{kept.note}; {note}"))
    return [replace(one, period=ask.period) for one in (*out, even)]
