"""Money a customer, drawn again and again: the interval, what it is made of, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from persync.attribution.stability import poisson
from persync.errors import ConfigError
from persync.estimate import Estimate
from persync.measure import draws, order_value
from persync.measure.conversion import revenue_per_recipient
from persync.measure.metric import Ask

DAY = 86_400_000
AT = 1_735_689_600_000
"""2025-01-01 in UTC"""
ASK = Ask(now=AT + 200 * DAY, suppress_n=1)


def looped(y: list[float], x: list[float], people: list[int], confidence: float = 0.95) -> tuple[float, float]:
    """Return the studentised bootstrap interval of sum(y) / sum(x), one draw after the other."""
    a, b, ids = np.array(y), np.array(x), np.array(people, np.int64)
    value = a.sum() / b.sum()
    error = math.sqrt(((a - value * b) ** 2).sum()) / b.sum()
    told = []
    for number in range(draws.REPLICATES):
        w = poisson(ids, ASK.seed, number)
        one = (w * a).sum() / (w * b).sum()
        told.append((one - value) / (math.sqrt((w * (a - one * b) ** 2).sum()) / (w * b).sum()))
    far, near = np.quantile(told, [(1 - confidence) / 2, (1 + confidence) / 2])
    return value - near * error, value - far * error


def test_revenue_a_recipient_has_the_studentised_interval_of_its_people(shop: Any) -> None:
    """Forty people of whom twelve paid, one of them twenty times as much: the interval reaches farther up than down."""
    spent = [1000 + 100 * person for person in range(11)] + [20_000] + [0] * 28
    shop.add("connections", connection=1, name="shop", connector="shopify")
    shop.add("campaign_keys", campaign_key=1, connection=1, kind="id", key="c1")
    for person, minor in enumerate(spent):
        shop.add("touchpoints", connection=1, campaign_key=1, key_id=person, action=1, happened_at=AT + person, channel=1)
        if minor:
            shop.order(person + 1, person, minor, ordered_at=AT + DAY)

    (money,) = revenue_per_recipient(shop, ASK)

    expected = looped([minor / 100 for minor in spent], [1.0] * 40, list(range(40)))
    assert (money.value, money.n) == (sum(spent) / 4000, 40)
    assert (money.low, money.high) == pytest.approx(expected)
    assert money.low is not None
    assert money.high is not None
    assert money.high - money.value > 1.3 * (money.value - money.low)


def orders(shop: Any, *rows: tuple[int | None, int, int], channel: Callable[[int], str | None] = lambda key: None) -> None:
    """Insert orders of (person, minor units, day)."""
    for key, (person, minor, day) in enumerate(rows, start=1):
        shop.order(key, person, minor, ordered_at=AT + day * DAY)
        shop.db.execute("UPDATE orders SET sales_channel = ? WHERE order_key = ?", [channel(key), key])


def told(shop: Any, *by: str, **more: Any) -> dict[tuple[str, ...], dict[str, Estimate]]:
    """Return the order values by slice and id."""
    out: dict[tuple[str, ...], dict[str, Estimate]] = {}
    for one in order_value.aov(shop, replace(ASK, by=by, **more)):
        out.setdefault(tuple(one.by.values()), {})[one.id] = one
    return out


def test_the_mean_order_is_drawn_by_customer(shop: Any) -> None:
    """Whoever ordered three times comes with all three orders or with none."""
    rows = [
        (person, 500 + 300 * (person * 7 % 5) + 900 * (person == 3), day)
        for person in range(15)
        for day in range(1 + person % 3)
    ]
    orders(shop, *rows)

    mean = told(shop)[()]["aov"]

    y = [sum(minor for who, minor, _ in rows if who == person) / 100 for person in range(15)]
    x = [float(sum(who == person for who, *_ in rows)) for person in range(15)]
    assert mean.value == pytest.approx(sum(y) / sum(x))
    assert (mean.low, mean.high) == pytest.approx(looped(y, x, list(range(15))))


def test_the_median_ends_at_the_orders_of_woodruff(shop: Any) -> None:
    """One order a customer: the share up to the median has Cochran's error, and the ends are the orders at its places."""
    minor = [100 * (1 + (17 * i) % 41) for i in range(41)]
    orders(shop, *((person, one, 0) for person, one in enumerate(minor)))

    median = told(shop)[()]["aov_median"]

    share = 21 / 41
    half = stats.t.ppf(0.975, 40) * math.sqrt(share * (1 - share) * 41 * 41 / 40) / 41
    places = math.ceil(41 * (0.5 - half)), math.ceil(41 * (0.5 + half))
    assert (median.value, median.low, median.high) == (21.0, float(places[0]), float(places[1]))
    assert places == (14, 28)


def test_the_trimmed_mean_has_the_interval_of_yuen(shop: Any) -> None:
    """One order a customer, a tenth cut off each end: the winsorised spread over what is left."""
    minor = [100 * i * i for i in range(1, 31)]
    orders(shop, *((person, one, 0) for person, one in enumerate(minor)))

    trimmed = told(shop)[()]["aov_trimmed"]

    money = np.array(minor) / 100
    error = np.clip(money, money[3], money[-4]).std(ddof=1) / math.sqrt(30) / 0.8
    half = stats.t.ppf(0.975, 29) * error
    value = float(stats.trim_mean(money, 0.1))
    assert (trimmed.value, trimmed.low, trimmed.high) == pytest.approx((value, value - half, value + half))


def test_orders_are_sliced_by_channel_buyer_and_the_shops_clock(shop: Any) -> None:
    """An order an hour before midnight in UTC is of the next day in Berlin; two of the first day are one new purchase."""
    late = 23 / 24
    orders(
        shop,
        (1, 1000, 0),
        (1, 3000, 0),
        (1, 5000, 31),
        (2, 2000, 0),
        (None, 7000, 1),
        channel=lambda key: ("web", None)[key % 2],
    )
    shop.db.execute("UPDATE orders SET ordered_at = ? WHERE order_key = 4", [int(AT + late * DAY)])

    def means(*by: str) -> dict[tuple[str, ...], float | int | None]:
        return {key: one["aov"].value for key, one in told(shop, *by, timezone="Europe/Berlin").items()}

    assert means("channel") == {("unknown",): pytest.approx(130 / 3), ("web",): 25.0}
    assert means("buyer") == {("new",): 20.0, ("returning",): 50.0, ("unknown",): 70.0}
    assert means("month") == {("2025-01",): 32.5, ("2025-02",): 50.0}
    assert means("day", "buyer") == {
        ("2025-01-01", "new"): 20.0,
        ("2025-01-02", "new"): 20.0,
        ("2025-01-02", "unknown"): 70.0,
        ("2025-02-01", "returning"): 50.0,
    }


def test_each_slice_is_told_as_if_it_were_alone(shop: Any) -> None:
    """Drawn beside others, a slice keeps its own interval; few buckets share two customers, so sums are compared in both."""
    rows = [(person, 500 + 100 * (person * 13 % 9), 0) for person in range(60)]
    orders(shop, *rows, channel=lambda key: "web" if key <= 30 else "till")

    both = told(shop, "channel")
    shop.db.execute("UPDATE orders SET is_test = 1 WHERE sales_channel = 'till'")

    assert told(shop, "channel") == {("web",): both[("web",)]}
    assert {one.n for one in both[("till",)].values()} == {30}


def test_few_customers_and_other_slices_are_refused_or_hidden(shop: Any) -> None:
    orders(shop, *((person, 1000, 0) for person in range(9)), channel=lambda key: "web" if key < 9 else "till")

    hidden = {key: one["aov"].reason for key, one in told(shop, "channel", suppress_n=5).items()}

    assert hidden == {("till",): "suppressed", ("web",): None}
    with pytest.raises(ConfigError, match="aov by seg needs a period"):
        told(shop, "seg")
    with pytest.raises(ConfigError, match="cannot be sliced by 'msg'"):
        told(shop, "msg")


def test_equal_orders_have_an_interval_without_width(shop: Any) -> None:
    """Nothing varies: no draw says how far the value might be off, and Student's interval stands in."""
    orders(shop, *((person, 2500, 0) for person in range(12)))

    found = told(shop)[()]

    assert {id: (one.value, one.low, one.high) for id, one in found.items()} == dict.fromkeys(found, (25.0, 25.0, 25.0))
