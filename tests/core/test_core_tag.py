"""`persync tag`: what the user says of a campaign's level wins, stays, and is written down."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from typing_extensions import TypedDict

from persync.cli import root
from persync.connect.connector import ConnectionSettings, Connector
from persync.connect.readers import OffsetPages
from persync.connect.stream import Context, Stream
from persync.rows import Campaign, CampaignRef, Evidence, Row
from persync.store.derive import derive
from persync.store.levels import grade
from persync.store.log import broken_at
from persync.store.store import open_store
from persync.store.write import Writer
from persync.testing import FakeApi, pull_once
from support import paged

Run = Callable[..., Result]
SENT = 1_772_323_200_000  # 2026-03-01
READ = ("read", "")


def write(folder: Path, connection: str, *rows: Any) -> None:
    """Write rows as a pull would, and derive."""
    with open_store(folder / "persync.db", create=True) as store:
        writer = Writer(store, connection, "mailchimp", now=1)
        with store.transaction():
            writer.write(rows)
        derive(store)


def pulled(folder: Path) -> None:
    """Two connections; the title "May" twice, everything else once."""
    write(
        folder,
        "letters",
        Campaign(CampaignRef(("id", "a1")), title="May", sent_at=SENT),
        Evidence(CampaignRef(("id", "a1")), "content", (READ, ("token", "FNAME in subject"))),
        Campaign(CampaignRef(("id", "a2")), title="For gardeners", sent_at=SENT + 1),
        Evidence(CampaignRef(("id", "a2")), "content", (READ,)),
        Evidence(CampaignRef(("id", "a2")), "settings", (("demographic", "gender"), ("segment", "PredictedGender is male"))),
        Campaign(CampaignRef(("id", "a3")), title=None),
    )
    write(
        folder,
        "crm",
        Campaign(CampaignRef(("id", "a1")), title="May", sent_at=SENT),
        Evidence(CampaignRef(("id", "a1")), "content", (READ,)),
    )


@pytest.fixture
def persync(tmp_path: Path) -> Run:
    pulled(tmp_path)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(root, ["--project", str(tmp_path), "tag", *arguments], prog_name="persync")

    return run


def levels(folder: Path) -> dict[str, tuple[int | None, str]]:
    """Return what the reports read: the derived levels."""
    with open_store(folder / "persync.db") as store:
        found = store.db.execute(
            "SELECT n.name || ':' || k.key, l.level, l.evidence FROM campaign_levels l"
            " JOIN campaign_keys k USING (campaign_key) JOIN connections n ON n.connection = k.connection"
        )
        return {name: (level, why) for name, level, why in found}


def logged(folder: Path) -> list[tuple[str, str]]:
    with open_store(folder / "persync.db") as store:
        assert broken_at(store.db) is None
        return store.db.execute("SELECT event, detail FROM log ORDER BY entry").fetchall()


def test_a_tag_wins_over_evidence_is_logged_and_graded_at_once(persync: Run, tmp_path: Path) -> None:
    result = persync("letters:a1", "4")

    assert (result.exit_code, result.stdout) == (
        0,
        "letters:a1 May: level 4 (tagged by you), before 1 (token FNAME in subject).\n",
    )
    assert levels(tmp_path) == {
        "letters:a1": (4, "tagged by you"),
        "letters:a2": (2, "segment PredictedGender is male"),
        "letters:a3": (None, "content not read"),
        "crm:a1": (0, "nothing personal found"),
    }
    assert logged(tmp_path) == [("campaign tagged", "letters:a1: auto -> 4")]


class Letter(TypedDict):
    id: str
    title: str


def letter_rows(letter: Letter, at: Context) -> Iterator[Row]:
    ref: CampaignRef = CampaignRef(("id", letter["id"]))
    yield Campaign(ref, title=letter["title"])
    yield Evidence(ref, "content", (READ, ("token", letter["title"])))


class Post(Connector):
    name = "post"
    title = "The Post"
    streams = (Stream("letters", Letter, letter_rows, OffsetPages("letters", count=9), path="/letters"),)

    def base_url(self) -> str:
        return "https://post.example.com"


def test_a_later_pull_does_not_remove_a_tag(tmp_path: Path) -> None:
    """Everything is read anew, with other evidence and with levels in the settings: the tag still wins, over those too."""
    path = tmp_path / "persync.db"
    post = Post("post", ConnectionSettings(connector="post", overrides={"l1": 3, "l2": 3}), {})
    seen = []
    for title in ("NAME", "CITY"):
        letters = [{"id": f"l{number}", "title": title} for number in (1, 2, 3)]
        assert pull_once(path, [post], FakeApi({"/letters": paged(letters, "letters")}), full=True).exit_code == 0
        CliRunner().invoke(root, ["--project", str(tmp_path), "tag", "l1", "0"])
        seen.append(levels(tmp_path))

    assert seen == [
        {"post:l1": (0, "tagged by you"), "post:l2": (3, "set by you"), "post:l3": (1, f"token {title}")}
        for title in ("NAME", "CITY")
    ]
    assert [detail for event, detail in logged(tmp_path) if event == "campaign tagged"] == ["post:l1: auto -> 0"]


def test_auto_gives_the_word_back_to_the_settings_and_then_to_the_evidence(persync: Run, tmp_path: Path) -> None:
    write(tmp_path, "letters", Evidence(CampaignRef(("id", "a1")), "override", (("level", "3"),)))
    seen = []
    for level in ("2", "unknown", "auto", "auto"):
        assert persync("letters:a1", level).exit_code == 0
        seen.append(levels(tmp_path)["letters:a1"])
    write(tmp_path, "letters", Evidence(CampaignRef(("id", "a1")), "override", ()))
    seen.append(levels(tmp_path)["letters:a1"])

    assert seen == [
        (2, "tagged by you"),
        (None, "tagged by you"),
        (3, "set by you"),
        (3, "set by you"),
        (1, "token FNAME in subject"),
    ]
    assert logged(tmp_path) == [
        ("campaign tagged", "letters:a1: auto -> 2"),
        ("campaign tagged", "letters:a1: 2 -> unknown"),
        ("campaign tagged", "letters:a1: unknown -> auto"),
    ]


@pytest.mark.parametrize(
    ("name", "found"),
    [("a2", "letters:a2"), ("For gardeners", "letters:a2"), ("for GARDENERS", "letters:a2"), ("crm:a1", "crm:a1")],
)
def test_a_campaign_is_named_by_connection_and_id_or_by_what_is_unique(
    persync: Run, tmp_path: Path, name: str, found: str
) -> None:
    assert persync(name, "3").exit_code == 0
    assert [one for one, level in levels(tmp_path).items() if level == (3, "tagged by you")] == [found]


@pytest.mark.parametrize("name", ["a1", "May"])
def test_a_name_that_two_campaigns_have_is_refused_with_both(persync: Run, tmp_path: Path, name: str) -> None:
    result = persync(name, "3")

    assert result.exit_code == 1
    assert result.stderr == (
        f"persync: '{name}' names 2 campaigns: crm:a1 (May, sent 2026-03-01), letters:a1 (May, sent 2026-03-01)."
        " Say CONNECTION:ID.\n"
    )
    assert logged(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("letters:a9", "Did you mean 'letters:a"),
        ("For gardener", "Did you mean 'For gardeners'?"),
        ("Zzzzzz", "`persync tag --list` shows all."),
    ],
)
def test_an_unknown_campaign_is_refused_with_the_nearest(persync: Run, name: str, hint: str) -> None:
    result = persync(name, "3")

    assert result.exit_code == 1
    assert result.stderr.startswith(f"persync: there is no campaign '{name}'. {hint}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "say CAMPAIGN and LEVEL, or --list."),
        (("a2",), "say CAMPAIGN and LEVEL, or --list."),
        (("a2", "3", "--list"), "--list shows levels, it sets none."),
        (("a2", "5"), "'5' is not one of"),
        (("a2", "-1"), "No such option"),
    ],
)
def test_a_wrong_call_is_a_usage_error_and_changes_nothing(
    persync: Run, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    before = levels(tmp_path)

    result = persync(*arguments)

    assert result.exit_code == 2
    assert message in result.stderr
    assert levels(tmp_path) == before


def test_the_list_shows_levels_reasons_and_by_what_people_were_chosen(persync: Run) -> None:
    persync("crm:a1", "1")

    assert persync("--list").stdout.splitlines() == [
        "campaign    title          sent          level  because                          chosen by",
        "crm:a1      May            2026-03-01        1  tagged by you",
        "letters:a1  May            2026-03-01        1  token FNAME in subject",
        "letters:a2  For gardeners  2026-03-01        2  segment PredictedGender is male  gender",
        "letters:a3                             unknown  content not read",
    ]


def test_the_list_as_json_holds_the_evidence(persync: Run) -> None:
    persync("letters:a2", "1")

    document = json.loads(persync("--list", "letters:a2", "--format", "json").stdout)

    assert (document["kind"], document["results"]) == (
        "levels",
        [
            {
                "connection": "letters",
                "campaign": "a2",
                "title": "For gardeners",
                "sent_at": "2026-03-01T00:00:00Z",
                "level": 1,
                "why": "tagged by you",
                "set_by": "tag",
                "demographic": ["gender"],
                "evidence": [
                    {"source": "content", "kind": "read", "detail": ""},
                    {"source": "settings", "kind": "demographic", "detail": "gender"},
                    {"source": "settings", "kind": "segment", "detail": "PredictedGender is male"},
                    {"source": "tag", "kind": "level", "detail": "1"},
                ],
            }
        ],
    )


def test_setting_a_level_as_json_gives_the_campaign_as_it_is_now(persync: Run) -> None:
    (found,) = json.loads(persync("letters:a1", "unknown", "--format", "json").stdout)["results"]

    assert (found["level"], found["why"], found["set_by"]) == (None, "tagged by you", "tag")


@pytest.mark.parametrize(
    ("said", "result"),
    [
        ([("override", "level", "2")], (2, "set by you")),
        ([("tag", "level", "0"), ("override", "level", "2")], (0, "tagged by you")),
        ([("tag", "level", "unknown"), ("override", "level", "2")], (None, "tagged by you")),
        ([("override", "level", "9")], (1, "token FNAME")),
        ([("content", "level", "4"), ("content", "demographic", "gender"), ("content", "timing", "x")], (1, "token FNAME")),
    ],
)
def test_only_a_level_from_0_to_4_or_unknown_said_by_the_user_wins(
    said: list[tuple[str, str, str]], result: tuple[int | None, str]
) -> None:
    assert grade([("content", "read", ""), ("content", "token", "FNAME"), *said]) == result
