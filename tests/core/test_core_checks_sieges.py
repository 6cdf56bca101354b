"""Faults that strike every list: what is to blame is found once, and what is told was done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from persync.connect.writing import PageWriter
from persync.testing.case import Ended
from persync.testing.checks import failing, sieging
from persync.testing.checks.sieging import Plan, elsewhere
from persync.testing.victim import Victim

PLAN = Plan((("broken", 1), ("truncated", 1), ("forbidden", 1), ("bad_json", 1)))
CHECKS = (("broken",), ("truncated", "bad_json"), ("forbidden",))
"""kinds that each check asks for"""


def victim(stream: str, pages: int) -> Victim:
    return Victim(stream, (stream,), f"GET /{stream}", stream, "", pages, ("",), goes_on=True)


LISTS = (victim("orders", 4), victim("people", 2))


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What was tried alone, (kind, list): a cut answer is too much for people, a refused one for both, and all at once are."""
    alone: list[tuple[str, str]] = []
    culprits = {("truncated", "people"), ("forbidden", "orders"), ("forbidden", "people")}

    def struck(case: Any, plan: Plan, queues: Any, siege: Any, few: Any) -> None:
        if len(queues) > 1:
            raise AssertionError("all at once is too much.")
        ((one, ((kind, _),)),) = queues.items()
        alone.append((kind, one.stream))
        if (kind, one.stream) in culprits:
            raise AssertionError(f"{kind} is too much for {one.stream}.")

    monkeypatch.setattr(sieging, "_one_store", struck)
    monkeypatch.setattr(sieging, "others", lambda case: (LISTS, "2 more calls"))
    return alone


def said(case: Any, kinds: Sequence[str]) -> str:
    try:
        return elsewhere(case, PLAN, kinds)
    except AssertionError as error:
        return str(error)


@pytest.mark.parametrize("asked", [CHECKS, CHECKS[::-1]], ids=["in order", "the other way"])
def test_a_siege_that_fails_is_searched_once_and_each_check_tells_its_own(
    asked: tuple[tuple[str, ...], ...], tried: list[tuple[str, str]]
) -> None:
    case = SimpleNamespace(sieges={})

    told = {kinds: said(case, kinds) for kinds in asked}

    assert told == {
        ("broken",): "",
        ("truncated", "bad_json"): "truncated is too much for people.",
        ("forbidden",): "forbidden is too much for orders.",
    }
    before = len(tried)
    assert [said(case, kinds) for kinds in asked] == list(told.values())
    assert (len(tried), len(set(tried))) == (before, before), "none is tried twice"


def test_where_no_fault_alone_is_to_blame_every_check_says_so_after_one_search(
    tried: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    one_store = sieging._one_store

    def only_together(case: Any, plan: Plan, queues: Any, siege: Any, few: Any) -> None:
        if len(queues) == 1:
            tried.append(("alone", next(iter(queues)).stream))
        else:
            one_store(case, plan, queues, siege, few)

    monkeypatch.setattr(sieging, "_one_store", only_together)
    case = SimpleNamespace(sieges={})

    assert [said(case, kinds) for kinds in CHECKS] == ["all at once is too much."] * len(CHECKS)
    assert len(tried) == len(PLAN.shots) * len(LISTS)


class Vendor:
    """A case whose pulls read one page of each list after the other, and go on where they were ended."""

    def __init__(self, of: dict[str, int], hidden: Sequence[str] = ()) -> None:
        self.of, self.hidden, self.pulls, self.ended = of, hidden, 0, list[str]()
        self.stores: dict[Path, dict[str, int]] = {}

    def store(self) -> Path:
        path = Path(f"store-{len(self.stores)}")
        self.stores[path] = dict.fromkeys(self.of, 0)
        return path

    def pull(self, path: Path, *, few: tuple[str, ...] | None) -> None:
        self.pulls += 1
        written = self.stores[path]
        wanted = few or tuple(name for name in self.of if name not in self.hidden)
        for _ in range(max(self.of.values())):
            for name in wanted:
                if written[name] < self.of[name]:
                    work = SimpleNamespace(stream=SimpleNamespace(name=name))
                    try:
                        PageWriter.write(None, SimpleNamespace(job=SimpleNamespace(work=work)))  # type: ignore[arg-type, call-arg]
                    except Ended:
                        self.ended.append(name)
                        raise
                    written[name] += 1


@pytest.fixture
def gone_on(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """In which words pulls were said to have been ended that were then gone on with."""
    words: list[str] = []
    monkeypatch.setattr(PageWriter, "write", lambda self, page: None)
    go_on: Callable[..., None] = lambda case, path, few, ended: words.append(ended)  # noqa: E731
    monkeypatch.setattr(failing, "_goes_on", go_on)
    return words


def test_a_pull_is_ended_at_every_list_though_each_goes_on_where_the_last_one_was(gone_on: list[str]) -> None:
    """Six pages of one list are half read when the next list ends the pull."""
    vendor = Vendor({"orders": 6, "people": 4, "carts": 1})

    count = failing._every_list(vendor, [victim(*one) for one in vendor.of.items()])  # type: ignore[arg-type]

    assert (count, vendor.pulls, gone_on) == (3, 3, ["ended at each of 3 lists"])
    assert vendor.ended == ["carts", "people", "orders"]


def test_a_list_that_no_pull_comes_to_is_ended_alone_and_one_that_never_is_is_not_counted(gone_on: list[str]) -> None:
    vendor = Vendor({"orders": 2, "people": 2, "carts": 0}, hidden=("people",))
    lists = [victim("orders", 2), victim("people", 2), victim("carts", 2)]

    count = failing._every_list(vendor, lists)  # type: ignore[arg-type]

    assert (count, vendor.pulls, vendor.ended) == (2, 4, ["orders", "people"])
    assert gone_on == ["ended at each of 1 list", "ended at page 2 of people", "ended at page 2 of carts"]
