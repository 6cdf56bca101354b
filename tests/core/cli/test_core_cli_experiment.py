"""Planning a test, drawing its arms, handing them to a platform and freezing what was before: through the command line."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from core.cli.calls import PLATFORMS, Run, project, said
from persync import rows
from persync.jobs.drawing import arm_at, place
from persync.rows import Action, CampaignRef, Person
from persync.store.derive import derive
from persync.store.store import open_store
from persync.store.write import Writer

DAY = 86_400_000
NOW = 1_750_000_000_000
SETTINGS = f"""\
{PLATFORMS}
[experiments.welcome]
planned_shares = {{ treated = 0.8, control = 0.2 }}
control = "control"
salt = "a salt of the test"
holdout = true
"""


@pytest.fixture
def shop(persync: Run, tmp_path: Path) -> Run:
    """500 contacts of two systems; ten of them said no to mail."""
    project(tmp_path, SETTINGS)
    with open_store(tmp_path / "persync.db", create=True) as store:
        for name, connector in (("mail", "mailchimp"), ("crm", "hubspot")):
            writer = Writer(store, name, connector, now=NOW)
            with store.transaction():
                writer.write(_rows(name))
        derive(store)
    return persync


def _rows(name: str) -> Any:
    yield rows.Account(name, currency="EUR")
    letter = CampaignRef(("id", "letter"))
    yield rows.Campaign(letter, kind="regular", title="Letter", sent_at=NOW)
    for i in range(500):
        person = Person(("id", f"{name}{i}"), ("email", f"p{i}@example.com"))
        yield rows.Contact(person, status="subscribed")
        yield rows.Consent(person, "email", "unsubscribed" if i < 10 else "subscribed")
        if name == "mail":
            yield rows.Touchpoint(letter, person, Action.SEND, NOW)


def drawn(run: Run, *more: str) -> dict[str, dict[str, Any]]:
    found = run("experiment", "assign", "welcome", "--format", "json", *more)
    assert found.exit_code == 0, found.stderr
    return {line["arm"]: line for line in json.loads(found.stdout)["results"]}


def test_arms_are_drawn_once_by_lot_and_stay(shop: Run) -> None:
    """About a fifth is held back, nobody who said no is drawn, and drawing again draws nobody."""
    rehearsed = drawn(shop, "--dry-run")
    first = drawn(shop)
    again = drawn(shop)

    assert {arm: line["new"] for arm, line in rehearsed.items()} == {arm: line["new"] for arm, line in first.items()}
    assert sum(line["people"] for line in first.values()) == 490
    assert 70 <= first["control"]["people"] <= 130
    assert {arm: (line["people"], line["new"]) for arm, line in again.items()} == {
        arm: (line["people"], 0) for arm, line in first.items()
    }
    read = json.loads(shop("experiment", "read", "welcome", "--format", "json").stdout)["results"]
    assert {e["by"]["arm"]: e["value"] for e in read if e["id"] == "arm_size"} == {
        arm: line["people"] for arm, line in first.items()
    }
    assert next(e for e in read if e["id"] == "sample_ratio")["p"] > 0.001


def test_a_place_hangs_on_salt_experiment_and_person_alone() -> None:
    """Stable, even over the unit interval, and another one for another test."""
    places = [place("salt", "welcome", person) for person in range(4000)]

    assert place("salt", "welcome", 7) == places[7] != place("salt", "other", 7) != place("tlas", "other", 7)
    assert abs(sum(places) / 4000 - 0.5) < 0.02
    assert abs(sum(arm_at({"a": 0.25, "b": 0.75}, where) == "a" for where in places) / 4000 - 0.25) < 0.03


def test_without_a_salt_of_ones_own_the_store_keeps_one(shop: Run, tmp_path: Path) -> None:
    project(tmp_path, SETTINGS.replace('salt = "a salt of the test"\n', ""))
    first = drawn(shop, "--dry-run")

    assert drawn(shop, "--dry-run") == first


def test_hubspot_gets_record_ids(shop: Run) -> None:
    sizes = drawn(shop)

    found = list(csv.reader(shop("experiment", "export", "welcome", "--for", "crm").stdout.splitlines()))

    assert found[0] == ["Record ID", "persync welcome"]
    assert len(found) - 1 == sizes["control"]["people"]
    assert {line[1] for line in found[1:]} == {"control"}
    assert all(line[0].startswith("crm") for line in found[1:])


@pytest.mark.parametrize("connection", ["mail", "shop"])
def test_a_platform_that_knows_addresses_alone_is_refused_with_what_to_do(shop: Run, connection: str) -> None:
    drawn(shop)

    assert "persync keeps none" in said(shop("experiment", "export", "welcome", "--for", connection), 2)


def test_ones_own_list_is_marked_and_nothing_of_it_is_kept(shop: Run, tmp_path: Path) -> None:
    """Mailchimp gets address and tag, of the arm's people alone, in a file for its owner's eyes."""
    sizes = drawn(shop)
    listed, out = tmp_path / "audience.csv", tmp_path / "control.csv"
    lines = [f"P{i}@Example.com,Ann{i}" for i in range(500)] + ["stranger@example.com,Bob"]
    listed.write_text("Email Address,First Name\n" + "\n".join(lines) + "\n")
    before = _but_the_log(tmp_path / "persync.db")

    told = shop("experiment", "export", "welcome", "--for", "mail", "--list", str(listed), "--out", str(out))

    assert told.exit_code == 0, told.stderr
    found = list(csv.reader(out.open()))
    assert found[0] == ["Email Address", "Tags"]
    assert len(found) - 1 == sizes["control"]["people"]
    assert {line[1] for line in found[1:]} == {"welcome:control"}
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert "Of 501 lines 490 are in an arm; the other 11 were not drawn." in told.stdout
    assert "@" not in told.stdout
    assert _but_the_log(tmp_path / "persync.db") == before


def _but_the_log(path: Path) -> list[str]:
    with open_store(path) as store:
        return [line for line in store.db.iterdump() if not line.startswith('INSERT INTO "log"')]


def test_shopify_keeps_its_columns_and_other_tags(shop: Run, tmp_path: Path) -> None:
    drawn(shop)
    listed, out = tmp_path / "customers.csv", tmp_path / "control.csv"
    listed.write_text("Customer ID,Email,Tags,Note\n" + "".join(f"'{i},p{i}@example.com,vip,x\n" for i in range(500)))

    shop("experiment", "export", "welcome", "--for", "shop", "--list", str(listed), "--out", str(out))

    found = list(csv.reader(out.open()))
    assert found[0] == ["Customer ID", "Email", "Tags", "Note"]
    assert {tuple(line[2:]) for line in found[1:]} == {("vip, welcome:control", "x")}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("assign", "welcom"), 2, "Did you mean 'welcome'"),
        (("export", "welcome", "--for", "crm"), 1, "nobody is drawn"),
        (("export", "welcome", "--for", "crmm"), 2, "Did you mean 'crm'"),
    ],
)
def test_what_cannot_be_done_is_said(shop: Run, arguments: tuple[str, ...], code: int, words: str) -> None:
    assert words in said(shop("experiment", *arguments), code)


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ("", "shares are missing"),
        ("planned_shares = { treated = 0.8, control = 0.1 }", "add up to 0.9"),
        ("planned_shares = { treated = 0.8, other = 0.2 }", "'control' has no planned share"),
        ('planned_shares = { a = 0.5, control = 0.5 }\ntags = { a = "x", control = "y" }', "tags that somebody else gave"),
    ],
)
def test_shares_that_do_not_make_a_draw_are_refused(shop: Run, tmp_path: Path, shares: str, words: str) -> None:
    project(tmp_path, SETTINGS.replace("planned_shares = { treated = 0.8, control = 0.2 }", shares))

    assert words in said(shop("experiment", "assign", "welcome"), 2)


def test_a_plan_is_made_without_any_experiment_too(shop: Run, tmp_path: Path) -> None:
    project(tmp_path, "")

    found = json.loads(shop("experiment", "plan", "--format", "json").stdout)["results"]

    assert {e["id"]: e["value"] for e in found if e["id"] == "audience"} == {"audience": 490}


def test_what_was_before_is_frozen_once_and_held_against_now(persync: Run, tmp_path: Path) -> None:
    """With date and digest; a second freeze is refused; another month than the baseline's is warned of."""
    project(tmp_path, '[goal]\ntext = "more orders"\nprimary = "aov"\n')
    (tmp_path / "orders.csv").write_text(
        "order,person,at,amount,currency\n"
        + "".join(f"a{i},p{i},2025-01-05,{10 + i % 3}.00,EUR\n" for i in range(40))
        + "".join(f"b{i},p{i},2025-03-05,{20 + i % 3}.00,EUR\n" for i in range(40))
    )
    persync("import", "orders", str(tmp_path / "orders.csv"))

    made = persync("baseline", "freeze", "--period", "2025-01")

    assert made.exit_code == 0, made.stderr
    assert "frozen already" in said(persync("baseline", "freeze"), 2)
    shown = json.loads(persync("baseline", "show", "--period", "2025-03", "--format", "json").stdout)["results"]
    aov = {e["id"]: e for e in shown if e["by"]["metric"] == "aov"}
    assert (aov["baseline"]["value"], aov["baseline_difference"]["value"]) == (10.975, pytest.approx(10.0))
    assert aov["baseline_difference"]["label"] == "raw difference"
    assert "season" in aov["baseline_difference"]["note"]
    assert "from data" in aov["baseline"]["note"]
    goal = json.loads(persync("metric", "goal", "--period", "2025-03", "--format", "json").stdout)["results"]
    assert [(e["by"]["role"], e["value"]) for e in goal if "measure" not in e["by"]] == [("primary", pytest.approx(20.975))]
    assert "more orders" in goal[0]["note"]


def test_without_goal_and_baseline_the_reason_is_said(persync: Run, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("order,person,at,amount,currency\n1,a,2025-03-01,80.00,EUR\n")
    persync("import", "orders", str(tmp_path / "orders.csv"))

    reasons = [
        json.loads(persync("metric", id, "--format", "json").stdout)["results"][0]["reason"] for id in ("goal", "baseline")
    ]

    assert reasons == ["no_goal", "no_baseline"]


def test_a_metric_is_given_as_csv(shop: Run) -> None:
    drawn(shop)

    text = shop("metric", "conversion_rate", "--arm", "welcome", "--format", "csv").stdout

    found = list(csv.DictReader(text.splitlines()))
    assert {line["arm"] for line in found} == {"treated", "control"}
    assert {line["id"] for line in found} == {"conversion_rate", "conversion_rate_difference"}
