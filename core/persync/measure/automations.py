"""Automations (catalogue 164 to 172): who entered, what was sent, who reached the goal, what it brought, what a holdout says.

An automation's messages are the campaigns that their platform calls automated, or that the settings name. Which kind of
automation a message is of is told by [automations.NAME], else by its workflow or title.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from persync.attribution.horizon import orders_note, orders_until
from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.errors import ConfigError
from persync.estimate import RAW, Estimate
from persync.measure import automated, carts, counts, experiments, intervals, returns, rules
from persync.measure.carts import AFTER
from persync.measure.metric import Ask, Metric
from persync.measure.rules import DAY
from persync.measure.slices import check
from persync.measure.texts import EVER, bounds, join, piece, run, write
from persync.money import exponent

NO_AUTOMATION: Final = "no_automation"
NO_SENDS: Final = "no_sends"
NO_CHATS: Final = "no_chats"
NO_SESSIONS: Final = "no_sessions"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of automation: the words that give it away, and its goal."""

    id: str
    number: str
    title: str
    words: tuple[str, ...]
    goal: str
    first: bool = False
    """only people without an order before they entered, whose goal is the first one"""


KINDS: Final = (
    Kind("welcome_series", "164", "Welcome series", ("welcome",), "a first order", first=True),
    Kind("abandoned_cart", "165", "Abandoned carts", ("abandon", "cart"), "an order"),
    Kind("birthday", "166", "Birthday messages", ("birthday", "anniversary"), "an order"),
    Kind("post_purchase", "167", "After a purchase", ("postpurchase", "afterpurchase", "purchasefollow"), "a further order"),
    Kind("onboarding", "168", "Onboarding", ("onboard", "gettingstarted"), "an order"),
    Kind("reengagement", "169", "Win-back and re-engagement", ("winback", "reengag", "lapsed", "missyou"), "an order"),
    Kind("lead_follow_up", "170", "Follow-up of leads", ("leadfollow", "leadnurtur", "nurtur"), "a first order", first=True),
)
_MESSAGES: Final = (
    "SELECT COALESCE(co.campaign_id, c.campaign_key) AS campaign_id, MIN(c.title) AS title, MIN(e.detail) AS workflow,"
    " MIN(c.created_at) AS created_at,"
    " MAX(CASE WHEN LOWER(COALESCE(c.kind, '')) LIKE '%automat%' OR e.detail IS NOT NULL THEN 1 ELSE 0 END) AS is_automated"
    " FROM campaigns AS c LEFT JOIN campaign_of AS co ON co.campaign_key = c.campaign_key"
    " LEFT JOIN campaign_evidence AS e ON e.campaign_key = c.campaign_key AND e.kind = 'workflow'"
    " GROUP BY COALESCE(co.campaign_id, c.campaign_key) ORDER BY 4, 1"
)


@dataclass(frozen=True, slots=True)
class Found:
    """The messages of one kind: {campaign_id: title}, the goal's days, and the experiments that hold people out."""

    messages: Mapping[int, str]
    goal_days: float
    experiments: tuple[str, ...]


def _plain(text: object) -> str:
    return re.sub(r"[^a-z0-9]", "", str(text or "").lower())


def kind_of(title: object, workflow: object) -> str | None:
    """Return the kind that a message's workflow gives away, else its title; None when neither does."""
    for text in (_plain(workflow), _plain(title)):
        for kind in KINDS:
            if text and any(word in text for word in kind.words):
                return kind.id
    return None


def messages(engine: Engine, ask: Ask, kind: str) -> Found:
    """Return the messages of a kind of automation. What the settings say of a message goes before what its name does."""
    named = ask.segments.automations
    own = {name: one for name, one in named.items() if one.kind == kind}
    found: dict[int, str] = {}
    for row in engine.rows(_MESSAGES):
        names = {_plain(row["title"]), _plain(row["workflow"])} - {""}
        said = [one.kind for one in named.values() if names & {_plain(text) for text in one.match}]
        guessed = kind_of(row["title"], row["workflow"]) if row["is_automated"] else None
        if kind in said or (not said and guessed == kind):
            found[int(row["campaign_id"])] = str(row["title"] or f"message {row['campaign_id']}")
    days = max((one.goal_days for one in own.values()), default=30.0)
    return Found(found, days, tuple(one.experiment for one in own.values() if one.experiment))


def automation(kind: Kind, engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the goals an entry, and beside it entries, messages a step, engagement, money, unsubscribes, days to the goal
    and what holdouts say."""
    check(ask.by, (), kind.id)
    build_orders(engine)
    found = messages(engine, ask, kind.id)
    out = carts.recovered(engine, ask, found.goal_days) if kind.id == "abandoned_cart" else []
    id = "abandoned_cart_messages" if out else kind.id
    out += _entries(engine, ask, kind, found, id)
    out += _held_out(engine, ask, found, kind.id)
    return [replace(one, period=one.period or ask.period) for one in out]


def _entries(engine: Engine, ask: Ask, kind: Kind, found: Found, id: str) -> list[Estimate]:
    if not found.messages:
        note = f"no automated message is known as {kind.title.lower()}: name it in [automations.NAME], kind {kind.id}"
        return [rules.absent(id, NO_AUTOMATION, {}, unit="share", note=note)]
    steps = _steps(engine, ask, found, kind.id)
    until = orders_until(engine, ask)
    keys = {f"campaign_{i}": key for i, key in enumerate(found.messages)}
    entries_sql = piece("automation_entries").replace("/*campaigns*/", ", ".join(f":{name}" for name in keys))
    sql = f"WITH {piece('order_money')},\n{entries_sql}"
    params: dict[str, Any] = {
        **keys,
        **bounds(ask.period),
        "gross": int(ask.basis == "gross"),
        "goal_ms": round(found.goal_days * DAY),
        "ever": EVER,
        "until": until,
        "first": int(kind.first),
    }
    write(engine, sql, params, "automation_entries")
    (row,) = engine.rows("SELECT COUNT(*) AS entries, COALESCE(SUM(e.is_over), 0) AS over FROM automation_entries AS e")
    entries = int(row["entries"])
    if not entries:
        note = "the platform does not tell whom it mailed, or nobody was: the steps below are its own totals"
        return [rules.absent(id, NO_SENDS, {}, unit="share", note=note), *steps]
    entered = counts.counted(f"{kind.id}_entered", entries, ask, {})
    if entries < ask.suppress_n:
        return [rules.suppressed(id, ask, {}, unit="share")]
    goal = f"{kind.goal} within {found.goal_days:g} days of entering; {AFTER}"
    over = "SELECT e.* FROM automation_entries AS e WHERE e.is_over = 1"
    if int(row["over"]):
        rate = rules.with_note(counts.clustered_share(id, _per_person(engine, "reached", over), ask, {}), goal)
        money = _money(engine, ask, f"{kind.id}_revenue_per_entry", over)
    else:
        told = orders_note(until, ask)
        rate = rules.with_note(rules.absent(id, rules.IMMATURE, {}, unit="share", n=0, note=goal), told)
        money = rules.absent(f"{kind.id}_revenue_per_entry", rules.IMMATURE, {}, note=told)
    every = "SELECT e.* FROM automation_entries AS e"
    shares = [
        counts.clustered_share(f"{kind.id}_{name}", _per_person(engine, column, every), ask, {})
        for name, column in (("engaged", "engaged"), ("unsubscribed", "parted"))
    ]
    return [rate, entered, *steps, shares[0], money, shares[1], _days(engine, ask, f"{kind.id}_days_to_goal", over)]


def _per_person(engine: Engine, column: str, source: str) -> Mapping[str, Any]:
    (row,) = engine.rows(
        f"SELECT COUNT(*) AS clusters, {counts.sums('y', 'x')} FROM"
        f" (SELECT e.person AS person, SUM(e.{column}) AS y, COUNT(*) AS x FROM ({source}) AS e GROUP BY e.person) AS p"
    )
    return row


def _money(engine: Engine, ask: Ask, id: str, source: str) -> Estimate:
    (money,) = engine.rows("SELECT MIN(m.currency) AS low, MAX(m.currency) AS high FROM money_orders AS m")
    currency = rules.one_currency([money["low"], money["high"]])
    if currency is None:
        return rules.absent(id, rules.MIXED_CURRENCIES, {})
    row = dict(_per_person(engine, "minor", source))
    scale = 10.0 ** exponent(currency)
    for name, power in (("y", 1), ("yy", 2), ("xy", 1)):
        row[name] = float(row[name] or 0) / scale**power
    return rules.with_note(counts.clustered_share(id, row, ask, {}, unit=currency or "money"), AFTER)


def _days(engine: Engine, ask: Ask, id: str, source: str) -> Estimate:
    (row,) = engine.rows(
        "SELECT COUNT(*) AS n, COALESCE(SUM(e.days), 0e0) AS total, COALESCE(SUM(e.days * e.days), 0e0) AS squares FROM"
        f" ({source}) AS e WHERE e.reached = 1"
    )
    n = int(row["n"])
    sample = intervals.moments(n, float(row["total"]), float(row["squares"])) if n else None
    return rules.with_note(rules.average(id, sample, n, ask, {}, unit="days"), "of those who reached the goal")


def _steps(engine: Engine, ask: Ask, found: Found, id: str) -> list[Estimate]:
    """Return the messages sent of each step: counted one by one, else the platform's own total, which knows no period."""
    keys = {f"campaign_{i}": key for i, key in enumerate(found.messages)}
    marks = ", ".join(f":{name}" for name in keys)
    sent = run(
        engine,
        "SELECT COALESCE(co.campaign_id, t.campaign_key) AS campaign_id, COUNT(*) AS sends FROM touchpoints AS t"
        " LEFT JOIN campaign_of AS co ON co.campaign_key = t.campaign_key WHERE t.action = 1 AND t.happened_at >= :from_at"
        f" AND t.happened_at < :to_at AND COALESCE(co.campaign_id, t.campaign_key) IN ({marks}) GROUP BY 1",
        {**keys, **bounds(ask.period)},
    )
    told = run(
        engine,
        join(
            piece("counters"),
            "SELECT COALESCE(co.campaign_id, cc.campaign_key) AS campaign_id, SUM(cc.sent) AS sends FROM "
            "campaign_counters AS cc"
            " JOIN newest AS n ON n.campaign_key = cc.campaign_key AND n.number = cc.number LEFT JOIN campaign_of AS co"
            " ON co.campaign_key = cc.campaign_key WHERE cc.variant = '' AND COALESCE(co.campaign_id, cc.campaign_key)"
            f" IN ({marks}) GROUP BY 1",
        ),
        keys,
    )
    known = {int(row["campaign_id"]): int(row["sends"]) for row in sent}
    totals = {int(row["campaign_id"]): int(row["sends"] or 0) for row in told}
    out = []
    for i, (campaign, title) in enumerate(found.messages.items(), 1):
        by = {"step": f"{i}: {title}"}
        if campaign in known:
            out.append(counts.counted(f"{id}_sent", known[campaign], ask, by))
        elif campaign in totals:
            note = "the platform's own total since it began, not of the period alone"
            out.append(rules.with_note(Estimate(f"{id}_sent", totals[campaign], n=totals[campaign], unit="count", by=by), note))
        else:
            out.append(rules.absent(f"{id}_sent", NO_SENDS, by, unit="count"))
    return out


def _held_out(engine: Engine, ask: Ask, found: Found, id: str) -> list[Estimate]:
    """Return what the experiments of an automation say: the only lines that may say "caused"."""
    known = experiments.known(engine, ask)
    out: list[Estimate] = []
    for name in found.experiments:
        by = {"experiment": name}
        if name not in known:
            out.append(rules.absent(f"{id}_incremental", returns.NO_EXPERIMENT, by, note="no experiment has this name"))
            continue
        try:
            read = experiments.read(engine, known[name], ask)
        except ConfigError as problem:
            out.append(rules.absent(f"{id}_incremental", returns.MISCONFIGURED, by, note=str(problem)))
            continue
        out += [replace(one, id=f"{id}_incremental") for one in read if one.id == "difference"]
    if out:
        return out
    note = "hold a random part of the entrants out, and name the experiment in [automations.NAME]"
    return [rules.absent(f"{id}_incremental", returns.NO_EXPERIMENT, {}, note=note)]


def chatbot_assist(engine: Engine, ask: Ask) -> list[Estimate]:
    """Return null: no source that is read tells of chats."""
    check(ask.by, (), "chatbot_assist")
    note = "no platform that persync reads tells which chats a bot answered; tickets alone do not say so"
    return [rules.absent("chatbot_assist", NO_CHATS, {}, unit="share", note=note)]


def in_app_and_web_message(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the share of visits that converted by the message or experience they were shown."""
    id = "in_app_and_web_message"
    check(ask.by, (), id)
    rows = run(
        engine,
        f"SELECT p.experience AS experience, COUNT(*) AS clusters, {counts.sums('y', 'x')} FROM"
        " (SELECT v.experience AS experience,"
        " COALESCE(CAST(po.person AS VARCHAR(20)), v.session) AS visitor, SUM(v.is_converted) AS y, COUNT(*) AS x"
        " FROM sessions AS v LEFT JOIN person_of AS po ON po.key_id = v.key_id WHERE v.experience IS NOT NULL AND"
        " v.experience <> '' AND v.is_converted IS NOT NULL AND v.started_at >= :from_at AND v.started_at < :to_at"
        " GROUP BY v.experience, COALESCE(CAST(po.person AS VARCHAR(20)), v.session)) AS p GROUP BY p.experience ORDER BY 1",
        bounds(ask.period),
    )
    if not rows:
        note = "import sessions with the columns experience and converted to know"
        return [replace(rules.absent(id, NO_SESSIONS, {}, unit="share", label=RAW, note=note), period=ask.period)]
    hide = rules.hidden({str(row["experience"]): int(row["clusters"]) for row in rows}, ask.suppress_n)
    out = []
    for row in rows:
        by = {"experience": str(row["experience"])}
        hidden = by["experience"] in hide
        made = rules.suppressed(id, ask, by, unit="share") if hidden else counts.clustered_share(id, row, ask, by)
        out.append(replace(made, label=RAW, period=ask.period))
    return out


_DATA: Final = ("campaigns", "campaign_evidence", "campaign_counters", "touchpoints", "orders", "order_of", "order_ledger")


def _metric(kind: Kind) -> Metric:
    compute: Callable[[Engine, Ask], Sequence[Estimate]] = partial(automation, kind)
    is_cart = kind.id == "abandoned_cart"
    what = (
        "Of the carts left for an hour or more in a system that tells what became of them, the share bought within the "
        "goal's days (30), in all and by whether a reminder was sent; what they "
        "were worth and what discounts on them cost. Beside it the messages: "
        if is_cart
        else f"Entries into the automation after which {kind.goal} followed within the goal's days (30) or before the "
        "next entry. "
        "Beside it: "
    )
    return Metric(
        kind.id,
        kind.title,
        what + "entries, messages of each step, entries with an open or click of a person's own, revenue an entry, "
        "unsubscribes, days "
        "to the goal, and the difference to a holdout where [automations.NAME] names an experiment.",
        "carts bought ÷ carts left" if is_cart else "entries that reached the goal ÷ entries",
        "share",
        compute,
        number=kind.number,
        edge_cases="Entries younger than the goal's days are left out; none old enough: null, immature. A message is "
        "of this kind "
        "by [automations.NAME], else by its workflow or title; none: null, no_automation. A platform that does not tell whom "
        "an automation mailed: null, no_sends, with its totals. Only the holdout's line may say caused.",
        data=(*_DATA, "carts") if is_cart else _DATA,
    )


METRICS: Sequence[Metric] = (
    *(_metric(kind) for kind in KINDS),
    Metric(
        "chatbot_assist",
        "Chatbot",
        "Conversions after a chat with a bot, and tickets it saved.",
        "visits with a chat that converted ÷ visits with a chat",
        "share",
        chatbot_assist,
        number="171",
        edge_cases="Always null, no_chats, for now: no platform that is read tells of chats.",
        data=("tickets",),
    ),
    Metric(
        "in_app_and_web_message",
        "Messages on the site and in the app",
        "The share of visits that converted, by the experience the visit was shown.",
        "converted visits ÷ visits that were shown it",
        "share",
        in_app_and_web_message,
        number="171b",
        edge_cases="A raw difference between experiences. A visitor who came often is one unit of the interval. No "
        "sessions with "
        "an experience: null, no_sessions.",
        data=("sessions",),
    ),
    *automated.METRICS,
)
