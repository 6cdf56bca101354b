"""What the demo shop sold: carts, discounts, tax, refunds, exchanges, and the ledger that holds them to the cent."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import accumulate
from random import Random

from persync.sandbox.people import DAY, HOUR
from persync.sandbox.world import LedgerEvent, Line, SandboxOrder

__all__ = ["Calendar", "make_order", "net_minor", "number_orders"]

_MINUTE = 60_000
# title, sku, price with tax, cost
_PRODUCTS = (
    ("Storm lantern", "LAN-01", 4900, 1900),
    ("Table lantern", "LAN-02", 3900, 1450),
    ("Paper lantern", "LAN-03", 1900, 520),
    ("Wool blanket", "BLA-01", 7900, 3400),
    ("Cotton throw", "BLA-02", 4500, 1700),
    ("Felt slippers", "BLA-03", 3500, 1300),
    ("Seed box", "GAR-01", 2400, 800),
    ("Hand trowel", "GAR-02", 2900, 1100),
    ("Watering can", "GAR-03", 4200, 1750),
    ("Beeswax candles", "GIF-01", 2200, 690),
    ("Tea set", "GIF-02", 5900, 2300),
    ("Letter paper", "GIF-03", 1600, 450),
)
_TAX_PERCENT = {"DE": 19, "AT": 20, "NL": 21, "FR": 20, "CH": 0}
# orders of a month against the mean month, January first
_SEASON = (0.8, 0.8, 0.9, 0.9, 0.9, 0.8, 0.8, 1.0, 1.0, 1.0, 1.5, 1.6)


class Calendar:
    """When people shop. Times are epoch milliseconds UTC.

    Purchases fall between 05:00 and 20:00 UTC, a few near midnight. Around `begins` and before `now` there are none near
    midnight, so that the experiment's window holds the same orders whether its days are counted in UTC or in shop time.
    """

    def __init__(self, start: int, begins: int, now: int) -> None:
        self.start, self.begins, self.now = start, begins, now
        self._days = list(range(start, now - DAY // 2, DAY))
        weights = (_SEASON[datetime.fromtimestamp(day / 1000, UTC).month - 1] for day in self._days)
        self._steps = list(accumulate(weights))

    def moment(self, rng: Random) -> int:
        """Draw a time between start and now."""
        day = self._days[min(bisect(self._steps, rng.random() * self._steps[-1]), len(self._days) - 1)]
        return self._on(rng, day)

    def after(self, rng: Random, sent_at: int) -> int:
        """Draw a time within four days after a message, and before now."""
        at = sent_at + int(min(rng.expovariate(1 / 20), 96.0) * HOUR) + 5 * _MINUTE
        hour = at % DAY // HOUR
        if not 5 <= hour < 20:
            at = at - at % DAY + (DAY if hour >= 20 else 0) + 6 * HOUR + rng.randrange(8 * HOUR)
        return min(at, self.now - 5 * HOUR - rng.randrange(4 * HOUR)) // 1000 * 1000

    def _on(self, rng: Random, day: int) -> int:
        late = rng.random() < 0.02 and day + DAY not in (self.begins, self.now) and day != self.begins
        at = day + (21 * HOUR + rng.randrange(3 * HOUR - 1000) if late else 5 * HOUR + rng.randrange(15 * HOUR))
        return at // 1000 * 1000

    def refund_moment(self, rng: Random, ordered_at: int) -> int | None:
        """Draw when an order is refunded, on its own side of the experiment's first day; None when there is no time left."""
        latest = (self.begins if ordered_at < self.begins else self.now) - 3 * HOUR
        at = ordered_at + 2 * DAY + int(rng.expovariate(1 / 12) * DAY)
        at -= at % 1000
        return at if at < latest else None


def net_minor(order: SandboxOrder) -> int:
    """Return what an order left the shop: products and adjustments, without tax, after refunds."""
    return sum(event.total_minor - event.tax_minor for event in order.ledger if event.line_type in ("PRODUCT", "ADJUSTMENT"))


def make_order(rng: Random, calendar: Calendar, person: int | None, country: str, at: int) -> SandboxOrder:
    """Draw an order with its whole later history. Ids are local to the order until `number_orders` has run."""
    order = SandboxOrder(id="", name="", person=person, created_at=at, processed_at=at, updated_at=at + 2 * _MINUTE)
    kind = rng.random()
    if kind < 0.06:
        order.source_name = "pos"
    elif kind < 0.065:
        order.source_name = "shopify_draft_order"
    percent = _TAX_PERCENT[country]
    _fill_cart(rng, order, percent)
    fate = rng.random()
    later = calendar.refund_moment(rng, at)
    if later is not None and fate < 0.10:
        if fate < 0.015:
            _refund(order, order.lines, at + 3 * HOUR, "REFUND", shipping=True)
            order.cancelled_at, order.cancel_reason = at + 3 * HOUR, "CUSTOMER"
        elif fate < 0.04:
            _refund(order, order.lines, later, "REFUND", shipping=True)
        elif fate < 0.08:
            _refund(order, order.lines[:1], later, "RETURN", shipping=False)
        elif fate < 0.09:
            _goodwill(order, later)
        else:
            _exchange(rng, order, later, percent)
    return order


def _fill_cart(rng: Random, order: SandboxOrder, percent: int) -> None:
    discount = 10 if rng.random() < 0.12 else 0
    if discount:
        order.discount_codes = (rng.choice(("WELCOME10", "SAVE10")),)
    for title, sku, price, cost in rng.sample(_PRODUCTS, rng.choices((1, 2, 3), (55, 32, 13))[0]):
        quantity = rng.choices((1, 2), (88, 12))[0]
        off = price * quantity * discount // 100
        tax = _tax_in(price * quantity - off, percent)
        order.lines.append(Line(str(len(order.lines) + 1), title, sku, quantity, price, off, tax, cost))
    if rng.random() < 0.012:
        value = rng.choice((2500, 5000))
        order.lines.append(Line(str(len(order.lines) + 1), "Gift card", "", 1, value, is_gift_card=True))
    for line in order.lines:
        line.current_quantity = line.quantity
        total = line.unit_price_minor * line.quantity - line.discount_minor
        _post(
            order,
            order.created_at,
            "ORDER",
            "ORDER",
            "GIFT_CARD" if line.is_gift_card else "PRODUCT",
            total,
            line.tax_minor,
            line,
        )
    goods = sum(event.total_minor for event in order.ledger)
    if order.source_name != "pos" and goods < 8000:
        _post(order, order.created_at, "ORDER", "ORDER", "SHIPPING", 490, _tax_in(490, percent))
    if rng.random() < 0.02:
        _post(order, order.created_at, "ORDER", "ORDER", "TIP", rng.choice((100, 200, 300)), 0)


def _refund(order: SandboxOrder, lines: Iterable[Line], at: int, reason: str, *, shipping: bool) -> None:
    for line in list(lines):
        total = line.unit_price_minor * line.quantity - line.discount_minor
        _post(
            order,
            at,
            reason,
            "RETURN",
            "GIFT_CARD" if line.is_gift_card else "PRODUCT",
            -total,
            -line.tax_minor,
            line,
            -line.quantity,
        )
        line.current_quantity = 0
    if shipping:
        for event in [event for event in order.ledger if event.line_type in ("SHIPPING", "TIP")]:
            _post(order, at, reason, "RETURN", event.line_type, -event.total_minor, -event.tax_minor)
    order.financial_status = "REFUNDED" if order.total_minor() == 0 else "PARTIALLY_REFUNDED"
    order.updated_at = max(order.updated_at, at + _MINUTE)


def _goodwill(order: SandboxOrder, at: int) -> None:
    _post(order, at, "REFUND", "RETURN", "ADJUSTMENT", -500, 0)
    order.financial_status = "PARTIALLY_REFUNDED"
    order.updated_at = at + _MINUTE


def _exchange(rng: Random, order: SandboxOrder, at: int, percent: int) -> None:
    old = order.lines[0]
    title, sku, price, cost = rng.choice([product for product in _PRODUCTS if product[0] != old.title])
    tax = _tax_in(price * old.quantity, percent)
    new = Line(str(len(order.lines) + 1), title, sku, old.quantity, price, 0, tax, cost, current_quantity=old.quantity)
    back = old.unit_price_minor * old.quantity - old.discount_minor
    _post(order, at, "ORDER_EDIT", "UPDATE", "PRODUCT", -back, -old.tax_minor, old, -old.quantity)
    _post(order, at, "ORDER_EDIT", "UPDATE", "PRODUCT", price * old.quantity, new.tax_minor, new)
    old.current_quantity = 0
    order.lines.append(new)
    order.updated_at = at + _MINUTE


def _tax_in(total: int, percent: int) -> int:
    """Return the tax inside a price that includes it, rounded half up."""
    return (2 * total * percent + 100 + percent) // (2 * (100 + percent))


def _post(
    order: SandboxOrder,
    at: int,
    reason: str,
    action: str,
    line_type: str,
    total: int,
    tax: int,
    line: Line | None = None,
    quantity: int | None = None,
) -> None:
    if order.ledger and order.ledger[-1].at == at:
        agreement = order.ledger[-1].agreement
    else:
        agreement = str(len({event.agreement for event in order.ledger}) + 1)
    if line is not None and quantity is None:
        quantity = line.quantity
    identity = str(len(order.ledger) + 1)
    order.ledger.append(
        LedgerEvent(
            identity, agreement, at, reason, action, line_type, total, tax, quantity, line.id if line is not None else None
        )
    )


def number_orders(orders: list[SandboxOrder], first: int = 1001) -> None:
    """Put orders into the order of their making and give them their names and ids: #1001, #1002 ..."""
    orders.sort(key=lambda order: (order.created_at, order.person or 0, order.email or ""))
    for index, order in enumerate(orders):
        order.id = str(5_610_000_000_000 + index * 32_771)
        order.name = f"#{first + index}"
        for visit in order.visits:
            visit.id = str(8_800_000_000 + index * 50 + int(visit.id))
        lines = {line.id: str(14_020_000_000_000 + (index * 20 + int(line.id)) * 97) for line in order.lines}
        for line in order.lines:
            line.id = lines[line.id]
        for event in order.ledger:
            event.id = str(40_100_000_000 + (index * 60 + int(event.id)) * 13)
            event.agreement = str(9_200_000_000 + (index * 10 + int(event.agreement)) * 7)
            event.line_id = lines[event.line_id] if event.line_id is not None else None
