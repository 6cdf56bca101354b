"""What holds of every metric."""

from __future__ import annotations

from typing import Any

import pytest

from core.measure.metric_cases import ASK, BY_ID
from persync.errors import ConfigError
from persync.measure import METRICS
from persync.measure.metric import Ask, Experiment, Metric


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.id)
def test_a_store_with_nothing_in_it_gives_reasons_not_numbers(shop: Any, metric: Metric) -> None:
    """Every metric answers from empty tables: null with a reason, never zero, infinity or an error."""
    read = metric.compute(shop, ASK)

    assert read
    for e in read:
        is_off = e.by.get("kind") == "proxy"  # one nobody switched on is worth nothing
        assert (e.value is None and e.reason) or e.id == "sends_without_consent" or is_off


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.id)
def test_a_metric_says_what_it_is(metric: Metric) -> None:
    """Definition, formula, unit, number and tables are there to be shown."""
    assert all([metric.title, metric.definition, metric.formula, metric.unit, metric.number, metric.data])


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.id)
def test_a_wrong_dimension_is_refused_with_the_right_ones(shop: Any, metric: Metric) -> None:
    """A metric that cannot be sliced so says so."""
    with pytest.raises(ConfigError, match=f"{metric.id} cannot be sliced by 'sky'"):
        metric.compute(shop, Ask(now=0, by=("sky",)))


def test_metric_ids_are_unique() -> None:
    """No two metrics share a name."""
    assert len(BY_ID) == len(METRICS)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.id)
def test_an_empty_store_gives_null_with_a_reason(shop: Any, metric: Metric) -> None:
    """No metric fails, is silent or says zero where nothing is, sliced or not."""
    for by in [(), *((name,) for name in metric.dimensions if name != "any attribute")]:
        period = (0, 10**12) if "seg" in by else None  # members are those of a first day
        ask = Ask(now=10**13, by=by, period=period, experiments={"x": Experiment("x", control="y")})
        read = list(metric.compute(shop, ask))
        assert read, by
        assert [e for e in read if e.value is None and not e.reason] == []
