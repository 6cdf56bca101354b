"""Manners of the command line: styled only for who sees it, asking only who is there, saying how to go on when interrupted."""

from __future__ import annotations

import sys
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from click.testing import Result

from core.cli.calls import OWN, Run, project, said
from persync.cli.output import console, has_color
from persync.cli.progress import Watch
from persync.connect.pace import Daily
from persync.connect.result import Progress, PullResult
from persync.sandbox.demo import make_world

ESCAPE = "\x1b["


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("choice", "stream", "environment", "styled"),
    [
        ("auto", Terminal(), {}, True),
        ("auto", StringIO(), {}, False),
        ("auto", Terminal(), {"NO_COLOR": "1"}, False),
        ("auto", Terminal(), {"NO_COLOR": ""}, True),
        ("auto", Terminal(), {"TERM": "dumb"}, False),
        ("always", StringIO(), {"NO_COLOR": "1"}, True),
        ("never", Terminal(), {}, False),
    ],
)
def test_text_is_styled_for_who_sees_it_or_asks_for_it(
    choice: str, stream: StringIO, environment: dict[str, str], styled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm", **environment}.items():
        monkeypatch.setenv(name, value)

    console(choice, stream).print("sold", style="bold red")

    assert has_color(choice, stream) is styled
    assert (ESCAPE in stream.getvalue()) is styled
    assert "sold" in stream.getvalue()


def test_color_may_be_asked_for_before_or_after_the_command(persync: Run, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("order,person,at,amount,currency\n1,a,2025-03-10,80.01,EUR\n")
    assert persync("import", "orders", str(tmp_path / "orders.csv")).exit_code == 0

    def shown(*before: str, after: tuple[str, ...] = ()) -> str:
        return persync(*before, "explain", "order", "1", "--models", "linear", *after, color=True).stdout

    assert ESCAPE in shown("--color", "always")
    assert ESCAPE in shown(after=("--color", "always"))
    assert ESCAPE not in shown()
    assert ESCAPE not in shown("--color", "never")
    report = persync("report", "--color", "always", color=True).stdout
    assert ESCAPE in report
    assert ESCAPE not in persync("report", color=True).stdout


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Somebody sits at the terminal; kept is every question that is put."""
    questions: list[str] = []

    def answer(text: str, **_: object) -> str:
        questions.append(text)
        return "y"

    monkeypatch.setattr("persync.cli.context.is_interactive", lambda: True)
    monkeypatch.setattr("click.prompt", answer)
    monkeypatch.setattr("click.confirm", answer)
    return questions


@pytest.mark.parametrize(
    "arguments",
    [("connect", "mine"), ("connect", "shopify"), ("connect", "hubspot"), ("privacy", "erase", "--dry-run")],
    ids=" ".join,
)
def test_no_question_is_put_with_no_input(persync: Run, asked: list[str], arguments: tuple[str, ...]) -> None:
    quiet = persync(*arguments, "--no-input")
    assert asked == []
    assert quiet.exit_code in (2, 4)

    persync(*arguments)
    assert asked


@pytest.mark.parametrize(
    ("arguments", "how"),
    [
        (("pull",), "what was read is kept. The same command goes on where it stopped."),
        (("run", "nightly"), "what was committed is kept. The same command goes on where it stopped."),
        (("report",), "a file is written whole or not at all. The same command makes the report anew."),
        (("serve",), "nothing is served any more. The same command serves again, under a new address."),
        (("import", "costs", "c.csv"), "a file is kept whole or not at all. The same command reads what is not kept."),
        (("export", "v_orders"), "a file is written whole or not at all. The same command writes it anew."),
        (("export", "ctr"), "a file is written whole or not at all. The same command writes it anew."),
        (
            ("export", "suppression", "--for", "hubspot"),
            "a file is written whole or not at all. The same command writes it anew.",
        ),
        (("store", "vacuum"), "the store is as it was. The same command begins anew."),
        (("connect", "shopify"), "the connection is as it was. The same command begins anew."),
        (("verify",), "what was committed is kept."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_an_interrupted_command_says_how_to_go_on(
    persync: Run, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], how: str
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("persync.settings.load_project", interrupt)

    assert said(persync(*arguments), 130) == f"interrupted; {how}"


def test_an_interrupted_demonstration_makes_no_report(persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What of it was pulled is half a shop: no number may be made of it."""
    monkeypatch.setattr("persync.jobs.demo.pull_project", lambda *_, **__: PullResult(interrupted=2))
    monkeypatch.setattr("persync.sandbox.demo.make_world", partial(make_world, people=50))

    stopped = persync("demo", "--no-open", "--out", str(tmp_path / "demo"))

    assert stopped.exit_code == 130
    assert stopped.stderr.splitlines()[-1].startswith("persync: interrupted; what was pulled is kept.")
    assert not (tmp_path / "demo" / "report.html").exists()


class Line:
    """Stands in for the line on a terminal; kept is all that it showed."""

    def __init__(self, width: int = 100) -> None:
        self.shown: list[str] = []
        self.width = width

    @property
    def console(self) -> Line:
        return self

    def status(self, _: str) -> Line:
        return self

    def start(self) -> None:
        self.shown.append("start")

    def stop(self) -> None:
        self.shown.append("stop")

    def update(self, text: str) -> None:
        self.shown.append(text)


def followed(monkeypatch: pytest.MonkeyPatch, steps: list[tuple[float, Progress]], width: int = 100) -> list[str]:
    """Return what the line on a terminal showed of these steps, each at its second."""
    line, seconds = Line(width), iter([at for at, _ in steps])
    monkeypatch.setattr("persync.cli.output.console", lambda *_: line)
    monkeypatch.setattr(sys, "stderr", Terminal())
    with Watch(clock=lambda: next(seconds)) as watch:
        for _, step in steps:
            watch(step)
    return line.shown[1:-1]


def step(records: int, done: int = 0, total: int = 1, expected: int | None = None, daily: Daily | None = None) -> Progress:
    return Progress("shop", "orders", 1, records, 0, done, total, expected=expected, daily=daily)


def test_a_pull_shows_its_rate_and_the_time_left_by_the_vendors_own_count(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = followed(
        monkeypatch,
        [(100.0, step(1000, expected=11_000)), (101.0, step(2000, expected=11_000)), (110.0, step(6000, expected=11_000))],
    )

    assert shown == [
        "shop orders: 1,000 records",
        "shop orders: 2,000 records",
        "shop orders: 6,000 records, 500 a second, about 10 s left",
    ]


def test_the_time_left_of_a_stream_in_parts_goes_by_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = followed(monkeypatch, [(0.0, step(10, 0, 40)), (100.0, step(60, 10, 40))])

    assert shown[-1] == "shop orders: 60 records, 10 of 40 parts, 0.5 a second, about 5 min left"


def test_what_nothing_tells_is_not_made_up_and_the_days_calls_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = followed(monkeypatch, [(0.0, step(10)), (10.0, step(110, daily=Daily(250_000, 249_876)))])

    assert shown[-1] == "shop orders: 110 records, 10 a second; 249,876 of 250,000 calls left today"


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (100, "shop orders: 110 records, 1 of 9 parts, 10 a second, about 80 s left; 249 of 250 calls left today"),
        (90, "shop orders: 110 records, 1 of 9 parts, about 80 s left; 249 of 250 calls left today"),
        (80, "shop orders: 110 records, 1 of 9 parts, 10 a second, about 80 s left"),
        (60, "shop orders: 110 records, 1 of 9 parts, about 80 s left"),
        (30, "shop orders: 110 records, 1"),
    ],
)
def test_what_is_being_read_takes_one_line_however_narrow(monkeypatch: pytest.MonkeyPatch, width: int, shown: str) -> None:
    """How long it takes yet is said before the quota, and that before the rate."""
    steps = [(0.0, step(10, 0, 9)), (10.0, step(110, 1, 9, daily=Daily(250, 249)))]

    assert followed(monkeypatch, steps, width)[-1].rstrip() == shown


def test_where_nobody_watches_no_line_is_moved(persync: Run, tmp_path: Path) -> None:
    project(tmp_path, OWN)
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")

    pulled: Result = persync("pull")

    assert pulled.stderr == "own outcomes: 1 records, 2 rows changed\n"
    assert ESCAPE not in pulled.output
