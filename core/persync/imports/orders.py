"""`orders`: sales of a shop that no connection reads, and their refunds, one line a movement of money."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from persync.imports.importer import Column, Importer
from persync.rows import KEEP, LedgerEntry, Order, OrderRef, Person, Row


class OneOrder:
    """Holds the lines of one order against each other, and finds the day it was placed."""

    def __init__(self) -> None:
        self._placed: dict[str, int] = {}
        self._known: dict[str, tuple[Person, str]] = {}

    def see(self, line: dict[str, Any]) -> str | None:
        """Refuse an order with two people or two currencies."""
        order = line["order"]
        person, currency = self._known.setdefault(order, (line["person"], line["currency"]))
        if person != line["person"]:
            return f"order {order!r} belongs to another person in an earlier line."
        if currency != line["currency"]:
            return f"order {order!r} is in {currency} in an earlier line."
        if line["amount"] >= 0:
            self._placed[order] = min(line["at"], self._placed.get(order, line["at"]))
        return None

    def complete(self, line: dict[str, Any]) -> None:
        """Say when the order was placed, whichever way the file is sorted; None when only its refund is in the file."""
        line["ordered_at"] = self._placed.get(line["order"])


def order_rows(line: dict[str, Any], number: int) -> Iterator[Row]:
    """The first amount is the sale; a later one with the same order is an edit, or a refund when it is negative."""
    order = OrderRef(vendor_order_id=line["order"])
    amount, placed = line["amount"], line["ordered_at"]
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
        entry=f"{line['at']}|{line['ordinal']}",
        event="refund" if amount < 0 else "sale" if line["at"] == placed else "edit",
        part="product",
        happened_at=line["at"],
        amount_minor=amount,
        currency=line["currency"],
    )


ORDERS = Importer(
    kind="orders",
    summary="Sales that no connection reads; a negative amount is a refund of the same order.",
    columns=(
        Column("order", "text", help="the order's number"),
        Column("person", "person"),
        Column("at", "time"),
        Column("amount", "money", help="without tax; negative for a refund at its own date"),
        Column("currency", "currency"),
        Column("channel", "text", required=False, help="web, pos ..."),
        Column("status", "text", required=False, help="paid when empty", choices=("paid", "cancelled", "test")),
    ),
    rows=order_rows,
    once=("order", "person", "at", "amount", "currency", "channel", "status"),
    counted=("order", "at"),
    check=OneOrder,
)
