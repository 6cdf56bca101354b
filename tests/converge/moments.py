"""When things happen in the business of a handful of people."""

from __future__ import annotations

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000


BEGIN = 1_767_225_600_000
"""2026-01-01T00:00:00Z"""
