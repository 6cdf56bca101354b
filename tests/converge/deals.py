"""Deals of the business, and what its campaigns are said to earn."""

from __future__ import annotations

from dataclasses import replace

from converge.vendors import Business
from persync.sandbox.world import LedgerEvent, SandboxOrder

STAGES = ("appointmentscheduled", "qualifiedtobuy", "closedwon", "closedlost")


def open_deal(business: Business, a: int) -> bool:
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


def move_deal(business: Business, a: int, b: int) -> bool:
    world = business.world
    if a % 4 == 0 and len(world.deals) < 4:
        return open_deal(business, b)
    deal = world.deals[a % len(world.deals)]
    if b % 5 == 4:
        deal.ledger = [replace(deal.ledger[0], total_minor=deal.ledger[0].total_minor + 500)]
    else:
        deal.stage = STAGES[b % 4]
        deal.processed_at = world.now
    deal.updated_at = world.now
    return True


def earn(business: Business, a: int, b: int) -> bool:
    campaign = business.world.hubspot_campaigns[0]
    campaign["revenue"] = {"LINEAR": 1000 + 10 * a}
    campaign["spend_minor"] = 5000 + b
    campaign["deals"] = 1 + a % 3
    return True
