"""The commands that answer: attribution, reconcile, experiment, fairness, metrics, report."""

from __future__ import annotations

import errno
import json
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from core.cli.calls import OWN, Run, project, said
from persync.engine import mirror


def test_attribution_adds_up_and_reconcile_holds_the_till(persync: Run, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(
        "order,person,at,amount,currency\n1,a,2025-03-10,80.01,EUR\n2,b,2025-03-11,20.00,EUR\n1,a,2025-03-20,-30.00,EUR\n"
    )
    (tmp_path / "touches.csv").write_text(
        "person,at,channel\na,2025-03-01,email\na,2025-03-08,paid_search\na,2025-03-09,email\n"
    )
    for kind, name in (("orders", "orders.csv"), ("touchpoints", "touches.csv")):
        assert persync("import", kind, str(tmp_path / name)).exit_code == 0

    found = json.loads(persync("attribution", "--models", "last_touch,linear", "--format", "json").stdout)["results"]

    credited = {(one["by"]["model"], one["by"]["channel"]): one["value"] for one in found}
    assert credited["last_touch", "email"] == 50.01
    assert credited["linear", "(none)"] == 20.0
    assert round(sum(value for (model, _), value in credited.items() if model == "linear"), 2) == 70.01
    reconciled = json.loads(persync("reconcile", "--format", "json").stdout)["results"]
    assert [(one["by"], one["value"]) for one in reconciled if one["id"] == "ledger_gross"] == [
        ({"connection": "files"}, 70.01)
    ]
    line = said(persync("attribution", "--models", "liner"), 2)
    assert line == "there is no attribution model 'liner'. Did you mean 'linear'?"


def test_where_the_mirror_may_not_be_written_the_answer_is_the_same_and_nothing_of_it_stays(
    persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is shared read-only: the mirror of an earlier answer is left as it is, and another is made for a while."""
    (tmp_path / "orders.csv").write_text("order,person,at,amount,currency\n1,a,2025-03-10,80.01,EUR\n")
    persync("import", "orders", str(tmp_path / "orders.csv"))
    asked = ("attribution", "--models", "linear", "--format", "json")
    writable = persync(*asked)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    own = mirror.locked

    def refused(folder: Path) -> AbstractContextManager[None]:
        if folder.is_relative_to(temporary):
            return own(folder)
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(mirror, "locked", refused)
    result = persync(*asked)

    assert (result.exit_code, result.stdout) == (0, writable.stdout)
    assert result.stderr == (
        f"persync: the mirror {tmp_path / 'persync.mirror'} cannot be written: Read-only file system."
        " For this answer it is made in a temporary folder, and goes with it.\n"
    )
    assert list(temporary.iterdir()) == []


def test_fairness_of_an_imported_decision(persync: Run, tmp_path: Path) -> None:
    (tmp_path / "who.csv").write_text(
        "person,name,value,basis\n" + "".join(f"p{i},site,{'DE' if i < 100 else 'FR'},asked\n" for i in range(200))
    )
    (tmp_path / "vip.csv").write_text(
        "decision,person,selected\n" + "".join(f"vip,p{i},{int(i < 60 or 100 <= i < 130)}\n" for i in range(200))
    )
    persync("import", "attributes", str(tmp_path / "who.csv"))
    persync("import", "decisions", str(tmp_path / "vip.csv"))

    result = persync("fairness", "--by", "site", "--decision", "vip", "--format", "json")

    rates = {
        one["by"]["group"]: one["value"]
        for one in json.loads(result.stdout)["results"]
        if one["id"] == "selection_rate" and "group" in one["by"]
    }
    assert rates == {"DE": 0.6, "FR": 0.3}
    less = persync("fairness", "--by", "site", "--decision", "vip", "--direction", "less", "--format", "json")
    fifths = [
        one for one in json.loads(less.stdout)["results"] if one["id"] == "four_fifths" and one["by"]["of"] == "selection"
    ]
    assert [(one["by"]["group"], one["value"], one["by"]["verdict"]) for one in fifths] == [("DE", 0.5, "below")]
    assert said(persync("fairness", "--cross", "country,country", "--decision", "vip"), 2)
    assert said(persync("fairness", "--by", "contry"), 1)


def test_fairness_of_a_segment_and_a_score_of_persyncs_own(persync: Run, tmp_path: Path) -> None:
    """Sixty of the hundred of one site bought twice in January, thirty of the other: as of February they are in the segment."""
    (tmp_path / "who.csv").write_text(
        "person,name,value,basis\n" + "".join(f"p{i},site,{'DE' if i < 100 else 'FR'},asked\n" for i in range(200))
    )
    buyers = [*range(60), *range(100, 130)]
    days = {"01-05": range(200), "01-10": buyers, "02-10": range(200)}
    lines = [f"{day}/{i},p{i},2025-{day},20.00,EUR" for day, people in days.items() for i in people]
    (tmp_path / "orders.csv").write_text("order,person,at,amount,currency\n" + "\n".join(lines) + "\n")
    (tmp_path / "persync.toml").write_text("[segments.buyers]\nmin_orders = 2\n")
    for kind, name in (("attributes", "who.csv"), ("orders", "orders.csv")):
        assert persync("import", kind, str(tmp_path / name)).exit_code == 0
    asked = ("fairness", "--by", "site", "--period", "2025-02-01..2025-02-28")

    for which in (("--segment", "buyers"), ("--score", "engagement", "--threshold", "1")):
        results = json.loads(persync(*asked, *which, "--format", "json").stdout)["results"]
        rates = {one["by"].get("group"): one["value"] for one in results if one["id"] == "selection_rate"}
        assert (rates["DE"], rates["FR"]) == ((0.6, 0.3) if which[0] == "--segment" else (1.0, 1.0))
    assert said(persync(*asked, "--segment", "buyer"), 2) == "there is no segment 'buyer'. Did you mean 'buyers'?"
    assert "name one of --decision, --segment and --score" in persync(*asked, "--segment", "a", "--decision", "b").stderr
    assert "--score and --threshold go together" in persync(*asked, "--score", "churn").stderr


def test_metrics_are_listed_shown_and_computed(persync: Run, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(
        "order,person,at,amount,currency\n1,a,2025-03-01,80.00,EUR\n2,b,2025-03-02,20.00,EUR\n1,a,2025-03-09,-30.00,EUR\n"
    )
    persync("import", "orders", str(tmp_path / "orders.csv"))
    listed = json.loads(persync("metrics", "list", "--format", "json").stdout)["results"]

    assert len({one["id"] for one in listed}) == len(listed) > 10
    one = listed[0]["id"]
    assert "definition: " in persync("metrics", "show", one).stdout
    assert json.loads(persync("metrics", "show", one, "--format", "json").stdout)["results"][0]["id"] == one
    assert "there is no metric 'no_such'" in said(persync("metric", "no_such"), 2)
    assert "there is no dimension of" in said(persync("metric", one, "--by", "no_such_dimension"), 2)
    assert said(persync("metric", one, "--period", "soon"), 2).startswith("'soon' is not a period. Write --period 2025-01-01")


def test_an_experiment_that_has_not_begun_does_not_hide_the_others(persync: Run, tmp_path: Path) -> None:
    project(tmp_path, '[experiments.later]\ntags = { a = "later:a", b = "later:b" }\n')
    (tmp_path / "drawn.csv").write_text(
        "experiment,person,arm\n" + "".join(f"welcome,p{i},{'ab'[i % 2]}\n" for i in range(100))
    )
    persync("import", "assignments", str(tmp_path / "drawn.csv"))

    result = persync("experiment", "read", "--format", "json")

    found = json.loads(result.stdout)["results"]
    assert result.exit_code == 0
    assert {one["by"]["experiment"] for one in found} == {"welcome", "later"}
    later = [(one["value"], one["reason"]) for one in found if one["by"]["experiment"] == "later" and one["id"] == "difference"]
    assert later == [(None, "nobody")]


def test_one_of_several_experiments_that_cannot_be_read_says_why_on_its_line(persync: Run, tmp_path: Path) -> None:
    """All are read and the code is 0; asked for alone it is refused."""
    project(tmp_path, f"{OWN}[experiments.bad]\ncontrol = 'b'\nplanned_shares = {{ a = 0.5, c = 0.5 }}\n")
    lines = "".join(f"{name},p{i},{arm}\n" for name in ("bad", "good") for i, arm in enumerate(["a", "b"] * 20))
    (tmp_path / "arms.csv").write_text(f"experiment,person,arm\n{lines}")
    persync("import", "assignments", str(tmp_path / "arms.csv"))

    result = persync("experiment", "read", "--format", "json")

    found = json.loads(result.stdout)["results"]
    assert result.exit_code == 0, result.stderr
    bad = [one for one in found if one["by"]["experiment"] == "bad"]
    assert [(one["value"], one["reason"]) for one in bad] == [(None, "misconfigured")]
    assert "the planned shares of experiment 'bad' name a, c" in bad[0]["note"]
    assert [one["value"] for one in found if one["id"] == "arm_size" and one["by"]["experiment"] == "good"] == [20, 20]
    assert "the planned shares of experiment 'bad'" in said(persync("experiment", "read", "bad"), 2)


def test_a_report_goes_to_stdout_or_to_its_file(persync: Run, tmp_path: Path) -> None:
    project(tmp_path, OWN)
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")
    persync("pull")

    to_stdout = persync("report", "--format", "md")
    to_file = persync("report", "--out", str(tmp_path / "new" / "r.html"), "--period", "2025")

    assert to_stdout.stdout.startswith("# ")
    assert to_file.stdout == f"{tmp_path / 'new' / 'r.html'}\n"
    assert (tmp_path / "new" / "r.html").read_text().lstrip().startswith("<!doctype html>")
    (tmp_path / "note.txt").write_text("a file, no folder")
    blocked = tmp_path / "note.txt" / "r.html"
    assert said(persync("report", "--out", str(blocked)), 1).startswith(f"{blocked}: cannot write the file: ")


def test_without_a_broken_section_the_report_is_still_made(
    persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "persync.jobs.report.make_report", lambda *_, **__: ("text\n", [{"section": "mine", "reason": "no luck"}])
    )
    project(tmp_path, OWN)
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")
    persync("pull")

    result = persync("report")

    assert (result.stdout, said(result, 0)) == ("text\n", "the section 'mine' is missing: no luck")


def test_explain_shows_each_touch_within_eighty_columns(persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    (tmp_path / "orders.csv").write_text(
        "order,person,at,amount,currency\n1,ann@example.com,2025-03-10,80.01,EUR\n1,ann@example.com,2025-03-20,-30.00,EUR\n"
    )
    (tmp_path / "touches.csv").write_text(
        "person,at,channel\nann@example.com,2025-01-01,email\nann@example.com,2025-03-08,paid_search\n"
        "ann@example.com,2025-03-09,email\nann@example.com,2025-03-11,email\n"
    )
    for kind, name in (("orders", "orders.csv"), ("touchpoints", "touches.csv")):
        assert persync("import", kind, str(tmp_path / name)).exit_code == 0

    shown = persync("explain", "order", "1", "--models", "last_touch,linear,any_click").stdout.splitlines()
    person = persync("explain", "person", "ann@example.com", "--models", "last_touch,linear,any_click").stdout.splitlines()
    found = json.loads(persync("explain", "order", "files:1", "--models", "linear", "--format", "json").stdout)

    assert person == shown
    assert max(map(len, shown)) <= 80
    assert "@" not in "".join(shown)
    assert shown[0] == "files:1, ordered 2025-03-10 00:00, 50.01 EUR (net)"
    table = [line.split() for line in shown if line.strip()]
    assert ["2025-01-01", "00:00", "68.0", "click", "email", "files", "too", "old"] in table
    assert ["2025-03-11", "00:00", "-1.0", "click", "email", "files", "after", "order"] in table
    assert ["linear", "1", "1", "50.00", "%", "25.00"] in table
    assert ["2", "1", "50.00", "%", "25.01"] in table
    assert shown[-1] == ("Every model adds up to 50.01 EUR; any_click adds to more. Credited, not caused.")
    (order,) = found["results"]
    assert [(touch["counts"], touch["reason"]) for touch in order["touches"]] == [
        (False, "too_old"),
        (True, None),
        (True, None),
        (False, "after_order"),
    ]
    assert [touch["by_model"]["linear"]["amount"] for touch in order["touches"] if touch["counts"]] == [25.0, 25.01]
    assert order["amount"] == 50.01


def test_explain_of_what_is_not_there_is_a_sentence(persync: Run, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("order,person,at,amount,currency\n1,a,2025-03-10,80.01,EUR\n")
    assert persync("import", "orders", str(tmp_path / "orders.csv")).exit_code == 0

    assert said(persync("explain", "order", "2"), 1).startswith("there is no order '2'.")
    assert said(persync("explain", "person", "eve@example.com"), 1).startswith("the store knows nobody by that key.")
    assert persync("explain", "order", "1", "--window", "click").exit_code == 2


def test_attribution_takes_what_a_journey_is_made_of(persync: Run, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("order,person,at,amount,currency\n1,a,2025-03-10,80.00,EUR\n")
    (tmp_path / "touches.csv").write_text("person,at,channel,action\na,2025-03-01,email,open\na,2025-03-08,direct,visit\n")
    for kind, name in (("orders", "orders.csv"), ("touchpoints", "touches.csv")):
        assert persync("import", kind, str(tmp_path / name)).exit_code == 0

    def linear(*options: str) -> dict[str, float]:
        results = json.loads(persync("attribution", "--models", "linear", "--format", "json", *options).stdout)["results"]
        return {one["by"]["channel"]: one["value"] for one in results}

    assert linear() == {"direct": 80.0}
    assert linear("--count", "click,visit") == {"(none)": 80.0}
    assert linear("--count", "open", "--count", "direct") == {"direct": 80.0}
    assert linear("--count", "open,direct", "--window", "open=10") == {"direct": 40.0, "email": 40.0}
