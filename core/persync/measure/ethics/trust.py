"""What people say in surveys: do they trust the shop with their data, understand what it does with it, and feel at ease."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from persync.engine.engine import Engine
from persync.errors import ConfigError
from persync.estimate import Estimate
from persync.measure import clock, intervals, rules
from persync.measure.ethics.control import preference_reach
from persync.measure.grouping import ANY_ATTRIBUTE, PEOPLE_DIMENSIONS, grouping, hidden
from persync.measure.metric import Ask, Metric
from persync.measure.texts import bounds, join, piece, run

NO_SURVEY: Final = "no_survey"
SCALE: Final = (1.0, 5.0)
"""the scale of a survey of which the settings say nothing"""
MOST_BOXES: Final = 11
"""scales with more steps than this have no two highest boxes"""
ITEM, LEVEL = "item", "level"
DIMENSIONS: Final = (ITEM, LEVEL, *clock.SPANS, *PEOPLE_DIMENSIONS, ANY_ATTRIBUTE)

_ANSWERS: Final = (
    "answers AS (SELECT COALESCE(po.person, f.key_id) AS person, COALESCE(f.survey, 'unnamed') AS item, f.value AS value,"
    " f.submitted_at AS submitted_at, CASE WHEN f.key_id IS NULL THEN CONCAT('answer ', f.submission)"
    " ELSE CONCAT('person ', CAST(COALESCE(po.person, f.key_id) AS VARCHAR(20))) END AS who"
    " FROM feedback AS f LEFT JOIN person_of AS po ON po.key_id = f.key_id"
    " WHERE LOWER(f.kind) = :kind AND f.value IS NOT NULL AND COALESCE(f.submitted_at, 0) >= :from_at"
    " AND COALESCE(f.submitted_at, 0) < :to_at)"
)


def answered(engine: Engine, ask: Ask, kind: str, id: str) -> list[tuple[Estimate, Estimate]]:
    """Return for each slice the mean answer to surveys of a kind, on a scale of 0 to 100, and the share of people whose mean
    is in the two highest boxes. A person is one unit, however often they answered; so is an answer without a name.

    Nobody asked: one pair of null `no_survey`. `ask.by` may hold item, level (the highest level received), day, week or month
    of the answer, or what people can be sliced by, one of them at a time.
    """
    low, high = ask.ethics.scales.get(kind, SCALE)
    params = {**bounds(ask.period), "kind": kind, "low": low, "high": high, "top": high - 1}
    if len(ask.by) > 1:
        raise ConfigError(f"{id} can be sliced by one dimension at a time.", hint=f"Choose one of {', '.join(ask.by)}.")
    texts, source, column, joined = [_ANSWERS], "answers", "", ""
    attribute: str | None = None
    if ask.by == (ITEM,):
        column = "a.item"
    elif ask.by and ask.by[0] in clock.SPANS:
        attribute = ask.by[0]
        ends = "SELECT MIN(a.submitted_at) AS first_at, MAX(a.submitted_at) AS last_at FROM answers AS a"
        (span,) = run(engine, join(_ANSWERS, ends), params)
        piece_of = clock.times(ask, "n.submitted_at", span["first_at"], span["last_at"])[attribute]
        # Named in a step of its own: where all is of one month its number would be taken for a column's place.
        texts.append(
            f"dated AS (SELECT n.value AS value, n.who AS who, {piece_of} AS d0 FROM answers AS n"
            " WHERE n.submitted_at IS NOT NULL)"
        )
        source, column = "dated", "a.d0"
    elif ask.by == (LEVEL,):
        texts += [piece("campaign_grades"), piece("sends"), piece("doses"), piece("levels_read")]
        column, joined = "COALESCE(r.level, 'none')", " LEFT JOIN received AS r ON r.person = a.person"
        attribute = LEVEL
    elif ask.by:
        cut = grouping(engine, ask, id, valid=DIMENSIONS, people="answers")
        texts += cut.texts
        params |= dict(cut.params)
        column, joined, attribute = "g.d0", " JOIN grouped AS g ON g.person = a.person", cut.attribute
    if ask.by and ask.by != (ITEM,) and ask.by[0] not in clock.SPANS:
        joined += " WHERE a.person IS NOT NULL"
    slice_ = f"{column} AS d0, " if column else ""
    per = (
        f"respondents AS (SELECT {slice_}a.who AS who, AVG(a.value) AS y FROM {source} AS a{joined}"
        f"{' AND' if 'WHERE' in joined else ' WHERE'} a.value >= :low AND a.value <= :high"
        f" GROUP BY a.who{', ' + column if column else ''})"
    )
    final = (
        f"SELECT {'r.d0 AS d0, ' if column else ''}COUNT(*) AS people, SUM(r.y) AS total, SUM(r.y * r.y) AS squares,"
        f" SUM(CASE WHEN r.y >= :top THEN 1 ELSE 0 END) AS top"
        f" FROM respondents AS r{' GROUP BY r.d0 ORDER BY r.d0' if column else ''}"
    )
    rows = [row for row in run(engine, join(*texts, per, final), params) if row["people"]]
    off = (
        "SELECT SUM(CASE WHEN a.value < :low OR a.value > :high THEN 1 ELSE 0 END) AS n,"
        " SUM(CASE WHEN a.submitted_at IS NULL THEN 1 ELSE 0 END) AS undated FROM answers AS a"
    )
    (stray,) = run(engine, join(_ANSWERS, off), params)
    note = f"{int(stray['n']):,} answers beyond {low:g} to {high:g} left out" if stray["n"] else ""
    if stray["undated"] and attribute in clock.SPANS:
        note = "; ".join(filter(None, (note, f"{int(stray['undated']):,} answers without a date left out")))
    if not rows:
        gone = rules.absent(id, NO_SURVEY, {}, unit="points of 100", note=note or f"import surveys of the kind {kind}")
        return [(replace(gone, period=ask.period), replace(gone, id=f"{id}_top_2", unit="share", period=ask.period))]
    cells = [({ask.by[0]: _named(ask.by[0], row["d0"])} if ask.by else {}, int(row["people"])) for row in rows]
    hide = hidden(cells, attribute, ask) if attribute else frozenset()
    out = []
    for row, (by, people) in zip(rows, cells, strict=True):
        if attribute and by[attribute] in hide:
            first = rules.suppressed(id, ask, by, unit="points of 100")
            out.append((first, replace(first, id=f"{id}_top_2", unit="share")))
            continue
        step = 100 / (high - low)
        found = intervals.moments(people, float(row["total"]), float(row["squares"]))
        scaled = intervals.Moments(people, (found.mean - low) * step, found.variance * step * step)
        mean = _within(rules.average(id, scaled, people, ask, by, unit="points of 100"))
        top = rules.share(f"{id}_top_2", int(row["top"]), people, ask, by)
        if high - low >= MOST_BOXES:
            top = rules.absent(f"{id}_top_2", "not_one_number", by, unit="share", note="the scale has too many steps")
        out.append((rules.with_note(mean, note), top))
    return [(replace(mean, period=ask.period), replace(top, period=ask.period)) for mean, top in out]


def _named(dimension: str, value: object) -> str:
    return clock.name(dimension, int(str(value))) if dimension in clock.SPANS else str(value)


def _within(mean: Estimate) -> Estimate:
    """Keep an interval on its scale."""
    if mean.low is None or mean.high is None:
        return mean
    return replace(mean, low=max(0.0, mean.low), high=min(100.0, mean.high))


def trust_index(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the mean answer to surveys of the kind trust, and on the whole how people act: `consent_kept`, the share of
    recipients who neither left nor complained, and `preference_reach`."""
    out = [mean for mean, _ in answered(engine, ask, "trust", "trust_index")]
    return out if ask.by else [*out, _kept(engine, ask), replace(preference_reach(engine, ask), period=ask.period)]


def _kept(engine: Engine, ask: Ask) -> Estimate:
    sql = (
        "SELECT COUNT(*) AS people, SUM(CASE WHEN l.person IS NULL THEN 1 ELSE 0 END) AS kept"
        " FROM (SELECT DISTINCT s.person AS person FROM sends AS s) AS r LEFT JOIN (SELECT DISTINCT"
        " COALESCE(po.person, t.key_id) AS person FROM touchpoints AS t LEFT JOIN person_of AS po ON po.key_id = t.key_id"
        " WHERE t.action IN (6, 7) AND t.happened_at >= :from_at AND t.happened_at < :to_at) AS l ON l.person = r.person"
    )
    (row,) = run(engine, join(piece("campaign_grades"), piece("sends"), sql), bounds(ask.period))
    return replace(rules.share("consent_kept", int(row["kept"] or 0), int(row["people"]), ask, {}), period=ask.period)


KINDS: Final = {"transparency": "perceived_transparency", "comfort": "comfort_level", "concern": "privacy_concern"}
"""kinds of surveys and what they measure"""


def _survey(engine: Engine, ask: Ask, kind: str) -> list[Estimate]:
    """Compute mean and top-two share (`<id>_top_2`) of the surveys of one kind."""
    return [one for pair in answered(engine, ask, kind, KINDS[kind]) for one in pair]


def _perceived(kind: str, title: str, asked: str, worse: str = "") -> Metric:
    """Return the measure of the surveys of one kind."""
    return Metric(
        KINDS[kind],
        title,
        f"The mean, from 0 to 100, and the share in the two highest boxes ({KINDS[kind]}_top_2) of the surveys of the "
        f"kind {kind}: {asked}.",
        "mean of (answer − lowest) ÷ (highest − lowest) × 100; people whose mean is in the two highest boxes ÷ people",
        "points of 100",
        partial(_survey, kind=kind),
        number="138",
        dimensions=DIMENSIONS,
        edge_cases="By level it is the highest one received in the period: a raw difference, since people were chosen for it. "
        f"By day, week and month an answer counts when it was given, in the shop's zone. {worse}Nobody asked: null, no_survey.",
        data=("feedback", "touchpoints", "campaign_levels"),
    )


METRICS: Sequence[Metric] = (
    Metric(
        "trust_index",
        "Trust index",
        "The mean answer to the trust survey (my data are safe, used for my benefit, they are honest, I can control it), from "
        "0 to 100; and how people act: the share of recipients who neither left nor complained (consent_kept), and who looked "
        "at their preferences (preference_reach).",
        "mean of (answer − lowest) ÷ (highest − lowest) × 100, each respondent once",
        "points of 100",
        trust_index,
        number="125",
        dimensions=DIMENSIONS,
        edge_cases="Nobody asked (persync import surveys, kind trust): null, no_survey. The scale is 1 to 5 unless [ethics] "
        "scales says otherwise; answers beyond it are left out and counted. Who answers is not everybody. Answers without a "
        "name are in no slice but item and time. By day, week and month, in the shop's zone, it is each respondent's mean of "
        "what they answered in it; answers without a date are left out and counted. How people act is told on the whole alone.",
        data=("feedback", "touchpoints", "campaign_levels"),
    ),
    _perceived("transparency", "Transparency as people see it", "how clearly they are told what is done with their data"),
    _perceived("comfort", "Comfort with personalised mail", "how comfortable they are with what is personalised for them"),
    _perceived("concern", "Concern for privacy", "how much they worry about their data", "More is worse. "),
)
