"""Of which days a message's numbers are, and what it says where nothing has come in."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from persync.engine import open_engine
from persync.estimate import Estimate, missing
from persync.jobs.notify import deciding
from persync.jobs.notify.numbers import numbers_of
from persync.jobs.notify.reach import Reach, reach_of, spans, stillness
from persync.jobs.run import run_job
from persync.jobs.running import Outcome, Run
from persync.jobs.state import State
from persync.measure.metric import Ask, Metric
from persync.plugins import Host, load_plugins
from persync.settings import JobTable, Project, load_project

DAY = 24 * 3_600_000


def at(text: str) -> int:
    """Return a moment of 2025 in UTC: `06-16 12:00`."""
    return round(datetime.strptime(f"2025-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp() * 1000)


NOW = at("06-16 12:00")
FRESH = Reach(NOW, at("06-16 09:00"), at("06-10 09:00"), at("05-12 09:00"))


@pytest.fixture
def host() -> Host:
    return load_plugins(installed=False)


def run_of(host: Host, home: Project, now: int = NOW, **job: Any) -> Run:
    return Run(host, home, "nightly", JobTable(**job), now, print)


@pytest.mark.parametrize(
    ("reach", "words"),
    [
        (FRESH, ""),
        (Reach(NOW - 2 * DAY, at("06-14 09:00"), None, None), ""),
        (
            Reach(at("06-14 00:00"), at("06-13 09:00"), None, None),
            "Nothing new: the data end on 13 June 2025, and nothing was read since.",
        ),
        (
            Reach(NOW, at("05-16 09:00"), at("05-01 09:00"), None),
            "No order since 16 May 2025 and no message since 1 May 2025.",
        ),
        (Reach(NOW, None, at("05-01 09:00"), None), "No order at all and no message since 1 May 2025."),
        (Reach(NOW, None, None, None), "No order and no message is known."),
    ],
)
def test_that_nothing_has_come_in_is_one_sentence_that_stays_the_same_while_it_lasts(
    host: Host, tmp_path: Path, reach: Reach, words: str
) -> None:
    home = Project(tmp_path, tmp_path / "persync.db")

    assert stillness(run_of(host, home), reach) == words


def test_days_go_back_to_the_last_that_were_read_and_rates_to_the_last_with_a_message(host: Host, tmp_path: Path) -> None:
    """Days that were read and in which nothing was sold stay: their nought is a true one."""
    run = run_of(host, Project(tmp_path, tmp_path / "persync.db"), days=7)
    still = Reach(NOW, at("04-30 09:00"), at("04-20 09:00"), at("03-15 09:00"))
    unread = Reach(at("05-03 12:00"), at("04-30 09:00"), at("04-20 09:00"), at("03-15 09:00"))
    ended = Reach(at("06-09 00:00"), at("06-08 09:00"), None, None)
    begun = Reach(at("06-09 00:00") + 1, at("06-09 00:00"), None, None)

    def days(reach: Reach | None) -> list[tuple[str, str]]:
        return [tuple(f"{datetime.fromtimestamp(end / 1000, UTC):%m-%d}" for end in one) for one in spans(run, reach)]  # type: ignore[misc]

    assert days(None) == [("06-09", "06-16")] * 3
    assert days(FRESH) == [("06-09", "06-16"), ("06-04", "06-11"), ("05-06", "05-13")]
    assert days(still) == [("06-09", "06-16"), ("04-14", "04-21"), ("03-09", "03-16")]
    assert days(unread) == [("04-27", "05-04"), ("04-14", "04-21"), ("03-09", "03-16")]
    assert (days(ended)[0], days(begun)[0]) == (("06-02", "06-09"), ("06-09", "06-16"))


def test_a_number_that_cannot_be_told_yet_is_that_of_the_last_days_that_can(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Conversion within 30 days over the last 30 days is known of nobody, however fresh the data."""

    def metric(id: str, values: Mapping[str, float | str]) -> Metric:
        def compute(engine: object, ask: Ask) -> list[Estimate]:
            assert ask.period is not None
            first = f"{datetime.fromtimestamp(ask.period[0] / 1000, UTC):%m-%d}"
            found = values.get(first, "no_denominator")
            return [missing(id, found) if isinstance(found, str) else Estimate(id, found, period=ask.period)]

        return Metric(id, id.title(), "", "", "count", compute)

    mine = {
        "bounces": metric("bounces", {"05-17": 5, "04-17": 4}),
        "sales": metric("sales", {"05-17": "immature", "04-13": 9, "03-14": 9}),
        "margin": metric("margin", {"05-17": "no_cost", "04-13": 1}),
        "clicks": metric("clicks", {"05-12": 3}),
        "visits": metric("visits", {}),
    }
    monkeypatch.setattr(Host, "metrics", property(lambda self: mine))
    home = Project(tmp_path, tmp_path / "persync.db")
    told: dict[str, tuple[str, str, str]] = {}
    for ids in (["bounces", "sales", "margin"], ["clicks", "visits"]):
        found, is_earlier = numbers_of(run_of(host, home, numbers=ids), None, FRESH)  # type: ignore[arg-type]
        assert not is_earlier
        told |= {id: (one.title, one.value, one.change) for id, one in zip(ids, found, strict=True)}

    assert told == {
        "bounces": ("Bounces", "5", "up from 4 in the 30 days before"),
        "sales": ("Sales, 13 April 2025 to 12 May 2025", "9", "as in the 30 days before"),
        "margin": ("Margin", "not known: no costs have been imported", ""),
        "clicks": ("Clicks, 12 May 2025 to 10 June 2025", "3", ""),
        "visits": ("Visits", "not known: there is nothing to divide by", ""),
    }


def test_the_heading_of_numbers_that_all_are_of_earlier_days_says_so(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Days of its own, as a forecast has, are no earlier ones: it was asked for the last."""

    def metric(id: str, of: tuple[str, str] | None, *, only: str = "") -> Metric:
        def compute(engine: object, ask: Ask) -> list[Estimate]:
            assert ask.period is not None
            if only and ask.period[0] != at(f"{only} 00:00"):
                return [missing(id, "no_denominator")]
            return [Estimate(id, 1, period=ask.period if of is None else (at(f"{of[0]} 00:00"), at(f"{of[1]} 00:00")))]

        return Metric(id, id.title(), "", "", "count", compute)

    mine = {
        "revenue": metric("revenue", None),
        "forecast": metric("forecast", ("06-16", "07-16")),
        "clicks": metric("clicks", None, only="05-12"),
    }
    monkeypatch.setattr(Host, "metrics", property(lambda self: mine))
    home = Project(tmp_path, tmp_path / "persync.db")

    def heading(*ids: str) -> str:
        run = run_of(host, home, numbers=list(ids), notify=[{"to": "owner", "on": ["always"]}])
        monkeypatch.setattr(deciding, "_reach", lambda run, engine: (FRESH, ""))
        monkeypatch.setattr(deciding, "verdict_of", lambda run, engine: "")
        ((_, message),) = deciding.messages(run, cast(Any, object()), State(), Outcome())
        return message.span

    assert heading("clicks") == "Over the last 30 days with data"
    assert heading("clicks", "revenue") == "Over the last 30 days"
    assert heading("forecast") == "Over the last 30 days"
    assert heading() == ""


def test_how_far_a_store_reaches_is_read_from_it(host: Host, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(
        "order,person,at,amount,currency,status\n1,a,2025-05-01T10:00:00Z,20.00,EUR,paid\n2,a,2025-05-20T10:00:00Z,20.00,EUR,test\n"
    )
    (tmp_path / "sent.csv").write_text(
        "person,at,channel,campaign,action\na,2025-03-01T10:00:00Z,email,x,send\na,2025-04-20T10:00:00Z,email,x,send\n"
        "a,2025-05-25T10:00:00Z,email,x,click\n"
    )
    files = '{ kind = "orders", path = "orders.csv" }, { kind = "touchpoints", path = "sent.csv" }'
    (tmp_path / "persync.toml").write_text(f'[connections.own]\nconnector = "files"\nfiles = [{files}]\n')
    home = load_project(tmp_path, host)
    lines: list[str] = []
    assert run_job(host, home, "nightly", JobTable(), now=at("05-16 12:00"), wait=0, say=lines.append) == 0, lines

    with closing(open_engine(home.store_path, engines=host.engines)) as engine:
        found = reach_of(run_of(host, home), engine)

    assert (found.order, found.message, found.settled) == (at("05-01 10:00"), at("04-20 10:00"), at("04-20 10:00"))
    assert found.last == at("05-01 10:00")
