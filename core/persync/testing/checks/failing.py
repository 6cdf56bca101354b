"""Checks of what becomes of a connector's data when a process ends, or a vendor fails for good; and of what it lets slip."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from persync.connect.fetch import Page
from persync.connect.result import Progress, PullResult
from persync.testing.case import EVERY, Case, Ended, hearing
from persync.testing.checks.breaking import STANDS, breaking
from persync.testing.checks.check import Check, expect, holes, listed, many, said, spread, unequal
from persync.testing.checks.sieging import others
from persync.testing.checks.striking import Blow, heals
from persync.testing.victim import Victim

MOMENTS: Final = 2
"""pages of a whole pull at which it is ended, unless the check is thorough: then at each"""
WIDEST: Final = 24
"""pages of a few streams at which a pull is ended"""
BREAKABLE: Final = ("broken", "forbidden", "bad_json", "unauthorised", "missing_field")
"""kinds in whose errors something could slip; every other one of them goes by in a pull that is read to its end"""


Ending = Callable[[Case, Path, int, tuple[str, ...] | None, str], bool]
"""(case, store, page, streams, stream): ends a pull before or after a page of one stream, or "" of all; returns whether it came
so far"""


def resumes(case: Case, thorough: bool) -> str:
    """End pulls before a page is written and after it is, and go on: at each page of one list, at some of a whole pull, and at
    one page of every other list."""
    count = 0
    both: tuple[tuple[str, Ending], ...] = (("before", _before), ("after", _after))
    for few in (case.victim().streams, None):
        pages = case.peace(few).pages
        moments = spread(pages, pages if thorough else MOMENTS if few is None else WIDEST)
        for number, moment in enumerate(moments):
            for words, ended in both if thorough else (both[number % 2],):
                path = case.store()
                ended(case, path, moment, few, "")
                _goes_on(case, path, few, f"ended {words} its page {moment + 1} of {pages}")
                count += 1
    told = f"{many(count, 'pull')} ended, each page of {case.victim().stream}"
    lists, _ = others(case)
    return f"{told}; one ended at {many(_every_list(case, lists), 'more list')}" if lists else told


def _every_list(case: Case, lists: Sequence[Victim]) -> int:
    """End one pull again and again, before a page of each list, as they come to it; what it never comes to is ended alone.
    Where it is not well, find the list by ending at it alone. Return at how many lists one was ended."""
    path, waiting = case.store(), {victim.stream: victim.pages // 2 for victim in reversed(lists)}
    count, read = len(waiting), Counter[str]()

    def hear(page: Page) -> None:
        name = page.job.work.stream.name
        if read[name] == waiting.get(name):
            del waiting[name]
            raise Ended
        read[name] += 1

    with hearing(hear):
        while waiting and _ended(lambda: case.pull(path, few=EVERY)):
            pass  # the next one goes on behind what was read: the pages of a list are counted over all of them
    try:
        _goes_on(case, path, EVERY, f"ended at each of {many(count - len(waiting), 'list')}")
    except AssertionError:
        for victim in lists:
            for ending in (_before, _after):
                _ends_alone(case, victim, ending)
        raise
    for victim in lists:
        if victim.stream in waiting and _ends_alone(case, victim, _before):
            del waiting[victim.stream]
    return count - len(waiting)


def _ends_alone(case: Case, victim: Victim, ending: Ending) -> bool:
    """End a pull of one list into a store of its own, and go on; return whether it came so far."""
    path = case.store()
    ended = ending(case, path, victim.pages // 2, victim.streams, victim.stream)
    _goes_on(case, path, victim.streams, f"ended at page {victim.pages // 2 + 1} of {victim.stream}")
    return ended


def _goes_on(case: Case, path: Path, few: tuple[str, ...] | None, ended: str) -> None:
    result, where = case.pull(path, few=few), f"{ended}, the next pull"
    expect(result.exit_code == 0, f"{where} ended with exit code {result.exit_code}: {listed(said(result))}.")
    expect(not (other := unequal(path, case.peace(few))), f"{where} left other rows in {listed(other)}.")


def _before(case: Case, store: Path, moment: int, few: tuple[str, ...] | None, stream: str) -> bool:
    left = moment

    def hear(page: Page) -> None:
        nonlocal left
        if stream in ("", page.job.work.stream.name):
            if left == 0:
                raise Ended
            left -= 1

    with hearing(hear):
        return _ended(lambda: case.pull(store, few=few))


def _after(case: Case, store: Path, moment: int, few: tuple[str, ...] | None, stream: str) -> bool:
    def watch(step: Progress) -> None:
        if sum(pages for name, pages in seen.items() if stream in ("", name)) > moment:
            raise Ended
        seen[step.stream] = step.pages

    seen: dict[str, int] = {}
    return _ended(lambda: case.pull(store, few=few, watch=watch))


def _ended(pull: Callable[[], PullResult]) -> bool:
    """Pull; return whether it was ended on the way."""
    try:
        pull()
    except Ended:
        return True
    return False


def ends_told(case: Case, blow: Blow) -> None:
    """Break a list for good: the pull ends, a hole is told, and it heals when it passes."""
    result = blow.ended()
    expect(result.exit_code in (0, 3, 5), f"after {blow.where} and all after it the exit code is {result.exit_code}.")
    told = bool(holes(blow.path)) or all(one.state in ("done", "not read") for one in result.streams)
    expect(told, f"after {blow.where} and all after it streams failed and no hole is told.")
    heals(case, blow.path, blow.where, blow.victim.streams)


def unknown_fields(case: Case, thorough: bool) -> str:
    """Send fields that nobody knows with every record of a whole pull."""
    from persync.sandbox.faults import Fault

    path = case.store()
    case.faults.clear()
    case.faults.add(Fault("new_field", times=None))
    result = case.pull(path)
    case.faults.clear()
    expect(result.exit_code == 0, f"the exit code is {result.exit_code}: {listed(said(result))}.")
    expect(not (other := unequal(path, case.peace())), f"{listed(other)} differ.")
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
        for kind in BREAKABLE:
            case.faults.clear()
            case.faults.add(victim.fault(kind, victim.pages // 2))
            heard += said(case.pull(path, few=victim.streams))
        case.faults.clear()
        for other in others(case)[0]:
            for number, kind in enumerate(BREAKABLE[::2]):
                case.faults.add(other.fault(kind, other.pages // 2 + number))
        heard += said(case.pull(path, few=EVERY))
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
    Check(
        "goes on",
        "what fails for good is a hole that is told, and heals when it passes",
        breaking("too_many", "broken", "truncated", by=ends_told, times=None),
        STANDS,
    ),
    Check("unknown fields", "a field that nobody knows harms nothing and is told", unknown_fields, STANDS),
    Check("secrets", "no secret and nobody's name is printed, logged or said, and no secret is kept", secret, ("reads",)),
)
