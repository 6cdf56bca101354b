"""What the demo's shop keeps beside its platforms: planted by stated rules, and nothing that was there before is changed."""

from __future__ import annotations

import csv
import io
from copy import deepcopy
from datetime import datetime
from typing import Any

import pytest

from persync.sandbox.demo import NOW, make_world
from persync.sandbox.papers import CANADIANS, add_papers
from persync.sandbox.world import SandboxPerson, Send, World

DAY = 86_400_000


@pytest.fixture(scope="module")
def plain() -> World:
    return make_world(7)


@pytest.fixture(scope="module")
def world(plain: World) -> World:
    return add_papers(deepcopy(plain))


def lines(world: World, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(world.files[name])))


def millis(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def sends(world: World) -> dict[str, list[tuple[int | None, Send]]]:
    """Return what everybody was sent, by the key that files have for them: the message's level and the send."""
    found: dict[str, list[tuple[int | None, Send]]] = {}
    for message in world.messages:
        for send in message.sends:
            found.setdefault(key(world.people[send.person]), []).append((message.level, send))
    return found


def key(person: SandboxPerson) -> str:
    return f"mailchimp:{person.mailchimp_id}" if person.mailchimp_id else f"hubspot:{person.hubspot_id}"


def said(world: World, channel: str) -> dict[str, int]:
    """Return who said no to a channel, and when."""
    told = [line for line in lines(world, "consents.csv") if line["channel"] == channel]
    assert {line["state"] for line in told} == {"unsubscribed"}
    return {line["person"]: millis(line["at"]) for line in told}


def test_the_same_seed_gives_the_same_papers(plain: World, world: World) -> None:
    again = add_papers(deepcopy(plain))

    assert again == world


def test_what_was_drawn_before_is_not_touched(plain: World, world: World) -> None:
    """Orders, people and what the list was sent stay; HubSpot's letters go to the Canadians as well, and to nobody else."""
    added = {number for number in world.people if number not in plain.people}

    assert len(added) == 3 * CANADIANS
    assert (world.orders, world.deals, world.experiments) == (plain.orders, plain.deals, plain.experiments)
    assert {number: one for number, one in world.people.items() if number not in added} == plain.people
    kept = deepcopy(world.messages)
    for message in kept:
        message.sends = [send for send in message.sends if send.person not in added]
    assert kept == plain.messages
    assert {name: world.files[name] for name in plain.files} == plain.files
    same = {key: value for key, value in world.truth.items() if key not in ("people", "papers")}
    assert same == {key: value for key, value in plain.truth.items() if key != "people"}


def test_as_many_letters_went_out_after_a_no_as_the_truth_says(world: World) -> None:
    out, by_person = said(world, "email"), sends(world)

    late = sum(send.at > at for one, at in out.items() for _, send in by_person[one])

    assert late == world.truth["papers"]["late_sends"]
    assert (len(out), late) == (13, 19)
    assert all(any(send.at > at for _, send in by_person[one]) for one, at in out.items())


def test_those_who_are_honoured_got_nothing_personal_after_their_no_and_the_others_did(world: World) -> None:
    out, by_person = said(world, "personalisation"), sends(world)

    after = {one: [level for level, send in by_person[one] if send.at > at] for one, at in out.items()}

    honoured = [one for one, levels in after.items() if all(level is not None and level < 2 for level in levels)]
    assert all(after.values())
    assert (
        world.truth["papers"]["opted_out"] == {"people": len(out), "honoured": len(honoured)} == {"people": 40, "honoured": 34}
    )


def test_a_canadian_was_written_to_for_half_a_year_after_asking_for_help_or_longer(plain: World, world: World) -> None:
    """Nobody of them agreed or bought, so a request for help is all there is: it holds for 182 days."""
    people = [one for number, one in world.people.items() if number not in plain.people]
    by_person = sends(world)
    told = lines(world, "countries.csv")

    since = [[send.at - one.created_at - 30 * DAY for _, send in by_person[key(one)]] for one in people]

    assert [(line["person"], line["value"]) for line in told] == [(key(one), "CA") for one in people]
    assert all(line["basis"] for line in told)
    assert all(one.number % 8 == 1 and one.mailchimp_id is None and one.status == "pending" for one in people)
    assert min(min(days) for days in since) > 0
    assert sum(max(days) > 182 * DAY for days in since) == world.truth["papers"]["canada"]["expired"] == CANADIANS


def test_the_trust_of_those_asked_is_that_of_their_answers(world: World) -> None:
    answers = lines(world, "surveys.csv")
    trust = [int(line["value"]) for line in answers if line["kind"] == "trust"]

    told: dict[str, Any] = world.truth["papers"]["trust"]

    assert {line["kind"] for line in answers} == {"trust", "comfort"}
    assert set(trust) <= {1, 2, 3, 4, 5}
    assert told == {"answers": len(trust), "of_100": round(sum(25 * (one - 1) for one in trust) / len(trust), 2)}
    assert len({line["answer"] for line in answers}) == len(answers)
    assert all(NOW - 41 * DAY < millis(line["at"]) < NOW for line in answers)


def test_no_file_names_anybody_by_an_address(world: World) -> None:
    assert [name for name, text in world.files.items() if "@" in text] == []


def test_the_smallest_demo_world_has_papers_too() -> None:
    world = add_papers(make_world(1, people=300))

    assert set(world.files) == set(world.file_kinds)
    assert world.truth["papers"]["canada"]["contacts"] == 3 * CANADIANS
