"""From sign-up to the first thing a new customer came for: how long it takes, and how many get there in time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import intervals, rules
from persync.measure.metric import Ask
from persync.measure.occasions import build
from persync.measure.slices import check
from persync.measure.texts import bounds, join, piece, run

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

TIME: Final = "time_to_value"
RATE: Final = "activation_rate"
NO_CONTACTS: Final = "no_contacts"
NOT_ARRIVED: Final = "not_arrived"
FIRST_ORDER: Final = "order"
DIMENSIONS: Final = ("source",)

_STAGE = (
    "reached AS (SELECT COALESCE(po.person, s.key_id) AS person, MIN(s.entered_at) AS at FROM stages AS s"
    " LEFT JOIN person_of AS po ON po.key_id = s.key_id WHERE s.stage = :stage GROUP BY COALESCE(po.person, s.key_id))"
)
_ORDER = (
    "reached AS (SELECT m.person AS person, MIN(m.ordered_at) AS at FROM order_money AS m"
    " WHERE m.is_counted = 1 AND m.person IS NOT NULL GROUP BY m.person)"
)
_ARRIVED = (
    "arrived AS (SELECT l.person AS person, /*source*/ AS source,"
    " CASE WHEN r.at < :end_at THEN 1 ELSE 0 END AS came,"
    " FLOOR((CASE WHEN r.at < :end_at THEN r.at ELSE :end_at END - l.lead_at) / 86400000e0) AS days,"
    " CASE WHEN l.lead_at + :within_ms <= :end_at THEN 1 ELSE 0 END AS is_old,"
    " CASE WHEN r.at < l.lead_at + :within_ms THEN 1 ELSE 0 END AS in_time FROM leads AS l"
    " LEFT JOIN reached AS r ON r.person = l.person"
    " WHERE l.lead_at >= :from_at AND l.lead_at < :to_at AND l.lead_at < :end_at AND (r.at IS NULL OR r.at >= l.lead_at))"
)
_DAYS = (
    "SELECT a.source AS source, CAST(a.days AS BIGINT) AS days, CAST(SUM(a.came) AS BIGINT) AS came,"
    " COUNT(*) AS n FROM arrived AS a GROUP BY a.source, a.days ORDER BY 1, 2"
)
_SHARES = (
    "SELECT a.source AS source, COUNT(*) AS leads, CAST(SUM(a.is_old) AS BIGINT) AS old,"
    " CAST(SUM(a.is_old * a.in_time) AS BIGINT) AS activated FROM arrived AS a GROUP BY a.source ORDER BY 1"
)


def _rows(engine: Engine, ask: Ask, select: str) -> list[dict[str, Any]]:
    ground = build(engine, replace(ask, period=None))
    by_order = ask.costs.value_event == FIRST_ORDER
    texts = [piece("leads"), *((piece("order_money"), _ORDER) if by_order else (_STAGE,))]
    arrived = _ARRIVED.replace("/*source*/", "l.source" if ask.by else "''")
    params = {
        **bounds(ask.period),
        "end_at": ground.end_at if by_order else ask.now,
        "within_ms": ask.costs.activation_days * rules.DAY,
        "stage": ask.costs.value_event,
        "gross": int(ask.basis == "gross"),
    }
    return run(engine, join(*texts, arrived, select), params)


def _event(ask: Ask) -> str:
    event = ask.costs.value_event
    return "the first order" if event == FIRST_ORDER else f"the stage {event}"


def _nobody(engine: Engine, ask: Ask, id: str, unit: str) -> Estimate:
    if engine.rows("SELECT 1 AS one FROM contacts LIMIT 1"):
        return rules.absent(id, rules.NO_DENOMINATOR, {}, unit=unit, n=0)
    return rules.absent(id, NO_CONTACTS, {}, unit=unit, note="no system that knows contacts was read")


def median(came: Array, ended: Array, confidence: float) -> tuple[float, float, float | None] | None:
    """Return Kaplan and Meier's median day with its interval (Brookmeyer and Crowley 1982, on the log-log scale); None where
    half never came. `came` and `ended` count, by day, who came and who ended being watched; an upper end that is not reached is
    None."""
    import numpy as np

    at_risk = np.cumsum(ended[::-1])[::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        stays = np.cumprod(np.where(at_risk > 0, 1 - came / at_risk, 1.0))
        greenwood = np.cumsum(np.where((at_risk > 0) & (at_risk > came), came / (at_risk * (at_risk - came)), 0.0))
        error = np.sqrt(greenwood) / np.abs(np.log(stays))
        away = np.log(-np.log(stays)) - np.log(np.log(2))
    below = stays <= 0.5 + 1e-12
    if not below.any():
        return None
    z = intervals.normal_quantile(confidence)
    inside = np.isfinite(away) & np.isfinite(error) & (np.abs(away) <= z * error) & (came > 0)
    whole = float(below.argmax())
    # The first day on which staying is surely below one half bounds it from above.
    surely = np.nonzero((stays <= 0) | (np.isfinite(away) & (away > z * error)))[0]
    low = float(np.nonzero(inside)[0][0]) if inside.any() else whole
    return whole, min(low, whole), float(max(surely[0], whole)) if len(surely) else None


def time_to_value(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the median days from sign-up to the value event, with those still waiting counted for as long as they waited."""
    import numpy as np

    check(ask.by, DIMENSIONS, TIME)
    rows = _rows(engine, ask, _DAYS)
    if not rows:
        return [replace(_nobody(engine, ask, TIME, "days"), period=ask.period)]
    out = []
    for source in dict.fromkeys(str(row["source"]) for row in rows):
        mine = [row for row in rows if str(row["source"]) == source]
        by = {"source": source} if ask.by else {}
        people, events = (sum(int(row[name]) for row in mine) for name in ("n", "came"))
        if people < ask.suppress_n:
            out.append(rules.suppressed(TIME, ask, by, unit="days"))
            continue
        longest = max(int(row["days"]) for row in mine)
        came, ended = np.zeros(longest + 1), np.zeros(longest + 1)
        for row in mine:
            came[int(row["days"])] += int(row["came"])
            ended[int(row["days"])] += int(row["n"])
        found = median(came, ended, ask.confidence)
        if found is None:
            note = f"fewer than half came to {_event(ask)} within {longest} days"
            out.append(rules.absent(TIME, NOT_ARRIVED, by, unit="days", n=people, note=note))
            continue
        whole, low, top = found
        made = Estimate(TIME, whole, low, top, n=people, unit="days", by=by, note=f"to {_event(ask)}")
        out.append(rules.with_note(made, rules.smallness(people, events, ask)))
    return [replace(one, period=ask.period) for one in out]


def activation_rate(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the share of new people, old enough, who came to the value event within the set days of sign-up."""
    check(ask.by, DIMENSIONS, RATE)
    rows = _rows(engine, ask, _SHARES)
    if not rows:
        return [replace(_nobody(engine, ask, RATE, "share"), period=ask.period)]
    days = ask.costs.activation_days
    out = []
    for row in rows:
        by = {"source": str(row["source"])} if ask.by else {}
        leads, old = int(row["leads"]), int(row["old"])
        if not old:
            out.append(rules.absent(RATE, rules.IMMATURE, by, unit="share", note=f"nobody's first {days} days are over"))
            continue
        made = rules.share(RATE, int(row["activated"]), old, ask, by)
        if made.value is not None:
            made = rules.with_note(made, f"{_event(ask)} within {days} days of sign-up")
            made = rules.with_note(made, f"{leads - old:,} younger people are left out" if old < leads else "")
        out.append(made)
    return [replace(one, period=ask.period) for one in out]
