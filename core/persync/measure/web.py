"""The site: visits that e-mail brought, and how long people stay.

All of it is from the user's own file (`persync import sessions`): the platforms tell it of buyers alone, if at all. A person
who came twice is one unit of the interval (rule E9).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import counts, intervals, rules
from persync.measure.intervals import Interval
from persync.measure.metric import Ask, Metric
from persync.measure.slices import check
from persync.measure.texts import bounds, join, piece, run

WEB_DIMENSIONS: Final = ("campaign", "device", "experience", "medium", "source")
NO_SESSIONS: Final = "no_sessions"


def _nothing(id: str, unit: str) -> Estimate:
    return rules.absent(id, NO_SESSIONS, {}, unit=unit, note="import sessions to know")


def _is_known(engine: Engine) -> bool:
    return bool(engine.rows("SELECT 1 AS one FROM sessions LIMIT 1"))


def _by(row: Mapping[str, Any], ask: Ask) -> dict[str, str]:
    return {dimension: str(row[dimension]) for dimension in ask.by}


def _visits(engine: Engine, ask: Ask, select: str) -> list[dict[str, Any]]:
    """Run `SELECT /*keys*/ ... FROM per_visitor` over the visits, per slice and visitor: see `_PER_VISITOR`."""
    keys = "".join(f"v.{dimension} AS {dimension}, " for dimension in ask.by)
    group = ", ".join(f"p.{dimension}" for dimension in ask.by)
    per = _PER_VISITOR.replace("/*keys*/", keys).replace("/*group*/", "".join(f"v.{d}, " for d in ask.by))
    final = f"SELECT {''.join(f'p.{d} AS {d}, ' for d in ask.by)}{select} FROM per_visitor AS p"
    final += f" GROUP BY {group} ORDER BY {group}" if group else ""
    return run(engine, join(piece("web_visits"), per, final), bounds(ask.period))


_PER_VISITOR: Final = (
    "per_visitor AS (SELECT /*keys*/v.visitor AS visitor, COUNT(*) AS visits, SUM(v.is_email) AS emails,"
    " SUM(v.is_tagged) AS tagged, SUM(CASE WHEN v.pages IS NULL THEN 0 ELSE 1 END) AS paged,"
    " COALESCE(SUM(v.pages), 0) AS pages,"
    " SUM(CASE WHEN v.is_bounced IS NULL THEN 0 ELSE 1 END) AS known, COALESCE(SUM(v.is_bounced), 0) AS bounced,"
    " SUM(CASE WHEN v.seconds IS NULL THEN 0 ELSE 1 END) AS timed, COALESCE(SUM(v.seconds), 0e0) AS seconds,"
    " SUM(CASE WHEN v.seconds = 0 THEN 1 ELSE 0 END) AS zeros"
    " FROM web_visits AS v GROUP BY /*group*/v.visitor)"
)


def _ratio(y: str, x: str) -> str:
    return (
        f"SUM(CASE WHEN p.{x} > 0 THEN 1 ELSE 0 END) AS clusters, SUM(p.{y}) AS y, SUM(p.{x}) AS x,"
        f" SUM(p.{y} * p.{y}) AS yy, SUM(p.{x} * p.{x}) AS xx,"
        f" SUM(p.{x} * p.{y}) AS xy"
    )


def _rate(id: str, y: str, x: str, unit: str) -> Callable[[Engine, Ask], list[Estimate]]:
    def compute(engine: Engine, ask: Ask) -> list[Estimate]:
        check(ask.by, WEB_DIMENSIONS, id)
        if not _is_known(engine):
            return [_nothing(id, unit)]
        return [counts.clustered_share(id, row, ask, _by(row, ask), unit=unit) for row in _visits(engine, ask, _ratio(y, x))]

    return compute


def email_site_traffic(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the visits that e-mail brought, their share of all, their change, and how many visits tell what brought them."""
    check(ask.by, WEB_DIMENSIONS, "email_site_traffic")
    if not _is_known(engine):
        return [_nothing("email_site_traffic", "count")]
    earlier = counts.before(ask)
    was = (
        {tuple(_by(r, ask).items()): int(r["y"] or 0) for r in _visits(engine, earlier, _ratio("emails", "visits"))}
        if earlier
        else {}
    )
    tagged = {tuple(_by(r, ask).items()): r for r in _visits(engine, ask, _ratio("tagged", "visits"))}
    out: list[Estimate] = []
    for row in _visits(engine, ask, _ratio("emails", "visits")):
        by = _by(row, ask)
        key, emails = tuple(by.items()), int(row["y"] or 0)
        out += [
            counts.counted("email_site_traffic", emails, ask, by),
            counts.clustered_share("email_site_traffic_share", row, ask, by),
            counts.change("email_site_traffic_change", emails, was.get(key, 0) if earlier else None, ask, by),
            counts.clustered_share("visit_tag_coverage", tagged[key], ask, by),
        ]
    return out


def time_on_site(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the mean seconds of a visit, the median of those that are not 0 (`time_on_site_median`), and of a page
    (`time_on_page`)."""
    ids = ("time_on_site", "time_on_site_median", "time_on_page")
    check(ask.by, WEB_DIMENSIONS, ids[0])
    if not _is_known(engine):
        return [_nothing(id, "seconds") for id in ids]
    out: list[Estimate] = []
    middles = {tuple(_by(row, ask).items()): row for row in _middles(engine, ask)}
    zeros = {tuple(_by(r, ask).items()): int(r["zeros"] or 0) for r in _visits(engine, ask, "SUM(p.zeros) AS zeros")}
    pages = {tuple(_by(r, ask).items()): r for r in _visits(engine, ask, _ratio("seconds", "pages"))}
    for row in _visits(engine, ask, _ratio("seconds", "timed")):
        by = _by(row, ask)
        key = tuple(by.items())
        mean = counts.clustered_share(ids[0], row, ask, by, unit="seconds")
        note = f"{zeros[key]:,} visits of 0 seconds (bounces without an end) are in the mean, not in the median"
        out.append(rules.with_note(mean, note) if zeros[key] and mean.value is not None else mean)
        out.append(_median(ids[1], middles.get(key), ask, by))
        out.append(counts.clustered_share(ids[2], pages[key], ask, by, unit="seconds"))
    return out


def _middles(engine: Engine, ask: Ask) -> list[dict[str, Any]]:
    """Return the median of the visits that are not 0 seconds, and the values at the ranks that bound it."""
    keys = "".join(f"v.{d} AS {d}, " for d in ask.by)
    within = f"PARTITION BY {', '.join(f'v.{d}' for d in ask.by)} " if ask.by else ""
    group = ", ".join(f"r.{d}" for d in ask.by)
    ranked = (
        f"ranked AS (SELECT {keys}v.seconds AS seconds, ROW_NUMBER() OVER ({within}ORDER BY v.seconds) AS place,"
        f" COUNT(*) OVER ({within.strip()}) AS n FROM web_visits AS v WHERE v.seconds > 0)"
    )
    reach = "FLOOR((r.n - :z * SQRT(r.n)) / 2e0)"
    final = (
        f"SELECT {''.join(f'r.{d} AS {d}, ' for d in ask.by)}MAX(r.n) AS n,"
        " AVG(CASE WHEN 2 * r.place >= r.n AND 2 * r.place <= r.n + 2 THEN r.seconds END) AS median,"
        f" MAX(CASE WHEN r.place = {reach} THEN r.seconds END) AS low,"
        f" MAX(CASE WHEN r.place = r.n + 1 - {reach} THEN r.seconds END) AS high FROM ranked AS r"
    ) + (f" GROUP BY {group} ORDER BY {group}" if group else "")
    z = intervals.normal_quantile(ask.confidence)
    return run(engine, join(piece("web_visits"), ranked, final), {**bounds(ask.period), "z": z})


def _median(id: str, row: Mapping[str, Any] | None, ask: Ask, by: Mapping[str, str]) -> Estimate:
    if row is None or row["median"] is None:
        return replace(rules.absent(id, rules.NO_DENOMINATOR, by, unit="seconds", n=0), period=ask.period)
    low, high = row["low"], row["high"]
    interval = None if low is None or high is None else Interval(float(row["median"]), float(low), float(high))
    made = rules.from_interval(id, interval, n=int(row["n"]), unit="seconds", by=by, value=float(row["median"]))
    return replace(rules.with_note(made, rules.smallness(int(row["n"]), None, ask)), period=ask.period)


def _metric(id: str, title: str, number: str, definition: str, formula: str, unit: str, compute: Any, edges: str) -> Metric:
    return Metric(
        id,
        title,
        definition,
        formula,
        unit,
        compute,
        number=number,
        dimensions=WEB_DIMENSIONS,
        edge_cases=edges,
        data=("sessions",),
    )


_CLUSTERS: Final = "Somebody who came several times is one unit of the interval."
METRICS: Sequence[Metric] = (
    _metric(
        "email_site_traffic",
        "Visits that e-mail brought",
        "17",
        "Visits in the period whose medium is e-mail (email, e-mail, mail, newsletter), their share of all visits, their "
        "change against the period of the same length before, and the share of visits that tell what brought them: the others "
        "count as direct.",
        "visits with medium e-mail",
        "count",
        email_site_traffic,
        "Without imported sessions: null, no_sessions. Without a period there is no change: null, no_period. Visits "
        "without source and medium may be e-mail's whose links were not tagged.",
    ),
    _metric(
        "time_on_site",
        "Time on the site",
        "18",
        "Active seconds a visit: the mean, the median of the visits that are not 0, and the mean a page. The last page of a "
        "visit has no end, so all of them are too short.",
        "seconds ÷ visits; seconds ÷ pages",
        "seconds",
        time_on_site,
        "Visits of 0 seconds are counted, in the mean and out of the median. " + _CLUSTERS,
    ),
    _metric(
        "pages_per_session",
        "Pages a visit",
        "19",
        "Page views over visits, of the visits whose pages are known.",
        "page views ÷ visits",
        "ratio",
        _rate("pages_per_session", "pages", "paged", "ratio"),
        "No visits: null, no_denominator. " + _CLUSTERS,
    ),
    _metric(
        "bounce_rate_web",
        "Bounce rate of the site",
        "20",
        "Visits of one page without anything further over visits of which that is known. Lower is better; it has nothing to do "
        "with mail that bounces (delivery_rate).",
        "bounced visits ÷ visits",
        "share",
        _rate("bounce_rate_web", "bounced", "known", "share"),
        "Where the tool does not say, a visit of one page is a bounce. " + _CLUSTERS,
    ),
)
