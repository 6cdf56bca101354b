"""Whatever fails in a job is one line and its exit code, and the rest goes on."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, model_validator

from core.cli.calls import Run as Call
from core.cli.calls import said
from core.cli.conftest import persync
from fuzz.shop import NOW as SHOP_NOW
from fuzz.shop import PLACES, make_shop
from persync.errors import PersyncError
from persync.estimate import Estimate
from persync.hookspecs import Message, Notifier
from persync.jobs.run import run_job
from persync.measure.metric import Metric
from persync.plugins import Host, load_plugins
from persync.report.report import Note, Section
from persync.settings import load_project
from sinks import MAIL, http_sink, smtp_sink

__all__ = ["persync"]

NOW = 1_750_000_000_000
OWN = '[connections.own]\nconnector = "files"\nfiles = [{ kind = "outcomes", path = "visits.csv" }]\n'


def raising(*_: object, **__: object) -> Any:
    raise ZeroDivisionError("token 12345678")


def leaving(*_: object, **__: object) -> Any:
    raise SystemExit(0)


class Stranger:
    """A plugin of which every part raises, beside one that works."""

    def __init__(self, harm: Callable[..., Any]) -> None:
        self.harm = harm

    def metrics(self) -> dict[str, Metric]:
        good = Estimate("good", 5, unit="count")
        return {
            "bad": Metric("bad", "Bad", "", "", "count", self.harm),
            "odd": Metric("odd", "Odd", "", "", "count", lambda engine, ask: 7),  # type: ignore[arg-type,return-value]
            "good": Metric("good", "Good", "", "", "count", lambda engine, ask: (good,)),
        }

    def sections(self) -> dict[str, Section]:
        return {
            "answer": Section("answer", "Answer", self.harm, order=1),
            "fine": Section("fine", "Fine", lambda inputs: (Note("All is well."),), order=2),
        }


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")
    return tmp_path


def ran(shop: Path, text: str, *, host: Host | None = None) -> tuple[int, list[str]]:
    (shop / "persync.toml").write_text(OWN + text)
    host = host or load_plugins(installed=False)
    project = load_project(shop, host)
    lines: list[str] = []
    code = run_job(host, project, "nightly", project.jobs["nightly"], now=NOW, wait=0, say=lines.append)
    return code, lines


@pytest.mark.parametrize("harm", [raising, leaving])
def test_a_plugin_that_raises_everywhere_costs_its_own_parts_alone(
    shop: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[..., Any]
) -> None:
    stranger = Stranger(harm)
    told: list[Message] = []
    monkeypatch.setattr(Host, "metrics", property(lambda self: stranger.metrics()))
    monkeypatch.setattr(Host, "sections", property(lambda self: stranger.sections()))
    notifiers = {
        "wall": Notifier("wall", "A wall.", harm),
        "book": Notifier("book", "A book.", lambda settings, secrets, message: told.append(message)),
    }
    monkeypatch.setattr(Host, "notifiers", property(lambda self: notifiers))

    code, lines = ran(
        shop,
        """
[jobs.nightly]
checks = [{ metric = "bad", min = 0 }, { metric = "odd", min = 0 }, { metric = "good", min = 6 }]
report = [{ out = "r.md", format = "md" }]
export = [{ metric = "bad", out = "bad.csv" }, { metric = "good", out = "good.csv" }]
numbers = ["bad", "odd", "good"]
notify = [{ to = "wall" }, { to = "book" }]
[notify.wall]
via = "wall"
[notify.book]
via = "book"
""",
    )

    kind = harm.__name__.replace("raising", "ZeroDivisionError").replace("leaving", "SystemExit")
    assert lines[1:] == [
        f"check bad: could not be computed ({kind})",
        "check odd: could not be computed (TypeError)",
        "check good: 5 is below 6",
        f"report: {shop / 'r.md'}, without answer",
        f"export failed: {shop / 'bad.csv'}: it could not be made ({kind}). Update the plugin that offers it.",
        f"export: {shop / 'good.csv'}",
        f"notify wall failed: notify.wall: the notifier 'wall' failed: {kind}. Update its plugin.",
        "notify book: failed",
    ]
    assert code == 1  # an export that was asked for is not there: worse than a check
    assert "All is well." in (shop / "r.md").read_text()
    assert [one.value for one in told[0].numbers] == [f"not known: {kind}", "not known: TypeError", "5"]
    assert f"check bad: could not be computed ({kind})" in told[0].lines


def test_a_check_that_cannot_be_computed_is_a_check_that_does_not_hold(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Host, "metrics", property(lambda self: Stranger(raising).metrics()))

    code, lines = ran(shop, '[jobs.nightly]\nchecks = [{ metric = "bad", unknown = "pass" }, { metric = "good" }]\n')

    assert (code, lines[1:]) == (6, ["check bad: could not be computed (ZeroDivisionError)", "check good: ok"])


def test_a_job_that_pulls_nothing_reads_no_connection(shop: Path) -> None:
    first, said = ran(shop, "[jobs.nightly]\npull = []\n")
    made = (shop / "persync.db").exists()
    ran(shop, "[jobs.nightly]\n")
    (shop / "visits.csv").unlink()
    code, lines = ran(shop, '[jobs.nightly]\npull = []\nreport = [{ out = "r.md", format = "md" }]\n')

    assert (first, said, made) == (0, ["pull: nothing is asked for"], False)
    assert (code, lines) == (0, ["pull: nothing is asked for", f"report: {shop / 'r.md'}"])


def test_a_job_without_a_store_to_report_on_says_so(shop: Path) -> None:
    code, lines = ran(shop, '[jobs.nightly]\npull = []\nreport = [{ out = "r.md", format = "md" }]\n')

    assert (code, lines[1:]) == (1, [f"failed: {shop / 'persync.db'}: there is no store yet. Pull something first."])


def test_a_job_that_names_a_missing_connection_pulls_the_others_and_tells_of_it(shop: Path) -> None:
    with smtp_sink() as post:
        code, lines = ran(
            shop,
            '[jobs.nightly]\npull = ["shpo", "own"]\nreport = [{ out = "r.md", format = "md" }]\nnotify = [{ to = "owner" }]\n'
            + MAIL.replace("PORT", str(post.port)),
        )

    first = f"failed: {shop / 'persync.toml'}, [jobs.nightly] pull: there is no connection 'shpo'. Valid: own."
    assert lines[0] == first
    assert not lines[1].startswith("pull: 0 ")
    assert lines[2:] == [f"report: {shop / 'r.md'}", "notify owner: failed"]
    assert code == 2
    assert len(post.mails) == 1


def test_a_job_that_names_a_metric_in_vain_has_one_line_of_it(shop: Path) -> None:
    job = '[jobs.nightly]\npull = []\nchecks = [{ metric = "click_rte", min = 0.5 }]\n'

    code, lines = ran(shop, job)

    place = f"failed: {shop / 'persync.toml'}, [jobs.nightly] checks: there is no metric 'click_rte'."
    assert (code, lines) == (2, [f"{place} Did you mean 'ctr' (Click-through rate) or 'ctor' (Click-to-open rate)?"])


def test_a_report_of_an_empty_store_says_that_there_is_nothing(shop: Path) -> None:
    (shop / "visits.csv").write_text("person,outcome,value\n")

    code, lines = ran(shop, '[jobs.nightly]\nreport = [{ out = "r.md", format = "md" }, { out = "r.html" }]\n')

    assert (code, lines[1:]) == (0, [f"report: {shop / 'r.md'}", f"report: {shop / 'r.html'}"])
    assert "This part is missing:" in (shop / "r.md").read_text()
    assert "This part is missing:" in (shop / "r.html").read_text()


@pytest.fixture
def closed() -> Iterator[int]:
    """A port on which nobody listens."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        yield nobody.getsockname()[1]


def test_a_mail_server_and_a_webhook_that_are_not_there_cost_their_message_alone(
    shop: Path, closed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persync.connect.outgoing.TRIES", 1)
    monkeypatch.setenv("SLACK_WEBHOOK_URL", f"http://127.0.0.1:{closed}/services/hush-hush")
    monkeypatch.delenv("TEAMS_WEBHOOK_URL", raising=False)
    with http_sink() as calls:
        monkeypatch.setenv("PERSYNC_WEBHOOK_URL", f"{calls.url}/log")
        code, lines = ran(
            shop,
            '[jobs.nightly]\nreport = [{ out = "r.md", format = "md" }]\n'
            'notify = [{ to = "owner", on = ["always"] }, { to = "team", on = ["always"] }, { to = "blank", on = ["always"] },'
            ' { to = "log", on = ["always"] }]\n'
            '[notify.team]\nvia = "slack"\n[notify.blank]\nvia = "teams"\n[notify.log]\nvia = "webhook"\n'
            + MAIL.replace("PORT", str(closed)),
        )

    assert lines[1] == f"report: {shop / 'r.md'}"
    assert lines[2].startswith(f"notify owner failed: notify.owner, 127.0.0.1:{closed}: the mail server cannot be reached")
    assert lines[3].startswith(f"notify team failed: notify.team, slack, POST /: cannot reach 127.0.0.1:{closed}.")
    assert lines[4].startswith("notify blank failed: notify.blank: its address was not found.")
    assert lines[5:] == ["notify log: ok"]
    assert code == 3
    assert len(calls.bodies) == 1
    held = json.loads((shop / "persync.nightly.job.json").read_text())["held"]
    assert [one["channel"] for one in held] == ["owner", "team", "blank"]


def test_a_channel_whose_notifier_is_not_installed_costs_its_message_alone(shop: Path) -> None:
    code, lines = ran(
        shop,
        '[jobs.nightly]\nreport = [{ out = "r.md", format = "md" }]\nnotify = [{ to = "pager", on = ["always"] }]\n'
        '[notify.pager]\nvia = "pager"\nnumber = 5\n',
    )

    where = f"{shop / 'persync.toml'}, line 8, [notify.pager]"
    assert lines[1] == f"report: {shop / 'r.md'}"
    assert lines[2].startswith(f"notify pager failed: {where}: there is no notifier 'pager'. Valid: discord, email, slack,")
    assert code == 3


def test_a_first_failure_is_told_once_a_day_though_there_is_no_store_yet(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shop / "visits.csv").unlink()
    text = '[jobs.nightly]\nnotify = [{ to = "log" }]\n[notify.log]\nvia = "webhook"\n'
    with http_sink() as calls:
        monkeypatch.setenv("PERSYNC_WEBHOOK_URL", f"{calls.url}/log")
        codes = [ran(shop, text)[0] for _ in range(2)]

    assert codes == [1, 1]
    assert len(calls.bodies) == 1


# -- commands that need no notifier ------------------------------------------------------------------------------------------

PAGER = '[notify.pager]\nvia = "pagr"\nnumber = 5\n[notify.log]\nvia = "webhook"\n'


def test_a_notifier_that_is_not_installed_stops_no_command_that_needs_none(
    persync: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")
    (tmp_path / "persync.toml").write_text(OWN + PAGER)
    with http_sink() as calls:
        monkeypatch.setenv("PERSYNC_WEBHOOK_URL", f"{calls.url}/log")
        pull, status, tried = persync("pull"), persync("status"), persync("notify", "test")
        doctor = persync("doctor", "--format", "json")

    assert [one.exit_code for one in (pull, status)] == [0, 0]
    assert status.stdout.splitlines()[2].startswith("own ")
    where = f"{tmp_path / 'persync.toml'}, line 5, [notify.pager]"
    line = f"{where}: there is no notifier 'pagr'. Valid: discord, email, slack, teams, webhook."
    assert (tried.exit_code, tried.stdout, tried.stderr) == (2, "log: sent through webhook\n", f"persync: {line}\n")
    failed = [one for one in json.loads(doctor.stdout)["results"] if not one["ok"]]
    assert [(one["what"], f"{one['found']} {one['fix']}") for one in failed] == [("notify.pager", line)]


class Trippy(BaseModel):
    """Settings of a stranger's notifier, which trip over themselves."""

    number: int

    @model_validator(mode="after")
    def _trips(self) -> Trippy:
        raise KeyError("hush")


def test_a_notifier_that_trips_over_its_settings_stops_no_other_command(
    persync: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = {"pagr": Notifier("pagr", "A pager.", raising, Trippy)}
    monkeypatch.setattr(Host, "notifiers", property(lambda self: bad))
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")
    (tmp_path / "persync.toml").write_text(OWN + PAGER.partition("[notify.log]")[0])

    assert persync("pull").exit_code == 0
    assert said(persync("notify", "test"), 1) == (
        f"{tmp_path / 'persync.toml'}, line 4, [notify.pager]: the notifier 'pagr' failed over its settings: KeyError."
        " Update its plugin."
    )


def test_a_period_with_holes_is_reported_with_what_is_missing_and_why(tmp_path: Path) -> None:
    make_shop(tmp_path, {place: place.replace(" ", "-") for place in PLACES} | {"coverage reason": "scope"})
    with (tmp_path / "persync.toml").open("a") as file:
        file.write('\n[jobs.nightly]\npull = []\nreport = [{ out = "r.md", format = "md", sections = ["answer", "health"] }]\n')
    host = load_plugins(installed=False)
    project = load_project(tmp_path, host)
    lines: list[str] = []

    code = run_job(host, project, "nightly", project.jobs["nightly"], now=SHOP_NOW, wait=0, say=lines.append)

    assert (code, lines[-1]) == (0, f"report: {tmp_path / 'r.md'}")
    said = "There are holes: shop some is not complete (the key has no permission for it)."
    assert said in (tmp_path / "r.md").read_text()


def test_a_state_that_cannot_be_kept_is_said_and_everybody_is_told_all_the_same(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise PersyncError("cannot write what the job remembers: No space left on device.")

    monkeypatch.setattr("persync.jobs.notify.sending.write_state", full)
    text = '[jobs.nightly]\nnotify = [{ to = "log", on = ["always"] }]\n[notify.log]\nvia = "webhook"\n'
    with http_sink() as calls:
        monkeypatch.setenv("PERSYNC_WEBHOOK_URL", f"{calls.url}/log")
        code, lines = ran(shop, text)

    assert (code, len(calls.bodies)) == (1, 1)
    assert lines[1] == "failed: cannot write what the job remembers: No space left on device."
    assert "notify log: ok" in lines
