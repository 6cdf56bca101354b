"""Who is offered what, and whom the systems know: discounts, prices paid, and the match of people between systems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import counts, intervals, rules
from persync.measure.fairness.averages import Sample, averages, ratio_sample
from persync.measure.fairness.groups import Groups
from persync.measure.fairness.parities import rates
from persync.measure.metric import Ask
from persync.measure.texts import bounds, join, piece, run
from persync.money import exponent

Row = Mapping[str, Any]

NO_DISCOUNTS: Final = "no_discounts"
NO_LINES: Final = "no_lines"
NO_SHIPPING: Final = "no_shipping"
OFFERED: Final = "offered_rate"
OFFERS: Final = ("offer_value", "discount_share", "free_shipping_share", "price_paid")
_RATIOS: Final = {"given": "listed", "paid": "pieces", "free": "orders"}
"""{what a kind of offer adds up, which is its name: what it is held against}"""


def offers(engine: Engine, groups: Groups, ask: Ask) -> list[Estimate]:
    """Return by group who was offered a discount at all (`offered_rate`, of the customers of the period), what was given a
    customer (`offer_value`), the discount share (discounts over what was paid and discounted), the share of orders sent for
    nothing (more is better of all four) and the price paid a piece (less is better); ratios are clustered by customer.

    Paid is gross whatever the basis: what the customer pays, tax and shipping among it, for a tax that differs from country
    to country is no price that anybody set. Gift cards and deals are left out, and from the price an order of whose lines one
    does not tell its pieces. Nothing where nobody bought; null with the reason without discounts, where no order was charged
    for shipping, without lines of orders, or in several currencies.
    """
    by = {"attribute": groups.title}
    build_orders(engine)
    summed = ", ".join(counts.sums(y, x, of="c", prefix=f"{y}_") for y, x in _RATIOS.items())
    read = piece("offers_by_group_read").replace("/*sums*/,\n", f"{summed},\n")
    texts = (piece("order_money"), piece("offers_by_group"), groups.text, read)
    params = {**groups.params, **bounds(ask.period), "gross": 1}
    rows = run(engine, join(*texts), params)
    if not rows:
        return []
    currency = rules.one_currency([row[end] for row in rows for end in ("currency_low", "currency_high")])
    if currency is None:
        return [rules.absent(id, rules.MIXED_CURRENCIES, by) for id in (OFFERED, *OFFERS)]
    hide = groups.hidden([{row["name"]: int(row[key]) for row in rows} for key in ("people", "buyers")], ask)
    is_charged = any(float(row["free_y"]) < float(row["free_x"]) for row in rows)
    scale = 10.0 ** exponent(currency)
    if any(row["receivers"] for row in rows):
        cells = {row["name"]: (int(row["receivers"]), int(row["people"])) for row in rows}
        values = {row["name"]: _given([row], scale) for row in rows}
        out = rates("offered", cells, hide, ask, by, spread="offered_parity").estimates()
        out += averages("offer_value", _given(rows, scale), values, hide, ask, by, unit=currency).estimates()
    else:
        out = [rules.absent(OFFERED, NO_DISCOUNTS, by, unit="share"), rules.absent(OFFERS[0], NO_DISCOUNTS, by, unit=currency)]
    for id, kind, any_of, reason, is_known in (
        ("discount_share", "given", "receivers", NO_DISCOUNTS, any(row["receivers"] for row in rows)),
        ("free_shipping_share", "free", "free_receivers", NO_SHIPPING, is_charged),
    ):
        if not is_known:
            out.append(rules.absent(id, reason, by, unit="share"))
            continue
        samples = {row["name"]: _sample([row], kind, "people", any_of) for row in rows}
        out += averages(id, _sample(rows, kind, "people", any_of), samples, hide, ask, by, unit="share").estimates()
    if not any(row["buyers"] for row in rows):
        return [*out, rules.absent("price_paid", NO_LINES, by, unit=currency)]
    samples = {row["name"]: _sample([row], "paid", "buyers", "buyers", scale) for row in rows}
    whole = _sample(rows, "paid", "buyers", "buyers", scale)
    return [*out, *averages("price_paid", whole, samples, hide, ask, by, unit=currency).estimates()]


def _sample(rows: Sequence[Row], kind: str, people: str, any_of: str, scale: float = 1.0) -> Sample | None:
    y, x, yy, xx, xy = (sum(float(row[f"{kind}_{name}"]) for row in rows) for name in counts.SUMS)
    n, events = (sum(int(row[key]) for row in rows) for key in (people, any_of))
    return ratio_sample(n, (y / scale, x, yy / scale**2, xx, xy / scale), events)


def _given(rows: Sequence[Row], scale: float) -> Sample:
    """Return the mean of what customers were spared, in major units."""
    people, receivers = (sum(int(row[key]) for row in rows) for key in ("people", "receivers"))
    total, squares = (sum(float(row[key]) for row in rows) for key in ("given_y", "given_yy"))
    return Sample(intervals.moments(people, total / scale, squares / scale**2), receivers)


def identity(engine: Engine, groups: Groups, ask: Ask) -> list[Estimate]:
    """Return the share of each group's people that more than one system knows (`matched_rate`): whoever is not matched is
    measured worse. Nothing where one system alone has people."""
    systems = run(engine, "SELECT COUNT(DISTINCT c.connection) AS n FROM contacts AS c", {})
    if int(systems[0]["n"]) < 2:
        return []
    rows = run(engine, join(piece("identity"), groups.text, piece("known_by_group")), groups.params)
    cells = {row["name"]: (int(row["matched"]), int(row["people"])) for row in rows}
    hide = groups.hidden([{name: n for name, (_, n) in cells.items()}], ask)
    by = {"attribute": groups.title}
    return rates("matched", cells, hide, ask, by, spread="matched_parity").estimates() if cells else []
