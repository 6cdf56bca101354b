"""`orders`: sales of a shop that no connection reads, and their refunds, one line a movement of money."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from persync.imports.importer import Column, Importer, Stored
from persync.rows import KEEP, LedgerEntry, Order, OrderDiscount, OrderRef, Person, Row


class OneOrder:
    """Holds the lines of one order against each other, and finds the day it was placed."""

    def __init__(self) -> None:
        self._placed: dict[str, int] = {}
        self._people: dict[str, Person] = {}
        self._currencies: dict[str, str] = {}
        self._refunds: dict[str, int] = {}
        self._equal: Counter[tuple[str, int, int | None]] = Counter()

    def see(self, line: dict[str, Any], number: int) -> str | None:
        """Refuse an order with two people or two currencies. A line without a person contradicts nobody."""
        order, person, currency = line["order"], line["person"], line["currency"]
        if line["discount"] is not None and (line["discount"] < 0 or line["amount"] < 0):
            return "a discount is what a sale was cheaper by: not negative, and none of a refund."
        if person is not None and person != self._people.setdefault(order, person):
            return f"order {order!r} belongs to another person in an earlier line."
        if currency != self._currencies.setdefault(order, currency):
            return f"order {order!r} is in {self._currencies[order]} in an earlier line."
        if line["amount"] >= 0:
            self._placed[order] = min(line["at"], self._placed.get(order, line["at"]))
        else:
            self._refunds.setdefault(order, number)
        return None

    def end(self, stored: Stored) -> Iterator[tuple[int, str]]:
        """Refuse the refund of an order that neither file nor store knows: its money would belong to nothing."""
        alone = {order: number for order, number in self._refunds.items() if order not in self._placed}
        known = stored.orders(alone) if alone else {}
        for order, number in alone.items():
            if order not in known:
                yield number, f"order {order!r} is refunded here, but neither this file nor an earlier one has its sale."
            elif known[order] != self._currencies[order]:
                yield number, f"order {order!r} is in {known[order]} in an earlier file."

    def complete(self, line: dict[str, Any]) -> None:
        """Say whose order it is and when it was placed, whichever way the file is sorted; number what has one order and moment:
        sales, and refunds of one amount.

        The person is None when no line names one, the time when only the refund is in the file.
        """
        same = (line["order"], line["at"], line["amount"] if line["amount"] < 0 else None)
        line["ordinal"] = self._equal[same]
        self._equal[same] += 1
        line["person"] = self._people.get(line["order"])
        line["ordered_at"] = self._placed.get(line["order"])


def order_rows(line: dict[str, Any], number: int) -> Iterator[Row]:
    """The first amount is the sale; a later one with the same order is an edit, or a refund when it is negative.

    An order has its number, so an amount that a later file tells of its moment is the corrected one. A refund has none: its
    amount is part of its entry, and refunds that other files tell of the day stand beside each other and the sale.
    """
    order = OrderRef(vendor_order_id=line["order"])
    amount, placed = line["amount"], line["ordered_at"]
    entry = f"{line['at']}|{amount if amount < 0 else '+'}/{line['ordinal']}"
    if amount >= 0:
        yield Order(
            order=order,
            kind="order",
            person=line["person"],
            ordered_at=placed,
            status="cancelled" if line["status"] == "cancelled" else "paid",
            is_test=line["status"] == "test",
            currency=line["currency"],
            sales_channel=line["channel"] if line["channel"] else KEEP,
        )
    yield LedgerEntry(
        order=order,
        entry=entry,
        event="refund" if amount < 0 else "sale" if line["at"] == placed else "edit",
        part="product",
        happened_at=line["at"],
        amount_minor=amount,
        currency=line["currency"],
    )
    if line["discount"]:
        yield OrderDiscount(order, entry, "manual", None, line["discount"], line["currency"])


ORDERS = Importer(
    kind="orders",
    summary="Sales that no connection reads; a negative amount is a refund of the same order.",
    columns=(
        Column("order", "text", help="the order's number"),
        Column("person", "person", may_be_empty=True, help="empty for a guest or a sale at the till"),
        Column("at", "time"),
        Column(
            "amount",
            "money",
            help="without tax; negative for a refund at its own date, of an order in this file or an earlier one",
        ),
        Column("currency", "currency"),
        Column("channel", "text", required=False, help="web, pos ..."),
        Column("status", "text", required=False, help="paid when empty", choices=("paid", "cancelled", "test")),
        Column("discount", "money", required=False, help="what the sale was cheaper by; the amount has lost it already"),
    ),
    rows=order_rows,
    once=("order", "person", "at", "amount", "currency", "channel", "status"),
    takes_back=True,
    check=OneOrder,
)
