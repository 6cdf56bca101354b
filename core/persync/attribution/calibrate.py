"""Models held against a holdout, and scaled to it.

A holdout says what e-mail added: the difference in revenue a person between those who got it and those left out, times the
people who got it. A model says what e-mail is credited with in the same people's orders of the same window. Their ratio, held
between 0 and 1, is the part of e-mail's credit that was caused; a calibrated model posts the rest of an e-mail touch's weight
to the order's own row `baseline`: what would have come anyway. Other channels keep their credit, but for a cent an order that
rounding down leaves to the last row: no holdout speaks of them.

Where those left out get other e-mail still, the holdout speaks of what was withheld alone, and the ratio is the part of all
e-mail credit that is known to be caused: a lower bound for a calibrated model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from persync.attribution import ledger
from persync.attribution.journeys import PACKAGE
from persync.attribution.models import AttributionModel
from persync.engine.engine import Engine
from persync.engine.texts import load
from persync.errors import ConfigError, nearest
from persync.estimate import Estimate, missing
from persync.money import exponent

if TYPE_CHECKING:
    from persync.measure.metric import Ask

SUFFIX: Final = "_calibrated"
EMAIL: Final = "email"
NO_HOLDOUT: Final = "no_holdout"
NO_EMAIL_CREDIT: Final = "no_email_credit"
CAN_BE_ANYTHING: Final = "adds to more than 100 %, so nothing can be scaled to a holdout"


@dataclass(frozen=True, slots=True)
class Lift:
    """What a holdout says: handed to calibrated models among their inputs.

    `texts` are CTEs that end in `arms(person, arm)` and `order_money(order_id, person, ordered_at)`, with their `params`;
    people outside the arm `control` got what was tested. Orders placed in [from_at, to_at) count. `incremental` is the money it
    brought in, over all treated people; null with a reason when it cannot be used.
    """

    experiment: str
    control: str
    incremental: Estimate
    texts: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    from_at: int = -(2**62)
    to_at: int = 2**62


@dataclass(frozen=True, slots=True)
class Side:
    """Sums over the people of one side: spend y and a model's e-mail credit c, in minor units."""

    people: int
    y: int
    yy: float
    c: int
    cc: float
    yc: float

    def variance(self, first: float, second: float, product: float) -> float:
        """Return the variance (or covariance) of two means from their sums."""
        n = self.people
        return (product - first * second / n) / (n - 1) / n


@dataclass(frozen=True, slots=True)
class Against:
    """How far a model is from the holdout: what e-mail is credited with in the treated people's window, and what was caused."""

    model: str
    credited: Estimate
    """`credited_to_email`, in major units"""
    caused: Estimate
    """`incremental_revenue`, in major units"""
    share: Estimate
    """`caused_share`: caused / credited with its interval, not capped; null with the reason"""

    @property
    def factor(self) -> float:
        """The part of e-mail's credit that a calibrated model leaves with it."""
        assert self.share.value is not None
        return min(max(float(self.share.value), 0.0), 1.0)


def calibrated(model: AttributionModel) -> AttributionModel:
    """Return a model as it is to be scaled to the holdout. Raise ConfigError for one that does not sum to the order."""
    if model.sums_to != "order":
        raise ConfigError(f"the attribution model {model.name!r} {CAN_BE_ANYTHING}.")
    summary = f"{model.summary} E-mail keeps the part that a holdout says it caused; the rest would have come anyway."
    return replace(model, name=model.name + SUFFIX, summary=summary, is_calibrated=True)


def named(names: Sequence[str], known: Mapping[str, AttributionModel]) -> list[AttributionModel]:
    """Return models by name; `<name>_calibrated` is the model of that name scaled to a holdout.

    Raise ConfigError naming the nearest when there is none, and for Shapley values of totals the reason why they are refused.
    """
    from persync.attribution.shapley import TOTALS_REFUSED

    found = []
    for name in dict.fromkeys(names):
        base = name.removesuffix(SUFFIX)
        if name in known:
            found.append(known[name])
        elif base != name and base in known:
            found.append(calibrated(known[base]))
        elif base in ("shapley", "shapley_totals"):
            raise ConfigError(TOTALS_REFUSED, hint="Use shapley_rate, or linear_distinct for the equal split.")
        else:
            raise ConfigError(f"there is no attribution model {name!r}.", hint=nearest(name, sorted(known)))
    return found


def scaled(engine: Engine, models: Sequence[AttributionModel], ask: Ask) -> list[AttributionModel]:
    """Give calibrated models (rules by now) their `baseline` and how far they were from the holdout, or the reason for none.

    Reads `ask.lift`.
    """
    wanted = [model for model in models if model.is_calibrated and not model.reason]
    plain = [replace(model, is_calibrated=False) for model in wanted]
    told = {one.model: one for one in against(engine, plain, ask, models)}
    words = [
        int(row["word"]) for row in engine.rows("SELECT w.word AS word FROM words AS w WHERE w.text = :email", {"email": EMAIL})
    ]
    out = []
    for model in models:
        one = told.get(model.name)
        if one is None:
            out.append(model)
        elif one.share.value is None:
            out.append(replace(model, reason=one.share.reason or NO_HOLDOUT, against=one))
        else:
            out.append(replace(model, baseline=dict.fromkeys(words, 1.0 - one.factor), against=one))
    return out


def against(
    engine: Engine, models: Sequence[AttributionModel], ask: Ask, along: Sequence[AttributionModel] = ()
) -> list[Against]:
    """Hold rule models that sum to the order against `ask.lift`: one `Against` a model, null with its reason. For `along` see
    `ledger.build`."""
    if not models:
        return []
    lift = ask.lift
    if lift is None or lift.incremental.value is None:
        reason = (lift.incremental.reason if lift is not None else None) or NO_HOLDOUT
        return [_absent(model.name, lift, reason) for model in models]
    from persync.attribution.credit import only_currency

    ledger.build(engine, models, ask, narrow=True, along=along)
    currency = only_currency(engine, ask)
    sides = _sides(engine, models, lift)
    return [_held(model.name, *sides[place], lift, currency) for place, model in enumerate(models)]


def _absent(model: str, lift: Lift | None, reason: str) -> Against:
    caused = lift.incremental if lift is not None else missing("incremental_revenue", reason)
    return Against(
        model, missing("credited_to_email", reason, model=model), caused, missing("caused_share", reason, model=model)
    )


def _sides(engine: Engine, models: Sequence[AttributionModel], lift: Lift) -> list[tuple[Side, Side]]:
    """Return (treated, control) of each model."""
    numbers = range(len(models))
    sums = [
        f"CAST(SUM(c.{models[0].name}) AS BIGINT) AS y",
        *(
            f"CAST(SUM(CASE WHEN w.text = '{EMAIL}' THEN c.{model.name} ELSE 0 END) AS BIGINT) AS c{i}"
            for i, model in enumerate(models)
        ),
    ]
    squares = ["SUM(COALESCE(CAST(s.y AS DOUBLE), 0e0) * s.y) AS yy"]
    for i in numbers:
        squares += [f"SUM(CAST(s.c{i} AS DOUBLE) * s.c{i}) AS cc{i}", f"SUM(CAST(s.y AS DOUBLE) * s.c{i}) AS yc{i}"]
    columns = ["y", *(f"c{i}" for i in numbers)]
    words = {
        "credited": ",\n        ".join(sums),
        "spent": ",\n        ".join(f"CAST(SUM(c.{column}) AS BIGINT) AS {column}" for column in columns),
        "sums": ",\n    ".join(
            [*(f"CAST(SUM(COALESCE(s.{column}, 0)) AS BIGINT) AS {column}" for column in columns), *squares]
        ),
    }
    text = load("calibrated", PACKAGE)
    for word, value in words.items():
        text = text.replace(f"/*{word}*/", value)
    params = {**lift.params, "control": lift.control, "from_at": lift.from_at, "to_at": lift.to_at}
    rows = {int(row["is_treated"]): row for row in engine.rows(f"WITH {', '.join(lift.texts)},\n{text}", params)}

    def side(row: Mapping[str, Any], i: int) -> Side:
        return Side(
            int(row["people"]),
            int(row["y"]),
            float(row["yy"] or 0.0),
            int(row[f"c{i}"]),
            float(row[f"cc{i}"] or 0.0),
            float(row[f"yc{i}"] or 0.0),
        )

    none = Side(0, 0, 0.0, 0, 0.0, 0.0)
    return [tuple(side(rows[key], i) if key in rows else none for key in (1, 0)) for i in numbers]  # type: ignore[misc]


def caused_share(treated: Side, control: Side) -> tuple[float, float]:
    """Return caused / credited, and its standard error (delta method; spend and credit of one person go together); the error is
    infinite where a side has one person.

    With means y of spend and c of credit it is (y treated - y control) / c treated.
    """
    credit = treated.c / treated.people
    difference = treated.y / treated.people - control.y / control.people
    ratio = difference / credit
    if min(treated.people, control.people) < 2:
        return ratio, math.inf
    spread = (
        treated.variance(treated.y, treated.y, treated.yy)
        + control.variance(control.y, control.y, control.yy)
        - 2 * ratio * treated.variance(treated.y, treated.c, treated.yc)
        + ratio**2 * treated.variance(treated.c, treated.c, treated.cc)
    )
    return ratio, math.sqrt(max(spread, 0.0)) / abs(credit)


def _held(model: str, treated: Side, control: Side, lift: Lift, currency: str) -> Against:
    caused, unit = lift.incremental, 10.0 ** exponent(currency)
    by = {"model": model, "experiment": lift.experiment}
    credited = Estimate("credited_to_email", treated.c / unit, n=treated.people, unit=currency, by=by, period=caused.period)
    if treated.c <= 0 or not control.people:
        return Against(model, credited, caused, replace(missing("caused_share", NO_EMAIL_CREDIT, unit="share"), by=by))
    value, error = caused_share(treated, control)
    half = 1.959964 * error
    low, high = (value - half, value + half) if math.isfinite(half) else (None, None)
    share = Estimate(
        "caused_share",
        value,
        low,
        high,
        n=treated.people + control.people,
        unit="share",
        label=caused.label,
        by=by,
        period=caused.period,
        note=caused.note,
    )
    return Against(model, credited, caused, share)
