"""What each arm of an experiment did since the draw: everybody drawn counts, whatever reached them (intention to treat).

Orders and messages count from the draw to the end of the experiment's days, as `experiments.read` has it; mail and orders from
before it are nobody's effect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from persync.attribution.horizon import orders_note, orders_until, touches_note, touches_until
from persync.attribution.journeys import build_orders, build_touches
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import experiments, intervals, rules
from persync.measure.grouping import ARM, Grouping, grouping
from persync.measure.intervals import Interval
from persync.measure.metric import Ask, Experiment
from persync.measure.texts import EVER, join, piece, run
from persync.money import exponent

Row = Mapping[str, Any]

DRAWN: Final = "everybody drawn, mailed or not, over the days of the experiment"
NOT_MEASURED: Final = "not_measured"

_BOUGHT: Final = (
    "bought AS (SELECT m.person AS person, MAX(m.is_counted) AS has_ordered, CAST(SUM(m.is_counted) AS BIGINT) AS orders,"
    " CAST(SUM(m.revenue_minor) AS DECIMAL(18, 0)) AS minor,"
    " CAST(SUM(CASE WHEN m.is_counted = 1 THEN m.revenue_minor ELSE 0 END) AS DECIMAL(18, 0)) AS value,"
    " MIN(m.currency_low) AS currency_low, MAX(m.currency_high) AS currency_high FROM order_money AS m"
    " WHERE m.ordered_at >= :from_at AND m.ordered_at < :to_at GROUP BY m.person)"
)
_ORDERS: Final = (
    "SELECT COUNT(*) AS people, CAST(COALESCE(SUM(b.has_ordered), 0) AS BIGINT) AS buyers,"
    " CAST(SUM(CASE WHEN b.minor <> 0 THEN 1 ELSE 0 END) AS BIGINT) AS payers, COALESCE(SUM(b.minor), 0) AS total,"
    " COALESCE(SUM(b.minor * b.minor), 0) AS squares, CAST(COALESCE(SUM(b.orders), 0) AS BIGINT) AS x,"
    " CAST(COALESCE(SUM(b.orders * b.orders), 0) AS BIGINT) AS xx, COALESCE(SUM(b.value), 0) AS y,"
    " COALESCE(SUM(b.value * b.value), 0) AS yy, COALESCE(SUM(b.value * CAST(b.orders AS DECIMAL(18, 0))), 0) AS xy,"
    " MIN(b.currency_low) AS currency_low, MAX(b.currency_high) AS currency_high/*columns*/ FROM grouped AS g"
    " LEFT JOIN bought AS b ON b.person = g.person /*keys*/"
)
_EVENTS: Final = (
    "happened AS (SELECT DISTINCT COALESCE(po.person, t.key_id) AS person, t.action AS action,"
    " COALESCE(co.campaign_id, t.campaign_key) AS campaign_id FROM touchpoints AS t"
    " LEFT JOIN person_of AS po ON po.key_id = t.key_id LEFT JOIN campaign_of AS co ON co.campaign_key = t.campaign_key"
    " WHERE t.action IN (3, 6) AND t.happened_at >= :from_at AND t.happened_at < :to_at)"
)
_SIDES: Final = {
    "ctr": "clickers AS h ON h.person = s.person AND h.campaign_id = s.campaign_id",
    "open_rate": "happened AS h ON h.action = 3 AND h.person = s.person AND h.campaign_id = s.campaign_id",
    "unsubscribe_rate": "happened AS h ON h.action = 6 AND h.person = s.person AND h.campaign_id = s.campaign_id",
}
"""how a message that did it is found"""
_MESSAGES: Final = (
    "messages AS (SELECT s.person AS person, CAST(COUNT(*) AS BIGINT) AS x,"
    " CAST(SUM(CASE WHEN h.person IS NULL THEN 0 ELSE 1 END) AS BIGINT) AS y FROM sends AS s"
    " LEFT JOIN bounced AS b ON b.person = s.person AND b.campaign_id = s.campaign_id LEFT JOIN /*side*/"
    " WHERE b.person IS NULL GROUP BY s.person)"
)
_RATES: Final = (
    "SELECT COUNT(*) AS drawn, CAST(SUM(CASE WHEN m.person IS NULL THEN 0 ELSE 1 END) AS BIGINT) AS people,"
    " CAST(COALESCE(SUM(m.x), 0) AS BIGINT) AS x, CAST(COALESCE(SUM(m.y), 0) AS BIGINT) AS y,"
    " CAST(COALESCE(SUM(m.x * m.x), 0) AS BIGINT) AS xx, CAST(COALESCE(SUM(m.y * m.y), 0) AS BIGINT) AS yy,"
    " CAST(COALESCE(SUM(m.x * m.y), 0) AS BIGINT) AS xy/*columns*/ FROM grouped AS g"
    " LEFT JOIN messages AS m ON m.person = g.person /*keys*/"
)


def conversion(engine: Engine, ask: Ask, experiment: Experiment) -> list[Estimate]:
    """Compute the share of everybody drawn into each arm who ordered, and the differences (Newcombe)."""
    id = "conversion_rate"

    def make(row: Row, by: dict[str, str]) -> Estimate:
        made = rules.share(id, int(row["buyers"]), int(row["people"]), ask, by)
        return rules.with_note(made, DRAWN if made.value is not None else "")

    def difference(one: Row, other: Row) -> Interval | None:
        cells = [int(row[name]) for row in (one, other) for name in ("buyers", "people")]
        return intervals.newcombe(cells[0], cells[1], cells[2], cells[3], ask.confidence)

    cut, rows, known = _ordered(engine, ask, experiment, id)
    return _told(id, "share", cut, rows, ask, experiment, make, difference, known)


def revenue(engine: Engine, ask: Ask, experiment: Experiment) -> list[Estimate]:
    """Compute revenue of everybody drawn into each arm, buyers or not, and the differences (Welch)."""
    id = "revenue_per_recipient"
    cut, rows, known = _ordered(engine, ask, experiment, id)
    unit, reason = _currency(rows, ask)

    def sample(row: Row) -> intervals.Moments | None:
        return rules.scaled(intervals.moments(int(row["people"]), int(row["total"]), int(row["squares"])), unit)

    def make(row: Row, by: dict[str, str]) -> Estimate:
        made = rules.average(id, sample(row), int(row["payers"]), ask, by, unit=unit)
        return rules.with_note(made, DRAWN if made.value is not None else "")

    def difference(one: Row, other: Row) -> Interval | None:
        a, b = sample(one), sample(other)
        return intervals.welch(a, b, ask.confidence) if a is not None and b is not None else None

    return _told(id, unit, cut, rows, ask, experiment, make, difference, known, reason=reason)


def order_value(engine: Engine, ask: Ask, experiment: Experiment) -> list[Estimate]:
    """Compute the mean order of each arm, and the differences by the delta method with customers as the units."""
    id = "aov"
    cut, rows, known = _ordered(engine, ask, experiment, id)
    unit, reason = _currency(rows, ask)
    scale = 10.0 ** exponent(unit)
    note = "orders of the experiment's days; of those who ordered, whom the arm may change too: see revenue_per_recipient"
    return _ratio(id, unit, cut, rows, ask, experiment, scale, "buyers", note, known, reason)


def message_rate(id: str) -> Callable[[Engine, Ask, Experiment], list[Estimate]]:
    """Return the computation of a share of the messages delivered to each arm since the draw, from the events of single people:
    `ctr`, `open_rate` or `unsubscribe_rate`; differences by the delta method with people as the units."""

    def compute(engine: Engine, ask: Ask, experiment: Experiment) -> list[Estimate]:
        build_touches(engine)
        cut, params = _cut(engine, ask, experiment, id)
        texts = [piece("sends"), piece("bounces"), piece("clicks") if id == "ctr" else _EVENTS]
        own = [text for text in cut.texts if text not in texts]
        messages = _MESSAGES.replace("/*side*/", _SIDES[id])
        rows = run(engine, join(*own, *texts, messages, _shaped(_RATES, cut)), params)
        known = touches_until(engine, ask)
        reason = None
        if id == "open_rate" and not any(int(row["y"]) for row in rows) and any(int(row["x"]) for row in rows):
            reason = NOT_MEASURED
        note = "messages since the draw, from the events of single people; people are the units"
        return _ratio(id, "share", cut, rows, ask, experiment, 1.0, "people", note, (known, touches_note(known, ask)), reason)

    return compute


def _cut(engine: Engine, ask: Ask, experiment: Experiment, id: str) -> tuple[Grouping, dict[str, Any]]:
    texts, params = experiments.arms_sql(experiment)
    cut = grouping(engine, ask, id, people="arms")
    whole = Grouping(cut.dimensions, tuple(dict.fromkeys((*texts, *cut.texts))), {**params, **cut.params}, cut.attribute)
    from_at, to_at = experiments.window(experiment) or (-EVER, EVER)
    within = {"from_at": from_at, "to_at": min(to_at, ask.now + 1), "gross": int(ask.basis == "gross")}
    return whole, {**whole.params, **within}


def _shaped(select: str, cut: Grouping) -> str:
    keys = cut.grouping.removeprefix(", ")
    return select.replace("/*columns*/", cut.columns).replace("/*keys*/", f"GROUP BY {keys} ORDER BY {keys}")


def _ordered(
    engine: Engine, ask: Ask, experiment: Experiment, id: str
) -> tuple[Grouping, list[dict[str, Any]], tuple[int, str]]:
    """Return the slices, the sums of their orders, and until when orders are known, with the note of it."""
    build_orders(engine)
    known = orders_until(engine, ask)
    cut, params = _cut(engine, ask, experiment, id)
    own = [text for text in cut.texts if text != piece("order_money")]
    rows = run(engine, join(piece("order_money"), *own, _BOUGHT, _shaped(_ORDERS, cut)), params)
    return cut, rows, (known, orders_note(known, ask))


def _currency(rows: Sequence[Row], ask: Ask) -> tuple[str, str | None]:
    currency = rules.one_currency([row[end] for row in rows for end in ("currency_low", "currency_high")])
    return currency or ask.currency or "", rules.MIXED_CURRENCIES if currency is None else None


def _ratio(
    id: str,
    unit: str,
    cut: Grouping,
    rows: Sequence[Row],
    ask: Ask,
    experiment: Experiment,
    scale: float,
    clusters: str,
    note: str,
    known: tuple[int, str],
    reason: str | None,
) -> list[Estimate]:
    """Return y / x of each arm over its clusters (people with an order or a message), and the differences."""

    def interval(row: Row) -> Interval | None:
        if unit == "share" and (int(row["xx"]) == int(row["x"]) or int(row["y"]) in (0, int(row["x"]))):
            # One message a person, or none that differs from the others: then people are counted, not messages.
            people = int(row[clusters])
            return intervals.wilson(people if int(row["y"]) == int(row["x"]) else int(row["y"]), people, ask.confidence)
        y, yy, xy = float(row["y"]) / scale, float(row["yy"]) / scale**2, float(row["xy"]) / scale
        return intervals.ratio_of_sums(int(row[clusters]), y, float(row["x"]), yy, float(row["xx"]), xy, ask.confidence)

    def make(row: Row, by: dict[str, str]) -> Estimate:
        x, units = int(row["x"]), int(row[clusters])
        if not x:
            return rules.absent(id, rules.NO_DENOMINATOR, by, unit=unit, n=0)
        if units < ask.suppress_n:
            return rules.suppressed(id, ask, by, unit=unit)
        found = interval(row)
        bounded = found._replace(low=max(0.0, found.low), high=min(1.0, found.high)) if found and unit == "share" else found
        made = rules.from_interval(id, bounded, n=x, unit=unit, by=by, value=float(row["y"]) / scale / x)
        small = rules.smallness(units, int(row["y"]) if unit == "share" else None, ask)
        return rules.with_note(rules.with_note(made, note), small)

    def difference(one: Row, other: Row) -> Interval | None:
        a, b = interval(one), interval(other)
        return intervals.difference_of(a, b, ask.confidence) if a is not None and b is not None else None

    return _told(id, unit, cut, rows, ask, experiment, make, difference, known, reason=reason)


def _told(
    id: str,
    unit: str,
    cut: Grouping,
    rows: Sequence[Row],
    ask: Ask,
    experiment: Experiment,
    make: Callable[[Row, dict[str, str]], Estimate],
    difference: Callable[[Row, Row], Interval | None],
    known: tuple[int, str],
    *,
    reason: str | None = None,
) -> list[Estimate]:
    """Return the arms, under rule E1, and their differences `<id>_difference`; `known` is until when that which they are read
    from is known, and the note of it."""
    immature = not experiments.is_over(experiment, known[0])
    why, why_note = (rules.IMMATURE, known[1]) if immature else (reason, "")
    hide = cut.hidden(rows, "people", ask)
    arms: list[tuple[Estimate, Row]] = []
    for row in rows:
        by = {**cut.by(row), "experiment": experiment.name}
        if cut.attribute and by[cut.attribute] in hide:
            arms.append((rules.suppressed(id, ask, by, unit=unit), row))
        else:
            arms.append((rules.absent(id, why, by, unit=unit, note=why_note) if why else make(row, by), row))
    label, out = experiments.label_of(experiment), [one for one, _ in arms]
    for arm, against in experiments.pairs(experiment, dict.fromkeys((one.by[ARM] for one, _ in arms), 0)):
        for one, row in arms:
            if one.by[ARM] != arm:
                continue
            found = next(((e, r) for e, r in arms if e.by == {**one.by, ARM: against}), None)
            by = {**one.by, "against": against}
            if found is None or one.value is None or found[0].value is None:
                missing = one.reason or (found[0].reason if found else None) or rules.NO_DENOMINATOR
                out.append(rules.absent(f"{id}_difference", missing, by, unit=rules.gap(unit), label=label, note=why_note))
                continue
            n = (one.n or 0) + (found[0].n or 0)
            made = rules.from_interval(
                f"{id}_difference", difference(row, found[1]), n=n, unit=rules.gap(unit), by=by, label=label
            )
            out.append(rules.with_note(made, rules.TOO_FEW if rules.too_few(one) or rules.too_few(found[0]) else ""))
    return out
