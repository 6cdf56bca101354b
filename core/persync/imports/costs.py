"""`costs`: money spent on the programme, one line an item."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from persync.imports.importer import Column, Importer
from persync.rows import Cost, Row


def cost_rows(line: dict[str, Any], number: int) -> Iterator[Row]:
    """One cost a line.

    Its entry is made of everything but the amount, with a number for equal ones, so that an overlapping export counts
    once and a corrected amount replaces the old one.
    """
    scope = line["scope"] or ""
    yield Cost(
        entry=f"{line['date']}|{line['category']}|{line['currency']}|{scope}|{line['ordinal']}",
        happened_at=line["date"],
        category=line["category"],
        amount_minor=line["amount"],
        currency=line["currency"],
        scope=scope,
        amortise_months=line["amortise_months"] or 0,
    )


COSTS = Importer(
    kind="costs",
    summary="What the programme cost: licences, agencies, wages.",
    columns=(
        Column("date", "time", help="when it was spent"),
        Column("category", "text", help="tool, content, labour, setup, data or discount; other words are kept as they are"),
        Column("amount", "money"),
        Column("currency", "currency"),
        Column("scope", "text", required=False, help="what it was for; empty = the whole programme"),
        Column("amortise_months", "integer", required=False, help="spread over this many months"),
    ),
    rows=cost_rows,
    counted=("date", "category", "currency", "scope"),
)
