"""Reactivation: dormant customers who order again after a message, and what of it a holdout says was caused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from persync.engine.engine import Engine
from persync.errors import ConfigError
from persync.estimate import Estimate
from persync.measure import experiments, intervals, rules
from persync.measure.metric import Ask, Experiment
from persync.measure.occasions import Ground, build
from persync.measure.rules import DAY
from persync.measure.texts import EVER, join, piece, run
from persync.measure.value.cut import Row, cut

ID: Final = "reactivation_rate"
NET: Final = "reactivation_difference"
NO_HOLDOUT: Final = "no_holdout"
NO_DATE: Final = "no_date"

_DORMANT = (
    "dormant AS (SELECT s.person AS person, MIN(s.sent_at) AS sent_at FROM sends AS s JOIN occasions AS o ON o.person ="
    " s.person AND o.happened_at < s.sent_at AND (o.next_at IS NULL OR o.next_at >= s.sent_at)/*only*/"
    " WHERE s.sent_at - o.happened_at >= :dormant_ms GROUP BY s.person)"
)
_BACK = (
    "SELECT COUNT(*) AS contacted, CAST(SUM(CASE WHEN p.is_over = 1 THEN 1 ELSE 0 END) AS BIGINT) AS over,"
    " CAST(SUM(CASE WHEN p.is_over = 1 THEN p.came ELSE 0 END) AS BIGINT) AS came/*columns*/ FROM (SELECT d.person AS person,"
    " CASE WHEN MIN(d.sent_at) + :within_ms <= :end_at THEN 1 ELSE 0 END AS is_over,"
    " MAX(CASE WHEN o.person IS NULL THEN 0 ELSE 1 END) AS came FROM dormant AS d LEFT JOIN occasions AS o"
    " ON o.person = d.person AND o.happened_at >= d.sent_at AND o.happened_at < d.sent_at + :within_ms"
    " GROUP BY d.person) AS p JOIN grouped AS g ON g.person = p.person /*keys*/"
)
_ARMS = (
    "SELECT r.arm AS arm, COUNT(*) AS people, CAST(SUM(r.came) AS BIGINT) AS came FROM (SELECT a.arm AS arm, a.person AS"
    " person, MAX(CASE WHEN b.person IS NULL THEN 0 ELSE 1 END) AS came FROM arms AS a JOIN occasions AS o ON o.person ="
    " a.person AND o.happened_at < :since AND (o.next_at IS NULL OR o.next_at >= :since) AND :since - o.happened_at >="
    " :dormant_ms LEFT JOIN occasions AS b ON b.person = a.person AND b.happened_at >= :since AND b.happened_at < :since +"
    " :within_ms GROUP BY a.arm, a.person) AS r GROUP BY r.arm ORDER BY r.arm"
)


def reactivation_rate(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the share of dormant customers contacted who ordered within the set days, and for each experiment with a
    control the difference between those of its arms who were dormant at the draw (`reactivation_difference`)."""
    ground = build(engine, ask)
    sliced = cut(engine, ask, ID)
    value = ask.value
    texts, params = _texts(ask, ground)
    rows = sliced.rows(engine, _BACK, params, before=texts)
    how = "a win-back message" if value.winback else "any message, for none is named a win-back"
    note = f"no order in {value.dormant_days} days before {how}, an order within {value.winback_days} days after it"

    def make(row: Row, by: dict[str, str]) -> Estimate:
        contacted, over = int(row["contacted"]), int(row["over"] or 0)
        if not over:
            reason = rules.IMMATURE if contacted else rules.NO_DENOMINATOR
            return rules.absent(ID, reason, by, unit="share", n=0, note=note)
        made = rules.share(ID, int(row["came"] or 0), over, ask, by)
        return rules.with_note(made, f"{note}; what came after it, not what it caused") if made.value is not None else made

    out = sliced.estimates(rows, ID, "share", "contacted", make)
    if not ask.by:
        out += _net(engine, ask, ground)
    return [replace(one, period=ask.period) for one in out]


def _texts(ask: Ask, ground: Ground) -> tuple[list[str], dict[str, Any]]:
    begin, end = ask.period or (-EVER, EVER)
    params: dict[str, Any] = {
        "from_at": begin,
        "to_at": min(end, ground.end_at),
        "end_at": ground.end_at,
        "dormant_ms": ask.value.dormant_days * DAY,
        "within_ms": ask.value.winback_days * DAY,
    }
    only = ""
    if ask.value.winback:
        marks = ", ".join(f":winback_{i}" for i in range(len(ask.value.winback)))
        params |= {f"winback_{i}": title for i, title in enumerate(ask.value.winback)}
        only = (
            " JOIN (SELECT DISTINCT COALESCE(co.campaign_id, c.campaign_key) AS campaign_id FROM campaigns AS c"
            " LEFT JOIN campaign_of AS co ON co.campaign_key = c.campaign_key"
            f" WHERE c.title IN ({marks})) AS k ON k.campaign_id = s.campaign_id"
        )
    return [piece("sends"), _DORMANT.replace("/*only*/", only)], params


def _net(engine: Engine, ask: Ask, ground: Ground) -> list[Estimate]:
    """Return what each arm's dormant customers came back more often than the control's."""
    known = experiments.known(engine, ask)
    chosen = [one for name, one in known.items() if one.control is not None and ask.arm in (None, name)]
    out: list[Estimate] = []
    for experiment in chosen:
        out += _arms(engine, ask, ground, experiment)
    return rules.compared(out) or [rules.absent(NET, NO_HOLDOUT, {}, unit="points")]


def _arms(engine: Engine, ask: Ask, ground: Ground, experiment: Experiment) -> list[Estimate]:
    label = experiments.label_of(experiment)
    by = {"experiment": experiment.name}
    if experiment.since is None:
        return [rules.absent(NET, NO_DATE, by, unit="points", label=label, note="the experiment has no `from`")]
    if experiment.since + ask.value.winback_days * DAY > ground.end_at:
        return [rules.absent(NET, rules.IMMATURE, by, unit="points", label=label)]
    texts, params = experiments.arms_sql(experiment)
    params |= {
        "since": experiment.since,
        "dormant_ms": ask.value.dormant_days * DAY,
        "within_ms": ask.value.winback_days * DAY,
    }
    arms = {str(row["arm"]): row for row in run(engine, join(*texts, _ARMS), params)}
    try:
        blocked = experiments.blocked(engine, experiment)
    except ConfigError as problem:
        return [rules.absent(NET, experiments.MISCONFIGURED, by, unit="points", label=label, note=str(problem))]
    found = [
        _difference(
            arms.get(arm),
            arms.get(experiment.control or ""),
            ask,
            {**by, "arm": arm, "against": experiment.control or ""},
            experiment,
        )
        for arm in _names(arms, experiment)
    ]
    return [rules.with_note(one, blocked) for one in found]


def _names(arms: Mapping[str, Row], experiment: Experiment) -> Sequence[str]:
    return [arm for arm in dict.fromkeys((*experiment.tags, *arms)) if arm != experiment.control] or ["any"]


def _difference(one: Row | None, base: Row | None, ask: Ask, by: dict[str, str], experiment: Experiment) -> Estimate:
    label = experiments.label_of(experiment)
    if one is None or base is None:
        note = f"nobody of an arm had been without an order for {ask.value.dormant_days} days at the draw"
        return rules.absent(NET, rules.NO_DENOMINATOR, by, unit="points", label=label, note=note)
    n, base_n = int(one["people"]), int(base["people"])
    if min(n, base_n) < ask.suppress_n:
        return rules.suppressed(NET, ask, by, unit="points", label=label)
    interval = intervals.newcombe(int(one["came"]), n, int(base["came"]), base_n, ask.confidence)
    made = rules.from_interval(NET, interval, n=n + base_n, unit="points", by=by, label=label)
    return rules.with_note(made, rules.smallness(min(n, base_n), min(int(one["came"]), int(base["came"])), ask))
