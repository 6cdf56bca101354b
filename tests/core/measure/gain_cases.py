"""What the tests of costs and gains share: a year, and ways to write what was paid, bought and seen in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from persync.estimate import Estimate
from persync.measure import METRICS
from persync.measure.metric import Ask
from persync.measure.rules import DAY

BY_ID = {metric.id: metric for metric in METRICS}
SECTION_E = {str(n) for n in range(51, 73)} | {"69b"}


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


START = ms("2025-01-01")
ASK = Ask(now=ms("2026-01-01"), suppress_n=1, report_n=1)


def compute(shop: Any, id: str, ask: Ask = ASK) -> list[Estimate]:
    return list(BY_ID[id].compute(shop, ask))


def by_id(found: list[Estimate]) -> dict[str, Estimate]:
    return {one.id: one for one in found}


def cost(shop: Any, entry: str, at: int, minor: int, **more: Any) -> None:
    given = {"category": "tool", "currency": "EUR", **more}
    shop.add("costs", entry=entry, happened_at=at, amount_minor=minor, **given)


def buys(shop: Any, person: int, *days: float, minor: int = 1000) -> None:
    for day in days:
        key = 1 + len(shop.rows("SELECT o.order_key FROM orders AS o"))
        shop.order(key, person, minor, ordered_at=START + round(day * DAY))


def watched(shop: Any, day: float) -> None:
    shop.add("coverage", connection=1, stream="orders", from_at=0, to_at=START + round(day * DAY), state="complete")


def ads(shop: Any, entry: str, day: float, minor: int, **more: Any) -> None:
    given = {"channel": "paid_search", "currency": "EUR", **more}
    shop.add("ad_spend", entry=entry, happened_at=START + round(day * DAY), amount_minor=minor, **given)


def newsletter(shop: Any, **more: Any) -> None:
    """A tool of 50 a month that saves four hours a week of 20 each."""
    cost(shop, "tool", START, 5000)
    week = {"task": "newsletter", "from_at": START, "to_at": START + 7 * DAY, "hours_before": 4.0, "hours_after": 0.0}
    shop.add("work_times", entry="1", **{**week, "rate_minor": 2000, "currency": "EUR", **more})
