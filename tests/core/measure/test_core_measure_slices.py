"""Sends by when they went out and by whom they were for: nothing of what came after decides the slice."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persync.errors import ConfigError
from persync.estimate import Estimate
from persync.measure import METRICS, clock
from persync.measure.metric import Ask

BY_ID = {metric.id: metric for metric in METRICS}
SEND, OPEN, UNSUBSCRIBE = 1, 3, 6


def ms(text: str, zone: str = "UTC") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


NOW = ms("2026-01-01")
ASK = Ask(now=NOW, suppress_n=1, report_n=1, timezone="Europe/Berlin")


def compute(shop: Any, id: str, ask: Ask = ASK) -> list[Estimate]:
    return list(BY_ID[id].compute(shop, ask))


def values(found: list[Estimate], dimension: str) -> dict[str, tuple[Any, ...]]:
    return {one.by[dimension]: (one.value, one.n) for one in found}


def touch(shop: Any, person: int, action: int, at: int, campaign: int = 1, **more: Any) -> None:
    shop.add("touchpoints", connection=1, campaign_key=campaign, key_id=person, action=action, happened_at=at, **more)


def test_who_first_bought_after_the_message_is_in_no_cohort_of_it(shop: Any) -> None:
    """Else a cohort of this month would hold none but those who bought."""
    shop.order(1, 1, 1000, ordered_at=ms("2025-01-10"))
    for person in (1, 2, 3):
        touch(shop, person, SEND, ms("2025-03-01"))
        touch(shop, person, SEND, ms("2025-03-20"), campaign=2)
    for key, person in ((2, 1), (3, 2)):
        shop.order(key, person, 1000, ordered_at=ms("2025-03-10"))

    found = compute(shop, "conversion_rate", replace(ASK, by=("coh",)))

    assert values(found, "coh") == {"2025-01": (1.0, 1), "no order": (0.5, 2)}


@pytest.mark.parametrize(
    ("dimension", "expected"),
    [
        ("day", {"2025-03-01": (1.0, 1), "2025-03-31": (0.0, 1), "2025-04-01": (0.0, 1)}),
        ("week", {"2025-W09": (1.0, 1), "2025-W14": (0.0, 2)}),
        ("month", {"2025-03": (0.5, 2), "2025-04": (0.0, 1)}),
        ("hour", {"00": (0.0, 1), "12": (1.0, 1), "23": (0.0, 1)}),
        ("weekday", {"Monday": (0.0, 1), "Tuesday": (0.0, 1), "Saturday": (1.0, 1)}),
    ],
)
def test_a_message_is_of_the_shops_day(shop: Any, dimension: str, expected: dict[str, Any]) -> None:
    """In Berlin 22:30 of UTC is the next day once summer time is on."""
    touch(shop, 1, SEND, ms("2025-03-01 11:00"))
    touch(shop, 2, SEND, ms("2025-03-31 21:59"))
    touch(shop, 3, SEND, ms("2025-03-31 22:30"))
    shop.order(1, 1, 1000, ordered_at=ms("2025-03-02"))

    assert values(compute(shop, "conversion_rate", replace(ASK, by=(dimension,))), dimension) == expected


@given(st.integers(ms("1990-01-01"), ms("2040-01-01")), st.sampled_from(["UTC", "Asia/Tokyo"]))
def test_a_piece_of_time_is_named_as_the_calendar_names_it(at: int, zone: str) -> None:
    local = datetime.fromtimestamp(at / 1000, ZoneInfo(zone))
    year, week, _ = local.isocalendar()

    named = {dimension: clock.placed(at, zone, dimension) for dimension in (*clock.SPANS, *clock.TURNS)}

    assert named == {
        "day": f"{local:%Y-%m-%d}",
        "month": f"{local:%Y-%m}",
        "week": f"{year:04d}-W{week:02d}",
        "hour": f"{local:%H}",
        "weekday": f"{local:%A}",
    }


def test_totals_are_of_the_month_their_campaign_was_sent_in(shop: Any) -> None:
    for key, at, opens in ((1, ms("2025-03-31 22:30"), 20), (2, ms("2025-04-05"), 40), (3, ms("2025-03-01"), 30)):
        shop.add("campaign_keys", campaign_key=key, connection=1, kind="id", key=str(key))
        shop.add("campaigns", campaign_key=key, connection=1, sent_at=at)
        shop.add("campaign_counters", campaign_key=key, number=1, sent=100, delivered=100, unique_opens=opens)

    found = compute(shop, "open_rate", replace(ASK, by=("month",)))

    assert values(found, "month") == {"2025-03": (0.3, 100), "2025-04": (0.3, 200)}


def answered(shop: Any) -> None:
    """Six people, two messages: a platform that tells opens and flags machines, and one that tells nothing."""
    for person in range(1, 7):
        shop.add("attributes", connection=1, key_id=person, name="tier", value="gold" if person <= 3 else "none")
        touch(shop, person, SEND, ms("2025-03-01"))
        touch(shop, person, SEND, ms("2025-03-02"), campaign=2)
        shop.add("touchpoints", connection=2, campaign_key=3, key_id=person, action=SEND, happened_at=ms("2025-03-03"))
    shop.add("campaigns", campaign_key=1, connection=1)
    shop.add("campaigns", campaign_key=2, connection=1, counts_opens=0)
    touch(shop, 1, OPEN, ms("2025-03-01 10:00"), is_machine=0)
    touch(shop, 2, OPEN, ms("2025-03-01 10:00"), is_machine=1)
    touch(shop, 4, OPEN, ms("2025-03-01 10:00"), is_machine=0)
    touch(shop, 5, UNSUBSCRIBE, ms("2025-03-02 10:00"), campaign=2)


def test_opens_and_unsubscribes_are_told_of_groups_of_people(shop: Any) -> None:
    """Over the messages whose opens are counted; a platform that tells of none is not taken to have had none."""
    answered(shop)

    found = {
        id: values(compute(shop, id, replace(ASK, by=("tier",))), "tier")
        for id in ("open_rate", "human_open_rate", "unsubscribe_rate")
    }

    assert found == {
        "open_rate": {"gold": (pytest.approx(2 / 3), 3), "none": (pytest.approx(1 / 3), 3)},
        "human_open_rate": {"gold": (pytest.approx(1 / 3), 3), "none": (pytest.approx(1 / 3), 3)},
        "unsubscribe_rate": {"gold": (0.0, 6), "none": (pytest.approx(1 / 6), 6)},
    }
    (none,) = compute(shop, "complaint_rate", replace(ASK, by=("tier",)))
    assert (none.value, none.reason) == (None, "not_measured")


def test_segments_are_those_before_the_first_message(shop: Any) -> None:
    """A buyer in the period is no buyer of its first day; without a period there is no such day."""
    shop.order(1, 1, 1000, ordered_at=ms("2025-02-20"))
    for person in (1, 2):
        shop.add("contacts", connection=1, key_id=person, created_at=ms("2025-01-01"))
        touch(shop, person, SEND, ms("2025-03-02"))
    shop.order(2, 2, 1000, ordered_at=ms("2025-03-03"))
    period = (ms("2025-03-01"), ms("2025-04-01"))

    found = compute(shop, "conversion_rate", replace(ASK, by=("seg",), period=period))

    stages = {seg: value for seg, value in values(found, "seg").items() if seg.startswith("life-cycle")}
    assert sorted(stages.values()) == [(0.0, 1), (1.0, 1)]
    with pytest.raises(ConfigError, match="conversion_rate by seg needs a period"):
        compute(shop, "conversion_rate", replace(ASK, by=("seg",)))


def test_the_currency_that_spoils_a_sum_is_named(shop: Any) -> None:
    for key, currency in ((1, "EUR"), (2, "EUR"), (3, "ZZZ")):
        shop.order(key, key, 1000, ordered_at=ms("2025-03-03"), currency=currency)
    shop.add("costs", connection=1, entry="1", happened_at=NOW, category="tool", amount_minor=1, currency="USD")
    shop.order(4, 4, 1000, ordered_at=NOW + 1, currency="EUR")  # of the future: it counts nowhere

    (mean, *_) = compute(shop, "aov")

    assert (mean.value, mean.reason) == (None, "mixed_currencies")
    hint = "orders are turned into one currency for credit alone (persync attribution --currency)"
    assert (
        mean.note == f"1 order dated in the future is left out; orders in EUR: 2, ZZZ (not a currency): 1; costs in USD; {hint}"
    )
    (same, *_) = compute(shop, "aov", replace(ASK, currency="EUR"))
    assert (same.value, same.note) == (None, mean.note)
