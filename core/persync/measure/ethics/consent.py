"""On what consent people were mailed, how long it holds, and the messages that went out without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import rules
from persync.measure.ethics.common import TITLES, counted, dates
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
    "recorded later": "sent before the consent was recorded",
    "none": "sent with no consent recorded",
}
"""the states that are no basis for a message, and what was done then"""
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


def last_states(source: str = "message_consents AS m", columns: str = "", grouping: str = "") -> str:
    """Return the CTE `last_state (person, state, ...)`: what stood behind the last message that each person got, in each slice
    where `columns` and `grouping` name its columns. `source` brings `message_consents` as m."""
    return (
        "last_state AS (SELECT x.person AS person, x.state AS state"
        f"{columns} FROM (SELECT m.person AS person, m.state AS state{columns}, ROW_NUMBER() OVER (PARTITION BY"
        f" m.person{grouping} ORDER BY m.last_sent_at DESC, m.campaign_id DESC, m.connection) AS place"
        f" FROM {source}) AS x WHERE x.place = 1)"
    )


def consent_basis(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the share of recipients by what stood behind the last message they got, and `double_opt_in`, the share of those
    who subscribed of whom a confirmed opt-in is recorded."""
    id = "consent_basis"
    known = build(engine, ask)
    cut = grouping(engine, ask, id, valid=DIMENSIONS, people="message_consents")
    if not known:
        return [replace(rules.absent(id, NO_CONSENTS, {}, unit="share"), period=ask.period)]
    final = (
        f"SELECT l.state AS state, COUNT(*) AS people{cut.columns} FROM last_state AS l"
        f" JOIN grouped AS g ON g.person = l.person GROUP BY l.state{cut.grouping}"
    )
    rows = run(engine, join(*cut.texts, last_states(), final), cut.params)
    tables: dict[tuple[tuple[str, str], ...], dict[str, int]] = {}
    for row in rows:
        tables.setdefault(tuple(cut.by(row).items()), {})[str(row["state"])] = int(row["people"])
    cells = [({**dict(key), "state": state}, n) for key, table in tables.items() for state, n in table.items()]
    # Those with a basis and those without are told as well, by consent_coverage: no half may give a state away.
    halves = [({**by, "half": str(by["state"] in VIOLATIONS)}, n) for by, n in cells]
    hide = hidden(cells, "state", ask, hidden(halves, "state", ask))
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
        " MAX(t.vendor) AS vendor, MAX(t.title) AS title, MAX(t.sent_at) AS sent_at"
        " FROM message_consents AS m LEFT JOIN titles AS t ON t.campaign_id = m.campaign_id"
        f" WHERE m.state IN ({kinds}) GROUP BY m.campaign_id, m.state"
    )
    found = run(engine, join(TITLES, sql), {})
    (sent,) = run(engine, "SELECT COUNT(*) AS n FROM message_consents AS m", {})
    hide = _covered(found, ask)
    whole = counted(id, sum(int(row["people"]) for row in found), ask, {})
    note = "messages to one person each, of all that were checked"
    out = [rules.with_note(replace(whole, n=int(sent["n"])), note)]
    told, untold = ([row for row in found if (_key(row) in hide) is hid] for hid in (False, True))
    for row in sorted(told, key=lambda row: (-int(row["last_at"]), str(row["state"]), int(row["campaign_id"]))):
        out.append(_listed(id, row, ask, is_hidden=False))
    # Their place in the list would tell when: they stand by the day of the message itself.
    for row in sorted(untold, key=lambda row: (-int(row["sent_at"] or 0), str(row["state"]), int(row["campaign_id"]))):
        out.append(_listed(id, row, ask, is_hidden=True))
    return [replace(one, period=ask.period) for one in out]


def _covered(found: Sequence[Any], ask: Ask) -> frozenset[str]:
    """Return the rows whose number is hidden: all of a message that is hidden among the messages, as `consent_coverage` by msg
    hides it, and within a message as many kinds as it takes so that its sum does not tell one."""
    tables: dict[int, dict[str, int]] = {}
    for row in found:
        tables.setdefault(int(row["campaign_id"]), {})[_key(row)] = int(row["people"])
    messages = rules.hidden({str(one): sum(table.values()) for one, table in tables.items()}, ask.suppress_n)
    out: set[str] = set()
    for one, table in tables.items():
        out |= set(table) if str(one) in messages else rules.hidden(table, ask.suppress_n)
    return frozenset(out)


def _key(row: Any) -> str:
    return f"{row['campaign_id']} {row['state']}"


def _listed(id: str, row: Any, ask: Ask, *, is_hidden: bool) -> Estimate:
    vendor = str(row["vendor"] or row["campaign_id"])
    days = dates(row["first_at"], row["last_at"], ask)
    if is_hidden:
        # When the few were sent it, and how late, is theirs; the day of the message itself is not.
        days = dates(row["sent_at"], row["sent_at"], ask)
    by = {
        "violation": str(row["state"]),
        "msg": vendor,
        "title": str(row["title"] or vendor),
        "date": days,
    }
    made = counted(id, int(row["people"]), ask, by, is_hidden=is_hidden)
    return rules.with_note(made, "; ".join(filter(None, (VIOLATIONS[by["violation"]], "" if is_hidden else _late(row)))))


def _late(row: Any) -> str:
    if row["least"] is None or str(row["state"]) not in ("withdrawn", "expired"):
        return ""
    least, most = (int(row[name]) / rules.DAY for name in ("least", "most"))
    return f"{least:,.1f} days late" if f"{least:.1f}" == f"{most:.1f}" else f"{least:,.1f} to {most:,.1f} days late"


DATA: Final = ("touchpoints", "consents", "consent_changes", "campaigns", "attributes", "orders", "order_of", "tickets")
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
        data=DATA,
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
        data=DATA,
    ),
    Metric(
        "consent_violations",
        "Messages without a consent that held",
        "Each message of the period that went to people who had withdrawn, whose implied consent had run out, who had not "
        "answered yet, of whom nothing is recorded or only something later: its day, "
        "how many people, and how many days late. First of all their "
        "number.",
        "messages to one person each, by message and kind",
        "count",
        consent_violations,
        number="140",
        edge_cases="A list for a person to look at, no finding of law: an existing customer may be mailed without a recorded "
        "consent in some countries. Fewer people than suppress_n are listed without their number, and as many others as it "
        "takes so that the total does not tell it; a total of so few is not told either. Of a hidden row the date is "
        "that of the message itself, where it has one, "
        "and how late is not told. Nobody is named.",
        data=DATA,
    ),
)
