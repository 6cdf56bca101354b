"""Value by exposure, at equal age: arms of an experiment since the draw, or customers by the mail they had before age zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from persync.attribution.stability import replicate
from persync.engine.engine import Engine
from persync.estimate import RAW, Estimate, Label
from persync.measure import experiments, rules
from persync.measure.grouping import asked_experiment
from persync.measure.metric import Ask
from persync.measure.occasions import Ground, build, build_money
from persync.measure.slices import check
from persync.measure.texts import EVER, join, piece, run, write
from persync.measure.value.cut import money
from persync.measure.value.lifetime import AGES, ages_sql

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

ID: Final = "cltv_lift"
IMMORTAL: Final = "immortal_time"
NO_EXPOSURE: Final = "no_exposure"
NO_DATE: Final = "no_date"
PERSONALISED, GENERIC = "personalised", "generic"


@dataclass(frozen=True, slots=True)
class _Arm:
    """People and their money to each age, by bucket: columns n_30, n_60, ... and m_30, m_60 ..., in minor units."""

    buckets: Array
    people: Array
    brought: Array


def cltv_lift(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the value of the exposed less that of the others at each age, and the same as a share (`cltv_lift_relative`)."""
    check(ask.by, ("arm",), ID)
    ground = build(engine, ask)
    unit = ground.currency or ask.currency or ""
    if ask.arm is not None or "arm" in ask.by:
        return _experiment(engine, ask, ground, unit)
    by = {"arm": PERSONALISED, "against": GENERIC}
    if not ground.customers or ground.currency is None:
        reason = rules.MIXED_CURRENCIES if ground.customers else rules.NO_DENOMINATOR
        return [replace(rules.absent(ID, reason, by, unit=unit, label=RAW), period=ask.period)]
    build_money(engine, ask, ground)
    counts, sums = ages_sql()
    text = join(piece("sends"), piece("exposed_customers"), "SELECT e.* FROM exposure_groups AS e")
    write(engine, text, {"from_at": -EVER, "to_at": ground.end_at}, "customer_exposure")
    heads = run(
        engine,
        f"SELECT e.exposure AS arm, c.bucket AS bucket, SUM(e.later) AS later, {counts} FROM customer_exposure AS e"
        " JOIN customers AS c ON c.person = e.person GROUP BY e.exposure, c.bucket ORDER BY 1, 2",
        {"end_at": ground.end_at},
    )
    moved = run(
        engine,
        f"SELECT e.exposure AS arm, y.bucket AS bucket, {sums} FROM customer_exposure AS e"
        " JOIN customer_money AS y ON y.person = e.person GROUP BY e.exposure, y.bucket ORDER BY 1, 2",
        {"end_at": ground.end_at},
    )
    arms = {arm: _arm(heads, moved, arm) for arm in (PERSONALISED, GENERIC)}
    late = sum(int(row["later"] or 0) for row in heads)
    if any(not len(arm.buckets) for arm in arms.values()):
        note = (
            f"{late:,} customers got personalised mail only after their first order: who gets it then depends on having stayed,"
            " so they cannot be compared"
            if late
            else "nobody's first order came after personalised mail, or nobody's after other mail alone"
        )
        reason = IMMORTAL if late else NO_EXPOSURE
        return [replace(rules.absent(ID, reason, by, unit=unit, label=RAW, note=note), period=ask.period)]
    note = f"{ask.basis} revenue; by the mail before the first order, for which nobody was drawn by lot"
    out = _lifts(arms[PERSONALISED], arms[GENERIC], ask, ground, by, RAW, note, unit)
    return [replace(one, period=ask.period) for one in rules.compared(out)]


def _arm(heads: Sequence[Mapping[str, Any]], moved: Sequence[Mapping[str, Any]], arm: str) -> _Arm:
    import numpy as np

    mine = [row for row in heads if row["arm"] == arm]
    buckets = np.array([int(row["bucket"]) for row in mine], np.int64)
    people = np.array([[float(row[f"n_{age}"] or 0) for age in AGES] for row in mine]).reshape(len(mine), len(AGES))
    brought = np.zeros_like(people)
    place = {bucket: i for i, bucket in enumerate(buckets.tolist())}
    for row in moved:
        if row["arm"] == arm and int(row["bucket"]) in place:
            brought[place[int(row["bucket"])]] = [float(row[f"m_{age}"] or 0) for age in AGES]
    return _Arm(buckets, people, brought)


def _lifts(
    one: _Arm, other: _Arm, ask: Ask, ground: Ground, by: dict[str, str], label: Label, note: str, unit: str
) -> list[Estimate]:
    import numpy as np

    # The arms are different people: each is drawn with weights of its own.
    drawn = [
        replicate(arm.buckets, np.concatenate([arm.people, arm.brought], axis=1), ask.seed + i)
        for i, arm in enumerate((one, other))
    ]
    out = []
    for i, age in enumerate(AGES):
        here = {**by, "age": str(age)}
        n = [int(arm.people[:, i].sum()) for arm in (one, other)]
        if not min(n):
            told = f"no customer of both groups is {age} days old"
            out += [
                rules.absent(id, rules.IMMATURE, here, unit=u, label=label, n=sum(n), note=told)
                for id, u in ((ID, unit), (f"{ID}_relative", "share"))
            ]
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            mean, base = (draw[:, len(AGES) + i] / draw[:, i] / ground.scale for draw in drawn)
            value, against = (
                float(arm.brought[:, i].sum()) / heads / ground.scale for arm, heads in zip((one, other), n, strict=True)
            )
            differences, ratios = mean - base, np.where(base > 0, mean / base - 1, np.nan)
        said = f"to {age} days of age, {n[0]:,} and {n[1]:,} customers at least as old; {note}"
        # The smaller of the two says how much may be said of both.
        made = money(ID, value - against, differences, ask, here, n=min(n), unit=unit, note=said)
        p = _p(differences, value - against)
        hidden = made.reason is not None
        out.append(replace(made, p=None if hidden else p, label=label, n=None if hidden else sum(n)))
        if against <= 0:
            out.append(rules.absent(f"{ID}_relative", rules.NO_DENOMINATOR, here, unit="share", label=label, n=sum(n)))
        else:
            relative = money(f"{ID}_relative", value / against - 1, ratios, ask, here, n=min(n), unit="share", note=said)
            out.append(replace(relative, label=label, n=None if hidden else sum(n)))
    return out


def _p(draws: Array, value: float) -> float | None:
    """Return the two-sided p-value of no difference, from the spread of the draws."""
    import numpy as np

    from persync.measure.intervals import normal_p

    known = draws[np.isfinite(draws)]
    spread = float(known.std()) if len(known) > 1 else 0.0
    return normal_p(value / spread) if spread > 0 else None


def _experiment(engine: Engine, ask: Ask, ground: Ground, unit: str) -> list[Estimate]:
    """Compare the arms from the draw on, which is age zero for all of them, buyers or not."""
    experiment = asked_experiment(engine, ask)
    label = experiments.label_of(experiment)
    if ground.customers and ground.currency is None:
        by = {"experiment": experiment.name}
        return [replace(rules.absent(ID, rules.MIXED_CURRENCIES, by, unit=unit, label=label), period=ask.period)]
    texts, placed = experiments.arms_sql(experiment)
    # By tag nobody knows when; a list of assignments may say it for each person.
    own = (
        "SELECT COALESCE(po.person, a.key_id) AS person, MIN(a.assigned_at) AS at0 FROM assignments AS a"
        " LEFT JOIN person_of AS po ON po.key_id = a.key_id WHERE a.experiment = :name GROUP BY COALESCE(po.person, a.key_id)"
    )
    since = experiment.since if experiment.since is not None else EVER
    zero = (
        f"zero AS (SELECT r.person AS person, r.arm AS arm, COALESCE(w.at0, :since) AS first_at,"
        f" CAST(MOD(COALESCE(h.hash, r.person), 1024) AS BIGINT) AS bucket FROM arms AS r LEFT JOIN ({own}) AS w"
        " ON w.person = r.person LEFT JOIN (SELECT po.person AS person, MIN(po.hash) AS hash FROM person_of AS po"
        " GROUP BY po.person) AS h ON h.person = r.person)"
    )
    counts, _ = ages_sql()
    params = {**placed, "name": experiment.name, "since": since, "end_at": ground.end_at, "gross": int(ask.basis == "gross")}
    heads = run(
        engine,
        join(
            *texts,
            zero,
            f"SELECT c.arm AS arm, c.bucket AS bucket, SUM(CASE WHEN c.first_at >= {EVER} THEN 1 ELSE 0 END) AS undated,"
            f" {counts} FROM zero AS c GROUP BY c.arm, c.bucket ORDER BY 1, 2",
        ),
        params,
    )
    if not heads:
        by = {"experiment": experiment.name}
        return [replace(rules.absent(ID, experiments.NOBODY, by, unit=unit, label=label), period=ask.period)]
    if any(int(row["undated"]) for row in heads):
        note = "the day of the draw is known neither from the list nor from the settings (`from`)"
        by = {"experiment": experiment.name}
        return [replace(rules.absent(ID, NO_DATE, by, unit=unit, label=label, note=note), period=ask.period)]
    sums = ", ".join(
        f"CAST(SUM(CASE WHEN :end_at - z.first_at >= {age * rules.DAY} AND l.happened_at < z.first_at + {age * rules.DAY}"
        f" THEN l.amount_minor ELSE 0 END) AS BIGINT) AS m_{age}"
        for age in AGES
    )
    moved = run(
        engine,
        join(
            *texts,
            zero,
            piece("order_money"),
            f"SELECT z.arm AS arm, z.bucket AS bucket, {sums} FROM zero AS z JOIN order_money AS m ON m.person = z.person"
            " JOIN money_orders AS mo ON mo.order_id = m.order_id JOIN order_ledger AS l ON l.order_key = mo.order_key"
            " WHERE m.ordered_at >= z.first_at AND l.happened_at < :end_at"
            " AND (:gross = 1 OR l.part IN ('product', 'adjustment')) GROUP BY z.arm, z.bucket ORDER BY 1, 2",
        ),
        params,
    )
    arms = dict.fromkeys(str(row["arm"]) for row in heads)
    blocked = experiments.blocked(engine, experiment)
    out: list[Estimate] = []
    for arm, against in experiments.pairs(experiment, dict.fromkeys(arms, 0)):
        if arm not in arms or against not in arms:
            continue
        by = {"experiment": experiment.name, "arm": arm, "against": against}
        note = f"{ask.basis} revenue since the draw, buyers or not"
        found = _lifts(_arm(heads, moved, arm), _arm(heads, moved, against), ask, ground, by, label, note, unit)
        out += [rules.with_note(one, blocked) for one in found]
    return [replace(one, period=ask.period) for one in rules.compared(out)]
