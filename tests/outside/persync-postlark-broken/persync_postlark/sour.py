"""Offers one of everything, whole to look at; each raises when it is used, with a word in it that nobody may see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from persync import hookimpl
from persync.attribution import AttributionModel
from persync.connect import Connector, SinglePage, Stream
from persync.engine import EngineType
from persync.hookspecs import Notifier
from persync.imports import Column, Importer
from persync.measure import Metric
from persync.report import Section

SECRET = "hush-hush-4711"


def sour(*given: Any, **named: Any) -> Any:
    raise ZeroDivisionError(f"{SECRET}\nsecond line")


class Sour(Connector):
    name: ClassVar[str] = "sour"
    title: ClassVar[str] = "Sour"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(name="things", record=dict[str, Any], rows=sour, reader=SinglePage(), path="things"),
    )
    base_url = headers = check = sour


@hookimpl
def persync_connectors() -> Iterator[type[Connector]]:
    yield Sour


@hookimpl
def persync_attribution_models() -> Iterator[AttributionModel]:
    yield AttributionModel(name="sour", summary="Asks for a column that there is not.", weight="j.no_such_column")


@hookimpl
def persync_metrics() -> Iterator[Metric]:
    yield Metric("sour", "Sour", "It raises.", "1 / 0", "count", sour, edge_cases="All.", data=("orders",))


@hookimpl
def persync_report_sections() -> Iterator[Section]:
    yield Section(name="sour", title="Is it sour?", build=sour)


@hookimpl
def persync_engines() -> Iterator[EngineType]:
    yield EngineType("sour", "Sour.", sour)


@hookimpl
def persync_notifiers() -> Iterator[Notifier]:
    yield Notifier("sour", "Sour.", sour)


@hookimpl
def persync_importers() -> Iterator[Importer]:
    yield Importer("sour", "Sour.", (Column("person", "person"),), sour)
