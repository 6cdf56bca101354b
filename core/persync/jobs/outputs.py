"""What a job writes: reports and exports, each whole or not at all, and none again that would be the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from persync.errors import EXIT_PARTIAL, RAISED, PersyncError, PluginError, reason_of
from persync.jobs.report import make_report, write_text
from persync.jobs.windows import asked

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.jobs.running import Outcome, Run
    from persync.jobs.state import State
    from persync.settings import JobExport, JobReport


def write_outputs(run: Run, engine: Engine, state: State, basis: str, done: Outcome) -> None:
    """Write what is due; `state.made` remembers from which basis a file was made. What fails is in `done`."""
    for report in run.job.report:
        _write(run, "report", report, partial(_report, run, engine, report), state, basis, done)
    for export in run.job.export:
        _write(run, "export", export, partial(_export, run, engine, export), state, basis, done)


def _write(
    run: Run,
    kind: str,
    wanted: JobReport | JobExport,
    make: Callable[[], tuple[str | bytes, str]],
    state: State,
    basis: str,
    done: Outcome,
) -> None:
    path = run.project.folder / wanted.out
    if state.made.get(wanted.out) == basis and path.is_file():
        run.say(f"{kind}: {path} (nothing new today)")
        return
    state.made.pop(wanted.out, None)
    try:
        text, missing = make()
        write_text(path, text)
    except PersyncError as error:
        done.fail(error, run.say, f"{kind} failed")
        return
    except RAISED as error:  # a stranger's metric or renderer
        what = f"it could not be made ({reason_of(error)})."
        hint = "Update the plugin that offers it."
        done.fail(PluginError(what, where=str(path), hint=hint), run.say, f"{kind} failed")
        return
    run.say(f"{kind}: {path}{missing}")
    if missing:
        done.codes.append(EXIT_PARTIAL)
        return
    state.made[wanted.out] = basis


def _report(run: Run, engine: Engine, wanted: JobReport) -> tuple[str | bytes, str]:
    ask = asked(run.project, wanted, run.now, currency=wanted.currency, basis=wanted.basis)
    text, failed = make_report(
        run.host, run.project, engine, ask, wanted.format, profile=wanted.profile, sections=wanted.sections
    )
    return text, f", without {', '.join(str(section['section']) for section in failed)}" if failed else ""


def _export(run: Run, engine: Engine, wanted: JobExport) -> tuple[str, str]:
    from persync.report.render.estimates import as_csv, as_json

    ask = asked(run.project, wanted, run.now, by=tuple(wanted.by))
    estimates = run.host.metrics[wanted.metric].compute(engine, ask)
    text = as_csv(estimates) if wanted.format == "csv" else as_json("estimates", estimates, ask)
    return text, ""
