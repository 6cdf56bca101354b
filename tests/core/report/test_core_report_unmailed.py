"""Days in which something was sold and nobody was sent anything: no group is held against another by its mail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from core.report.conftest import DAY, START
from core.report.section_cases import notes, tables
from persync import rows
from persync.engine import open_engine
from persync.errors import DataError
from persync.jobs.answers.fair import assessed
from persync.report.report import Inputs, Note
from persync.report.sections import answer, fairness, notice
from persync.rows import OrderRef, Person
from persync.store.derive import derive
from persync.store.store import open_store
from persync.store.write import Writer

NOBODY = "nobody is known to have been sent anything in these days, so no group got more or less than another."
EVER = NOBODY.replace(" in these days", "")


@pytest.fixture
def unmailed(inputs: Inputs) -> Inputs:
    """The shop's days after the one on which its only mail went out, in which it sold."""
    return replace(inputs, ask=replace(inputs.ask, period=(START + DAY, START + 40 * DAY)))


@pytest.fixture
def never(inputs: Inputs, tmp_path: Path) -> Iterator[Inputs]:
    """A shop that sends no mail at all, asked of all its days."""
    path = tmp_path / "shop.db"
    with closing(open_store(path, create=True)) as store:
        writer = Writer(store, "shop", "shopify", now=START)
        with store.transaction():
            writer.write([rows.Account("shop", currency="EUR", timezone="UTC", shop="corner.example"), *_sold()])
        derive(store)
    with closing(open_engine(path)) as engine:
        yield replace(inputs, engine=engine, ask=replace(inputs.ask, experiments={}))


def _sold() -> Iterator[rows.Row]:
    for number in range(60):
        who = Person(("id", f"s{number}"))
        order = OrderRef(f"o{number}", "corner.example", f"o{number}", f"#{number}")
        yield rows.Contact(who, created_at=START)
        yield rows.Attribute(who, "town", "north" if number % 2 else "south", "asked at sign-up")
        yield rows.Order(order, "order", who, START, "paid", False, currency="EUR", total_minor=2000 + number)
        yield rows.LedgerEntry(order, "s", "sale", "product", START, 2000 + number, "EUR")


def left_out(inputs: Inputs) -> list[str]:
    """Return what the answer says of who is left out."""
    blocks = answer.build_answer(inputs)
    return [block.text for block in blocks if isinstance(block, Note) and block.heading == "Is anybody left out?"]


def told(inputs: Inputs) -> list[str]:
    """Return what the command says beside its estimates."""
    said: list[str] = []
    assessed(inputs.engine, inputs.ask, attributes=["town"], cross=None, decision=None, own=None, tell=said.append)
    return said


def test_the_answer_does_not_say_that_nobody_is_left_out_where_nobody_was_mailed(unmailed: Inputs, never: Inputs) -> None:
    """There are orders, so the days are not empty: that alone says nothing of mail."""
    assert notice.silence(unmailed) == []
    assert left_out(unmailed) == [f"Not known: {NOBODY}"]
    assert left_out(never) == [f"Not known: {EVER}"]


def test_the_command_says_that_nobody_was_mailed(inputs: Inputs, unmailed: Inputs, never: Inputs) -> None:
    assert (told(inputs), told(unmailed), told(never)) == ([], [NOBODY], [EVER])


def test_the_part_on_fairness_keeps_what_needs_no_mail(inputs: Inputs) -> None:
    """What experiments gave and rules aim at stays; who got mail, and how often, is not compared."""
    within = replace(inputs.ask, period=(START + 1, START + 40 * DAY))

    blocks = fairness.build_fairness(replace(inputs, ask=within))

    assert notes(blocks, "answer")[0] == f"Not known: {NOBODY}"
    assert not [name for name in tables(blocks) if name.startswith("exposure")]
    assert "Messages a person" not in str(tables(blocks).get("parities_town"))


def test_the_part_on_fairness_is_missing_where_no_group_can_be_compared_at_all(never: Inputs) -> None:
    with pytest.raises(DataError, match=EVER):
        fairness.build_fairness(never)
