"""`persync segment`: what segments there are, who belongs to one, and how many may be mailed, without telling of a few."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.cli.calls import Run, project, said
from persync import rows
from persync.measure.membership import made
from persync.rows import Person
from persync.store.derive import derive
from persync.store.store import open_store
from persync.store.write import Writer

NOW = 1_750_000_000_000


@pytest.fixture
def shop(persync: Run, tmp_path: Path) -> Run:
    """Twenty people; all bought, 0 to 5 said no to mail; twelve carry one tag and three another."""
    rules = "[segments.buyers]\nmin_orders = 1\n[segments.many]\nmin_orders = 9\n"
    project(tmp_path, f"[connections.mail]\nconnector = 'mailchimp'\n{rules}")
    lines = "".join(f"{n},mail:m{n},2025-03-10,10.00,EUR\n" for n in range(20))
    (tmp_path / "orders.csv").write_text(f"order,person,at,amount,currency\n{lines}")
    with open_store(tmp_path / "persync.db", create=True) as store:
        writer = Writer(store, "mail", "mailchimp", now=NOW)
        with store.transaction():
            writer.write(_rows())
        derive(store)
    assert persync("import", "orders", str(tmp_path / "orders.csv")).exit_code == 0
    return persync


def _rows() -> list[rows.Row]:
    found: list[rows.Row] = [rows.Segment("tag", name, name=name) for name in ("Friends", "Few")]
    for n in range(20):
        person = Person(("id", f"m{n}"))
        tags = tuple(tag for tag, least in (("Friends", 12), ("Few", 3)) if n < least)
        found += [
            rows.Contact(person, status="subscribed"),
            rows.Consent(person, "email", "unsubscribed" if n < 6 else "subscribed"),
            rows.MemberOf(person, "tag", "", tags, NOW - 1),
        ]
    return found


def test_every_segment_is_listed_with_its_people_and_a_few_are_not_counted_out(shop: Run) -> None:
    results = json.loads(shop("segment", "list", "--format", "json").stdout)["results"]
    text = shop("segment", "list").stdout

    found = [(one["name"], one["kind"], one["origin"], one["people"]) for one in results if one["origin"] != "persync"]
    assert found == [
        ("buyers", "behavioural", "persync.toml", 20),
        ("many", "behavioural", "persync.toml", 0),
        ("Few", "tag", "mail", None),
        ("Friends", "tag", "mail", 12),
    ]
    assert {one["name"].partition(": ")[0] for one in results if one["origin"] == "persync"} == {"life-cycle", "rfm"}
    assert ["Few", "tag", "mail", "hidden:", "fewer", "than", "5"] in [line.split() for line in text.splitlines()]


def test_a_segment_shows_its_rule_its_people_and_who_may_be_mailed(shop: Run) -> None:
    shown = shop("segment", "show", "buyers").stdout.splitlines()

    assert shown == [
        "segment: buyers",
        "kind: behavioural",
        "from: persync.toml",
        "rule: behavioural: min_orders 1",
        "people: 20",
        "said no to e-mail: 6",
        "may be mailed: 14",
    ]


def test_of_a_few_neither_number_is_told_that_gives_them_away(shop: Run) -> None:
    (few,) = json.loads(shop("segment", "show", "mail:Few", "--format", "json").stdout)["results"]
    (friends,) = json.loads(shop("segment", "show", "Friends", "--format", "json").stdout)["results"]

    assert (few["people"], few["refused"], few["mailable"]) == (None, None, None)
    assert (friends["people"], friends["refused"], friends["mailable"]) == (12, 6, 6)


def test_small_groups_are_shown_when_that_is_asked_for(shop: Run) -> None:
    answer = shop("segment", "show", "Few", "--show-small-groups", "--format", "json")

    (few,) = json.loads(answer.stdout)["results"]
    assert (few["people"], few["refused"], few["mailable"]) == (3, 3, 0)
    assert "small groups are not hidden" in answer.stderr


def test_a_segment_of_persyncs_own_with_nobody_in_it_is_one_all_the_same(shop: Run) -> None:
    listed = {one["name"] for one in json.loads(shop("segment", "list", "--format", "json").stdout)["results"]}
    name = next(name for name in made() if name not in listed)

    shown = shop("segment", "show", name).stdout.splitlines()

    assert shown[0] == f"segment: {name}"
    assert shown[3] not in ("rule: ", "rule: the platform's own")
    assert shown[4:] == ["people: 0", "said no to e-mail: 0", "may be mailed: 0"]


def test_a_segment_that_there_is_not_has_the_nearest(shop: Run) -> None:
    assert said(shop("segment", "show", "byers"), 2) == "there is no segment 'byers'. Did you mean 'buyers'?"
