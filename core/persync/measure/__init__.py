"""What is measured: metrics, experiments, fairness, each with its uncertainty. Pure: all comes from an engine and an `Ask`."""

from typing import TYPE_CHECKING

from persync.measure.metric import Ask, Experiment, Metric

if TYPE_CHECKING:
    from persync.measure.registry import METRICS

__all__ = ["METRICS", "Ask", "Experiment", "Metric"]


def __getattr__(name: str) -> object:
    """Import the metrics when they are asked for: settings name an `Ask`, and a command that measures nothing starts sooner."""
    if name != "METRICS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from persync.measure.registry import METRICS

    return METRICS
