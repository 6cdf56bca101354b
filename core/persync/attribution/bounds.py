"""Intervals of credit: a bootstrap by customer of every slice that is not tiny, with the weights that `stability` draws.

What is drawn is who ordered: the interval of a slice says between which sums its credit would lie had as many other customers
of the same kind come. It repeats the ledger and not the fit; what else it leaves out is said beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from persync.attribution import levels
from persync.attribution.credit import period_sql
from persync.attribution.models import AttributionModel
from persync.attribution.stability import BUCKETS, CUSTOMERS, EVERY, ROW_LIMIT, interval_note, moved_by_lift, replicate
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.money import exponent

if TYPE_CHECKING:
    import numpy as np

    from persync.measure.metric import Ask

    Array = np.ndarray[Any, Any]

CELLS: Final = 2**20
"""customers times slices: with more, customers are drawn in fewer and larger buckets"""
LEAST_BUCKETS: Final = 1_024
"""with fewer buckets an interval would be as unsteady as it is wide"""


def bounded(
    engine: Engine, found: Sequence[Estimate], models: Sequence[AttributionModel], by: tuple[str, ...], ask: Ask
) -> list[Estimate]:
    """Return what `credit` found with an interval for each slice that at least `ask.report_n` orders gave something.

    Needs the ledger that `credit` left. Nothing has an interval when there are more such slices than `CELLS` can hold.
    """
    is_carried = by == ("channel",)
    every = [e for e in found if e.id == "credit" and e.value is not None]
    credits = [e for e in every if (e.n or 0) >= ask.report_n]
    # What e-mail and the baseline have between them is divided anew in each replicate, however little one of them has.
    slices = sorted({tuple(e.by[name] for name in by) for e in (every if is_carried else credits)})
    if not credits or len(slices) > CELLS // LEAST_BUCKETS:
        return list(found)
    known = {model.name: model for model in models}
    names = list(dict.fromkeys(e.by["model"] for e in credits))
    drawn = _drawn(engine, names, slices, by, ask)
    if is_carried:
        rows = {name[0]: row for row, name in enumerate(slices)}
        for place, name in enumerate(names):
            moved_by_lift(drawn[:, :, place], known[name], rows, ask.seed)
    import numpy as np

    tail = (1 - ask.confidence) / 2
    lows, highs = np.round(np.quantile(drawn, [tail, 1 - tail], axis=0)) / 10.0 ** exponent(credits[0].unit)
    places = {(slice, name): (row, place) for row, slice in enumerate(slices) for place, name in enumerate(names)}
    notes = {name: interval_note(known[name], holds_lift=is_carried) for name in names}
    wanted = {id(e) for e in credits}
    out = []
    for e in found:
        if id(e) in wanted and e.value is not None:
            at, name = places[tuple(e.by[level] for level in by), e.by["model"]], e.by["model"]
            note = "; ".join(part for part in (e.note, notes[name]) if part)
            e = replace(e, low=min(float(lows[at]), e.value), high=max(float(highs[at]), e.value), note=note)
        out.append(e)
    return out


def _drawn(engine: Engine, models: Sequence[str], slices: Sequence[tuple[str, ...]], by: tuple[str, ...], ask: Ask) -> Array:
    """Return (replicates, slices, models): credit in minor units under each replicate's weights."""
    import numpy as np
    from scipy import sparse

    condition, params = period_sql("c.touched_at" if ask.reporting == "accrual" else "c.event_at", ask)
    people = engine.rows(
        "SELECT COUNT(DISTINCT o.key_id) AS n FROM money_orders AS m JOIN orders AS o ON o.order_key = m.order_key"
    )
    customers, most = int(people[0]["n"]), CELLS // len(slices)
    buckets = EVERY if customers <= min(CUSTOMERS, most) else min(BUCKETS, most)
    found = engine.frame(levels.customers_sql(models, by, condition), {**params, "buckets": buckets}, limit=ROW_LIMIT)
    number = {slice: row for row, slice in enumerate(slices)}
    row = np.array([number.get(name, -1) for name in zip(*(found[f"by_{level}"] for level in by), strict=True)], np.int64)
    kept = row >= 0
    hashes, customer = np.unique(np.asarray(found["drawn"], np.int64)[kept], return_inverse=True)
    # Most customers have credit in few slices.
    places = [row[kept] * len(models) + place for place in range(len(models))]
    amounts = [np.asarray(found[model], np.float64)[kept] for model in models]
    cells = (np.concatenate(amounts), (np.tile(customer, len(models)), np.concatenate(places)))
    money = sparse.csr_array(cells, shape=(len(hashes), len(slices) * len(models)))
    drawn: Array = replicate(hashes, money, ask.seed).reshape(-1, len(slices), len(models))
    return drawn
