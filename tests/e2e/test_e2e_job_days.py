"""A job over three days of a made-up shop: report, alert on the right day alone, mail, pings, and a second run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest

from e2e.runs import Site, serving
from persync.connect import DAY_MS, HOUR_MS
from persync.jobs.run import run_job
from persync.jobs.windows import last_days
from persync.plugins import Host, load_plugins
from persync.sandbox.demo import make_world
from persync.settings import load_project
from persync.store.digest import digest
from persync.store.log import problems_of_log
from persync.store.store import open_store
from sinks import Calls, Post, http_sink, parts, smtp_sink

BACK = 7
"""the second of the three days ends so many days before the world does; on the day before it somebody placed an order"""
JOB = """
[report]
suppress_n = 1
show_small_groups = true

[jobs.nightly]
report = [{{ out = "out/report.md", format = "md", sections = ["answer"] }}]
export = [{{ metric = "aov", out = "out/aov.csv", days = 1 }}]
checks = [{{ metric = "aov", max = 30, days = 1, unknown = "pass" }}]
numbers = ["aov", "conversion_rate", "unsubscribe_rate"]
days = 1
link = "https://example.com/report?day=1&all=1"
ping = "JOB_PING"
lookback_days = 3
notify = [{{ to = "owner", on = ["threshold"], attach = true }}, {{ to = "log", on = ["always"] }}]

[notify.owner]
via = "email"
host = "127.0.0.1"
port = {port}
security = "none"
sender = "persync@example.com"
to = ["owner@example.com"]

[notify.log]
via = "webhook"
"""


@dataclass
class Ran:
    """One run: its exit code, what it said, and what was there when it had ended."""

    code: int
    lines: list[str]
    mails: int
    posts: int
    pings: list[str]
    rids: set[str]
    """the marks that tie a run's pings together"""
    files: dict[str, bytes]
    digest: str
    """of all facts in the store"""


class Days:
    """The job, its shop, and everybody it tells."""

    def __init__(self, folder: Path, site: Site, post: Post, calls: Calls) -> None:
        self.folder = site.project(folder)
        self.now = site.world.now
        with (folder / "persync.toml").open("a") as file:
            file.write(JOB.format(port=post.port))
        self.host: Host = load_plugins()
        self.project = load_project(folder, self.host)
        self.post, self.calls = post, calls

    def run(self, back: int, hours: int = 2) -> Ran:
        """Run the job on the day that ended so many days before the world does."""
        before = len(self.calls.taken)
        mails = len(self.post.mails)
        lines: list[str] = []
        job = self.project.jobs["nightly"]
        now = self.now - back * DAY_MS + hours * HOUR_MS
        code = run_job(self.host, self.project, "nightly", job, now=now, wait=0, say=lines.append)
        taken = self.calls.taken[before:]
        out = self.folder / "out"
        kept = [*out.iterdir(), *self.folder.glob("*.job.json")]
        pings = [path.partition("?") for method, path, _ in taken if method == "GET"]
        with open_store(self.project.store_path) as store:
            facts = digest(store)
        return Ran(
            code,
            lines,
            len(self.post.mails) - mails,
            sum(method == "POST" for method, _, _ in taken),
            [path for path, _, _ in pings],
            {query for _, _, query in pings},
            {path.name: path.read_bytes() for path in kept},
            facts,
        )


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Days]:
    world = make_world(5, people=60)
    with (
        serving(world, tmp_path_factory.mktemp("site")) as site,
        smtp_sink() as post,
        http_sink() as calls,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("JOB_PING", f"{calls.url}/ping")
        patch.setenv("PERSYNC_WEBHOOK_URL", f"{calls.url}/log")
        yield Days(tmp_path_factory.mktemp("shop"), site, post, calls)


@pytest.fixture(scope="module")
def ran(days: Days) -> list[Ran]:
    """Three days, and on the second a second run."""
    return [days.run(BACK + 1), days.run(BACK), days.run(BACK, 5), days.run(BACK - 1)]


def orders_of(days: Days, back: int) -> list[int]:
    """Return what the world itself knows of the orders that the check of such a day looks at."""
    world = make_world(5, people=60)
    first, last = last_days(days.now - back * DAY_MS + 2 * HOUR_MS, 1, world.timezone)
    return [one.created_at for one in world.orders if first <= one.created_at < last and one.cancelled_at is None]


def test_the_alert_comes_on_the_day_of_the_dear_order_alone(days: Days, ran: list[Ran]) -> None:
    assert [len(orders_of(days, back)) for back in (BACK + 1, BACK, BACK - 1)] == [0, 1, 0]

    assert [one.code for one in ran] == [0, 6, 6, 0]
    assert [one.mails for one in ran] == [0, 1, 0, 0]
    assert [next(line for line in one.lines if line.startswith("check")) for one in ran] == [
        "check aov: ok",
        "check aov: 41.18 EUR is above 30 EUR",
        "check aov: 41.18 EUR is above 30 EUR",
        "check aov: ok",
    ]


def test_the_mail_says_it_in_words_and_has_the_report(days: Days, ran: list[Ran]) -> None:
    (mail,) = days.post.mails
    assert isinstance(mail, EmailMessage)
    found = parts(mail)
    assert mail["subject"].endswith(": a check did not hold")
    assert days.post.receivers == [["owner@example.com"]]
    for words in ("check aov: 41.18 EUR is above 30 EUR", "41.18 EUR", "We cannot tell"):
        assert words in found["text"]
        assert words in found["html"]
    assert "https://example.com/report?day=1&all=1" in found["text"]
    numbers = days.calls.bodies[1]["numbers"]
    titles = ["Average order value", "Conversion rate after mail, 18 August 2026", "Unsubscribe rate, 16 September 2026"]
    assert [one["title"] for one in numbers] == titles
    for one in numbers:
        assert f"- {one['title']}: {one['text']}" in found["text"]
        assert one["text"] in found["html"]
    assert found["files"]["report.md"].replace("\r\n", "\n").encode() == ran[1].files["report.md"]


def test_who_is_always_told_hears_once_a_day_how_it_stands(days: Days, ran: list[Ran]) -> None:
    assert [one.posts for one in ran] == [1, 1, 0, 1]
    assert [body["status"] for body in days.calls.bodies] == ["ok", "alert", "changed"]
    assert days.calls.bodies[2]["lines"] == ["A check that did not hold holds again: aov"]
    assert days.calls.bodies[1]["numbers"][0]["estimate"]["value"] == 41.18


def test_the_switch_hears_start_and_end_of_every_run(ran: list[Ran]) -> None:
    good, alert = ["/ping/start", "/ping"], ["/ping/start", "/ping/6"]

    assert [one.pings for one in ran] == [good, alert, alert, good]
    assert [len(one.rids) for one in ran] == [1, 1, 1, 1]
    assert len(set.union(*(one.rids for one in ran))) == 4


def test_a_second_run_on_a_day_changes_nothing(days: Days, ran: list[Ran]) -> None:
    _, first, second, third = ran

    assert second.lines[0] == "pull: 0 rows changed"
    assert [line.partition(" (")[2] for line in second.lines if line.startswith(("report", "export"))] == [
        "nothing new today)"
    ] * 2
    assert second.files == first.files
    assert second.digest == first.digest
    assert third.digest != first.digest
    assert third.files["report.md"] != first.files["report.md"]


def test_every_run_stands_in_the_log(days: Days, ran: list[Ran]) -> None:
    with open_store(days.project.store_path) as store:
        runs = store.db.execute("SELECT exit_code, summary FROM runs WHERE command = 'run nightly' ORDER BY run").fetchall()
        assert list(problems_of_log(store.db)) == []

    wrong = "check aov: 41.18 EUR is above 30 EUR"
    assert [tuple(run) for run in runs] == [(0, "ok"), (6, wrong), (6, wrong), (0, "ok")]


def test_nothing_that_was_sent_or_remembered_names_anybody(days: Days, ran: list[Ran]) -> None:
    people = make_world(5, people=60).people.values()
    said = "\n".join(
        [*(mail.as_string() for mail in days.post.mails), json.dumps(days.calls.bodies)]
        + [one.files["persync.nightly.job.json"].decode() for one in ran]
    )

    assert [person.email for person in people if person.email in said] == []
    assert len(people) > 50
