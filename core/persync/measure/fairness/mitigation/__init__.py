"""Mitigation, suggested and never done: what could be done about an unfair decision, and what it would cost or bring."""

from persync.measure.fairness.mitigation.metrics import METRICS
from persync.measure.fairness.mitigation.suggest import mitigate

__all__ = ["METRICS", "mitigate"]
