"""What is said before anything else: an empty store, days without anything, days not read yet, holes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from core.report.conftest import DAY, START
from persync.report.build import build_report
from persync.report.coverage import COVERAGE
from persync.report.render import render
from persync.report.report import Inputs
from persync.report.sections import answer, notice

READ = START + 60 * DAY


class Covered:
    """An engine that says of coverage what it is told to, and of all else what another says."""

    def __init__(self, engine: Any, *rows: Mapping[str, Any]) -> None:
        self._engine, self._rows = engine, list(rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[Mapping[str, Any]]:
        """Return the coverage that was given, or ask the other."""
        return self._rows if sql == COVERAGE else self._engine.rows(sql, params)


def stream(connection: str, name: str, *, to_at: int | None = READ, holes: int = 0) -> dict[str, Any]:
    """Return a line of coverage."""
    nothing = {"connector": "x", "covers_from": None, "complete": 1, "from_at": 0, "reason": "scope"}
    return {"connection": connection, "stream": name, "to_at": to_at, "holes": holes, **nothing}


def said(inputs: Inputs, *rows: Mapping[str, Any], period: tuple[int, int] | None = None) -> list[tuple[str, str]]:
    """Return heading and text of the notices where this was read, and these days are asked for."""
    asked = replace(inputs, engine=Covered(inputs.engine, *rows), ask=replace(inputs.ask, period=period))
    return [(note.heading, note.text) for note in notice.notices(asked)]


def test_a_store_that_was_read_to_its_end_has_no_notice(inputs: Inputs) -> None:
    """Nothing stands before the answer, for all days and for those that were read."""
    assert notice.notices(inputs) == []
    assert said(inputs, stream("mail", "all"), stream("shop", "all"), period=(START, READ)) == []


def test_an_empty_store_says_what_to_do_first(empty_inputs: Inputs) -> None:
    """Before the answer, on the page and in every profile."""
    assert [(note.heading, note.text) for note in notice.notices(empty_inputs)] == [("The store is empty", notice.EMPTY)]
    for profile in ("starter", "full"):
        made = build_report([answer.SECTION], replace(empty_inputs, profile=profile), made_at=0)  # type: ignore[arg-type]
        page = str(render(made, "html"))
        assert 0 < page.index("The store is empty") < page.index("We cannot tell whether it pays")


def test_days_without_anything_are_said_to_be_so(inputs: Inputs) -> None:
    """Days before the first mail hold nothing; those of a store of own files, which have no coverage, as well."""
    before = (START - 90 * DAY, START - 60 * DAY)
    expected = "No order and no message is known in the days asked for (17 August 2023 to 15 September 2023)."

    assert said(inputs, stream("mail", "all"), period=before) == [("No orders and no messages", expected)]
    assert said(inputs, period=before) == [("No orders and no messages", expected)]


def test_days_that_were_not_read_are_named_by_connection(inputs: Inputs) -> None:
    """Only what lies before now counts: nobody can have read tomorrow."""
    rows = (
        stream("mail", "sends", to_at=START + DAY),
        stream("mail", "clicks", to_at=START + 2 * DAY),
        stream("shop", "orders"),
    )

    found = said(inputs, *rows, period=(START, READ + 90 * DAY))

    assert found == [
        (
            "The period is not wholly read",
            "Not read yet: mail from 2023-11-17 00:00 on. Numbers of this period will change: persync pull.",
        )
    ]


@pytest.mark.parametrize(
    ("holes", "named"),
    [
        (1, "mail s0"),
        (4, "mail s0, mail s1, mail s2 and mail s3"),
        (6, "mail s0, mail s1, mail s2, mail s3 and 2 other streams"),
    ],
)
def test_holes_are_named_four_at_most(inputs: Inputs, holes: int, named: str) -> None:
    """A stream that was never read counts as well as one that broke off."""
    rows = [stream("mail", f"s{number}", to_at=None if number % 2 else READ, holes=1) for number in range(holes)]

    assert said(inputs, *rows) == [("The data have holes", f"Not all was read of {named}: what rests on that may be too low.")]
