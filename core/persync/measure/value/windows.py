"""Who was active in which window: retention, what it changed by, and churn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from persync.engine.engine import Engine
from persync.estimate import RAW, Estimate
from persync.measure import intervals, rules
from persync.measure.metric import Ask
from persync.measure.occasions import Ground, build, shop_day
from persync.measure.rules import DAY
from persync.measure.texts import join, piece, run
from persync.measure.value.contracts import contract_churn
from persync.measure.value.cut import Cut, Row, cut, dated
from persync.measure.value.gaps import median_gap

FALLBACK_DAYS: Final = 90
SHORTEST: Final = 7
LONGEST: Final = 365
NO_EXPOSURE: Final = "no_exposure"

_PAIRS = (
    "SELECT a.place AS place, COUNT(*) AS active, CAST(SUM(CASE WHEN b.person IS NULL THEN 0 ELSE 1 END) AS BIGINT) AS stayed"
    "/*columns*/ FROM active AS a JOIN grouped AS g ON g.person = a.person"
    " LEFT JOIN active AS b ON b.person = a.person AND b.place = a.place - 1 WHERE a.place >= 1 /*keys*/"
)
_ACTIVE = (
    "active AS (SELECT DISTINCT o.person AS person,"
    " CAST(FLOOR((:end_day - 1 - o.day) / CAST(:window AS DOUBLE)) AS BIGINT) AS place FROM occasions AS o"
    " WHERE o.day >= :from_day AND o.day < :end_day)"
)


def window_days(engine: Engine, ask: Ask) -> int:
    """Return the window of retention in days: the setting, else the median time between two orders of one customer, between
    7 and 365 days; 90 where nobody ordered twice. Needs `occasions`."""
    if ask.value.window_days is not None:
        return ask.value.window_days
    rows = run(
        engine,
        "SELECT o.next_day - o.day AS gap, COUNT(*) AS n FROM occasions AS o WHERE o.next_day IS NOT NULL"
        " GROUP BY o.next_day - o.day ORDER BY 1",
        {},
    )
    total, seen = sum(int(row["n"]) for row in rows), 0
    for row in rows:
        seen += int(row["n"])
        if 2 * seen >= total:
            return min(LONGEST, max(SHORTEST, int(row["gap"])))
    return FALLBACK_DAYS


@dataclass(frozen=True, slots=True)
class Window:
    """The window of retention, and what is to be said of it."""

    days: int
    text: str
    """what active means"""


def window_of(engine: Engine, ask: Ask, ground: Ground) -> Window:
    """Return the window and what active means in it. Needs `occasions`.

    The median time between orders is that of customers who came back (the catalogue's typical inter-order time). With those
    still waiting it is longer, and so much the longer the fewer come back: then that is said beside it.
    """
    days = window_days(engine, ask)
    if ask.value.window_days is not None:
        return Window(days, f"active: ordered within {days} days (as set)")
    return Window(days, f"active: ordered within {days} days (the median time between orders{_waiting(engine, ground, days)})")


def _waiting(engine: Engine, ground: Ground, days: int) -> str:
    """Say how long the time between orders is with those still waiting, where that is longer."""
    import numpy as np

    rows = run(
        engine,
        "SELECT COALESCE(o.next_day, :end_day) - o.day AS gap, COUNT(o.next_day) AS came, COUNT(*) AS n"
        " FROM occasions AS o GROUP BY COALESCE(o.next_day, :end_day) - o.day ORDER BY 1",
        {"end_day": ground.end_day},
    )
    if not rows:
        return ""
    came, ended = (np.zeros((1, int(rows[-1]["gap"]) + 1)) for _ in range(2))
    for row in rows:
        came[0, int(row["gap"])], ended[0, int(row["gap"])] = int(row["came"]), int(row["n"])
    median = float(median_gap(came, ended)[0])
    if median <= days:
        return ""
    reached = f"{median:.0f} days" if np.isfinite(median) else f"over {ended.shape[1] - 1:,} days"
    return f" of those who came back; {reached} with those still waiting: value.window_days sets another window"


def from_day(ask: Ask, ground: Ground) -> int:
    """Return the first day of the asked period, or of the data."""
    if ask.period is None:
        return ground.first_day
    return max(ground.first_day, shop_day(ask.period[0], ask.timezone))


def pairs(engine: Engine, ask: Ask, ground: Ground, sliced: Cut, window: int) -> list[Row]:
    """Return how many were active in each window of the period and how many of them ordered in the next one: one row a
    window (`place` 1 is the last whose next is over) and slice."""
    begin = from_day(ask, ground)
    whole = (ground.end_day - begin) // window
    params = {"end_day": ground.end_day, "window": window, "from_day": ground.end_day - whole * window}
    return sliced.rows(engine, _PAIRS, params, per="a.place", before=(_ACTIVE,)) if whole >= 2 else []


def _last(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if int(row["place"]) == 1]


def _rates(engine: Engine, ask: Ask, id: str) -> list[Estimate]:
    ground = build(engine, ask)
    sliced = cut(engine, ask, id)
    window = window_of(engine, ask, ground)
    rows = _last(pairs(engine, ask, ground, sliced, window.days))
    if not rows:
        reason = rules.IMMATURE if ground.customers else rules.NO_DENOMINATOR
        note = f"two windows of {window.days} days are not over yet" if ground.customers else ""
        return [] if ask.by else [rules.absent(id, reason, {}, unit="share", note=note)]

    def make(row: Row, by: dict[str, str]) -> Estimate:
        active, stayed = int(row["active"]), int(row["stayed"])
        made = rules.share(id, stayed if id == "retention_rate" else active - stayed, active, ask, by)
        return rules.with_note(rules.with_note(made, window.text), ground.note) if made.value is not None else made

    return sliced.estimates(rows, id, "share", "active", make)


def retention_rate(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the share of customers active in the last but one window who ordered in the last one."""
    return dated(_rates(engine, ask, "retention_rate"), ask)


def churn_rate(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute 1 - retention; and `contract_churn` where contracts with an end are known."""
    found = _rates(engine, ask, "churn_rate")
    if not ask.by:
        ground = build(engine, ask)
        found += contract_churn(engine, ask, ground, window_days(engine, ask))
    return dated(found, ask)


def retention_improvement(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute retention after less before, and of those who got personalised mail less of those who got other mail only."""
    id = "retention_improvement"
    ground = build(engine, ask)
    sliced = cut(engine, ask, id)
    window = window_of(engine, ask, ground)
    rows = pairs(engine, ask, ground, sliced, window.days)
    found = [_before(rows, sliced, ask, ground, window)] if not ask.by else _before_each(rows, sliced, ask, ground, window)
    if not ask.by:
        found.append(_personalised(engine, ask, ground, window))
    return dated(rules.compared(found), ask)


def _before_each(rows: Sequence[Row], sliced: Cut, ask: Ask, ground: Ground, window: Window) -> list[Estimate]:
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(sliced.by(row).values()), []).append(row)
    hide = sliced.people.hidden(_last(rows), "active", ask)
    out = []
    for group in groups.values():
        by = sliced.by(group[0])
        if sliced.people.attribute and by[sliced.people.attribute] in hide:
            out.append(rules.suppressed("retention_improvement", ask, {**by, "against": "before"}, unit="points", label=RAW))
        else:
            out.append(_before(group, sliced, ask, ground, window, by))
    return out


def _before(
    rows: Sequence[Row], sliced: Cut, ask: Ask, ground: Ground, window: Window, by: dict[str, str] | None = None
) -> Estimate:
    """Compare windows that ended before the programme began with those that began after it; without a date, the last two."""
    started = ask.value.started
    by = {**(by or {}), "against": "before"}
    if started is None:
        after = [row for row in rows if int(row["place"]) == 1]
        before = [row for row in rows if int(row["place"]) == 2]
        note = f"the last {window.days} days against those before them: no date is set on which the programme began"
    else:
        # A pair of windows reaches from its first day to the last of the next one.
        border = shop_day(started, ask.timezone)
        after = [row for row in rows if ground.end_day - (int(row["place"]) + 1) * window.days >= border]
        before = [row for row in rows if ground.end_day - (int(row["place"]) - 1) * window.days <= border]
        note = "windows wholly after the programme began against those wholly before"
    cells = [sum(int(row[name]) for row in part) for part in (after, before) for name in ("stayed", "active")]
    return _difference(cells, by, ask, f"{note}; {window.text}", rules.IMMATURE)


def _difference(cells: Sequence[int], by: dict[str, str], ask: Ask, note: str, empty: str) -> Estimate:
    id = "retention_improvement"
    stayed, active, base_stayed, base_active = cells
    if not active or not base_active:
        return rules.absent(id, empty, by, unit="points", label=RAW, note=note)
    if min(active, base_active) < ask.suppress_n:
        return rules.suppressed(id, ask, by, unit="points", label=RAW)
    interval = intervals.newcombe(stayed, active, base_stayed, base_active, ask.confidence)
    made = rules.from_interval(id, interval, n=active + base_active, unit="points", by=by, label=RAW)
    return rules.with_note(
        rules.with_note(made, note), rules.smallness(min(active, base_active), min(stayed, base_stayed), ask)
    )


def _personalised(engine: Engine, ask: Ask, ground: Ground, window: Window) -> Estimate:
    """Compare by what was sent in the window before the one in which orders count, so that nobody is put into a group for
    having stayed."""
    by = {"arm": "personalised", "against": "generic"}
    first, middle = ground.end_day - 2 * window.days, ground.end_day - window.days
    if first < from_day(ask, ground):
        return rules.absent("retention_improvement", rules.IMMATURE, by, unit="points", label=RAW)
    params = {
        "from_at": ground.end_at - 2 * window.days * DAY,
        "to_at": ground.end_at - window.days * DAY,
        "first": first,
        "middle": middle,
        "end_day": ground.end_day,
    }
    bought = (
        "bought AS (SELECT o.person AS person, MAX(CASE WHEN o.day < :middle THEN 1 ELSE 0 END) AS before,"
        " MAX(CASE WHEN o.day >= :middle THEN 1 ELSE 0 END) AS after FROM occasions AS o"
        " WHERE o.day >= :first AND o.day < :end_day GROUP BY o.person)"
    )
    select = (
        "SELECT CASE WHEN d.personalised > 0 THEN 1 ELSE 0 END AS personalised, COUNT(*) AS active,"
        " CAST(SUM(b.after) AS BIGINT) AS stayed FROM bought AS b JOIN doses AS d ON d.person = b.person"
        " WHERE b.before = 1 AND (d.personalised > 0 OR d.unlabelled = 0)"
        " GROUP BY CASE WHEN d.personalised > 0 THEN 1 ELSE 0 END"
    )
    rows = {int(row["personalised"]): row for row in run(engine, join(piece("sends"), piece("doses"), bought, select), params)}
    cells = [int(rows[arm][name]) if arm in rows else 0 for arm in (1, 0) for name in ("stayed", "active")]
    note = f"by the mail of the {window.days} days before, who was chosen for it is not by lot; {window.text}"
    return _difference(cells, by, ask, note, NO_EXPOSURE)
