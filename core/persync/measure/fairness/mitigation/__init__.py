"""Mitigation, suggested and never done: what could be done about an unfair decision, and what it would cost or bring."""

from persync.measure.fairness.mitigation.effects import mitigate
from persync.measure.fairness.mitigation.metrics import METRICS

__all__ = ["METRICS", "mitigate"]
