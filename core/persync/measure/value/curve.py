"""The cohort curve: what customers have brought by age in months, carried on for those who are younger.

It stands in for a fitted model where too few came back to fit one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from persync.attribution.stability import replicate
from persync.engine.engine import Engine
from persync.estimate import Estimate, percent
from persync.measure import rules
from persync.measure.metric import Ask
from persync.measure.occasions import Ground
from persync.measure.rules import DAY
from persync.measure.value.cut import Cut, money, stacked

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

MONTH_MS: Final = round(365.25 / 12 * DAY)
_FEWEST_MONTHS: Final = 3
"""months of age that somebody must have lived through"""

_AGES = (
    "SELECT MOD(c.bucket, 256) AS bucket, CAST(FLOOR((:end_at - c.first_at) / CAST(:month AS DOUBLE)) AS BIGINT) AS age,"
    " COUNT(*) AS people/*columns*/ FROM customers AS c JOIN grouped AS g ON g.person = c.person /*keys*/"
)
_BROUGHT = (
    "SELECT MOD(y.bucket, 256) AS bucket, CAST(GREATEST(FLOOR((y.happened_at - y.first_at) / CAST(:month AS DOUBLE)), 0e0)"
    " AS BIGINT) AS age, CAST(SUM(y.minor) AS BIGINT) AS minor/*columns*/ FROM customer_money AS y"
    " JOIN grouped AS g ON g.person = y.person"
    # A month of age counts where it is over, and not the first order itself.
    " WHERE y.happened_at > y.first_at + 86400000 AND y.happened_at < y.first_at + CAST(:month AS BIGINT)"
    " * CAST(FLOOR((:end_at - y.first_at) / CAST(:month AS DOUBLE)) AS BIGINT) /*keys*/"
)


def from_curve(engine: Engine, ask: Ask, ground: Ground, sliced: Cut, id: str) -> list[Estimate]:
    """Return the money expected of the average customer over the horizon, discounted at month ends, from what older customers
    brought at each age. Ages beyond the oldest have the mean of the last three months seen. Needs `customer_money`."""
    import numpy as np

    from persync.measure.btyd.worth import monthly

    unit = ground.currency or ""
    params = {"end_at": ground.end_at, "month": MONTH_MS}
    age_c = "CAST(FLOOR((:end_at - c.first_at) / CAST(:month AS DOUBLE)) AS BIGINT)"
    age_y = "CAST(GREATEST(FLOOR((y.happened_at - y.first_at) / CAST(:month AS DOUBLE)), 0e0) AS BIGINT)"
    people_rows = sliced.rows(engine, _AGES, params, per=f"MOD(c.bucket, 256), {age_c}")
    money_rows = sliced.rows(engine, _BROUGHT, params, per=f"MOD(y.bucket, 256), {age_y}")
    people = stacked(people_rows, sliced, ("age", "people"))
    brought = stacked(money_rows, sliced, ("age", "minor"))
    firsts = {tuple(sliced.by(row).values()): row for row in people_rows}
    sizes = [{**firsts[key], "people": int(columns[:, 1].sum())} for key, (_, columns) in people.items()]
    hide = sliced.people.hidden(sizes, "people", ask)
    rate = monthly(ask.value.discount)
    out = []
    for key, (buckets, columns) in people.items():
        by, n = sliced.by(firsts[key]), int(columns[:, 1].sum())
        oldest = int(columns[:, 0].max())
        if sliced.people.attribute and by[sliced.people.attribute] in hide:
            out.append(rules.suppressed(id, ask, by, unit=unit))
            continue
        if oldest < _FEWEST_MONTHS:
            note = f"no customer is {_FEWEST_MONTHS} months old"
            out.append(rules.absent(id, rules.IMMATURE, by, unit=unit, n=n, note=note))
            continue
        ids, place = np.unique(buckets, return_inverse=True)
        heads, sums = np.zeros((len(ids), oldest + 1)), np.zeros((len(ids), oldest + 1))
        np.add.at(heads, (place, columns[:, 0].astype(np.int64)), columns[:, 1])
        if key in brought:
            where, moves = brought[key]
            np.add.at(sums, (np.searchsorted(ids, where), moves[:, 0].astype(np.int64)), moves[:, 1])
        drawn = replicate(ids, np.concatenate([heads, sums], axis=1), ask.seed)
        horizon = ask.value.horizon_months
        value = curve(heads.sum(axis=0)[None, :], sums.sum(axis=0)[None, :], horizon, rate)[0] / ground.scale
        draws = curve(drawn[:, : oldest + 1], drawn[:, oldest + 1 :], horizon, rate) / ground.scale
        note = f"{ask.basis} revenue of the next {horizon} months at {percent(ask.value.discount)} a year"
        out.append(money(id, float(value), draws, ask, by, n=n, unit=unit, note=note))
    return out


def curve(heads: Array, sums: Array, horizon: int, rate: float) -> Array:
    """Return, for each row, the discounted money of the next `horizon` months of the average customer.

    `heads` counts customers by whole months of age, `sums` is what was brought in each month of age by those who have lived
    through it.
    """
    import numpy as np

    lived = np.cumsum(heads[:, ::-1], axis=1)[:, ::-1] - heads  # lived through month k: at least k + 1 months old
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.where(lived > 0, sums / lived, 0.0)
    months = heads.shape[1] - 1  # nobody has lived through the last one
    last = steps[:, max(0, months - 3) : months].mean(axis=1, keepdims=True)
    carried = np.concatenate([steps[:, :months], np.repeat(last, horizon + 1, axis=1)], axis=1)
    total = np.zeros(len(heads))
    for k in range(1, horizon + 1):
        # A customer of age a is in the month of age a + k - 1 until a month from then.
        total += (heads * carried[:, k - 1 : k - 1 + heads.shape[1]]).sum(axis=1) / (1 + rate) ** k
    everybody = heads.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(everybody > 0, total / everybody, np.nan))
