"""Sieges: faults that strike all other lists of a connector, side by side and one after the other into one store.

Each list has a queue of shots, which strike its calls in a row. A list that fails has the next shots at the next pull, which
asks no more than what is still missing; so thirty lists have every kind of fault at the price of a few pulls. What came of it
is kept: the checks ask it for their own kinds. Where it is not well, each fault is tried alone, to tell list and kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from persync.connect.result import PullResult, StreamResult
from persync.sandbox.fault_pages import AFTER_A_PAGE
from persync.sandbox.faults import Fault
from persync.testing.case import EVERY, Case
from persync.testing.checks.check import expect, holes, listed, many, said, spread, unequal
from persync.testing.checks.striking import Few, ended, fault_of, heals, middle, watched, words
from persync.testing.victim import Victim

LISTS: Final = 40
"""calls of a connector that are struck at the most"""
ENDED: Final = (0, 1, 3, 4, 5)
"""exit codes of a pull of which lists failed: 1 where all that it still asked for did, 4 where a sign-in was refused, 5 where a
vendor was not there"""
Shot = tuple[str, int | None]
"""(kind of fault, how many calls in a row; None: all that follow)"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What strikes every list, shot by shot at calls in a row; after one that strikes all that follow, the next pull goes on.

    `lossy`: what struck took records away, so that pages are counted and nothing heals; `rejects`: it left rejects.
    """

    shots: tuple[Shot, ...]
    lossy: bool = False
    rejects: bool = False


@dataclass(slots=True)
class Siege:
    """What came of a plan: {kind: the lists it struck}, and what is wrong ("" where nothing is).

    `alone`: of the shots that were then tried alone, what is wrong ("" where nothing is). A plan has many checks, and to try
    one takes a pull of every list: none is tried twice.
    """

    struck: dict[str, set[Victim]] = field(default_factory=dict)
    wrong: str = ""
    alone: dict[Shot, str] = field(default_factory=dict)


Queues = Mapping[Victim, list[Shot]]
"""what is still to strike each list"""


def others(case: Case) -> tuple[tuple[Victim, ...], str]:
    """Return what is struck besides the first list, and how many calls that is in words: "3 more calls"."""
    found = case.victims()[1:]
    few = tuple(found[place] for place in spread(len(found), LISTS))
    return few, f"{len(few)} of {many(len(found), 'more list')}" if len(few) < len(found) else many(len(few), "more call")


def elsewhere(case: Case, plan: Plan, kinds: Sequence[str]) -> str:
    """Return how many other lists these kinds of a plan struck, in words; "" where none.

    Raise AssertionError where one of them is not as it should be.
    """
    lists, words_ = others(case)
    if plan not in case.sieges:
        case.sieges[plan] = _besiege(case, plan)
    siege: Siege = case.sieges[plan]
    if siege.wrong and (wrong := _wrong_of(case, plan, siege, kinds)):
        raise AssertionError(wrong)
    struck = set[Victim]().union(*(siege.struck.get(kind, ()) for kind in kinds))
    if not struck:
        return ""
    return f"and so at {words_}" if len(struck) == len(lists) else f"and so at {len(struck)} of {words_}"


def _wrong_of(case: Case, plan: Plan, siege: Siege, kinds: Sequence[str]) -> str:
    """Return what is wrong where faults of these kinds strike alone; "" where that is so of others only, which their own checks
    tell; and what was wrong with all of them at once where none is wrong alone.

    Those of these kinds come first, every one of them, then what is known: whichever check asks first, each says the same.
    """
    for shot in sorted(plan.shots, key=lambda shot: (shot[0] not in kinds, not siege.alone.get(shot))):
        if shot not in siege.alone:
            siege.alone[shot] = _alone(case, plan, shot)
        if siege.alone[shot]:
            return siege.alone[shot] if shot[0] in kinds else ""
    return siege.wrong


def _alone(case: Case, plan: Plan, shot: Shot) -> str:
    """Return what is wrong at the first list that a shot alone is too much for, "" where there is none."""
    for victim in others(case)[0]:
        if shot in _shots_at(victim, plan):
            try:
                _one_store(case, plan, {victim: [shot]}, Siege(), victim.streams)
            except AssertionError as error:
                return str(error)
    return ""


def _besiege(case: Case, plan: Plan) -> Siege:
    """Carry out a plan, in as many stores as it takes until every list had all of it, or what is left cannot be reached."""
    siege, queues = Siege(), {victim: _shots_at(victim, plan) for victim in others(case)[0]}
    left = -1
    while (waiting := sum(map(len, queues.values()))) not in (0, left):
        left = waiting
        try:
            _one_store(case, plan, queues, siege, EVERY)
        except AssertionError as error:
            siege.wrong = str(error)
            break
    return siege


def _shots_at(victim: Victim, plan: Plan) -> list[Shot]:
    """Return the shots that a list can have: where no page leads to the next, there is none before it, and an empty one (asked
    for again, as persync does) is the end."""
    if plan.lossy and not victim.goes_on:
        return []
    return [shot for shot in plan.shots if victim.pages > 1 or shot[0] not in AFTER_A_PAGE]


def _one_store(case: Case, plan: Plan, queues: Queues, siege: Siege, few: Few) -> None:
    """Pull into one store, again and again, while lists are struck by what is first in their queues; then let it heal."""
    case.peace(few)
    path, begun, records, where = case.store(), dict[Victim, None](), Counter[str](), ""
    first, rejects = True, plan.rejects
    while any(queues.values()):
        case.faults.clear()
        planned = [
            (victim, shot, fault, case.faults.add(fault))
            for victim, queue in queues.items()
            for shot, fault in _volley(victim, queue, fresh=victim not in begun)
        ]
        result, read = watched(case, path, few)
        struck = [(victim, fault) for victim, _, fault, what in planned if what.hits > what.idle]
        if not any(what.hits for *_, what in planned):
            break
        where = _where(struck) or where
        for victim, shot, fault, what in planned:
            if what.hits:
                begun[victim] = None
                queues[victim].remove(shot)
            if what.hits > what.idle:
                siege.struck.setdefault(fault.kind, set()).add(victim)
        done = ended(result, where)
        if plan.lossy:
            _followed(case, begun, done, read, where)
            return
        records.update({one.stream: one.records for one in done.streams})
        rejects |= any(one.rejects for one in done.streams)
        _told(case, begun, path, done, records, where)
        if done.exit_code == 0 and all(one.state == "done" for one in done.streams):
            if first:
                other = unequal(path, case.peace(few))
                expect(not other, f"after {where} the pull says that all is well, and {listed(other)} differ.")
                return
            break  # what earlier pulls told of may still have to heal; what is left to strike needs a list that is read anew
        first = False
    # What stands in other lists may rest on a record that did not fit: a full pull reads that again too.
    heals(case, path, where, few, rejects=rejects, full=plan.rejects)


def _volley(victim: Victim, queue: Sequence[Shot], fresh: bool) -> Iterator[tuple[Shot, Fault]]:
    """Yield what strikes calls in a row, the first of them half way through a list that is read from its beginning."""
    after = middle(victim, queue[0][0]) if fresh and queue else 0
    for shot in queue:
        kind, times = shot
        yield shot, fault_of(victim, kind, max(0, after - (kind in AFTER_A_PAGE)), times)
        if times is None:
            return
        after += times


def _where(struck: Sequence[tuple[Victim, Fault]]) -> str:
    if len(struck) == 1:
        return words(*struck[0])
    kinds = dict.fromkeys(fault.kind for _, fault in struck)
    return f"{listed(kinds)} at {many(len({victim for victim, _ in struck}), 'list')} at once" if struck else ""


def _told(case: Case, lists: Iterable[Victim], path: Path, result: PullResult, records: Mapping[str, int], where: str) -> None:
    """Look whether a pull tells what failed; what says that all of it was read has read as many records as there are."""
    lines = said(result)
    expect(all("\n" not in line for line in lines), f"after {where} an error has more than one line.")
    expect(result.exit_code in ENDED, f"after {where} the exit code is {result.exit_code}: {listed(lines)}.")
    gaps = {stream for stream, _ in holes(path)}
    expect(
        result.exit_code in (1, 4) or bool(gaps) or not any(one.state in ("failed", "partial") for one in result.streams),
        f"after {where} streams failed and no hole is told.",
    )
    there = {one.stream: one.records for one in case.peace(EVERY).result.streams}
    for victim in lists:
        own = streams_of(case, victim, result)
        if all(is_well(one) and one.stream not in gaps for one in own):
            less = [one.stream for one in own if records[one.stream] < there[one.stream]]
            expect(not less, f"after {where} it says that all of {listed(less)} was read, and records are missing.")


def _followed(case: Case, lists: Iterable[Victim], result: PullResult, read: Mapping[tuple[str, str], int], where: str) -> None:
    """Look whether every next link was followed, of what says that all is well."""
    for victim in lists:
        told = not all(is_well(one) for one in streams_of(case, victim, result))
        there, own = pages_of(case, victim), sum(read[victim.stream, partition] for partition in victim.partitions)
        expect(told or own >= there, f"after {where} it stops, and says that all is well: a next link was not followed.")


def pages_of(case: Case, victim: Victim) -> int:
    """Return how many pages an undisturbed pull reads of a list."""
    return sum(case.peace(EVERY).of.get((victim.stream, partition), 0) for partition in victim.partitions)


def streams_of(case: Case, victim: Victim, result: PullResult) -> list[StreamResult]:
    """Return what became of the streams that a list's own needs, and of its own; what tells of the account is none of them, of
    which no list hangs and which everything needs."""
    first = case.type.streams[0].name
    return [one for one in result.streams if one.stream in victim.streams and one.stream != first]


def is_well(one: StreamResult) -> bool:
    """Tell whether a stream was read to its end, as far as it says."""
    return one.state == "done" and one.error is None and not one.rejects
