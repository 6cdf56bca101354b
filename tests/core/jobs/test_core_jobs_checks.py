"""The checks of a job: value, interval, and what is not known."""

from __future__ import annotations

import pytest

from persync.estimate import Estimate, missing
from persync.jobs.checking import outside, own
from persync.jobs.windows import last_days
from persync.settings import JobCheck

RATE = Estimate("rate", 0.5, 0.25, 0.75)
GAP = "-2 percentage points (-4 percentage points to -1 percentage points) is below 0 percentage points"
COUNT = Estimate("orders", 40)


@pytest.mark.parametrize(
    ("estimate", "check", "wrong"),
    [
        (RATE, {"min": 0.5}, ""),
        (RATE, {"min": 0.6}, "0.5 is below 0.6"),
        (RATE, {"max": 0.4}, "0.5 is above 0.4"),
        (RATE, {"min": 0.6, "fail_on": "sure"}, ""),
        (RATE, {"min": 0.8, "fail_on": "sure"}, "0.5 (0.25 to 0.75) is below 0.8"),
        (RATE, {"max": 0.3, "fail_on": "sure"}, ""),
        (RATE, {"max": 0.2, "fail_on": "sure"}, "0.5 (0.25 to 0.75) is above 0.2"),
        (RATE, {"min": 0.25, "fail_on": "possible"}, ""),
        (RATE, {"min": 0.3, "fail_on": "possible"}, "0.5 (0.25 to 0.75) may be below 0.3"),
        (RATE, {"max": 0.7, "fail_on": "possible"}, "0.5 (0.25 to 0.75) may be above 0.7"),
        (COUNT, {"min": 41, "fail_on": "sure"}, "40 is below 41"),
        (COUNT, {"min": 40, "fail_on": "possible"}, ""),
        (Estimate("gain", 3, 1, None), {"max": 2, "fail_on": "sure"}, ""),
        (Estimate("rate", 0.0026653, unit="share"), {"max": 0.0026652}, "0.26653 % is above 0.26652 %"),
        (Estimate("aov", 41.18, unit="EUR"), {"max": 30}, "41.18 EUR is above 30 EUR"),
        (Estimate("gap", -0.02, -0.04, -0.01, unit="points"), {"min": 0, "fail_on": "sure"}, GAP),
        (missing("rate", "too_few"), {"min": 0}, "not known: too few people to say"),
        (missing("rate", "too_few"), {"min": 0, "unknown": "pass"}, ""),
    ],
)
def test_a_check_fails_on_the_value_or_on_the_side_of_the_interval_that_was_asked_for(
    estimate: Estimate, check: dict[str, object], wrong: str
) -> None:
    assert outside(estimate, JobCheck.model_validate({"metric": "rate", **check})) == wrong


def test_the_last_days_are_whole_days_of_the_shops_zone_also_where_one_has_23_hours() -> None:
    at = 1_743_379_200_000  # 2025-03-31 00:00 UTC, 02:00 in Berlin, the day after summer time began

    first, last = last_days(at, 1, "Europe/Berlin")
    before = last_days(first, 1, "Europe/Berlin")

    assert (last - first) / 3_600_000 == 23
    assert last == at - 2 * 3_600_000
    assert before == (first - 86_400_000, first)


def test_a_check_looks_at_the_metric_and_not_at_what_it_tells_beside() -> None:
    middle = Estimate("orders_median", 1)

    assert own("orders", [middle, COUNT]) == [COUNT]
    assert own("orders", [middle]) == [middle]
