"""Retention: what is too old goes and stays away, and nothing that was reported changes unsaid."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from persync import rows
from persync.cli import root
from persync.engine import mirror
from persync.errors import ConfigError
from persync.plugins import load_plugins
from persync.rows import Action, OrderRef, Person
from persync.settings import load_project
from persync.store.derive import derive
from persync.store.digest import table_digests
from persync.store.retention import months_before, retain
from persync.store.store import open_store
from persync.store.write import Writer
from privacy_rows import FEBRUARY, JANUARY, LETTER, Reject, in_mail, in_shop, mail_rows, shop_rows, write
from support import table

NOW = 1_767_225_600_000  # 2026-01-01
MONTH = 2_629_800_000
OLD, FRESH = NOW - 30 * MONTH, NOW - 2 * MONTH


def kept(path: Path, now: int = NOW, **periods: int) -> dict[str, int]:
    """Apply a retention; return the rows removed of each kind."""
    with open_store(path) as store:
        derive(store)
        done = {one.kind: one.rows for one in retain(store, periods, now=now, apply=True)}
        derive(store)
        return done


def test_months_are_those_of_the_calendar() -> None:
    march_31 = 1_774_915_200_000 + 5

    assert months_before(march_31, 1) == 1_772_236_800_000, "2026-02-28"
    assert months_before(NOW, 12) == 1_735_689_600_000, "2025-01-01"
    assert months_before(NOW + 86_399_999, 12) == 1_735_689_600_000


def aged(person: Any, at: int, number: str) -> list[rows.Row]:
    return [
        rows.Touchpoint(LETTER, person, Action.SEND, at),
        rows.Touchpoint(LETTER, person, Action.CLICK, at, link="https://shop.example.com/x"),
        rows.Cart(f"cart-{number}", person=person, created_at=at - MONTH, updated_at=at, currency="EUR", total_minor=5),
        rows.Ticket(f"ticket-{number}", person=person, created_at=at),
        rows.Feedback(f"f-{number}", person, "NPS", None, None, 9.0, None, at, None),
        rows.ConsentChange(person, "email", "subscribed", at),
        rows.Stage(person, f"lead-{number}", at),
        rows.Deletion("cart", f"cart-{number}", at),
    ]


ALL = ("touchpoints", "carts", "tickets", "feedback", "consent_changes", "stages")
ANN = in_shop("1", "ann@example.com")


def test_each_kind_goes_by_its_own_age_and_a_later_pull_does_not_bring_it_back(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    sale = OrderRef("7")
    given = [
        rows.Account("1", "EUR", "UTC"),
        rows.Contact(ANN, created_at=OLD),
        rows.Order(sale, kind="order", person=ANN, ordered_at=OLD, currency="EUR", total_minor=900),
        rows.LedgerEntry(sale, "s", "sale", "product", OLD, 900, "EUR"),
        *aged(ANN, OLD, "old"),
        *aged(ANN, FRESH, "new"),
    ]
    write(path, "shop", given)
    with open_store(path) as store, store.transaction() as db:
        from persync.store.rejects import keep_rejects

        keep_rejects(db, 1, "customers", "", "x", [Reject("old")], now=OLD)
        keep_rejects(db, 1, "orders", "", "x", [Reject("new")], now=FRESH)
        db.execute("INSERT INTO coverage VALUES (1, 'customers', '', 0, 5, 'complete', '', 5)")
    mirror.refresh(path)

    done = kept(path, **dict.fromkeys((*ALL, "rejects"), 24))

    assert done == {"touchpoints": 2, "carts": 1, "tickets": 1, "feedback": 1, "consent_changes": 1, "stages": 1, "rejects": 1}
    left = "SELECT (SELECT count(*) FROM touchpoints), (SELECT count(*) FROM carts), (SELECT count(*) FROM deletions)"
    assert table(path, left) == [(2, 1, 1)]
    assert table(path, "SELECT a.name, n FROM erased_counts JOIN actions a USING (action) ORDER BY 1") == [
        ("click", 1),
        ("send", 1),
    ]
    assert table(path, "SELECT sum(amount_minor), count(key_id) FROM order_ledger JOIN orders USING (order_key)") == [(900, 1)]
    assert table(path, "SELECT stream, state, reason FROM coverage WHERE partition = 'retention' ORDER BY 1")[0] == (
        "carts",
        "removed",
        "removed by retention: carts before 2024-01-01",
    )
    with open_store(path) as store:
        before = table_digests(store)

    assert write(path, "shop", given, now=NOW) == 0, "the same again"
    assert kept(path, **dict.fromkeys((*ALL, "rejects"), 24)) == dict.fromkeys((*ALL, "rejects"), 0)
    with open_store(path) as store:
        assert table_digests(store) == before
    mirror.refresh(path)
    months = {file.name.split("-g")[0] for file in path.with_suffix(".mirror").glob("touchpoints-2*.parquet")}
    assert months == {"touchpoints-2025-11"}


def test_a_floor_never_falls(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    write(path, "shop", aged(ANN, OLD, "old"))
    kept(path, touchpoints=24)

    with open_store(path) as store:
        [one] = retain(store, {"touchpoints": 60}, now=NOW, apply=True)

    assert (one.floor, one.rows) == (months_before(NOW, 24), 0)
    write(path, "shop", aged(ANN, OLD, "old"))
    assert table(path, "SELECT count(*) FROM touchpoints") == [(0,)]


def test_without_apply_nothing_changes(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    write(path, "shop", [rows.Contact(ANN, created_at=OLD), *aged(ANN, OLD, "old")])
    with open_store(path) as store:
        derive(store)
        before = (table_digests(store), store.db.execute("SELECT * FROM meta").fetchall())

        told = {one.kind: one.rows for one in retain(store, {"touchpoints": 24, "people": 12}, now=NOW, apply=False)}

        assert told == {"touchpoints": 0, "people": 1}, "who goes takes their touches along"
        assert (table_digests(store), store.db.execute("SELECT * FROM meta").fetchall()) == before


def people(path: Path) -> list[str]:
    return [key for (key,) in table(path, "SELECT key FROM person_keys WHERE kind = 'id' ORDER BY key")]


def contact(number: str, at: int) -> rows.Contact:
    return rows.Contact(in_shop(number, f"p{number}@example.com"), created_at=at)


def quiet_and_busy(path: Path) -> list[rows.Row]:
    """Write four people: 1 did nothing for long, 2 bought lately, 3 bought once as another's guest, 4 has no date at all."""
    guest = OrderRef("9")
    given: list[rows.Row] = [
        *(contact(number, OLD) for number in "123"),
        rows.Attribute(in_shop("4", "p4@example.com"), "country", "PT", "consent"),
        rows.Touchpoint(LETTER, in_shop("1", "p1@example.com"), Action.CLICK, OLD + MONTH, link="https://shop.example.com/x"),
        rows.Order(OrderRef("8"), kind="order", person=in_shop("2", "p2@example.com"), ordered_at=FRESH, currency="EUR"),
        rows.Order(OrderRef("5"), kind="order", person=in_shop("1", "p1@example.com"), ordered_at=OLD, currency="EUR"),
        rows.LedgerEntry(OrderRef("5"), "s", "sale", "product", OLD, 700, "EUR"),
        rows.Order(guest, kind="order", person=None, ordered_at=FRESH, currency="EUR"),
        rows.OrderPerson(guest, in_shop("3", "p3@example.com")),
        rows.Assignment("winter", in_shop("1", "p1@example.com"), "mailed", assigned_at=OLD),
    ]
    write(path, "shop", given)
    write(path, "mail", [rows.Consent(in_mail("p1@example.com"), "email", "subscribed", changed_at=OLD)])
    return given


def test_people_without_activity_go_under_every_key_and_their_money_stays(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    given = quiet_and_busy(path)

    with open_store(path) as store:
        derive(store)
        [one] = retain(store, {"people": 24}, now=NOW, apply=True)
        derive(store)

    assert (one.rows, one.undated) == (1, 1)
    assert people(path) == ["2", "3", "4"]
    assert table(path, "SELECT count(*) FROM person_keys WHERE kind IN ('member', 'mc_eid')") == [(0,)]
    assert table(path, "SELECT amount_minor, key_id FROM order_ledger JOIN orders USING (order_key)") == [(700, None)]
    assert table(path, "SELECT sum(n) FROM erased_counts") == [(1,)]
    assert table(path, "SELECT arm, n FROM erased_outcomes") == [("mailed", 1)]

    # The same records again, also page by page: nobody comes back.
    write(path, "shop", given)
    write(path, "shop", [contact("1", OLD), rows.Deletion("contact", "1", FRESH)])
    write(path, "mail", [rows.Consent(in_mail("p1@example.com"), "email", "subscribed", changed_at=OLD)])
    assert people(path) == ["2", "3", "4"]
    assert table(path, "SELECT count(*) FROM deletions") == [(0,)]
    assert table(path, "SELECT key_id FROM orders JOIN order_keys USING (order_key) WHERE vendor_order_id = '5'") == [(None,)]


def test_somebody_who_does_something_again_is_known_again(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    quiet_and_busy(path)
    kept(path, people=24)

    with open_store(path) as store:
        writer = Writer(store, "shop", "shop", now=NOW)
        with store.transaction():
            writer.write([contact("1", OLD)])
        # By their number alone, on a later page of the same pull, which has them down as gone.
        with store.transaction():
            order = rows.Order(OrderRef("10"), kind="order", person=Person(("id", "1")), ordered_at=FRESH, currency="EUR")
            writer.write([order])
        with store.transaction():
            writer.write([contact("1", OLD)])
    write(path, "mail", [rows.Consent(in_mail("p1@example.com"), "email", "subscribed", changed_at=OLD)])

    assert people(path) == ["1", "2", "3", "4"]
    assert table(path, "SELECT count(*) FROM contacts") == [(3,)]
    known = "SELECT k.key FROM orders o JOIN order_keys USING (order_key) JOIN person_keys k USING (key_id)"
    assert table(path, f"{known} WHERE vendor_order_id = '10'") == [("1",)]
    assert table(path, "SELECT count(*) FROM tombstones") == [(0,)]
    assert table(path, "SELECT count(*) FROM consents") == [(1,)]


def test_a_listing_under_way_does_not_keep_the_numbers_of_those_who_go(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    quiet_and_busy(path)
    with open_store(path) as store:
        store.db.executemany("INSERT INTO present VALUES (1, 'customers', '', ?)", [("1",), ("2",)])

    kept(path, people=24)

    [first, second] = [key for (key,) in table(path, "SELECT key FROM present ORDER BY length(key)")]
    assert (first, len(second)) == ("2", 32)
    with open_store(path) as store:
        writer = Writer(store, "shop", "shop", now=NOW)
        with store.transaction():
            writer.write([rows.Present("1"), rows.Present("2")], ("customers", ""), lists="contact")
    assert {key for (key,) in table(path, "SELECT key FROM present")} == {"2", second}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(sys.modules, "keyring", None)
    (tmp_path / "persync.toml").write_text(
        '[store]\npath = "p.db"\n[privacy.retention]\ntouchpoints = 9\ncarts = 9\npeople = 9\n'
    )
    write(tmp_path / "p.db", "shop", shop_rows("191167", "ann@example.com", "299938", 1250))
    write(tmp_path / "p.db", "mail", mail_rows("ann@example.com"))
    with open_store(tmp_path / "p.db") as store:
        store.db.execute("INSERT INTO coverage VALUES (1, 'customers', '', 0, 5, 'complete', '', 5)")
    return tmp_path


def run(project: Path, *arguments: str) -> Result:
    return CliRunner().invoke(root, ["--project", str(project), *arguments], prog_name="persync")


def test_the_command_says_what_would_go_and_removes_it_only_when_told(project: Path) -> None:
    mirror.refresh(project / "p.db")
    told = run(project, "privacy", "retention")

    assert told.exit_code == 0, told.output
    assert [line.split()[:2] + line.split()[3:] for line in told.stdout.splitlines()[1:-1]] == [
        ["touchpoints", "9", "0"],
        ["carts", "9", "0"],
        ["people", "9", "1"],
    ]
    assert told.stdout.splitlines()[-1] == "Nothing was removed. Say --apply to remove it."
    assert people(project / "p.db") == ["191167"]

    done = run(project, "privacy", "retention", "--apply", "--format", "json")

    document = json.loads(done.stdout)
    assert (document["kind"], document["applied"], document["complete"]) == ("retention", True, True)
    assert {one["kind"]: one["rows"] for one in document["results"]} == {"touchpoints": 0, "carts": 0, "people": 1}
    files = [file for file in project.rglob("*") if file.is_file() and file.suffix != ".key"]
    assert [file.name for file in files if b"191167" in file.read_bytes()] == []
    assert "removed by retention: people before" in run(project, "status").stdout
    verified = run(project, "verify")
    assert verified.exit_code == 0, verified.stdout
    assert "note: coverage, shop people: removed by retention: people before" in verified.stdout
    assert json.loads(run(project, "privacy", "retention", "--format", "json").stdout)["results"][2]["rows"] == 0


def test_no_retention_is_a_usage_error(project: Path) -> None:
    (project / "persync.toml").write_text('[store]\npath = "p.db"\n')

    told = run(project, "privacy", "retention")

    assert told.exit_code == 2
    assert "no retention is set. Write for example touchpoints = 26 (months)." in told.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("touchpoints = 12\npeople = 36", "people (36) go by their last activity, and touchpoints (12) tells of it: keep"),
        ("touchpoints = 0", "'retention.touchpoints': input should be greater than or equal to 1."),
        ("touches = 5", "'touches' is not a setting here. Did you mean 'touchpoints'?"),
    ],
)
def test_a_retention_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "persync.toml").write_text(f"[privacy.retention]\n{text}\n")

    with pytest.raises(ConfigError) as caught:
        load_project(tmp_path, load_plugins(installed=False))

    assert said in str(caught.value)


def test_the_days_are_those_of_the_rows(tmp_path: Path) -> None:
    """A row of the floor's own day stays; the moment before it goes."""
    path = tmp_path / "p.db"
    floor = months_before(NOW, 6)
    write(path, "shop", [rows.Touchpoint(LETTER, ANN, Action.OPEN, at) for at in (floor - 1, floor, JANUARY, FEBRUARY)])

    assert kept(path, touchpoints=6) == {"touchpoints": 3}
    assert table(path, "SELECT happened_at FROM touchpoints") == [(floor,)]
