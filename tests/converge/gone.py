"""Who is gone after an erasure: those who must be, and those who may be, because a vendor joined them to somebody who was.

Whoever turns out to bear an erased address is erased with it: had their record come first, they would have been one person
with it. Whether it turns out depends on what was read while a vendor still told of it, so that of those joined nobody *must*
be gone but whom the store knew, or a clean pull knows; of all others the tombstones say who is. Who is, is so wholly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator

from converge.vendors import NAMES, Business, Name
from persync.rows import Person
from persync.sandbox.world import mc_eid
from persync.store.gone import stored_keys, tombstone
from persync.store.key import StoreKey

Marks = dict[str, str]
"""{natural key, as a store's rows name it: its tombstone}"""


def reachable(business: Business, requests: Iterable[Person]) -> set[Name]:
    """Return every name that the business' history joins to somebody whom a request named, over however many others."""
    beside: dict[Name, set[Name]] = {}
    for a, b in business.joined:
        beside.setdefault(a, set()).add(b)
        beside.setdefault(b, set()).add(a)
    found: set[Name] = set()
    left: list[Name] = [(kind, "", value) for who in requests for kind, value in who]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += beside.get(name, ())
    return found


def may_be_gone(business: Business, key: StoreKey, requests: Iterable[Person]) -> Marks:
    """Return every key of those whom the business' history joins to somebody erased, with its tombstone."""
    return {natural: mark for name in reachable(business, requests) for natural, mark in _marks(key, name)}


def _marks(key: StoreKey, name: Name) -> Iterator[tuple[str, str]]:
    kind, connection, value = name
    names = [name]
    if kind == "email":
        # Mailchimp makes two more ids of an address.
        member = hashlib.md5(value.encode(), usedforsecurity=False).hexdigest()
        names += [("mc_eid", "", mc_eid(value)), *(("member", one, member) for one in NAMES)]
    for kind, connection, value in names:
        stored = stored_keys(key, kind, (value,))[value]
        yield f"{kind}\x1f{connection}\x1f{stored}", tombstone(key, kind, connection, stored)


def buried(marks: Marks, tombstones: Iterable[str]) -> set[str]:
    """Return the natural keys of those of whom there are tombstones."""
    there = set(tombstones)
    return {natural for natural, mark in marks.items() if mark in there}


def wrongly_gone(marks: Marks, tombstones: Iterable[str]) -> Iterator[str]:
    """Yield the tombstones of keys whose bearers nobody ever joined to somebody erased."""
    for mark in sorted(set(tombstones).difference(marks.values())):
        yield f"tombstones: {mark} is of nobody who was erased, or was ever joined to them"


def half_gone(business: Business, connections: Collection[str], key: StoreKey, tombstones: Iterable[str]) -> Iterator[str]:
    """Yield of whom there is a tombstone of one name and none of another, while one record tells a pull of both.

    Whose name a platform does not list beside the other any more, or not yet, nobody can know for the same person's. Of a
    contact that was merged the survivor's record tells: it goes with the survivor, and by itself it takes nobody along.
    """
    there = set(tombstones)

    def is_gone(name: Name) -> bool:
        return any(mark in there for _, mark in _marks(key, name))

    for a, b in sorted(_told_now(business, set(connections))):
        if is_gone(a) != is_gone(b):
            yield f"tombstones: of {a} and {b}, of one record, one alone is gone"
    for person in business.world.people.values() if "hubspot" in connections else ():
        for loser in person.hubspot_merged_ids:
            if is_gone(("id", "hubspot", person.hubspot_id or "")) and not is_gone(("id", "hubspot", loser)):
                yield f"tombstones: contact {loser} went into {person.hubspot_id}, which is gone, and is not gone with it"


def _told_now(business: Business, connections: set[str]) -> Iterator[tuple[Name, Name]]:
    archived = business.archived.get("contacts", {})
    for person in business.world.people.values():
        mine = ("email", "", person.email)
        if person.mailchimp_id is not None and "mailchimp" in connections:
            yield mine, ("id", "mailchimp", person.mailchimp_id)
        if person.shopify_id is not None and "shopify" in connections and person.shopify_id not in business.shop_merged:
            yield mine, ("id", "shopify", person.shopify_id)
        if person.hubspot_id is not None and "hubspot" in connections and int(person.hubspot_id) not in archived:
            contact = ("id", "hubspot", person.hubspot_id)
            yield mine, contact
            yield from ((("email", "", one), contact) for one in person.hubspot_other_emails)
