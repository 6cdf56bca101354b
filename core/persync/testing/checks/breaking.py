"""Checks of what becomes of a connector's data when single answers are refused, cut, or lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from persync.testing.case import Case
from persync.testing.checks.check import Check, NotTriedError, expect, listed, said, unequal
from persync.testing.checks.sieging import Plan, elsewhere, is_well, pages_of, streams_of
from persync.testing.checks.striking import WAIT, WAITING, Blow, Judge, heals, one_by_one

SIGNED_OUT: Final = frozenset({"unauthorised", "token_expired", "forbidden", "throttled_403"})
RECORDS: Final = frozenset({"missing_field", "changed_type"})
OVERCOME: Final = (0, 3)
"""exit codes of a pull that met a fault and kept what it could; 4 where the sign-in was refused"""

TROUBLE: Final = Plan(
    (
        ("clock_ahead", 1),
        ("expired_cursor", 1),
        ("unauthorised", 1),
        ("too_many", 1),
        ("too_many_for", 1),
        ("error_inside", 1),
        ("broken", None),
        ("endless_next", None),
        ("bad_json", 1),
        ("truncated", 1),
        ("forbidden", 1),
    )
)
"""what every list but the first has; what could pass for its end strikes it while it is first read"""
MIXED: Final = Plan((("doubled_page", 1), ("overlapping_page", 1), ("reordered_page", 1)))
EMPTIED: Final = Plan((("emptied_page", 2),), lossy=True)
UNFIT: Final = Plan((("changed_type", 1),), rejects=True)


def survives(case: Case, blow: Blow) -> None:
    """Break one answer; what is said of it is true, and later pulls have it all."""
    result, kind, few = blow.ended(), blow.fault.kind, blow.victim.streams
    lines = said(result)
    expect(all("\n" not in line for line in lines), f"after {blow.where} an error has more than one line.")
    codes = (*OVERCOME, 4) if kind in SIGNED_OUT else OVERCOME
    expect(result.exit_code in codes, f"after {blow.where} the exit code is {result.exit_code}: {listed(lines)}.")
    if result.exit_code == 0 and all(one.state == "done" for one in result.streams):
        other = unequal(blow.path, case.peace(few))
        expect(not other, f"after {blow.where} the pull says that all is well, and {listed(other)} differ.")
    if kind in WAITING:
        # A date is in whole seconds.
        expect(max(case.slept, default=0.0) >= WAIT - 1, f"after {blow.where} Retry-After was not kept.")
    heals(case, blow.path, blow.where, few, rejects=kind in RECORDS)


def goes_past(case: Case, blow: Blow) -> None:
    """Send a page without records, twice: the next link is followed all the same."""
    result, victim = blow.ended(), blow.victim
    told = not all(is_well(one) for one in streams_of(case, victim, result))
    own = sum(blow.read[victim.stream, partition] for partition in victim.partitions)
    expect(
        told or own >= pages_of(case, victim),
        f"after {blow.where} it stops, and says that all is well: a next link was not followed.",
    )
    # Pages without records are taken for what they say: a full pull knows better.
    heals(case, blow.path, blow.where, victim.streams, full=True)


def ends(case: Case, blow: Blow) -> None:
    """Promise a further page for ever: the pull ends all the same, and says so."""
    result = blow.ended()
    code = result.exit_code
    expect(code in (*OVERCOME, 5), f"after {blow.where} the exit code is {code}: {listed(said(result))}.")
    heals(case, blow.path, blow.where, blow.victim.streams)


def breaking(*kinds: str, plan: Plan = TROUBLE, by: Judge = survives, times: int | None = 1) -> Callable[[Case, bool], str]:
    """Return the check that tries these kinds: each alone on one list, `times` in a row, and with all others on all other
    lists, as `plan` has them.

    It returns what was struck and what was not tried, and raises NotTriedError when nothing was struck.
    """

    def tried(case: Case, thorough: bool) -> str:
        struck, idle = one_by_one(case, kinds, thorough, by, times)
        struck += [told] if (told := elsewhere(case, plan, kinds)) else []
        if not struck:
            raise NotTriedError(f"{'; '.join(idle)}.")
        return listed(struck) + (f". Not tried: {'; '.join(idle)}" if idle else "")

    return tried


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
    Check(
        "cut body",
        "a body that is cut, or no JSON, passes for nothing",
        breaking("truncated", "reset", "bad_json"),
        STANDS,
    ),
    Check(
        "duplicates",
        "a record that comes twice is kept once",
        breaking("doubled_page", "repeated_page", "overlapping_page", plan=MIXED),
        STANDS,
    ),
    Check("order", "the order of records in a page changes nothing", breaking("reordered_page", plan=MIXED), STANDS),
    Check(
        "empty page",
        "a page without records is not the end where there is a next one",
        breaking("emptied_page", plan=EMPTIED, by=goes_past, times=2),
        STANDS,
    ),
    Check(
        "endless next",
        "a next link without an end comes to one",
        breaking("endless_next", "empty_with_next", by=ends, times=None),
        STANDS,
    ),
    Check(
        "expired cursor",
        "a place that the vendor forgot is told, and read anew",
        breaking("expired_cursor"),
        STANDS,
    ),
    Check(
        "signed out",
        "a refused sign-in is told, and nothing is lost",
        breaking("unauthorised", "token_expired", "forbidden"),
        STANDS,
    ),
    Check(
        "bad records",
        "a record that does not fit is told, and costs no other",
        breaking("missing_field", "changed_type", plan=UNFIT),
        STANDS,
    ),
    Check("clock", "a vendor's clock that is wrong costs nothing", breaking("clock_ahead", "clock_behind"), STANDS),
)
