"""The demo world: a year of a small shop that sends mail with two platforms, and knows neither what it caused."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from random import Random

from persync.sandbox.deals import hubspot_campaigns, make_deals
from persync.sandbox.mailing import TREATED_SHARE, Mailing, Purchase
from persync.sandbox.messages import make_plans
from persync.sandbox.orders import Calendar, make_order, number_orders
from persync.sandbox.people import DAY, Habits, make_people
from persync.sandbox.truth import mailchimp_claims, tell
from persync.sandbox.visits import add_visits
from persync.sandbox.world import SandboxOrder, SandboxPerson, World

__all__ = ["NOW", "make_world"]

NOW = int(datetime(2026, 9, 30, tzinfo=UTC).timestamp()) * 1000
WINDOW_DAYS = 91
"""a quarter, so that the lift can be told from chance"""
PRICES = {"right_choice": 12.0, "choice": 0.05}
"""what this shop says it is worth to write to somebody who then buys, and what writing to anybody costs"""


def make_world(seed: int, *, people: int = 4000, now: int = NOW, is_fair: bool = False) -> World:
    """Make the demo world: `people` persons, the twelve months before `now` (midnight UTC, epoch milliseconds).

    Its personalised mail leaves out one country and one age band, unless `is_fair`. The same arguments give the same world.
    Its causal truth is in `World.truth`, its experiment in `World.experiments`.
    Raises ValueError for fewer than 50 people: too few for arms, deals and odd cases.
    """
    if people < 50:
        raise ValueError(f"a demo world needs at least 50 people, not {people}")
    now -= now % DAY
    start, begins = now - 365 * DAY, now - WINDOW_DAYS * DAY
    folk, habits = make_people(Random(f"people {seed}"), people, start=start, now=now)
    _archive(Random(f"archive {seed}"), folk, begins)
    calendar = Calendar(start, begins, now)
    rng = Random(f"orders {seed}")
    purchases = {number: _baseline(rng, calendar, person, habits[number]) for number, person in folk.items()}
    plans = make_plans(start=start, begins=begins, now=now, is_fair=is_fair)
    mailing = Mailing(Random(f"mail {seed}"), calendar, folk, habits, plans, purchases)
    mailing.run()
    messages = [plan.message for plan in plans]
    by_id = {message.id: message for message in messages}

    rng = Random(f"shop {seed}")
    for number, mine in purchases.items():
        for purchase in mine:
            add_visits(rng, purchase, folk[number], by_id)
    orders = [purchase.order for mine in purchases.values() for purchase in mine]
    orders += _strangers(rng, calendar, count=max(people // 250, 1))
    _open_accounts(rng, folk, purchases)
    number_orders(orders)
    _mark_unusual(rng, orders, begins, now)
    _copy_to_hubspot(rng, orders)
    _follow_stages(folk, purchases)
    mailchimp_claims(messages, orders, folk)

    world = World(
        name="demo",
        seed=seed,
        now=now,
        currency="EUR",
        timezone="Europe/Berlin",
        shop_domain="nordlicht-demo.myshopify.com",
        shop_name="Nordlicht",
        list_id="4f1c2a9b7e",
        list_name="Nordlicht letters",
        people=folk,
        messages=messages,
        orders=orders,
        secret=hashlib.sha256(f"demo {seed}".encode()).hexdigest(),
        attributes={
            "mailchimp": {
                "country": "consent given at sign-up, used to check that no country is left out",
                "ageband": "consent given at sign-up, used to check that no age band is left out",
            }
        },
        merge_field_types={"COUNTRY": "text", "AGEBAND": "text"},
        files={
            "costs.csv": _costs(plans_sent=sorted(m.sent_at for m in messages if m.sent_at is not None), start=start, now=now)
        },
        file_kinds={"costs.csv": "costs"},
        prices=PRICES,
    )
    world.deals = make_deals(Random(f"deals {seed}"), folk, start=start, now=now, count=max(people * 30 // 4000, 4))
    world.hubspot_campaigns = hubspot_campaigns(world)
    world.experiments["personal"] = {
        "tags": {"treated": "personal:treated", "control": "personal:control"},
        "control": "control",
        "from": _date(begins),
        "days": WINDOW_DAYS,
        "holdout": True,
        "planned_shares": {"treated": TREATED_SHARE, "control": round(1 - TREATED_SHARE, 6)},
    }
    world.truth = tell(world, mailing.outcomes, purchases, begins, WINDOW_DAYS)
    return world


def _date(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).date().isoformat()


def _archive(rng: Random, folk: dict[int, SandboxPerson], begins: int) -> None:
    for person in folk.values():
        if person.status == "archived":
            person.created_at = min(person.created_at, begins - 200 * DAY)
            person.status_changed_at = person.created_at + rng.randrange(DAY, 150 * DAY) // 1000 * 1000
            person.updated_at = person.status_changed_at
            person.stage_dates = dict.fromkeys(person.stage_dates, person.created_at)


def _baseline(rng: Random, calendar: Calendar, person: SandboxPerson, habits: Habits) -> list[Purchase]:
    """Draw what a person buys that no message brings about: a Poisson process over the year at their own rate."""
    purchases = []
    waited = rng.expovariate(1.0)
    while waited < habits.rate:
        order = make_order(rng, calendar, person.number, person.country, calendar.moment(rng))
        purchases.append(Purchase(order))
        waited += rng.expovariate(1.0)
    return purchases


def _strangers(rng: Random, calendar: Calendar, count: int) -> list[SandboxOrder]:
    """Draw guests whom no platform knows."""
    orders = []
    for index in range(1, count + 1):
        order = make_order(rng, calendar, None, "DE", calendar.moment(rng))
        order.email = f"guest.{index}@example.com"
        orders.append(order)
    return orders


def _open_accounts(rng: Random, folk: dict[int, SandboxPerson], purchases: dict[int, list[Purchase]]) -> None:
    """Give buyers their shop account; one in a hundred buys as a guest with the address the platforms know."""
    for number, person in folk.items():
        mine = purchases.get(number, [])
        if mine and person.mailchimp_id is not None and rng.random() < 0.01:
            for purchase in mine:
                purchase.order.person, purchase.order.email = None, person.email
        elif mine or (person.mailchimp_id is None and person.hubspot_id is None) or rng.random() < 0.02:
            person.shopify_id = str(7_300_000_000_000 + number * 32_771)
            first = min((purchase.order.created_at for purchase in mine), default=person.created_at)
            if first < person.created_at:
                # somebody who bought before they signed up: the earliest contact counts
                person.created_at = first
            latest = max((purchase.order.created_at for purchase in mine), default=person.created_at)
            person.updated_at = max(person.updated_at, latest)
        for purchase in mine:
            purchase.order.accepts_marketing = (
                person.status == "subscribed" or (person.status_changed_at or 0) > purchase.order.created_at
            )


def _mark_unusual(rng: Random, orders: list[SandboxOrder], begins: int, now: int) -> None:
    """Mark two test orders and one booked two days late, all before the experiment; the newest have no journey yet."""
    plain = [order for order in orders if order.created_at < begins - 30 * DAY and order.cancelled_at is None]
    *tests, late = rng.sample(plain, 3)
    for order in tests:
        order.is_test = True
    late.processed_at -= 2 * DAY
    for order in [order for order in orders if order.source_name == "web" and order.created_at < now][-6:]:
        order.journey_ready, order.visits = False, []


def _copy_to_hubspot(rng: Random, orders: list[SandboxOrder]) -> None:
    for index, order in enumerate(orders):
        if not order.is_test and rng.random() < 1 / 3:
            order.in_hubspot = str(410_000_000_000 + index * 17)


def _follow_stages(folk: dict[int, SandboxPerson], purchases: dict[int, list[Purchase]]) -> None:
    """Move HubSpot contacts along: buyers become customers with their first order, a third of the others leads."""
    for number, person in folk.items():
        if person.hubspot_id is None:
            continue
        bought = [purchase.order.created_at for purchase in purchases.get(number, ())]
        person.stage_dates["subscriber"] = person.created_at
        if bought:
            person.lifecycle = "customer"
            person.stage_dates |= {"lead": person.created_at, "customer": min(bought)}
        elif number % 3 == 0:
            person.lifecycle = "lead"
            person.stage_dates["lead"] = person.created_at


def _costs(*, plans_sent: list[int], start: int, now: int) -> str:
    """Return costs.csv: the tools by month, the making of each campaign, and one set-up spread over two years."""
    lines = ["date,category,amount,currency,scope,amortise_months"]
    lines.append(f"{_date(start)},setup,2400.00,EUR,,24")
    for month in range(12):
        day = _date(start + month * 30 * DAY + DAY)
        lines += [f"{day},tool,119.00,EUR,,", f"{day},labour,260.00,EUR,,"]
    lines += [f"{_date(at)},content,85.00,EUR,," for at in plans_sent]
    lines.append(f"{_date(now - 50 * DAY)},data,180.00,EUR,,")
    return "\n".join(lines) + "\n"
