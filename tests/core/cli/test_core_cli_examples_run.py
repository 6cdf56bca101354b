"""The examples in the help do what they say: each that reads is run on one small shop, as it stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from core.cli.test_core_cli_examples import typed
from fuzz.shop import DAY, NOW, PLACES, START, make_shop
from persync import rows
from persync.cli import root
from persync.cli.examples import EXAMPLES
from persync.store.derive import derive
from persync.store.store import open_store
from persync.store.write import Writer

WRITES = {
    "": "names other commands",
    "init": "makes a project",
    "connect": "asks a vendor",
    "doctor": "asks a vendor",
    "pull": "asks a vendor",
    "reconcile": "asks a vendor",
    "import": "reads the user's own files",
    "store": "copies the store",
    "store backup": "copies the store",
    "experiment assign": "draws arms",
    "experiment export": "reads the user's own list",
    "baseline": "freezes",
    "baseline freeze": "freezes",
    "fairness decide": "writes into the log",
    "privacy apply": "erases",
    "report": "takes as long as all others together; the tests of the report and of the demonstration make it",
    "lake": "reads a lake",
    "lake add": "makes a lake",
    "lake list": "reads a lake",
    "lake overview": "reads a lake",
    "lake remove": "changes a lake",
    "federate merge": "reads the files of others",
    "export segment": "reads the user's own list",
    "export suppression": "reads the user's own list",
    "serve": "waits for a browser",
    "run": "does a job of the user's",
    "schedule": "changes the machine",
    "notify": "sends",
    "notify test": "sends",
    "plugins check": "takes a plugin of the user's",
    "plugins new": "writes a plugin",
    "bi": "writes for another program",
    "bi init": "writes for another program",
    "bi refresh": "writes for another program",
    "sandbox": "serves",
    "sandbox serve": "serves",
    "demo": "makes a project",
}
"""{command: why its examples are not run here}; other tests run them"""
CHANGES = (
    "persync tag mailchimp:8f3a1c2b 2",
    "persync privacy erase --stdin",
    "persync privacy retention --apply",
    "persync privacy clean --apply",
)
"""examples of the other commands that change the store"""
ENDS = {"persync verify": 6}  # this shop's data have holes
"""{example: its exit code where it is not 0}"""
SETTINGS = """
[privacy]
epsilon_budget = 100.0

[privacy.retention]
touchpoints = 240

[connections.mailchimp]
connector = "mailchimp"

[connections.shopify]
connector = "shopify"
shop = "corner"
"""


def lines() -> Iterator[str]:
    for words, examples in EXAMPLES.items():
        if words not in WRITES:
            yield from (line for line in examples if line not in CHANGES)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop of sixty people of two countries, with a holdout, and the message, the person and the order that examples name;
    that person bought often, much and last."""
    folder = tmp_path_factory.mktemp("examples")
    named = {"attribute": "country", "north": "AT", "south": "DE", "experiment": "welcome"}
    make_shop(folder, {place: named.get(place, f"a {place}") for place in PLACES})
    with (folder / "persync.toml").open("a") as out:
        out.write(SETTINGS)
    who = rows.Person(("id", "7001234567"), ("email", "p1@example.com"))
    mail = rows.CampaignRef(("id", "8f3a1c2b"))
    orders = [rows.OrderRef(f"555000{n}", "corner.example", f"555000{n}", str(1042 + n)) for n in range(4)]
    with open_store(folder / "persync.db") as store:
        for name, connector, made in (
            (
                "mailchimp",
                "mailchimp",
                [
                    rows.Campaign(mail, kind="regular", title="Hello", subject="Hello", sent_at=START),
                    rows.Touchpoint(mail, rows.Person(("email", "p1@example.com")), rows.Action.SEND, START),
                ],
            ),
            (
                "shop",
                "shopify",
                [
                    rows.Contact(who, created_at=START),
                    *(
                        rows.Order(one, "order", who, START + n * DAY, "paid", False, currency="EUR")
                        for n, one in enumerate(orders)
                    ),
                    *(
                        rows.LedgerEntry(one, "s", "sale", "product", START + n * DAY, 9900, "EUR")
                        for n, one in enumerate(orders)
                    ),
                ],
            ),
        ):
            writer = Writer(store, name, connector, now=NOW)
            with store.transaction():
                writer.write(made)
        derive(store)
    return folder


def test_every_command_is_run_or_has_a_reason_why_not() -> None:
    assert set(WRITES) <= set(EXAMPLES)
    assert {line for examples in EXAMPLES.values() for line in examples} >= {*CHANGES, *ENDS}


def test_every_example_that_reads_ends_as_it_says(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after another on one store: the exit code is 0 unless the shop is at fault, and nothing raises."""
    monkeypatch.chdir(shop)
    monkeypatch.setenv("HOME", str(shop))

    found = {}
    for line in dict.fromkeys(lines()):
        done = CliRunner().invoke(root, typed(line), prog_name="persync", input="p1@example.com\n")
        assert isinstance(done.exception, SystemExit | type(None)), line
        if done.exit_code != ENDS.get(line, 0):
            found[line] = (done.exit_code, done.stderr)

    assert found == {}
