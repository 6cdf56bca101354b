"""What a job remembers: its own file, its version, what waits in it, and nothing lost without a word."""

from __future__ import annotations

import json
import smtplib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from persync.errors import PartlySentError, PersyncError
from persync.hookspecs import Message, Notifier
from persync.jobs.notify.mail import MailSettings, mail_of, mark
from persync.jobs.notify.sending import Sender
from persync.jobs.notify.waiting import LONGEST_MS, MOST_HELD, MOST_TRIES
from persync.jobs.running import Outcome, Run
from persync.jobs.state import VERSION, State, read_state, state_path, write_state
from persync.plugins import Host, load_plugins
from persync.settings import Channel, JobTable, Project
from persync.store.locks import lock_path
from sinks import Post, smtp_sink

NOON = 1_750_075_200_000  # 2025-06-16 12:00 UTC
HOUR = 3_600_000
ANN, BOB, CAT = "ann@example.com", "bob@example.com", "cat@example.com"


def message(status: str = "alert", **more: Any) -> Message:
    return Message("nightly", status, f"shop: {status}", text="A check did not hold.\n", made_at=NOON, **more)


@pytest.fixture
def post() -> Iterator[Post]:
    with smtp_sink() as found:
        yield found


@pytest.fixture
def home(tmp_path: Path, post: Post) -> Project:
    mail = MailSettings(host="127.0.0.1", port=post.port, security="none", sender="persync@example.com", to=[ANN, BOB, CAT])
    return Project(tmp_path, tmp_path / "persync.db", channels={"owner": Channel("owner", "email", settings=mail)})


def told(home: Project, *messages: Message, now: int = NOON, host: Host | None = None) -> tuple[int, list[str]]:
    """Send as a run does, with what the last one left in the job's file."""
    lines: list[str] = []
    run = Run(host or load_plugins(installed=False), home, "nightly", JobTable(), now, lines.append, timer=lambda: 0.0)
    state, lost = read_state(state_path(home, "nightly"))
    done = Outcome()
    sender = Sender(run, state, done)
    sender.waiting()
    sender.tell([("owner", one) for one in messages])
    return done.code, [*lost, *lines]


def waits(home: Project) -> list[dict[str, Any]]:
    return list(json.loads(state_path(home, "nightly").read_text())["held"])


# -- who has it and who has not ----------------------------------------------------------------------------------------------


def test_a_refused_receiver_alone_gets_the_mail_again_and_nobody_gets_it_twice(home: Project, post: Post) -> None:
    post.refused = {BOB: "450 come back later", CAT: "550 unknown"}
    first = told(home, message())
    post.refused = {CAT: "550 unknown"}
    second = told(home, now=NOON + HOUR)
    post.refused = {}
    third = told(home, now=NOON + 2 * HOUR)
    fourth = told(home, now=NOON + 3 * HOUR)

    assert post.receivers == [[ANN], [BOB], [CAT]]
    assert [code for code, _ in (first, second, third, fourth)] == [3, 3, 0, 0]
    server = f"notify.owner, 127.0.0.1:{home.channels['owner'].settings.port}"
    more = "Check to."
    assert first[1] == [f"notify owner failed: {server}: the mail server took the mail, but not for 2 of 3 receivers. {more}"]
    assert "but not for 1 of 2 receivers" in second[1][0]
    assert third[1] == ["notify owner: alert, held since 2025-06-16 12:00"]
    assert fourth[1] == []
    assert len({mail["message-id"] for mail in post.mails}) == 1


def test_the_file_of_a_job_names_no_receiver(home: Project, post: Post) -> None:
    post.refused = {BOB: "550 unknown"}
    told(home, message())

    assert [one["message"]["only"] for one in waits(home)] == [[mark(BOB)]]
    assert "example.com" not in state_path(home, "nightly").read_text()


def test_a_receiver_who_was_taken_out_meanwhile_gets_nothing(home: Project, post: Post) -> None:
    post.refused = {BOB: "550 unknown"}
    told(home, message())
    mail = home.channels["owner"].settings.model_copy(update={"to": [ANN, CAT]})
    home = replace(home, channels={"owner": Channel("owner", "email", settings=mail)})

    again = told(home, now=NOON + HOUR)

    assert again == (0, ["notify owner: alert, held since 2025-06-16 12:00"])
    assert post.receivers == [[ANN, CAT]]
    assert waits(home) == []


def test_a_message_that_is_refused_again_and_again_is_given_up_with_a_line(home: Project, post: Post) -> None:
    post.refused = {BOB: "550 unknown"}

    found = [told(home, *([message()] if number == 0 else []), now=NOON + number * HOUR) for number in range(MOST_TRIES + 1)]

    assert [code for code, _ in found] == [3] * MOST_TRIES + [0]
    assert found[MOST_TRIES - 1][1][1:] == [f"notify owner: given up after {MOST_TRIES} tries: shop: alert"]
    assert found[MOST_TRIES][1] == []
    assert post.receivers == [[ANN, CAT]]


def test_a_message_that_is_too_old_is_given_up_at_the_next_try_that_fails(home: Project, post: Post) -> None:
    post.refused = {BOB: "550 unknown"}
    told(home, message())

    code, lines = told(home, now=NOON + LONGEST_MS + 1)

    assert (code, lines[1:], waits(home)) == (3, ["notify owner: given up after 2 tries: shop: alert"], [])


def test_of_too_many_messages_the_oldest_is_given_up_with_a_line(home: Project) -> None:
    home = replace(home, channels={"owner": replace(home.channels["owner"], quiet=(0, 23 * 60 + 59))})

    found = [told(home, message(lines=(str(number),)), now=NOON + number) for number in range(MOST_HELD + 1)]

    assert [code for code, _ in found] == [0] * MOST_HELD + [3]
    assert found[-1][1][-2] == f"notify owner: given up, for {MOST_HELD} later messages wait: shop: alert"
    assert [one["message"]["lines"] for one in waits(home)] == [[str(number)] for number in range(1, MOST_HELD + 1)]


def test_a_message_of_a_channel_that_is_gone_is_not_dropped_in_silence(home: Project, post: Post) -> None:
    post.refuse = "550 no"
    told(home, message())

    code, lines = told(replace(home, channels={}), now=NOON + HOUR)

    assert (code, lines) == (0, ["notify owner: taken out of persync.toml: a message of 2025-06-16 is not sent"])


def test_any_notifier_can_say_for_whom_a_message_still_is(home: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin raises PartlySentError, and gets its own marks back."""
    seen: list[tuple[str, ...]] = []

    def send(settings: object, secrets: object, given: Message) -> None:
        seen.append(given.only)
        if not given.only:
            raise PartlySentError("one of two boards is full.", left=("board-2",))

    monkeypatch.setattr(Host, "notifiers", property(lambda self: {"email": Notifier("email", "Boards.", send)}))

    told(home, message())
    told(home, now=NOON + HOUR)

    assert seen == [(), ("board-2",)]


def test_a_run_that_is_killed_while_it_sends_tells_it_at_the_next_and_what_was_sent_not_again(
    home: Project, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    first, second = message(), message(lines=("another",))
    sends: list[int] = []
    real = smtplib.SMTP.send_message

    def killed(self: smtplib.SMTP, *given: Any, **more: Any) -> Any:
        sends.append(1)
        if len(sends) == 2:
            raise Killed
        return real(self, *given, **more)

    monkeypatch.setattr(smtplib.SMTP, "send_message", killed)
    with pytest.raises(Killed):
        told(home, first, second)

    assert told(home, now=NOON + HOUR) == (0, ["notify owner: alert, held since 2025-06-16 12:00"])
    assert [mail["message-id"] for mail in post.mails] == [
        mail_of(home.channels["owner"].settings, one)["message-id"] for one in (first, second)
    ]


# -- quiet hours -------------------------------------------------------------------------------------------------------------


def test_quiet_hours_count_when_the_message_would_go_out_by_the_clock_of_the_report(home: Project, post: Post) -> None:
    """The run begins at 21:50 in Berlin, and its pull takes a quarter of an hour."""
    home = replace(
        home,
        channels={"owner": replace(home.channels["owner"], quiet=(22 * 60, 7 * 60))},
        report=home.report.model_copy(update={"timezone": "Europe/Berlin"}),
    )
    seconds = [0.0]
    lines: list[str] = []
    begin = NOON + 7 * HOUR + 50 * 60_000

    def tell(now: int, *messages: Message, takes: float = 0.0) -> None:
        clock: dict[str, Any] = {"timer": lambda: seconds[0], "began": seconds[0]}
        run = Run(load_plugins(installed=False), home, "nightly", JobTable(), now, lines.append, **clock)
        sender = Sender(run, read_state(state_path(home, "nightly"))[0], Outcome())
        sender.waiting()
        seconds[0] += takes
        sender.tell([("owner", one) for one in messages])

    tell(begin, message(), takes=900)
    late = len(post.mails)
    tell(begin + 24 * HOUR, takes=900)

    assert late == 0
    assert lines == [
        "notify owner: held until its quiet hours end at 07:00 (Europe/Berlin); the next run sends it",
        "notify owner: alert, held since 2025-06-16 21:50",
    ]


# -- the file ----------------------------------------------------------------------------------------------------------------


def test_a_state_that_is_missing_is_a_first_run(tmp_path: Path) -> None:
    assert read_state(tmp_path / "persync.a.job.json") == (State(), [])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is no JSON"),
        ("{", "it is no JSON"),
        ("[" * 200_000, "it is no JSON"),
        ("[]", "it is no object"),
        ('{"ran": 1}', "its part 'ran' is of another kind"),
        ('{"made": {"r.html": 1}}', "its part 'made' is of another kind"),
        ('{"held": {}}', "its part 'held' is of another kind"),
        ('{"other": true}', "it has other parts"),
        ('{"version": 99}', f"it has version 99, and this persync knows {VERSION}"),
    ],
)
def test_a_state_that_cannot_be_used_is_set_aside_with_a_line(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "persync.nightly.job.json"
    found = []
    for _ in range(2):
        path.write_text(text)
        found.append(read_state(path))

    asides = [tmp_path / f"persync.nightly.aside-{number}.job.json" for number in (1, 2)]
    assert found == [
        (
            State(),
            [f"what the job remembered cannot be used ({why}): it was set aside as {aside}; this is as a first run"],
        )
        for aside in asides
    ]
    assert [aside.read_text() for aside in asides] == [text, text]
    assert {aside.stat().st_mode & 0o777 for aside in asides} == {0o600}
    assert not path.exists()


def test_a_waiting_message_of_the_first_version_is_understood_and_one_that_is_not_is_set_aside(
    home: Project, post: Post
) -> None:
    post.refuse = "550 no"
    told(home, message())
    path = state_path(home, "nightly")
    found = json.loads(path.read_text())
    (whole,) = found["held"]
    del whole["since"], whole["tries"], whole["message"]["only"], found["version"]
    broken: list[Any] = [{"channel": "owner", "message": {"job": "x"}}, {"channel": 5, "message": whole["message"]}, 7, {}]
    found["held"] = [*broken, whole]
    path.write_text(json.dumps(found))
    post.refuse = ""

    code, lines = told(home, now=NOON + HOUR)

    aside = path.with_name("persync.nightly.aside-1.job.json")
    assert lines == [
        f"4 waiting messages of an earlier run cannot be read: it was set aside as {aside}",
        "notify owner: alert, held since 2025-06-16 12:00",
    ]
    assert code == 0
    assert json.loads(aside.read_text()) == found
    assert post.receivers == [[ANN, BOB, CAT]]


def test_two_jobs_have_two_files_and_two_locks_also_where_the_file_system_does_not_tell_capitals(tmp_path: Path) -> None:
    home = Project(tmp_path, tmp_path / "persync.db")
    names = [
        "nightly",
        "Nightly",
        "NIGHTLY",
        "a b",
        "a_b",
        "a.b",
        "a/b",
        "a-b",
        "é",
        "e",
        "ä" * 90,
        "ä" * 91,
        "",
        "_",
        "\ud800",
    ]

    states = [state_path(home, name).name.casefold() for name in names]
    locks = [lock_path(home.store_path, f"job {name}").name.casefold() for name in names]
    connection = lock_path(home.store_path, "job-nightly").name

    assert len({*states}) == len(names)
    assert len({*locks, connection}) == len(names) + 1
    assert max(len(name) for name in (*states, *locks)) < 100
    assert states[0] == "persync.nightly.job.json"


def test_a_state_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(PersyncError, match="cannot write what the job remembers: "):
        write_state(tmp_path / "file" / "s.json", State())
