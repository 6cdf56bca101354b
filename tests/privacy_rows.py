"""Rows of a shop, its mail and the user's own files, about people whom all three know."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from persync import rows
from persync.rows import Action, CampaignRef, OrderRef, Person
from persync.store.store import open_store
from persync.store.write import Writer

NOW = 1_760_000_000_000
JANUARY, FEBRUARY = 1_736_000_000_000, 1_739_000_000_000
LETTER = CampaignRef(("id", "letter-1"), ("mc_cid", "letter-1"))


def member_id(address: str) -> str:
    return hashlib.md5(address.encode(), usedforsecurity=False).hexdigest()


def in_shop(number: str, address: str) -> Any:
    return Person(("id", number), ("email", address))


def in_mail(address: str) -> Any:
    return Person(("email", address), ("member", member_id(address)), ("mc_eid", "eid" + member_id(address)[:7]))


def shop_rows(number: str, address: str, order: str, amount: int) -> list[rows.Row]:
    person = in_shop(number, address)
    sale = OrderRef(order, "example-shop.myshopify.com", order, f"#{order}")
    return [
        rows.Contact(person, created_at=JANUARY, status="customer", orders=1),
        rows.Consent(person, "sms", "subscribed"),
        rows.Attribute(person, "country", "PT", "consent"),
        rows.Order(sale, kind="order", person=person, ordered_at=FEBRUARY + 5000, currency="EUR", total_minor=amount),
        rows.OrderLine(sale, "1", product="p", quantity=1, price_minor=amount),
        rows.LedgerEntry(sale, "s", "sale", "product", FEBRUARY + 5000, amount, "EUR"),
        rows.Cart(f"cart-{number}", person=person, created_at=JANUARY, currency="EUR", total_minor=1),
        rows.Ticket(f"ticket-{number}", person=person, created_at=JANUARY),
        rows.Feedback(f"f-{number}", person, "NPS", None, None, 9.0, None, JANUARY, f"ticket-{number}"),
        rows.Feedback(f"g-{number}", None, "NPS", None, None, 3.0, None, JANUARY, f"ticket-{number}"),
        rows.Deletion("contact", number, JANUARY),
    ]


def mail_rows(address: str) -> list[rows.Row]:
    person = in_mail(address)
    return [
        rows.Contact(person, status="subscribed"),
        rows.Consent(person, "email", "subscribed", changed_at=JANUARY),
        rows.MemberOf(person, "tag", "L", ("vip",)),
        rows.Stage(person, "lead", JANUARY),
        rows.Touchpoint(LETTER, person, Action.SEND, JANUARY),
        rows.Touchpoint(LETTER, person, Action.CLICK, FEBRUARY, link="https://shop.example.com/x"),
        rows.Touchpoint(LETTER, person, Action.CLICK, FEBRUARY + 1000, link="https://shop.example.com/x"),
    ]


def file_rows(address: str, arm: str, value: float) -> list[rows.Row]:
    person = Person(("email", address))
    return [
        rows.Assignment("winter", person, arm, planned_share=0.5),
        rows.Outcome(person, "visits", value, JANUARY),
        rows.Outcome(person, "visits", 1.0, FEBRUARY),
        rows.Outcome(person, "spend", None),
        rows.Decision("offer", person, True, 0.9),
    ]


class Reject:
    """A record set aside, as the page's shaper hands it on."""

    def __init__(self, record: str) -> None:
        self.record, self.field, self.reason, self.shape = record, "at", "Field required", '{"id":"str(6)"}'


def write(path: Path, connection: str, given: list[rows.Row], *, now: int = NOW) -> int:
    with open_store(path, create=True) as store:
        writer = Writer(store, connection, connection, now=now)
        with store.transaction():
            return writer.write(given)
