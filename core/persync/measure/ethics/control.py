"""Whether people steer what they get, and whether what they chose is honoured; the lines that big mailbox providers draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import engagement, intervals, rules
from persync.measure.ethics.common import TITLES, counted, dates
from persync.measure.metric import Ask, Metric
from persync.measure.slices import check
from persync.measure.texts import bounds, join, piece, run

COMPLAINTS: Final = (0.001, 0.003)
"""the shares of complaints that Gmail's and Yahoo's rules for senders of February 2024 name: to stay below, never to reach"""
NOT_REPORTED: Final = "not_reported"
NO_OPT_OUTS: Final = "no_opt_outs"
PERSONALISED: Final = 2
"""the lowest level that counts as personalised"""

_WORDS: Final = (
    "opt_words AS (SELECT e.person AS person, e.happened_at AS happened_at, e.is_out AS is_out FROM ("
    "SELECT COALESCE(po.person, c.key_id) AS person, COALESCE(c.changed_at, c.observed_at) AS happened_at,"
    " CASE WHEN c.state = 'subscribed' THEN 0 ELSE 1 END AS is_out FROM consents AS c"
    " LEFT JOIN person_of AS po ON po.key_id = c.key_id"
    " WHERE c.channel IN ({channels}) AND c.state IN ('subscribed', 'unsubscribed', 'not_subscribed')"
    " UNION ALL SELECT COALESCE(po.person, g.key_id) AS person, g.happened_at AS happened_at,"
    " CASE WHEN g.state = 'subscribed' THEN 0 ELSE 1 END AS is_out FROM consent_changes AS g"
    " LEFT JOIN person_of AS po ON po.key_id = g.key_id WHERE g.channel IN ({channels})"
    ") AS e WHERE e.happened_at < :to_at)"
)
"""CTE: every word for or against personalisation that was said before the end of the period"""
_OPTED: Final = (
    "opted AS (SELECT y.person AS person FROM (SELECT w.person AS person,"
    " MAX(CASE WHEN w.is_out = 1 THEN w.happened_at END) AS out_at,"
    " MAX(CASE WHEN w.is_out = 0 AND w.happened_at < :from_at THEN w.happened_at END) AS in_at"
    " FROM opt_words AS w GROUP BY w.person) AS y"
    " WHERE y.out_at >= :from_at OR y.out_at >= COALESCE(y.in_at, y.out_at))"
)
"""CTE: who was opted out at its start or opted out in it, also where they opted in again later"""
_AFTER: Final = (
    "last_words AS (SELECT s.person AS person, s.campaign_id AS campaign_id, s.last_sent_at AS sent_at, s.level AS level,"
    " MAX(CASE WHEN w.is_out = 1 THEN w.happened_at END) AS out_at,"
    " MAX(CASE WHEN w.is_out = 0 THEN w.happened_at END) AS in_at"
    " FROM sends AS s JOIN opt_words AS w ON w.person = s.person AND w.happened_at < s.last_sent_at"
    " GROUP BY s.person, s.campaign_id, s.connection, s.channel, s.last_sent_at, s.level),"
    " after_opt_out AS (SELECT l.person AS person, l.campaign_id AS campaign_id, l.out_at AS opted_at, l.sent_at AS sent_at,"
    " l.level AS level FROM last_words AS l WHERE l.out_at >= COALESCE(l.in_at, l.out_at))"
)
"""CTE: what was sent while the last word before it was an opt-out: one that is taken back later was one all the same"""


def _said(ask: Ask) -> str:
    names = ", ".join("'" + name.replace("'", "''") + "'" for name in ask.ethics.opt_out_channels)
    return _WORDS.format(channels=names or "''")


def control_metrics(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute `personalisation_opt_outs`, `opt_outs_honoured`, `days_to_honour`, `preference_reach`, and list each message that
    went personalised to people who had opted out of it (`opt_out_violations`)."""
    check(ask.by, (), "control_metrics")
    out = [*_honoured(engine, ask), preference_reach(engine, ask)]
    return [replace(one, period=ask.period) for one in out]


def _honoured(engine: Engine, ask: Ask) -> list[Estimate]:
    params = bounds(ask.period)
    (row,) = run(engine, join(_said(ask), _OPTED, "SELECT COUNT(*) AS n FROM opted AS o"), params)
    people = int(row["n"])
    if not people:
        note = f"no consent for {' or '.join(ask.ethics.opt_out_channels) or 'a channel of that kind'} was ended"
        return [rules.absent("opt_outs_honoured", NO_OPT_OUTS, {}, unit="share", n=0, note=note)]
    texts = (piece("campaign_grades"), piece("sends"), _said(ask), _AFTER)
    per = (
        "SELECT COUNT(*) AS people, SUM(p.honoured) AS honoured, SUM(p.unclear) AS unclear, SUM(p.days) AS total,"
        " SUM(p.days * p.days) AS squares, SUM(CASE WHEN p.days > 0 THEN 1 ELSE 0 END) AS late FROM (SELECT a.person AS person,"
        f" MIN(CASE WHEN a.level >= {PERSONALISED} THEN 0 ELSE 1 END) AS honoured,"
        " MAX(CASE WHEN a.level IS NULL THEN 1 ELSE 0 END) AS unclear,"
        f" MAX(CASE WHEN a.level >= {PERSONALISED} THEN a.sent_at - a.opted_at ELSE 0 END) / {rules.DAY}e0 AS days"
        " FROM after_opt_out AS a GROUP BY a.person) AS p"
    )
    (row,) = run(engine, join(*texts, per), params)
    mailed, unclear = int(row["people"]), int(row["unclear"] or 0)
    out = [counted("personalisation_opt_outs", people, ask, {})]
    hide = rules.hidden({"kept": int(row["honoured"] or 0), "not": mailed - int(row["honoured"] or 0)}, ask.suppress_n)
    if hide:
        out.append(rules.suppressed("opt_outs_honoured", ask, {}, unit="share"))
        out.append(rules.suppressed("days_to_honour", ask, {}, unit="days"))
    else:
        kept = rules.share("opt_outs_honoured", int(row["honoured"] or 0), mailed, ask, {})
        note = f"of those mailed after it; {unclear:,} of them got a message whose level is not known" if unclear else ""
        out.append(rules.with_note(kept, note))
        sample = intervals.moments(mailed, float(row["total"]), float(row["squares"])) if mailed else None
        out.append(rules.average("days_to_honour", sample, int(row["late"] or 0), ask, {}, unit="days"))
    listed = (
        "SELECT a.campaign_id AS campaign_id, COUNT(*) AS people, MAX(a.sent_at) AS last_at,"
        " MAX(a.sent_at - a.opted_at) AS most, MAX(t.vendor) AS vendor, MAX(t.title) AS title, MAX(t.sent_at) AS of_message"
        " FROM after_opt_out AS a"
        f" LEFT JOIN titles AS t ON t.campaign_id = a.campaign_id WHERE a.level >= {PERSONALISED}"
        " GROUP BY a.campaign_id ORDER BY MAX(t.sent_at) DESC, a.campaign_id"
    )
    rows = run(engine, join(*texts, TITLES, listed), params)
    # Where nobody got two of them the messages add up to those whose opt-out was not honoured.
    covered = rules.hidden({str(row["campaign_id"]): int(row["people"]) for row in rows}, ask.suppress_n)
    for row in rows:
        vendor = str(row["vendor"] or row["campaign_id"])
        is_hidden = str(row["campaign_id"]) in covered
        # When the few got it, and how late, is hidden with their number; the day of the message itself is not theirs.
        at = row["of_message" if is_hidden else "last_at"]
        by = {"msg": vendor, "title": str(row["title"] or vendor), "date": dates(at, at, ask)}
        late = "" if is_hidden else f", up to {int(row['most']) / rules.DAY:,.1f} days after"
        note = f"personalised all the same{late}"
        out.append(rules.with_note(counted("opt_out_violations", int(row["people"]), ask, by, is_hidden=is_hidden), note))
    return out


def preference_reach(engine: Engine, ask: Ask) -> Estimate:
    """Return the share of recipients who followed a link to what they may choose."""
    sql = (
        "SELECT COUNT(*) AS people, CAST(COALESCE(SUM(CASE WHEN c.person IS NULL THEN 0 ELSE 1 END), 0) AS BIGINT) AS reached"
        " FROM (SELECT DISTINCT s.person AS person FROM sends AS s) AS r LEFT JOIN (SELECT DISTINCT"
        " COALESCE(po.person, t.key_id) AS person FROM touchpoints AS t LEFT JOIN person_of AS po ON po.key_id = t.key_id"
        " JOIN campaign_links AS l ON l.link_id = t.link_id WHERE t.action = 4 AND COALESCE(t.is_machine, 0) = 0"
        f" AND t.happened_at >= :from_at AND t.happened_at < :to_at AND {preferences('l.url')}) AS c ON c.person = r.person"
    )
    (row,) = run(engine, join(piece("campaign_grades"), piece("sends"), sql), bounds(ask.period))
    return rules.share("preference_reach", int(row["reached"]), int(row["people"]), ask, {})


def preferences(url: str) -> str:
    """Return the SQL condition that a link leads to a page where people choose what they get."""
    words = ("%preference%", "%update_profile%", "%list-manage.com/profile%", "%subscription-center%")
    return "(" + " OR ".join(f"LOWER({url}) LIKE '{word}'" for word in words) + ")"


def sender_rules(engine: Engine, ask: Ask) -> list[Estimate]:
    """Hold the share of complaints against the lines of 0.1 and 0.3 %, and tell what no platform tells (one-click
    unsubscribing)."""
    check(ask.by, (), "sender_rules")
    (rate,) = (metric for metric in engagement.METRICS if metric.id == "complaint_rate")
    (found,) = rate.compute(engine, replace(ask, by=()))
    out = []
    for line in COMPLAINTS:
        by = {"rule": f"complaints at {line * 100:.1f} %", "verdict": verdict(found, line)}
        made = replace(found, id="sender_rules", by=by, note="")
        if by["verdict"] == ABOVE and found.low is not None and found.low < line:
            made = rules.with_note(made, "the interval reaches below the line")
        out.append(rules.with_note(made, found.note))
    note = "the header List-Unsubscribe-Post: look at a message that arrived"
    by = {"rule": "one-click unsubscribing", "verdict": "unknown"}
    return [*out, replace(rules.absent("sender_rules", NOT_REPORTED, by, unit="share", note=note), period=ask.period)]


ABOVE: Final = "above"
NONE: Final = "none reported"
NONE_ABOVE: Final = "none reported above it"


def verdict(rate: Estimate, line: float) -> str:
    """Return `above`, `none reported` or, where fewer were reported than the line allows, `none reported above it`: most
    providers report no complaints at all, so nothing is known to be under a line. `unknown` where nothing was measured."""
    if rate.value is None:
        return "unknown"
    if rate.value >= line:
        return ABOVE
    return NONE if rate.value == 0 else NONE_ABOVE


METRICS: Sequence[Metric] = (
    Metric(
        "control_metrics",
        "Control, and whether it is honoured",
        "How many people were opted out of personalisation (not of mail) at some time of the period, the share of those mailed "
        "while they were who got nothing of level 2 or above (opt_outs_honoured), the days until the last message that was "
        "(days_to_honour), each such message (opt_out_violations), and the share of recipients who followed a link to their "
        "preferences (preference_reach).",
        "mailed while opted out, never at level 2 or above ÷ mailed while opted out",
        "share",
        control_metrics,
        number="139",
        edge_cases="An opt-out is the end of the consent for a channel named in [ethics] opt_out_channels (personalisation, if "
        "none is), from `persync import consents` or a platform; where its day is not told, the day it was first seen. The "
        "last word before a message counts: who opts in again later was opted out until then. Nobody opted out: "
        "null, no_opt_outs. A message of unknown level counts as not personalised, and the note says how many.",
        data=("touchpoints", "consents", "consent_changes", "campaign_levels", "campaign_links"),
    ),
    Metric(
        "sender_rules",
        "The lines of the big mailbox providers",
        "Spam complaints over delivered against 0.1 % (stay below) and 0.3 % (never reach), as Gmail and Yahoo ask of bulk "
        "senders; and one-click unsubscribing.",
        "complaints ÷ delivered",
        "share",
        sender_rules,
        number="140",
        edge_cases="Most providers report no complaints to anybody, so the verdict is above, none reported, or none "
        "reported above it: never under. One-click unsubscribing is a header that no platform tells: null, not_reported.",
        data=("campaign_counters",),
    ),
)
