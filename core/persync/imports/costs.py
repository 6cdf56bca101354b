"""`costs`: money spent on the programme, one line an item."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from persync.imports.importer import Column, Importer
from persync.rows import Cost, Row


def cost_rows(line: dict[str, Any], number: int) -> Iterator[Row]:
    """One cost a line.

    Its entry is made of all that is told, with a number for equal lines of one file: an overlapping export counts once, and
    other files' costs of the day stand beside it. What a corrected file said of the day and category before goes.
    """
    scope, months = line["scope"] or "", line["amortise_months"] or 0
    yield Cost(
        entry=f"{line['date']}|{line['category']}|{line['currency']}|{scope}|{line['amount']}/{months}/{line['ordinal']}",
        happened_at=line["date"],
        category=line["category"],
        amount_minor=line["amount"],
        currency=line["currency"],
        scope=scope,
        amortise_months=months,
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
        Column(
            "amortise_months",
            "integer",
            required=False,
            help="spread over this many months, from 1; empty = counted at once",
            least=1,
            most=1200,
        ),
    ),
    rows=cost_rows,
    counted=("date", "category", "currency", "scope", "amount", "amortise_months"),
    takes_back=True,
)
