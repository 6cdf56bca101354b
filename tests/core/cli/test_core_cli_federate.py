"""`persync federate`: what a client gives away, what an agency adds up, and what is refused."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.cli.calls import Run, project, said
from core.federate.stores import counted, given, make
from persync.federate import document
from persync.federate.export import Wish, noisy

SETTINGS = (
    '[report]\ntimezone = "UTC"\n[privacy]\nepsilon_budget = 1.0\nclip_events = 3\nclip_minor = { EUR = 20000, USD = 20000 }\n'
)
SETTINGS += '[experiments.wool]\ncontrol = "control"\nfrom = 2025-01-01\ndays = 31.0\n'
JANUARY = ("--period", "2025-01")


@pytest.fixture
def store(tmp_path: Path) -> Any:
    project(tmp_path, SETTINGS)
    return make(tmp_path / "persync.db", 1)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The exports a.json and b.json of two stores."""
    folder = tmp_path_factory.mktemp("exports")
    files = folder / "a.json", folder / "b.json"
    for number, file in enumerate(files, 1):
        document.write(file, given(make(folder / f"{number}.db", number)))
    return files


def test_two_exports_add_up_on_the_command_line(persync: Run, tmp_path: Path, store: Any, exported: tuple[Path, Path]) -> None:
    """One object for machines, its money in major units; a table for people."""
    file, other = tmp_path / "a.json", exported[1]

    made = persync("federate", "export", str(file), *JANUARY)
    found = json.loads(persync("federate", "merge", str(file), str(other), "--format", "json").stdout)
    text = persync("federate", "merge", str(file), str(other)).stdout
    persync("federate", "merge", str(file), str(other), "--out", str(tmp_path / "all.json"))

    assert made.exit_code == 0, made.output
    assert (found["kind"], found["stores"], found["period"]) == (
        "federated",
        2,
        ["2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z"],
    )
    sales = next(one for one in found["results"] if one["id"] == "sales" and one["by"] == {"currency": "EUR"})
    both = counted([store, make(tmp_path / "again.db", 2)])
    assert sales["value"] == both["sales", "EUR", ""] / 100
    assert "revenue       EUR" in text
    assert "People are counted in each store alone" in text
    assert json.loads((tmp_path / "all.json").read_text("utf-8"))["results"] == found["results"]


def test_noise_costs_what_it_says_and_the_budget_ends(persync: Run, tmp_path: Path, store: Any) -> None:
    """6 of 10 leaves 4; another 6 is refused, writes no file and costs nothing."""
    project(tmp_path, SETTINGS.replace("epsilon_budget = 1.0", "epsilon_budget = 10.0"))
    first = persync("federate", "export", str(tmp_path / "a.json"), "--epsilon", "6", *JANUARY)
    again = persync("federate", "export", str(tmp_path / "b.json"), "--epsilon", "6", *JANUARY)

    assert "Privacy budget: 6 spent, 4 left." in first.stderr
    assert "the privacy budget does not reach: 6 of 10 is spent, 6 was asked for" in said(again, 6)
    assert not (tmp_path / "b.json").exists()
    found = json.loads((tmp_path / "a.json").read_text("utf-8"))
    money = {"EUR": 20000, "USD": 20000}
    assert found["noise"] == {
        "epsilon": "6", "parts": 45, "clip_events": 3, "clip_rare": 1, "clip_minor": money, "measures": [],
    }  # fmt: skip
    assert (found["rates"], found["experiments"]) == ({}, [])
    mail = next(table for table in found["tables"] if table["family"] == "mail" and not table["attribute"])
    assert mail["total"]["people"] != 80 or mail["total"]["sends"] != counted([store])["sends", "", ""]


def test_the_noise_of_each_number_is_as_wide_as_what_a_person_changes_in_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Over many draws: one for people, three for events, 20,000 cents for money, times the numbers, over epsilon."""
    wish = Wish(epsilon=Decimal(2), clip_events=3, clip_minor={"EUR": 20_000, "USD": 20_000})
    exact = given(make(tmp_path / "s.db", 1), wish=wish)
    source = random.Random(3).randrange
    drawn = [noisy(exact, wish, source) for _ in range(120)]
    parts = sum(len([m for m in table.total if m != "squares"]) for table in exact.tables)

    def deviation(family: str, measure: str) -> float:
        at = next(i for i, table in enumerate(exact.tables) if table.family == family and not table.attribute)
        errors = [one.tables[at].total[measure] - exact.tables[at].total[measure] for one in drawn]
        return math.sqrt(sum(error * error for error in errors) / len(errors))

    for family, measure, size in (
        ("mail", "people", 1),
        ("mail", "sends", 3),
        ("mail", "complaints", 1),
        ("money", "sales", 20_000),
    ):
        assert deviation(family, measure) == pytest.approx(math.sqrt(2) * size * parts / 2, rel=0.3)
    assert drawn[0].tables[0].total["people"] != drawn[1].tables[0].total["people"]


def test_noise_larger_than_what_it_covers_is_refused_before_it_costs(persync: Run, tmp_path: Path, store: Any) -> None:
    """Eighty people, and 45 numbers that share an epsilon of 0.6: a standard deviation of 1.414 x 45 / 0.6 = 106."""
    refused = persync("federate", "export", str(tmp_path / "a.json"), "--epsilon", "0.6", *JANUARY)
    made = persync("federate", "export", str(tmp_path / "a.json"), "--epsilon", "1", *JANUARY)

    assert "noise of epsilon 0.6 over 45 numbers would be larger than what it covers" in said(refused, 1)
    assert "a standard deviation of 106 people in a store of fewer; nothing was spent" in refused.stderr
    assert "Privacy budget: 1 spent, 0 left." in made.stderr
    assert "Noise in complaints: a standard deviation of 64, beside " in made.stderr
    assert "Noise in sends: a standard deviation of 191, beside " in made.stderr
    assert "Noise in sales: a standard deviation of 1,272,792 minor units of EUR, beside " in made.stderr


def test_with_noise_everybody_is_told_once(persync: Run, tmp_path: Path, store: Any) -> None:
    """Not once more for each attribute, as the sum of its groups with the noise of all of them."""
    persync("federate", "export", str(tmp_path / "a.json"), "--epsilon", "1", *JANUARY)

    found = json.loads(persync("federate", "merge", str(tmp_path / "a.json"), "--format", "json").stdout)["results"]

    assert [one["by"] for one in found if one["id"] == "people" and "group" not in one["by"]] == [{}]
    (complaints,) = [one for one in found if one["id"] == "complaints" and "group" not in one["by"]]
    assert complaints["note"] == "noise in it has a standard deviation of 63.64"


def test_a_person_counts_for_no_more_than_the_clips_say(tmp_path: Path) -> None:
    """Where noise is to cover it, an order of 200 counts as 50, and three sends as one."""
    made = make(tmp_path / "s.db", 1)
    wish = Wish(epsilon=Decimal(2), clip_events=1, clip_minor={"EUR": 5_000, "USD": 10**12})
    exact = given(made, wish=wish)

    totals = {(t.family, t.currency): t.total for t in exact.tables if not t.attribute}
    sales = {
        c: sum(min(d["sales"], 5_000 if c == "EUR" else 10**12) for (_, k), d in made.money.items() if k == c)
        for c in ("EUR", "USD")
    }
    assert {c: totals["money", c]["sales"] for c in sales} == sales
    assert totals["mail", ""]["sends"] == sum(d["sends"] > 0 for d in made.mail.values())


def test_noise_on_money_without_a_bound_is_refused(persync: Run, tmp_path: Path, store: Any) -> None:
    """Money left out, it is given; nothing was spent by the refusal."""
    project(tmp_path, SETTINGS.replace("EUR = 20000, ", ""))

    refused = persync("federate", "export", str(tmp_path / "a.json"), "--epsilon", "1", *JANUARY)
    made = persync("federate", "export", str(tmp_path / "a.json"), "--epsilon", "1", "--only", "mail", *JANUARY)

    assert "noise on money needs to know how much of one person's counts at most: EUR has no bound" in said(refused, 2)
    assert "Privacy budget: 1 spent, 0 left." in made.stderr


def test_noise_without_a_budget_is_refused(persync: Run, tmp_path: Path, store: Any) -> None:
    project(tmp_path, "[privacy]\nclip_minor = { EUR = 1, USD = 1 }\n")

    assert "there is no budget for it" in said(persync("federate", "export", str(tmp_path / "a.json"), "--epsilon", "1"), 2)
    assert "epsilon is a number above 0" in said(persync("federate", "export", str(tmp_path / "a.json"), "--epsilon", "no"), 2)


def test_a_store_of_fewer_than_five_people_gives_nothing_away(persync: Run, tmp_path: Path) -> None:
    make(tmp_path / "persync.db", 3, people=4, sizes=(0, 4, 0, 0))

    assert "the store has fewer than 5 people" in said(persync("federate", "export", str(tmp_path / "a.json")), 1)
    assert "nobody in the store has the attribute 'agee'" in said(
        persync("federate", "export", str(tmp_path / "a.json"), "--by", "agee"), 1
    )


def change(text: str, edit: Callable[[dict[str, Any]], object]) -> str:
    given = json.loads(text)
    edit(given)
    return json.dumps(given)


def lower(given: dict[str, Any]) -> None:
    given["tables"][0]["total"]["sends"] = -3


def raise_total(given: dict[str, Any]) -> None:
    next(table for table in given["tables"] if table["groups"])["total"]["sends"] += 1


def shrink(given: dict[str, Any]) -> None:
    given["tables"][0]["total"]["people"] = 2


def square(given: dict[str, Any]) -> None:
    given["experiments"][0]["outcomes"]["minutes"]["arms"]["control"]["squares"] = 1


def more(given: dict[str, Any]) -> None:
    given["experiments"][0]["outcomes"]["conversion"]["arms"]["control"]["successes"] = 10**6


CASES: dict[str, tuple[Callable[[str], str], str]] = {
    "no file of ours": (lambda text: "{}", "a.json: it is no file of `persync federate export`"),
    "no JSON": (lambda text: text[:50], "a.json: it is no file of `persync federate export`"),
    "another version": (lambda text: change(text, lambda g: g.update(version=1)), "it is of version 1, and this persync reads"),
    "a count below zero": (lambda text: change(text, lower), "mail, total: sends is below zero"),
    "a changed total": (lambda text: change(text, raise_total), "the groups do not add up to the total"),
    "a cell of two": (lambda text: change(text, shrink), "a cell is of fewer than 5 people"),
    "sums that no numbers have": (lambda text: change(text, square), "sum and sum of squares do not fit"),
    "more successes than people": (lambda text: change(text, more), "more than there are people"),
    "an unknown field": (lambda text: change(text, lambda g: g.update(emails=[])), "emails: extra inputs are not permitted"),
    "a word for a number": (lambda text: change(text, lambda g: g.update(made_at="")), "made_at: input should be"),
    "another period": (
        lambda text: change(text, lambda g: g.update(period=[1, 2])), "b.json: its period is not that of a.json"
    ),
    "another basis": (lambda text: change(text, lambda g: g.update(basis="gross")), "b.json: its basis is not that of a.json"),
    "another zone": (lambda text: change(text, lambda g: g.update(timezone="Asia/Tokyo")), "its time zone is not that"),
    "cells of one": (
        lambda text: change(text, lambda g: g.update(floor=1)),
        "a.json: its floor is 1, and no cell of fewer than 5 people is added up",
    ),
    "another window": (
        lambda text: change(text, lambda g: g["experiments"][0].update(days=3.0)), "experiment wool is not the one of a.json"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_added_up_is_refused_in_one_line(
    persync: Run, tmp_path: Path, exported: tuple[Path, Path], case: str
) -> None:
    edit, words = CASES[case]
    file = tmp_path / "a.json"
    file.write_text(edit(exported[0].read_text("utf-8")), "utf-8")

    assert words in said(persync("federate", "merge", str(file), str(exported[1])), 1)


def test_one_store_twice_and_no_file_are_refused(persync: Run, exported: tuple[Path, Path]) -> None:
    twice = persync("federate", "merge", str(exported[1]), str(exported[1]))

    assert "b.json: it is of the same store as b.json. Leave one of them out" in said(twice, 1)
    assert "no file is named" in said(persync("federate", "merge"), 2)
