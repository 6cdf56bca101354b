"""How the credit of orders came about, touch by touch: the answer of `persync explain order` and `persync explain person`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from persync.errors import DataError
from persync.jobs.answers.options import tell_broken

if TYPE_CHECKING:
    from persync.attribution.explain import Explained
    from persync.attribution.models import AttributionModel
    from persync.engine.engine import Engine
    from persync.measure.metric import Ask
    from persync.plugins import Host

Orders = Callable[["Engine"], Sequence[int]]


def order_named(id: str) -> Orders:
    """Return what finds the order of this id, or of its name, in an engine."""
    from persync.attribution.explain import find_order

    return lambda engine: [find_order(engine, id)]


def orders_with(key_ids: Sequence[int]) -> Orders:
    """Return what finds the orders of a person in an engine: raises DataError where there are none."""
    from persync.attribution.explain import orders_of

    def orders(engine: Engine) -> list[int]:
        chosen = orders_of(engine, key_ids)
        if not chosen:
            raise DataError("this person is on no order whose money counts.")
        return chosen

    return orders


def explained(
    engine: Engine,
    host: Host,
    ask: Ask,
    models: Sequence[AttributionModel],
    orders: Orders,
    *,
    tell: Callable[[str], object],
) -> list[Explained]:
    """Explain some orders by each model. `tell` is told of models that cannot be used; raises as `explain_all` does."""
    from persync.attribution.explain import explain_all
    from persync.measure.lifts import with_lift

    if any(model.is_calibrated for model in models):
        ask = with_lift(engine, ask)
    results = explain_all(engine, orders(engine), models, ask)
    if results:
        tell_broken(results[0].models, host, tell)
    return results


def explained_json(results: Iterable[Explained], ask: Ask) -> str:
    """Return explained orders as the one JSON object of the command."""
    from persync.attribution.basis import basis_of
    from persync.report.render.estimates import document

    return document("explained", (_as_json(one) for one in results), basis=basis_of(ask))


def _as_json(one: Explained) -> dict[str, Any]:
    from persync.money import from_minor
    from persync.report.words import iso

    def amount(minor: int) -> float:
        return float(from_minor(minor, one.currency))

    return {
        "order": one.name,
        "connection": one.connection,
        "ordered_at": None if one.ordered_at is None else iso(one.ordered_at),
        "currency": one.currency or None,
        "amount": amount(one.minor),
        "events": [{"at": iso(at), "amount": amount(minor)} for at, minor in one.events],
        "touches": [
            {
                "at": iso(touch.happened_at),
                "kind": touch.kind,
                "channel": touch.channel or None,
                "connection": touch.seen_by,
                "campaign": touch.campaign or None,
                "age_days": touch.age_days,
                "position": touch.position or None,
                "counts": not touch.reason,
                "reason": touch.reason or None,
                "by_model": {
                    name: {"weight": share.weight, "share": share.share, "amount": amount(share.minor)}
                    for name, share in touch.shares.items()
                },
            }
            for touch in one.touches
        ],
        "models": [
            {
                "model": model.name,
                "reason": model.reason or None,
                "sums_to": model.sums_to,
                "no_touch_holds": [
                    {"reason": reason, "amount": amount(minor)} for reason, minor in one.rests.get(model.name, {}).items()
                ],
            }
            for model in one.models
        ],
    }
