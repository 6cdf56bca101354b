"""The next months: known fits and series worked by hand; too short a past forecasts nothing."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from statsmodels.datasets import nile
from statsmodels.tsa.holtwinters import SimpleExpSmoothing

from persync.estimate import Estimate
from persync.measure import METRICS
from persync.measure.forecast import NAIVE, SEASONAL, SMOOTHED, fit, forecast, smooth
from persync.measure.metric import Ask

BY_ID = {metric.id: metric for metric in METRICS}


def test_the_nile_is_smoothed_with_an_alpha_of_0_2466() -> None:
    """Annual flow 1871 to 1970 (Durbin and Koopman), the first value as the initial level."""
    flow = [float(value) for value in nile.load_pandas().data["volume"]]
    oracle = SimpleExpSmoothing(flow, initialization_method="known", initial_level=flow[0]).fit()

    found = fit(flow)

    assert (len(flow), round(found.alpha, 4)) == (100, 0.2466)
    assert found.squares == pytest.approx(oracle.sse, rel=1e-6)
    assert found.level == pytest.approx(float(oracle.forecast(1)[0]), rel=1e-3)


def test_smoothing_by_hand() -> None:
    """10, 14, 12 at alpha 0.5: errors 4 and 0, level 12."""
    found = smooth([10, 14, 12], 0.5)

    assert (found.level, found.squares) == (12.0, 16.0)
    assert fit([7.0] * 9).level == 7.0


def test_below_two_years_the_last_month_goes_on() -> None:
    found = forecast([10, 12, 11, 15, 14, 18])

    assert (found.method, found.values, found.errors) == (NAIVE, (18, 18, 18), (4, -1, 4))
    assert found.spreads == tuple(math.sqrt(11) * math.sqrt(h) for h in (1, 2, 3))
    assert found.ratio == 1.0


def test_a_season_is_seen_from_two_years_on() -> None:
    """Every December is tenfold: the same month a year ago is right, the month before is not."""
    year = [10.0] * 11 + [100.0]
    found = forecast(year * 2 + year[:10])

    assert (found.method, found.values, found.ratio) == (SEASONAL, (10.0, 100.0, 10.0), 0.0)


def test_a_level_without_a_season_is_smoothed() -> None:
    values = [100 + (7 * i * i) % 11 for i in range(40)]
    found = forecast([float(value) for value in values])

    assert found.method == SMOOTHED
    assert found.ratio is not None
    assert found.ratio < 1
    assert found.spreads[0] < found.spreads[2]


def at(year: int, month: int, day: int = 3) -> int:
    return round(datetime(year, month, day, tzinfo=UTC).timestamp() * 1000)


def told(shop: Any, now: int) -> dict[tuple[str, ...], Estimate]:
    found = BY_ID["kpi_forecast"].compute(shop, Ask(now=now))
    return {(one.id, *one.by.values()): one for one in found}


def test_whole_months_alone_count_and_the_current_one_is_forecast(shop: Any) -> None:
    """Months of 1 to 8 orders of 10.00 each: the first began before it was watched, the eighth is under way."""
    key = 0
    for month in range(1, 9):
        for _ in range(month):
            key += 1
            shop.order(key, 1, 1000, ordered_at=at(2023, month))

    found = told(shop, at(2023, 8, 20))

    orders, money = found["kpi_forecast", "orders", "2023-08"], found["kpi_forecast", "revenue", "2023-08"]
    assert (orders.value, orders.n, orders.unit) == (7.0, 6, "count")
    assert (money.value, money.unit) == (70.0, "EUR")
    assert [name[-1] for name in found if name[:2] == ("kpi_forecast", "orders")] == ["2023-08", "2023-09", "2023-10"]
    assert "6 months are fewer than two years" in orders.note


def test_months_that_no_pull_has_read_are_not_months_without_orders(shop: Any) -> None:
    """The last order is of July; in December nothing is known of the months since."""
    for month in range(1, 8):
        shop.order(month, 1, 1000, ordered_at=at(2022, month))
    shop.order(8, 1, 1000, ordered_at=at(2022, 8))

    assert told(shop, at(2022, 12, 20))["kpi_forecast", "orders", "2022-08"].value == 1.0


def test_five_months_forecast_nothing(shop: Any) -> None:
    for month in range(1, 6):
        shop.order(month, 1, 1000, ordered_at=at(2023, month))

    found = told(shop, at(2023, 6, 2))

    assert {(one.value, one.reason) for one in found.values()} == {(None, "too_short")}
