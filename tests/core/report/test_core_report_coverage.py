"""How far the data reach that a part rests on: said at the end of each."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from core.report.conftest import START
from core.report.test_core_report_notices import READ, Covered, stream
from persync.report import words
from persync.report.build import build_report
from persync.report.coverage import COVERAGE, mark
from persync.report.report import Block, Inputs, Note, Section
from persync.serve.keeping import KeepingEngine

WRITTEN = "SELECT o.order_key AS order_key FROM orders AS o"


def _behind(inputs: Inputs, table: str) -> str:
    rows = inputs.engine.rows(
        f"SELECT DISTINCT n.name AS name FROM {table} AS t JOIN connections AS n ON n.connection = t.connection"
    )
    (row,) = rows
    return str(row["name"])


def _asked(inputs: Inputs) -> Sequence[Block]:
    inputs.engine.write(WRITTEN, None, "some_orders")
    return [Note(str(inputs.engine.rows("SELECT COUNT(*) AS n FROM some_orders")[0]["n"]))]


def _read_again(inputs: Inputs) -> Sequence[Block]:
    return [Note(str(inputs.engine.rows("SELECT COUNT(*) AS n FROM some_orders")[0]["n"]))]


def _kept(inputs: Inputs) -> Sequence[Block]:
    once = inputs.engine.once  # type: ignore[attr-defined]
    return [Note(str(once("orders", lambda: inputs.engine.rows("SELECT COUNT(*) AS n FROM orders")[0]["n"])))]


def _nothing(_inputs: Inputs) -> Sequence[Block]:
    return [Note("words alone")]


SECTIONS = [
    Section("asked", "Asked", _asked, order=1),
    Section("again", "Again", _read_again, order=2),
    Section("kept", "Kept", _kept, order=3),
    Section("kept_again", "Kept again", _kept, order=4),
    Section("nothing", "Nothing", _nothing, order=5),
]


@pytest.mark.parametrize(
    ("to_at", "holes", "said"),
    [(READ, 0, "until "), (READ, 1, "(1 stream not wholly read)"), (None, 0, "as imported")],
)
def test_every_part_says_how_far_the_connections_behind_it_were_read(
    inputs: Inputs, to_at: int | None, holes: int, said: str
) -> None:
    """Behind a derived table and an answer that was kept too; a part that reads nothing has no such line."""
    shop = _behind(inputs, "orders")
    covered = Covered(inputs.engine, stream(shop, "orders", to_at=to_at, holes=holes), stream("elsewhere", "all", holes=3))

    made = build_report(SECTIONS, replace(inputs, engine=covered), made_at=START)

    *lines, last = [[block.text for block in one.blocks if isinstance(block, Note)] for one in made.sections]
    marks = {texts[1] for texts in lines}
    assert [len(texts) for texts in lines] == [2, 2, 2, 2]
    assert len(marks) == 1
    (mark,) = marks
    assert mark.startswith(f"Rests on {shop} ")
    assert said in mark
    assert "elsewhere" not in mark
    assert last == ["words alone"]


def test_the_connections_behind_a_table_are_asked_for_once_whatever_the_days(inputs: Inputs) -> None:
    """What a live page is asked for changes its days with every click; by which connection a row came does not."""
    kept: dict[Hashable, Any] = {}
    shop = _behind(inputs, "orders")
    covered = Covered(inputs.engine, stream(shop, "orders"))
    first = mark(KeepingEngine(covered, kept), {"orders"}, replace(inputs.ask, period=(START, START + 1)))

    again = mark(KeepingEngine(Covered(covered, *covered.rows(COVERAGE)), kept), {"orders"}, inputs.ask)

    assert first == again == Note(f"Rests on {shop} until {words.moment(READ, inputs.ask.timezone)}.", "coverage")
    assert kept == {("connections behind", "orders"): {shop}}
