"""What could be done about an unfair decision, from files to the log."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from e2e.runs import persync


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """8,000 people of whom half qualify alike, decided about by a score that takes from one gender."""
    folder = tmp_path_factory.mktemp("mitigation")
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


# Every store has a key of its own, so the halves differ from run to run: bounds are several standard errors away.
def test_each_method_is_shown_before_and_after_with_money_and_one_point_of_the_frontier_is_suggested(project: Path) -> None:
    arguments = ("fairness", "mitigate", "--decision", "offer", "--by", "gender", "--gain", "20", "--cost", "2")
    found = told(project, *arguments)
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
    assert len(points) == 1 + 4 * 5
    (best,) = [one for one in points if one["by"]["suggested"] == "yes"]
    assert best["value"] >= 0.8
    assert "a person decides" in best["note"]
    roi = [one for one in found if one["id"] == "fairness_roi_frontier" and one["by"] == best["by"]]
    assert roi[0]["low"] < roi[0]["value"] < roi[0]["high"]


def test_without_prices_there_is_no_money_but_the_rest(project: Path) -> None:
    found = told(project, "metric", "fairness_roi_frontier", "--by", "gender")

    assert {one["reason"] for one in found if one["id"] == "fairness_roi_frontier"} == {"not_priced"}
    assert sum(one["id"] == "frontier_ratio" and one["value"] is not None for one in found) == 21
    assert {one["id"] for one in told(project, "metric", "bias_mitigation", "--by", "gender")} == {
        "bias_mitigation",
        "mitigated_accuracy",
        "mitigated_money",
    }


def test_what_a_person_decides_is_in_the_log_and_changes_nothing_else(project: Path) -> None:
    before = persync(project, "verify", "--digest").stdout
    done = persync(
        project,
        *("fairness", "decide", "group_thresholds", "--decision", "offer", "--by", "gender", "--strength", "0.5"),
        *("--because", "as ann@example.com\x1b[2J asked"),
    )

    assert done.returncode == 0, done.stderr
    with sqlite3.connect(project / "persync.db") as db:
        event, detail = db.execute("SELECT event, detail FROM log ORDER BY entry DESC LIMIT 1").fetchone()
    assert event == "fairness decided"
    assert detail.startswith("offer by gender: group_thresholds at 0.5, because: as ")
    assert "ann@" not in detail
    assert "\x1b" not in detail
    assert persync(project, "verify", "--digest").stdout == before
    assert persync(project, "verify").returncode == 0


def test_an_unknown_decision_and_half_a_price_are_refused(project: Path) -> None:
    wrong = persync(project, "fairness", "mitigate", "--decision", "ofer", "--by", "gender")
    half = persync(project, "fairness", "mitigate", "--decision", "offer", "--by", "gender", "--gain", "1")

    assert (wrong.returncode, half.returncode) == (1, 2)
    assert "the store holds no decision 'ofer'" in wrong.stderr
    assert "--gain and --cost go together" in half.stderr
