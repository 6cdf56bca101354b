"""How sure credit is, and how much of it hangs on the model: a bootstrap by customer, ranks across models, other settings.

The bootstrap draws customers, not touches or orders: replicate b gives every customer a Poisson(1) weight made from their
stored hash and the seed, so that it is the same on every engine, in every run and for every model. It repeats the ledger, not
the fit: for fitted models the interval is that of the customers under the strengths as they were fitted. For a calibrated
model each replicate draws the part that e-mail keeps as well, from a normal distribution with the standard error that the
holdout gives it, held between 0 and 1; one holdout speaks to all of them, so that one draw moves them all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from persync.attribution import ledger
from persync.attribution.calibrate import EMAIL
from persync.attribution.credit import NO_TOUCH, credit, only_currency, period_sql
from persync.attribution.datadriven import prepared
from persync.attribution.journeys import PACKAGE
from persync.attribution.models import AttributionModel
from persync.engine.engine import Engine
from persync.engine.texts import load
from persync.estimate import Estimate, missing, percent

if TYPE_CHECKING:
    import numpy as np

    from persync.measure.metric import Ask

    Array = np.ndarray[Any, Any]

REPLICATES: Final = 400
CUSTOMERS: Final = 50_000
"""above as many, customers are drawn in buckets of equal hash: fewer units, the same variance"""
BUCKETS: Final = 16_384
EVERY: Final = 2**62
"""so many buckets that each customer has one"""
ROW_LIMIT: Final = 2_000_000
ROBUST: Final = "robust"
DEPENDS: Final = "depends on the model"
FIXED_STRENGTHS: Final = "strengths as fitted"
BASELINE: Final = "(baseline)"
_APART: Final = (NO_TOUCH, BASELINE)
_TWO_SIDED: Final = 1.959964
_AT_ONCE: Final = 32
_DRAWN_AT_ONCE: Final = 100_000
_BOUNDS: Final = [int(2.0**53 * sum(math.exp(-1) / math.factorial(j) for j in range(k + 1))) for k in range(12)]
"""P(Poisson(1) <= k) as parts of 2 ** 53; a weight of 13 would be one in 16 billion"""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a channel stands across models: its best and worst rank by credit (1 = most), and its least and greatest share."""

    channel: str
    best: int
    worst: int
    least: Estimate
    greatest: Estimate

    @property
    def verdict(self) -> str:
        """`robust` when the rank moves by at most one, else `depends on the model`."""
        return ROBUST if self.worst - self.best <= 1 else DEPENDS

    @property
    def spread(self) -> float:
        """The greatest share less the least."""
        return float(self.greatest.value or 0.0) - float(self.least.value or 0.0)


def shares(engine: Engine, models: Sequence[AttributionModel], ask: Ask) -> list[Estimate]:
    """Return `credit_share` by model and channel with a bootstrap interval (E2): a channel's part of all money of the period.

    Models that add to more than 100 % are left out; one that cannot be used is null with its reason. `n` counts customers (or
    buckets of them). What no touch holds is the channel `(none)`.
    """
    every = [model for model in prepared(engine, models, ask) if model.sums_to == "order"]
    usable = [model for model in every if not model.reason]
    refused = [missing("credit_share", model.reason, unit="share", model=model.name) for model in every if model.reason]
    if not usable:
        return refused
    ledger.build(engine, usable, ask, narrow=True)
    currency = only_currency(engine, ask)
    found = _by_customer(engine, usable, ask, currency) if currency else {}
    if not found or not len(found["word"]):
        return [missing("credit_share", "no_orders", unit="share", model=model.name) for model in usable] + refused
    import numpy as np

    words, channel = np.unique(found["word"], return_inverse=True)
    hashes, customer = np.unique(np.asarray(found["customer"], np.int64), return_inverse=True)
    names = {0: NO_TOUCH, -1: BASELINE}
    names |= {int(row["word"]): str(row["text"]) or "(unknown)" for row in engine.rows("SELECT w.word, w.text FROM words AS w")}
    rows = {names[int(word)]: row for row, word in enumerate(words)}
    money = np.zeros((len(hashes), len(words) * len(usable)))
    for place, model in enumerate(usable):
        np.add.at(money, (customer, channel * len(usable) + place), np.asarray(found.pop(model.name), np.float64))
    drawn = replicate(hashes, money, ask.seed).reshape(REPLICATES, len(words), len(usable))
    sums = money.sum(axis=0).reshape(len(words), len(usable))
    out = []
    for place, model in enumerate(usable):
        whole, wholes = sums[:, place].sum(), drawn[:, :, place].sum(axis=1)
        moved_by_lift(drawn[:, :, place], model, rows, ask.seed)
        note = interval_note(model)
        for row in sorted(range(len(words)), key=lambda row: (-sums[row, place], names[int(words[row])])):
            by = {"model": model.name, "channel": names[int(words[row])]}
            if whole <= 0:
                out.append(replace(missing("credit_share", "no_denominator", unit="share"), by=by))
                continue
            each = drawn[:, row, place][wholes > 0] / wholes[wholes > 0]
            tail = (1 - ask.confidence) / 2
            low, high = np.quantile(each, [tail, 1 - tail])
            value = float(sums[row, place] / whole)
            out.append(
                Estimate(
                    "credit_share",
                    value,
                    min(float(low), value),
                    max(float(high), value),
                    n=len(hashes),
                    unit="share",
                    by=by,
                    period=ask.period,
                    note=note,
                )
            )
    return out + refused


def moved_by_lift(drawn: Array, model: AttributionModel, rows: Mapping[str, int], seed: int) -> None:
    """Let the holdout's draws move a calibrated model's replicates (replicates, channels), in place, between e-mail and the
    baseline; `rows` says where a channel stands. Any other model's stay."""
    kept = kept_draws(model, seed)
    if kept is None:
        return
    mail, anyway = rows.get(EMAIL), rows.get(BASELINE)
    both = sum(drawn[:, row] for row in (mail, anyway) if row is not None)
    for row, part in ((mail, kept), (anyway, 1 - kept)):
        if row is not None:
            drawn[:, row] = both * part


def kept_draws(model: AttributionModel, seed: int) -> Array | None:
    """Return the part of its credit that e-mail keeps under a calibrated model in each replicate; None for any other, and
    where the holdout has no interval."""
    import numpy as np

    error = _kept_error(model)
    if error is None:
        return None
    drawn = np.random.default_rng(seed).standard_normal(REPLICATES)
    kept: Array = np.clip(float(model.against.share.value) + error * drawn, 0.0, 1.0)
    return kept


def _kept_error(model: AttributionModel) -> float | None:
    share: Estimate | None = model.against.share if model.against is not None else None
    if share is None or share.low is None or share.high is None:
        return None
    return (share.high - share.low) / (2 * _TWO_SIDED)


def interval_note(model: AttributionModel, *, holds_lift: bool = True) -> str:
    """Return what an interval of a model's credit leaves out: nothing of a rule; with `holds_lift` the holdout is in it."""
    said = [FIXED_STRENGTHS] if model.fitted is not None else []
    if model.against is not None and model.against.share.value is not None:
        share, known = model.against.share, _kept_error(model) is not None
        if not known:
            said.append("the interval is of the credit alone: the holdout has none")
        elif not holds_lift:
            said.append(
                f"the interval is of the credit alone: the holdout's share is {percent(share.low)} to {percent(share.high)}"
            )
    return "; ".join(said)


def _by_customer(engine: Engine, models: Sequence[AttributionModel], ask: Ask, currency: str) -> dict[str, Any]:
    condition, params = period_sql("c.touched_at" if ask.reporting == "accrual" else "c.event_at", ask)
    words = {
        "sums": ",\n    ".join(f"CAST(SUM(c.{model.name}) AS BIGINT) AS {model.name}" for model in models),
        "condition": condition,
        "customers": load("drawn_customers", PACKAGE),
    }
    text = load("credit_people", PACKAGE)
    for word, value in words.items():
        text = text.replace(f"/*{word}*/", value)
    customers = engine.rows(
        "SELECT COUNT(DISTINCT o.key_id) AS n FROM money_orders AS m JOIN orders AS o ON o.order_key = m.order_key"
    )
    buckets = BUCKETS if int(customers[0]["n"]) > CUSTOMERS else EVERY
    return engine.frame(text, {**params, "currency": currency, "buckets": buckets}, limit=ROW_LIMIT)


def replicate(hashes: Array, values: Any, seed: int, replicates: int = REPLICATES) -> Array:
    """Return (replicates, columns): sums of `values` (people, columns; also a sparse array) under Poisson weights made from
    people's hashes."""
    import numpy as np

    out = np.empty((replicates, values.shape[1]))
    # Several at once: then each value is read once for all of them.
    for first in range(0, replicates, _AT_ONCE):
        numbers = range(first, min(first + _AT_ONCE, replicates))
        # Of few people all are drawn in one step, of many draw by draw, for memory.
        step = max(1, min(len(numbers), _DRAWN_AT_ONCE // max(1, len(hashes))))
        parts = [numbers[i : i + step] for i in range(0, len(numbers), step)]
        out[first : numbers.stop] = np.concatenate([_weights(hashes, seed, part) for part in parts]) @ values
    return out


def poisson(hashes: Array, seed: int, number: int) -> Array:
    """Return everybody's Poisson(1) weight in replicate `number`, made from their stored hash: the same on every engine."""
    weights: Array = _weights(hashes, seed, range(number, number + 1))[0]
    return weights


def _weights(hashes: Array, seed: int, numbers: range) -> Array:
    """Return the weights (numbers, people) of several replicates."""
    import numpy as np

    start = np.asarray(hashes, np.int64).astype(np.uint64)
    streams = _mixed(np.array([seed * 1_000_003 + number + 1 for number in numbers], np.uint64))
    drawn = _mixed(start[None, :] ^ streams[:, None]) >> np.uint64(11)
    weights = np.zeros(drawn.shape, np.int8)
    for bound in _BOUNDS:
        weights += drawn >= np.uint64(bound)
    return weights.astype(np.float64)


def _mixed(numbers: Array) -> Array:
    """Return 64 well-mixed bits of each number (the finaliser of SplitMix64, Steele, Lea & Flood 2014)."""
    import numpy as np

    with np.errstate(over="ignore"):
        z = numbers + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed: Array = z ^ (z >> np.uint64(31))
        return mixed


def standings(found: Sequence[Estimate]) -> list[Standing]:
    """Return how channels stand across models, from `shares`; the one with the greatest mean share first.

    What no touch holds has no rank. Equal shares have the same rank, and a model without a channel gives it none.
    """
    by_model: dict[str, dict[str, Estimate]] = {}
    for e in found:
        if e.id == "credit_share" and e.value is not None and e.by["channel"] not in _APART:
            by_model.setdefault(e.by["model"], {})[e.by["channel"]] = e
    channels = sorted({channel for cells in by_model.values() for channel in cells})
    out = []
    for channel in channels:
        cells = [cells for cells in by_model.values() if channel in cells]
        ranks = [1 + sum(_above(other, each[channel]) for other in each.values()) for each in cells]
        mine = [each[channel] for each in cells]
        least, greatest = min(mine, key=_value), max(mine, key=_value)
        out.append((sum(map(_value, mine)) / len(mine), Standing(channel, min(ranks), max(ranks), least, greatest)))
    return [standing for _, standing in sorted(out, key=lambda pair: (-pair[0], pair[1].channel))]


def _value(e: Estimate) -> float:
    return float(e.value or 0.0)


def _above(other: Estimate, mine: Estimate) -> bool:
    # Shares of whole cents: what differs by less than rounding is equal.
    return _value(other) > _value(mine) + 1e-12


def settings(ask: Ask) -> dict[str, Ask]:
    """Return the questions that credit is tried on beside the asked one: half and twice the look-back, and with human opens."""
    half, twice = ask.lookback_days / 2, ask.lookback_days * 2

    def reaching(factor: float) -> Mapping[str, float]:
        return {kind: days * factor for kind, days in ask.windows.items()}

    tried = {
        "as set": ask,
        f"look-back {half:g} days": replace(ask, lookback_days=half, windows=reaching(0.5)),
        f"look-back {twice:g} days": replace(ask, lookback_days=twice, windows=reaching(2.0)),
    }
    if "open" in ask.kinds:
        tried["without opens"] = replace(ask, kinds=tuple(kind for kind in ask.kinds if kind != "open"))
    else:
        tried["with human opens"] = replace(ask, kinds=(*ask.kinds, "open"))
    return tried


def sensitivity(engine: Engine, models: Sequence[AttributionModel], ask: Ask, channel: str = "email") -> list[Estimate]:
    """Return `credit_share` of one channel by model under each of `settings`; `by` has model, channel and setting."""
    out = []
    # The asked one last, so that the tables it is made of are those that stay.
    for name, other in reversed(settings(ask).items()):
        found = [e for e in credit(engine, models, ("channel",), other) if e.id == "credit"]
        for model in models:
            if model.sums_to != "order":
                continue
            mine = [e for e in found if e.by["model"] == model.name]
            by = {"model": model.name, "channel": channel, "setting": name}
            reason = next((e.reason for e in mine if e.value is None), None)
            whole = sum(map(_value, mine))
            if reason is not None or whole <= 0:
                out.append(replace(missing("credit_share", reason or "no_denominator", unit="share"), by=by))
                continue
            part = sum(_value(e) for e in mine if e.by["channel"] == channel)
            out.append(Estimate("credit_share", part / whole, unit="share", by=by, period=ask.period))
    order = list(settings(ask))
    return sorted(out, key=lambda e: order.index(e.by["setting"]))
