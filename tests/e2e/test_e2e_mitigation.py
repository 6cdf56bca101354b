"""What could be done about an unfair decision, from files to the log."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from e2e.runs import own_key, persync


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """8,000 people of whom half qualify alike, decided about by a score that takes from one gender."""
    folder = tmp_path_factory.mktemp("mitigation")
    own_key(folder)
    rng = np.random.default_rng(9)
    women, right = rng.random(8_000) < 0.5, rng.random(8_000) < 0.4
    score = np.clip(0.35 + 0.3 * right - 0.2 * women + rng.normal(0, 0.1, 8_000), 0, 1)
    rows = ["person,name,value,basis"] + [f"p{n},gender,{'w' if w else 'm'},asked for" for n, w in enumerate(women)]
    rows += [f"p{n},size,{'small' if w ^ (n % 5 == 0) else 'large'},asked for" for n, w in enumerate(women)]
    (folder / "attributes.csv").write_text("\n".join(rows) + "\n", "utf-8")
    lines = ["person,decision,selected,score,qualified,at"]
    lines += [
        f"p{n},offer,{int(s > 0.45)},{s:.4f},{int(q)},2026-01-01" for n, (s, q) in enumerate(zip(score, right, strict=True))
    ]
    (folder / "decisions.csv").write_text("\n".join(lines) + "\n", "utf-8")
    for kind in ("attributes", "decisions"):
        done = persync(folder, "import", kind, str(folder / f"{kind}.csv"))
        assert done.returncode == 0, done.stderr
    return folder


def told(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    done = persync(folder, *arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    results: list[dict[str, Any]] = json.loads(done.stdout)["results"]
    return results


def test_each_method_is_shown_before_and_after_with_money_and_one_point_of_the_frontier_is_suggested(project: Path) -> None:
    arguments = ("fairness", "mitigate", "--decision", "offer", "--by", "gender", "--gain", "20", "--cost", "2")
    found = told(project, *arguments, "--currency", "chf")
    ratio = {one["by"]["method"]: one for one in found if one["id"] == "bias_mitigation"}
    money = {one["by"]["method"]: one for one in found if one["id"] == "mitigated_money"}
    accuracy = {one["by"]["method"]: one for one in found if one["id"] == "mitigated_accuracy"}
    points = [one for one in found if one["id"] == "frontier_ratio"]

    assert ratio["as_decided"]["by"] | {"state": "before", "group": "w", "against": "m"} == ratio["as_decided"]["by"]
    assert ratio["as_decided"]["value"] < 0.5 < 0.75 < ratio["group_thresholds"]["value"]
    assert set(ratio) == {"as_decided", "group_thresholds", "exploration_floor", "reweighing", "drop_proxy", "generic_mail"}
    assert ratio["generic_mail"]["reason"] == "not_a_burden"
    assert set(money) == set(accuracy) == set(ratio) - {"generic_mail"}
    assert all(one["low"] < one["value"] < one["high"] for one in (*money.values(), *accuracy.values()))
    assert {(one["unit"], one["label"]) for one in money.values()} == {("CHF", "raw difference")}
    assert len(points) == 1 + 4 * 5
    (best,) = [one for one in points if one["by"]["suggested"] == "yes"]
    assert best["value"] >= 0.75
    assert best["by"]["verdict"] in ("meets", "not shown")
    assert "a person decides" in best["note"]
    point = {key: best["by"][key] for key in ("method", "strength")}
    of = {one["id"]: one for one in found if point.items() <= one["by"].items() and one["by"].get("suggested") == "yes"}
    gain, roi = of["frontier_money_difference"], of["fairness_roi_frontier"]
    assert gain["low"] < gain["value"] < gain["high"]
    assert gain["value"] == pytest.approx(of["frontier_money"]["value"] - money["as_decided"]["value"])
    assert roi["low"] < roi["value"] < roi["high"]
    assert (gain["unit"], gain["label"], roi["label"]) == ("CHF", "raw difference", "raw difference")


def test_on_whom_it_was_learnt_chosen_and_judged_is_said_with_their_numbers(project: Path) -> None:
    found = told(project, "fairness", "mitigate", "--decision", "offer", "--by", "gender")

    for one in found:
        if one["value"] is not None:
            said = re.search(
                r"judged on ([\d,]+) .* learnt on ([\d,]+) others, .* by cross-fitting \(([\d,]+) and ([\d,]+)\)", one["note"]
            )
            assert said is not None, one
            judged, learnt, first, second = (int(number.replace(",", "")) for number in said.groups())
            assert judged + learnt == 8_000
            assert first + second == learnt
            assert one["n"] == judged
    text = persync(project, "fairness", "mitigate", "--decision", "offer", "--by", "gender").stdout
    assert "suggested" in text
    assert f"judged on {judged:,} people" in text
    assert "Money is not known: what one is worth to you is not set." in text


def test_money_without_a_currency_is_not_told(project: Path) -> None:
    """Two plain numbers in a store without an order: a return they have, an amount they have not."""
    found = told(project, "fairness", "mitigate", "--decision", "offer", "--by", "gender", "--gain", "20", "--cost", "2")

    amounts = [one for one in found if "money" in one["id"]]
    assert {(one["value"], one["reason"], one["label"]) for one in amounts} == {(None, "no_currency", "raw difference")}
    assert all(one["value"] is not None for one in found if one["id"] == "fairness_roi_frontier")


def test_without_prices_there_is_no_money_but_the_rest(project: Path) -> None:
    found = told(project, "metric", "fairness_roi_frontier", "--by", "gender")

    for id in ("fairness_roi_frontier", "frontier_money", "frontier_money_difference"):
        assert {one["reason"] for one in found if one["id"] == id} == {"not_priced"}
    for id in ("frontier_ratio", "frontier_accuracy"):
        assert sum(one["id"] == id and one["value"] is not None for one in found) == 21
    assert {one["id"] for one in told(project, "metric", "bias_mitigation", "--by", "gender")} == {
        "bias_mitigation",
        "mitigated_accuracy",
        "mitigated_money",
    }


def test_small_groups_are_named_and_stay_as_decided_and_unknown_counts_where_it_is_asked_for(tmp_path: Path) -> None:
    """2,000 people of two regions, 40 of a third, two of a fourth, and 600 of whom nothing is known."""
    regions = ["north", "south"] * 1_000 + ["east"] * 40 + ["west"] * 2
    rows = "".join(f"p{n},region,{region},asked for\n" for n, region in enumerate(regions))
    (tmp_path / "attributes.csv").write_text(f"person,name,value,basis\n{rows}", "utf-8")
    lines = [f"p{n},offer,{int(n % 3 == 0 or n >= 2_040)},{n % 10 / 10},{int(n % 4 == 0)},2026-01-01" for n in range(2_642)]
    (tmp_path / "decisions.csv").write_text("person,decision,selected,score,qualified,at\n" + "\n".join(lines) + "\n", "utf-8")
    for kind in ("attributes", "decisions"):
        assert persync(tmp_path, "import", kind, str(tmp_path / f"{kind}.csv")).returncode == 0
    arguments = ("fairness", "mitigate", "--decision", "offer", "--by", "region")

    found, asked = (told(tmp_path, *arguments, *more) for more in ((), ("--count-unknown",)))

    (left,), (left_too,) = ([one for one in each if one["id"] == "left_as_decided"] for each in (found, asked))
    assert (left["value"], left_too["value"]) == (3, 2)
    assert "'east' (hidden), 'unknown' (600 people, asked for with --count-unknown), 'west' (hidden)" in left["note"]
    assert "unknown" not in left_too["note"]
    named = {one["by"][end] for one in found if "against" in one["by"] for end in ("group", "against")}
    assert named == {"north", "south"}
    assert "unknown" in {
        one["by"]["against"] for one in asked if one["by"].get("method") == "as_decided" and "group" in one["by"]
    }


def test_what_a_person_decides_is_in_the_log_can_be_read_back_and_changes_nothing_else(project: Path) -> None:
    before = persync(project, "verify", "--digest").stdout
    done = persync(
        project,
        *("fairness", "decide", "group_thresholds", "--decision", "offer", "--by", "gender", "--strength", "0.5"),
        *("--because", "as ann@example.com\x1b[2J asked"),
    )
    assert done.returncode == 0, done.stderr
    left = persync(
        project, "fairness", "decide", "as_decided", "--decision", "offer", "--by", "size", "--because", "it is small"
    )
    assert left.returncode == 0, left.stderr
    for own in (("--segment", "rfm: champions"), ("--score", "churn")):
        noted = persync(project, "fairness", "decide", "reweighing", *own, "--by", "size", "--because", "asked")
        assert noted.returncode == 0, noted.stderr

    read = told(project, "fairness", "decisions")

    assert [{key: value for key, value in one.items() if key not in ("at", "because")} for one in read] == [
        {"method": "group_thresholds", "strength": 0.5, "decision": "offer", "message": "", "by": "gender"},
        {"method": "as_decided", "strength": 0.0, "decision": "offer", "message": "", "by": "size"},
        {"method": "reweighing", "strength": 1.0, "decision": "segment rfm: champions", "message": "", "by": "size"},
        {"method": "reweighing", "strength": 1.0, "decision": "score churn", "message": "", "by": "size"},
    ]
    assert read[0]["because"].startswith("as ")
    assert read[1]["because"] == "it is small"
    assert "ann@" not in read[0]["because"]
    assert "\x1b" not in read[0]["because"]
    assert "it is small" in persync(project, "fairness", "decisions").stdout
    assert persync(project, "verify", "--digest").stdout == before
    assert persync(project, "verify").returncode == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"method": "group_treshold"}, "there is no mitigation 'group_treshold'. Did you mean 'group_thresholds'?"),
        ({"--decision": "ofer"}, "there is no decision 'ofer'. Did you mean 'offer'?"),
        ({"--by": "gendre"}, "there is no attribute 'gendre'. Did you mean 'gender'?"),
        ({"--decision": None, "--message": "Spring"}, "there is no message 'Spring'. The store holds no message."),
        ({"--decision": None, "--segment": "rfm: champion"}, "Did you mean 'rfm: champions'?"),
        ({"--segment": "rfm: champions"}, "name one of --decision, --message, --segment and --score"),
        ({"--decision": None}, "name one of --decision, --message, --segment and --score"),
    ],
)
def test_what_is_decided_about_must_be_there(project: Path, change: dict[str, str | None], said: str) -> None:
    before = told(project, "fairness", "decisions")
    given = {"method": "reweighing", "--decision": "offer", "--by": "gender", "--because": "x"} | change
    options = [word for name, value in given.items() if value and name != "method" for word in (name, value)]

    done = persync(project, "fairness", "decide", str(given["method"]), *options)

    assert done.returncode == 2
    assert said in done.stderr
    assert told(project, "fairness", "decisions") == before


def test_an_unknown_decision_and_half_a_price_are_refused(project: Path) -> None:
    wrong = persync(project, "fairness", "mitigate", "--decision", "ofer", "--by", "gender")
    half = persync(project, "fairness", "mitigate", "--decision", "offer", "--by", "gender", "--gain", "1")
    money = persync(project, "fairness", "mitigate", "--decision", "offer", "--by", "gender", "--currency", "euros")
    bare = persync(project, "fairness", "mitigate", "--score", "engagement", "--by", "gender")

    assert [one.returncode for one in (wrong, half, money, bare)] == [1, 2, 2, 2]
    assert "the store holds no decision 'ofer'" in wrong.stderr
    assert "--gain and --cost go together" in half.stderr
    assert "'euros' is not a currency" in money.stderr
    assert "--score and --threshold go together" in bare.stderr


def test_without_a_name_the_decision_behind_the_surest_gap_is_mitigated(project: Path) -> None:
    """As the first example of the help has it."""
    found = told(project, "fairness", "mitigate", "--by", "gender")

    named = told(project, "fairness", "mitigate", "--decision", "offer", "--by", "gender")
    assert [{**one, "note": ""} for one in found] == [{**one, "note": ""} for one in named]
    assert found[0]["note"].endswith("the decision 'offer' is behind the surest gap by gender")
