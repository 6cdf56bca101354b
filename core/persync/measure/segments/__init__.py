"""Segments: who belongs to which and since when, what they are worth, how people move between them (catalogue 80 to 85)."""

from __future__ import annotations

from collections.abc import Sequence

from persync.measure.metric import Metric
from persync.measure.segments import moves, sizes, worth

METRICS: Sequence[Metric] = (*sizes.METRICS, *worth.METRICS, *moves.METRICS)
