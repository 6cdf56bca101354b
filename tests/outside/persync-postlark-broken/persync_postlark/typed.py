"""Yields from every hook what belongs into another, or nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from persync import hookimpl


def yielding(hook: str, value: Any) -> Callable[[], Iterator[Any]]:
    def implementation() -> Iterator[Any]:
        yield value

    implementation.__name__ = hook
    return hookimpl(implementation)  # type: ignore[no-any-return]


persync_connectors = yielding("persync_connectors", object)
persync_sandboxes = yielding("persync_sandboxes", {"name": "postlark"})
persync_attribution_models = yielding("persync_attribution_models", "linear")
persync_metrics = yielding("persync_metrics", None)
persync_report_sections = yielding("persync_report_sections", ("section",))
persync_engines = yielding("persync_engines", 1.5)
persync_notifiers = yielding("persync_notifiers", print)
persync_importers = yielding("persync_importers", b"costs")
