"""What the tests of consent share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from persync.estimate import Estimate
from persync.measure import METRICS
from persync.measure.metric import Ask

DAY = 86_400_000
NOW = 2_000 * DAY
ASK = Ask(now=NOW, suppress_n=1)
BY_ID = {metric.id: metric for metric in METRICS}
MAIL, FILES = 1, 2
SENT = 1_000 * DAY


def compute(shop: Any, id: str, ask: Ask = ASK) -> list[Estimate]:
    return list(BY_ID[id].compute(shop, ask))


def send(shop: Any, people: Sequence[int], at: int = SENT, campaign: int = 7, level: int | None = None) -> None:
    for person in people:
        shop.add("touchpoints", connection=MAIL, campaign_key=campaign, key_id=person, action=1, happened_at=at, level=level)


def consent(
    shop: Any, person: int, state: str, at: int | None = None, channel: str = "email", level: str | None = None
) -> None:
    (number,) = shop.rows(f"SELECT COUNT(*) AS n FROM consents AS c WHERE c.key_id = {person}")
    shop.add(
        "consents", connection=MAIL, key_id=person, channel=channel, state=state, level=level, changed_at=at,
        number=number["n"], observed_at=NOW,
    )  # fmt: skip
