"""How far the data behind a message reach: until when the store was read, and what happened last in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from persync.attribution.horizon import orders_until, touches_until
from persync.attribution.journeys import build_orders
from persync.jobs.standing import DAY_MS, STALE_MS
from persync.jobs.windows import last_days, local
from persync.report import words

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.jobs.running import Run

_LAST_ORDER: Final = (
    "SELECT MAX(o.ordered_at) AS last_at FROM orders AS o WHERE COALESCE(o.is_test, 0) = 0"
    " AND COALESCE(o.kind, 'order') = 'order' AND o.ordered_at < :before"
)
_LAST_MESSAGE: Final = (
    "SELECT MAX(t.happened_at) AS last_at FROM touchpoints AS t WHERE t.action IN (1, 2) AND t.happened_at < :before"
)


WEEK: Final = 7
"""days without an order or a message that are worth a word, however few a job's numbers look at"""


@dataclass(frozen=True, slots=True)
class Reach:
    """Moments in epoch ms, None for never. `until` is what was read up to, now where nothing says it.

    `settled` is the last message whose look-back days are over: what it led to is known.
    """

    until: int
    order: int | None
    message: int | None
    settled: int | None

    @property
    def last(self) -> int | None:
        """When anything happened last."""
        return max((at for at in (self.order, self.message) if at is not None), default=None)


class Spans(NamedTuple):
    """Days that numbers may be of, as [from, to) in epoch ms: the last that were read, the last with a message, and the last
    with a message of which it is known what it led to."""

    latest: tuple[int, int]
    mailed: tuple[int, int]
    settled: tuple[int, int]


def reach_of(run: Run, engine: Engine) -> Reach:
    """Return how far the data of a run's store reach. Raises what an engine may raise."""
    ask = run.project.ask(run.now)
    build_orders(engine)
    until = orders_until(engine, ask)
    settled = until - round(ask.lookback_days * DAY_MS)
    return Reach(
        until=max(until, touches_until(engine, ask)),
        order=_last(engine, _LAST_ORDER, run.now),
        message=_last(engine, _LAST_MESSAGE, run.now),
        settled=_last(engine, _LAST_MESSAGE, settled),
    )


def stillness(run: Run, reach: Reach) -> str:
    """Say that nothing has come in for as long as a message looks back, a week at least, in one sentence that stays the same
    while that lasts; "" where something has."""
    timezone = run.project.timezone
    if reach.last is None:
        return "No order and no message is known."
    if run.now - reach.until > STALE_MS:
        return f"Nothing new: the data end on {words.day(reach.until - 1, timezone)}, and nothing was read since."
    if reach.last >= last_days(run.now, max(run.job.days, WEEK), timezone)[0]:
        return ""
    order, message = ("at all" if at is None else f"since {words.day(at, timezone)}" for at in (reach.order, reach.message))
    return f"No order {order} and no message {message}."


def spans(run: Run, reach: Reach | None) -> Spans:
    """Return the days that numbers may be of."""
    days, timezone = run.job.days, run.project.timezone
    latest = last_days(run.now, days, timezone)
    if reach is None:
        return Spans(latest, latest, latest)
    if reach.until <= latest[0]:
        # A sum over days that were never read would be a nought that nobody counted. One over days that were is a true one.
        latest = last_days(_next_day(reach.until - 1, timezone), days, timezone)
    mailed, settled = (
        latest if at is None else min(latest, last_days(_next_day(at, timezone), days, timezone))
        for at in (reach.message, reach.settled)
    )
    return Spans(latest, mailed, settled)


def _next_day(at: int, timezone: str) -> int:
    """Return a moment of the day after that of another, also where that day is one of 25 hours."""
    return round((local(at, timezone) + timedelta(days=1)).timestamp() * 1000)


def _last(engine: Engine, sql: str, before: int) -> int | None:
    (row,) = engine.rows(sql, {"before": before})
    return None if row["last_at"] is None else int(row["last_at"])
