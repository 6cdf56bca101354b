"""Pages of members that cannot be what they say they are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from persync.connect.stream import AccountFacts, Step, Work
from persync.errors import ResponseError
from persync_mailchimp.readers import ChangedPages
from persync_mailchimp.streams import MEMBERS

READER = ChangedPages(count=4, step_back=1)
BEGIN = 1_790_000_000_000


def work(since: int | None = None) -> Work:
    return Work(MEMBERS, "mailchimp", None, AccountFacts(), "", {"list_id": "l"}, since, BEGIN + 10**9, since is None)


def read(token: dict[str, Any], seconds: list[int], total: int, since: int | None = None) -> Step:
    members = [{"last_changed": f"2026-09-21T14:{second // 60:02}:{second % 60:02}+00:00"} for second in seconds]
    return READER.read(work(since), token, json.dumps({"members": members, "total_items": total}).encode(), {})


FIRST = {"since": None, "offset": 0, "count": 4}
LATER = {"since": BEGIN, "offset": 0, "count": 4}  # 2026-09-21T14:13:20


def test_a_page_of_more_than_was_asked_for_is_doubted_and_nobody_is_passed_over() -> None:
    step = read(FIRST, [1200, 1200, 1200, 1200] * 2, total=8)

    assert step.doubtful
    assert step.next is not None
    same = read({**LATER, "since": BEGIN}, [800, 800, 801, 801] * 2, total=8)
    assert same.next == {**LATER, "offset": 3}


@pytest.mark.parametrize(
    ("token", "seconds", "total", "doubtful"),
    [
        (FIRST, [1200, 1201, 1202], 3, False),
        (FIRST, [], 0, False),
        (FIRST, [], 3, True),
        (FIRST, [1200, 1201, 1202], 2, True),
        (LATER, [], 0, True),
        ({**LATER, "offset": 3}, [801], 4, False),
    ],
)
def test_a_page_that_does_not_fit_its_total_is_doubted(
    token: dict[str, Any], seconds: list[int], total: int, doubtful: bool
) -> None:
    assert read(token, seconds, total).doubtful is doubtful


def test_a_first_page_of_a_later_pull_may_be_empty() -> None:
    assert not read(LATER, [], 0, since=BEGIN).doubtful


def test_members_from_before_the_page_are_another_pages() -> None:
    with pytest.raises(ResponseError, match="changed before the moment"):
        read(LATER, [799, 801], 2)


def test_an_answer_without_members_is_no_empty_page() -> None:
    with pytest.raises(ResponseError, match="not the JSON that was expected"):
        READER.read(work(), FIRST, b'{"error": "internal"}', {})
