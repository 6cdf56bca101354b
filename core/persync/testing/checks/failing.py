"""Checks of what becomes of a connector's data when a process ends, or a vendor fails for good; and of what it lets slip."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from persync.connect.fetch import Page
from persync.connect.result import Progress, PullResult
from persync.testing.case import Case, Ended, hearing
from persync.testing.checks.breaking import STANDS, heals, strike
from persync.testing.checks.check import Check, expect, holes, listed, many, said, spread, unequal

MOMENTS: Final = 2
"""pages of a whole pull at which it is ended, unless the check is thorough: then at each"""
WIDEST: Final = 24
"""pages of a few streams at which a pull is ended"""


def resumes(case: Case, thorough: bool) -> str:
    """End pulls before a page is written and after it is, and go on: at each page of the victim, at some of a whole pull."""
    tried = 0
    for few in (True, False):
        pages = case.peace(few=few).pages
        moments = spread(pages, pages if thorough else WIDEST if few else MOMENTS)
        for number, moment in enumerate(moments):
            both = (("before", _before), ("after", _after))
            for words, ended in both if thorough else (both[number % 2],):
                _resume(case, moment, words, ended, few=few)
                tried += 1
    return f"{many(tried, 'pull')} ended, each page of {case.victim().stream}"


def _resume(case: Case, moment: int, words: str, ended: Callable[[Case, Path, int, bool], None], *, few: bool) -> None:
    path, peace = case.store(), case.peace(few=few)
    ended(case, path, moment, few)
    result = case.pull(path, few=few)
    where = f"ended {words} its page {moment + 1} of {peace.pages}, the next pull"
    expect(result.exit_code == 0, f"{where} ended with exit code {result.exit_code}: {listed(said(result))}.")
    expect(not (other := unequal(path, peace.store)), f"{where} left other rows in {listed(other)}.")


def _before(case: Case, store: Path, moment: int, few: bool) -> None:
    left = moment

    def hear(page: Page) -> None:
        nonlocal left
        if left == 0:
            raise Ended
        left -= 1

    with hearing(hear):
        _ended(lambda: case.pull(store, few=few))


def _after(case: Case, store: Path, moment: int, few: bool) -> None:
    def watch(step: Progress) -> None:
        if sum(seen.values()) > moment:
            raise Ended
        seen[step.stream] = step.pages

    seen: dict[str, int] = {}
    _ended(lambda: case.pull(store, few=few, watch=watch))


def _ended(pull: Callable[[], PullResult]) -> None:
    with suppress(Ended):
        pull()


def goes_on(case: Case, thorough: bool) -> str:
    """Break one list for good: the pull ends, a hole is told, and it heals when it passes."""
    victim, kinds = case.victim(), ("too_many", "broken", "truncated")
    for kind in kinds:
        path, result, where = strike(case, victim.fault(kind, victim.pages // 2, times=None))
        assert result is not None
        where += " and all after it"
        expect(result.exit_code in (0, 3, 5), f"after {where} the exit code is {result.exit_code}.")
        told = bool(holes(path)) or all(one.state in ("done", "not read") for one in result.streams)
        expect(told, f"after {where} streams failed and no hole is told.")
        heals(case, path, where)
    return f"{listed(kinds)} at {victim.call}, without end"


def unknown_fields(case: Case, thorough: bool) -> str:
    """Send fields that nobody knows with every record of a whole pull."""
    from persync.sandbox.faults import Fault

    path = case.store()
    case.faults.clear()
    case.faults.add(Fault("new_field", times=None))
    result = case.pull(path)
    case.faults.clear()
    expect(result.exit_code == 0, f"the exit code is {result.exit_code}: {listed(said(result))}.")
    expect(not (other := unequal(path, case.peace().store)), f"{listed(other)} differ.")
    expect(any(one.unread for one in result.streams), "the pull does not tell of them.")
    return "a new field in every record"


@contextmanager
def overheard(case: Case) -> Iterator[list[str]]:
    """While the block runs, hear all that persync and the connector's own package log, down to the last detail."""
    heard: list[str] = []

    class Hearing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(self.format(record))

    handler = Hearing()
    loud = [logging.getLogger(name) for name in ("persync", case.type.__module__.split(".")[0])]
    before = [(logger.level, logger.propagate) for logger in loud]
    root = logging.getLogger()
    root.addHandler(handler)
    for logger in loud:
        logger.setLevel(logging.DEBUG)
    try:
        yield heard
    finally:
        root.removeHandler(handler)
        for logger, (level, _) in zip(loud, before, strict=True):
            logger.setLevel(level)


def secret(case: Case, thorough: bool) -> str:
    """Look for every secret, and for everybody's name and address, in what a pull prints, logs, says and keeps while calls
    fail."""
    values = [value for value in case.connector().secret_values.values() if value]
    victim = case.victim()
    path = case.store()
    with overheard(case) as heard:
        for kind in ("broken", "forbidden", "unauthorised", "bad_json", "missing_field"):
            case.faults.clear()
            case.faults.add(victim.fault(kind, victim.pages // 2))
            heard += said(case.pull(path, few=True))
    case.faults.clear()
    heard.append(case.heard.getvalue())
    kept = b"".join(one.read_bytes() for one in path.parent.glob(f"{path.stem}.db*"))
    expect(not any(value in line for value in values for line in heard), "a secret is printed, or in an error or a log line.")
    expect(not any(value.encode() in kept for value in values), "a secret stands in the store.")
    all_of_it = "\n".join(heard).lower()
    slips = [
        word
        for word, field in (("address", "email"), ("first name", "first_name"), ("last name", "last_name"))
        if any(getattr(person, field).lower() in all_of_it for person in case.world.people.values())
    ]
    expect(not slips, f"somebody's {listed(slips)} is printed, or in an error or a log line.")
    return many(len(values), "secret")


FAILING: Final = (
    Check("resumes", "a pull that ends at any page goes on, with nothing lost and nothing twice", resumes, STANDS),
    Check("goes on", "what fails for good is a hole that is told, and heals when it passes", goes_on, STANDS),
    Check("unknown fields", "a field that nobody knows harms nothing and is told", unknown_fields, STANDS),
    Check("secrets", "no secret and nobody's name is printed, logged or said, and no secret is kept", secret, ("reads",)),
)
