"""What it is worth: revenue by the consent behind it, what customers get for their data, and what harm costs where priced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import intervals, rules
from persync.measure.ethics import consent
from persync.measure.ethics.common import counted
from persync.measure.ethics.consent import STATES, VIOLATIONS
from persync.measure.grouping import grouping
from persync.measure.metric import Ask, Metric
from persync.measure.slices import check
from persync.measure.texts import EVER, bounds, join, piece, run
from persync.money import exponent

NO_MESSAGE: Final = "no message"
NOT_PRICED: Final = "not_priced"
PARTS: Final = {
    "complaint": "people who complained",
    "unsubscribe": "people who left the list",
    "violation": "messages without a consent that held",
    "undefended": "money taken after such messages",
}


def revenue_by_consent(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the period's revenue by the consent behind the last message before each order, within the look-back, and
    `undefended_revenue`, what came after a message without a consent that held."""
    id = "revenue_by_consent"
    check(ask.by, (), id)
    window = round(ask.lookback_days * rules.DAY)
    from_at, to_at = ask.period or (-EVER, EVER)
    if not consent.build(engine, replace(ask, period=(max(-EVER, from_at - window), to_at))):
        return [replace(rules.absent(id, consent.NO_CONSENTS, {}, unit=ask.currency or ""), period=ask.period)]
    ordered = (
        "ordered AS (SELECT m.order_id AS order_id, COALESCE(m.person, -m.order_id) AS person, m.ordered_at AS ordered_at,"
        " m.revenue_minor AS minor, m.currency_low AS low, m.currency_high AS high FROM order_money AS m"
        " WHERE m.ordered_at >= :from_at AND m.ordered_at < :to_at)"
    )
    behind = (
        "behind AS (SELECT o.order_id AS order_id, c.state AS state, ROW_NUMBER() OVER (PARTITION BY o.order_id"
        " ORDER BY c.last_sent_at DESC, c.campaign_id DESC, c.connection) AS place FROM ordered AS o"
        " JOIN message_consents AS c ON c.person = o.person AND c.last_sent_at <= o.ordered_at"
        " AND c.last_sent_at > o.ordered_at - :window)"
    )
    final = (
        f"SELECT COALESCE(b.state, '{NO_MESSAGE}') AS state, COUNT(DISTINCT o.person) AS people, SUM(o.minor) AS minor,"
        " MIN(o.low) AS low, MAX(o.high) AS high FROM ordered AS o"
        f" LEFT JOIN behind AS b ON b.order_id = o.order_id AND b.place = 1 GROUP BY COALESCE(b.state, '{NO_MESSAGE}')"
    )
    params = {**bounds(ask.period), "gross": int(ask.basis == "gross"), "window": window}
    rows = {str(row["state"]): row for row in run(engine, join(piece("order_money"), ordered, behind, final), params)}
    currency = rules.one_currency([str(row[end]) for row in rows.values() for end in ("low", "high") if row[end]])
    if currency is None or (ask.currency and currency and currency != ask.currency):
        return [replace(rules.absent(id, rules.MIXED_CURRENCIES, {}, unit=ask.currency or ""), period=ask.period)]
    if not rows:
        return [replace(rules.absent(id, "no_orders", {}, unit=currency or ask.currency or ""), period=ask.period)]
    sizes = {state: int(row["people"]) for state, row in rows.items()}
    hide, tells_sum = covered(sizes, ask.suppress_n)
    scale = 10.0 ** exponent(currency)
    out = []
    for state in (*STATES, NO_MESSAGE):
        if state in hide:
            out.append(rules.suppressed(id, ask, {"state": state}, unit=currency))
        elif state in rows:
            row = rows[state]
            out.append(Estimate(id, int(row["minor"]) / scale, n=int(row["people"]), unit=currency, by={"state": state}))
    bad = [state for state in VIOLATIONS if state in rows]
    (undefended,) = run(engine, join(piece("order_money"), ordered, behind, _UNDEFENDED), params)
    if not tells_sum or 0 < int(undefended["people"]) < ask.suppress_n:
        out.append(rules.suppressed("undefended_revenue", ask, {}, unit=currency))
    else:
        worth = sum(int(rows[state]["minor"]) for state in bad) / scale
        out.append(
            Estimate(
                "undefended_revenue", worth, n=int(undefended["people"]), unit=currency, note="revenue you could not defend"
            )
        )
    return [replace(one, period=ask.period) for one in out]


_UNDEFENDED: Final = (
    "SELECT COUNT(DISTINCT o.person) AS people FROM ordered AS o JOIN behind AS b ON b.order_id = o.order_id AND b.place = 1"
    f" WHERE b.state IN ({', '.join(repr(state) for state in VIOLATIONS)})"
)
"""who bought after a message without a consent that held: somebody may have done so after messages of two states"""


def covered(sizes: Mapping[str, int], floor: int) -> tuple[frozenset[str], bool]:
    """Return the states to hide by their people, and whether the sum of those without a consent that held can be told: where
    in each half none is hidden, or several of enough people. A state is hidden with others of its half, if any."""
    halves = [{state: n for state, n in sizes.items() if (state in VIOLATIONS) is bad} for bad in (True, False)]
    hide = rules.hidden(sizes, floor, rules.hidden_in_any(halves, floor))
    few = [[n for state, n in half.items() if state in hide] for half in halves]
    return hide, all(not half or (len(half) > 1 and sum(half) >= floor) for half in few)


def value_exchange(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute for the customers of the period, by what people can be sliced by, the mean discount they got
    (`discount_per_customer`), the attributes held on them (`data_points_per_customer`), what they brought
    (`gain_per_customer`), and the share who got something for it."""
    id = "value_exchange"
    build_orders(engine)
    cut = grouping(engine, ask, id, valid=consent.DIMENSIONS, people="customer")
    texts = (
        piece("order_money"),
        "given AS (SELECT m.order_id AS order_id, SUM(d.amount_minor) AS minor FROM money_orders AS m JOIN order_discounts AS d"
        " ON d.order_key = m.order_key WHERE d.amount_minor IS NOT NULL GROUP BY m.order_id)",
        "points AS (SELECT COALESCE(po.person, a.key_id) AS person, COUNT(DISTINCT a.name) AS n FROM attributes AS a"
        " LEFT JOIN person_of AS po ON po.key_id = a.key_id WHERE a.value IS NOT NULL AND a.value <> ''"
        " GROUP BY COALESCE(po.person, a.key_id))",
        "customer AS (SELECT m.person AS person, SUM(m.revenue_minor) * 1e0 AS gain, SUM(COALESCE(g.minor, 0)) * 1e0 AS given,"
        " MAX(COALESCE(p.n, 0)) * 1e0 AS points, MIN(m.currency_low) AS low, MAX(m.currency_high) AS high"
        " FROM order_money AS m LEFT JOIN given AS g ON g.order_id = m.order_id LEFT JOIN points AS p ON p.person = m.person"
        " WHERE m.person IS NOT NULL AND m.is_counted = 1 AND m.ordered_at >= :from_at AND m.ordered_at < :to_at"
        " GROUP BY m.person)",
    )
    price = ask.ethics.prices.get("data_point")
    keys = cut.grouping.removeprefix(", ")
    final = (
        "SELECT COUNT(*) AS people, SUM(c.gain) AS gain, SUM(c.gain * c.gain) AS gain_2, SUM(c.given) AS given,"
        " SUM(c.given * c.given) AS given_2, SUM(c.points) AS points, SUM(c.points * c.points) AS points_2,"
        " SUM(CASE WHEN c.given > 0 THEN 1 ELSE 0 END) AS got, SUM(CASE WHEN c.given > c.points * :price THEN 1 ELSE 0 END)"
        " AS net, SUM(CASE WHEN c.points > 0 THEN 1 ELSE 0 END) AS held, SUM(CASE WHEN c.gain <> 0 THEN 1 ELSE 0 END) AS paid,"
        f" MIN(c.low) AS low, MAX(c.high) AS high{cut.columns} FROM customer AS c"
        + (f" JOIN grouped AS g ON g.person = c.person GROUP BY {keys} ORDER BY {keys}" if keys else "")
    )
    params = {**bounds(ask.period), "gross": int(ask.basis == "gross"), "price": 0.0}
    if price:
        params["price"] = price * 10.0 ** exponent(ask.currency or _currency(engine))
    rows = run(engine, join(*texts, *cut.texts, final), {**params, **cut.params})
    currency = rules.one_currency([str(row[end]) for row in rows for end in ("low", "high") if row[end]])
    if currency is None:
        return [replace(rules.absent(id, rules.MIXED_CURRENCIES, {}, unit="share"), period=ask.period)]
    hide = cut.hidden(rows, "people", ask)
    out = []
    for row in rows:
        by = cut.by(row)
        made = _exchanged(row, price, currency or ask.currency or "", ask, by)
        if cut.attribute and by[cut.attribute] in hide:
            made = [rules.suppressed(one.id, ask, by, unit=one.unit) for one in made]
        out += made
    if not out:
        out.append(rules.absent(id, rules.NO_DENOMINATOR, {}, unit="share", n=0))
    return [replace(one, period=ask.period) for one in out]


def _exchanged(row: Mapping[str, Any], price: float | None, currency: str, ask: Ask, by: Mapping[str, str]) -> list[Estimate]:
    """Return what the customers of one slice got and gave: sums over people of discounts, attributes held and revenue."""
    id, people = "value_exchange", int(row["people"])
    out = []
    if people:
        kept = rules.share(id, int(row["net" if price else "got"]), people, ask, by)
        note = f"worth more than {price:g} for each attribute held" if price else "got a discount; data held are not priced"
        out.append(rules.with_note(kept, note))
    else:
        out.append(rules.absent(id, rules.NO_DENOMINATOR, by, unit="share", n=0))
    for name, column, events, unit in (
        ("discount_per_customer", "given", "got", currency),
        ("data_points_per_customer", "points", "held", "attributes"),
        ("gain_per_customer", "gain", "paid", currency),
    ):
        sample = intervals.moments(people, float(row[column]), float(row[f"{column}_2"])) if people else None
        if unit == currency and currency:
            sample = rules.scaled(sample, currency)
        out.append(rules.average(name, sample, int(row[events] or 0), ask, by, unit=unit))
    return out


def _currency(engine: Engine) -> str:
    found = engine.rows("SELECT MIN(m.currency) AS currency FROM money_orders AS m")
    return str(found[0]["currency"] or "EUR")


def cost_of_harm(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute what the harm of the period costs: each part that the user prices, and their sum; parts without a price are
    told as numbers."""
    id = "cost_of_harm"
    check(ask.by, (), id)
    sql = (
        "SELECT COUNT(DISTINCT CASE WHEN t.action = 7 THEN COALESCE(po.person, t.key_id) END) AS complaint,"
        " COUNT(DISTINCT CASE WHEN t.action = 6 THEN COALESCE(po.person, t.key_id) END) AS unsubscribe"
        " FROM touchpoints AS t LEFT JOIN person_of AS po ON po.key_id = t.key_id"
        " WHERE t.action IN (6, 7) AND t.happened_at >= :from_at AND t.happened_at < :to_at"
    )
    (row,) = run(engine, sql, bounds(ask.period))
    sizes = {part: counted(part, int(row[part]), ask, {}) for part in ("complaint", "unsubscribe")}
    sizes["violation"] = consent.consent_violations(engine, ask)[0]
    # Where nothing is known of consents there is one estimate of another name: null, with the reason.
    sizes["undefended"] = revenue_by_consent(engine, ask)[-1]
    unit = ask.currency or sizes["undefended"].unit
    prices = dict(ask.ethics.prices)
    if ask.costs.subscriber_value is not None:
        prices.setdefault("unsubscribe", ask.costs.subscriber_value)
    parts = []
    for part, what in PARTS.items():
        size, price = sizes[part].value, prices.get(part)
        by = {"part": part}
        if price is None:
            note = f"{size:,.0f} {what}" if size is not None else what
            parts.append(rules.absent("harm", NOT_PRICED, by, unit=unit, note=note))
        elif size is None:
            reason = sizes[part].reason or rules.NO_DENOMINATOR
            parts.append(rules.absent("harm", reason, by, unit=unit, note=what))
        else:
            note = f"{size:,.0f} {what} at {price:g} each, as you priced them"
            if part == "undefended":
                note = f"{what}, at {price:g} for each {unit} of it, as you priced it"
            parts.append(Estimate("harm", size * price, unit=unit, by=by, note=note))
    priced = [one.value for one in parts if one.value is not None]
    whole = rules.absent(id, NOT_PRICED, {}, unit=unit, note="set [ethics] prices")
    if priced:
        note = f"{len(priced)} of {len(parts)} parts priced; what they cost, taken from nothing else"
        whole = Estimate(id, -sum(priced), unit=unit, note=note)
    return [replace(one, period=ask.period) for one in (whole, *parts)]


_MONEY: Final = ("orders", "order_of", "order_ledger", "person_of")
METRICS: Sequence[Metric] = (
    Metric(
        "revenue_by_consent",
        "Revenue by the consent behind it",
        "The revenue (basis as set) of the period's orders by what stood behind the last message before each, within the "
        "look-back; and what came after a message without a consent that held (undefended_revenue: revenue you could not "
        "defend).",
        "Σ revenue of orders whose last message stood on this basis",
        "the reporting currency",
        revenue_by_consent,
        number="143",
        edge_cases="What came after a message is not what it caused. An order of a guest, or without a message in the "
        "look-back: `no message`. Several currencies: null, mixed_currencies; no system tells of consents: null, no_consents. "
        "Where a state has fewer than suppress_n people it is hidden, and another with it, first of its own half (defended "
        "or not); the sum is hidden where it would give one away.",
        data=("touchpoints", "consents", "consent_changes", *_MONEY),
    ),
    Metric(
        "value_exchange",
        "What customers get for their data",
        "For those who bought in the period: the share who got more than the data held on them are worth (as you price a data "
        "point; without a price, who got a discount at all), the mean discount, the attributes held, and the revenue they "
        "brought.",
        "customers with a net benefit ÷ customers; Σ discounts ÷ customers; Σ attributes ÷ customers; Σ revenue ÷ customers",
        "share",
        value_exchange,
        number="143",
        dimensions=consent.DIMENSIONS,
        edge_cases="Discounts are what a shop tells; relevance and time saved have no price and are not in it. Guests are left "
        "out. Several currencies: null, mixed_currencies. By segment as of the asked period's first day.",
        data=("attributes", "order_discounts", *_MONEY),
    ),
    Metric(
        "cost_of_harm",
        "What harm costs, where priced",
        "The cost of the period's complaints, of those who left the list, of messages without a consent that held and of the "
        "revenue after them, each times the price you set for one; below zero, since it is a cost.",
        "−Σ number × price, over the parts that have a price",
        "the reporting currency",
        cost_of_harm,
        number="143",
        edge_cases="A part without a price in [ethics] prices is told as a number and adds nothing: null, not_priced. Leaving "
        "the list has the price of [costs] subscriber_value where no other is set. What fewer than suppress_n people did is "
        "hidden and not in the sum. Prices are yours, so is the sum.",
        data=("touchpoints", "consents", "consent_changes", *_MONEY),
    ),
)
