"""`ads`: what advertising cost, by channel and day."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from persync.imports.importer import Column, Importer
from persync.rows import AdSpend, Row


def ad_rows(line: dict[str, Any], number: int) -> Iterator[Row]:
    """One amount a line; an overlapping export counts once, a corrected file takes back its own (as `costs`)."""
    yield AdSpend(
        entry=f"{line['date']}|{line['channel']}|{line['campaign'] or ''}|{line['purpose'] or ''}|{line['currency']}"
        f"|{line['amount']}/{line['ordinal']}",
        happened_at=line["date"],
        channel=line["channel"],
        campaign=line["campaign"],
        purpose=line["purpose"],
        amount_minor=line["amount"],
        currency=line["currency"],
    )


ADS = Importer(
    kind="ads",
    summary="What advertising cost, by channel and day.",
    columns=(
        Column("date", "time"),
        Column("channel", "text", help="paid_search, paid_social ...: as the touchpoints name it"),
        Column("amount", "money"),
        Column("currency", "currency"),
        Column("campaign", "text", required=False),
        Column("purpose", "text", required=False, choices=("acquisition", "list", "promotion"), help="empty = acquisition"),
    ),
    rows=ad_rows,
    counted=("date", "channel", "campaign", "purpose", "currency", "amount"),
    takes_back=True,
)
