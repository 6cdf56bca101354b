"""`persync privacy`: what is asked is done or refused, and no message repeats an address."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from persync.cli import root
from persync.engine.mirror import files_of, read_manifest
from persync.store.locks import hold
from persync.store.store import open_store

Run = Callable[..., Result]
SHOP = "example-shop.myshopify.com"
SECRET = "shpss_secret_of_the_app"


@pytest.fixture
def persync(filled: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run persync in the project of the filled store."""
    (filled.parent / "persync.toml").write_text(
        '[store]\npath = "p.db"\n[connections.shop]\nconnector = "shopify"\nshop = "example-shop"\n'
        '[connections.late]\nconnector = "shopify"\nshop = "late-shop"\n'
    )
    monkeypatch.setenv("SHOPIFY_CLIENT_SECRET", SECRET)
    monkeypatch.setitem(sys.modules, "keyring", None)

    def run(*arguments: str, **more: Any) -> Result:
        result = CliRunner().invoke(root, ["--project", str(filled.parent), *arguments], prog_name="persync", **more)
        assert "ann@example" not in result.stderr
        return result

    return run


def contacts(path: Path) -> int:
    with open_store(path) as store:
        found: int = store.db.execute("SELECT count(*) FROM contacts").fetchone()[0]
        return found


def redact(**more: Any) -> dict[str, Any]:
    customer = {"id": 191167, "email": "ann@example.com", "phone": "555-625-1199"}
    return {"shop_id": 9, "shop_domain": SHOP, "customer": customer, "orders_to_redact": [299938], **more}


def saved(path: Path, name: str, document: Any) -> str:
    file = path.parent / name
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    return str(file)


@pytest.mark.parametrize(
    ("arguments", "tombstones"),
    [
        # By id: the four keys that the store knows. By address: also the member ids that Mailchimp might give it elsewhere.
        (["--id", "shop:191167"], 4),
        (["--email", "Ann@example.com"], 6),
        (["--email", "ann@example.com", "--id", "shop:191167"], 6),
    ],
)
def test_a_person_is_erased_by_address_or_by_id(filled: Path, persync: Run, arguments: list[str], tombstones: int) -> None:
    told = persync("privacy", "erase", *arguments)

    assert (told.exit_code, told.stdout) == (
        0,
        f"Removed: 1 person, rows: 33 in 18 tables. Orders that stay without a person: 1. New tombstones: {tombstones}.\n",
    )
    assert contacts(filled) == 2
    with open_store(filled) as store:
        assert store.db.execute("SELECT count(*) FROM meta WHERE name = 'erasure unfinished'").fetchone() == (0,)
    assert not [path for path in filled.parent.rglob("*") if path.is_file() and b"191167" in path.read_bytes()]


def test_persons_are_read_from_standard_input_one_a_line(filled: Path, persync: Run) -> None:
    told = persync("privacy", "erase", "--stdin", "--format", "json", input="ann@example.com\n\nshop:191168\n")

    result = json.loads(told.stdout)["results"][0]
    assert (told.exit_code, result["people"], result["orders_kept"], result["complete"]) == (0, 2, 3, True)
    assert contacts(filled) == 0


def test_a_dry_run_prints_the_counts_and_leaves_everything(filled: Path, persync: Run) -> None:
    told = persync("privacy", "erase", "--stdin", "--dry-run", input="ann@example.com\n")

    assert told.stdout.startswith("Would be removed: 1 person, rows: 33 in 18 tables. Orders that stay without a person: 1.")
    assert contacts(filled) == 4


@pytest.mark.parametrize(
    ("arguments", "typed", "code", "message"),
    [
        ([], "", 2, "nobody is named. Use --stdin"),
        (["--id", "mail"], "", 2, "--id: 'mail' is a connection, and nobody's id. Write mail:ID (CONNECTION:ID)."),
        (["--stdin"], "\n", 2, "standard input names nobody"),
        (["--stdin", "--id", "shop:1"], "x\n", 2, "--stdin stands alone"),
        (["--email", "no-address"], "", 2, "--email: this is no address"),
        (["--stdin"], "ok\nann@example .com\n", 2, "line 2: this is neither an e-mail address nor an id."),
        (["--id", "shpo:1"], "", 2, "there is no connection 'shpo'. Did you mean 'shop'?"),
    ],
)
def test_a_name_that_cannot_be_is_refused(persync: Run, arguments: list[str], typed: str, code: int, message: str) -> None:
    told = persync("privacy", "erase", *arguments, input=typed)

    assert told.exit_code == code
    assert message in told.stderr


def test_a_pull_under_way_is_not_disturbed(filled: Path, persync: Run) -> None:
    with hold(filled, "mail"):
        told = persync("privacy", "erase", "--id", "shop:191167")

    assert told.exit_code == 7
    assert "another run holds 'mail'" in told.stderr
    assert contacts(filled) == 4


def test_somebody_unknown_leaves_a_tombstone(filled: Path, persync: Run) -> None:
    told = persync("privacy", "erase", "--id", "late:5")
    again = persync("privacy", "erase", "--id", "late:5")

    assert told.stdout == "Nothing is stored about them. New tombstones that keep them out: 1.\n"
    assert again.stdout == "Nothing is stored about them. New tombstones that keep them out: 0.\n"


def test_the_copy_before_an_upgrade_is_named_and_not_touched(filled: Path, persync: Run) -> None:
    copy = filled.with_suffix(".before-3.db")
    copy.write_bytes(b"older")

    told = persync("privacy", "erase", "--id", "shop:191167")

    assert "Not touched: p.before-3.db" in told.stderr
    assert copy.read_bytes() == b"older"


MESSAGE = {"topic": "customers/redact", **redact()}


@pytest.mark.parametrize(
    ("document", "options"),
    [
        ({"customers/redact": redact()}, []),
        (MESSAGE, []),
        ([{"topic": "CUSTOMERS_REDACT", "payload": redact()}], []),
        (json.dumps(MESSAGE) + "\n" + json.dumps(MESSAGE), []),
        (redact(customer={"id": "gid://shopify/Customer/191167"}), ["--topic", "customers/redact"]),
    ],
)
def test_a_customer_that_shopify_wants_redacted_is_erased(
    filled: Path, persync: Run, document: Any, options: list[str]
) -> None:
    told = persync("privacy", "apply", saved(filled, "redact.json", document), *options)

    assert told.exit_code == 0, told.stderr
    assert (told.stdout, contacts(filled)) == ("", 2)
    assert "Removed: 1 person, rows: 33" in told.stderr
    assert "origin was not checked" in told.stderr


def test_an_order_to_redact_is_cut_from_whoever_it_was_and_stays_so(filled: Path, persync: Run) -> None:
    from privacy_rows import shop_rows, write

    persync("privacy", "apply", saved(filled, "r.json", {"customers/redact": redact(orders_to_redact=[299939, 77])}))
    write(filled, "shop", shop_rows("191168", "bob@example.com", "299939", 800))
    write(filled, "shop", shop_rows("191168", "bob@example.com", "77", 900))

    with open_store(filled) as store:
        found = dict(
            store.db.execute("SELECT k.vendor_order_id, o.key_id IS NULL FROM orders o JOIN order_keys k USING (order_key)")
        )
    assert found == {"299938": 1, "299939": 1, "77": 1, "deal-1": 0}
    assert contacts(filled) == 2, "whoever the order was said to be of is not erased with it"


def test_a_data_request_prints_what_is_stored_and_nobody_elses(filled: Path, persync: Run) -> None:
    out = filled.parent / "ann.json"
    document = {"customers/data_request": redact(orders_requested=[299938])}

    told = persync("privacy", "apply", saved(filled, "ask.json", document), "--out", str(out))

    assert (told.exit_code, told.stdout) == (0, "")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    printed = json.loads(out.read_text())
    assert printed["kind"] == "subject_data"
    data = printed["results"][0]
    assert data["orders"][0]["total"] == "12.50"
    assert data["contacts"][0]["created_at"] == "2025-01-04T14:13:20.000Z"
    assert {row["key"] for row in data["person_keys"]} == {"191167", "kept as a keyed hash only"}
    assert data["touchpoints"][0]["campaign"] == {"kind": "id", "id": "letter-1", "title": "Letter"}
    assert data["feedback"][0]["ticket"] == "ticket-191167"
    assert not [word for word in ("191168", "191169", "299939") if word in out.read_text()]
    assert contacts(filled) == 4


def test_a_shop_that_left_is_removed_whole_and_the_rest_stays(
    filled: Path, persync: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = saved(filled, "gone.json", {"shop/redact": {"shop_id": 9, "shop_domain": SHOP}})

    refused = persync("privacy", "apply", file)
    assert (refused.exit_code, contacts(filled)) == (2, 4)
    assert "a whole shop would be removed; nothing was done. Say --yes" in refused.stderr
    monkeypatch.setattr("persync.cli.context.is_interactive", lambda: True)
    declined = persync("privacy", "apply", file, input="n\n")
    assert (declined.exit_code, contacts(filled)) == (1, 4)
    assert declined.stderr.splitlines()[-1] == "persync: nothing was done."
    told = persync("privacy", "apply", file, "--yes")

    assert told.exit_code == 0
    with open_store(filled) as store:
        left = {
            name: store.db.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for name in ("orders", "order_ledger", "order_keys", "carts", "tickets", "feedback", "contacts", "touchpoints")
        }
        keys = store.db.execute("SELECT kind, count(*) FROM person_keys GROUP BY kind ORDER BY kind").fetchall()
        shop = store.db.execute("SELECT name, shop, currency FROM connections WHERE name = 'shop'").fetchall()
    assert left == {
        "orders": 0,
        "order_ledger": 0,
        "order_keys": 0,
        "carts": 0,
        "tickets": 0,
        "feedback": 0,
        "contacts": 2,
        "touchpoints": 6,
    }
    assert keys == [("email", 2), ("mc_eid", 2), ("member", 2)], "whom only the shop knew is gone; whom the mail knows stays"
    assert shop == [("shop", None, None)]
    assert not [path for path in filled.parent.rglob("*.db*") if b"299938" in path.read_bytes()]


def signed(document: Any, secret: str = SECRET) -> tuple[str, str]:
    body = json.dumps(document)
    return body, base64.b64encode(hmac.new(secret.encode(), body.encode(), hashlib.sha256).digest()).decode()


def test_only_the_apps_own_secret_makes_the_hmac(filled: Path, persync: Run) -> None:
    body, wrong = signed({"customers/redact": redact()}, "another")
    _, right = signed({"customers/redact": redact()})
    file = saved(filled, "r.json", body)

    told = persync("privacy", "apply", file, "--hmac", wrong)
    assert (told.exit_code, contacts(filled)) == (6, 4)
    assert "the HMAC does not fit the file; nothing was done" in told.stderr
    assert persync("privacy", "apply", file, "--hmac", "no base64 ä").exit_code == 6
    told = persync("privacy", "apply", file, "--hmac", right)
    assert (told.exit_code, contacts(filled)) == (0, 2)
    assert "not checked" not in told.stderr


def test_without_the_secret_no_hmac_can_be_checked(filled: Path, persync: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOPIFY_CLIENT_SECRET")
    body, right = signed({"customers/redact": redact()})

    told = persync("privacy", "apply", saved(filled, "r.json", body), "--hmac", right)

    assert (told.exit_code, contacts(filled)) == (4, 4)


@pytest.mark.parametrize(
    ("document", "code", "message"),
    [
        ("{not json ann@example.com", 1, "line 1: it is neither JSON nor JSON lines."),
        ("", 1, "it holds no message."),
        (redact(), 1, "message 1: its topic is not told. Say --topic"),
        ({"topic": "customers/redacted", **redact()}, 1, "Did you mean 'customers/redact'?"),
        ({"topic": 5, **redact()}, 1, "its topic is none of the three. Valid: customers/data_request"),
        ([{"topic": "customers/redact", **redact()}, 7], 1, "message 2: a message is a JSON object."),
        ({"customers/redact": redact(shop_domain=None)}, 1, "shop_domain is missing."),
        ({"customers/redact": redact(customer=None)}, 1, "customer is missing."),
        ({"customers/redact": redact(customer={"phone": "1"})}, 1, "it names nobody"),
        ({"customers/redact": redact(customer={"id": "ann@example.com"})}, 1, "customer.id is no id."),
        ({"customers/redact": redact(customer={"id": 1, "email": "ann"})}, 1, "customer.email is no address."),
        ({"customers/redact": redact(orders_to_redact={})}, 1, "orders_to_redact is no list."),
        (
            {"customers/redact": redact(shop_domain="other.example")},
            6,
            "no connection reads the shop other.example",
        ),
    ],
)
def test_a_file_that_cannot_be_applied_is_refused_whole(
    filled: Path, persync: Run, document: Any, code: int, message: str
) -> None:
    good = {"customers/redact": redact()}
    file = saved(filled, "bad.json", document)

    told = persync("privacy", "apply", file)

    assert (told.exit_code, contacts(filled)) == (code, 4)
    assert message in told.stderr
    if isinstance(document, dict):
        both = saved(filled, "both.json", [good, document])
        assert persync("privacy", "apply", both).exit_code == code
        assert contacts(filled) == 4


def test_a_missing_file_is_named(persync: Run) -> None:
    told = persync("privacy", "apply", "none.json")

    assert told.exit_code == 1
    assert "none.json: No such file or directory." in told.stderr


def test_a_report_finishes_an_erasure_that_was_cut_off(filled: Path, persync: Run) -> None:
    from persync.engine import mirror
    from persync.rows import Person
    from persync.store.privacy import erase, find, is_unfinished

    with open_store(filled) as store:
        erase(store, [find(store, Person(("id@shop", "191167")))], now=1)
        assert is_unfinished(store.db)
    before = read_manifest(filled.with_suffix(".mirror"))
    assert before is not None

    mirror.refresh(filled)

    after = read_manifest(filled.with_suffix(".mirror"))
    assert after is not None
    assert {path.name for path in filled.with_suffix(".mirror").glob("*.parquet")} == {
        file for name in after["tables"] for file in files_of(after, name)
    } | {part["file"] for table in after["tables"].values() for part in table["parts"].values() if part["file"]}
    with open_store(filled) as store:
        assert not is_unfinished(store.db)
    assert not [path for path in filled.parent.rglob("*") if path.is_file() and b"191167" in path.read_bytes()]


def test_an_export_of_nobody_says_that_nothing_is_known(filled: Path, persync: Run) -> None:
    told = persync("privacy", "export-subject", "--email", "nobody@example.com")

    assert (told.exit_code, json.loads(told.stdout)["results"]) == (0, [{}])
    assert "the store holds nothing of 1 of 1 named." in told.stderr
    assert "nobody@" not in told.output
