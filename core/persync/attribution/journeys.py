"""Journeys: what the people of an order did before it. The SQL texts beside this file hold the definitions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from persync.attribution.models import AttributionModel
from persync.engine.engine import Engine
from persync.engine.texts import load
from persync.errors import ConfigError, nearest

if TYPE_CHECKING:
    from persync.measure.metric import Ask

PACKAGE: Final = "persync.attribution"
DAY_MS: Final = 86_400_000
KINDS: Final = {"click": 4, "visit": 9, "direct": 9, "open": 3, "send": 1}
"""The kinds of touches and their actions; direct is a click or visit of that channel."""
OWN_WINDOWS: Final = {"open": 5.0, "send": 1.0}
"""The look-back in days of the kinds that are no sign of interest by themselves, unless it is set."""
MAIL_CLICK_DAYS: Final = 30
MAIL_OPEN_DAYS: Final = 5
"""Mailchimp credits the last mail clicked within 30 days or opened within 5."""
ASKED: Final = "JOIN asked_orders AS a ON a.order_id = {0}.order_id"
_ORDER: Final = "PARTITION BY f.order_id ORDER BY f.happened_at, f.tie, f.ordinal, f.key_id"
_RUNNING: Final = "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
_REVERSED: Final = """
    UNION
    SELECT k.connection, k.key_id, k.campaign_key, k.happened_at, 4 AS action
    FROM visits AS v
    JOIN kept AS k ON k.person = v.person
    WHERE k.happened_at <= v.happened_at + 60000
        AND (
            (v.campaign_key <> 0 AND k.campaign_id = v.campaign_id AND k.happened_at >= v.happened_at - 1800000)
            OR (v.is_unknown_mail = 1 AND k.channel = v.channel AND k.happened_at >= v.happened_at - 300000)
        )
        AND {click} > 0e0
        AND {click} < {visit}"""
"""the clicks that a visit stands for; a click that does not count stays, for the e-mail rule to see"""
_MILESTONES: Final = re.compile(r"\bj\.(is_lead|is_opportunity|has_lead|has_opportunity|lead_position|opportunity_position)\b")


def build_orders(engine: Engine) -> None:
    """Write `money_orders`: one row an order whose money counts (order_id, order_key, ordered_at, currency, is_counted)."""
    engine.write(load("money_orders", PACKAGE), None, "money_orders")


def build_touches(engine: Engine, days: Mapping[str, float] | None = None) -> None:
    """Write `touches`: every click and visit with its person, its campaign and why it is not a touch (`reason`, "" = it is).

    `days` is the look-back of each kind that counts (`windows`), by which one of two records of one touch stays; without it
    every kind counts alike.
    """
    _build_odd(engine, days)
    engine.write(_touches("4, 9"), None, "touches")


def order_touches(engine: Engine, order_id: int) -> list[dict[str, Any]]:
    """Return all that the people of an order did and were sent, in order, with what marks it as `odd`. Needs `build`."""
    whose = "\n    AND t.key_id IN (SELECT k.key_id FROM known AS k)"
    return engine.rows(filled("order_touches", {"touches": _touches("1, 3, 4, 9", whose)}), {"order_id": order_id})


def build_asked(engine: Engine, ask: Ask) -> bool:
    """Write `asked_orders` (order_id): those that `ask.period` and `ask.lift` ask for; without a period, where all are, write
    nothing and return False. Needs `money_orders`."""
    if ask.period is None:
        return False
    begin, end = ask.period
    longest = round(max(*windows(ask).values(), MAIL_CLICK_DAYS) * DAY_MS)
    lift = ask.lift if ask.lift is not None and ask.lift.incremental.value is not None else None
    params = {
        "period_from": begin,
        "period_to": end,
        "placed_to": end + (longest if ask.reporting == "accrual" else 0),
        "lift_from": lift.from_at if lift is not None else 0,
        "lift_to": lift.to_at if lift is not None else 0,
    }
    engine.write(load("asked_orders", PACKAGE), params, "asked_orders")
    return True


def build(engine: Engine, ask: Ask, models: Sequence[AttributionModel] = (), *, narrow: bool = False) -> None:
    """Write `journeys`: one row an order and touch within the look-back before the order, with what `models` ask of it; with
    `narrow` those of `asked_orders` alone.

    Reads `ask.kinds`, `ask.windows`, `ask.lookback_days`, `ask.path` and the time zone. What only some models weigh is
    worked out for them alone: the milestones, and the mail that the e-mail rule credits; otherwise it is 0. Raise
    ConfigError for a kind that there is not.
    """
    days = windows(ask)
    mail, marks = any(model.email_rule for model in models), any(_MILESTONES.search(model.weight) for model in models)
    longest = round(max([*days.values(), MAIL_CLICK_DAYS if mail else 0]) * DAY_MS)
    build_orders(engine)
    engine.write(load("order_owners", PACKAGE), None, "order_owners")
    asked = ASKED.format("w") if narrow and build_asked(engine, ask) else ""
    engine.write(filled("order_buyers", {"asked": asked}), None, "order_buyers")
    _build_odd(engine, days)
    if marks:
        engine.write(load("milestones", PACKAGE), {"longest_ms": longest}, "milestones")
    since = ask.path == "since_last_order"
    if since:
        offset, moments = offset_sql(engine, ask.timezone)
        engine.write(filled("previous_orders", {"offset": offset}), moments, "previous_orders")
    words = _words(days, mail=mail, marks=marks, since=since)
    params = {f"{kind}_ms": round(each * DAY_MS) for kind, each in days.items()}
    mails = {"mail_click_ms": MAIL_CLICK_DAYS * DAY_MS, "mail_open_ms": MAIL_OPEN_DAYS * DAY_MS}
    engine.write(filled("journeys", words), {**params, **mails, "longest_ms": longest}, "journeys")


def windows(ask: Ask) -> dict[str, float]:
    """Return the look-back in days of each kind that counts. Raise ConfigError for an unknown kind, or when none counts."""
    for kind in (*ask.kinds, *ask.windows):
        if kind not in KINDS:
            raise ConfigError(f"there is no kind of touch '{kind}'.", hint=nearest(kind, list(KINDS)))
    if not ask.kinds:
        raise ConfigError("no kind of touch counts.", hint=f"Name some of {', '.join(KINDS)}.")
    return {kind: ask.windows.get(kind, OWN_WINDOWS.get(kind, ask.lookback_days)) for kind in KINDS if kind in ask.kinds}


def filled(name: str, words: dict[str, str]) -> str:
    """Return a text of this package with each `/*word*/` replaced."""
    return re.sub(r"/\*(\w+)\*/", lambda match: words[match[1]], load(name, PACKAGE))


def _touches(actions: str, whose: str = "") -> str:
    return filled("touches", {"actions": actions, "whose": whose})


def _build_odd(engine: Engine, days: Mapping[str, float] | None) -> None:
    """Write `odd_touches`: a table of its own, so that the engine knows how small it is when it plans the journeys."""
    reach = [0.0 if days is None else days.get(kind, 0.0) for kind in ("click", "visit", "direct")]
    words = {"stands": "", "reversed": ""}
    if len(set(reach)) > 1:
        found = engine.rows("SELECT w.word FROM words AS w WHERE w.text = 'direct'")
        direct = int(found[0]["word"]) if found else -1
        click, visit = (
            f"CASE WHEN {side}.channel = {direct} THEN {reach[2]:e} ELSE {own:e} END"
            for side, own in (("k", reach[0]), ("v", reach[1]))
        )
        words["stands"] = f" AND {click} >= {visit}"
        words["reversed"] = _REVERSED.format(click=click, visit=visit)
    engine.write(filled("odd_touches", words), None, "odd_touches")


def _words(days: dict[str, float], *, mail: bool, marks: bool, since: bool) -> dict[str, str]:
    """Return what stands for each word of journeys.sql."""
    counts, by_channel = _counts(days)
    joins, flags = [], []
    if since:
        joins.append("LEFT JOIN previous_orders AS v ON v.order_id = q.order_id")
        counts += " AND (v.since_at IS NULL OR t.happened_at > v.since_at)"
    if marks:
        joins.append("LEFT JOIN milestones AS s ON s.order_id = q.order_id")
        flags += ["s.lead_at", "s.opportunity_at"]
    is_mail = (
        "w.text = 'email' AND q.ordered_at - t.happened_at"
        " <= CASE WHEN t.action IN (4, 9) THEN :mail_click_ms WHEN t.action = 3 THEN :mail_open_ms ELSE -1 END"
    )
    if mail:
        flags += [f"CASE WHEN {counts} THEN 1 ELSE 0 END AS is_touch", f"CASE WHEN {is_mail} THEN 1 ELSE 0 END AS is_mail"]
    if mail or by_channel:
        joins.append("LEFT JOIN words AS w ON w.word = t.channel")
    place = f"ROW_NUMBER() OVER ({_ORDER})"
    position = f"CASE WHEN f.is_touch = 1 THEN CAST(SUM(f.is_touch) OVER ({_ORDER} {_RUNNING}) AS BIGINT) ELSE 0 END"
    aggregates, carried = [], []
    if mail:
        aggregates.append("MAX(CASE WHEN p.is_mail = 1 THEN p.place ELSE 0 END) AS last_mail")
        carried.append("MAX(n.last_mail) AS last_mail")
    if marks:
        for name in ("lead", "opportunity"):
            aggregates.append(f"MAX(CASE WHEN p.happened_at <= p.{name}_at THEN p.position ELSE 0 END) AS {name}_position")
            carried.append(f"MAX(n.{name}_position) AS {name}_position")
    actions = {KINDS[kind] for kind in days} | ({3, 4, 9} if mail else set())
    return {
        "flags": "".join(f",\n        {flag}" for flag in flags),
        "joins": "\n    ".join(joins),
        "actions": ", ".join(str(action) for action in sorted(actions)),
        "least": str(min(actions)),
        "counts": f"({counts}) OR ({is_mail})" if mail else counts,
        "places": f"{place} AS place,\n        {position} AS position" if mail else f"{place} AS position",
        "touches": "CAST(SUM(p.is_touch) AS BIGINT)" if mail else "COUNT(*)",
        "first": "MIN(CASE WHEN p.is_touch = 1 THEN p.position END)" if mail else "MIN(p.position)",
        "marks": "".join(f",\n        {each}" for each in aggregates),
        "carried": "".join(f",\n        {each}" for each in carried),
        "is_touch": "p.is_touch" if mail else "1",
        "is_last_email": "CASE WHEN p.place = c.last_mail THEN 1 ELSE 0 END" if mail else "0",
        "milestones": ",\n    ".join(_milestone(name, known=marks) for name in ("lead", "opportunity")),
        "kept": "WHERE p.is_touch = 1 OR p.place = c.last_mail" if mail else "",
    }


def _counts(days: dict[str, float]) -> tuple[str, bool]:
    """Return the condition that a touch is of a kind that counts and young enough, and whether it asks for the channel."""
    age = "q.ordered_at - t.happened_at"
    limits = {kind: f":{kind}_ms" if kind in days else "-1" for kind in KINDS}
    if days.keys() == {"click", "visit", "direct"} and len(set(days.values())) == 1:
        return f"t.action IN (4, 9) AND {age} <= :click_ms", False
    cases = [f"WHEN t.action = {KINDS[kind]} THEN {limits[kind]}" for kind in ("click", "visit", "open", "send")]
    direct = f"WHEN w.text = 'direct' AND t.action IN (4, 9) THEN {limits['direct']}"
    return f"{age} <= CASE {' '.join([direct, *cases])} ELSE -1 END", True


def _milestone(name: str, *, known: bool) -> str:
    if not known:
        return f"0 AS is_{name},\n    0 AS has_{name},\n    0 AS {name}_position"
    return (
        f"CASE WHEN p.position > 0 AND p.position = c.{name}_position THEN 1 ELSE 0 END AS is_{name},\n"
        f"    CASE WHEN c.{name}_position > 0 THEN 1 ELSE 0 END AS has_{name},\n    c.{name}_position"
    )


def offset_sql(engine: Engine, timezone: str) -> tuple[str, dict[str, Any]]:
    """Return SQL for the offset from UTC in ms at `m.ordered_at`, with the moments at which the zone's clocks changed."""
    span = engine.rows("SELECT MIN(m.ordered_at) AS first_at, MAX(m.ordered_at) AS last_at FROM money_orders AS m")[0]
    if span["first_at"] is None:
        return "0", {}
    zone = ZoneInfo(timezone)

    def at(moment: int) -> int:
        offset = datetime.fromtimestamp(moment / 1000, UTC).astimezone(zone).utcoffset() or timedelta()
        return round(offset.total_seconds() * 1000)

    changes: list[tuple[int, int]] = []
    moment, last = int(span["first_at"]), int(span["last_at"])
    while moment < last:
        step = min(moment + 7 * DAY_MS, last)
        if at(step) != at(moment):
            low, high = moment, step
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if at(middle) == at(low) else (low, middle)
            changes.append((high, at(low)))
        moment = step
    cases = " ".join(f"WHEN m.ordered_at < :change{i} THEN {offset}" for i, (_, offset) in enumerate(changes))
    ending = at(last)
    return (f"CASE {cases} ELSE {ending} END" if cases else str(ending)), {f"change{i}": c[0] for i, c in enumerate(changes)}
