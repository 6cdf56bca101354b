"""Planning a test (catalogue 77): how many people it needs, how many weeks that takes, and what could be seen now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from persync.attribution.horizon import day, orders_until, touches_until
from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.estimate import Estimate, percent
from persync.measure import experiments, intervals, rules
from persync.measure.metric import Ask, Experiment
from persync.measure.slices import check
from persync.measure.texts import EVER, frame, join, piece, run
from persync.measure.trials import power

DAYS: Final = 14.0
SMALLEST: Final = 0.1
"""the relative change looked for where none is set"""
VOLUME_DAYS: Final = 28
NOBODY_MAILED: Final = "nobody_mailed"
NOBODY_BOUGHT: Final = "nobody_bought"
UNPLANNED: Final = Experiment("(none planned)")


def audience(engine: Engine) -> list[int]:
    """Return everybody who could be mailed now: contacts of systems that send, unless their last consent says no; sorted."""
    rows = frame(
        engine,
        join(piece("sends"), piece("audience"), "SELECT a.person AS person FROM audience AS a WHERE a.person IS NOT NULL"),
        {"from_at": EVER, "to_at": EVER},
    )
    return sorted(int(person) for person in rows.get("person", ()))


def plan(engine: Engine, experiment: Experiment, ask: Ask) -> list[Estimate]:
    """Plan one experiment: `audience` and `people_a_week`; then for conversion and revenue `baseline` over as many past days as
    it will last, `needed` people an arm for the smallest change worth seeing, `weeks` at today's volume, and `detectable`, the
    smallest change that everybody who could be mailed now would show (80 % power, two-sided). Days are counted back from the
    end of the orders and messages that are known, and named."""
    build_orders(engine)
    days, until = experiment.days or DAYS, orders_until(engine, ask)
    params = {"gross": int(ask.basis == "gross"), "since": until - round(days * rules.DAY), "until": until}
    texts = (piece("sends"), piece("audience"), piece("order_money"))
    (row,) = run(engine, join(*texts, *_split(piece("plan_read"))), {**params, "from_at": EVER, "to_at": EVER})
    mailed_until = touches_until(engine, ask)
    recent = {"from_at": mailed_until - VOLUME_DAYS * rules.DAY, "to_at": mailed_until}
    (sent,) = run(engine, join(piece("sends"), "SELECT COUNT(DISTINCT s.person) AS people FROM sends AS s"), recent)
    people, a_week = int(row["people"]), int(sent["people"]) / (VOLUME_DAYS / power.WEEK)
    by = {"experiment": experiment.name}
    volume = f"sent something in {_days(recent['from_at'], mailed_until, ask)}, a week"
    out = [
        _count("audience", people, "no_contacts", by, "contacts who may be mailed"),
        _count("people_a_week", a_week, NOBODY_MAILED, by, volume),
    ]
    small, rest = _shares(experiment)
    for outcome, unit, sample, reason in _samples(row, ask):
        here = {**by, "outcome": outcome}
        baseline = (
            rules.absent("baseline", reason or rules.NO_DENOMINATOR, here, unit=unit)
            if reason or sample is None
            else _mean(outcome, row, sample, ask, here, unit)
        )
        out.append(rules.with_note(baseline, _days(params["since"], until, ask)))
        change = (experiment.smallest or SMALLEST) * (sample.mean if sample else 0.0)
        if reason or sample is None or change <= 0 or sample.variance <= 0:
            why = reason or (NOBODY_BOUGHT if sample is not None and not sample.mean else rules.NO_DENOMINATOR)
            out += [
                rules.absent(id, why, here, unit=u) for id, u in (("needed", "count"), ("weeks", "weeks"), ("detectable", unit))
            ]
            continue
        needed = _needed(outcome, sample, change, rest / small)
        total = needed / small
        said = f"an arm, for a relative change of {percent(experiment.smallest or SMALLEST)}; {round(total):,} in all"
        out.append(Estimate("needed", needed, unit="count", by=here, note=said))
        length = power.weeks(total, a_week)
        waiting = rules.absent("weeks", NOBODY_MAILED, here, unit="weeks")
        out.append(
            waiting if length is None else Estimate("weeks", length, unit="weeks", by=here, note="until as many were mailed")
        )
        out.append(_detectable(outcome, sample, people, small, rest, unit, here))
    return out


def _days(from_at: int, to_at: int, ask: Ask) -> str:
    """Say how many days a span has, and when it ends."""
    return f"the {(to_at - from_at) / rules.DAY:g} days until {day(to_at - 1, ask)}"


def _count(id: str, number: float, reason: str, by: dict[str, str], note: str) -> Estimate:
    if not number:
        return rules.absent(id, reason, by, unit="count", note=note)
    return Estimate(id, number, unit="count", by=by, note=note)


def _split(text: str) -> tuple[str, str]:
    """Return the CTE and the SELECT of a piece that has both."""
    at = text.rindex("\nSELECT")
    return text[:at], text[at + 1 :]


def _shares(experiment: Experiment) -> tuple[float, float]:
    """Return the share of the smallest arm, and that of the one it is held against."""
    planned = dict(experiment.planned_shares)
    if len(planned) < 2:
        return 0.5, 0.5
    control = experiment.control if experiment.control in planned else max(planned, key=lambda arm: planned[arm])
    others = [share for arm, share in planned.items() if arm != control]
    return min(others), planned[control]


def _samples(row: Mapping[str, Any], ask: Ask) -> list[tuple[str, str, intervals.Moments | None, str | None]]:
    people, buyers = int(row["people"]), int(row["buyers"])
    currency = rules.one_currency([row["currency_low"], row["currency_high"]])
    nobody = None if people else rules.NO_DENOMINATOR
    unit = currency or ask.currency or ""
    money = intervals.moments(people, int(row["total"]), int(row["squares"])) if people else None
    share = intervals.moments(people, buyers, buyers) if people else None
    mixed = rules.MIXED_CURRENCIES if currency is None else None
    return [("conversion", "share", share, nobody), ("revenue", unit, rules.scaled(money, unit), nobody or mixed)]


def _mean(
    outcome: str, row: Mapping[str, Any], sample: intervals.Moments, ask: Ask, by: Mapping[str, str], unit: str
) -> Estimate:
    if outcome == "conversion":
        return rules.share("baseline", int(row["buyers"]), sample.n, ask, by)
    return rules.average("baseline", sample, int(row["buyers"]), ask, by, unit=unit)


def _needed(outcome: str, sample: intervals.Moments, change: float, ratio: float) -> int:
    if outcome == "conversion" and sample.mean + change < 1:
        return power.for_shares(sample.mean, change, ratio=ratio)
    return power.for_means(sample, change, ratio=ratio)


def _detectable(
    outcome: str, sample: intervals.Moments, people: int, small: float, rest: float, unit: str, by: Mapping[str, str]
) -> Estimate:
    n, base_n = people * small, people * rest
    if outcome == "conversion":
        change = power.detectable_share(sample.mean, n, base_n)
    else:
        change = power.detectable_mean(sample.variance, n, base_n)
    if change is None:
        return rules.absent("detectable", "too_few", by, unit=unit)
    note = f"with everybody who could be mailed now; {percent(change / sample.mean)} of the baseline"
    return Estimate("detectable", change, n=people, unit=rules.gap(unit), by=dict(by), note=note)


def sample_size_power(engine: Engine, ask: Ask) -> list[Estimate]:
    """Plan every experiment that is known, or an even split where there is none."""
    check(ask.by, (), "sample_size_power")
    known = experiments.known(engine, ask)
    wanted = [one for name, one in known.items() if ask.arm in (None, name)] or [UNPLANNED]
    return [replace(estimate, period=None) for one in wanted for estimate in plan(engine, one, ask)]
