"""Checks of what becomes of a connector's data when single answers are refused, cut, or lie.

Faults strike one list of the connector, its n-th call whatever other calls there are; what was struck is said.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from persync.connect.fetch import Page
from persync.connect.result import PullResult
from persync.sandbox.fault_pages import AFTER_A_PAGE
from persync.sandbox.faults import Fault
from persync.testing.case import Case, Ended, hearing
from persync.testing.checks.check import Check, NotTriedError, expect, listed, said, unequal

WAIT: Final = 7.0
"""seconds in a Retry-After: nobody waits them here, but they are asked for"""
SIGNED_OUT: Final = frozenset({"unauthorised", "token_expired", "forbidden", "throttled_403"})
RECORDS: Final = frozenset({"missing_field", "changed_type"})
OVERCOME: Final = (0, 3)
"""exit codes of a pull that met a fault and kept what it could; 4 where the sign-in was refused"""
BEYOND: Final = 30
"""pages more than there are, after which a pull is taken to go on for ever"""


def strike(case: Case, fault: Fault, *, pages: int | None = None) -> tuple[Path, PullResult | None, str]:
    """Pull the victim into a new store while a fault strikes it; return store, result and what was struck in words.

    The pull is ended, and its result None, when it reads more than `pages`. Raise NotTriedError when no call was struck, or
    nothing in the answers could be changed.
    """
    victim, path = case.victim(), case.store()
    read = 0

    def hear(page: Page) -> None:
        nonlocal read
        read += 1
        if pages is not None and read > pages:
            raise Ended

    result: PullResult | None = None
    case.faults.clear()
    case.faults.add(fault)
    with hearing(hear), suppress(Ended):
        result = case.pull(path, few=True)
    struck, idle = list(case.faults.struck), list(case.faults.idle)
    case.faults.clear()
    if not struck:
        raise NotTriedError(f"{fault.kind}: {victim.call} has no call {fault.after + 1} with a page before it")
    if len(idle) == len(struck):
        raise NotTriedError(f"{fault.kind}: no answer to {victim.call} has what it changes")
    return path, result, f"{fault.kind} at {victim.call}, call {fault.after + 1 + (fault.kind in AFTER_A_PAGE)}"


def heals(case: Case, path: Path, where: str, *, rejects: bool = False, full: bool = False) -> None:
    """Pull until all is well, three times at most (what is kept of a lie may be refused once more)."""
    if rejects:
        case.pull(path, few=True, rejects=True)  # what hangs on a rejected record is read by the pull after it
    for _ in range(3):
        again = case.pull(path, few=True, full=full)
        if again.exit_code == 0:
            break
    expect(again.exit_code == 0, f"after {where} no later pull is well: exit code {again.exit_code}: {listed(said(again))}.")
    other = unequal(path, case.peace(few=True).store)
    expect(not other, f"after {where} later pulls left other rows in {listed(other)}.")


def places(case: Case, kind: str, thorough: bool) -> list[int]:
    """Return how many calls pass before a fault strikes: one in the middle, or with `thorough` the first and last too."""
    count = case.victim().pages - (kind in AFTER_A_PAGE)
    if count < 1:
        return [0]
    return sorted({0, count // 2, count - 1}) if thorough else [count // 2]


def each(case: Case, kinds: tuple[str, ...], thorough: bool, one: Callable[[Case, str, int], str]) -> str:
    """Try kinds of faults, `one(case, kind, after)` each, at their places; return what was struck and what was not tried.

    Raise NotTriedError when nothing was.
    """
    struck: list[str] = []
    idle: list[str] = []
    for kind in kinds:
        for after in places(case, kind, thorough):
            try:
                struck.append(one(case, kind, after))
            except NotTriedError as reason:
                idle.append(str(reason))
    if not struck:
        raise NotTriedError(f"{'; '.join(idle)}.")
    return listed(struck) + (f". Not tried: {'; '.join(idle)}" if idle else "")


def survive(case: Case, kind: str, after: int) -> str:
    """Break one answer; what is said of it is true, and later pulls have it all."""
    wait = WAIT if kind in ("too_many_for", "too_many_until") else None
    path, result, where = strike(case, case.victim().fault(kind, after, retry_after=wait))
    assert result is not None
    lines = said(result)
    expect(all("\n" not in line for line in lines), f"after {where} an error has more than one line.")
    codes = (*OVERCOME, 4) if kind in SIGNED_OUT else OVERCOME
    expect(result.exit_code in codes, f"after {where} the exit code is {result.exit_code}: {listed(lines)}.")
    if result.exit_code == 0 and all(one.state == "done" for one in result.streams):
        other = unequal(path, case.peace(few=True).store)
        expect(not other, f"after {where} the pull says that all is well, and {listed(other)} differ.")
    if wait is not None:
        # A date is in whole seconds.
        expect(max(case.slept, default=0.0) >= wait - 1, f"after {where} Retry-After was not kept.")
    heals(case, path, where, rejects=kind in RECORDS)
    return where


def goes_past(case: Case, kind: str, after: int) -> str:
    """Send a page without records, twice: the next link is followed all the same."""
    peace = case.peace(few=True)
    path, result, where = strike(case, case.victim().fault(kind, after, times=2), pages=peace.pages + BEYOND)
    expect(result is not None, f"after {where} it reads page after page without an end.")
    assert result is not None
    read = sum(one.pages for one in result.streams)
    told = result.exit_code != 0 or any(one.state != "done" for one in result.streams)
    expect(told or read >= peace.pages, f"after {where} it stops, and says that all is well: a next link was not followed.")
    heals(case, path, where, full=True)
    return where


def ends(case: Case, kind: str, after: int) -> str:
    """Promise a further page for ever: the pull ends all the same, and says so."""
    limit = case.peace(few=True).pages + BEYOND
    path, result, where = strike(case, case.victim().fault(kind, after, times=None), pages=limit)
    expect(result is not None, f"after {where} it reads page after page without an end.")
    assert result is not None
    expect(result.exit_code in (*OVERCOME, 5), f"after {where} the exit code is {result.exit_code}: {listed(said(result))}.")
    heals(case, path, where)
    return where


def breaking(*kinds: str, by: Callable[[Case, str, int], str] = survive) -> Callable[[Case, bool], str]:
    """Return the check that tries these kinds."""
    return lambda case, thorough: each(case, kinds, thorough, by)


STANDS: Final = ("reads", "again")
BREAKING: Final = (
    Check(
        "throttled",
        "told to slow down it waits as long as it is told, and tries again",
        breaking("too_many", "too_many_for", "too_many_until", "throttled_403"),
        STANDS,
    ),
    Check(
        "server errors",
        "an answer that is an error is tried again, or told, and no error passes for an empty page",
        breaking("broken", "gateway", "reset_before", "error_inside"),
        STANDS,
    ),
    Check("cut body", "a body that is cut, or no JSON, passes for nothing", breaking("truncated", "reset", "bad_json"), STANDS),
    Check(
        "duplicates",
        "a record that comes twice is kept once",
        breaking("doubled_page", "repeated_page", "overlapping_page"),
        STANDS,
    ),
    Check("order", "the order of records in a page changes nothing", breaking("reordered_page"), STANDS),
    Check(
        "empty page",
        "a page without records is not the end where there is a next one",
        breaking("emptied_page", by=goes_past),
        STANDS,
    ),
    Check(
        "endless next", "a next link without an end comes to one", breaking("endless_next", "empty_with_next", by=ends), STANDS
    ),
    Check("expired cursor", "a place that the vendor forgot is told, and read anew", breaking("expired_cursor"), STANDS),
    Check(
        "signed out",
        "a refused sign-in is told, and nothing is lost",
        breaking("unauthorised", "token_expired", "forbidden"),
        STANDS,
    ),
    Check(
        "bad records",
        "a record that does not fit is told, and costs no other",
        breaking("missing_field", "changed_type"),
        STANDS,
    ),
    Check("clock", "a vendor's clock that is wrong costs nothing", breaking("clock_ahead", "clock_behind"), STANDS),
)
