"""The report of a project, as a command or a job asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persync.errors import PersyncError
from persync.store import private

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.measure.metric import Ask
    from persync.plugins import Host
    from persync.report.report import Inputs, Profile, Report
    from persync.settings import Project


def make_report(
    host: Host,
    project: Project,
    engine: Engine,
    ask: Ask,
    form: str,
    *,
    profile: Profile = "full",
    sections: Sequence[str] = (),
    width: int = 100,
    color: bool = False,
) -> tuple[str | bytes, list[Mapping[str, Any]]]:
    """Return the report in a format (a workbook and a PDF are bytes), and the sections that failed: `{"section", "reason"}`.

    `sections` are those it is to have, without any all of its profile; `width` and `color` are a terminal's, for the text.
    Raises ConfigError with the nearest section for one that there is not, and PersyncError where nothing can print a PDF.
    """
    from persync.jobs.pdf import browser, printed
    from persync.plugins import find
    from persync.report.build import build_report, of_profile
    from persync.report.painting import Painter, draw
    from persync.report.render import render

    named = [find("report section", name, host.sections) for name in sections]
    wanted = named or of_profile(host.sections.values(), profile)
    inputs = replace(inputs_of(host, project, engine, ask), profile=profile)
    program = browser() if form == "pdf" else None  # that there is none is said before the figures take their time
    page = "html" if program else form
    with Painter() if page == "html" else nullcontext() as painter:
        report = build_report(wanted, inputs, made_at=ask.now)
        text = render(report, page, width=width, color=color, draw=painter.draw if painter else draw)
    return printed(str(text), program) if program else text, list(report.facts.get("failed", ()))


def drawn(report: Report, form: str) -> str | bytes:
    """Return a report that is built already in a format. Raises PersyncError where nothing can print a PDF."""
    from persync.jobs.pdf import browser, printed
    from persync.report.render import render

    if form == "pdf":
        program = browser()
        return printed(str(render(report, "html")), program)
    return render(report, form)


def inputs_of(host: Host, project: Project, engine: Engine, ask: Ask) -> Inputs:
    """Return what the sections of a project's report may read."""
    from persync.report.report import Inputs

    return Inputs(
        engine=engine,
        ask=ask,
        models=tuple(project.models(host.models).values()),
        metrics=host.metrics,
        project=project.facts(),
    )


def write_text(path: Path, text: str | bytes) -> None:
    """Put a text (or bytes) into a file, whole or not at all: somebody may be reading the old one.

    A new file is for its owner alone; one that stands there keeps its mode and group. A pipe or device is written to.
    """
    try:
        path.parent.mkdir(private.FOLDER, parents=True, exist_ok=True)
        # CSV brings its own line ends.
        private.replace(path, text.encode() if isinstance(text, str) else text, keep_mode=True)
    except OSError as error:
        raise PersyncError(f"cannot write the file: {error.strerror}.", where=str(path), hint="Choose another place.") from None
