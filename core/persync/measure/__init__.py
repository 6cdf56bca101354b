"""What is measured: metrics, experiments, fairness, each with its uncertainty. Pure: all comes from an engine and an `Ask`."""

from persync.measure.metric import Ask, Experiment, Metric

__all__ = ["Ask", "Experiment", "Metric"]
