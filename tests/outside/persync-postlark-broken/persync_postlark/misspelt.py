"""Implements a hook that there is not, beside one that there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from persync import hookimpl


@hookimpl
def persync_metric() -> Iterator[Any]:
    yield from ()


@hookimpl
def persync_report_sections() -> Iterator[Any]:
    from persync.report import Section

    yield Section(name="misspelt", title="Is it here?", build=lambda inputs: ())
