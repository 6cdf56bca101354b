"""`persync import`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.cli.calls import SHOP, Run, project, said
from persync.store.store import open_store


def test_an_import_knows_no_connection_but_those_of_settings_and_store(persync: Run, tmp_path: Path) -> None:
    """A word before a colon makes an id that is kept in clear: it must be a connection's."""
    file = tmp_path / "visits.csv"
    file.write_text("person,outcome,value\nnope:ann-smith,visit,1\n")

    without = said(persync("import", "outcomes", str(file)), 1)
    project(tmp_path, SHOP)
    configured = said(persync("import", "outcomes", str(file)), 1)
    file.write_text("person,outcome,value\nshop:17,visit,1\n")

    place = "visits.csv, line 2, column 'person': there is no connection 'nope'."
    assert without == f"{place} Valid: files. Nothing was imported."
    assert configured == f"{place} Valid: files, shop. Nothing was imported."
    assert not (tmp_path / "persync.db").exists()
    assert persync("import", "outcomes", str(file)).exit_code == 0
    project(tmp_path, "")
    file.write_text("person,outcome,value\nshop:18,visit,1\n")
    assert persync("import", "outcomes", str(file)).exit_code == 0


def test_a_refund_of_last_month_is_taken_and_one_of_nothing_refused(persync: Run, tmp_path: Path) -> None:
    head = "order,person,at,amount,currency\n"
    january, february = tmp_path / "january.csv", tmp_path / "february.csv"
    january.write_text(head + "1,,2025-01-10,80.00,EUR\n")
    february.write_text(head + "1,,2025-02-01,-30.00,EUR\n2,,2025-02-02,-5.00,EUR\n")
    persync("import", "orders", str(january))

    line = said(persync("import", "orders", str(february)), 1)
    february.write_text(head + "1,,2025-02-01,-30.00,EUR\n")
    taken = persync("import", "orders", str(february))

    assert line == (
        "february.csv, line 3: order '2' is refunded here, but neither this file nor an earlier one has its sale."
        " Nothing was imported."
    )
    assert taken.exit_code == 0
    reconciled = json.loads(persync("reconcile", "--format", "json").stdout)["results"]
    assert [one["value"] for one in reconciled if one["id"] == "ledger_gross"] == [50.0]


def test_the_files_connection_holds_refunds_against_the_files_before(persync: Run, tmp_path: Path) -> None:
    """Files are read in their order, each against what the ones before have left; a dry run does it on its copy."""
    head = "order,person,at,amount,currency\n"
    (tmp_path / "january.csv").write_text(head + "1,,2025-01-10,80.00,EUR\n")
    (tmp_path / "february.csv").write_text(head + "1,,2025-02-01,-30.00,EUR\n")
    (tmp_path / "march.csv").write_text(head + "9,,2025-03-01,-1.00,EUR\n")
    files = [f'{{ kind = "orders", path = "{month}.csv" }}' for month in ("january", "february", "march")]
    project(tmp_path, f'[connections.own]\nconnector = "files"\nfiles = [{", ".join(files[:2])}]\n')

    for arguments in (["pull", "--dry-run"], ["pull"]):
        assert persync(*arguments).exit_code == 0
    project(tmp_path, f'[connections.own]\nconnector = "files"\nfiles = [{", ".join(files)}]\n')

    assert said(persync("--quiet", "pull"), 1).startswith("march.csv, line 2: order '9' is refunded here, but neither")


def test_who_was_drawn_stays_in_that_arm_whatever_a_later_file_says(persync: Run, tmp_path: Path) -> None:
    """By address, own id and platform's id; the same again, another experiment and new people are taken."""
    project(tmp_path, f"[report]\nsuppress_n = 1\nshow_small_groups = true\n{SHOP}")
    head = "experiment,person,arm\n"
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text(head + "personal,ann@example.com,a\npersonal,p1,a\npersonal,shop:17,a\npersonal,p2,b\n")
    second.write_text(
        head + "personal,p3,b\npersonal,Ann@example.com,b\npersonal,p1,b\npersonal,p2,b\npersonal,shop:17,b\nlater,p1,b\n"
    )
    persync("import", "assignments", str(first))

    refused = persync("import", "assignments", str(second))
    after = _arm_sizes(persync)
    second.write_text(head + "personal,p3,b\npersonal,p2,b\npersonal,p1,a\nlater,p1,b\n")
    taken = persync("import", "assignments", str(second))

    said_why = "this person is in arm 'a' of 'personal' by an earlier draw, not in 'b'; a new draw needs a name of its own."
    assert refused.exit_code == 1
    assert refused.stderr.splitlines() == [
        "persync: second.csv: 3 errors; nothing was imported.",
        *(f"  line {number}: {said_why}" for number in (3, 4, 6)),
    ]
    assert after == {("personal", "a"): 3, ("personal", "b"): 1}
    assert taken.exit_code == 0
    assert _arm_sizes(persync) == {("personal", "a"): 3, ("personal", "b"): 2, ("later", "b"): 1}


def test_a_later_file_of_a_connection_draws_nobody_again(persync: Run, tmp_path: Path) -> None:
    (tmp_path / "first.csv").write_text("experiment,person,arm\npersonal,p1,a\n")
    (tmp_path / "second.csv").write_text("experiment,person,arm\npersonal,p1,b\n")
    files = ", ".join(f'{{ kind = "assignments", path = "{name}.csv" }}' for name in ("first", "second"))
    project(
        tmp_path,
        f'[report]\nsuppress_n = 1\nshow_small_groups = true\n[connections.own]\nconnector = "files"\nfiles = [{files}]\n',
    )

    assert said(persync("--quiet", "pull"), 3).startswith("second.csv, line 2: this person is in arm 'a' of 'personal'")
    assert _arm_sizes(persync) == {("personal", "a"): 1}


def _arm_sizes(persync: Run) -> dict[tuple[str, str], int]:
    found = json.loads(persync("experiment", "read", "--format", "json").stdout)["results"]
    return {(one["by"]["experiment"], one["by"]["arm"]): one["value"] for one in found if one["id"] == "arm_size"}


def test_an_import_makes_store_and_key_without_init_and_twice_changes_nothing(persync: Run, tmp_path: Path) -> None:
    (tmp_path / "visits.csv").write_text("person,outcome,value\nann@example.com,visit,1\n")
    file = str(tmp_path / "visits.csv")

    first, second = persync("import", "outcomes", file), persync("import", "outcomes", file)

    assert first.stdout.startswith("visits.csv: 1 lines of outcomes read, ")
    assert second.stdout == "visits.csv: unchanged since it was read last, 0 rows changed.\n"
    assert (tmp_path / "persync.key").stat().st_mode & 0o777 == 0o600


def test_a_bad_row_keeps_the_whole_file_out(persync: Run, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("person,outcome,value\na,visit,1\n")
    bad.write_text("person,outcome,value\nb,visit,1\nc,visit,many\n")
    persync("import", "outcomes", str(good))
    before = persync("verify", "--digest").stdout

    line = said(persync("import", "outcomes", str(bad)), 1)

    assert line == ("bad.csv, line 3, column 'value': 'many' is not a number; write it like 0.25. Nothing was imported.")
    assert persync("verify", "--digest").stdout == before


def test_an_unknown_kind_of_file_names_the_nearest(persync: Run, tmp_path: Path) -> None:
    assert said(persync("import", "outcome", "x.csv"), 2) == "there is no kind of file 'outcome'. Did you mean 'outcomes'?"


def test_a_file_that_is_not_there_is_named(persync: Run, tmp_path: Path) -> None:
    line = said(persync("import", "outcomes", str(tmp_path / "none.csv")), 1)

    assert line == "none.csv: cannot read the file: No such file or directory."


def test_the_clothing_store_is_taken_apart_by_a_command(persync: Run, tmp_path: Path) -> None:
    """W2: 75 to 90 an order and one in five to three in ten who come back: 90.00 to 117.00, of which 18.00, 7.50 and 1.50."""
    orders, tiers = ["order,person,at,amount,currency"], ["person,name,value"]
    for tier, amount, again in (("none", 75, 4), ("gold", 90, 6)):
        for i in range(20):
            tiers.append(f"{tier}{i},tier,{tier}")
            days = ("2025-01-10", "2025-02-20") if i < again else ("2025-01-10",)
            orders += [f"{tier}{i}-{j},{tier}{i},{day},{amount}.00,EUR" for j, day in enumerate(days)]
    project(tmp_path, '[costs]\nloyalty = "tier"\n')
    for kind, lines in (("orders", orders), ("attributes", tiers)):
        (tmp_path / f"{kind}.csv").write_text("\n".join(lines) + "\n")
        assert persync("import", kind, str(tmp_path / f"{kind}.csv")).exit_code == 0

    told = json.loads(persync("metric", "loyalty_programme_effect", "--period", "2025-01..2025-02", "--format", "json").stdout)

    parts = {tuple(one["by"].values())[-1]: one["value"] for one in told["results"] if one["id"] == "loyalty_revenue_split"}
    assert [round(value, 6) for value in parts.values()] == [18.0, 7.5, 1.5]
    whole = next(one for one in told["results"] if any("revenue" in part for part in one["by"].values()))
    assert (round(whole["value"], 6), whole["label"]) == (27.0, "raw difference")


def test_the_formula_of_value_gives_600_and_240_by_a_command(persync: Run, tmp_path: Path) -> None:
    """W17: 50.00 four times a year for three years; 40 % of it is margin. Twenty customers buy sixteen times in four years of
    1,461 days, and one of them leaves: twenty times 200 days is more than the three years that a customer is given."""
    begin = datetime(2021, 1, 1, tzinfo=UTC)
    lines = ["order,person,at,amount,currency"]
    for person in range(20):
        days = [91 * i if person else 80 * i for i in range(16)]
        for i, day in enumerate(days):
            at = begin + timedelta(days=day, hours=12 * (day > 0))
            if (person, i) == (1, 15):  # the last moment of the four years
                at = datetime(2024, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)
            lines.append(f"{person}-{i},p{person},{at.isoformat()},50.00,EUR")
    (tmp_path / "orders.csv").write_text("\n".join(lines) + "\n")
    project(tmp_path, "[report]\nmargin = 0.4\n[value]\nlifespan_cap_years = 3\nwindow_days = 200\n")
    assert persync("import", "orders", str(tmp_path / "orders.csv")).exit_code == 0

    told = json.loads(persync("metric", "cltv_simple", "--period", "2021-01..2024-12", "--format", "json").stdout)

    values = {one["id"]: (round(one["value"], 6), one["unit"], one["n"]) for one in told["results"]}
    assert values == {"cltv_simple": (600.0, "EUR", 20), "cltv_simple_margin": (240.0, "EUR", 20)}


def test_the_basis_of_an_attribute_may_stand_in_the_settings_of_a_files_connection(persync: Run, tmp_path: Path) -> None:
    """Imported by hand and read at a pull; without it the file is refused, with one line for each attribute."""
    (tmp_path / "who.csv").write_text("person,name,value\na1,age,34\na2,age,71\na1,gender,w\na1,tier,gold\n")
    files = '[connections.own]\nconnector = "files"\nfiles = [{ kind = "attributes", path = "who.csv" }]\n'
    project(tmp_path, files)

    refused = persync("import", "attributes", str(tmp_path / "who.csv"))
    pulled = persync("--quiet", "pull")
    project(tmp_path, files + '[connections.own.attributes]\nage = "asked at sign-up"\ngender = "survey of May"\n')
    stated = [persync("import", "attributes", str(tmp_path / "who.csv")), persync("pull")]

    for done in (refused, pulled):
        assert done.exit_code == 1
        assert "line 2: 'age' tells who somebody is, and no basis is stated" in done.stderr
        assert "line 4: 'gender' tells who somebody is, and no basis is stated" in done.stderr
        assert "line 3" not in done.stderr
    assert [done.exit_code for done in stated] == [0, 0]
    with open_store(tmp_path / "persync.db") as store:
        kept = store.db.execute("SELECT DISTINCT name, value, basis FROM attributes ORDER BY 1, 2").fetchall()
    assert kept == [
        ("age", "30-44", "asked at sign-up"),
        ("age", "60+", "asked at sign-up"),
        ("gender", "w", "survey of May"),
        ("tier", "gold", None),
    ]
    project(tmp_path, files + '[connections.own.attributes]\nage = ""\n')
    assert "'age' has no basis" in said(persync("status"), 2)
