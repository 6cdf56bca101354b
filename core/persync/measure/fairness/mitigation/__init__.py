"""Mitigation, suggested and never done: what could be done about an unfair decision, and what it would cost or bring."""

from persync.measure.fairness.mitigation.behind import Choice, choices, gaps, generic, surest
from persync.measure.fairness.mitigation.every import of_surest
from persync.measure.fairness.mitigation.metrics import METRICS
from persync.measure.fairness.mitigation.suggest import mitigate
from persync.measure.fairness.mitigation.told import ENDS

__all__ = ["ENDS", "METRICS", "Choice", "choices", "gaps", "generic", "mitigate", "of_surest", "surest"]
