"""Orders of the business, and what may happen to one."""

from __future__ import annotations

from converge.moments import HOUR
from converge.vendors import Business
from persync.sandbox.world import LedgerEvent, Line, SandboxOrder, SandboxPerson, Visit
from persync_shopify.sandbox_more import Gone

SHOP = "https://tea.example.com"


WARES = (("Teapot", "POT", 4900, 1900), ("Cup", "CUP", 1900, 520), ("Tin", "TIN", 2400, 800))


def make_line(order: str, at: int, ware: int) -> Line:
    title, sku, price, cost = WARES[ware]
    return Line(f"{order}{at}", title, sku, 1, price, 0, price * 19 // 119, cost, current_quantity=1)


def _post(order: SandboxOrder, at: int, reason: str, action: str, kind: str, total: int, line: Line | None = None) -> None:
    number = len(order.ledger) + 1
    last = order.ledger[-1] if order.ledger else None
    same = last is not None and (last.at, last.reason) == (at, reason)
    agreement = last.agreement if last is not None and same else f"{order.id}{number:02}"
    quantity = None if line is None else (-1 if total < 0 else 1)
    tax = total * 19 // 119
    order.ledger.append(
        LedgerEvent(
            f"{order.id}{number:02}",
            agreement,
            at,
            reason,
            action,
            kind,
            total,
            tax,
            quantity,
            None if line is None else line.id,
        )
    )


def _touch(person: SandboxPerson | None, now: int) -> None:
    """A platform notes what happened to a customer by changing their record."""
    if person is not None:
        person.updated_at = now


def place_order(business: Business, person: int | None, a: int) -> SandboxOrder:
    world, now = business.world, business.world.now
    number = str(560_000 + business.sales * 10)
    business.sales += 1
    order = SandboxOrder(number, f"#{number}", person, now, now, now)
    order.source_name = ("web", "pos")[a % 5 == 4]
    order.is_test = a % 7 == 6
    order.discount_codes = ("TEA10",) if a % 3 == 2 else ()
    order.email = f"guest{number}@example.com" if person is None else None
    order.lines = [make_line(number, 0, a % len(WARES))]
    line = order.lines[0]
    _post(order, now, "ORDER", "ORDER", "PRODUCT", line.unit_price_minor, line)
    if a % 2:
        _post(order, now, "ORDER", "ORDER", "SHIPPING", 490)
    campaign = f"{a % 2 + 1:010x}"
    order.visits = [Visit(f"{number}1", now - HOUR, f"{SHOP}/?mc_cid={campaign}", "email", "NEWSLETTER")] if a % 3 == 1 else []
    world.orders.append(order)
    _touch(world.people.get(person or 0), now)
    return order


def copy_id(order: SandboxOrder) -> str:
    return str(610_000_000 + int(order.id))


def _pick(business: Business, a: int) -> SandboxOrder | None:
    orders = business.world.orders
    return orders[a % len(orders)] if orders else None


def _changed(business: Business, order: SandboxOrder) -> bool:
    order.updated_at = business.world.now
    _touch(business.world.people.get(order.person or 0), business.world.now)
    return True


def lose_record(business: Business, connection: str, thing: str, number: str) -> None:
    business.gone[connection, thing, number] = business.world.now


def buy(business: Business, a: int, b: int) -> bool:
    people = [None, *sorted(business.world.people)]
    order = place_order(business, people[a % len(people)], b)
    if b % 3 == 0:
        order.in_hubspot = copy_id(order)
    return True


def refund(business: Business, a: int, b: int) -> bool:
    order = _pick(business, a)
    if order is None or order.total_minor() <= 0:
        return False
    total = order.total_minor()
    if b % 3 == 0:
        _post(order, business.world.now, "REFUND", "RETURN", "PRODUCT", -total, order.lines[0])
        order.lines[0].current_quantity = 0
    else:
        _post(order, business.world.now, "REFUND", "RETURN", "ADJUSTMENT", -min(total, 100 * (1 + b % 5)))
    order.financial_status = "REFUNDED" if order.total_minor() == 0 else "PARTIALLY_REFUNDED"
    return _changed(business, order)


def edit(business: Business, a: int, b: int) -> bool:
    order = _pick(business, a)
    if order is None or order.cancelled_at is not None or len(order.lines) > 4 or order.in_hubspot is not None:
        return False  # a shop's plugin copies an order's lines to HubSpot once
    line = make_line(order.id, len(order.lines), b % len(WARES))
    order.lines.append(line)
    _post(order, business.world.now, "ORDER_EDIT", "ORDER", "PRODUCT", line.unit_price_minor, line)
    return _changed(business, order)


def cancel(business: Business, a: int, b: int) -> bool:
    order = _pick(business, a)
    if order is None or order.cancelled_at is not None:
        return False
    order.cancelled_at, order.cancel_reason = business.world.now, "CUSTOMER"
    return _changed(business, order)


def drop_order(business: Business, a: int, b: int) -> bool:
    world = business.world
    if len(world.orders) < 2:
        return False
    order = world.orders.pop(1 + a % (len(world.orders) - 1))
    # Shopify tells of it as an event; a copy in HubSpot, or in Mailchimp, goes without a word.
    business.shop_gone.append(Gone("ORDER", order.id, world.now))
    lose_record(business, "shopify", "order", order.id)
    if order.in_hubspot is not None:
        lose_record(business, "hubspot", "order", order.in_hubspot)
        lose_record(business, "hubspot", "cart", str(500_000_000_000 + int(order.id)))
    for visit in order.visits:
        lose_record(business, "shopify", "visit", str(visit.at))
    for connection in ("mailchimp", "shopify") if order.email else ():
        business.strangers.add((connection, order.email or ""))
    _touch(world.people.get(order.person or 0), world.now)
    return True
