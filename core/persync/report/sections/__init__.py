"""The sections that come with persync, one a file."""

from typing import Final

from persync.report.report import Section
from persync.report.sections import (
    answer,
    automations,
    credit,
    fairness,
    health,
    journeys,
    method,
    models,
    outlook,
    pays,
    reading,
    reconcile,
    restraint,
    returns,
    segments,
    tests,
    trust,
    value,
    whom,
)

SECTIONS: Final[tuple[Section, ...]] = (
    answer.SECTION,
    pays.SECTION,
    returns.SECTION,
    tests.SECTION,
    whom.SECTION,
    reading.SECTION,
    restraint.SECTION,
    segments.SECTION,
    automations.SECTION,
    journeys.SECTION,
    value.SECTION,
    outlook.SECTION,
    credit.SECTION,
    models.SECTION,
    reconcile.SECTION,
    fairness.SECTION,
    trust.SECTION,
    health.SECTION,
    method.SECTION,
)
"""In the order of the page."""
