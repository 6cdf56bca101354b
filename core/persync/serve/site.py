"""What every page of the live server shares: the project, its data, the answers given so far."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from markupsafe import Markup

from persync.jobs.report import inputs_of
from persync.report.build import build_report
from persync.report.render.html import section_html
from persync.report.report import BuiltSection
from persync.report.sections.notice import silence
from persync.serve.answers import Answers
from persync.serve.filters import Filters, asked, chosen_models, filters_from
from persync.serve.library import Library
from persync.serve.render import PaintShop, links
from persync.serve.scope import Scope
from persync.serve.source import Source
from persync.settings.periods import zone

if TYPE_CHECKING:
    from persync.attribution.models import AttributionModel
    from persync.engine.engine import Engine
    from persync.measure.metric import Ask
    from persync.plugins import Host
    from persync.report.report import Section
    from persync.serve.snapshot import Snapshot
    from persync.settings import Project

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Built:
    """A part of the report as it was built, who it is about if not everybody, and why it failed if it did."""

    section: BuiltSection
    timezone: str
    scope: Scope | None
    failed: str


@dataclass(frozen=True, slots=True)
class Site:
    """The project as the pages know it; made once, used by many threads."""

    host: Host
    project: Project
    source: Source
    answers: Answers = field(default_factory=Answers)
    painter: PaintShop = field(default_factory=PaintShop)
    library: Library = field(default_factory=Library)

    @property
    def models(self) -> dict[str, AttributionModel]:
        """The attribution models of plugins and settings."""
        return dict(self.project.models(self.host.models))

    def answer(self, key: Hashable, filters: Filters, make: Callable[[Engine, Ask, Scope | None], T], **asks: Any) -> T:
        """Return what `make` gives with an engine over the people of the filters, or what it gave before of the same data.

        `key` holds all that the answer hangs on besides the filters; `asks` goes into the question.
        """
        with self.source.snapshot() as snapshot:

            def made() -> T:
                return _made(snapshot, filters, make, asked(self.project, filters, snapshot.now, **asks))

            return self.answers.get(snapshot.version, (key, filters), made)

    def anew(self, filters: Filters, make: Callable[[Engine, Ask, Scope | None], T]) -> T:
        """Return what `make` gives with an engine over the people of the filters, each time: for what rests on more than the
        data, of whose changes no snapshot knows."""
        with self.source.snapshot() as snapshot:
            return _made(snapshot, filters, make, asked(self.project, filters, snapshot.now))

    def moment(self) -> int:
        """Return the moment (epoch ms) that the pages are about. Raise StoreError when there is no store."""
        with self.source.snapshot() as snapshot:
            return snapshot.now

    def today(self) -> date:
        """Return the shop's day of `moment`. Raise StoreError when there is no store."""
        return datetime.fromtimestamp(self.moment() / 1000, zone(self.project.timezone)).date()

    def filters(self, query: Mapping[str, str]) -> Filters:
        """Return the filters of an address, as `filters_from`."""
        return filters_from(query, self.project.timezone, self.today)

    def part(self, section: Section, filters: Filters) -> Built:
        """Return a part of the report, built for these filters."""
        models = chosen_models(self.models, filters)

        def make(engine: Engine, ask: Ask, scope: Scope | None) -> Built:
            inputs = replace(inputs_of(self.host, self.project, engine, ask), models=models)
            report = build_report([section], inputs, made_at=ask.now)
            failed = "".join(one["reason"] for one in report.facts["failed"])
            # The answer says so itself, and in a report it stands before the others.
            before = silence(inputs) if section.name != "answer" else []
            part = replace(report.sections[0], blocks=(*before, *report.sections[0].blocks))
            return Built(part, report.timezone, scope, failed)

        return self.answer(("part", section.name), filters, make)

    def part_html(self, section: Section, filters: Filters, *, drawn: bool) -> Markup:
        """Return a part as HTML; `drawn` with its pictures, for whoever runs no script."""
        built = self.part(section, filters)
        with self.source.snapshot() as snapshot:
            return self.answers.get(
                snapshot.version,
                ("part html", section.name, drawn, filters),
                lambda: section_html(
                    built.section,
                    built.timezone,
                    draw=self.painter.draw if drawn else None,
                    links=links(section.name, filters),
                    is_first=section.name == "answer",
                ),
            )

    def close(self) -> None:
        """Give back what the pages hold."""
        self.library.close()
        self.painter.close()
        self.source.close()


def _made(snapshot: Snapshot, filters: Filters, make: Callable[[Engine, Ask, Scope | None], T], ask: Ask) -> T:
    with snapshot.engine(filters, ask) as (engine, narrowed, scope):
        return make(engine, narrowed, scope)
