"""`time`: hours that a task took in a period, before a tool and with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from persync.imports.checks import each_line, in_order, not_negative
from persync.imports.importer import Column, Importer
from persync.rows import Row, WorkTime


def work_time_rows(line: dict[str, Any], number: int) -> Iterator[Row]:
    """One task and period a line; corrected hours replace the old ones."""
    yield WorkTime(
        entry=f"{line['from']}|{line['to']}|{line['task']}",
        task=line["task"],
        from_at=line["from"],
        to_at=line["to"],
        hours_before=line["hours_before"],
        hours_after=line["hours_after"],
        rate_minor=line["hourly_rate"],
        currency=line["currency"],
        on_cost=line["on_cost"],
        output=line["output"],
    )


TIME = Importer(
    kind="time",
    summary="Hours that tasks took, before a tool and with it.",
    columns=(
        Column("task", "text"),
        Column("from", "time", help="when the period begins"),
        Column("to", "time", help="when it ends (that moment is not in it)"),
        Column("hours_before", "number", required=False, help="hours in such a period before the tool"),
        Column("hours_after", "number", required=False, help="hours in this period"),
        Column("hourly_rate", "money", required=False, help="needs a currency"),
        Column("currency", "currency", required=False),
        Column("on_cost", "number", required=False, help="what is paid on top of the rate: 0.2 = 20 %"),
        Column("output", "number", required=False, help="pieces made in these hours: campaigns, tickets, orders"),
    ),
    rows=work_time_rows,
    once=("task", "from", "to"),
    check=each_line(in_order, not_negative("hours_before", "hours_after", "hourly_rate", "on_cost", "output")),
)
