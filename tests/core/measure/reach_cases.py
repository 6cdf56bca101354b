"""What the tests of reach share: ways to write what people did and bought."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from persync.estimate import Estimate
from persync.measure import METRICS
from persync.measure.metric import Ask

DAY = 86_400_000
NOW = 400 * DAY
ASK = Ask(now=NOW)
BY_ID = {metric.id: metric for metric in METRICS}
SEND, OPEN, CLICK, BOUNCE, VISIT = 1, 3, 4, 5, 9
EMAIL, SEARCH = 1, 2


def compute(shop: Any, id: str, ask: Ask = ASK) -> list[Estimate]:
    return list(BY_ID[id].compute(shop, ask))


def one(found: Sequence[Estimate], id: str, **by: str) -> Estimate:
    (wanted,) = [e for e in found if e.id == id and e.by == by]
    return wanted


def touch(
    shop: Any, people: Sequence[int], action: int, at: int, *, campaign: int = 0, machine: int | None = None, **more: Any
) -> None:
    n = len(people)
    shop.load(
        "touchpoints",
        connection=[1] * n,
        campaign_key=[campaign] * n,
        key_id=list(people),
        action=[action] * n,
        happened_at=[at] * n,
        channel=[more.get("channel", EMAIL)] * n,
        link_id=[more.get("link", 0)] * n,
        **({"is_machine": [machine] * n} if machine is not None else {}),
    )


def orders(shop: Any, people: Sequence[int], at: int, minor: int = 1000, first: int = 1) -> None:
    keys = [first + i for i in range(len(people))]
    n = len(keys)
    shop.load(
        "orders",
        order_key=keys,
        connection=[2] * n,
        key_id=list(people),
        ordered_at=[at] * n,
        currency=["EUR"] * n,
        status=["paid"] * n,
    )
    shop.load("order_of", order_key=keys, order_id=keys, is_money_source=[1] * n)
    shop.load(
        "order_ledger",
        order_key=keys,
        entry=["s"] * n,
        event=["sale"] * n,
        part=["product"] * n,
        happened_at=[at] * n,
        amount_minor=[minor] * n,
        currency=["EUR"] * n,
    )


def clicks(shop: Any) -> None:
    touch(shop, range(1, 31), CLICK, 101 * DAY, campaign=1)
    touch(shop, range(101, 111), CLICK, 101 * DAY, campaign=2)
