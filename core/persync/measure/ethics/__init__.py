"""May we, and do they trust us: consent, control, transparency, trust, and what they are worth."""

from __future__ import annotations

from collections.abc import Sequence

from persync.measure.ethics import consent, control, practice, transparency, trust
from persync.measure.metric import Metric

METRICS: Sequence[Metric] = (
    *trust.METRICS,
    *transparency.METRICS,
    *control.METRICS,
    *consent.METRICS,
    *practice.METRICS,
)
