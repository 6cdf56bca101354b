"""Offers the sections that come with persync."""

from __future__ import annotations

from collections.abc import Iterator

from persync import hookimpl
from persync.report.report import Section
from persync.report.sections import SECTIONS


@hookimpl
def persync_report_sections() -> Iterator[Section]:
    """Yield the sections of the report."""
    yield from SECTIONS
