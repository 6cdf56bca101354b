"""All metrics that come with persync, under the hook that plugins use."""

from __future__ import annotations

from collections.abc import Iterator

from persync import hookimpl
from persync.measure import conversion, engagement, people, returns
from persync.measure.metric import Metric

METRICS: tuple[Metric, ...] = (*people.METRICS, *engagement.METRICS, *conversion.METRICS, *returns.METRICS)


@hookimpl
def persync_metrics() -> Iterator[Metric]:
    """Yield the metrics that come with persync."""
    yield from METRICS
