"""Checks of what becomes of a connector's data when a process ends, a vendor fails, or a page lies."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from persync.connect.fetch import Page
from persync.connect.result import Progress, PullResult
from persync.sandbox.faults import KINDS, Fault
from persync.testing.case import Case, hearing
from persync.testing.checks.check import Check, expect, holes, listed, many, said, spread, unequal

MOMENTS: Final = 6
"""pages at which a pull is ended, unless the check is thorough: then at each"""
LEFT_OUT: Final = frozenset({"hang", "slow", "slow_body", "emptied_page", "empty_with_next"})
"""kinds that only take time, and an empty page, which nobody can tell from an empty list where the API promises nothing more"""
SIGNED_OUT: Final = frozenset({"unauthorised", "token_expired", "forbidden", "throttled_403"})
RECORDS: Final = frozenset({"missing_field", "changed_type"})
OVERCOME: Final = (0, 3)
"""exit codes of a pull that met a fault and kept what it could; 4 where the sign-in was refused"""


class _Ended(BaseException):
    """The process ends here."""


def resumes(case: Case, thorough: bool) -> str:
    """End pulls before a page is written and after it is, and go on."""
    peace = case.peace()
    moments = spread(peace.pages, peace.pages if thorough else MOMENTS)
    for moment in moments:
        for words, ended in (("before", _before), ("after", _after)):
            path = case.store()
            ended(case, path, moment)
            result = case.pull(path)
            where = f"ended {words} its page {moment + 1} of {peace.pages}, the next pull"
            expect(result.exit_code == 0, f"{where} ended with exit code {result.exit_code}: {listed(said(result))}.")
            expect(not (other := unequal(path, peace.store)), f"{where} left other rows in {listed(other)}.")
    return f"{many(len(moments), 'page')} of {peace.pages}, before and after each"


def _before(case: Case, store: Path, moment: int) -> None:
    left = moment

    def hear(page: Page) -> None:
        nonlocal left
        if left == 0:
            raise _Ended
        left -= 1

    with hearing(hear):
        _ended(lambda: case.pull(store))


def _after(case: Case, store: Path, moment: int) -> None:
    def watch(step: Progress) -> None:
        if sum(seen.values()) > moment:
            raise _Ended
        seen[step.stream] = step.pages

    seen: dict[str, int] = {}
    _ended(lambda: case.pull(store, watch=watch))


def _ended(pull: Callable[[], PullResult]) -> None:
    with suppress(_Ended):
        pull()


def survives(case: Case, thorough: bool) -> str:
    """Break answers in every way a vendor does, each at another call (thorough: at the first, a middle and the last)."""
    peace = case.peace()
    kinds = [kind for kind in KINDS if kind not in LEFT_OUT]
    last = len(peace.calls) - 1
    plan = (
        [(kind, after) for kind in kinds for after in sorted({0, last // 2, last})]
        if thorough
        else [(kind, after) for kind, after in zip(kinds, _rotated(len(kinds), last), strict=True)]
    )
    try:
        for kind, after in plan:
            _survive(case, kind, after)
    finally:
        case.faults.clear()
    return f"{many(len(kinds), 'kind')} of faults at {many(len(plan), 'call')}"


def _rotated(count: int, last: int) -> list[int]:
    """Return a place of a call for each kind, over the whole pull: no two kinds next to each other at one place."""
    return [round(last * (7 * i % count) / max(1, count - 1)) for i in range(count)]


def _survive(case: Case, kind: str, after: int) -> None:
    peace, path = case.peace(), case.store()
    case.faults.clear()
    case.faults.add(Fault(kind, after=after, retry_after=7.0 if kind == "too_many_for" else None))

    result = case.pull(path)

    case.faults.clear()
    where = f"after the fault '{kind}' at call {after + 1} ({peace.calls[after].split('?')[0]})"
    lines = said(result)
    expect(all("\n" not in line for line in lines), f"{where} an error has more than one line.")
    codes = (*OVERCOME, 4) if kind in SIGNED_OUT else OVERCOME
    expect(result.exit_code in codes, f"{where} the exit code is {result.exit_code}: {listed(lines)}.")
    ill = [one.stream for one in result.streams if one.state != "done"]
    if result.exit_code == 0 and not ill:
        expect(
            not (other := unequal(path, peace.store)), f"{where} the pull says that all is well, and {listed(other)} differ."
        )
        if kind == "too_many_for":
            expect(max(case.slept, default=0.0) >= 7.0, f"{where} Retry-After was not kept.")
    _heals(case, path, where, rejects=kind in RECORDS)


def _heals(case: Case, path: Path, where: str, *, rejects: bool = False) -> None:
    """Pull until all is well, three times at most (what is kept of a lie may be refused once more)."""
    if rejects:
        case.pull(path, rejects=True)  # what hangs on a rejected record is read by the pull after it
    for _ in range(3):
        again = case.pull(path)
        if again.exit_code == 0:
            break
    expect(again.exit_code == 0, f"{where} no later pull is well: exit code {again.exit_code}: {listed(said(again))}.")
    expect(not (other := unequal(path, case.peace().store)), f"{where} later pulls left other rows in {listed(other)}.")


def goes_on(case: Case, thorough: bool) -> str:
    """Break one call for good: it ends, and what was read stays."""
    peace = case.peace()
    kinds = ("too_many", "broken", "endless_next", "expired_cursor", "truncated")
    for kind in kinds:
        path = case.store()
        case.faults.clear()
        case.faults.add(Fault(kind, after=len(peace.calls) // 2, times=None))
        result = case.pull(path)
        case.faults.clear()
        expect(result.exit_code in (0, 3, 5), f"with '{kind}' from the middle on the exit code is {result.exit_code}.")
        told = bool(holes(path)) or all(one.state in ("done", "not read") for one in result.streams)
        expect(told, f"with '{kind}' from the middle on streams failed and no hole is told.")
        _heals(case, path, f"after '{kind}' had passed")
    return f"{many(len(kinds), 'kind')} of faults without end"


def unknown_fields(case: Case, thorough: bool) -> str:
    """Send fields that nobody knows with every record."""
    path = case.store()
    case.faults.clear()
    case.faults.add(Fault("new_field", times=None))
    result = case.pull(path)
    case.faults.clear()
    expect(result.exit_code == 0, f"the exit code is {result.exit_code}: {listed(said(result))}.")
    expect(not (other := unequal(path, case.peace().store)), f"{listed(other)} differ.")
    expect(any(one.unread for one in result.streams), "the pull does not tell of them.")
    return "a new field in every record"


def secret(case: Case, thorough: bool) -> str:
    """Look for every secret in what a pull says and keeps, with all that is logged, while calls fail."""
    values = [value for value in case.connector().secret_values.values() if value]
    heard: list[str] = []

    class Hearing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(self.format(record))

    handler, root, path = Hearing(), logging.getLogger(), case.store()
    loud = [logging.getLogger(name) for name in ("persync", case.type.__module__.split(".")[0])]
    before = [logger.level for logger in loud]
    root.addHandler(handler)
    for logger in loud:
        logger.setLevel(logging.DEBUG)
    try:
        for kind in ("broken", "forbidden", "unauthorised", "bad_json"):
            case.faults.clear()
            case.faults.add(Fault(kind, after=len(case.peace().calls) // 2))
            heard += said(case.pull(path))
    finally:
        case.faults.clear()
        root.removeHandler(handler)
        for logger, level in zip(loud, before, strict=True):
            logger.setLevel(level)
    kept = b"".join(one.read_bytes() for one in path.parent.glob(f"{path.stem}.db*"))
    expect(not any(value in line for value in values for line in heard), "a secret stands in an error or a log line.")
    expect(not any(value.encode() in kept for value in values), "a secret stands in the store.")
    return many(len(values), "secret")


FAILING: Final = (
    Check("resumes", "a pull that ends at any page goes on, with nothing lost and nothing twice", resumes),
    Check("survives", "a bad answer is got over or told, and the next pull has it all", survives),
    Check("goes on", "what fails for good is a hole that is told, and heals when it passes", goes_on),
    Check("unknown fields", "a field that nobody knows harms nothing and is told", unknown_fields),
    Check("secrets", "no secret is in an error, a log line or the store", secret),
)
