"""The cent ledger: one row an order, ledger event and touch, one integer column a model; it adds up exactly.

A model's raw weights become whole numbers, `FLOOR(w * 1e9 + 0.5)`, after division by the order's greatest when that is
below 0.001 or above a million (nine decimals would lose a long decay); from there all is integers. With A the order's
balance in minor units, C_k the weights up to touch k and T all of them, touch k holds
`alloc(A) = floor(A * C_k / T) - floor(A * C_(k-1) / T)`, on the absolute value for a balance below zero: its credits add up
to A. Each event posts alloc(balance after) - alloc(balance before), so a full refund returns every touch to zero.
What no touch can hold stands in a row with position 0 and a reason: `no_touch` (nothing within the look-back), `no_weight` (a
model gives all its touches nothing) or `baseline`: of a calibrated model each touch's whole number is cut by its channel's
baseline share, and what was cut off is a last weight of its own, so that all still adds up to A.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from persync.attribution import basis, journeys
from persync.attribution.models import DECAY, DECAY_SINCE_LATEST, AttributionModel
from persync.engine.engine import Engine
from persync.engine.texts import names, rename
from persync.errors import ConfigError, DataError

if TYPE_CHECKING:
    from persync.measure.metric import Ask

COLUMNS: Final = frozenset(
    (
        *("order_id", "is_counted", "currency", "event_number", "event_at", "position", "connection", "campaign_key"),
        *("word", "reason", "touched_at", "is_turned"),
    )
)
"""names of the ledger's own columns, which no model can have"""
_HELD_WELL: Final = (1e-3, 1e6)
"""weights between these keep their ratio when nine decimals are all that is left"""
_HALVINGS: Final = 900
"""a double holds 1,022 at its full precision; a strength may take some of them"""
_EVEN: Final = "1e0"
"""the weight of a model that weighs every touch alike: the sum up to a touch is its position"""
_FLAG: Final = re.compile(
    r"CASE WHEN j\.(position = 1|position = j\.length|is_last_non_direct = 1|is_last_email = 1|channel_first = 1)"
    r" THEN 1e0 ELSE 0e0 END"
)
"""a weight that is 1 or 0 by one column of the journey; all but the last of these mark one touch an order"""


def build(
    engine: Engine,
    models: Sequence[AttributionModel],
    ask: Ask,
    *,
    narrow: bool = False,
    along: Sequence[AttributionModel] = (),
) -> None:
    """Write the derived table `credit_ledger` (and `money_orders`, `journeys`, `ledger_events` before it).

    With `narrow` it holds the orders alone that the period and the holdout ask for (`journeys.build_asked`), each of them
    whole. The journeys are made as `along` need them too, models whose ledger is asked for before or after: then both read
    the same ones.
    Reads the ask's basis, currency and reporting, and what journeys are made of. With `ask.reporting` accrual the ledger has
    a column more, `touched_at`: when the touch was, of what no touch holds when the order was placed. Raise ConfigError for a
    model name that cannot be a column or is given twice, DataError when a model's weight is negative or not a number, or an
    order cannot be turned into the reporting currency.
    """
    _check_names(models)
    every = (*models, *along)
    # Fits learn from the journeys of all orders, which are there already.
    is_fitted = any(model.fit is not None or model.fitted is not None for model in every)
    journeys.build(engine, ask, every, narrow=narrow and not is_fitted)
    basis.build_events(engine, ask)
    models = unfaded(engine, models)
    sql, params = ledger_sql(
        models,
        _to_scale(engine, models),
        is_accrual=ask.reporting == "accrual",
        is_turned=basis.is_turned(engine, ask),
        is_narrow=narrow and journeys.build_asked(engine, ask),
        has_mail=any(model.email_rule for model in every),
    )
    engine.write(sql, params, "credit_ledger")


def ledger_sql(
    models: Sequence[AttributionModel],
    scaled: frozenset[int] = frozenset(),
    *,
    is_accrual: bool = False,
    is_turned: bool = False,
    is_narrow: bool = False,
    has_mail: bool = False,
) -> tuple[str, dict[str, Any]]:
    """Return the ledger's SQL text over `journeys` and `ledger_events`, with its parameters.

    `scaled` are the places of the models whose weights are divided by an order's greatest where that is very small or large.
    `is_narrow`: of `asked_orders` alone. `has_mail`: the journeys have rows that serve the e-mail rule alone.
    """
    numbers = range(len(models))
    columns, params = weights(models)
    based = [i for i in numbers if models[i].baseline]
    shares, more = _shares(models)
    params |= more
    tops = ", ".join(f"MAX(r.w{i}) AS x{i}" for i in sorted(scaled))
    words = {
        "weights": _lines([*columns, *shares]),
        "tops": f"JOIN (SELECT r.order_id, {tops} FROM raws AS r GROUP BY r.order_id) AS t ON t.order_id = r.order_id"
        if tops
        else "",
        "wholes": _lines(
            [*(_whole(model, i, scaled, based) for i, model in enumerate(models)), *(_cut(i, scaled) for i in based)]
        ),
        "sums": "".join(
            f",\n        CAST(SUM(h.n{i}) OVER (PARTITION BY h.order_id ORDER BY h.position"
            f" ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS BIGINT) AS c{i}"
            for i, model in enumerate(models)
            if _is_summed(model)
        ),
        "totals": _lines(
            [
                *(f"CAST(SUM(h.n{i}{f' + h.b{i}' if i in based else ''}) AS BIGINT) AS t{i}" for i in numbers),
                *(f"CAST(SUM(h.b{i}) AS BIGINT) AS b{i}" for i in based),
            ]
        ),
        "greatest": f"GREATEST({', '.join(f's.t{i}' for i in numbers)}, 0)",
        "carried": _lines([*(f"s.t{i}" for i in numbers), *(f"s.b{i}" for i in based)]),
        "credits": _lines(f"{_credit(model, i)} AS {model.name}" for i, model in enumerate(models)),
        "rests": _lines(f"{_rest(model, i)} AS {model.name}" for i, model in enumerate(models)),
        "weightless": " OR ".join(f"e.t{i} = 0" for i, model in enumerate(models) if model.sums_to == "order") or "1 = 0",
        "touched_in": "j.happened_at AS touched_at," if is_accrual else "",
        "touched_by": "r.touched_at," if is_accrual else "",
        "touched": "w.touched_at," if is_accrual else "",
        # What is in the store's own money can be held against it by anybody who finds the file.
        "turned": "1 AS is_turned," if is_turned else "",
        "placed": "m.ordered_at AS touched_at," if is_accrual else "",
        "asked": journeys.ASKED.format("e") if is_narrow else "",
        "touches": (journeys.ASKED.format("j") if is_narrow else "")
        + (" WHERE j.is_touch = 1" if has_mail and not any(model.email_rule for model in models) else ""),
        "orders": "JOIN money_orders AS m ON m.order_id = e.order_id" if is_accrual else "",
        "baselines": _lines(f"{_anyway(i) if i in based else '0'} AS {model.name}" for i, model in enumerate(models)),
        "any": " OR ".join(f"e.b{i} > 0" for i in based) or "1 = 0",
    }
    return basis.filled("ledger", words), params


def _lines(expressions: Iterable[str]) -> str:
    return ",\n        ".join(expressions)


def weights(models: Sequence[AttributionModel]) -> tuple[list[str], dict[str, Any]]:
    """Return each model's weight of a touch (`journeys AS j`) as columns w0, w1 ..., with their parameters.

    Parameters get the model's number, so that equal names do not meet. Raise ConfigError for one without a value.
    """
    columns: list[str] = []
    params: dict[str, Any] = {}
    with_email = any(model.email_rule for model in models)
    for i, model in enumerate(models):
        column, own = _weight(model, i, with_email)
        columns.append(column)
        params |= own
    return columns, params


def _weight(model: AttributionModel, i: int, with_email: bool) -> tuple[str, dict[str, float]]:
    own = {name: f"m{i}_{name}" for name in names(model.weight)}
    for name in own:
        if name not in model.params:
            raise ConfigError(f"the attribution model {model.name!r} uses :{name} but gives it no value in its params.")
    weight = rename(model.weight, {name: f":{new}" for name, new in own.items()})
    # Rows that serve the e-mail rule alone weigh nothing anywhere else.
    seen = f"CASE WHEN j.is_touch = 1 THEN {weight} ELSE 0e0 END" if with_email and not model.email_rule else weight
    column = f"CAST({seen} AS {'SMALLINT' if _is_unit(model) else 'DOUBLE'}) AS w{i}"
    return column, {new: float(model.params[name]) for name, new in own.items()}


def _shares(models: Sequence[AttributionModel]) -> tuple[list[str], dict[str, Any]]:
    """Return the baseline share of each touch by model that has one, as column a0, a1 ..."""
    columns, params = [], {}
    for i, model in enumerate(models):
        for word, share in model.baseline.items():
            if not 0 <= share <= 1:
                raise ConfigError(f"the baseline share of the attribution model {model.name!r} is not between 0 and 1.")
            params[f"m{i}_anyway_{int(word)}"] = float(share)
        if model.baseline:
            cases = " ".join(f"WHEN {int(word)} THEN :m{i}_anyway_{int(word)}" for word in sorted(model.baseline))
            columns.append(f"CAST(CASE j.word {cases} ELSE 0e0 END AS DOUBLE) AS a{i}")
    return columns, params


def unfaded(engine: Engine, models: Sequence[AttributionModel]) -> list[AttributionModel]:
    """Return models whose decay leaves some touch of `journeys` too little for a number to hold with their ages counted from
    each order's latest touch: the same shares, and nothing lost. All others come back as they are."""
    if not any(DECAY in model.weight for model in models):
        return list(models)
    found = engine.rows("SELECT MAX(j.age_days) AS oldest FROM journeys AS j")
    oldest = float(found[0]["oldest"] or 0.0)
    return [
        replace(model, weight=model.weight.replace(DECAY, DECAY_SINCE_LATEST))
        if DECAY in model.weight and oldest > _HALVINGS * model.params.get("half_life_days", math.inf)
        else model
        for model in models
    ]


def _to_scale(engine: Engine, models: Sequence[AttributionModel]) -> frozenset[int]:
    """Return the places of the models with very small or large weights; raise DataError for one that gives no weights."""
    open_ones = [i for i, model in enumerate(models) if not _is_unit(model)]
    if not open_ones:
        return frozenset()
    try:
        found = _spans(engine, models, open_ones)
    except DataError:
        for name, fault in faults(engine, [models[i] for i in open_ones], models).items():
            raise DataError(f"the attribution model {name!r} cannot be used: {fault}") from None
        raise
    low, high = _HELD_WELL
    return frozenset(
        i for i in open_ones if found[f"least{i}"] is not None and (found[f"least{i}"] < low or found[f"most{i}"] > high)
    )


def faults(engine: Engine, suspects: Sequence[AttributionModel], models: Sequence[AttributionModel]) -> dict[str, str]:
    """Return {name: what is wrong} of the models that no ledger can be written with, each tried alone; none is {}.

    `suspects` are some of `models`, for all of which `journeys` was built.
    """
    told: dict[str, str] = {}
    for model in suspects:
        try:
            _check_names([model])
            # The rows that serve the e-mail rule alone are there for all.
            _spans(engine, [model], [0], with_email=any(one.email_rule for one in models))
        except (ConfigError, DataError) as error:
            told[model.name] = error.what
        except (TypeError, ValueError) as error:  # a parameter that is no number
            told[model.name] = f"{type(error).__name__} where its parameters were read."
    return told


def _spans(
    engine: Engine, models: Sequence[AttributionModel], places: Sequence[int], *, with_email: bool | None = None
) -> dict[str, Any]:
    """Return the least and the greatest weight above zero of the models at some places. Raise DataError for a weight that does
    not run, and for one that is negative or no number."""
    if with_email is None:
        with_email = any(model.email_rule for model in models)
    made = [_weight(models[i], i, with_email) for i in places]
    # Infinity minus itself, and anything with NaN, is no number: the comparison catches both, and nulls.
    measured = _lines(
        f"SUM(CASE WHEN r.w{i} >= 0e0 AND r.w{i} < 1e300 THEN 0 ELSE 1 END) AS wrong{i},"
        f" MIN(CASE WHEN r.w{i} > 0e0 THEN r.w{i} END) AS least{i}, MAX(r.w{i}) AS most{i}"
        for i in places
    )
    params = {name: value for _, own in made for name, value in own.items()}
    weighed = _lines(column for column, _ in made)
    found = engine.rows(f"SELECT {measured} FROM (SELECT {weighed} FROM journeys AS j) AS r", params)[0]
    for i in places:
        if wrong := int(found[f"wrong{i}"] or 0):
            raise DataError(
                f"the attribution model {models[i].name!r} gives {wrong} touches a weight that is negative or no number."
            )
    return found


def _scaled(i: int) -> str:
    low, high = _HELD_WELL
    return f"CASE WHEN t.x{i} = 0e0 OR t.x{i} BETWEEN {low:e} AND {high:e} THEN r.w{i} ELSE r.w{i} / t.x{i} END"


def _full(i: int, scaled: frozenset[int]) -> str:
    return f"CAST(FLOOR({_scaled(i) if i in scaled else f'r.w{i}'} * 1e9 + 0.5e0) AS BIGINT)"


def _cut(i: int, scaled: frozenset[int]) -> str:
    return f"CAST(FLOOR({_full(i, scaled)} * r.a{i} + 0.5e0) AS BIGINT) AS b{i}"


def _whole(model: AttributionModel, i: int, scaled: frozenset[int], based: Sequence[int]) -> str:
    if _is_unit(model):
        return f"r.w{i} AS n{i}"
    cut = f" - CAST(FLOOR({_full(i, scaled)} * r.a{i} + 0.5e0) AS BIGINT)" if i in based else ""
    return f"{_full(i, scaled)}{cut} AS n{i}"


def _is_unit(model: AttributionModel) -> bool:
    """Tell whether every weight is 1 or 0: whole numbers already, and small ones, which are quick to sort and to add."""
    return not model.baseline and (model.weight == _EVEN or _FLAG.fullmatch(model.weight) is not None)


def _is_alone(model: AttributionModel) -> bool:
    """Tell whether a model weighs one touch of an order at most, so that what came before it in the order weighs nothing."""
    found = _FLAG.fullmatch(model.weight)
    return found is not None and found[1] != "channel_first = 1"


def _is_summed(model: AttributionModel) -> bool:
    """Tell whether a model needs the running sum of an order's weights, which costs more than all else of it."""
    return model.sums_to == "order" and not _is_alone(model) and not (_is_unit(model) and model.weight == _EVEN)


def _share(size: str, i: int, kind: str, upto: str, before: str) -> str:
    """Return SQL for floor(size * upto / T) - floor(size * before / T) in whole numbers of the type `kind`."""
    high, low = (
        "0" if weight == "0" else f"div(CAST({size} AS {kind}) * {weight}, CAST(e.t{i} AS {kind}))" for weight in (upto, before)
    )
    return f"CAST({high} - {low} AS BIGINT)"


def _credit(model: AttributionModel, i: int) -> str:
    if model.sums_to == "none":
        return f"CASE WHEN w.n{i} > 0 THEN e.amount_minor ELSE 0 END"
    if _is_alone(model):
        upto, before = f"w.n{i}", "0"
    elif _is_summed(model):
        upto, before = f"w.c{i}", f"(w.c{i} - w.n{i})"
    else:
        upto, before = "w.position", "(w.position - 1)"
    return f"CASE WHEN w.n{i} = 0 THEN 0 WHEN w.n{i} = e.t{i} THEN e.amount_minor {_posted(i, upto, before)}"


def _anyway(i: int) -> str:
    """Return SQL for what goes to the order's baseline: the last of its weights."""
    return f"CASE WHEN e.b{i} = 0 THEN 0 WHEN e.b{i} = e.t{i} THEN e.amount_minor {_posted(i, f'e.t{i}', f'(e.t{i} - e.b{i})')}"


def _posted(i: int, upto: str, before: str) -> str:
    def moved(kind: str) -> str:
        now, was = (_share(size, i, kind, upto, before) for size in ("e.after_size", "e.before_size"))
        return f"e.after_sign * {now} - CASE WHEN e.before_size = 0 THEN 0 ELSE e.before_sign * {was} END"

    return f"WHEN e.is_small = 1 THEN {moved('BIGINT')} ELSE {moved('DECIMAL(38, 0)')} END"


def _rest(model: AttributionModel, i: int) -> str:
    return f"CASE WHEN COALESCE(e.t{i}, 0) = 0 THEN e.amount_minor ELSE 0 END" if model.sums_to == "order" else "0"


def _check_names(models: Sequence[AttributionModel]) -> None:
    if not models:
        raise ConfigError("no attribution model was asked for.")
    seen: set[str] = set()
    for model in models:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", model.name) or model.name in COLUMNS:
            raise ConfigError(
                f"{model.name!r} cannot be the name of an attribution model.",
                hint="Use lower-case letters, digits and underscores, and no name of a ledger column.",
            )
        if model.name in seen:
            raise ConfigError(f"the attribution model {model.name!r} is given twice.")
        seen.add(model.name)


@dataclass(frozen=True, slots=True)
class Ties:
    """What the check of the ledger found. `differences` is empty when every order adds up in every model."""

    orders: int
    totals: dict[str, int]
    """what the store's ledger holds on the asked basis, in minor units by currency"""
    differences: list[dict[str, Any]]
    """order_id, currency, model, expected_minor, credited_minor; the first hundred"""


def ties(engine: Engine, models: Sequence[AttributionModel], ask: Ask, *, narrow: bool = False) -> Ties:
    """Hold `credit_ledger`, as `build` wrote it (`narrow` as there), against the store's ledger, order by order."""
    expected = basis.balances_sql(engine, ask)
    if narrow and journeys.build_asked(engine, ask):
        expected = f"SELECT e.* FROM ({expected}) AS e {journeys.ASKED.format('e')}"
    totals = engine.rows(
        f"SELECT x.currency, COUNT(*) AS orders, CAST(SUM(x.expected_minor) AS BIGINT) AS minor FROM ({expected}) AS x"
        " GROUP BY x.currency ORDER BY x.currency"
    )
    summing = [model.name for model in models if model.sums_to == "order"]
    differences: list[dict[str, Any]] = []
    if summing:
        sums = ", ".join(f"CAST(SUM(c.{name}) AS BIGINT) AS {name}" for name in summing)
        off = " OR ".join(f"COALESCE(g.{name}, 0) <> x.expected_minor" for name in summing)
        credited = ", ".join(f"COALESCE(g.{name}, 0) AS {name}" for name in summing)
        found = engine.rows(
            f"SELECT x.order_id, x.currency, x.expected_minor, {credited}"
            f" FROM ({expected}) AS x LEFT JOIN (SELECT c.order_id, c.currency, {sums} FROM credit_ledger AS c"
            " GROUP BY c.order_id, c.currency) AS g ON g.order_id = x.order_id AND g.currency = x.currency"
            f" WHERE {off} ORDER BY x.order_id LIMIT 100"
        )
        differences = [
            {
                "order_id": row["order_id"],
                "currency": row["currency"],
                "model": name,
                "expected_minor": row["expected_minor"],
                "credited_minor": row[name],
            }
            for row in found
            for name in summing
            if row[name] != row["expected_minor"]
        ]
    return Ties(sum(row["orders"] for row in totals), {row["currency"]: row["minor"] for row in totals}, differences)
