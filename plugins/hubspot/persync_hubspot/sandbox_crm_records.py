"""The objects of the imitated CRM, each made from the world's people and orders; the same world gives the same ones.

The world knows no companies, tickets, carts or surveys. They follow from the numbers of its people and orders, so that
nothing is drawn here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from persync.money import from_minor
from persync.sandbox.world import Line, SandboxOrder, SandboxPerson, World
from persync_hubspot.properties import STAGE_DATES
from persync_hubspot.sandbox_consent import add_consent
from persync_hubspot.sandbox_crm_types import ORDER_PIPELINE, PIPELINE, STAGES
from persync_hubspot.sandbox_wire import iso

DAY = 86_400_000
HOUR = 3_600_000
Values = dict[str, str | None]


@dataclass(slots=True)
class CrmRecord:
    """One object: every property it has, their history (newest first), and the objects of other types it belongs to."""

    number: int
    created_at: int
    updated_at: int
    values: Values
    associations: dict[str, list[int]] = field(default_factory=dict)
    history: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    archived_at: int | None = None


def everything(world: World) -> dict[str, list[CrmRecord]]:
    """Return the records of every type, in the order of their ids, with the associations of both sides."""
    ids = {person.number: int(person.hubspot_id) for person in world.people.values() if person.hubspot_id is not None}
    people = [person for person in world.people.values() if person.number in ids]
    copies = [order for order in world.orders if order.in_hubspot is not None]
    products = _products(copies, world)
    tickets = [_ticket(person, world) for person in people if person.number % 8 == 1]
    found = {
        "contacts": [_contact(person, world) for person in people],
        "companies": _companies(people, ids),
        "deals": [_deal(deal, world, ids) for deal in world.deals],
        "orders": [_order(order, world, ids) for order in copies],
        "carts": [_cart(order, world, ids) for order in copies] + [_left(one, world) for one in people if one.number % 6 == 5],
        "products": list(products.values()),
        "line_items": _lines(copies, world, products) + _deal_lines(world),
        "tickets": tickets,
        "feedback_submissions": _answers(copies, tickets, world, ids),
    }
    add_consent(found["contacts"], world)
    for records in found.values():
        records.sort(key=lambda record: record.number)
    for kind, to in (("deals", "contacts"), ("orders", "contacts"), ("companies", "contacts"), ("line_items", "orders")):
        _turn_round(found[kind], kind, to, found[to])
    _turn_round(found["line_items"], "line_items", "deals", found["deals"])
    return found


def _turn_round(records: list[CrmRecord], kind: str, to: str, others: list[CrmRecord]) -> None:
    """Let the other side of an association know of it."""
    by_id = {other.number: other for other in others}
    for record in records:
        for number in record.associations.get(to, ()):
            by_id[number].associations.setdefault(kind, []).append(record.number)


# -- people and companies ------------------------------------------------------------------------------------------------


def _contact(person: SandboxPerson, world: World) -> CrmRecord:
    number = int(person.hubspot_id or 0)
    values: Values = {
        "email": person.email,
        "hs_additional_emails": ";".join(person.hubspot_other_emails) or None,
        "firstname": person.first_name,
        "lastname": person.last_name,
        "createdate": iso(person.created_at),
        "lastmodifieddate": iso(person.updated_at),
        "hs_object_id": str(number),
        "lifecyclestage": person.lifecycle,
        "hs_analytics_source": "EMAIL_MARKETING" if person.number % 3 == 0 else "DIRECT_TRAFFIC",
        "hs_analytics_first_timestamp": iso(person.created_at),
        "hs_email_optout": "true" if person.status == "unsubscribed" else "false" if person.number % 2 else "",
        "hs_legal_basis": "Freely given consent from contact" if person.status == "subscribed" else None,
        "hs_merged_object_ids": ";".join(person.hubspot_merged_ids) or None,
        "hs_calculated_merged_vids": ";".join(f"{one}:{person.created_at}" for one in person.hubspot_merged_ids) or None,
        "hs_language": person.language,
        "country": person.country,
        "city": "Example Town",
        "zip": f"{10_000 + person.number % 90_000}",
        "gender": None,
        "date_of_birth": _born(person, world.now),
        "age_band": person.age_band or None,
        "dietary_need": "none" if person.number % 4 == 0 else None,
        "health_note": None,
    }
    for name, stage in STAGE_DATES.items():
        entered = person.stage_dates.get(stage)
        values[name] = None if entered is None else iso(entered)
    archived = person.status_changed_at if person.status == "archived" and person.mailchimp_id is None else None
    history = {"lifecyclestage": _stages(person)}
    return CrmRecord(number, person.created_at, person.updated_at, values, history=history, archived_at=archived)


def _born(person: SandboxPerson, now: int) -> str | None:
    """Return a day of birth within the person's age band, in the form of HubSpot's `date` properties."""
    if not person.age_band:
        return None
    age = int(person.age_band[:2]) + 3
    return iso(now - now % DAY - age * 365 * DAY - person.number % 300 * DAY)[:10]


def _stages(person: SandboxPerson) -> list[tuple[str, int]]:
    """Return the life-cycle stages of a person, newest first; every fifth one moved back once and forward again."""
    moves = sorted(((at, stage) for stage, at in person.stage_dates.items() if stage != "first_conversion"))
    if person.number % 5 == 0 and len(moves) > 1:
        (_, before), (at, stage) = moves[:2]
        moves += [(at + HOUR, before), (at + 2 * HOUR, stage)]
    return [(stage, at) for at, stage in sorted(moves, reverse=True)]


def _companies(people: list[SandboxPerson], ids: dict[int, int]) -> list[CrmRecord]:
    """Return a company for each ten people, a third of whom work there."""
    staff: dict[int, list[SandboxPerson]] = {}
    for person in people:
        if person.number % 3 == 0:
            staff.setdefault(person.number // 10, []).append(person)
    found = []
    for group, members in staff.items():
        number = 60_000_000_000 + group * 13
        created = min(member.created_at for member in members)
        # Its stage and its country are those of its people.
        changed = max(member.updated_at for member in members)
        values: Values = {
            "name": f"Company {group}",
            "domain": f"company-{group}.example.com",
            "createdate": iso(created),
            "hs_lastmodifieddate": iso(changed),
            "hs_object_id": str(number),
            "lifecyclestage": members[0].lifecycle,
            "industry": ("RETAIL", "COMPUTER_SOFTWARE", None)[group % 3],
            "country": {"DE": "Germany", "AT": "Austria", "CH": "Switzerland"}.get(members[0].country, members[0].country),
            "hs_country_code": members[0].country,
            "numberofemployees": (None, "7", "40", "120", "900")[group % 5],
        }
        found.append(CrmRecord(number, created, changed, values, {"contacts": [ids[member.number] for member in members]}))
    return found


# -- sales ---------------------------------------------------------------------------------------------------------------


def _deal(deal: SandboxOrder, world: World, ids: dict[int, int]) -> CrmRecord:
    number = int(deal.in_hubspot or deal.id)
    _, closed, probability = STAGES[deal.stage or "appointmentscheduled"]
    won = closed == "true" and probability == "1.0"
    amount = str(from_minor(deal.total_minor(), world.currency)) if deal.ledger else None
    values: Values = {
        "amount": amount,
        "amount_in_home_currency": amount,
        "deal_currency_code": world.currency,
        "hs_exchange_rate": "1",
        "closedate": iso(deal.processed_at),
        "createdate": iso(deal.created_at),
        "dealname": deal.name,
        "dealstage": deal.stage or "appointmentscheduled",
        "pipeline": PIPELINE,
        "hs_is_closed": closed,
        "hs_is_closed_won": "true" if won else "false",
        "hs_lastmodifieddate": iso(deal.updated_at),
        "hs_object_id": str(number),
    }
    people = [ids[one] for one in (deal.person, *deal.people) if one is not None and one in ids]
    return CrmRecord(number, deal.created_at, deal.updated_at, values, {"contacts": people})


def _order(order: SandboxOrder, world: World, ids: dict[int, int]) -> CrmRecord:
    """Copy a shop's order as a shop integration does: its total at the time, which no later refund changes."""
    number = int(order.in_hubspot or 0)
    values: Values = {
        "hs_external_order_id": order.id,
        "hs_order_name": order.name,
        "hs_source_store": world.shop_domain.partition(".")[0],
        "hs_total_price": _total(order, world),
        "hs_currency_code": world.currency,
        "hs_external_created_date": iso(order.processed_at),
        "hs_external_order_status": "cancelled" if order.cancelled_at is not None else order.financial_status.lower(),
        "hs_closed_date": None if order.cancelled_at is None else iso(order.cancelled_at),
        "hs_createdate": iso(order.created_at),
        "hs_lastmodifieddate": iso(order.updated_at),
        "hs_pipeline": ORDER_PIPELINE,
        "hs_object_id": str(number),
    }
    return CrmRecord(number, order.created_at, order.updated_at, values, {"contacts": _buyer(order, ids)})


def _total(order: SandboxOrder, world: World) -> str:
    return str(from_minor(sum(event.total_minor for event in order.ledger if event.reason == "ORDER"), world.currency))


def _buyer(order: SandboxOrder, ids: dict[int, int]) -> list[int]:
    return [ids[order.person]] if order.person is not None and order.person in ids else []


def _cart(order: SandboxOrder, world: World, ids: dict[int, int]) -> CrmRecord:
    """Return the cart that a copied order came from: it was filled ten minutes before."""
    at = order.created_at - 600_000
    return _a_cart(
        500_000_000_000 + int(order.id), f"c{order.id}", at, "completed", _total(order, world), world, _buyer(order, ids)
    )


def _left(person: SandboxPerson, world: World) -> CrmRecord:
    """Return a cart that a contact filled the day after they came and left behind."""
    at = min(person.created_at + DAY, world.now - HOUR)
    contact = int(person.hubspot_id or 0)
    return _a_cart(520_000_000_000 + person.number, f"left-{person.number}", at, "pending", "25.00", world, [contact])


def _a_cart(number: int, external: str, at: int, status: str, total: str, world: World, people: list[int]) -> CrmRecord:
    values: Values = {
        "hs_cart_name": f"Cart {external}",
        "hs_external_cart_id": external,
        "hs_external_status": status,
        "hs_source_store": world.shop_domain.partition(".")[0],
        "hs_total_price": total,
        "hs_currency_code": world.currency,
        "hs_cart_discount": "0",
        "hs_tax": "",
        "hs_shipping_cost": "0",
        "hs_tags": None,
        "hs_external_created_date": iso(at),
        "hs_createdate": iso(at),
        "hs_lastmodifieddate": iso(at + 60_000),
        "hs_object_id": str(number),
    }
    return CrmRecord(number, at, at + 60_000, values, {"contacts": people})


def _products(orders: list[SandboxOrder], world: World) -> dict[str, CrmRecord]:
    """Return a product for each article number that was ever copied, by that number."""
    seen: dict[str, tuple[Line, int]] = {}
    for order in orders:
        for line in order.lines:
            if line.sku and (line.sku not in seen or order.created_at < seen[line.sku][1]):
                seen[line.sku] = (line, order.created_at)
    found = {}
    for index, (sku, (line, at)) in enumerate(sorted(seen.items())):
        number = 900_000_000 + index
        values: Values = {
            "name": line.title,
            "price": str(from_minor(line.unit_price_minor, world.currency)),
            "hs_sku": sku,
            "hs_cost_of_goods_sold": _cost(line, world),
            "hs_product_type": "inventory",
            "hs_status": "active",
            "createdate": iso(at),
            "hs_lastmodifieddate": iso(at),
            "hs_object_id": str(number),
        }
        found[sku] = CrmRecord(number, at, at, values)
    return found


def _cost(line: Line, world: World) -> str | None:
    return None if line.unit_cost_minor is None else str(from_minor(line.unit_cost_minor, world.currency))


def _lines(orders: list[SandboxOrder], world: World, products: dict[str, CrmRecord]) -> list[CrmRecord]:
    found = []
    for order in orders:
        base = 800_000_000_000 + int(order.id) * 10
        for index, line in enumerate(order.lines):
            total = line.unit_price_minor * line.quantity - line.discount_minor
            product = products.get(line.sku)
            values = _line_values(base + index, order.created_at, total, world) | {
                "name": line.title,
                "quantity": str(line.quantity),
                "price": str(from_minor(line.unit_price_minor, world.currency)),
                "discount": str(from_minor(line.discount_minor, world.currency)) if line.discount_minor else "",
                "hs_product_id": None if product is None else str(product.number),
                "hs_sku": line.sku or None,
                "hs_cost_of_goods_sold": _cost(line, world),
            }
            found.append(
                CrmRecord(base + index, order.created_at, order.created_at, values, {"orders": [int(order.in_hubspot or 0)]})
            )
    return found


def _deal_lines(world: World) -> list[CrmRecord]:
    """Return the one line of each deal that has an amount: a service, without a product or a cost."""
    found = []
    for deal in world.deals:
        if deal.ledger:
            number = 880_000_000_000 + int(deal.id)
            total = deal.total_minor()
            values = _line_values(number, deal.created_at, total, world) | {"name": "Service", "quantity": "1"}
            values |= {"price": values["amount"], "hs_lastmodifieddate": iso(deal.updated_at)}
            found.append(
                CrmRecord(number, deal.created_at, deal.updated_at, values, {"deals": [int(deal.in_hubspot or deal.id)]})
            )
    return found


def _line_values(number: int, at: int, total: int, world: World) -> Values:
    return {
        "amount": str(from_minor(total, world.currency)),
        "hs_line_item_currency_code": world.currency,
        "createdate": iso(at),
        "hs_lastmodifieddate": iso(at),
        "hs_object_id": str(number),
    }


# -- service -------------------------------------------------------------------------------------------------------------


def _ticket(person: SandboxPerson, world: World) -> CrmRecord:
    """Return a request for help a month after a contact came; every other one is closed two days later."""
    number = 770_000_000_000 + person.number
    at = min(person.created_at + 30 * DAY, world.now - 3 * DAY)
    closed = at + 2 * DAY if person.number % 16 == 1 else None
    values: Values = {
        "subject": "A question",
        "content": f"Where is my parcel? {person.first_name}",
        "createdate": iso(at),
        "closed_date": None if closed is None else iso(closed),
        "first_agent_reply_date": iso(at + HOUR),
        "hs_pipeline": "0",
        "hs_pipeline_stage": "1" if closed is None else "4",
        "hs_ticket_category": "PRODUCT_ISSUE",
        "hs_ticket_priority": "LOW" if person.number % 3 else "HIGH",
        "source_type": "EMAIL",
        "hs_lastmodifieddate": iso(closed or at + HOUR),
        "hs_object_id": str(number),
    }
    return CrmRecord(number, at, closed or at + HOUR, values, {"contacts": [int(person.hubspot_id or 0)]})


def _answers(orders: list[SandboxOrder], tickets: list[CrmRecord], world: World, ids: dict[int, int]) -> list[CrmRecord]:
    """Return an NPS answer for every tenth copied order, and a CSAT answer for every closed ticket."""
    found = []
    for order in orders:
        if int(order.id) % 10 == 1:
            people = _buyer(order, ids)
            at = min(order.created_at + 7 * DAY, world.now - HOUR)
            given = int(order.id) // 10 % 11
            group = "PROMOTER" if given > 8 else "PASSIVE" if given > 6 else "DETRACTOR"
            found.append(_answer(330_000_000_000 + int(order.id), "NPS", "7", given, group, at, people, None))
    for ticket in tickets:
        if ticket.values["closed_date"] is not None:
            # HubSpot's own example calls a low CSAT value a promoter: its group is not to be trusted.
            number, at = 340_000_000_000 + ticket.number % 1_000_000_000, ticket.updated_at + HOUR
            found.append(_answer(number, "CSAT", "5", 2, "PROMOTER", at, ticket.associations["contacts"], ticket.number))
    return found


def _answer(
    number: int, kind: str, survey: str, value: int, group: str, at: int, people: list[int], ticket: int | None
) -> CrmRecord:
    values: Values = {
        "hs_content": "What a great product!",
        "hs_submission_name": f"{kind} - {number}",
        "hs_response_group": group,
        "hs_survey_channel": "EMAIL",
        "hs_survey_id": survey,
        "hs_survey_name": f"{kind} survey",
        "hs_survey_type": kind,
        "hs_value": str(value),
        "hs_submission_timestamp": iso(at),
        "hs_contact_id": str(people[0]) if people else None,
        "hs_ticket_id": None if ticket is None else str(ticket),
        "hs_createdate": iso(at),
        "hs_lastmodifieddate": iso(at),
        "hs_object_id": str(number),
    }
    return CrmRecord(number, at, at, values, {"contacts": people} if people else {})
