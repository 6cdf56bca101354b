"""What a person has to judge or answer: messages that may manipulate, risks to the name, and what is done about it all."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import counts, rules
from persync.measure.ethics.audit import answers
from persync.measure.ethics.common import TITLES, day, status
from persync.measure.ethics.transparency import NO_AUDIT, named
from persync.measure.metric import Ask, Metric
from persync.measure.slices import check
from persync.measure.texts import bounds, join, piece, run

SUBJECTS: Final[Mapping[str, re.Pattern[str]]] = {
    "false urgency": re.compile(
        r"\b(?:last (?:chance|call|day|hours?)|final (?:hours?|call|day)|ends (?:today|tonight|soon|in)|only today|today only"
        r"|hurry|act (?:now|fast)|don.t miss|before it.s too late|expires?|expiring|urgent|running out|time is up"
        r"|letzte (?:chance|stunden)|nur (?:noch )?heute|endet (?:heute|bald)|jetzt oder nie|derni[eè]re chance)\b",
        re.IGNORECASE,
    ),
    "false scarcity": re.compile(
        r"\b(?:only \d+ (?:left|remaining)|almost (?:gone|sold out)|selling (?:out|fast)|while (?:stocks?|supplies) last"
        r"|limited (?:stock|quantity|edition|offer|time)|fast ausverkauft|nur noch \d+ (?:st[üu]ck|da))\b",
        re.IGNORECASE,
    ),
    "pretended reply": re.compile(r"^\s*(?:re|fw|fwd|aw|wg)\s*:", re.IGNORECASE),
    "play on fear": re.compile(
        r"\b(?:your account (?:will|has been|is)|you(?:.ll| will) lose|you.ve won|final (?:notice|warning)|action required"
        r"|payment (?:failed|overdue))\b",
        re.IGNORECASE,
    ),
}
"""flag -> what in a subject line raises it"""
HIDDEN: Final = "hidden way out"
"""more people complained than unsubscribed: the link may be hard to find"""
MOST_COMPLAINTS: Final = 10
AXES: Final = {"age": "chosen by age", "gender": "chosen by gender"}
"""a segment by what people are may aim at those who can defend themselves least"""
PRIVACY_TICKETS: Final = ("%privacy%", "%gdpr%", "%ccpa%", "%data protection%", "%personal data%", "%datenschutz%", "%consent%")
PEOPLE: Final = 10_000


def manipulation_check(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the share of the messages of the period with a flag that nobody has dismissed; then each flag, for a person to
    confirm, the newest first."""
    id = "manipulation_check"
    check(ask.by, (), id)
    told = answers(engine, ask)
    rows = run(engine, join(piece("campaign_grades"), piece("sends"), TITLES, _MESSAGES), bounds(ask.period))
    listed: list[Estimate] = []
    raised = 0
    for row in rows:
        by = named(row)
        found = [(flag, status(told, (by["msg"], by["title"]))) for flag in flags(row)]
        raised += any(answer != "dismissed" for _, answer in found)
        for flag, answer in found:
            here = {**by, "flag": flag, "date": day(int(row["sent_at"]), ask), "status": answer}
            listed.append(Estimate(f"{id}_flag", 1, unit="count", by=here))
    whole = rules.absent(id, rules.NO_DENOMINATOR, {}, unit="share", n=0)
    if rows:
        note = "flags of a list of rules, for a person to confirm or dismiss"
        whole = Estimate(id, raised / len(rows), n=len(rows), unit="share", note=note)
    return [replace(one, period=ask.period) for one in (whole, *listed)]


_MESSAGES: Final = (
    "SELECT s.campaign_id AS campaign_id, MIN(s.sent_at) AS sent_at, MAX(t.vendor) AS vendor, MAX(t.title) AS title,"
    " MAX(c.subject) AS subject, MAX(e.axes) AS axes, MAX(z.complaints) AS complaints, MAX(z.unsubscribes) AS unsubscribes"
    " FROM (SELECT x.campaign_id AS campaign_id, MIN(x.sent_at) AS sent_at FROM sends AS x GROUP BY x.campaign_id) AS s"
    " LEFT JOIN titles AS t ON t.campaign_id = s.campaign_id"
    " LEFT JOIN (SELECT COALESCE(co.campaign_id, v.campaign_key) AS campaign_id, MAX(v.subject) AS subject FROM campaigns AS v"
    " LEFT JOIN campaign_of AS co ON co.campaign_key = v.campaign_key GROUP BY COALESCE(co.campaign_id, v.campaign_key)) AS c"
    " ON c.campaign_id = s.campaign_id"
    " LEFT JOIN (SELECT COALESCE(co.campaign_id, v.campaign_key) AS campaign_id, CONCAT(MIN(v.detail), ' ', MAX(v.detail))"
    " AS axes FROM campaign_evidence AS v LEFT JOIN campaign_of AS co ON co.campaign_key = v.campaign_key"
    " WHERE v.kind = 'demographic' AND v.detail IN ('age', 'gender') GROUP BY COALESCE(co.campaign_id, v.campaign_key)) AS e"
    " ON e.campaign_id = s.campaign_id"
    " LEFT JOIN (SELECT COALESCE(co.campaign_id, y.campaign_key) AS campaign_id, MAX(y.complaints) AS complaints,"
    " MAX(y.unsubscribes) AS unsubscribes FROM campaign_counters AS y"
    " LEFT JOIN campaign_of AS co ON co.campaign_key = y.campaign_key WHERE y.variant = ''"
    " GROUP BY COALESCE(co.campaign_id, y.campaign_key)) AS z ON z.campaign_id = s.campaign_id"
    " GROUP BY s.campaign_id ORDER BY MIN(s.sent_at) DESC, s.campaign_id"
)


def flags(row: Mapping[str, Any]) -> list[str]:
    """Return what about a message a person should look at. Only its subject line, whom it was for, and what came back are
    known: the store keeps no text."""
    found = [flag for flag, pattern in SUBJECTS.items() if pattern.search(str(row["subject"] or ""))]
    complaints, left = row["complaints"], row["unsubscribes"]
    if complaints is not None and left is not None and int(complaints) >= MOST_COMPLAINTS and int(complaints) > int(left):
        found.append(HIDDEN)
    return found + [word for axis, word in AXES.items() if axis in str(row["axes"] or "").split()]


def privacy_reputation_risk(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the requests for help about privacy for every 10,000 people mailed, the incidents entered, and the fines as the
    user entered them (`fine_scenario`)."""
    id = "privacy_reputation_risk"
    check(ask.by, (), id)
    likes = " OR ".join(f"LOWER(t.category) LIKE '{word}'" for word in PRIVACY_TICKETS)
    sql = (
        f"SELECT COUNT(*) AS n, SUM(CASE WHEN {likes} THEN 1 ELSE 0 END) AS found FROM tickets AS t"
        " WHERE t.created_at >= :from_at AND t.created_at < :to_at"
    )
    (row,) = run(engine, sql, bounds(ask.period))
    people = "SELECT COUNT(DISTINCT s.person) AS people FROM sends AS s"
    (mailed,) = run(engine, join(piece("campaign_grades"), piece("sends"), people), bounds(ask.period))
    out = [_risk(id, row, int(mailed["people"]), ask)]
    from_at = bounds(ask.period)["from_at"]
    incidents = [(scope, a) for (item, scope), a in answers(engine, ask).items() if item == "incident" and a.at >= from_at]
    for scope, answer in sorted(incidents, key=lambda one: (one[1].at, one[0])):
        if answer.grade == "yes":
            by = {"incident": scope or "unnamed", "date": day(answer.at, ask)}
            out.append(Estimate("incident", 1, unit="count", by=by))
    unit = ask.currency or ""
    out += [
        Estimate("fine_scenario", amount, unit=unit, by={"scenario": name}, note="as you entered it, no forecast")
        for name, amount in sorted(ask.ethics.fines.items())
    ]
    return [replace(one, period=ask.period) for one in out]


def _risk(id: str, row: Mapping[str, Any], people: int, ask: Ask) -> Estimate:
    unit = f"a {PEOPLE:,} people"
    if not row["n"]:
        return rules.absent(id, "no_tickets", {}, unit=unit)
    if not people:
        return rules.absent(id, rules.NO_DENOMINATOR, {}, unit=unit, n=0)
    found = int(row["found"] or 0)
    if people < ask.suppress_n:
        return rules.suppressed(id, ask, {}, unit=unit)
    rate, factor = counts.poisson(found, ask.confidence), PEOPLE / people
    made = Estimate(id, found * factor, rate.low * factor, rate.high * factor, n=people, unit=unit)
    return rules.with_note(made, rules.smallness(people, found, ask))


def ethics_practice(engine: Engine, ask: Ask) -> list[Estimate]:
    """Tell the share of staff trained, whether there are guidelines, the days since the last review, and the requests about
    data with the days they took, all as entered."""
    check(ask.by, (), "ethics_practice")
    told = answers(engine, ask)
    out = []
    for item, id, unit in (
        ("staff_trained", "staff_trained", "share"),
        ("data_requests", "data_requests", "count"),
        ("data_request_days", "data_request_days", "days"),
    ):
        answer = told.get((item, ""))
        if answer is None or answer.value is None:
            out.append(rules.absent(id, NO_AUDIT, {}, unit=unit))
        else:
            out.append(Estimate(id, answer.value, unit=unit, note=f"as entered on {day(answer.at, ask)}"))
    guide, review = told.get(("guidelines", "")), told.get(("review", ""))
    if guide is None or guide.grade == "unknown":
        out.append(rules.absent("guidelines", NO_AUDIT, {}, unit="share"))
    else:
        out.append(Estimate("guidelines", float(guide.grade == "yes"), unit="share", note="1 = there are some"))
    if review is None or review.grade != "yes":
        out.append(rules.absent("days_since_review", NO_AUDIT, {}, unit="days"))
    else:
        out.append(Estimate("days_since_review", max(0, ask.now - review.at) / rules.DAY, unit="days"))
    return [replace(one, period=ask.period) for one in out]


METRICS: Sequence[Metric] = (
    Metric(
        "manipulation_check",
        "Messages that may manipulate",
        "The share of the period's messages with a flag that nobody dismissed, then each flag with its message and day: a "
        "subject line of urgency, scarcity, fear or a pretended reply; more complaints than unsubscribes (hidden way out); a "
        "segment chosen by age or gender.",
        "messages with a flag that is not dismissed ÷ messages",
        "share",
        manipulation_check,
        number="144",
        edge_cases="A flag is a question, no finding: urgency may be true. Answer it with `persync import audit` (item "
        "manipulation, scope the message, yes or no). The text of messages is not kept, so what stands in the body is not "
        "looked at; a price raised before its discount is price_raised_before_discount.",
        data=("touchpoints", "campaigns", "campaign_evidence", "campaign_counters", "feedback"),
    ),
    Metric(
        "privacy_reputation_risk",
        "Risk to the name from privacy",
        "Requests for help about privacy for every 10,000 people mailed, incidents as entered (persync import audit, item "
        "incident), and the fines of [ethics] fines as you entered them (fine_scenario).",
        "tickets whose category names privacy ÷ people mailed × 10,000",
        "a 10,000 people",
        privacy_reputation_risk,
        number="146",
        edge_cases="No tickets at all in the period: null, no_tickets. Only a ticket's category is known: one filed under "
        "anything else is not found, whatever it says, and neither are complaints in reviews, surveys, social media or to an "
        "authority. It is a lower bound. A fine is a scenario of yours, never a forecast.",
        data=("tickets", "touchpoints", "feedback"),
    ),
    Metric(
        "ethics_practice",
        "What is done about it",
        "The share of staff trained, whether there are guidelines (1 = yes), the days since the last review, the requests "
        "about data and the days they took: as entered.",
        "as entered with persync import audit",
        "share",
        ethics_practice,
        number="147",
        edge_cases="Not answered: null, no_audit.",
        data=("feedback",),
    ),
)
