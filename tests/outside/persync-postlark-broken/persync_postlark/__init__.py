"""Raises in each hook: as it is asked, halfway through, in several lines, by leaving, and with what must not be shown."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from persync import hookimpl


@hookimpl
def persync_connectors() -> Iterator[Any]:
    raise RuntimeError("no\nconnectors\ntoday")


@hookimpl
def persync_sandboxes() -> Iterator[Any]:
    raise ImportError("cannot import name 'app'")


@hookimpl
def persync_attribution_models() -> Iterator[Any]:
    from persync.attribution import AttributionModel

    yield AttributionModel(name="half_made", summary="Yielded before the hook fails.", weight="1e0")
    raise ValueError("no more models")


@hookimpl
def persync_metrics() -> Iterator[Any]:
    return {}["metrics"]  # type: ignore[no-any-return]


@hookimpl
def persync_report_sections() -> Iterator[Any]:
    sys.exit(3)


@hookimpl
def persync_engines() -> Iterator[Any]:
    return 7  # type: ignore[return-value]


@hookimpl
def persync_notifiers() -> Iterator[Any]:
    raise PermissionError(13, "Permission denied", "/nowhere/board")


@hookimpl
def persync_importers() -> Iterator[Any]:
    raise RecursionError("x" * 10_000)
