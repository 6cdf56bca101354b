"""Blows: one fault that strikes one list of a connector while it is pulled, its n-th call whatever other calls there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from persync.connect import connection as engine
from persync.connect.fetch import Page, lacks
from persync.connect.result import PullResult
from persync.sandbox.fault_pages import AFTER_A_PAGE
from persync.sandbox.faults import Fault
from persync.testing.case import EVERY, Case, Ended, hearing
from persync.testing.checks.check import NotTriedError, expect, listed, said, unequal
from persync.testing.victim import Victim

WAIT: Final = 7.0
"""seconds in a Retry-After: nobody waits them here, but they are asked for"""
WAITING: Final = frozenset({"too_many_for", "too_many_until"})
BEYOND: Final = 200
"""pages of a stream more than twice those that there are, after which a pull is taken to go on for ever"""
Few = tuple[str, ...] | None
"""the streams of a pull, as of `Case.pull`"""


@dataclass(frozen=True, slots=True)
class Blow:
    """What struck, and what came of it: the list, the fault, the store, the result (None: it read on and on), the pages of each
    list {(stream, partition): pages}, and all of it in words."""

    victim: Victim
    fault: Fault
    path: Path
    result: PullResult | None
    read: Counter[tuple[str, str]]
    where: str

    def ended(self) -> PullResult:
        """Return the result. Raise AssertionError when there is none."""
        return ended(self.result, self.where)


Judge = Callable[[Case, Blow], None]
"""raises AssertionError where what came of a blow is not as it should be"""


def ended(result: PullResult | None, where: str) -> PullResult:
    """Return the result of a pull. Raise AssertionError when there is none, because it went on and on."""
    if result is None:
        raise AssertionError(f"after {where} it reads page after page without an end.")
    return result


def watched(case: Case, path: Path, few: Few) -> tuple[PullResult | None, Counter[tuple[str, str]]]:
    """Pull as the faults of the case have it, and forget them; return its result and {(stream, partition): pages}.

    A pull that reads far more than there is has no result: it is ended.
    """
    known, far, read = Counter[str](), Counter[str](), Counter[tuple[str, str]]()
    for (stream, _), pages in case.peace(EVERY).of.items():
        known[stream] += pages

    def hear(page: Page) -> None:
        work = page.job.work
        read[work.stream.name, work.partition] += 1
        far[work.stream.name] += not lacks(page.step, promised=True)  # of empty ones persync itself has a limit
        if far[work.stream.name] > 2 * known[work.stream.name] + BEYOND:
            raise Ended

    result: PullResult | None = None
    with hearing(hear), _impatient(case.peace(EVERY).pages + BEYOND), suppress(Ended):
        result = case.pull(path, few=few)
    case.faults.clear()
    return result, read


@contextmanager
def _impatient(most: int) -> Iterator[None]:
    """While the block runs, take fewer empty pages in a row for a loop than persync does."""
    own, engine.EMPTY_PAGES = engine.EMPTY_PAGES, most
    try:
        yield
    finally:
        engine.EMPTY_PAGES = own


def strike(case: Case, victim: Victim, fault: Fault) -> Blow:
    """Pull a list into a new store while a fault strikes it.

    Raise NotTriedError when no call was struck, or nothing in the answers could be changed.
    """
    case.peace(EVERY)  # made before a fault is planned
    path = case.store()
    case.faults.clear()
    planned = case.faults.add(fault)
    result, read = watched(case, path, victim.streams)
    if not planned.hits:
        raise NotTriedError(f"{fault.kind}: {victim.call} has no call {fault.after + 1} with a page before it")
    if planned.hits == planned.idle:
        raise NotTriedError(f"{fault.kind}: no answer to {victim.call} has what it changes")
    return Blow(victim, fault, path, result, read, words(victim, fault))


def words(victim: Victim, fault: Fault) -> str:
    """Return what struck what: "broken at GET /orders, call 2"."""
    return f"{fault.kind} at {victim.call}, call {fault.after + 1 + (fault.kind in AFTER_A_PAGE)}"


def heals(case: Case, path: Path, where: str, few: Few, *, rejects: bool = False, full: bool = False) -> None:
    """Pull until all is well, three times at most (what is kept of a lie may be refused once more)."""
    if rejects:
        case.pull(path, few=few, rejects=True)  # what hangs on a rejected record is read by the pull after it
    for _ in range(3):
        again = case.pull(path, few=few, full=full)
        if again.exit_code == 0:
            break
    told = f"exit code {again.exit_code}: {listed(said(again))}"
    expect(again.exit_code == 0, f"after {where} no later pull is well: {told}.")
    other = unequal(path, case.peace(few))
    expect(not other, f"after {where} later pulls left other rows in {listed(other)}.")


def one_by_one(
    case: Case, kinds: Sequence[str], thorough: bool, judge: Judge, times: int | None
) -> tuple[list[str], list[str]]:
    """Try kinds of faults, each alone, on the first list, so many times in a row (None: without end); return what was struck,
    and what was not tried and why."""
    struck: list[str] = []
    idle: list[str] = []
    victim = case.victim()
    for kind in kinds:
        for after in _places(victim, kind, thorough):
            try:
                blow = strike(case, victim, fault_of(victim, kind, after, times))
            except NotTriedError as reason:
                idle.append(str(reason))
            else:
                judge(case, blow)
                struck.append(blow.where)
    return struck, idle


def _places(victim: Victim, kind: str, thorough: bool) -> list[int]:
    """Return how many calls pass before a fault strikes: half of all, or with `thorough` none and all but one too."""
    count = victim.pages - (kind in AFTER_A_PAGE)
    return sorted({0, middle(victim, kind), max(0, count - 1)}) if thorough else [middle(victim, kind)]


def middle(victim: Victim, kind: str) -> int:
    """Return how many calls pass before a fault strikes a list half way: a page that is emptied is not the last one."""
    return max(0, victim.pages - (kind in AFTER_A_PAGE) - (kind == "emptied_page")) // 2


def fault_of(victim: Victim, kind: str, after: int, times: int | None) -> Fault:
    """Return a fault at a list, with a Retry-After where its kind has one."""
    return victim.fault(kind, after, times, WAIT if kind in WAITING else None)
