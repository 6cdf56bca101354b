"""Postlark for persync: one of everything that a plugin can offer. Each part is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from persync import hookimpl

if TYPE_CHECKING:
    from persync.attribution import AttributionModel
    from persync.connect import Connector
    from persync.engine import EngineType
    from persync.hookspecs import Notifier, Sandbox
    from persync.imports import Importer
    from persync.measure import Metric
    from persync.report import Section


@hookimpl
def persync_connectors() -> Iterator[type[Connector]]:
    """Yield the connector."""
    from persync_postlark.connector import Postlark

    yield Postlark


@hookimpl
def persync_sandboxes() -> Iterator[Sandbox]:
    """Yield the imitated API."""
    from persync_postlark.sandbox import SANDBOX

    yield SANDBOX


@hookimpl
def persync_attribution_models() -> Iterator[AttributionModel]:
    """Yield a model that credits e-mail alone."""
    from persync_postlark.answers import FADING

    yield FADING


@hookimpl
def persync_metrics() -> Iterator[Metric]:
    """Yield a share with its interval."""
    from persync_postlark.answers import CLICKS

    yield CLICKS


@hookimpl
def persync_report_sections() -> Iterator[Section]:
    """Yield a table of messages."""
    from persync_postlark.answers import MAIL

    yield MAIL


@hookimpl
def persync_engines() -> Iterator[EngineType]:
    """Yield DuckDB with its queries noted down."""
    from persync_postlark.traced import TRACED

    yield TRACED


@hookimpl
def persync_notifiers() -> Iterator[Notifier]:
    """Yield a file on the wall."""
    from persync_postlark.pinboard import PINBOARD

    yield PINBOARD


@hookimpl
def persync_importers() -> Iterator[Importer]:
    """Yield a file of loyalty levels."""
    from persync_postlark.loyalty import LOYALTY

    yield LOYALTY
