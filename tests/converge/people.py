"""People of the business, and what may happen to one."""

from __future__ import annotations

import hashlib

from converge.shop import lose_record
from converge.vendors import Business
from persync.sandbox.world import SandboxPerson
from persync_shopify.sandbox_more import Gone

_NEWCOMERS = [n for n in range(20, 400) if n % 8 != 1 and n % 6 != 5 and n % 17 != 3 and n % 3 != 0]
"""numbers of people who come later: those of whom an imitation makes up nothing that depends on the hour of asking"""


def make_person(number: int, at: int) -> SandboxPerson:
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


def _someone(business: Business, a: int) -> SandboxPerson:
    people = sorted(business.world.people)
    return business.world.people[people[a % len(people)]]


def join(business: Business, a: int, b: int) -> bool:
    world = business.world
    number = next(n for n in _NEWCOMERS if n not in world.people)
    person = make_person(number, world.now)
    person.mailchimp_id = person.mailchimp_id if a % 3 != 1 else None
    person.hubspot_id = person.hubspot_id if a % 3 != 2 else None
    person.shopify_id = person.shopify_id if b % 2 else None
    world.people[number] = person
    return True


def consent(business: Business, a: int, b: int) -> bool:
    person, now = _someone(business, a), business.world.now
    person.status = ("subscribed", "unsubscribed", "subscribed", "unsubscribed", "pending", "cleaned", "archived")[b % 7]
    if person.status == "archived" and person.mailchimp_id is None:
        person.status = "unsubscribed"  # a contact that HubSpot alone knows would be one of its deleted ones
    person.status_changed_at = person.updated_at = now
    return True


def retag(business: Business, a: int, b: int) -> bool:
    person = _someone(business, a)
    person.tags = ((), ("vip",), ("tea",), ("tea", "vip"))[b % 4]
    person.updated_at = business.world.now
    return True


def move(business: Business, a: int, b: int) -> bool:
    person = _someone(business, a)
    person.country = ("AT", "DE", "CH")[b % 3]
    person.merge_fields = {"COUNTRY": person.country}
    person.updated_at = business.world.now
    return True


def stage(business: Business, a: int, b: int) -> bool:
    person, now = _someone(business, a), business.world.now
    stage = ("lead", "customer")[b % 2]
    person.lifecycle = stage
    person.stage_dates.setdefault(stage, now)
    person.updated_at = now
    return True


def merge_contacts(business: Business, a: int, b: int) -> bool:
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
    lose_record(business, "hubspot", "contact", person.hubspot_id or "")
    business.strangers |= {("hubspot", address) for address in (person.email, *person.hubspot_other_emails)}
    for number, thing, derived in ((1, "ticket", "770000000001"), (3, "company", "60000000000"), (5, "cart", "520000000005")):
        if person.number == number:
            lose_record(business, "hubspot", thing, derived)
    person.hubspot_id, person.hubspot_merged_ids, person.hubspot_other_emails = None, (), ()


def merge_customers(business: Business, a: int, b: int) -> bool:
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
    lose_record(business, "shopify", "contact", loser)
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


def leave(business: Business, a: int, b: int) -> bool:
    """Somebody is deleted on one platform."""
    person, world = _someone(business, a), business.world
    archived = business.archived.setdefault("contacts", {})
    if b % 4 == 0 and person.mailchimp_id:
        lose_record(business, "mailchimp", "contact", person.mailchimp_id)
        business.strangers.add(("mailchimp", person.email))
        person.mailchimp_id = None
        if person.status == "archived":
            # Mailchimp's archive is left with it; a contact that HubSpot alone knows would be one of its deleted ones.
            person.status, person.status_changed_at, person.updated_at = "unsubscribed", world.now, world.now
    elif b % 4 == 1 and person.hubspot_id and int(person.hubspot_id) not in archived:
        lose_record(business, "hubspot", "contact", person.hubspot_id)
        business.strangers |= {("hubspot", address) for address in (person.email, *person.hubspot_other_emails)}
        archived[int(person.hubspot_id)] = world.now
    elif b % 4 == 2 and person.hubspot_id:
        archived.pop(int(person.hubspot_id), None)
        _lose_contact(business, person)
    elif b % 4 == 3 and person.shopify_id and not any(order.person == person.number for order in world.orders):
        if person.shopify_id in {*business.shop_merged, *business.shop_merged.values()}:
            return False
        business.shop_gone.append(Gone("CUSTOMER", person.shopify_id, world.now))
        lose_record(business, "shopify", "contact", person.shopify_id)
        business.strangers.add(("shopify", person.email))
        person.shopify_id = None
    else:
        return False
    return True


def restore(business: Business, a: int, b: int) -> bool:
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
