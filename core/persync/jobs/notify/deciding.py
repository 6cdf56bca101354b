"""Whom a run is to tell what: on a change, a check that does not hold, a failure, or always."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from persync.errors import RAISED
from persync.hookspecs import Message, Number
from persync.jobs.notify.wording import message_of

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.jobs.notify.reach import Reach
    from persync.jobs.running import Outcome, Run
    from persync.jobs.state import State

LOST = "A check that did not hold holds again: "


def messages(run: Run, engine: Engine | None, state: State, done: Outcome) -> list[tuple[str, Message]]:
    """Return what each channel is to be told, and take the new standing over into `state`.

    Without an engine (there is nothing to compute from) numbers and verdict are left out, and the old standing stays.
    """
    job = run.job
    if not job.notify:
        return []
    reach, still = (None, "") if engine is None else _reach(run, engine)
    verdict = state.verdict if engine is None else f"{still} {verdict_of(run, engine)}".strip()
    failing = [f"check {metric}: {wrong}" for metric, wrong in done.failing.items()]
    changed = state.ran and engine is not None and (verdict != state.verdict or sorted(done.failing) != sorted(state.failing))
    again = [metric for metric in state.failing if metric not in done.failing] if engine is not None else []
    happened = {
        "failure": bool(done.failures),
        "threshold": bool(failing),
        "change": changed,
        "always": True,
    }
    status = "failed" if done.failures else "alert" if failing else "changed" if changed else "ok"
    due = [one for one in job.notify if any(happened[when] for when in one.on)]
    numbers: tuple[Number, ...] = ()
    earlier = False
    if due and engine is not None:
        from persync.jobs.notify.numbers import numbers_of

        numbers, earlier = numbers_of(run, engine, reach)
    lines = [*done.failures, *failing, *(f"{LOST}{metric}" for metric in again)]
    files = tuple(path for one in job.report if (path := Path(run.project.folder / one.out)).is_file())
    out = []
    for notice in due:
        attached = files if notice.attach else ()
        said = (status, verdict, numbers, lines, attached)
        out.append((notice.to, message_of(run.project, run.name, job, *said, now=run.now, earlier=earlier)))
    if engine is not None:
        state.ran, state.verdict, state.failing = True, verdict, sorted(done.failing)
    return out


def _reach(run: Run, engine: Engine) -> tuple[Reach | None, str]:
    """Return how far the data reach, None where that cannot be read, and what is to be said of it."""
    from persync.jobs.notify.reach import reach_of, stillness

    try:
        reach = reach_of(run, engine)
    except RAISED:  # whatever the message is about matters more
        return None, ""
    return reach, stillness(run, reach)


def verdict_of(run: Run, engine: Engine) -> str:
    """Return the report's answer in one or two sentences, "" where the report cannot give one."""
    from persync.jobs.report import inputs_of
    from persync.report.report import Note

    section = run.host.sections.get("answer")
    if section is None:
        return ""
    try:
        blocks = section.build(inputs_of(run.host, run.project, engine, run.project.ask(run.now)))
        return next((block.text for block in blocks if isinstance(block, Note) and block.tone == "answer"), "")
    except RAISED:  # the report says what is wrong with it
        return ""
