"""On what consent people were mailed, how long it holds, and the messages that went out without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import rules
from persync.measure.ethics.common import TITLES, counted, day
from persync.measure.grouping import ANY_ATTRIBUTE, PEOPLE_DIMENSIONS, grouping, hidden
from persync.measure.metric import Ask, Metric
from persync.measure.slices import check
from persync.measure.texts import bounds, join, piece, run, write

STATES: Final = (
    "confirmed opt-in",
    "single opt-in",
    "consent",
    "unstated",
    "legitimate interest",
    "contract",
    "implied",
    "recorded later",
    "pending",
    "none",
    "expired",
    "withdrawn",
)
"""what can stand behind a message, the surest first"""
VIOLATIONS: Final = {
    "withdrawn": "sent after the consent was withdrawn",
    "expired": "sent after an implied consent had run out",
    "pending": "sent while the consent was asked for and not given",
    "none": "sent with no consent recorded",
}
SUBSCRIBED: Final = STATES[:4]
SOON_DAYS: Final = 90
NO_CONSENTS: Final = "no_consents"
DIMENSIONS: Final = (*PEOPLE_DIMENSIONS, ANY_ATTRIBUTE)


def build(engine: Engine, ask: Ask) -> bool:
    """Write `message_consents`, one row a person and message of the period; tell whether any system tells of consents."""
    build_orders(engine)
    pieces = (piece(name) for name in ("owned_orders", "campaign_grades", "sends", "message_consents"))
    text = join(*pieces, "SELECT x.* FROM message_consents AS x")
    write(engine, text, bounds(ask.period), "message_consents")
    known = "SELECT 1 AS one FROM consents AS c UNION ALL SELECT 1 AS one FROM consent_changes AS g LIMIT 1"
    return bool(engine.rows(known))


def consent_basis(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the share of recipients by what stood behind the last message they got, and `double_opt_in`, the share of those
    who subscribed of whom a confirmed opt-in is recorded."""
    id = "consent_basis"
    known = build(engine, ask)
    cut = grouping(engine, ask, id, valid=DIMENSIONS, people="message_consents")
    if not known:
        return [replace(rules.absent(id, NO_CONSENTS, {}, unit="share"), period=ask.period)]
    last = (
        "last_state AS (SELECT y.person AS person, y.state AS state FROM (SELECT m.person AS person, m.state AS state,"
        " ROW_NUMBER() OVER (PARTITION BY m.person ORDER BY m.last_sent_at DESC, m.campaign_id DESC, m.connection) AS place"
        " FROM message_consents AS m) AS y WHERE y.place = 1)"
    )
    final = (
        f"SELECT l.state AS state, COUNT(*) AS people{cut.columns} FROM last_state AS l"
        f" JOIN grouped AS g ON g.person = l.person GROUP BY l.state{cut.grouping}"
    )
    rows = run(engine, join(*cut.texts, last, final), cut.params)
    tables: dict[tuple[tuple[str, str], ...], dict[str, int]] = {}
    for row in rows:
        tables.setdefault(tuple(cut.by(row).items()), {})[str(row["state"])] = int(row["people"])
    cells = [({**dict(key), "state": state}, n) for key, table in tables.items() for state, n in table.items()]
    hide = hidden(cells, "state", ask)
    groups = [(dict(key), sum(table.values())) for key, table in tables.items()]
    small = hidden(groups, cut.attribute, ask) if cut.attribute else frozenset()
    out = []
    for key, table in sorted(tables.items()) or [((), {})]:
        by, people = dict(key), sum(table.values())
        is_small = bool(cut.attribute and by.get(cut.attribute, "") in small)
        for state in [one for one in STATES if any(one in other for other in tables.values())] or STATES[:1]:
            here = {**by, "state": state}
            if is_small or state in hide:
                out.append(rules.suppressed(id, ask, here, unit="share"))
            else:
                out.append(rules.share(id, table.get(state, 0), people, ask, here))
        subscribed = sum(table.get(state, 0) for state in SUBSCRIBED)
        if is_small or hide & set(SUBSCRIBED):
            out.append(rules.suppressed("double_opt_in", ask, by, unit="share"))
        else:
            out.append(rules.share("double_opt_in", table.get(STATES[0], 0), subscribed, ask, by))
    return [replace(one, period=ask.period) for one in out]


def implied_consent(engine: Engine, ask: Ask) -> list[Estimate]:
    """Count the recipients who may be mailed for a purchase or an inquiry alone, and of them those whose time is up within 90
    days of now (`implied_consent_ending`)."""
    check(ask.by, (), "implied_consent")
    if not build(engine, ask):
        return [replace(rules.absent("implied_consent", NO_CONSENTS, {}, unit="count"), period=ask.period)]
    sql = (
        "SELECT COUNT(*) AS people, SUM(CASE WHEN p.until_at < :soon_at THEN 1 ELSE 0 END) AS ending FROM (SELECT"
        " m.person AS person, MAX(m.implied_until) AS until_at FROM message_consents AS m WHERE m.state = 'implied'"
        " AND m.implied_until IS NOT NULL GROUP BY m.person) AS p WHERE p.until_at >= :now"
    )
    (row,) = run(engine, sql, {"now": ask.now, "soon_at": ask.now + SOON_DAYS * rules.DAY})
    people, ending = int(row["people"]), int(row["ending"] or 0)
    hide = rules.hidden({"ending": ending, "later": people - ending}, ask.suppress_n)
    out = [counted("implied_consent", people, ask, {}), counted("implied_consent_ending", ending, ask, {})]
    if hide:
        out[1] = rules.suppressed("implied_consent_ending", ask, {}, unit="count")
    return [replace(one, n=people if one.value is not None else None, period=ask.period) for one in out]


def consent_violations(engine: Engine, ask: Ask) -> list[Estimate]:
    """List the messages that went to people without a consent that held, with the day and how many days late: first their
    number in all, then one for each message and kind, the newest first. Nobody is named."""
    id = "consent_violations"
    check(ask.by, (), id)
    if not build(engine, ask):
        return [replace(rules.absent(id, NO_CONSENTS, {}, unit="count"), period=ask.period)]
    kinds = ", ".join(f"'{kind}'" for kind in VIOLATIONS)
    sql = (
        "SELECT m.campaign_id AS campaign_id, m.state AS state, COUNT(DISTINCT m.person) AS people,"
        " MIN(m.last_sent_at) AS first_at, MAX(m.last_sent_at) AS last_at,"
        " MIN(m.last_sent_at - COALESCE(m.withdrawn_at, m.implied_until)) AS least,"
        " MAX(m.last_sent_at - COALESCE(m.withdrawn_at, m.implied_until)) AS most,"
        " MAX(t.vendor) AS vendor, MAX(t.title) AS title"
        " FROM message_consents AS m LEFT JOIN titles AS t ON t.campaign_id = m.campaign_id"
        f" WHERE m.state IN ({kinds}) GROUP BY m.campaign_id, m.state"
    )
    found = run(engine, join(TITLES, sql), {})
    (sent,) = run(engine, "SELECT COUNT(*) AS n FROM message_consents AS m", {})
    sizes = {_key(row): int(row["people"]) for row in found}
    hide = rules.hidden(sizes, ask.suppress_n)
    whole = counted(id, sum(sizes.values()), ask, {})
    note = "messages to one person each, of all that were checked"
    out = [rules.with_note(replace(whole, n=int(sent["n"])), note)]
    for row in sorted(found, key=lambda row: (-int(row["last_at"]), str(row["state"]), int(row["campaign_id"]))):
        out.append(_listed(id, row, ask, is_hidden=_key(row) in hide))
    return [replace(one, period=ask.period) for one in out]


def _key(row: Any) -> str:
    return f"{row['campaign_id']} {row['state']}"


def _listed(id: str, row: Any, ask: Ask, *, is_hidden: bool) -> Estimate:
    vendor = str(row["vendor"] or row["campaign_id"])
    days = [day(int(row[name]), ask) for name in ("first_at", "last_at")]
    by = {
        "violation": str(row["state"]),
        "msg": vendor,
        "title": str(row["title"] or vendor),
        "date": days[0] if days[0] == days[1] else f"{days[0]} to {days[1]}",
    }
    made = counted(id, int(row["people"]), ask, by, is_hidden=is_hidden)
    return rules.with_note(made, "; ".join(filter(None, (VIOLATIONS[by["violation"]], _late(row)))))


def _late(row: Any) -> str:
    if row["least"] is None or str(row["state"]) not in ("withdrawn", "expired"):
        return ""
    least, most = (int(row[name]) / rules.DAY for name in ("least", "most"))
    return f"{least:,.1f} days late" if f"{least:.1f}" == f"{most:.1f}" else f"{least:,.1f} to {most:,.1f} days late"


_DATA: Final = ("touchpoints", "consents", "consent_changes", "campaigns", "attributes", "orders", "order_of", "tickets")
METRICS: Sequence[Metric] = (
    Metric(
        "consent_basis",
        "What consent stood behind the mail",
        "The recipients of the period by what was recorded when they got their last message: a confirmed, single or unstated "
        "opt-in, another basis, one that was implied, has run out or was withdrawn, or none; and of those who subscribed, the "
        "share whose opt-in was confirmed (double_opt_in).",
        "recipients whose last message stood on this basis ÷ recipients",
        "share",
        consent_basis,
        number="140",
        dimensions=DIMENSIONS,
        edge_cases="A subscription dated after the message is `recorded later`, no basis for it. A withdrawal counts for its "
        "own list; one whose list is not told, and a complaint, for all of its platform; one from your own files everywhere. "
        "An undated withdrawal, and one from a single type of subscription, cannot be held against a message. People with "
        "the attribute country CA and no express consent: implied for 730 days after a purchase, 182 after a ticket, then "
        "expired. Receipts and the question for an opt-in need none. No system tells of consents: null, no_consents.",
        data=_DATA,
    ),
    Metric(
        "implied_consent",
        "Implied consents, and those about to end",
        "Recipients in Canada who may be mailed for a purchase or an inquiry alone as of today, and of them those whose time "
        "runs out within 90 days (implied_consent_ending).",
        "recipients with a purchase within 730 days or a ticket within 182 days and no express consent",
        "count",
        implied_consent,
        number="140",
        edge_cases="Only people with the attribute country are known to be in Canada. Dates are those of the period's last "
        "message: a purchase after it is not in them.",
        data=_DATA,
    ),
    Metric(
        "consent_violations",
        "Messages without a consent that held",
        "Each message of the period that went to people who had withdrawn, whose implied consent had run out, who had not "
        "answered yet or of whom nothing is recorded: its day, how many people, and how many days late. First of all their "
        "number.",
        "messages to one person each, by message and kind",
        "count",
        consent_violations,
        number="140",
        edge_cases="A list for a person to look at, no finding of law: an existing customer may be mailed without a recorded "
        "consent in some countries. Fewer people than suppress_n are listed without their number, and as many others as it "
        "takes so that the total does not tell it; a total of so few is not told either. Nobody is named.",
        data=_DATA,
    ),
)
