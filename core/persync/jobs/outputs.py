"""What a job writes: reports and exports, each whole or not at all, and none again that would be the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from persync.errors import EXIT_OK, EXIT_PARTIAL, PersyncError
from persync.jobs.report import make_report, write_text
from persync.jobs.windows import asked

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.jobs.state import State
    from persync.plugins import Host
    from persync.settings import JobExport, JobReport, JobTable, Project

Say = Callable[[str], object]


def write_outputs(
    host: Host, project: Project, engine: Engine, job: JobTable, state: State, basis: str, *, now: int, say: Say
) -> Iterator[int]:
    """Write what is due and yield an exit code for each; `state.made` remembers from which basis a file was made."""
    for report in job.report:
        yield _written("report", report, partial(_report, host, project, engine, report, now), project, state, basis, say)
    for export in job.export:
        yield _written("export", export, partial(_export, host, project, engine, export, now), project, state, basis, say)


def _written(
    kind: str,
    wanted: JobReport | JobExport,
    make: Callable[[], tuple[str | bytes, str]],
    project: Project,
    state: State,
    basis: str,
    say: Say,
) -> int:
    path = project.folder / wanted.out
    if state.made.get(wanted.out) == basis and path.is_file():
        say(f"{kind}: {path} (nothing new today)")
        return EXIT_OK
    state.made.pop(wanted.out, None)
    try:
        text, missing = make()
        write_text(path, text)
    except PersyncError as error:
        say(f"{kind} failed: {error}")
        return error.exit_code
    say(f"{kind}: {path}{missing}")
    if missing:
        return EXIT_PARTIAL
    state.made[wanted.out] = basis
    return EXIT_OK


def _report(host: Host, project: Project, engine: Engine, wanted: JobReport, now: int) -> tuple[str | bytes, str]:
    ask = asked(project, wanted, now, currency=wanted.currency, basis=wanted.basis)
    text, failed = make_report(host, project, engine, ask, wanted.format, sections=wanted.sections)
    return text, f", without {', '.join(str(section['section']) for section in failed)}" if failed else ""


def _export(host: Host, project: Project, engine: Engine, wanted: JobExport, now: int) -> tuple[str, str]:
    from persync.report.render.estimates import as_csv, as_json

    ask = asked(project, wanted, now, by=tuple(wanted.by))
    estimates = host.metrics[wanted.metric].compute(engine, ask)
    text = as_csv(estimates) if wanted.format == "csv" else as_json("estimates", estimates, ask)
    return text, ""
