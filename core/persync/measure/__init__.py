"""What is measured: metrics, experiments, fairness, each with its uncertainty. Pure: all comes from an engine and an `Ask`."""

from persync.measure.metric import Ask, Experiment, Metric
from persync.measure.registry import METRICS

__all__ = ["METRICS", "Ask", "Experiment", "Metric"]
