"""Fairness between groups of people: who gets personalised mail, who is selected, who benefits, who bears the cost.

A screen, not a legal finding: it shows where groups differ, how sure that is and how small a gap could have been seen.
`unknown` is always a group of its own. Small groups are hidden together with as many others as it takes (rule E1), and never
meet a threshold.
"""

from persync.measure.fairness import metrics, mitigation, scan
from persync.measure.fairness.frame import Frame
from persync.measure.fairness.groups import UNKNOWN, Groups
from persync.measure.fairness.overview import assess
from persync.measure.fairness.parities import FOUR_FIFTHS, rates, verdict
from persync.measure.fairness_settings import Direction

METRICS = (*metrics.METRICS, scan.METRIC, *mitigation.METRICS)

__all__ = ["FOUR_FIFTHS", "METRICS", "UNKNOWN", "Direction", "Frame", "Groups", "assess", "rates", "verdict"]
