"""Telling somebody: when, what, to whom, not in quiet hours, not twice, and never a person."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from persync.errors import PersyncError
from persync.estimate import Estimate
from persync.hookspecs import Message, Notifier, Number
from persync.jobs.notify import deciding, discord, mail, slack, teams, webhook
from persync.jobs.notify.numbers import change_in_words
from persync.jobs.notify.sending import Sender
from persync.jobs.notify.waiting import Held, kept, restored
from persync.jobs.notify.wording import clean, message_of
from persync.jobs.running import Outcome, Run
from persync.jobs.state import State, read_state, write_state
from persync.plugins import Host, load_plugins
from persync.settings import Channel, JobNotice, JobTable, Project

NOON = 1_750_075_200_000  # 2025-06-16 12:00 UTC
HOUR = 3_600_000
HOSTILE = "=1+1 <b onload=x>@everyone</b> <!channel> *bold* [a](http://b.example.com) zoe@example.com \x1b[31m\u202e `x`"


class Taken:
    """A notifier that keeps what it is given, or fails."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.error: Exception | None = None

    def send(self, settings: object, secrets: object, message: Message) -> None:
        if self.error is not None:
            raise self.error
        self.messages.append(message)


@pytest.fixture
def taken() -> Taken:
    return Taken()


@pytest.fixture
def host(taken: Taken, monkeypatch: pytest.MonkeyPatch) -> Host:
    mine = {"mine": Notifier("mine", "A test.", taken.send)}
    monkeypatch.setattr(Host, "notifiers", property(lambda self: mine))
    return load_plugins(installed=False)


@pytest.fixture
def home(tmp_path: Path) -> Project:
    return Project(tmp_path, tmp_path / "persync.db", channels={"team": Channel("team", "mine")})


def message(status: str = "alert", **more: Any) -> Message:
    return Message("nightly", status, f"shop: {status}", **more)


def run_of(host: Host, home: Project, job: JobTable | None = None, now: int = NOON, lines: list[str] | None = None) -> Run:
    return Run(host, home, "nightly", job or JobTable(), now, ([] if lines is None else lines).append, timer=lambda: 0.0)


def sent(host: Host, home: Project, state: State, messages: Sequence[Message], now: int = NOON) -> tuple[int, list[str]]:
    """Send as a run that begins `now` does; return its exit code and what it said."""
    lines: list[str] = []
    done = Outcome()
    sender = Sender(run_of(host, home, now=now, lines=lines), state, done)
    sender.waiting()
    sender.tell([("team", one) for one in messages])
    return done.code, lines


def test_the_same_news_is_told_once_a_day(host: Host, home: Project, taken: Taken) -> None:
    state = State()
    told = [sent(host, home, state, [message()], at)[1] for at in (NOON, NOON + HOUR, NOON + 24 * HOUR)]

    assert told == [["notify team: alert"], [], ["notify team: alert"]]
    assert len(taken.messages) == 2


def test_other_news_on_the_same_day_is_told(host: Host, home: Project, taken: Taken) -> None:
    state = State()
    for one in (message(), message(lines=("check a: 1 is below 2",)), message("ok")):
        sent(host, home, state, [one])

    assert [one.status for one in taken.messages] == ["alert", "alert", "ok"]


def test_what_could_not_be_sent_makes_the_run_partial_and_goes_out_with_the_next(
    host: Host, home: Project, taken: Taken, tmp_path: Path
) -> None:
    state = State()
    taken.error = PersyncError("the channel is closed.")
    whole = message(numbers=(Number("Rate", "5", estimate=Estimate("rate", 5, period=(1, 2))),))
    first = sent(host, home, state, [whole])
    write_state(tmp_path / "s.json", state)
    taken.error = None

    again, lost = read_state(tmp_path / "s.json")
    second = sent(host, home, again, [], NOON + HOUR)

    assert first == (3, ["notify team failed: notify.team: the channel is closed."])
    assert lost == []
    assert second == (0, ["notify team: alert, held since 2025-06-16 12:00"])
    assert taken.messages == [whole]
    assert again.held == []


def test_a_notifier_that_breaks_is_named_and_what_it_raised_is_not_repeated(host: Host, home: Project, taken: Taken) -> None:
    taken.error = ValueError("token 12345678")

    code, lines = sent(host, home, State(), [message()])

    assert code == 3
    assert lines == ["notify team failed: notify.team: the notifier 'mine' failed: ValueError. Update its plugin."]


@pytest.mark.parametrize(
    ("quiet", "hours", "told"),
    [
        ((22 * 60, 7 * 60), [21, 22, 23, 0, 6, 7, 12], [True, False, False, False, False, True, True]),
        ((9 * 60, 17 * 60), [8, 9, 16, 17], [True, False, False, True]),
        ((9 * 60, 9 * 60), [8, 9, 10], [True, True, True]),
    ],
)
def test_quiet_hours_may_go_over_midnight(
    host: Host, home: Project, quiet: tuple[int, int], hours: list[int], told: list[bool]
) -> None:
    home = replace(home, channels={"team": Channel("team", "mine", quiet=quiet)})

    found = [sent(host, home, State(), [message()], NOON + (hour - 12) * HOUR)[1] for hour in hours]

    assert [lines == ["notify team: alert"] for lines in found] == told


def test_what_falls_into_quiet_hours_goes_out_after_them(host: Host, home: Project, taken: Taken) -> None:
    home = replace(home, channels={"team": Channel("team", "mine", quiet=(22 * 60, 7 * 60))})
    state = State()

    night = sent(host, home, state, [message()], NOON - 9 * HOUR)
    morning = sent(host, home, state, [message()], NOON - 5 * HOUR)

    assert night == (0, ["notify team: held until its quiet hours end at 07:00 (UTC); the next run sends it"])
    assert morning == (0, ["notify team: alert, held since 2025-06-16 03:00"])
    assert len(taken.messages) == 1


def test_what_a_job_remembers_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_state(path, State(ran=True, verdict="Yes."))

    assert path.stat().st_mode & 0o777 == 0o600
    assert read_state(path) == (State(ran=True, verdict="Yes."), [])


# -- when ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "failing", "failures", "verdict", "told"),
    [
        (State(), {}, [], "Yes.", {"always"}),
        (State(ran=True, verdict="Yes."), {}, [], "Yes.", {"always"}),
        (State(ran=True, verdict="Yes."), {}, [], "No.", {"always", "change"}),
        (State(), {"rate": "1 is below 2"}, [], "Yes.", {"always", "threshold"}),
        (State(ran=True, verdict="Yes."), {"rate": "1 is below 2"}, [], "Yes.", {"always", "threshold", "change"}),
        (State(ran=True, verdict="Yes.", failing=["rate"]), {"rate": "1 is below 2"}, [], "Yes.", {"always", "threshold"}),
        (State(ran=True, verdict="Yes.", failing=["rate"]), {}, [], "Yes.", {"always", "change"}),
        (State(ran=True, verdict="Yes."), {}, ["pull failed: no."], "Yes.", {"always", "failure"}),
    ],
)
def test_each_is_told_on_what_they_asked_for(
    host: Host,
    home: Project,
    monkeypatch: pytest.MonkeyPatch,
    state: State,
    failing: dict[str, str],
    failures: list[str],
    verdict: str,
    told: set[str],
) -> None:
    monkeypatch.setattr(deciding, "verdict_of", lambda *_: verdict)
    job = JobTable(numbers=[], notify=[JobNotice(to=on, on=[on]) for on in ("change", "threshold", "failure", "always")])  # type: ignore[list-item]
    done = Outcome(failing=failing, failures=failures)
    engine: Any = object()

    found = deciding.messages(run_of(host, home, job), engine, state, done)

    assert {name for name, _ in found} == told
    assert state == State(ran=True, verdict=verdict, failing=sorted(failing))


def test_a_check_that_holds_again_is_said(host: Host, home: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding, "verdict_of", lambda *_: "Yes.")
    state = State(ran=True, verdict="Yes.", failing=["rate"])
    engine: Any = object()
    job = JobTable(numbers=[], notify=[JobNotice(to="team")])

    ((_, found),) = deciding.messages(run_of(host, home, job), engine, state, Outcome())

    assert (found.status, found.lines) == ("changed", ("A check that did not hold holds again: rate",))


# -- what ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "before", "words"),
    [
        (Estimate("n", 12), Estimate("n", 10), "up from 10 in the 30 days before"),
        (Estimate("n", 8), Estimate("n", 10), "down from 10 in the 30 days before"),
        (Estimate("n", 10), Estimate("n", 10), "as in the 30 days before"),
        (Estimate("n", 12, 11, 13), Estimate("n", 10, 9, 10.9), "up from 10 in the 30 days before"),
        (Estimate("n", 12, 11, 13), Estimate("n", 10, 9, 11), "not clearly other than 10 in the 30 days before"),
        (Estimate("n", 8, 7, 9.5), Estimate("n", 10, 9, 11), "not clearly other than 10 in the 30 days before"),
        (Estimate("n", 8, 7, 8.5), Estimate("n", 10, 9, 11), "down from 10 in the 30 days before"),
        (Estimate("n", 12, unit="EUR"), Estimate("n", 10, unit="USD"), ""),
        (Estimate("n", None, reason="too_few"), Estimate("n", 10), ""),
        (Estimate("n", 12), None, ""),
    ],
)
def test_a_direction_is_told_only_where_the_intervals_lie_apart(now: Estimate, before: Estimate | None, words: str) -> None:
    assert change_in_words(now, before, 30) == words


@pytest.fixture
def hostile(tmp_path: Path) -> Message:
    """A message in which every text is meant to do harm."""
    project = Project(tmp_path / HOSTILE.replace("/", ""), tmp_path / "persync.db")
    number = Number(HOSTILE, HOSTILE, HOSTILE, HOSTILE, Estimate("rate", 1.5, by={"campaign": HOSTILE}))
    job = JobTable(link="https://example.com/r?a=1&b=2")
    return message_of(project, "nightly", job, "alert", HOSTILE, (number,), [HOSTILE] * 20, (), now=NOON)


def texts(value: Any) -> Iterator[str]:
    """Yield every text of a JSON-like value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts(inner)


def test_no_message_holds_an_address_or_what_moves_a_cursor(hostile: Message) -> None:
    payloads = [slack.payload(hostile), teams.payload(hostile), discord.payload(hostile), webhook.payload(hostile)]
    said = [hostile.subject, hostile.text, hostile.html, *texts(payloads)]

    assert len(said) > 40
    for text in said:
        assert "zoe" not in text
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert hostile.lines[-1] == "... and 8 more"


def test_markup_in_a_message_is_inert_wherever_it_goes(hostile: Message) -> None:
    assert "<b " not in hostile.html
    assert "&lt;b onload" in hostile.html
    said = slack.payload(hostile)
    marked = [block["text"] for block in said["blocks"] if block.get("text", {}).get("type") == "mrkdwn"]
    assert marked == [{"type": "mrkdwn", "text": "<https://example.com/r?a=1&amp;b=2|Read the report>"}]
    assert "<!channel>" not in said["text"]
    card = teams.payload(hostile)["attachments"][0]["content"]
    assert {(block["type"], run["type"]) for block in card["body"] for run in block["inlines"]} == {
        ("RichTextBlock", "TextRun")
    }
    assert "\\" not in json.dumps(card, ensure_ascii=False)  # which a phone would show
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "Read the report", "url": "https://example.com/r?a=1&b=2"}]
    talk = discord.payload(hostile)
    assert talk["allowed_mentions"] == {"parse": []}
    assert r"\*bold\*" in talk["embeds"][0]["description"]
    assert "[a](" not in json.dumps(talk)


def test_payloads_keep_to_what_the_chats_take(hostile: Message) -> None:
    long = replace(
        hostile, subject="s" * 900, verdict="v" * 9000, lines=("l" * 9000,), numbers=(Number("t" * 900, "v" * 3000),)
    )

    blocks = slack.payload(long)["blocks"]
    embed = discord.payload(long)["embeds"][0]

    assert len(blocks[0]["text"]["text"]) == 150
    assert [block["type"] for block in blocks[1:4]] == ["section", "context", "section"]
    assert [len(block["text"]["text"]) for block in (blocks[1], blocks[4])] == [3000, 3000]
    assert [len(one["text"]) for one in blocks[3]["fields"]] == [2000]
    assert (len(embed["title"]), len(embed["description"])) == (256, 4096)
    assert [(len(one["name"]), len(one["value"])) for one in embed["fields"]] == [(256, 1024)]


def test_an_embed_stays_within_what_discord_takes_of_all_its_parts_together(hostile: Message) -> None:
    """6,000 characters of title, description, fields and footer; more is refused as a whole."""
    numbers = (Number("t" * 900, "v" * 3000),) * 3
    embed = discord.payload(replace(hostile, subject="s" * 900, lines=("l" * 9000,), numbers=numbers))["embeds"][0]

    parts = [embed["title"], embed["description"], embed["footer"]["text"]]
    assert len("".join([*parts, *(one[part] for one in embed["fields"] for part in ("name", "value"))])) == 6000
    assert embed["description"]


def test_a_webhook_gets_the_estimate_itself(tmp_path: Path) -> None:
    number = Number("Rate", "5.0 %", "4.0 % to 6.0 %", "", Estimate("rate", 0.05, 0.04, 0.06, n=900, unit="share"))
    project = Project(tmp_path, tmp_path / "persync.db")
    made = message_of(project, "nightly", JobTable(), "ok", "Yes.", (number,), (), (), now=NOON)

    found = webhook.payload(made)

    assert {key: found[key] for key in ("kind", "job", "status", "made_at", "verdict", "lines", "link")} == {
        "kind": "notification",
        "job": "nightly",
        "status": "ok",
        "made_at": "2025-06-16T12:00:00Z",
        "verdict": "Yes.",
        "lines": [],
        "link": None,
    }
    assert found["span"] == "Over the last 30 days"
    assert found["numbers"] == [
        {
            "title": "Rate",
            "text": "5.0 %",
            "change": None,
            "estimate": Estimate("rate", 0.05, 0.04, 0.06, n=900, unit="share").as_json(),
        }
    ]


def test_a_message_is_kept_and_restored_whole(hostile: Message, tmp_path: Path) -> None:
    whole = replace(hostile, attachments=(tmp_path / "r.html",))

    held = Held("team", replace(whole, only=("0a1b",)), NOON, 2)

    again = restored(json.loads(json.dumps(kept(held))))

    assert (again.channel, again.message, again.since, again.tries) == ("team", held.message, NOON, 2)


def test_a_line_is_one_line_of_bearable_length() -> None:
    assert clean("a\nb") == "a b"
    assert len(clean("x" * 9000)) == 500


def test_every_way_that_comes_along_is_offered_through_the_hook() -> None:
    found = load_plugins(installed=False).notifiers

    assert found == {
        one.name: one for one in (discord.NOTIFIER, mail.NOTIFIER, slack.NOTIFIER, teams.NOTIFIER, webhook.NOTIFIER)
    }
