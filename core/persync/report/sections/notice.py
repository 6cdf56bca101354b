"""What must be known before anything else is read: that the store is empty, or that the asked period is not wholly covered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from persync.engine.engine import Engine
from persync.measure.metric import Ask
from persync.measure.texts import bounds, run
from persync.report import words
from persync.report.coverage import COVERAGE, reaches
from persync.report.report import Inputs, Note
from persync.report.sections.health import counts

MOST: Final = 4
"""so many streams with holes are named; the part on the data has them all"""
PEOPLE: Final = "SELECT COUNT(*) AS people FROM person_of AS p"
"""what the user's own files bring along has no coverage; somebody is in all of them"""
SOLD: Final = (
    "SELECT 1 AS found FROM orders AS o WHERE COALESCE(o.is_test, 0) = 0 AND COALESCE(o.kind, 'order') = 'order'"
    " AND o.ordered_at >= :from_at AND o.ordered_at < :to_at LIMIT 1"
)
"""an order of the days asked for"""
MAILED: Final = (
    "SELECT 1 AS found FROM touchpoints AS t WHERE t.action IN (1, 2) AND t.happened_at >= :from_at AND t.happened_at < :to_at"
    " LIMIT 1"
)
"""a message sent or delivered in the days asked for"""
EMPTY: Final = (
    "Nothing has been pulled or imported yet, so there is nothing to report on: persync connect NAME, then persync pull."
)


def notices(inputs: Inputs) -> list[Note]:
    """Return a warning for each way in which the data do not cover what was asked; none where they do."""
    rows = inputs.engine.rows(COVERAGE)
    orders, _, sends = counts(inputs)
    is_silent = not int(orders["orders"]) and not int(sends["sends"])
    if not rows and is_silent and inputs.engine.rows(PEOPLE)[0]["people"] == 0:
        return [Note(EMPTY, "warning", "The store is empty")]
    return [*_silent(inputs, is_silent), *_unread(inputs, rows), *_holes(rows)]


def silence(inputs: Inputs) -> list[Note]:
    """Return the warning that no order and no message is known of the days asked for, for a part that stands alone; none where
    some are, or no days were asked for."""
    # One row of either is enough to know, where `counts` would join and count them all.
    within = bounds(inputs.ask.period)
    is_silent = inputs.ask.period is not None and not any(run(inputs.engine, sql, within) for sql in (SOLD, MAILED))
    return _silent(inputs, is_silent)


def nobody_mailed(engine: Engine, ask: Ask) -> bool:
    """Tell whether no message is known of the days asked for, whatever was sold in them; without days, none at all."""
    return not run(engine, MAILED, bounds(ask.period))


def nothing_sent(ask: Ask) -> str:
    """Say why no groups are compared by their mail where `nobody_mailed`."""
    days = "" if ask.period is None else " in these days"
    return f"nobody is known to have been sent anything{days}, so no group got more or less than another."


def _silent(inputs: Inputs, is_silent: bool) -> list[Note]:
    if not is_silent:
        return []
    period = words.period(inputs.ask.period, inputs.ask.timezone)
    where = "" if inputs.ask.period is None else f" in the days asked for ({period})"
    return [Note(f"No order and no message is known{where}.", "warning", "No orders and no messages")]


def _unread(inputs: Inputs, rows: Sequence[Mapping[str, Any]]) -> list[Note]:
    """Say from when on a connection was not read, where that falls into the asked period."""
    if inputs.ask.period is None:
        return []
    end = min(inputs.ask.period[1], inputs.ask.now)
    read = sorted(reaches(rows).items())
    late = [f"{name} from {words.moment(at, inputs.ask.timezone)} on" for name, at in read if at < end]
    if not late:
        return []
    text = f"Not read yet: {words.listing(late)}. Numbers of this period will change: persync pull."
    return [Note(text, "warning", "The period is not wholly read")]


def _holes(rows: Sequence[Mapping[str, Any]]) -> list[Note]:
    names = [f"{row['connection']} {row['stream']}" for row in rows if int(row["holes"])]
    if not names:
        return []
    more = [words.plural(len(names) - MOST, "other stream")] if len(names) > MOST else []
    text = f"Not all was read of {words.listing([*names[:MOST], *more])}: what rests on that may be too low."
    return [Note(text, "warning", "The data have holes")]
