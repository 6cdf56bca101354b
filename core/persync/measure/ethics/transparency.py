"""Whether people are told, whether a reason can be given for each personal message, and which data the messages use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import counts, rules
from persync.measure.ethics.audit import Answer, answers
from persync.measure.ethics.common import TITLES
from persync.measure.ethics.control import PERSONALISED, preferences
from persync.measure.ethics.trust import answered
from persync.measure.metric import Ask, Metric
from persync.measure.slices import check
from persync.measure.texts import bounds, join, piece, run

CHECKLIST: Final = ("notice", "why", "data_listed", "plain_language", "control")
EXPLAINED: Final = ("explains_data", "explains_source", "explains_choice", "explains_effect", "explains_stop")
NAMED: Final = 8
"""so many of the fields that no message uses are named; by msg all that are used"""
NO_AUDIT: Final = "no_audit"
REASONS: Final = ("workflow", "segment", "filtered_list", "trigger")
"""kinds of evidence that are a reason why a message went to this person, the most telling first; what chose its content
(conditions, recommendations, code) says what they saw and not why it was sent to them"""
DATA_FIELDS: Final = "f.list <> 'lists' AND f.list NOT LIKE '%:%'"
"""SQL condition: a field of people's records, and no list, nor a part of another thing as a property's option, a pipeline's
stage or a test's side (`pipeline:default`)"""


def messages(engine: Engine, ask: Ask) -> list[dict[str, Any]]:
    """Return the messages of the period that are personal or may be: campaign_id, vendor, title, sends, has_control."""
    linked = (
        "linked AS (SELECT DISTINCT COALESCE(co.campaign_id, k.campaign_key) AS campaign_id FROM link_counters AS k"
        " JOIN campaign_links AS l ON l.link_id = k.link_id LEFT JOIN campaign_of AS co ON co.campaign_key = k.campaign_key"
        f" WHERE {preferences('l.url')} UNION SELECT DISTINCT COALESCE(co.campaign_id, t.campaign_key) AS campaign_id"
        " FROM touchpoints AS t JOIN campaign_links AS l ON l.link_id = t.link_id"
        f" LEFT JOIN campaign_of AS co ON co.campaign_key = t.campaign_key WHERE t.action = 4 AND {preferences('l.url')})"
    )
    sql = (
        "SELECT s.campaign_id AS campaign_id, MAX(t.vendor) AS vendor, MAX(t.title) AS title, COUNT(*) AS sends,"
        " MAX(CASE WHEN l.campaign_id IS NULL THEN 0 ELSE 1 END) AS has_control FROM sends AS s"
        " LEFT JOIN titles AS t ON t.campaign_id = s.campaign_id LEFT JOIN linked AS l ON l.campaign_id = s.campaign_id"
        " WHERE COALESCE(s.level, 1) >= 1 GROUP BY s.campaign_id ORDER BY s.campaign_id"
    )
    return run(engine, join(piece("campaign_grades"), piece("sends"), TITLES, linked, sql), bounds(ask.period))


def named(row: Mapping[str, Any]) -> dict[str, str]:
    """Return how a message is named in an estimate."""
    vendor = str(row["vendor"] or row["campaign_id"])
    return {"msg": vendor, "title": str(row["title"] or vendor)}


def said(found: Mapping[tuple[str, str], Answer], item: str, row: Mapping[str, Any]) -> str:
    """Return the answer to an item for a message: its own, else the programme's, else unknown."""
    by = named(row)
    for scope in (by["msg"], by["title"], ""):
        if (item, scope) in found:
            return found[item, scope].grade
    return "unknown"


def transparency_score(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the share of the checklist that is met, over the messages of the period; by msg for each."""
    id = "transparency_score"
    check(ask.by, ("item", "msg"), id)
    found, rows = answers(engine, ask), messages(engine, ask)
    told: dict[tuple[tuple[str, str], ...], list[str]] = {} if ask.by or not rows else {(): []}
    for row in rows:
        for item in CHECKLIST:
            answer = "yes" if item == "control" and row["has_control"] else said(found, item, row)
            by = {**(named(row) if "msg" in ask.by else {}), **({"item": item} if "item" in ask.by else {})}
            told.setdefault(tuple(by.items()), []).append(answer)
    return [replace(_met(id, words, dict(by)), period=ask.period) for by, words in told.items()]


def _met(id: str, words: Sequence[str], by: Mapping[str, str]) -> Estimate:
    """Return the share of yes among the items that are known; unknown is not no, and how many are is told."""
    known = [word for word in words if word != "unknown"]
    note = f"{len(words) - len(known):,} of {len(words):,} answers unknown" if len(known) < len(words) else ""
    if not known:
        return rules.absent(id, NO_AUDIT, by, unit="share", n=0, note=note)
    return Estimate(id, known.count("yes") / len(known), n=len(known), unit="share", by=dict(by), note=note)


def algorithm_transparency(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute how complete (`explanation_complete`) and readable (`explanation_readability`) the public explanation is, and
    how well people say they understand it (`understanding`, with its top-two share)."""
    check(ask.by, (), "algorithm_transparency")
    found = answers(engine, ask)
    words = [found[item, ""].grade if (item, "") in found else "unknown" for item in EXPLAINED]
    readable = found.get(("explanation_readability", ""))
    score = rules.absent("explanation_readability", NO_AUDIT, {}, unit="points of 100")
    if readable is not None and readable.value is not None:
        score = Estimate("explanation_readability", readable.value, unit="points of 100", note="as entered")
    pairs = answered(engine, ask, "understanding", "understanding")
    own = [_met("explanation_complete", words, {}), score]
    return [replace(one, period=ask.period) for one in (*own, *(one for pair in pairs for one in pair))]


def decision_explainability(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the share of personalised messages to one person each for which the store holds a reason; by msg the reason."""
    id = "decision_explainability"
    check(ask.by, ("msg",), id)
    kinds = ", ".join(f"'{kind}'" for kind in REASONS)
    ranks = " ".join(f"WHEN '{kind}' THEN '{place}'" for place, kind in enumerate(REASONS))
    reasoned = (
        "reasoned AS (SELECT COALESCE(co.campaign_id, e.campaign_key) AS campaign_id,"
        f" MIN(CONCAT(CASE e.kind {ranks} END, e.kind, ' ', e.detail)) AS reason FROM campaign_evidence AS e"
        f" LEFT JOIN campaign_of AS co ON co.campaign_key = e.campaign_key WHERE e.kind IN ({kinds})"
        " GROUP BY COALESCE(co.campaign_id, e.campaign_key))"
    )
    texts = (piece("campaign_grades"), piece("sends"), reasoned)
    if ask.by:
        sql = (
            "SELECT s.campaign_id AS campaign_id, COUNT(DISTINCT s.person) AS people, MAX(r.reason) AS reason,"
            " MAX(t.vendor) AS vendor, MAX(t.title) AS title FROM sends AS s"
            " LEFT JOIN reasoned AS r ON r.campaign_id = s.campaign_id LEFT JOIN titles AS t ON t.campaign_id = s.campaign_id"
            f" WHERE s.level >= {PERSONALISED} GROUP BY s.campaign_id ORDER BY s.campaign_id"
        )
        rows = run(engine, join(*texts, TITLES, sql), bounds(ask.period))
        known = "SELECT s.vendor_id AS id, MAX(s.name) AS name FROM segments AS s WHERE s.name IS NOT NULL GROUP BY s.vendor_id"
        segments = {str(row["id"]): str(row["name"]) for row in engine.rows(known)} if rows else {}
        out = [_explained(id, row, segments, ask) for row in rows]
        return [replace(one, period=ask.period) for one in out]
    per = (
        "people_sent AS (SELECT s.person AS person, COUNT(*) AS x, SUM(CASE WHEN r.campaign_id IS NULL THEN 0 ELSE 1 END) AS y"
        " FROM sends AS s LEFT JOIN reasoned AS r ON r.campaign_id = s.campaign_id"
        f" WHERE s.level >= {PERSONALISED} GROUP BY s.person)"
    )
    sql = f"SELECT COUNT(*) AS clusters, {counts.sums('y', 'x')} FROM people_sent AS p"
    (row,) = run(engine, join(*texts, per, sql), bounds(ask.period))
    return [counts.clustered_share(id, row, ask, {})]


def _explained(id: str, row: Mapping[str, Any], segments: Mapping[str, str], ask: Ask) -> Estimate:
    """Return whether a message has a reason, and which; a segment that a condition names by its number gets its name."""
    people = int(row["people"])
    if people < ask.suppress_n:
        return rules.suppressed(id, ask, named(row), unit="share")
    note = "no segment, workflow or trigger that chose the people is known"
    if row["reason"]:
        note = str(row["reason"])[1:].strip()
        kind, *words = note.split()
        if words and words[-1] in segments and ("segment" in words[0].lower() or kind == "filtered_list"):
            note = f"{kind} {segments[words[-1]]}"
    return Estimate(id, 1.0 if row["reason"] else 0.0, n=people, unit="share", by=named(row), note=note)


def data_used(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the share of the fields held on people that a message of the period uses; by msg how many and which."""
    id = "data_used"
    check(ask.by, ("msg",), id)
    sql = (
        "SELECT s.campaign_id AS campaign_id, MAX(t.vendor) AS vendor, MAX(t.title) AS title, e.kind AS kind,"
        " e.detail AS detail FROM (SELECT DISTINCT x.campaign_id AS campaign_id FROM sends AS x) AS s"
        " LEFT JOIN titles AS t ON t.campaign_id = s.campaign_id JOIN (SELECT"
        " COALESCE(co.campaign_id, v.campaign_key) AS campaign_id, v.kind AS kind, v.detail AS detail"
        " FROM campaign_evidence AS v LEFT JOIN campaign_of AS co ON co.campaign_key = v.campaign_key) AS e"
        " ON e.campaign_id = s.campaign_id WHERE e.kind IN ('token', 'conditional', 'segment', 'read')"
        " GROUP BY s.campaign_id, e.kind, e.detail ORDER BY s.campaign_id, e.kind, e.detail"
    )
    rows = run(engine, join(piece("campaign_grades"), piece("sends"), TITLES, sql), bounds(ask.period))
    known = engine.rows(
        f"SELECT f.name AS name FROM fields AS f WHERE {DATA_FIELDS} UNION SELECT a.name AS name FROM attributes AS a"
    )
    held = {str(row["name"]).upper() for row in known}
    used: dict[int, set[str]] = {}
    titles: dict[int, dict[str, str]] = {}
    for row in rows:
        titles[row["campaign_id"]] = named(row)
        used.setdefault(row["campaign_id"], set()).update(names(str(row["kind"]), str(row["detail"]), held))
    if ask.by:
        return [
            Estimate(id, len(found), unit="count", by=titles[one], period=ask.period, note=", ".join(sorted(found)))
            for one, found in used.items()
        ]
    every = {name for found in used.values() for name in found} & held
    if not held:
        return [replace(rules.absent(id, rules.NO_DENOMINATOR, {}, unit="share", n=0), period=ask.period)]
    unused = sorted(held - every)
    more = f" and {len(unused) - NAMED} more" if len(unused) > NAMED else ""
    note = f"held and used by no message: {', '.join(unused[:NAMED])}{more}" if unused else ""
    return [Estimate(id, len(every) / len(held), n=len(held), unit="share", period=ask.period, note=note)]


def names(kind: str, detail: str, held: set[str]) -> Iterator[str]:
    """Yield the fields that a piece of evidence names, in capitals: `FNAME in content`, `contact.city`, or a segment's
    condition, of which only fields that are held count."""
    if kind == "segment":
        yield from (word.upper() for word in detail.split() if word.upper() in held)
    elif kind != "read":
        word = detail.split(" in ")[0].strip()
        yield word.rsplit(".", 1)[-1].upper()


_DATA: Final = ("touchpoints", "campaigns", "campaign_levels", "campaign_evidence")
METRICS: Sequence[Metric] = (
    Metric(
        "transparency_score",
        "Transparency score",
        "The share of a checklist that is met by the personal messages of the period: people are told that it is personal "
        "(notice) and why they get it (why), which data are used (data_listed), in plain language (plain_language), and can "
        "change it (control).",
        "items answered yes ÷ items answered yes or no",
        "share",
        transparency_score,
        number="135",
        dimensions=("item", "msg"),
        edge_cases="Answers come from `persync import audit`, for the message or for the programme; a link to preferences that "
        "was found in a message answers `control`. Unknown is not no: it is left out and counted in the note. Nothing "
        "answered: null, no_audit.",
        data=("feedback", "campaign_links", "link_counters", *_DATA),
    ),
    Metric(
        "algorithm_transparency",
        "How well the targeting is explained",
        "The share of what an explanation should tell that yours does (explanation_complete: which data, from where, how it "
        "chooses, to what effect, how to stop it), its readability as you entered it (explanation_readability), and how well "
        "people say they understand it (understanding, survey of that kind).",
        "items answered yes ÷ items answered yes or no; mean answer from 0 to 100",
        "share",
        algorithm_transparency,
        number="136",
        edge_cases="Nothing answered: null, no_audit; nobody asked: null, no_survey.",
        data=("feedback",),
    ),
    Metric(
        "decision_explainability",
        "Personal messages with a reason",
        "The share of messages of level 2 or above, to one person each, for which the store holds what made this person "
        "receive it: a segment or its rule, a workflow or a trigger; by msg which, and `persync explain send` shows it for "
        "one.",
        "personalised messages with a segment, workflow or trigger behind them ÷ personalised messages",
        "share",
        decision_explainability,
        number="137",
        dimensions=("msg",),
        edge_cases="A level that you set is no reason, and neither is what chose the content: a condition or a recommendation "
        "says what somebody saw, and a vendor's model does not tell which of their data it weighed. Whether the person met the "
        "rule at that moment is the platform's word, and for an automation often only that there was one is told. "
        "A person is one unit of the interval. No "
        "personalised messages: null, no_denominator.",
        data=_DATA,
    ),
    Metric(
        "data_used",
        "Data used against data held",
        "The share of the fields held on people (merge fields, contact properties, attributes) that a message of the "
        "period uses in a tag, a condition or a segment; the note names those that none does. By msg how many it uses, and "
        "which.",
        "fields used by a message ÷ fields held",
        "share",
        data_used,
        number="142",
        dimensions=("msg",),
        edge_cases="Names of fields alone are looked at, never values. Messages whose content was not read use nothing that is "
        "known. Nothing held: null, no_denominator.",
        data=("fields", "attributes", *_DATA),
    ),
)
