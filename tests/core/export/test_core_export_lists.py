"""Segments and suppression as lists for each platform: matched by keyed hash, nobody who said no, no address kept."""

from __future__ import annotations

import csv
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from core.cli.calls import PLATFORMS, said
from persync import rows
from persync.cli import root
from persync.rows import Action, CampaignRef, OrderRef, Person
from persync.store.derive import derive
from persync.store.reading import reading
from persync.store.store import open_store
from persync.store.write import Writer

Run = Callable[..., Result]
NOW = 1_750_000_000_000
SETTINGS = f"""\
{PLATFORMS}
[segments.buyers]
min_orders = 1
"""
PEOPLE = range(12)
BOUNCED = {7: "hard", 8: "soft", 9: "hard", 10: "UNKNOWN_USER"}
"""9 clicked after the bounce: somebody mended the address"""
DROPPED = {5: "GRAYMAIL_SUPPRESSED", 11: "PREVIOUSLY_BOUNCED"}
CLEANED = 6


def address(number: int) -> str:
    return f"p{number}@example.com"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve people of three systems. 0 said no to Mailchimp and 1 to HubSpot; 2 complained; 3 said no and then yes again; 4
    never said yes to the shop; 5 left one kind of mail. Even numbers bought; the first six carry HubSpot's list."""
    folder = tmp_path_factory.mktemp("lists")
    (folder / "persync.toml").write_text(SETTINGS)
    with open_store(folder / "persync.db", create=True) as store:
        for name, connector in (("mail", "mailchimp"), ("crm", "hubspot"), ("shop", "shopify")):
            for part in (_rows(name), _later(name)):
                writer = Writer(store, name, connector, now=NOW)
                with store.transaction():
                    writer.write(part)
        derive(store)
    return folder


def _rows(name: str) -> Any:
    yield rows.Account(name, currency="EUR", timezone="UTC", shop="my-shop" if name == "shop" else None)
    letter = CampaignRef(("id", "letter"))
    if name == "mail":
        yield rows.Campaign(letter, kind="regular", title="Letter", sent_at=NOW)
    for kind, title in (("list", "Friends"), ("list", "=cmd, the rest")) if name == "crm" else (("tag", "Friends"),):
        yield rows.Segment(kind, title, name=title)
    for i in PEOPLE:
        person = Person(("id", f"{name}{i}"), ("email", address(i)))
        yield rows.Contact(person, status="cleaned" if (name, i) == ("mail", CLEANED) else "subscribed")
        no = {"mail": (0, 3), "crm": (1,), "shop": ()}[name]
        never = name == "shop" and i == 4
        yield rows.Consent(person, "email", "unsubscribed" if i in no else "not_subscribed" if never else "subscribed")
        if name == "crm":
            yield rows.Consent(person, "email/1234", "unsubscribed" if i == 5 else "subscribed")
            if i < 6:
                yield rows.MemberOf(person, "list", "", ("Friends", "=cmd, the rest"), NOW - 1)
        if name == "mail":
            yield rows.Touchpoint(letter, person, Action.COMPLAINT if i == 2 else Action.SEND, NOW)
            if i in BOUNCED:
                yield rows.Touchpoint(letter, person, Action.BOUNCE, NOW + 5, source=BOUNCED[i])
            if i in DROPPED:
                yield rows.Touchpoint(letter, person, Action.DROP, NOW + 5, source=DROPPED[i])
            if i == 9:
                yield rows.Touchpoint(letter, person, Action.CLICK, NOW + 10)
        if name == "shop" and i % 2 == 0:
            order = OrderRef(f"o{i}", "my-shop", f"o{i}", f"#{i}")
            yield rows.Order(order, "order", person, NOW - 1000, "paid", False, currency="EUR", total_minor=1000)
            yield rows.LedgerEntry(order, "s", "sale", "product", NOW - 1000, 1000, "EUR")


def _later(name: str) -> Any:
    if name == "mail":
        yield rows.Consent(Person(("id", "mail3"), ("email", address(3))), "email", "subscribed")


@pytest.fixture
def persync(folder: Path) -> Run:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(root, ["--project", str(folder), *arguments], prog_name="persync")

    return run


def listed(path: Path, header: str, line: Callable[[int], str]) -> Path:
    path.write_text("\n".join([header, *map(line, PEOPLE), line(99)]) + "\n", encoding="utf-8")
    return path


def numbers(path: Path, column: str) -> list[int]:
    with path.open(encoding="utf-8", newline="") as file:
        return [int("".join(filter(str.isdecimal, row[column].partition("@")[0]))) for row in csv.DictReader(file)]


def test_a_rule_of_the_settings_becomes_a_list_of_record_ids(persync: Run) -> None:
    """Even numbers bought; 0 said no and 2 complained."""
    found = list(csv.reader(persync("export", "segment", "buyers", "--for", "crm").stdout.splitlines()))

    assert found == [
        ["Record ID", "persync segment"],
        *([f"crm{i}", "buyers"] for i in sorted((4, 6, 8, 10), key=lambda i: f"crm{i}")),
    ]


def test_one_platforms_list_becomes_anothers_tag_by_ones_own_file_of_addresses(persync: Run, tmp_path: Path) -> None:
    """In any spelling; whoever said no anywhere is left out and said so; a name cannot become a formula or two tags."""
    own = listed(tmp_path / "own.csv", "Name,E-Mail", lambda i: f"N{i},  {address(i).upper()} ")
    out = tmp_path / "friends.csv"

    told = persync("export", "segment", "=cmd, the rest", "--for", "mailchimp", "--list", str(own), "--out", str(out))

    assert told.exit_code == 0, told.stderr
    assert numbers(out, "E-Mail") == [3, 4, 5]
    with out.open(newline="") as file:
        assert [row["Tags"] for row in csv.DictReader(file)] == ["'=cmd  the rest"] * 3
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert "3 people of '=cmd, the rest' said no to e-mail and are left out." in told.stderr
    assert "Of 13 lines 3 are in the segment; the other 10 are not, or are left out." in told.stdout


def test_who_said_no_to_one_platform_is_suppressed_at_the_others(persync: Run, tmp_path: Path) -> None:
    """No said and taken back is no refusal; nor is never having said yes, nor leaving one kind of mail. An address that takes
    no mail stands beside the refusals, also one that a platform knew as such before or took off its list; a full mailbox, one
    that was reached again and mail held back for another reason do not."""
    ids = persync("export", "suppression", "--for", "crm").stdout.splitlines()
    own = listed(tmp_path / "audience.csv", "Email Address,First Name", lambda i: f"{address(i)},N{i}")
    persync("export", "suppression", "--for", "mail", "--list", str(own), "--out", str(tmp_path / "no.csv"))

    assert ids == ["Record ID,persync suppression", *(f"crm{i},do not mail" for i in (0, 1, 10, 11, 2, 6, 7))]
    assert (tmp_path / "no.csv").read_text().splitlines() == [
        "Email Address,Tags",
        *(f"{address(i)},persync:do not mail" for i in (0, 1, 2, 6, 7, 10, 11)),
    ]


def test_shopifys_own_file_keeps_its_columns_and_says_no(persync: Run, tmp_path: Path) -> None:
    header = "Customer ID,First Name,Email,Accepts Email Marketing,Tags"
    own = listed(tmp_path / "customers.csv", header, lambda i: f"'{i},N{i},{address(i)},yes,vip")
    persync("export", "suppression", "--for", "shop", "--list", str(own), "--out", str(tmp_path / "no.csv"))
    persync("export", "segment", "buyers", "--for", "shop", "--list", str(own), "--out", str(tmp_path / "buyers.csv"))

    assert (tmp_path / "no.csv").read_text().splitlines() == [
        header,
        *(f'\'{i},N{i},{address(i)},no,"vip, persync:do not mail"' for i in (0, 1, 2, 6, 7, 10, 11)),
    ]
    assert (tmp_path / "buyers.csv").read_text().splitlines() == [
        header,
        *(f'\'{i},N{i},{address(i)},yes,"vip, buyers"' for i in (4, 6, 8, 10)),
    ]


def test_no_address_is_kept_or_told_and_the_log_says_that_a_list_left(persync: Run, folder: Path, tmp_path: Path) -> None:
    own = listed(tmp_path / "own.csv", "email", address)

    told = persync("export", "suppression", "--for", "mailchimp", "--list", str(own), "--out", str(tmp_path / "no.csv"))

    assert "@" not in told.stdout + told.stderr
    with reading(folder / "persync.db") as db:
        kept = "\n".join(db.iterdump())
        last = db.execute("SELECT event, detail FROM log ORDER BY entry DESC LIMIT 1").fetchone()
    assert "@example.com" not in kept
    assert last == ("list exported", "persync:do not mail: 7 people for mail")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("segment", "buyer", "--for", "crm"), 2, "Did you mean 'buyers'?"),
        (("segment", "Friends", "--for", "crm"), 2, "several segments 'Friends': mail:Friends (tag), crm:Friends (list)"),
        (("segment", "shop:Friends", "--for", "crm"), 1, "nobody who may be mailed"),
        (("segment", "buyers", "--for", "cmr"), 2, "Did you mean 'crm'?"),
        (("segment", "buyers", "--for", "shopify"), 2, "persync keeps none"),
        (("suppression", "--for", "mailchimp"), 2, "--list FILE --out FILE"),
        (("suppression", "--for", "mail", "--list", "own.csv", "--out", "own.csv"), 2, "written over itself"),
        (("suppression", "--for", "mail", "--list", "own.csv", "--out", "persync.key"), 2, "this would write over"),
        (("suppression", "--for", "mail", "--list", "none.csv", "--out", "x.csv"), 1, "cannot be read"),
        (("suppression", "--for", "mail", "--list", "semicolons.csv", "--out", "x.csv"), 1, "are not separated by commas"),
        (("suppression", "--for", "mail", "--list", "own.csv", "--column", "emial", "--out", "x.csv"), 1, "'email'"),
    ],
)
def test_what_makes_no_list_is_refused_with_what_to_do(
    persync: Run, folder: Path, arguments: tuple[str, ...], code: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed(folder / "own.csv", "email", address)
    listed(folder / "semicolons.csv", "E-Mail;Name", lambda i: f"{address(i)};N{i}")
    monkeypatch.chdir(folder)

    assert words in said(persync("export", *arguments), code)
    assert not (folder / "x.csv").exists()


def test_a_platform_named_by_a_connection_finds_its_own_segment(persync: Run) -> None:
    found = persync("export", "segment", "crm:Friends", "--for", "hubspot").stdout.splitlines()

    assert found[1:] == [f"crm{i},crm:Friends" for i in (3, 4, 5)]
