"""A business of a handful of people, orders and campaigns, and what may happen to it.

Every change moves what the vendor itself would move with it: the dates by which "changed since" finds a record, a
campaign's counters, a customer's sums. Nothing is drawn here: two numbers say which thing and how, so that a history can be
told, repeated and shortened.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

from converge.vendors import Business
from persync.sandbox.world import Click, LedgerEvent, Line, Message, Open, SandboxOrder, SandboxPerson, Send, Visit, World
from persync_shopify.sandbox_more import Gone

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
BEGIN = 1_767_225_600_000
"""2026-01-01T00:00:00Z"""
LIST = "0a1b2c3d4e"
GUID = "6b1f0c52-8a7e-4d0a-9a56-0c5f7b1d2e31"
SHOP = "https://tea.example.com"
WARES = (("Teapot", "POT", 4900, 1900), ("Cup", "CUP", 1900, 520), ("Tin", "TIN", 2400, 800))
STAGES = ("appointmentscheduled", "qualifiedtobuy", "closedwon", "closedlost")

_NEWCOMERS = [n for n in range(20, 400) if n % 8 != 1 and n % 6 != 5 and n % 17 != 3 and n % 3 != 0]
"""numbers of people who come later: those of whom an imitation makes up nothing that depends on the hour of asking"""


def make_business() -> Business:
    """Return the business as it begins: five people, four orders, a deal, two campaigns of each platform."""
    people = {number: _person(number, BEGIN - 300 * DAY + number * HOUR) for number in range(1, 6)}
    people[4].mailchimp_id = people[4].hubspot_id = None
    people[5].shopify_id = None
    people[2].status, people[2].status_changed_at = "unsubscribed", BEGIN - 90 * DAY
    world = World(
        name="tea",
        seed=1,
        now=BEGIN,
        currency="EUR",
        timezone="Europe/Vienna",
        shop_domain="tea.myshopify.com",
        shop_name="Tea",
        list_id=LIST,
        list_name="Tea letters",
        people=people,
        messages=[],
        orders=[],
        secret="00ff00ff00ff00ff",
        merge_field_types={"COUNTRY": "text"},
        attributes={"mailchimp": {"country": "consent"}, "shopify": {"country": "consent"}, "hubspot": {"country": "consent"}},
    )
    business = Business(world)
    for number, person in enumerate((1, 3, 4, None)):
        world.now = BEGIN - (40 - 9 * number) * DAY
        _order(business, person, number)
    world.orders[0].in_hubspot = _copy_id(world.orders[0])
    # The first order names every ware, so that none of them comes or goes with the others.
    world.orders[0].lines = [_line(world.orders[0].id, at, sku) for at, sku in enumerate(range(len(WARES)))]
    for number in range(2):
        world.now = BEGIN - (30 - 8 * number) * DAY
        _send_mailchimp(business, number)
        _send_hubspot(business, number)
    world.hubspot_campaigns.append(
        {
            "guid": GUID,
            "name": "Trade",
            "start": BEGIN - 100 * DAY,
            "end": BEGIN + 100 * DAY,
            "spend_minor": 5000,
            "revenue": {"LINEAR": 1000},
            "deals": 1,
        }
    )
    _open_deal(business, 0)
    world.now = BEGIN
    return business


def _person(number: int, at: int) -> SandboxPerson:
    return SandboxPerson(
        number=number,
        email=f"p{number}@example.com",
        first_name="Ann",
        last_name="Example",
        country=("AT", "DE")[number % 2],
        language=("de", "en")[number % 2],
        age_band="30-44",
        created_at=at,
        updated_at=at,
        mailchimp_id=hashlib.md5(f"contact:{number}".encode(), usedforsecurity=False).hexdigest(),
        hubspot_id=str(3000 + number),
        shopify_id=str(7000 + number),
        confirmed_opt_in=number % 2 == 1,
        tags=("vip",) if number % 2 else (),
        merge_fields={"COUNTRY": "AT"},
        stage_dates={"subscriber": at},
    )


# -- the shop -----------------------------------------------------------------------------------------------------------


def _line(order: str, at: int, ware: int) -> Line:
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


def _order(business: Business, person: int | None, a: int) -> SandboxOrder:
    world, now = business.world, business.world.now
    number = str(560_000 + business.sales * 10)
    business.sales += 1
    order = SandboxOrder(number, f"#{number}", person, now, now, now)
    order.source_name = ("web", "pos")[a % 5 == 4]
    order.is_test = a % 7 == 6
    order.discount_codes = ("TEA10",) if a % 3 == 2 else ()
    order.email = f"guest{number}@example.com" if person is None else None
    order.lines = [_line(number, 0, a % len(WARES))]
    line = order.lines[0]
    _post(order, now, "ORDER", "ORDER", "PRODUCT", line.unit_price_minor, line)
    if a % 2:
        _post(order, now, "ORDER", "ORDER", "SHIPPING", 490)
    campaign = f"{a % 2 + 1:010x}"
    order.visits = [Visit(f"{number}1", now - HOUR, f"{SHOP}/?mc_cid={campaign}", "email", "NEWSLETTER")] if a % 3 == 1 else []
    world.orders.append(order)
    _touch(world.people.get(person or 0), now)
    return order


def _copy_id(order: SandboxOrder) -> str:
    return str(610_000_000 + int(order.id))


def _buy(business: Business, a: int, b: int) -> bool:
    people = [None, *sorted(business.world.people)]
    order = _order(business, people[a % len(people)], b)
    if b % 3 == 0:
        order.in_hubspot = _copy_id(order)
    return True


def _pick(business: Business, a: int) -> SandboxOrder | None:
    orders = business.world.orders
    return orders[a % len(orders)] if orders else None


def _changed(business: Business, order: SandboxOrder) -> bool:
    order.updated_at = business.world.now
    _touch(business.world.people.get(order.person or 0), business.world.now)
    return True


def _refund(business: Business, a: int, b: int) -> bool:
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


def _edit(business: Business, a: int, b: int) -> bool:
    order = _pick(business, a)
    if order is None or order.cancelled_at is not None or len(order.lines) > 4 or order.in_hubspot is not None:
        return False  # a shop's plugin copies an order's lines to HubSpot once
    line = _line(order.id, len(order.lines), b % len(WARES))
    order.lines.append(line)
    _post(order, business.world.now, "ORDER_EDIT", "ORDER", "PRODUCT", line.unit_price_minor, line)
    return _changed(business, order)


def _cancel(business: Business, a: int, b: int) -> bool:
    order = _pick(business, a)
    if order is None or order.cancelled_at is not None:
        return False
    order.cancelled_at, order.cancel_reason = business.world.now, "CUSTOMER"
    return _changed(business, order)


def _drop_order(business: Business, a: int, b: int) -> bool:
    world = business.world
    if len(world.orders) < 2:
        return False
    order = world.orders.pop(1 + a % (len(world.orders) - 1))
    # Shopify tells of it as an event; a copy in HubSpot, or in Mailchimp, goes without a word.
    business.shop_gone.append(Gone("ORDER", order.id, world.now))
    _lost(business, "shopify", "order", order.id)
    if order.in_hubspot is not None:
        _lost(business, "hubspot", "order", order.in_hubspot)
        _lost(business, "hubspot", "cart", str(500_000_000_000 + int(order.id)))
    for visit in order.visits:
        _lost(business, "shopify", "visit", str(visit.at))
    for connection in ("mailchimp", "shopify") if order.email else ():
        business.strangers.add((connection, order.email or ""))
    _touch(world.people.get(order.person or 0), world.now)
    return True


def _lost(business: Business, connection: str, thing: str, number: str) -> None:
    business.gone[connection, thing, number] = business.world.now


# -- people -------------------------------------------------------------------------------------------------------------


def _join(business: Business, a: int, b: int) -> bool:
    world = business.world
    number = next(n for n in _NEWCOMERS if n not in world.people)
    person = _person(number, world.now)
    person.mailchimp_id = person.mailchimp_id if a % 3 != 1 else None
    person.hubspot_id = person.hubspot_id if a % 3 != 2 else None
    person.shopify_id = person.shopify_id if b % 2 else None
    world.people[number] = person
    return True


def _someone(business: Business, a: int) -> SandboxPerson:
    people = sorted(business.world.people)
    return business.world.people[people[a % len(people)]]


def _consent(business: Business, a: int, b: int) -> bool:
    person, now = _someone(business, a), business.world.now
    person.status = ("subscribed", "unsubscribed", "subscribed", "unsubscribed", "pending", "cleaned", "archived")[b % 7]
    if person.status == "archived" and person.mailchimp_id is None:
        person.status = "unsubscribed"  # a contact that HubSpot alone knows would be one of its deleted ones
    person.status_changed_at = person.updated_at = now
    return True


def _retag(business: Business, a: int, b: int) -> bool:
    person = _someone(business, a)
    person.tags = ((), ("vip",), ("tea",), ("tea", "vip"))[b % 4]
    person.updated_at = business.world.now
    return True


def _move(business: Business, a: int, b: int) -> bool:
    person = _someone(business, a)
    person.country = ("AT", "DE", "CH")[b % 3]
    person.merge_fields = {"COUNTRY": person.country}
    person.updated_at = business.world.now
    return True


def _stage(business: Business, a: int, b: int) -> bool:
    person, now = _someone(business, a), business.world.now
    stage = ("lead", "customer")[b % 2]
    person.lifecycle = stage
    person.stage_dates.setdefault(stage, now)
    person.updated_at = now
    return True


def _merge_contacts(business: Business, a: int, b: int) -> bool:
    archived = business.archived.get("contacts", {})
    people = [person for _, person in sorted(business.world.people.items())]
    known = [person for person in people if person.hubspot_id is not None and int(person.hubspot_id) not in archived]
    if len(known) < 2:
        return False
    survivor, loser = known[a % len(known)], known[b % len(known)]
    if survivor is loser:
        return False
    survivor.hubspot_merged_ids = (*survivor.hubspot_merged_ids, loser.hubspot_id or "", *loser.hubspot_merged_ids)
    survivor.hubspot_other_emails = (*survivor.hubspot_other_emails, loser.email, *loser.hubspot_other_emails)
    survivor.updated_at = business.world.now
    _lose_contact(business, loser)
    return True


def _lose_contact(business: Business, person: SandboxPerson) -> None:
    """A contact is in no list of HubSpot's any more, nor is what the imitation made of it."""
    _lost(business, "hubspot", "contact", person.hubspot_id or "")
    business.strangers |= {("hubspot", address) for address in (person.email, *person.hubspot_other_emails)}
    for number, thing, derived in ((1, "ticket", "770000000001"), (3, "company", "60000000000"), (5, "cart", "520000000005")):
        if person.number == number:
            _lost(business, "hubspot", thing, derived)
    person.hubspot_id, person.hubspot_merged_ids, person.hubspot_other_emails = None, (), ()


def _merge_customers(business: Business, a: int, b: int) -> bool:
    gone = {each.number for each in business.shop_gone if each.subject == "CUSTOMER"}
    ids = [p.shopify_id for _, p in sorted(business.world.people.items()) if p.shopify_id and p.shopify_id not in gone]
    ids = [one for one in ids if one not in business.shop_merged]
    if len(ids) < 2:
        return False
    survivor, loser = ids[a % len(ids)], ids[b % len(ids)]
    if survivor == loser:
        return False
    for one, into in list(business.shop_merged.items()):
        if into == loser:
            business.shop_merged[one] = survivor
    business.shop_merged[loser] = survivor
    _lost(business, "shopify", "contact", loser)
    now = business.world.now
    for person in business.world.people.values():
        if person.shopify_id == loser:
            business.strangers.add(("shopify", person.email))
        # Whoever was merged into the loser before belongs to the survivor now, too.
        if person.shopify_id and business.shop_merged.get(person.shopify_id, person.shopify_id) == survivor:
            person.updated_at = now
            for order in business.world.orders:
                if order.person == person.number:
                    order.updated_at = now
    return True


def _leave(business: Business, a: int, b: int) -> bool:
    """Somebody is deleted on one platform."""
    person, world = _someone(business, a), business.world
    archived = business.archived.setdefault("contacts", {})
    if b % 4 == 0 and person.mailchimp_id:
        _lost(business, "mailchimp", "contact", person.mailchimp_id)
        business.strangers.add(("mailchimp", person.email))
        person.mailchimp_id = None
        if person.status == "archived":
            # Mailchimp's archive is left with it; a contact that HubSpot alone knows would be one of its deleted ones.
            person.status, person.status_changed_at, person.updated_at = "unsubscribed", world.now, world.now
    elif b % 4 == 1 and person.hubspot_id and int(person.hubspot_id) not in archived:
        _lost(business, "hubspot", "contact", person.hubspot_id)
        business.strangers |= {("hubspot", address) for address in (person.email, *person.hubspot_other_emails)}
        archived[int(person.hubspot_id)] = world.now
    elif b % 4 == 2 and person.hubspot_id:
        archived.pop(int(person.hubspot_id), None)
        _lose_contact(business, person)
    elif b % 4 == 3 and person.shopify_id and not any(order.person == person.number for order in world.orders):
        if person.shopify_id in {*business.shop_merged, *business.shop_merged.values()}:
            return False
        business.shop_gone.append(Gone("CUSTOMER", person.shopify_id, world.now))
        _lost(business, "shopify", "contact", person.shopify_id)
        business.strangers.add(("shopify", person.email))
        person.shopify_id = None
    else:
        return False
    return True


def _restore(business: Business, a: int, b: int) -> bool:
    """A deleted contact is taken back from HubSpot's bin."""
    archived = business.archived.get("contacts", {})
    found = [p for _, p in sorted(business.world.people.items()) if p.hubspot_id and int(p.hubspot_id) in archived]
    if not found:
        return False
    person = found[a % len(found)]
    del archived[int(person.hubspot_id or 0)]
    del business.gone["hubspot", "contact", person.hubspot_id or ""]
    business.strangers.discard(("hubspot", person.email))
    person.updated_at = business.world.now
    return True


# -- mail ---------------------------------------------------------------------------------------------------------------


def _sends(business: Business, platform: str, b: int) -> list[Send]:
    now = business.world.now
    found = []
    for index, (number, person) in enumerate(sorted(business.world.people.items())):
        known = person.mailchimp_id if platform == "mailchimp" else person.hubspot_id
        if known is None or person.status not in ("subscribed", "pending"):
            continue
        status = "soft" if (index + b) % 5 == 4 else "sent"
        found.append(Send(number, now, status))
        person.updated_at = now
    return found


def _send_mailchimp(business: Business, b: int) -> bool:
    world = business.world
    business.letters += 1
    number = business.letters
    kind = ("regular", "regular", "absplit")[b % 3]
    message = Message(
        "mailchimp",
        f"{number:010x}",
        f"Letter {number}",
        "News, *|FNAME|*",
        f"<p>Hello *|FNAME|*, number {number}</p>",
        kind,
        world.now,
        world.now,
        1,
        sends=_sends(business, "mailchimp", b),
    )
    if kind == "absplit":
        for index, send in enumerate(message.sends):
            send.variant = "ab"[index % 2]
    world.messages.append(message)
    return True


def _send_hubspot(business: Business, b: int) -> bool:
    world = business.world
    number = sum(message.platform == "hubspot" for message in world.messages) + 1
    kind = ("BATCH_EMAIL", "AUTOMATED_EMAIL")[b % 2]
    message = Message(
        "hubspot",
        str(90_000 + number),
        f"Mail {number}",
        "News",
        "<p>Hello {{ contact.firstname }}</p>",
        kind,
        world.now,
        world.now,
        1,
        email_campaign_ids=(str(70_000 + number),),
        campaign_guid=GUID if b % 3 == 0 else None,
        sends=_sends(business, "hubspot", b),
    )
    world.messages.append(message)
    return True


def _react(business: Business, a: int, b: int) -> bool:
    """Somebody opens, clicks, leaves or complains; the platform may tell of it only hours after it happened."""
    alive = [message for message in business.world.messages if message.deleted_at is None and message.sends]
    if not alive:
        return False
    message = alive[a % len(alive)]
    reached = [send for send in message.sends if send.status == "sent"]
    if not reached:
        return False
    send = reached[b % len(reached)]
    at = max(send.at + MINUTE, business.world.now - (b % 4) * 5 * HOUR)
    if at > business.world.now:
        return False
    kind = (a // 7 + b) % 6
    if kind in (0, 1):
        send.opens.append(Open(at, kind == 1))
    elif kind in (2, 3):
        send.clicks.append(Click(at, f"{SHOP}/p/{b % 2}"))
    elif kind == 4 and send.unsubscribed_at is None:
        send.unsubscribed_at = at
        person = business.world.people[send.person]
        # Told late: what they have said since stands, and its date does not go back.
        if person.status_changed_at is None or person.status_changed_at <= at:
            person.status, person.status_changed_at, person.updated_at = "unsubscribed", at, business.world.now
    elif kind == 5 and send.complained_at is None:
        send.complained_at = at
    else:
        return False
    message.claimed_orders += 1
    message.claimed_minor += 700
    return True


def _withdraw(business: Business, a: int, b: int) -> bool:
    """A campaign is deleted."""
    alive = [message for message in business.world.messages if message.deleted_at is None]
    if len(alive) < 2:
        return False
    message = alive[a % len(alive)]
    if message.platform == "hubspot":
        message.deleted_at = business.world.now
        _lost(business, "hubspot", "campaign", message.id)
    else:
        _lost(business, "mailchimp", "campaign", message.id)
        business.world.messages.remove(message)
    return True


# -- deals --------------------------------------------------------------------------------------------------------------


def _open_deal(business: Business, a: int) -> bool:
    world, now = business.world, business.world.now
    contacts = [number for number, person in sorted(world.people.items()) if person.hubspot_id]
    number = str(52_000 + len(world.deals))
    deal = SandboxOrder(
        number, f"Trade {number}", contacts[a % len(contacts)] if contacts else None, now, now, now, kind="deal"
    )
    deal.in_hubspot, deal.stage, deal.source_name = number, STAGES[a % 2], "hubspot"
    deal.ledger.append(LedgerEvent("1", "1", now, "ORDER", "ORDER", "PRODUCT", 10_000 + 100 * a, 0, 1))
    world.deals.append(deal)
    return True


def _deal(business: Business, a: int, b: int) -> bool:
    world = business.world
    if a % 4 == 0 and len(world.deals) < 4:
        return _open_deal(business, b)
    deal = world.deals[a % len(world.deals)]
    if b % 5 == 4:
        deal.ledger = [replace(deal.ledger[0], total_minor=deal.ledger[0].total_minor + 500)]
    else:
        deal.stage = STAGES[b % 4]
        deal.processed_at = world.now
    deal.updated_at = world.now
    return True


def _earn(business: Business, a: int, b: int) -> bool:
    campaign = business.world.hubspot_campaigns[0]
    campaign["revenue"] = {"LINEAR": 1000 + 10 * a}
    campaign["spend_minor"] = 5000 + b
    campaign["deals"] = 1 + a % 3
    return True


CHANGES: dict[str, tuple[Callable[[Business, int, int], bool], tuple[str, ...]]] = {
    "buy": (_buy, ("mailchimp", "shopify", "hubspot")),
    "refund": (_refund, ("mailchimp", "shopify", "hubspot")),
    "edit": (_edit, ("mailchimp", "shopify", "hubspot")),
    "cancel": (_cancel, ("mailchimp", "shopify", "hubspot")),
    "drop_order": (_drop_order, ("shopify", "hubspot")),
    "join": (_join, ("mailchimp", "shopify", "hubspot")),
    "consent": (_consent, ("mailchimp", "shopify", "hubspot")),
    "retag": (_retag, ("mailchimp",)),
    "move": (_move, ("mailchimp", "shopify", "hubspot")),
    "stage": (_stage, ("hubspot",)),
    "merge_contacts": (_merge_contacts, ("hubspot",)),
    "merge_customers": (_merge_customers, ("shopify",)),
    "leave": (_leave, ("mailchimp", "shopify", "hubspot")),
    "restore": (_restore, ("hubspot",)),
    "send_mailchimp": (lambda business, a, b: _send_mailchimp(business, b), ("mailchimp",)),
    "send_hubspot": (lambda business, a, b: _send_hubspot(business, b), ("hubspot",)),
    "react": (_react, ("mailchimp", "hubspot")),
    "withdraw": (_withdraw, ("mailchimp", "hubspot")),
    "deal": (_deal, ("hubspot",)),
    "earn": (_earn, ("hubspot",)),
}
"""What may happen, and which platforms show it."""
