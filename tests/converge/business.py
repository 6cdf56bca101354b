"""A business of a handful of people, orders and campaigns, and what may happen to it.

Every change moves what the vendor itself would move with it: the dates by which "changed since" finds a record, a
campaign's counters, a customer's sums. Nothing is drawn here: two numbers say which thing and how, so that a history can be
told, repeated and shortened.
"""

from __future__ import annotations

from collections.abc import Callable

from converge.deals import earn, move_deal, open_deal
from converge.letters import GUID, react, send_hubspot, send_mailchimp, withdraw
from converge.moments import BEGIN, DAY, HOUR
from converge.people import consent, join, leave, make_person, merge_contacts, merge_customers, move, restore, retag, stage
from converge.shop import WARES, buy, cancel, copy_id, drop_order, edit, make_line, place_order, refund
from converge.vendors import Business
from persync.sandbox.world import World

LIST = "0a1b2c3d4e"


def make_business() -> Business:
    """Return the business as it begins: five people, four orders, a deal, two campaigns of each platform."""
    people = {number: make_person(number, BEGIN - 300 * DAY + number * HOUR) for number in range(1, 6)}
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
        place_order(business, person, number)
    world.orders[0].in_hubspot = copy_id(world.orders[0])
    # The first order names every ware, so that none of them comes or goes with the others.
    world.orders[0].lines = [make_line(world.orders[0].id, at, sku) for at, sku in enumerate(range(len(WARES)))]
    for number in range(2):
        world.now = BEGIN - (30 - 8 * number) * DAY
        send_mailchimp(business, number)
        send_hubspot(business, number)
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
    open_deal(business, 0)
    world.now = BEGIN
    return business


CHANGES: dict[str, tuple[Callable[[Business, int, int], bool], tuple[str, ...]]] = {
    "buy": (buy, ("mailchimp", "shopify", "hubspot")),
    "refund": (refund, ("mailchimp", "shopify", "hubspot")),
    "edit": (edit, ("mailchimp", "shopify", "hubspot")),
    "cancel": (cancel, ("mailchimp", "shopify", "hubspot")),
    "drop_order": (drop_order, ("shopify", "hubspot")),
    "join": (join, ("mailchimp", "shopify", "hubspot")),
    "consent": (consent, ("mailchimp", "shopify", "hubspot")),
    "retag": (retag, ("mailchimp",)),
    "move": (move, ("mailchimp", "shopify", "hubspot")),
    "stage": (stage, ("hubspot",)),
    "merge_contacts": (merge_contacts, ("hubspot",)),
    "merge_customers": (merge_customers, ("shopify",)),
    "leave": (leave, ("mailchimp", "shopify", "hubspot")),
    "restore": (restore, ("hubspot",)),
    "send_mailchimp": (lambda business, a, b: send_mailchimp(business, b), ("mailchimp",)),
    "send_hubspot": (lambda business, a, b: send_hubspot(business, b), ("hubspot",)),
    "react": (react, ("mailchimp", "hubspot")),
    "withdraw": (withdraw, ("mailchimp", "hubspot")),
    "deal": (move_deal, ("hubspot",)),
    "earn": (earn, ("hubspot",)),
}
"""What may happen, and which platforms show it."""
