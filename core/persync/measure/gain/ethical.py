"""What ethics work costs, and all that is known of what comes of it, side by side: no rate turns trust into money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from persync.engine.engine import Engine
from persync.estimate import RAW, Estimate
from persync.measure import rules
from persync.measure.ethics.practice import ethics_practice, privacy_reputation_risk
from persync.measure.ethics.transparency import algorithm_transparency, transparency_score
from persync.measure.ethics.trust import trust_index
from persync.measure.ethics.worth import cost_of_harm, revenue_by_consent, value_exchange
from persync.measure.gain.programmes import CHANGE, CX, cx_roi, scoped_cost
from persync.measure.metric import Ask
from persync.measure.slices import check
from persync.measure.texts import bounds, run

ETHICS: Final = "ethical_roi"
PART: Final = f"{ETHICS}_part"
MANY: Final = "not_one_number"
NOT_MEASURED: Final = "not_measured"
NOT_PRICED: Final = "not_priced"
SCORES: Final = ("transparency_score", "explanation_complete", "staff_trained", "guidelines", "days_since_review")
"""what an imported audit answers"""


def ethical_roi(engine: Engine, ask: Ask) -> list[Estimate]:
    """Return null, for it is not one number, and its parts (`ethical_roi_part`), each as its own metric computes it.

    What ethics work cost, complaints and unsubscribes, what harm costs, the fines as entered, revenue by consent, what
    customers get for their data, trust and its change, and the answers of an audit. A part that is null keeps its
    metric's reason.
    """
    check(ask.by, (), ETHICS)
    whole = rules.absent(ETHICS, MANY, {}, unit="share", note="its parts stand below; money only for what you price")
    stays = rules.absent(
        PART, NOT_MEASURED, {"part": "customers kept by trust"}, note="no metric holds trust against who stays"
    )
    parts = [
        _named("cost of ethics work", scoped_cost(engine, ask, "ethics")),
        *_complaints(engine, ask),
        *map(_part, cost_of_harm(engine, ask)),
        *map(_part, _fines(engine, ask)),
        *map(_part, revenue_by_consent(engine, ask)),
        *map(_part, value_exchange(engine, ask)),
        _part(trust_index(engine, ask)[0]),
        _named("change of trust", _change_of_trust(engine, ask)),
        stays,
        *map(_part, _audit(engine, ask)),
    ]
    return [replace(one, period=ask.period) for one in (whole, *parts)]


def _named(name: str, one: Estimate) -> Estimate:
    return replace(one, id=PART, by={"part": name})


def _part(one: Estimate) -> Estimate:
    """Return an estimate of another metric as a part: named by its id, by what it was by; a part of it is `of`."""
    by = {"of" if name == "part" else name: value for name, value in one.by.items()}
    return replace(one, id=PART, by={"part": one.id.replace("_", " "), **by})


def _complaints(engine: Engine, ask: Ask) -> list[Estimate]:
    (row,) = run(
        engine,
        "SELECT CAST(COALESCE(SUM(CASE WHEN t.action = 7 THEN 1 ELSE 0 END), 0) AS BIGINT) AS complaints, CAST(COALESCE(SUM("
        "CASE WHEN t.action = 6 THEN 1 ELSE 0 END), 0) AS BIGINT) AS unsubscribes, COUNT(*) AS n FROM touchpoints AS t"
        " WHERE t.action IN (1, 6, 7) AND t.happened_at >= :from_at AND t.happened_at < :to_at",
        bounds(ask.period),
    )
    return [_count(name, row) for name in ("complaints", "unsubscribes")]


def _count(name: str, row: Mapping[str, Any]) -> Estimate:
    if not int(row["n"]):
        return rules.absent(PART, rules.NO_DENOMINATOR, {"part": name}, unit="count", n=0)
    note = "not every provider reports complaints" if name == "complaints" else ""
    return Estimate(PART, int(row[name]), n=int(row[name]), unit="count", by={"part": name}, note=note)


def _fines(engine: Engine, ask: Ask) -> list[Estimate]:
    """Return the fines as entered: that they were avoided, nobody can measure."""
    entered = [one for one in privacy_reputation_risk(engine, ask) if one.id == "fine_scenario"]
    return entered or [rules.absent("fine_scenario", NOT_PRICED, {}, unit=ask.currency or "", note="set [ethics] fines")]


def _change_of_trust(engine: Engine, ask: Ask) -> Estimate:
    """Return the change of the answers on trust since the programme began; without one, why surveys tell of no change."""
    found = cx_roi(engine, ask)
    for one in found:
        if one.id == CHANGE and one.by["survey"] == "trust":
            return one
    if found[0].id == CX and len(found) == 1:
        return found[0]
    return rules.absent(
        CHANGE, "no_survey", {}, label=RAW, note="import surveys of the kind trust: persync import surveys FILE"
    )


def _audit(engine: Engine, ask: Ask) -> Sequence[Estimate]:
    scored = transparency_score(engine, ask)
    if not scored:
        none = "no personal message was sent in this period"
        scored = [rules.absent("transparency_score", rules.NO_DENOMINATOR, {}, unit="share", n=0, note=none)]
    answered = (*scored, *algorithm_transparency(engine, ask), *ethics_practice(engine, ask))
    return [one for one in answered if one.id in SCORES]
