"""Reading randomised tests and holdouts: what each arm did, the differences, and whether the draw can be trusted.

People are read in the arm they were drawn into, whatever they got afterwards (intention to treat). Somebody drawn into two
arms belongs to none and is counted as contamination. Sums are made in SQL, exactly; Python sees one row an arm.

Outcomes: `conversion` (placed at least one order that was neither cancelled nor fully refunded) and `revenue` (net, as the
ledger stands when it is read: a refund of an order placed inside the window counts against it, whenever it happened), both
over orders placed inside the window; then every imported outcome the arms have values for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import Any

from persync.attribution.horizon import day, orders_note, orders_until
from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.errors import ConfigError, DataError, nearest
from persync.estimate import HOLDOUT, RANDOMISED, Estimate, Label
from persync.measure import intervals, rules, spilt
from persync.measure.intervals import Moments
from persync.measure.metric import Ask, Experiment
from persync.measure.texts import EVER, bounds, join, piece, run
from persync.measure.verdict import NO_VERDICT

NO_ORDERS = "no_orders"
NOBODY = "nobody"
MISCONFIGURED = "misconfigured"
MISMATCH = 0.001
"""A sample ratio less likely than this blocks every verdict on the experiment."""
MISMATCH_NOTE = f"the arms are not of the planned sizes, so {NO_VERDICT}"


@dataclass(frozen=True, slots=True)
class Sample:
    """What one arm did on one outcome. `successes` for a 0/1 outcome, `moments` for an amount; `events` are non-zero people."""

    people: int
    events: int
    successes: int | None = None
    moments: Moments | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One outcome over all arms. `reason` says why it cannot be read at all (immature, no_orders, mixed_currencies), `note`
    more of it."""

    name: str
    unit: str
    arms: Mapping[str, Sample]
    reason: str | None = None
    is_ordered: bool = False
    """read from orders, not imported"""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """The aggregates an experiment is read from: people by arm, people in several arms (None: too few to say), outcomes by arm.

    With nobody in it there are no outcomes, and `nobody` says so in a sentence.
    """

    sizes: Mapping[str, int]
    mixed: int | None = 0
    outcomes: tuple[Outcome, ...] = ()
    planned: Mapping[str, float] = field(default_factory=dict)
    nobody: str = ""
    reached: Mapping[str, int] = field(default_factory=dict)
    """people of each arm of a holdout who were sent personalised mail in its days; {} for other tests"""


def known(engine: Engine, ask: Ask) -> dict[str, Experiment]:
    """Return the configured experiments and those that only the imported assignments name, by name."""
    found = engine.rows("SELECT DISTINCT a.experiment AS experiment FROM assignments AS a")
    imported = {str(row["experiment"]): Experiment(str(row["experiment"])) for row in found}
    return dict(sorted({**imported, **ask.experiments}.items()))


def window(experiment: Experiment) -> tuple[int, int] | None:
    """Return the window [from, to) in which orders count, None when all do."""
    if experiment.since is None:
        return None
    return experiment.since, EVER if experiment.days is None else experiment.since + round(experiment.days * rules.DAY)


def is_over(experiment: Experiment, until: int) -> bool:
    """Tell whether an experiment's days are over by a moment, which is how far what it is read from is known; one without an
    end is over when it has begun."""
    from_at, to_at = window(experiment) or (-EVER, EVER)
    return from_at < until and (to_at <= until or to_at == EVER)


def asked(engine: Engine, ask: Ask) -> dict[str, Experiment]:
    """Return the known experiments that have something to say about the asked period: whose window shares a day with it.

    One without a window counts all orders, so it is never outside. What an experiment says is always of its own days, see
    `own_days`.
    """
    period = ask.period
    found = {}
    for name, experiment in known(engine, ask).items():
        within = window(experiment)
        if period is None or within is None or (within[0] < period[1] and period[0] < within[1]):
            found[name] = experiment
    return found


def own_days(experiment: Experiment, ask: Ask) -> str:
    """Return the note that a reading is of other days than the asked ones; "" where its window lies in the asked period."""
    within = window(experiment)
    if ask.period is None or (within is not None and ask.period[0] <= within[0] and within[1] <= ask.period[1]):
        return ""
    if within is None:
        return "over all its orders, not the asked period alone"
    from_at, to_at = within
    days = f"{day(from_at, ask)} to {day(to_at - 1, ask)}" if to_at < EVER else f"from {day(from_at, ask)} on"
    return f"over its own days, {days}, not the asked period alone"


def read(engine: Engine, experiment: Experiment, ask: Ask) -> list[Estimate]:
    """Read an experiment. Ids: `arm_size`, `contamination`, `sample_ratio`, and for each outcome `mean`, `difference`,
    `relative`; `by` has experiment, arm, against, outcome as far as they apply.

    Differences are of proportions (Newcombe) or means (Welch); `relative` is the ratio less 1 (Katz, delta method). The value
    of `sample_ratio` is the p-value of the chi-square test against the planned shares, its unit `p`. With nobody in any arm
    there is one `difference`, null with the reason `nobody`. Raises DataError when there is no such experiment, ConfigError
    when the control is not an arm.
    """
    return estimates(experiment, gather(engine, experiment, ask), ask)


def arms_sql(experiment: Experiment) -> tuple[list[str], dict[str, Any]]:
    """Return the CTE texts that end in `arms(person, arm)`, and their parameters."""
    if not experiment.tags:
        return [piece("drawn"), piece("arms")], {"experiment": experiment.name}
    pairs = list(experiment.tags.items())
    tags = " UNION ALL ".join(f"SELECT :arm_{i} AS arm, :tag_{i} AS tag" for i in range(len(pairs)))
    params = {f"{part}_{i}": text for i, pair in enumerate(pairs) for part, text in zip(("arm", "tag"), pair, strict=True)}
    return [f"tags AS ({tags})", piece("arms_tagged"), piece("arms")], params


def arm_sizes(engine: Engine, experiment: Experiment) -> dict[str, int]:
    """Return how many people are in each arm, and in no other."""
    base, params = arms_sql(experiment)
    sizes = dict.fromkeys(experiment.tags, 0)
    for row in run(engine, join(*base, piece("arm_sizes")), params):
        sizes[row["arm"]] = int(row["people"])
    return sizes


def gather(engine: Engine, experiment: Experiment, ask: Ask) -> Reading:
    """Collect the aggregates of an experiment. Raises as `read` does."""
    sizes = arm_sizes(engine, experiment)
    if not any(sizes.values()):
        what = "tags" if experiment.tags else "assignments"
        nobody = DataError(
            f"nobody is in an arm of experiment '{experiment.name}' by its {what}.", hint=_hint(engine, experiment)
        )
        if not experiment.tags and experiment.name not in ask.experiments:
            raise nobody
        return Reading(dict(sorted(sizes.items())), nobody=str(nobody))
    build_orders(engine)
    base, params = arms_sql(experiment)
    from_at, to_at = window(experiment) or (-EVER, EVER)
    until = ask.now + 1 if to_at == EVER else to_at  # what is dated in the future has not happened
    params |= {"from_at": from_at, "to_at": until, "gross": int(ask.basis == "gross")}
    mixed = _in_several(engine, experiment)
    if experiment.control is not None and experiment.control not in sizes:
        raise ConfigError(
            f"the control '{experiment.control}' is not an arm of experiment '{experiment.name}'.",
            hint=nearest(experiment.control, list(sizes)),
        )
    imported = _imported(run(engine, join(*base, piece("arm_outcomes"), piece("arm_outcomes_read")), params), to_at, ask)
    bought = run(engine, join(*base, piece("order_money"), piece("arm_orders"), piece("arm_orders_read")), params)
    has_orders = bool(engine.rows("SELECT oo.order_id AS order_id FROM order_of AS oo LIMIT 1"))
    taken = {outcome.name for outcome in imported}
    ordered = _ordered(bought, experiment, orders_until(engine, ask), ask) if has_orders else _no_orders(ask, taken)
    clash = {outcome.name for outcome in ordered}
    renamed = [replace(o, name=f"{o.name} (imported)") if o.name in clash else o for o in imported]
    planned = planned_shares(engine, experiment, sizes)
    reached = reach(engine, experiment) if experiment.holdout else {}
    return Reading(dict(sorted(sizes.items())), mixed, (*ordered, *renamed), planned, reached=reached)


def reach(engine: Engine, experiment: Experiment) -> dict[str, int]:
    """Return how many people of each arm were sent personalised mail (level 2 or above) in the experiment's days."""
    base, params = arms_sql(experiment)
    rows = run(engine, join(piece("sends"), *base, piece("reached_read")), {**params, **bounds(window(experiment))})
    return {str(row["arm"]): int(row["reached"]) for row in rows}


def _in_several(engine: Engine, experiment: Experiment) -> int:
    base, params = arms_sql(experiment)
    return sum(int(row["people"]) for row in run(engine, join(*base, piece("arms_mixed")), params))


def _hint(engine: Engine, experiment: Experiment) -> str:
    if experiment.tags:
        return f"Its tags are {', '.join(sorted(experiment.tags.values()))}: are they in the store, spelt like this?"
    rows = engine.rows("SELECT DISTINCT a.experiment AS experiment FROM assignments AS a")
    return nearest(experiment.name, sorted(str(row["experiment"]) for row in rows)) or "Import assignments first."


def _ordered(rows: Sequence[Mapping[str, Any]], experiment: Experiment, until: int, ask: Ask) -> list[Outcome]:
    currency = rules.one_currency([row[end] for row in rows for end in ("currency_low", "currency_high")])
    immature = None if is_over(experiment, until) else rules.IMMATURE
    note = orders_note(until, ask) if immature else ""
    reason = immature or (rules.MIXED_CURRENCIES if currency is None else None)
    unit = currency or ask.currency or ""
    buyers = {r["arm"]: Sample(int(r["people"]), int(r["buyers"]), successes=int(r["buyers"])) for r in rows}
    money = {
        r["arm"]: Sample(
            int(r["people"]),
            int(r["payers"]),
            moments=rules.scaled(intervals.moments(int(r["people"]), int(r["total"]), int(r["squares"])), unit),
        )
        for r in rows
    }
    return [
        Outcome("conversion", "share", buyers, immature, is_ordered=True, note=note),
        Outcome("revenue", unit, money, reason, is_ordered=True, note=note),
    ]


def _no_orders(ask: Ask, taken: set[str]) -> list[Outcome]:
    units = {"conversion": "share", "revenue": ask.currency or ""}
    return [Outcome(name, unit, {}, NO_ORDERS) for name, unit in units.items() if name not in taken]


def _imported(rows: Sequence[Mapping[str, Any]], to_at: int, ask: Ask) -> list[Outcome]:
    outcomes = []
    for name in sorted({row["outcome"] for row in rows}):
        mine = [row for row in rows if row["outcome"] == name]
        binary = not any(int(row["others"]) for row in mine)
        dated = any(int(row["happened_at"]) > 0 for row in mine)
        samples = {}
        for row in mine:
            people, events = int(row["people"]), int(row["events"])
            if binary:
                samples[row["arm"]] = Sample(people, events, successes=events)
            else:
                samples[row["arm"]] = Sample(
                    people, events, moments=Moments(people, float(row["average"]), float(row["variance"] or 0.0))
                )
        reason = rules.IMMATURE if dated and to_at < EVER and to_at > ask.now else None
        outcomes.append(Outcome(name, "share" if binary else "", samples, reason))
    return outcomes


def planned_shares(engine: Engine, experiment: Experiment, sizes: Mapping[str, int]) -> dict[str, float]:
    """Return the share of people each arm was to have, as settings or assignments say; {} where they do not."""
    configured = dict(experiment.planned_shares)
    if configured and set(configured) != set(sizes):
        raise ConfigError(
            f"the planned shares of experiment '{experiment.name}' name {', '.join(sorted(configured))}.",
            hint=f"Its arms are {', '.join(sorted(sizes))}.",
        )
    if configured or experiment.tags:
        return configured
    sql = (
        "SELECT a.arm AS arm, MAX(a.planned_share) AS planned FROM assignments AS a"
        " WHERE a.experiment = :experiment AND a.planned_share IS NOT NULL GROUP BY a.arm"
    )
    found = {row["arm"]: float(row["planned"]) for row in run(engine, sql, {"experiment": experiment.name})}
    return found if set(found) == set(sizes) else {}


def blocked(engine: Engine, experiment: Experiment) -> str:
    """Return why nothing is decided by an experiment, or what stands beside its answer, see `doubts`. Raises as `read` does."""
    sizes = arm_sizes(engine, experiment)
    reached = reach(engine, experiment) if experiment.holdout else {}
    planned = planned_shares(engine, experiment, sizes)
    return doubts(experiment, Reading(sizes, _in_several(engine, experiment), (), planned, reached=reached))


def doubts(experiment: Experiment, reading: Reading) -> str:
    """Return the notes that the arms are not of the planned sizes, or are contaminated: too much for a verdict, or a little."""
    notes = [mismatch(reading.sizes, reading.planned)]
    if reading.mixed:
        notes.append(spilt.of_draw(reading.mixed, sum(reading.sizes.values()) + reading.mixed))
    if experiment.holdout and experiment.control is not None:
        notes.append(spilt.of_holdout(reading.reached.get(experiment.control, 0), reading.sizes.get(experiment.control, 0)))
    return "; ".join(note for note in notes if note)


def mismatch(sizes: Mapping[str, int], planned: Mapping[str, float]) -> str:
    """Return the note that arms of these sizes are not as planned (equal shares where nothing was), "" when they may be."""
    shares = [planned.get(arm, 1.0) for arm in sizes]
    if len(sizes) < 2 or not any(sizes.values()) or min(shares) <= 0:
        return ""
    return MISMATCH_NOTE if intervals.sample_ratio(list(sizes.values()), shares)[1] < MISMATCH else ""


def pairs(experiment: Experiment, sizes: Mapping[str, int]) -> list[tuple[str, str]]:
    """Return the comparisons: every arm against the control, or every ordered pair when there is none."""
    if experiment.control is not None:
        return [(arm, experiment.control) for arm in sizes if arm != experiment.control]
    return list(permutations(sizes, 2))


def label_of(experiment: Experiment) -> Label:
    """Return what a difference between this experiment's arms may claim."""
    return HOLDOUT if experiment.holdout else RANDOMISED


def estimates(experiment: Experiment, reading: Reading, ask: Ask) -> list[Estimate]:
    """Turn the aggregates of an experiment into estimates: pure arithmetic, see `read`."""
    name, label = experiment.name, label_of(experiment)
    within = window(experiment)
    period = within if within and within[1] < EVER else None
    if reading.nobody:
        none = rules.absent("difference", NOBODY, {"experiment": name}, label=label, note=reading.nobody)
        return [*(_size(name, arm, people, ask) for arm, people in reading.sizes.items()), none]
    small = {arm for arm, people in reading.sizes.items() if 0 < people < ask.suppress_n}
    ratio = _sample_ratio(name, reading, small)
    blocked = "" if small else doubts(experiment, reading)
    elsewhere = own_days(experiment, ask)
    out = [_size(name, arm, people, ask) for arm, people in reading.sizes.items()]
    out += [ratio, _mixed(name, reading, small, ask)]
    family: list[Estimate] = []
    for outcome in reading.outcomes:
        out += [_mean(outcome, arm, ask, name) for arm in reading.sizes]
        for arm, against in pairs(experiment, reading.sizes):
            by = {"experiment": name, "arm": arm, "against": against, "outcome": outcome.name}
            for made in compare(outcome, arm, against, label, ask, by):
                family.append(rules.with_note(rules.with_note(made, blocked), elsewhere))
    differences = iter(_counted([e for e in family if e.id == "difference"]))
    out += [next(differences) if e.id == "difference" else e for e in family]
    return [replace(estimate, period=period) for estimate in out]


def _counted(differences: Sequence[Estimate]) -> list[Estimate]:
    """Apply E8 to the differences; the two directions of one pair are one comparison."""

    def pair(e: Estimate) -> tuple[str, frozenset[str]]:
        return e.by["outcome"], frozenset((e.by["arm"], e.by["against"]))

    once = {pair(e): e for e in differences}
    notes = dict(zip(once, rules.comparison_notes(list(once.values())), strict=True))
    return [rules.with_note(e, notes[pair(e)]) for e in differences]


def _size(name: str, arm: str, people: int, ask: Ask) -> Estimate:
    by = {"experiment": name, "arm": arm}
    if 0 < people < ask.suppress_n:
        return rules.suppressed("arm_size", ask, by, unit="count")
    return Estimate("arm_size", people, n=people, unit="count", by=by)


def _sample_ratio(name: str, reading: Reading, small: set[str]) -> Estimate:
    by = {"experiment": name}
    counts = list(reading.sizes.values())
    shares = [reading.planned[arm] if reading.planned else 1.0 for arm in reading.sizes]
    if len(counts) < 2 or min(shares) <= 0:
        return rules.absent("sample_ratio", rules.NO_DENOMINATOR, by, unit="p")
    if small:  # the total would give the hidden arm away
        return rules.absent("sample_ratio", rules.SUPPRESSED, by, unit="p")
    statistic, p = intervals.sample_ratio(counts, shares)
    sizes = " / ".join(f"{count:,}" for count in counts)
    verdict = MISMATCH_NOTE if p < MISMATCH else "no sign that the arms are not of the planned sizes"
    note = f"{sizes}: {verdict} (chi-square {statistic:.3f})"
    return Estimate("sample_ratio", p, p=p, n=sum(counts), unit="p", by=by, note=note)


def _mixed(name: str, reading: Reading, small: set[str], ask: Ask) -> Estimate:
    by = {"experiment": name}
    if small or reading.mixed is None:
        return rules.absent("contamination", rules.SUPPRESSED, by, unit="share")
    made = rules.share("contamination", reading.mixed, sum(reading.sizes.values()) + reading.mixed, ask, by)
    # Few or none is the good case here, so rule E1's "too few to say" would be noise.
    return replace(made, note="people drawn into more than one arm; they are left out") if made.value is not None else made


def _mean(outcome: Outcome, arm: str, ask: Ask, experiment: str) -> Estimate:
    by = {"experiment": experiment, "arm": arm, "outcome": outcome.name}
    sample = outcome.arms.get(arm)
    if outcome.reason:
        return rules.absent("mean", outcome.reason, by, unit=outcome.unit, note=outcome.note)
    if sample is None:
        return rules.absent("mean", rules.NO_DENOMINATOR, by, unit=outcome.unit, n=0)
    if sample.successes is not None:
        return rules.share("mean", sample.successes, sample.people, ask, by)
    return rules.average("mean", sample.moments, sample.events, ask, by, unit=outcome.unit)


def compare(
    outcome: Outcome, arm: str, against: str, label: Label, ask: Ask, by: Mapping[str, str]
) -> tuple[Estimate, Estimate]:
    """Return the `difference` of two arms on an outcome, and the `relative` one (ratio less 1), under rules E0 to E2."""

    def absent(reason: str, note: str = "") -> tuple[Estimate, Estimate]:
        return (
            rules.absent("difference", reason, by, unit=rules.gap(outcome.unit), label=label, note=note),
            rules.absent("relative", reason, by, unit="share", label=label, note=note),
        )

    if outcome.reason:
        return absent(outcome.reason, outcome.note)
    a, b = outcome.arms.get(arm), outcome.arms.get(against)
    if a is None or b is None or a.people == 0 or b.people == 0:
        return absent(rules.NO_DENOMINATOR)
    if min(a.people, b.people) < ask.suppress_n:
        return absent(rules.SUPPRESSED)
    if a.successes is not None and b.successes is not None:
        cells = (a.successes, a.people, b.successes, b.people, ask.confidence)
        difference = intervals.newcombe(*cells)
        ratio = intervals.ratio_of_shares(*cells)
    else:
        assert a.moments is not None
        assert b.moments is not None
        welch = intervals.welch(a.moments, b.moments, ask.confidence)
        if welch is None:
            return absent(rules.NO_DENOMINATOR)
        difference, ratio = welch, intervals.ratio_of_means(a.moments, b.moments, ask.confidence)
    n = a.people + b.people
    note = rules.smallness(min(a.people, b.people), min(a.events, b.events), ask)
    absolute = rules.from_interval("difference", difference, n=n, unit=rules.gap(outcome.unit), by=by, label=label)
    if ratio is not None:
        ratio = intervals.Interval(ratio.value - 1, ratio.low - 1, ratio.high - 1, ratio.p)
    relative = rules.from_interval("relative", ratio, n=n, unit="share", by=by, label=label)
    return rules.with_note(absolute, note), rules.with_note(relative, note)
