"""The overview of many stores: each by itself, the small ones hidden, what cannot be read costing its own line alone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from persync import rows
from persync.cli import root
from persync.engine import lake
from persync.estimate import Estimate
from persync.jobs.overview import lake_overview
from persync.measure.metric import Ask
from persync.measure.registry import METRICS
from persync.plugins import load_plugins
from persync.report.overview import Standing, overview
from persync.report.report import Figure, Note, Report, Table
from persync.rows import Action, CampaignRef, Person
from persync.store.derive import derive
from persync.store.store import open_store
from persync.store.write import Writer

NOW = int(time.time() * 1000)
"""a lake refuses copies that were not held against their stores for a month, by the clock"""
DAY = 86_400_000
SENT = NOW - 60 * DAY
CTR = next(metric for metric in METRICS if metric.id == "ctr")
UNSUBSCRIBED = next(metric for metric in METRICS if metric.id == "unsubscribe_rate")


def mailing(people: int, every: int) -> Iterator[rows.Row]:
    """Yield one mail to so many people, of whom every n-th clicked."""
    yield rows.Account("acc")
    mail = CampaignRef(("id", "mail"))
    yield rows.Campaign(mail, kind="regular", title="mail", sent_at=SENT)
    for number in range(people):
        who = Person(("id", f"m{number}"))
        yield rows.Contact(who, created_at=SENT - DAY, status="subscribed")
        yield rows.Touchpoint(mail, who, Action.SEND, SENT)
        if number % every == 0:
            yield rows.Touchpoint(mail, who, Action.CLICK, SENT + DAY, link="https://shop.example/a")


def stored(path: Path, people: int, every: int, *, hole: bool = False) -> Path:
    """Write a store of one mailing, read to its end or not."""
    store = open_store(path, create=True)
    writer = Writer(store, "mail", "mailchimp", now=NOW)
    with store.transaction() as db:
        writer.write(mailing(people, every))
        states = [("all", "complete", SENT + 2 * DAY), *([("orders", "skipped", None)] if hole else [])]
        for stream, state, until in states:
            db.execute(
                "INSERT INTO coverage VALUES (?, ?, '', 0, ?, ?, ?, 1)",
                (writer.connection, stream, until or NOW, state, "" if state == "complete" else "scope"),
            )
    derive(store)
    store.close()
    return path


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of three stores: a large one with a hole, a middling one, and one of three people."""
    folder = tmp_path_factory.mktemp("clients")
    for name, people, every, hole in (("oak", 400, 10, True), ("ash", 200, 5, False), ("elm", 3, 1, False)):
        lake.add(folder / "lake", stored(folder / f"{name}.db", people, every, hole=hole), name, now=NOW)
    return folder / "lake"


def told(folder: Path) -> Report:
    """Make the overview."""
    return lake_overview(folder, Ask(now=NOW), [CTR, UNSUBSCRIBED], engines=load_plugins().engines)


def table(report: Report) -> Table:
    """Return the table of the stores."""
    return next(block for block in report.sections[0].blocks if isinstance(block, Table))


def test_each_store_has_a_line_of_its_own_numbers(clients: Path) -> None:
    """In the order of their names: the click rate, until when it was read, and the streams with holes."""
    shown = table(told(clients))
    found = {str(row[0]): (row[1], row[3], row[4]) for row in shown.rows}

    assert list(found) == ["ash", "elm", "oak"]
    assert {
        name: (one.value, one.n, until, holes)
        for name, (one, until, holes) in found.items()
        if name != "elm" and isinstance(one, Estimate)
    } == {"ash": (0.2, 200, SENT + 2 * DAY, 0), "oak": (0.1, 400, SENT + 2 * DAY, 1)}


def test_a_store_of_few_people_is_hidden_and_no_sum_gives_it_away(clients: Path) -> None:
    """Neither a value nor a count of it stands anywhere, and no total over the stores."""
    report = told(clients)
    shown = table(report)
    elm = next(row for row in shown.rows if row[0] == "elm")

    assert [(one.value, one.n, one.reason) for one in elm[1:2] if isinstance(one, Estimate)] == [(None, None, "suppressed")]
    assert shown.has_total is False
    figures = [block for block in report.sections[0].blocks if isinstance(block, Figure)]
    assert [figure.name for figure in figures] == ["stores_ctr"]
    assert all("elm" not in figure.alt for figure in figures)


def test_the_sentence_names_holes_and_the_ends(clients: Path) -> None:
    """Which stores were not read to the end, and between which the first metric moves."""
    first, second = [block for block in told(clients).sections[0].blocks if isinstance(block, Note)][:2]

    assert first.text == "3 stores side by side."
    assert second.text.startswith("Not all was read of oak: their numbers may be too low. Click-through rate: from 10.0 %")
    assert "in 'oak' to 20.0 %" in second.text
    assert "in 'ash'." in second.text


def test_a_store_that_cannot_be_read_costs_its_own_line_alone() -> None:
    """It is a warning and a line without numbers; the others stand as they are."""
    numbers = {"ctr": Estimate("ctr", 0.2, 0.1, 0.3, n=200, unit="share")}
    report = overview(
        [Standing("ash", numbers, NOW, 0), Standing("oak", problem="the copy is old.")], Ask(now=NOW), [CTR], made_at=0
    )
    blocks = report.sections[0].blocks

    assert [block.text for block in blocks if isinstance(block, Note) and block.tone == "warning"] == [
        "Nothing is known of 'oak': the copy is old."
    ]
    assert table(report).rows[1] == ("oak", None, None, None)
    assert table(report).rows[0][1] == numbers["ctr"]


def test_a_copy_that_is_gone_is_such_a_store(clients: Path, tmp_path: Path) -> None:
    """Its store is gone too, so it cannot be made again; the others are told."""
    folder = tmp_path / "lake"
    path = stored(tmp_path / "fir.db", 20, 2)
    lake.add(folder, stored(tmp_path / "yew.db", 20, 4), "yew", now=NOW)
    lake.add(folder, path, "fir", now=NOW)
    path.unlink()
    (folder / "stores" / "fir" / "manifest.json").unlink()

    report = told(folder)
    warned = [block.text for block in report.sections[0].blocks if isinstance(block, Note) and block.tone == "warning"]

    assert len(warned) == 1
    assert warned[0].startswith("Nothing is known of 'fir': ")
    assert [row[0] for row in table(report).rows if isinstance(row[1], Estimate)] == ["yew"]


def test_the_command_writes_it_in_any_form(clients: Path, tmp_path: Path) -> None:
    """As text on the screen, as JSON for programs, as a page into a file; a metric that there is not is refused."""
    project = ["--project", str(tmp_path), "lake", "overview", "--lake", str(clients)]
    screen = CliRunner().invoke(root, [*project, "--metric", "ctr"])
    program = CliRunner().invoke(root, [*project, "--metric", "ctr", "--format", "json"])
    page = CliRunner().invoke(root, [*project, "--out", str(tmp_path / "o.html")])
    wrong = CliRunner().invoke(root, [*project, "--metric", "crt"])

    assert (screen.exit_code, program.exit_code, page.exit_code, wrong.exit_code) == (0, 0, 0, 2)
    assert "oak" in screen.output
    assert {one["id"] for one in json.loads(program.output)["results"]} == {"ctr"}
    assert (tmp_path / "o.html").read_text("utf-8").startswith("<!doctype html>")
    assert "Did you mean 'ctr'" in wrong.output
