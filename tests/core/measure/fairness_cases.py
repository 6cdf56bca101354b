"""What the tests of fairness share."""

from __future__ import annotations

from typing import Any

from persync.measure.metric import Ask

ASK = Ask(now=10**13)


def decide(shop: Any, cells: dict[str, tuple[int, int]]) -> None:
    """Decide about people in groups: {group: (selected, people)}."""
    key = 0
    for group, (selected, people) in cells.items():
        keys = list(range(key, key + people))
        key += people
        if group != "unknown":
            shop.load("attributes", connection=[3] * people, key_id=keys, name=["kind"] * people, value=[group] * people)
        chosen = [1] * selected + [0] * (people - selected)
        shop.load("decisions", connection=[3] * people, decision=["offer"] * people, key_id=keys, selected=chosen)


def mail(shop: Any, levels: dict[int, int | None], sends: list[tuple[int, int]]) -> None:
    """Send campaigns of given levels: (person, campaign) pairs."""
    for campaign, level in levels.items():
        shop.add("campaigns", campaign_key=campaign, connection=1, sent_at=100)
        shop.add("campaign_levels", campaign_key=campaign, level=level)
    shop.load(
        "touchpoints",
        connection=[1] * len(sends),
        campaign_key=[campaign for _, campaign in sends],
        key_id=[person for person, _ in sends],
        action=[1] * len(sends),
        happened_at=[100] * len(sends),
    )
