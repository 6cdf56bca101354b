"""What the tests of value share: a shop of one day, and ways to write what was bought and seen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from persync.estimate import Estimate
from persync.measure import METRICS
from persync.measure.metric import Ask
from persync.measure.rules import DAY

BY_ID = {metric.id: metric for metric in METRICS}


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


START = ms("2025-01-01T12:00:00")
ASK = Ask(now=START + 400 * DAY, suppress_n=1, report_n=1)


def compute(shop: Any, id: str, ask: Ask = ASK) -> list[Estimate]:
    return list(BY_ID[id].compute(shop, ask))


def by_id(found: list[Estimate]) -> dict[str, Estimate]:
    return {one.id: one for one in found}


def buys(shop: Any, person: int, *days: float, minor: int = 1000) -> None:
    """Orders of a person on days after the start."""
    for day in days:
        key = 1 + len(shop.rows("SELECT o.order_key FROM orders AS o"))
        shop.order(key, person, minor, ordered_at=START + round(day * DAY))


def watched(shop: Any, day: float) -> None:
    """The shop was last asked on that day."""
    shop.add("coverage", connection=1, stream="orders", from_at=0, to_at=START + round(day * DAY), state="complete")
