"""What the tests of metrics share: ways to write a campaign and what people did."""

from __future__ import annotations

from typing import Any

from persync.estimate import Estimate
from persync.measure import METRICS
from persync.measure.metric import Ask

DAY = 86_400_000
ASK = Ask(now=10**13)
BY_ID = {metric.id: metric for metric in METRICS}


def compute(shop: Any, id: str, ask: Ask = ASK) -> list[Estimate]:
    return list(BY_ID[id].compute(shop, ask))


def campaign(shop: Any, key: int, connection: int = 1, level: int | None = 0, sent_at: int = 100, **counters: Any) -> None:
    shop.add("campaign_keys", campaign_key=key, connection=connection, kind="id", key=f"c{key}")
    shop.add("campaigns", campaign_key=key, connection=connection, title=f"Letter {key}", sent_at=sent_at)
    shop.add("campaign_levels", campaign_key=key, level=level)
    if counters:
        shop.add("campaign_counters", campaign_key=key, number=counters.pop("number", 1), **counters)


def send(shop: Any, key: int, people: list[int], *, at: int = 100, action: int = 1, connection: int = 1, link: int = 0) -> None:
    n = len(people)
    shop.load(
        "touchpoints",
        connection=[connection] * n,
        campaign_key=[key] * n,
        key_id=people,
        action=[action] * n,
        happened_at=[at] * n,
        link_id=[link] * n,
    )
