"""`wallet`: what people say to spend on a category, here and elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from persync.imports.checks import each_line, in_order, not_negative
from persync.imports.importer import Column, Importer
from persync.rows import Row, Wallet


def wallet_rows(line: dict[str, Any], number: int) -> Iterator[Row]:
    """One person, category and period a line; a corrected amount replaces the old one."""
    yield Wallet(
        person=line["person"],
        category=line["category"],
        from_at=line["from"],
        to_at=line["to"],
        amount_minor=line["amount"],
        currency=line["currency"],
    )


WALLET = Importer(
    kind="wallet",
    summary="What people say to spend on a category, here and elsewhere.",
    columns=(
        Column("person", "person"),
        Column("category", "text", help="a kind of product, as the shop names it; all = everything"),
        Column("from", "time"),
        Column("to", "time", help="when the period ends (that moment is not in it)"),
        Column("amount", "money", help="what they spend on it everywhere"),
        Column("currency", "currency"),
    ),
    rows=wallet_rows,
    once=("person", "category", "from"),
    check=each_line(in_order, not_negative("amount")),
)
