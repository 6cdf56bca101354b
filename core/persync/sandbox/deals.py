"""The demo shop's trade: HubSpot deals with one to three contacts, and what HubSpot's campaigns say they earned."""

from __future__ import annotations

from random import Random
from typing import Any

from persync.sandbox.messages import CAMPAIGN_GUIDS
from persync.sandbox.people import DAY, HOUR
from persync.sandbox.world import LedgerEvent, SandboxOrder, SandboxPerson, World

__all__ = ["hubspot_campaigns", "make_deals"]

_STAGES = ("closedwon", "closedlost", "contractsent", "qualifiedtobuy", "appointmentscheduled")
_STATUS = {"closedwon": "PAID", "closedlost": "VOIDED"}
# share of what it could claim that HubSpot's report gives under each of its models
_MODELS = {
    "LINEAR": 71,
    "FIRST_INTERACTION": 58,
    "LAST_INTERACTION": 83,
    "FULL_PATH": 62,
    "U_SHAPED": 66,
    "W_SHAPED": 64,
    "TIME_DECAY": 79,
    "J_SHAPED": 74,
    "INVERSE_J_SHAPED": 60,
}


def make_deals(rng: Random, people: dict[int, SandboxPerson], *, start: int, now: int, count: int) -> list[SandboxOrder]:
    """Draw deals with contacts that no list has. The ledger holds the amount; only a won deal has earned it."""
    contacts = [person for person in people.values() if person.hubspot_id is not None and person.mailchimp_id is None]
    deals = []
    for index in range(count):
        created = start + 20 * DAY + index * (300 * DAY // count) + rng.randrange(5 * DAY)
        created -= created % 1000
        closed = min(created + rng.randrange(10 * DAY, 60 * DAY) // 1000 * 1000, now - 6 * HOUR)
        stage = rng.choices(_STAGES, (45, 20, 15, 10, 10))[0]
        first, *others = rng.sample(contacts, rng.choices((1, 2, 3), (60, 25, 15))[0])
        identity = str(52_000_000_000 + index * 101)
        deal = SandboxOrder(
            id=identity,
            name=f"Trade order {index + 1}",
            person=first.number,
            created_at=created,
            processed_at=closed if stage.startswith("closed") else created,
            updated_at=closed,
            kind="deal",
            financial_status=_STATUS.get(stage, "PENDING"),
            source_name="hubspot",
            in_hubspot=identity,
            people=tuple(person.number for person in others),
            stage=stage,
        )
        amount = rng.randrange(400, 6000) * 100
        deal.ledger.append(LedgerEvent("1", "1", deal.processed_at, "ORDER", "ORDER", "PRODUCT", amount, 0, 1))
        deals.append(deal)
    return deals


def hubspot_campaigns(world: World) -> list[dict[str, Any]]:
    """Return HubSpot's two campaigns with what they cost and what HubSpot says they earned.

    HubSpot counts every deal won and every order it has a copy of when anyone on it was sent one of the campaign's
    messages before, in whole for each campaign; its models give shares of that.
    """
    campaigns = []
    for guid, name, spend in zip(CAMPAIGN_GUIDS, ("Trade 2026", "Reorder 2026"), (180_000, 95_000), strict=True):
        messages = [message for message in world.messages if message.campaign_guid == guid]
        reached: dict[int, int] = {}
        for send in (send for message in messages for send in message.sends if send.status == "sent"):
            reached[send.person] = min(send.at, reached.get(send.person, send.at))
        won = [deal for deal in world.deals if deal.stage == "closedwon" and _touched(deal, reached)]
        copies = [order for order in world.orders if order.in_hubspot is not None and _touched(order, reached)]
        claimed = sum(order.total_minor() for order in (*won, *copies))
        sent = [message.sent_at for message in messages if message.sent_at is not None]
        campaigns.append(
            {
                "guid": guid,
                "name": name,
                "start": min(sent) - 10 * DAY,
                "end": world.now - DAY,
                "spend_minor": spend,
                "revenue": {model: claimed * share // 100 for model, share in _MODELS.items()},
                "deals": len(won),
            }
        )
    return campaigns


def _touched(order: SandboxOrder, reached: dict[int, int]) -> bool:
    people = (order.person, *order.people)
    return any(number in reached and reached[number] <= order.processed_at for number in people if number is not None)
