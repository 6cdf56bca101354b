"""The sections that come with persync, one a file."""

from typing import Final

from persync.report.report import Section
from persync.report.sections import fairness, health, method, pays, whom

SECTIONS: Final[tuple[Section, ...]] = (
    pays.SECTION,
    whom.SECTION,
    fairness.SECTION,
    health.SECTION,
    method.SECTION,
)
"""In the order of the page."""
