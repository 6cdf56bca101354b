"""What the tests of experiments share."""

from __future__ import annotations

from typing import Any

import numpy as np

from persync.estimate import Estimate
from persync.measure.metric import Ask, Experiment
from persync.measure.trials import (
    more,
)

ASK = Ask(now=10**13)
DAY = 86_400_000


def running(shop: Any, now: float, **more_: Any) -> list[Estimate]:
    shop.load("assignments", connection=[3] * 400, experiment=["t"] * 400, key_id=range(1, 401), arm=["a", "b"] * 200)
    for i in range(1, 121, 2):
        shop.order(i, i, 4000, ordered_at=DAY)
    for i in range(2, 41, 2):
        shop.order(i, i, 4000, ordered_at=DAY)
    return more.read(shop, Experiment("t", control="b", since=0, days=20, **more_), Ask(now=round(now * DAY)))


def mailed(shop: Any, *, plain: bool = True) -> Ask:
    """600 people mailed at day 400; who bought before gets the personalised mail more often and buys anyway."""
    rng = np.random.default_rng(8)
    people = np.arange(1, 601)
    loyal = rng.random(600) < 0.5
    personal = rng.random(600) < np.where(loyal, 0.7, 0.3) if plain else np.ones(600, bool)
    for key, level in ((1, 2), (2, 0)):
        shop.add("campaigns", campaign_key=key, connection=1)
        shop.add("campaign_levels", campaign_key=key, level=level)
    shop.load(
        "touchpoints",
        connection=[1] * 600,
        campaign_key=np.where(personal, 1, 2).tolist(),
        key_id=people.tolist(),
        action=[1] * 600,
        happened_at=[400 * DAY] * 600,
    )
    key = 1
    for person, is_loyal in zip(people.tolist(), loyal.tolist(), strict=True):
        if is_loyal:
            shop.order(key, person, 5000, ordered_at=300 * DAY)
            key += 1
        if rng.random() < (0.5 if is_loyal else 0.1):
            shop.order(key, person, 5000, ordered_at=405 * DAY)
            key += 1
    return Ask(now=500 * DAY)
