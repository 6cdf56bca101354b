"""May we, and do they trust us: consent, control, transparency, trust, and what they are worth."""

from __future__ import annotations

from collections.abc import Sequence

from persync.measure.ethics import consent, control, coverage, diversity, practice, prices, transparency, trust, worth
from persync.measure.metric import Metric

METRICS: Sequence[Metric] = (
    *trust.METRICS,
    *transparency.METRICS,
    *control.METRICS,
    *coverage.METRICS,
    *consent.METRICS,
    *worth.METRICS,
    *diversity.METRICS,
    *practice.METRICS,
    *prices.METRICS,
)
