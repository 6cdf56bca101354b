"""The scan for bias from the command line: the demo shop's unfair rule, and decisions that are the wrong way round."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from e2e.runs import Site, own_key, persync, serving
from persync.connect.result import PullOptions
from persync.jobs.pulling import pull_project
from persync.plugins import load_plugins
from persync.sandbox.demo import make_world
from persync.settings import load_project


@pytest.fixture(scope="module")
def pulled(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo shop's project, with the vendors read."""
    folder: Path = site.project(tmp_path_factory.mktemp("scan") / "shop")
    own_key(folder)
    host = load_plugins()
    result = pull_project(host, load_project(folder, host), ("mailchimp", "shopify"), PullOptions(now=site.world.now))
    assert result.exit_code == 0
    return folder


def scanned(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    done = persync(folder, "metric", "bias_detection", *arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    results: list[dict[str, Any]] = json.loads(done.stdout)["results"]
    return results


def test_the_rule_planted_in_the_demo_shop_is_found_named_and_sized_in_money(pulled: Path) -> None:
    """Its messages leave out France and everybody of 60 and above: both are told, with what they miss and which rule it is."""
    found = scanned(pulled)
    gaps = [one for one in found if one["id"] == "bias_gap" and one["by"]["of"] == "worse"]
    reached = {(one["by"]["attribute"], one["by"]["group"]) for one in gaps if one["by"]["measure"] == "exposure_rate"}
    money = {one["by"]["group"]: one for one in found if one["id"] == "bias_money"}
    proxies = [one["by"] for one in found if one["id"] == "proxy_information"]

    assert reached >= {("country", "FR"), ("ageband", "60+")}
    assert all(one["p"] < 0.05 and one["high"] < 0 for one in gaps if one["by"]["measure"] == "exposure_rate")
    assert found[0]["id"] == "bias_detection"
    assert found[0]["value"] == sum(one["id"] == "bias_gap" for one in found)
    assert f"{found[0]['n']} comparisons, Holm-adjusted" in found[0]["note"]
    assert money.keys() >= {"FR", "60+"}
    for one in money.values():
        assert one["unit"] == "EUR"
        assert one["label"] == "raw difference"
        assert one["note"].startswith("a projection, no measured effect: if the ")
        assert one["low"] < one["value"] < one["high"]
    assert {"attribute": "ageband", "rule": "Picked for you", "kind": "message"} in proxies
    named = [one for one in found if one["id"] == "bias_excluded" and one["by"]["attribute"] == "ageband × country"]
    assert "in none: " in named[0]["note"]
    assert "hidden" in named[0]["note"]


def test_the_same_shop_without_the_rule_raises_no_alarm(tmp_path: Path) -> None:
    """Pulled and asked like the other: the same people and places, and nobody left out. Of all comparisons none is a gap, there
    is no money to size, and no message tells who somebody is."""
    with serving(make_world(11, people=400, is_fair=True), tmp_path / "served") as fair:
        folder = fair.project(tmp_path / "shop")
        host = load_plugins()
        result = pull_project(host, load_project(folder, host), ("mailchimp", "shopify"), PullOptions(now=fair.world.now))
        assert result.exit_code == 0

    first, *found = scanned(folder)

    assert (first["id"], first["value"]) == ("bias_detection", 0)
    assert first["n"] > 30
    assert not {one["id"] for one in found} & {"bias_gap", "bias_money"}
    assert [one["by"] for one in found if one["id"] == "proxy_information" and one["by"]["kind"] == "message"] == []


def test_what_could_be_done_about_the_planted_rule_is_shown_with_its_frontier(pulled: Path) -> None:
    """Nobody above 60 gets the message: a floor by lot brings them in, and one point of the frontier is suggested.

    A quarter of this small shop's people above 60 are fewer than the 30 who steer unless the settings say otherwise.
    """
    settings = pulled / "persync.toml"
    settings.write_text(settings.read_text("utf-8") + "\n[report]\nreport_n = 10\n", "utf-8")
    arguments = ("--message", "Picked for you", "--by", "ageband", "--gain", "12", "--cost", "0.05", "--format", "json")
    done = persync(pulled, "fairness", "mitigate", *arguments)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["results"]
    ratio = {one["by"]["method"]: one for one in found if one["id"] == "bias_mitigation"}
    points = {(one["by"]["method"], one["by"]["strength"]): one for one in found if one["id"] == "frontier_ratio"}

    assert (ratio["as_decided"]["value"], ratio["as_decided"]["by"]["group"]) == (0, "60+")
    assert ratio["as_decided"]["by"]["message"] == "Picked for you"
    assert ratio["exploration_floor"]["value"] > 0.1
    assert ratio["group_thresholds"]["reason"] == "no_scores"
    floor = [points["exploration_floor", strength]["value"] for strength in ("0", "0.25", "0.5", "0.75", "1")]
    assert floor[0] == 0
    assert min(floor[1:]) > 0.05
    assert sum(one["by"]["suggested"] == "yes" for one in points.values()) == 1
    wrong = persync(pulled, "fairness", "mitigate", "--message", "Picked for yu", "--by", "country")
    assert "the store holds no message 'Picked for yu'. Did you mean 'Picked for you'?" in wrong.stderr
    both = persync(pulled, "fairness", "mitigate", "--message", "x", "--decision", "y", "--by", "country")
    assert "name one of --decision, --message, --segment and --score" in both.stderr


def test_decisions_the_wrong_way_round_and_missing_attributes_are_told(tmp_path: Path) -> None:
    """300 of 400 wrong, 20 of one kind of label, 40 people without a gender."""
    (tmp_path / "attributes.csv").write_text(
        "person,name,value,basis\n" + "".join(f"p{n},gender,{'fm'[n % 2]},asked for\n" for n in range(360)), "utf-8"
    )
    lines = [f"p{n},offer,{int(n % 4 == 0) ^ int(n < 20)},{int(n < 20)},2026-01-01" for n in range(400)]
    (tmp_path / "decisions.csv").write_text("person,decision,selected,qualified,at\n" + "\n".join(lines) + "\n", "utf-8")
    wrong = [line.replace(",offer,", ",turned,") for line in lines]
    turned = [f"{a},{b},{1 - int(c)},{d},{e}" for a, b, c, d, e in (line.split(",") for line in wrong)]
    (tmp_path / "turned.csv").write_text("person,decision,selected,qualified,at\n" + "\n".join(turned) + "\n", "utf-8")
    for kind, name in (("attributes", "attributes.csv"), ("decisions", "decisions.csv"), ("decisions", "turned.csv")):
        done = persync(tmp_path, "import", kind, str(tmp_path / name))
        assert done.returncode == 0, done.stderr

    found = scanned(tmp_path, "--by", "gender")

    checks = {(one["id"], one["by"].get("decision")): one for one in found if one["id"] in ("label_balance", "score_direction")}
    assert checks["label_balance", "offer"]["value"] == pytest.approx(20 / 400)
    assert "fewer than 10 % of one kind" in checks["label_balance", "offer"]["note"]
    assert checks["score_direction", "offer"]["value"] == pytest.approx(300 / 400)
    assert "wrong way" not in (checks["score_direction", "offer"]["note"] or "")
    assert checks["score_direction", "turned"]["value"] == pytest.approx(100 / 400)
    assert "the score looks the wrong way round" in checks["score_direction", "turned"]["note"]
    (missing,) = [one for one in found if one["id"] == "attribute_missing"]
    assert (missing["value"], missing["n"]) == (pytest.approx(0.1), 400)
    assert {one["by"]["measure"] for one in found if one["id"] == "bias_gap"} >= {"selection_rate"}
