"""What a job writes: reports and exports, each whole or not at all, and none again that would be the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
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
        make = partial(_table, run, export) if export.table else partial(_metric, run, engine, export)
        _write(run, "export", export, make, state, basis, done)


def _write(
    run: Run,
    kind: str,
    wanted: JobReport | JobExport,
    make: Callable[[Path], str],
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
        missing = make(path)
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


def _report(run: Run, engine: Engine, wanted: JobReport, path: Path) -> str:
    """Write a report; return which sections it lacks, in words."""
    ask = asked(run.project, wanted, run.now, currency=wanted.currency, basis=wanted.basis)
    text, failed = make_report(
        run.host, run.project, engine, ask, wanted.form(), profile=wanted.profile, sections=wanted.sections
    )
    write_text(path, text)
    return f", without {', '.join(str(section['section']) for section in failed)}" if failed else ""


def _metric(run: Run, engine: Engine, wanted: JobExport, path: Path) -> str:
    """Write a metric's numbers; nothing is lacking."""
    from persync.export.formats import write
    from persync.export.metric import sheet_of_estimates
    from persync.export.run import written_file
    from persync.report.render.estimates import as_csv, as_json

    ask = asked(run.project, wanted, run.now, by=tuple(wanted.by))
    id = str(wanted.metric)
    estimates = run.host.metrics[id].compute(engine, ask)
    if wanted.form() in ("csv", "json"):
        write_text(path, as_csv(estimates) if wanted.form() == "csv" else as_json("estimates", estimates, ask))
    else:
        written_file(partial(write, sheet_of_estimates(id, estimates, ask.period), wanted.form()), path)
    return ""


def _table(run: Run, wanted: JobExport, path: Path) -> str:
    """Write the rows of a table or view, a batch in memory at a time; nothing is lacking."""
    from persync.export.formats import write
    from persync.export.run import written_file
    from persync.export.source import sheet_of
    from persync.store.key import read_key
    from persync.store.reading import reading

    store = run.project.store_path
    with reading(store) as db:
        period = asked(run.project, wanted, run.now).period
        sheet = sheet_of(db, str(wanted.table), period=period, key=partial(read_key, store))
        written_file(partial(write, sheet, wanted.form()), path)
    return ""
