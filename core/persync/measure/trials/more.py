"""What reading an experiment gives beside means and differences: lines that help to judge and never replace the verdict."""

from __future__ import annotations

from dataclasses import replace

from persync.attribution.horizon import orders_note, orders_until
from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import experiments, rules, spilt, verdict
from persync.measure.experiments import Reading
from persync.measure.metric import Ask, Experiment
from persync.measure.trials import chance, cuped, looks, qini

INCREMENTAL = "incremental_share"


def read(engine: Engine, experiment: Experiment, ask: Ask) -> list[Estimate]:
    """Read an experiment as `experiments.read` does, and add for each difference `incremental_share` (of what the arm took,
    the part it caused), `chance_to_win`, `difference_cuped` with `variance_reduction`, `qini` of every imported score, and,
    while it runs, `difference_so_far` with an always-valid interval."""
    reading = experiments.gather(engine, experiment, ask)
    found = experiments.estimates(experiment, reading, ask)
    out = [*found, *_shares(found), *_chances(found, reading, experiment, ask)]
    out += _standing(cuped.read(engine, experiment, reading, ask), found)
    out += _standing(qini.read(engine, experiment, reading, ask), found)
    if reading.nobody:
        return out
    return [*out, *_reached(engine, experiment, reading, ask), *_so_far(engine, experiment, found, ask)]


def _so_far(engine: Engine, experiment: Experiment, found: list[Estimate], ask: Ask) -> list[Estimate]:
    """Return what is known of an experiment whose days are not over, or whose orders are not known to its end, read as if it
    ended there."""
    build_orders(engine)
    until = orders_until(engine, ask)
    if not looks.is_open(experiment, until):
        return []
    since = experiment.since or 0
    cut = replace(experiment, days=(until - since) / rules.DAY)
    read_now = experiments.estimates(cut, experiments.gather(engine, cut, ask), ask) if until > since else found
    if not looks.is_open(experiment, ask.now):  # then what does not come from orders has been read to the end
        waiting = {e.by["outcome"] for e in found if e.id == "difference" and e.reason == rules.IMMATURE}
        read_now = [e for e in read_now if e.by.get("outcome") in waiting]
    told = orders_note(until, ask)
    return [rules.with_note(e, told) for e in looks.early(read_now, experiment, until, ask)]


def _standing(made: list[Estimate], found: list[Estimate]) -> list[Estimate]:
    """Give estimates the period of the reading, and say where it is blocked."""
    differences = [e for e in found if e.id == "difference"]
    period = next((e.period for e in differences), None)
    note = next((said for e in differences if (said := verdict.bars(e.note))), "")
    return [rules.with_note(replace(e, period=period), note if e.id in ("difference_cuped", "qini") else "") for e in made]


def _reached(engine: Engine, experiment: Experiment, reading: Reading, ask: Ask) -> list[Estimate]:
    """Return the share of each arm that was sent personalised mail (level 2 or above) in the experiment's days: in a holdout
    that is contamination. Nothing where no such mail is known."""
    reached = reading.reached or experiments.reach(engine, experiment)
    out = []
    for arm, number in reached.items() if any(reached.values()) else ():
        by = {"experiment": experiment.name, "arm": arm}
        made = rules.share("reached", number, reading.sizes[arm], replace(ask, report_n=0), by)
        control = experiment.holdout and experiment.control == arm
        note = spilt.of_holdout(number, reading.sizes[arm]) if control else ""
        out.append(replace(made, note=note) if made.value is not None else made)
    return out


def _shares(found: list[Estimate]) -> list[Estimate]:
    """Return of each positive relative effect r the share r / (1 + r) of what the arm did that it would not have done."""
    out = []
    for e in found:
        if e.id != "relative":
            continue
        if e.value is None or e.value <= -1 or e.low is None or e.high is None or e.low <= -1:
            if e.value is None:
                out.append(replace(e, id=INCREMENTAL, unit="share"))
            continue
        value, low, high = (float(x) / (1 + float(x)) for x in (e.value, e.low, e.high))
        out.append(replace(e, id=INCREMENTAL, value=value, low=low, high=high, unit="share"))
    return out


def _chances(found: list[Estimate], reading: Reading, experiment: Experiment, ask: Ask) -> list[Estimate]:
    arms = {outcome.name: outcome.arms for outcome in reading.outcomes}
    out = []
    for e in found:
        if e.id == "difference" and "arm" in e.by:
            samples = arms.get(e.by["outcome"], {})
            out.append(chance.chance(samples.get(e.by["arm"]), samples.get(e.by["against"]), e, ask))
    return out


__all__ = ["INCREMENTAL", "read"]
