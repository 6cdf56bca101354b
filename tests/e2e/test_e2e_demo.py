"""`persync demo`, from the command to the page."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from e2e.fairness_shape import shape
from e2e.runs import Run, own_key, persync
from e2e.world_store import email_credit, question, stored
from persync.engine import open_engine
from persync.jobs.report import inputs_of
from persync.measure.lifts import with_lift
from persync.plugins import load_plugins
from persync.report.build import build_report, of_profile
from persync.report.render import render
from persync.report.report import Inputs
from persync.report.sections.fairness import build_fairness
from persync.sandbox.demo import make_world
from persync.sandbox.papers import add_papers
from persync.settings import load_project

OWN_SECRETS = {env: "the-users-own-us1" for kind in load_plugins().connectors.values() for env in kind.secrets.values()}
"""of somebody who has connected all of them: an imitated vendor that was called with one would refuse it"""
GOLDEN = Path(__file__).parent / "golden" / "demo_fairness.json"
EVERY = "all,linear_calibrated"
_FIGURE = r"\d[\d,]*\.\d+|\d,\d{3}\b"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    folder = tmp_path_factory.mktemp("demo")
    # Which people a mitigation is learnt and judged on is drawn by the key: a new one each time would tell other groups.
    (folder / "out").mkdir(mode=0o700)
    own_key(folder / "out")
    before = os.umask(0o022)  # that of most machines
    try:
        done = persync(folder, "demo", "--no-open", "--out", str(folder / "out"), "--seed", "7", **OWN_SECRETS)
    finally:
        os.umask(before)
    return folder, done


@pytest.fixture(scope="module")
def truth(demo: tuple[Path, Run]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = json.loads((demo[0] / "out" / "truth.json").read_text())
    return found


@pytest.fixture(scope="module")
def reports(demo: tuple[Path, Run]) -> dict[str, str]:
    """The demo's report in its other forms, worked out once."""
    host = load_plugins()
    project = load_project(demo[0] / "out", host)
    ask = project.ask(make_world(7).now)
    with closing(open_engine(project.store_path)) as engine:
        report = build_report(
            of_profile(host.sections.values(), "full"), inputs_of(host, project, engine, ask), made_at=ask.now
        )
    return {form: str(render(report, form)) for form in ("text", "json", "md")}


@cache
def results(folder: Path, *arguments: str) -> list[dict[str, object]]:
    done = persync(folder, *arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, object]] = json.loads(done.stdout)["results"]
    return found


def numbers(demo: tuple[Path, Run], *arguments: str) -> list[dict[str, object]]:
    """Return what a command answers; several tests look at the same answer."""
    return results(demo[0] / "out", *arguments)


def test_the_demo_ends_with_the_path_of_its_report(demo: tuple[Path, Run]) -> None:
    folder, done = demo

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str((folder / "out" / "report.html").resolve())
    assert (folder / "out" / "report.html").stat().st_size > 50_000


def test_a_token_of_the_environment_is_not_handed_to_an_imitated_vendor(demo: tuple[Path, Run]) -> None:
    """The environment holds a token of each vendor's: the demo calls with those that its sandbox gave it."""
    folder, done = demo

    assert len(OWN_SECRETS) >= 3
    assert done.returncode == 0, done.stderr
    with closing(sqlite3.connect(folder / "out" / "persync.db")) as store:
        pulled = store.execute(
            "SELECT DISTINCT name FROM connections JOIN coverage USING (connection) ORDER BY name"
        ).fetchall()
    assert [name for (name,) in pulled] == ["hubspot", "mailchimp", "shopify"]


def test_the_report_is_one_page_without_script_or_network(demo: tuple[Path, Run]) -> None:
    loads: list[str] = []

    class Page(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag in ("script", "link", "iframe", "object", "embed", "img"):
                loads.append(tag)
            loads.extend(value for name, value in attrs if name in ("src", "srcset") and value)
            loads.extend(name for name, _ in attrs if name.startswith("on"))

    text = (demo[0] / "out" / "report.html").read_text("utf-8")
    Page().feed(text)

    assert loads == []
    assert re.findall(r"url\((?!#)[^)]*\)|@import", text) == []


def test_the_readme_tells_the_figures_of_the_demo(demo: tuple[Path, Run], root: Path) -> None:
    told = (
        (root / "README.md").read_text("utf-8").split("For the made-up shop it says:")[1].split("The made-up shop's truth")[0]
    )
    figures = set(re.findall(_FIGURE, told)) | set(re.findall(r"\d+ of \d+", told))

    page = (demo[0] / "out" / "report.html").read_text("utf-8")
    answer = page.split("The numbers behind the answer")[0]
    elsewhere = {figure for line in told.split("- **") if line.startswith("It ties") for figure in re.findall(_FIGURE, line)}

    assert len(figures) > 15
    assert len(elsewhere) == 3
    assert sorted(figure for figure in figures if figure not in (page if figure in elsewhere else answer)) == []


def test_the_total_is_the_shops_to_the_cent(demo: tuple[Path, Run], truth: dict[str, dict[str, int]]) -> None:
    found = {
        (one["id"], *one["by"].values()): one["value"]  # type: ignore[attr-defined]
        for one in numbers(demo, "reconcile")
    }
    gross, net = truth["shop"]["gross_minor"] / 100, truth["shop"]["net_minor"] / 100

    assert found["shop_total", "shopify"] == gross
    assert found["ledger_gross", "shopify"] == gross
    assert found["ledger_net", "shopify"] == net
    assert found["differences",] == 0
    assert f"{gross:,.2f}" in (demo[0] / "out" / "report.html").read_text("utf-8")


def test_every_model_credits_exactly_the_revenue(demo: tuple[Path, Run], truth: dict[str, dict[str, int]]) -> None:
    credit = [one for one in numbers(demo, "attribution", "--models", EVERY) if one["id"] == "credit"]
    totals: dict[str, int] = {}
    for one in credit:
        model = one["by"]["model"]  # type: ignore[index]
        totals[model] = totals.get(model, 0) + round(float(one["value"]) * 100)  # type: ignore[arg-type]

    earned = truth["shop"]["net_minor"] + truth["deals"]["won_minor"]
    totals.pop("any_click", None)
    assert {"first_touch", "linear", "time_decay", "markov_removal", "shapley_rate", "hazard"} <= set(totals)
    assert totals == dict.fromkeys(totals, earned)


def test_the_platforms_over_claim_and_the_report_says_by_how_much(
    demo: tuple[Path, Run], truth: dict[str, dict[str, Any]]
) -> None:
    found = {(one["id"], *one["by"].values()): one["value"] for one in numbers(demo, "reconcile")}  # type: ignore[attr-defined]
    claims = truth["claims"]

    assert found["claim", "mailchimp", "mailchimp_report"] == claims["mailchimp"]["minor"] / 100
    assert found["claim", "hubspot", "LINEAR"] == claims["hubspot"]["LINEAR"] / 100
    total = (claims["mailchimp"]["minor"] + claims["hubspot"]["LINEAR"]) / 100
    assert found["claims_total",] == pytest.approx(total, abs=0.001)
    ratio = float(found["over_claim", "email_touched", "gross"])  # type: ignore[arg-type]
    assert ratio > 1.2
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", (demo[0] / "out" / "report.html").read_text("utf-8")))
    assert f"{ratio:.2f} ×" in text.replace("\u202f", " ").replace("\xa0", " ")


def test_no_address_name_or_token_is_in_anything_written(demo: tuple[Path, Run], reports: dict[str, str]) -> None:
    folder, done = demo
    world = add_papers(make_world(7))
    secrets = re.findall(r'"([^"]+)"', (folder / "out" / "persync.secrets.toml").read_text())
    places = {"stdout": done.stdout.encode(), "stderr": done.stderr.encode()}
    places |= {f"report as {form}": text.encode() for form, text in reports.items()}
    for path in sorted((folder / "out").rglob("*")):
        # The secrets file is where a token may be; the key is no one's but the store's.
        if path.is_file() and path.name not in ("persync.secrets.toml", "persync.key"):
            places[str(path.relative_to(folder))] = path.read_bytes()
        if path.suffix == ".parquet":
            # Its bytes are compressed: what they say is looked at too.
            table = pq.read_table(path)
            texts = [column.unique().to_pylist() for column in table.columns if "int" not in str(column.type)]
            places[f"{path.name} read"] = repr(texts).encode()
    status = persync(folder / "out", "status")
    doctor = persync(folder / "out", "doctor", PERSYNC_DEBUG="1")
    pull = persync(folder / "out", "pull", PERSYNC_DEBUG="1")
    places["pull"] = (pull.stdout + pull.stderr).encode()
    places["status"] = (status.stdout + status.stderr).encode()
    places["doctor"] = (doctor.stdout + doctor.stderr).encode()

    assert len([name for name in places if name.endswith(".parquet")]) > 20
    for name, found in places.items():
        text = found.lower()
        # Every address of the sandbox ends like this.
        assert b"@example.com" not in text, name
        assert [secret for secret in secrets if secret.encode().lower() in text] == [], name
    # Names are looked for where there is text: in compressed or hashed bytes three letters in a row mean nothing.
    texts = {name: found for name, found in places.items() if not name.endswith((".parquet", ".db", ".toml", "truth.json"))}
    with closing(sqlite3.connect(folder / "out" / "persync.db")) as db:
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            values = {value for row in db.execute(f"SELECT * FROM {table}") for value in row if isinstance(value, str | bytes)}
            texts[f"table {table}"] = repr(values).encode()
    words = {name.encode() for person in world.people.values() for name in (person.first_name, person.last_name)}
    for name, found in texts.items():
        assert words & set(re.findall(rb"[A-Za-z]{3,}", found)) == set(), name


def test_a_message_is_explained_from_its_level_to_the_orders_after_it(demo: tuple[Path, Run], truth: dict[str, Any]) -> None:
    """What was sent, on what evidence it is personal, to how many and what followed; to one of them, without who that is."""
    world = make_world(7)
    [message] = [one for one in world.messages if one.title == "Picked for you"]
    [told] = numbers(demo, "explain", "send", f"mailchimp:{message.id}")
    receiver = next(send.person for send in message.sends if send.clicks and send.status == "sent")
    email = world.people[receiver].email
    one = persync(demo[0] / "out", "explain", "send", "picked for you", email)

    assert (told["title"], told["level"], told["set_by"]) == ("Picked for you", 4, None)
    assert {"source": "content", "kind": "read", "detail": ""} in told["evidence"]  # type: ignore[operator]
    times = {(event["kind"], event["reason"]): event["people"] for event in told["events"]}  # type: ignore[attr-defined]
    assert times["send", None] == sum(send.status != "dropped" for send in message.sends)
    [orders] = told["orders"]  # type: ignore[misc]
    assert orders["orders"] > orders["clicked_before"] > 0
    assert one.returncode == 0, one.stderr
    assert re.search(r"To .*email \(keyed hash [0-9a-f]{12}\)", one.stdout)
    assert re.search(r"\d +click +mailchimp +/collections/", one.stdout)
    assert email not in one.stdout
    assert world.people[receiver].first_name not in one.stdout


def test_the_store_is_whole(demo: tuple[Path, Run]) -> None:
    done = persync(demo[0] / "out", "verify")

    assert done.returncode == 0, done.stderr


def test_only_the_owner_may_read_what_a_run_leaves_behind(demo: tuple[Path, Run]) -> None:
    """Store, key, mirror, derived files, secrets, lists and report, though the umask would let everybody read them."""
    out = demo[0] / "out"
    modes = {path.relative_to(out): stat.S_IMODE(path.stat().st_mode) for path in [out, *out.rglob("*")]}

    assert {Path("persync.db"), Path("persync.key"), Path("persync.secrets.toml"), Path("report.html")} <= set(modes)
    assert len([path for path in modes if path.suffix == ".parquet"]) > 20
    assert {path: oct(mode) for path, mode in modes.items() if mode not in (0o600, 0o700)} == {}


@pytest.mark.parametrize("period", [(), ("--period", "2026-07-01..2026-09-29")], ids=["year", "holdout"])
def test_scaled_to_the_holdout_a_model_is_nearer_to_the_truth_than_every_rule(
    demo: tuple[Path, Run], truth: dict[str, Any], period: tuple[str, ...]
) -> None:
    """What e-mail caused, over the year and in the holdout's days alone, beside what each model credits it with."""
    caused = truth["experiments"]["personal"]["caused_revenue"] if period else truth["email"]["net_minor"] / 100
    found = numbers(demo, "attribution", "--models", EVERY, *period)
    errors = {
        one["by"]["model"]: abs(float(one["value"]) - caused)  # type: ignore[arg-type,index]
        for one in found
        if one["id"] == "credit" and one["by"]["channel"] == "email"  # type: ignore[index]
    }

    scaled = errors.pop("linear_calibrated")
    assert {"first_touch", "last_touch", "linear", "time_decay"} <= set(errors)
    assert [name for name, error in errors.items() if error <= scaled] == []


def test_a_pull_of_the_vendors_gives_the_credit_of_the_world_written_straight_into_a_store(
    demo: tuple[Path, Run], tmp_path: Path
) -> None:
    """The short way by which the calibrated models of other seeds are tried."""
    world = make_world(7)
    names = ("first_touch", "last_touch", "linear", "last_email", "linear_calibrated")
    found = numbers(demo, "attribution", "--models", EVERY)
    pulled = {
        one["by"]["model"]: one["value"]  # type: ignore[index]
        for one in found
        if one["id"] == "credit" and one["by"]["channel"] == "email" and one["by"]["model"] in names  # type: ignore[index]
    }
    with closing(open_engine(stored(world, tmp_path / "persync.db"))) as engine:
        straight = email_credit(engine, names, with_lift(engine, question(world)))

    assert pulled == pytest.approx(straight, rel=0.03)


def test_the_report_says_how_far_each_rule_is_from_the_holdout(demo: tuple[Path, Run], reports: dict[str, str]) -> None:
    """Credited less the holdout's estimate, for every model; scaled to it nothing is left but rounding."""
    (section,) = [one for one in json.loads(reports["json"])["sections"] if one["name"] == "models"]
    (table,) = [block for block in section["blocks"] if block.get("name") == "held_against_holdout"]
    (lift,) = [one for one in numbers(demo, "metric", "incremental_revenue") if "arm" not in one["by"]]  # type: ignore[operator]
    rows = {row[0]: (row[1]["value"], row[2]["value"]) for row in table["rows"]}

    assert {"first touch", "last touch", "linear", "time decay", "markov removal", "linear, calibrated"} <= set(rows)
    for credited, off in rows.values():
        assert off == pytest.approx(credited - float(lift["value"]), abs=0.006)  # type: ignore[arg-type]
    assert abs(rows["linear, calibrated"][1]) < float(lift["value"]) / 1000  # type: ignore[arg-type]


def table(reports: dict[str, str], name: str) -> list[list[Any]]:
    """Return the rows of a table of the report, or of the one behind a figure."""
    blocks = [block for section in json.loads(reports["json"])["sections"] for block in section["blocks"]]
    (found,) = [block for block in blocks if block.get("name") == name]
    rows: list[list[Any]] = found.get("table", found)["rows"]
    return rows


def test_the_demos_report_has_something_to_show_of_consent_choice_and_trust(
    demo: tuple[Path, Run], truth: dict[str, Any], reports: dict[str, str]
) -> None:
    """Letters after a no, personalisation that was declined, time-limited consent in Canada and a survey: as planted."""
    papers = truth["papers"]
    violations = table(reports, "violations")
    numbers = {row[0]: row[1]["value"] for row in table(reports, "trust")}
    late = [row for row in violations if row[3].startswith("sent after the consent was withdrawn")]
    (expired,) = [row for row in violations if row[3].startswith("sent after an implied consent had run out")]
    ignored = [row[2]["value"] for row in violations if row[3].startswith("personalised all the same")]

    assert sum(row[2]["value"] for row in late) == papers["late_sends"]
    assert all(row[3].endswith("days late") for row in late)
    assert expired[2]["value"] == papers["canada"]["expired"]
    assert set(ignored) == {papers["opted_out"]["people"] - papers["opted_out"]["honoured"]}
    assert numbers["Opt-outs of personalisation honoured"] == papers["opted_out"]["honoured"] / papers["opted_out"]["people"]
    assert numbers["Trust, by surveys"] == pytest.approx(papers["trust"]["of_100"], abs=0.005)
    assert numbers["May be mailed for a purchase or an inquiry alone (Canada)"] == 16
    assert numbers["Of them, time runs out within 90 days"] == 8
    assert numbers["Transparency checklist met"] == 0.6
    assert len(table(reports, "doses_figure")) >= 3
    assert {row[0] for row in table(reports, "return_parts_figure")} >= {"Messages, as tested", "Hours and tickets saved"}
    assert len(table(reports, "cost_of_harm")) == 5


def test_the_demos_report_says_who_is_treated_differently_what_that_costs_and_what_could_be_done(
    demo: tuple[Path, Run],
) -> None:
    """The rules planted in the demo leave out France and whoever is 60 or older; the frontier is in money with its currency."""
    page = (demo[0] / "out" / "report.html").read_text("utf-8")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).replace("\u00a0", " ")

    for asked in (
        "Is anybody treated differently, beyond chance?",
        "What do they miss, in money?",
        "What could be done, and what would it cost?",
    ):
        assert asked in text
    worse = text.split("Worse off: ")[1].split(".")[0]
    assert "&#39;FR&#39; by country" in worse
    assert "&#39;60+&#39; by ageband" in worse
    assert "a projection, not measured on them" in text
    assert "Suggested, never done" in text
    assert "EUR more than as decided" in text
    assert re.search(r"Of [\d,]+ people from whom nothing was learnt or chosen, &#39;\w+", text)
    assert re.search(r"judged on [\d,]+ people from whom nothing was learnt or chosen; learnt on [\d,]+ others", text)


def test_the_fairness_section_of_the_demo_shows_what_it_is_known_to_show(demo: tuple[Path, Run]) -> None:
    """Dots with intervals and n beside the four-fifths line, verdicts, computed words and who is left out, all but the figures;
    and with a higher floor the hidden groups by name. PERSYNC_WRITE_GOLDEN=1 keeps the new shape."""
    folder, host = demo[0] / "out", load_plugins()
    project = load_project(folder, host)
    engine = open_engine(project.store_path)
    inputs = Inputs(engine, project.ask(make_world(7).now), host.models, host.metrics, project.facts())
    found = {
        "section": shape(build_fairness(inputs)),
        "fewer than 250": [
            block
            for block in shape(build_fairness(replace(inputs, ask=replace(inputs.ask, suppress_n=250))))
            if "hidden" in block.get("text", "") or str(block.get("table")).startswith("exposure_")
        ],
    }
    engine.close()

    if os.environ.get("PERSYNC_WRITE_GOLDEN"):
        GOLDEN.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert found == json.loads(GOLDEN.read_text("utf-8"))
