"""`persync verify`: each thing broken once, and exactly its line said."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from e2e.runs import serving
from persync.cli import root
from persync.engine.mirror import read_manifest
from persync.rows import Person
from persync.sandbox.demo import make_world
from persync.store.gone import tombstone
from persync.store.privacy import erase, find
from persync.store.store import open_store

RESTORE = "Restore a backup, or pull the connections anew into another store."
STRANGER = "Somebody or something other than persync wrote to the store. Compare it with a backup."
ANEW = "Delete the folder persync.mirror: the next report writes it anew."


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(root, ["--project", str(folder), *arguments], prog_name="persync")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose three vendors were pulled, with a mirror and a credit ledger."""
    folder = tmp_path_factory.mktemp("whole")
    with serving(make_world(3, people=60), folder / "served") as site:
        project = site.project(folder / "project")
        assert run(project, "--quiet", "pull").exit_code == 0
        assert run(project, "attribution", "--models", "all").exit_code == 0
    with closing(sqlite3.connect(project / "persync.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return project


@pytest.fixture
def project(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "project"))


def sql(project: Path, *statements: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(project / "persync.db")) as db:
        found: list[tuple[object, ...]] = []
        for statement in statements:
            found = db.execute(statement).fetchall()
        db.commit()
        return found


def said(project: Path, code: int = 6) -> list[str]:
    """Return what verify says, without its last line, which counts the failures."""
    result = run(project, "verify")
    lines = result.stdout.splitlines()
    assert result.exit_code == code, result.output
    failures = [line for line in lines[:-1] if not line.startswith("note: ")]
    things = "1 thing is wrong." if len(failures) == 1 else f"{len(failures)} things are wrong."
    ending = "whole." if code == 0 else things
    assert lines[-1].endswith(ending)
    assert (code == 0) == (not failures)
    return lines[:-1]


def test_a_store_that_was_pulled_is_whole(whole: Path) -> None:
    assert said(whole, 0) == []
    document = json.loads(run(whole, "verify", "--format", "json").stdout)
    assert (document["kind"], document["results"], document["is_whole"]) == ("verify", [], True)
    assert sum(1 for _ in (whole / "persync.mirror").glob("derived-g*/credit_ledger-*.parquet")) == 1


SOME_ORDER = "(SELECT min(o.order_key) FROM orders o JOIN connections n USING (connection) WHERE n.name = 'shopify')"
# One that there is, whatever order came first.
SOME_ENTRY = (
    "(SELECT l.order_key, l.entry, l.part FROM order_ledger l JOIN orders o USING (order_key) JOIN connections n"
    " USING (connection) WHERE n.name = 'shopify' AND o.status = 'paid' ORDER BY l.order_key, l.entry, l.part LIMIT 1)"
)
SOME_MAIL = "(SELECT campaign_key FROM campaign_counters WHERE variant = '' ORDER BY sent DESC, campaign_key LIMIT 1)"
FULL = "it is not what its facts give. Run `persync pull --full`: it derives them anew."
CHANGES: dict[str, tuple[str, list[str]]] = {
    "an entry of the log": (
        "UPDATE log SET detail = detail || '!' WHERE entry = 2",
        [
            f"log, entry N: the chain of the log does not fit from here on. {STRANGER}",
            f"log, run N: it is not what the log says of it. {STRANGER}",
        ],
    ),
    "the end of the log": ("DELETE FROM log WHERE entry = 4", [f"log, run N: the log does not have its end. {STRANGER}"]),
    "a run's end": (
        "UPDATE runs SET exit_code = 5 WHERE run = 1",
        [f"log, run N: it is not what the log says of it. {STRANGER}"],
    ),
    "a run's beginning": (
        "UPDATE runs SET started_at = 5 WHERE run = 2",
        [f"log, run N: it is not what the log says of it. {STRANGER}"],
    ),
    "a run": (
        "DELETE FROM runs WHERE run = 3",
        [f"log, entry N: it tells of the end of run N, which is not there. {STRANGER}"],
    ),
    "a word": (
        "UPDATE words SET word = 999 WHERE word = (SELECT source FROM touchpoints WHERE source != channel LIMIT 1)",
        [f"references, touchpoints: N rows whose source is not in words. {RESTORE}"],
    ),
    "a connection": (
        "UPDATE contacts SET connection = 99 WHERE key_id = (SELECT min(key_id) FROM contacts)",
        [f"references, contacts: N rows whose connection is not in connections. {RESTORE}"],
    ),
    "an order's key": (
        f"UPDATE order_lines SET order_key = 987654 WHERE order_key = {SOME_ORDER}",
        [f"references, order_lines: N rows whose order_key is not in order_keys. {RESTORE}"],
    ),
    "a person's key": (
        "UPDATE stages SET key_id = 987654 WHERE key_id = (SELECT min(key_id) FROM stages)",
        [f"references, stages: N rows whose key_id is not in person_keys. {RESTORE}"],
    ),
    "a part that failed": (
        "UPDATE coverage SET state = 'hole', reason = 'the vendor failed.' WHERE stream = 'customers'",
        ["coverage, shopify customers: hole: the vendor failed. Run `persync pull shopify`."],
    ),
    "a pull cut off": (
        "UPDATE checkpoints SET token = '{}' WHERE stream = 'reports'",
        ["coverage, mailchimp reports: a pull was cut off in N of its parts. Run `persync pull mailchimp`."],
    ),
    "coverage of a stream": (
        "DELETE FROM coverage WHERE stream = 'customers'",
        [
            "coverage, shopify customers: coverage lacks what was read of N of its parts. Run `persync pull shopify --full`.",
            f"mirror, coverage: the mirror holds N rows, the store N. {ANEW}",
        ],
    ),
    "coverage of the last days": (
        "UPDATE coverage SET to_at = to_at - 86400000 WHERE stream = 'customers'",
        ["coverage, shopify customers: coverage lacks what was read of N of its parts. Run `persync pull shopify --full`."],
    ),
    "events lost": (
        "UPDATE touchpoints SET action = 2 WHERE action = 1 AND key_id % 3 = 0 AND campaign_key IN"
        f" (SELECT campaign_key FROM campaign_of WHERE campaign_id = {SOME_MAIL})",
        ["counts, mailchimp: N: N sends are stored, the vendor counted N. Run `persync pull mailchimp --full`."],
    ),
    "a cent": (
        f"UPDATE order_ledger SET amount_minor = amount_minor + 1 WHERE (order_key, entry, part) = {SOME_ENTRY}",
        [
            "ledger, shopify: an order whose ledger is not its total: N holds N of N minor units."
            " Run `persync pull shopify --full`."
        ],
    ),
    "an order's whole ledger": (
        # Of an order that no other system has: a copy's money would count instead.
        "DELETE FROM order_ledger WHERE order_key = (SELECT min(f.order_key) FROM order_of f JOIN orders o USING (order_key)"
        " JOIN connections n USING (connection) WHERE n.name = 'shopify' AND o.kind = 'order' AND o.total_minor > 0 AND 1 ="
        " (SELECT count(*) FROM order_of g WHERE g.order_id = f.order_id))",
        [
            "ledger, shopify: an order whose ledger is not its total: N holds N of N minor units."
            " Run `persync pull shopify --full`.",
            f"mirror, order_ledger: N-N: the mirror holds N rows, the store N. {ANEW}",
        ],
    ),
    "who is who": ("UPDATE person_of SET hash = 7 WHERE key_id = 1", [f"derived, person_of: {FULL}"]),
    "which order is which": (
        "UPDATE order_of SET is_money_source = 1 - is_money_source WHERE order_key = (SELECT max(order_key) FROM order_of)",
        [f"derived, order_of: {FULL}"],
    ),
    "which campaign is which": (
        "UPDATE campaign_of SET campaign_id = (SELECT max(campaign_key) FROM campaigns) WHERE campaign_key ="
        " (SELECT min(campaign_key) FROM campaign_of WHERE campaign_id != (SELECT max(campaign_key) FROM campaigns))",
        [f"derived, campaign_of: {FULL}"],
    ),
    "a level": ("UPDATE campaign_levels SET level = 4 WHERE level = 1", [f"derived, campaign_levels: {FULL}"]),
    "rows that the mirror has": (
        "DELETE FROM stages WHERE entered_at = (SELECT min(entered_at) FROM stages)",
        [f"mirror, stages: the mirror holds N rows, the store N. {ANEW}"],
    ),
    "rows that the mirror lacks": (
        "INSERT INTO touchpoints SELECT connection, campaign_key, key_id, action, happened_at - 400000000000, link_id, ordinal,"
        " variant, level, is_machine, channel, source FROM touchpoints LIMIT 1",
        [f"mirror, touchpoints: N rows of the store lie in months that the mirror does not have. {ANEW}"],
    ),
    "an erasure cut off": (
        "INSERT INTO meta VALUES ('erasure unfinished', '1')",
        [
            "erasure, persync.db: an erasure has not overwritten the file yet: it may hold bytes of erased rows."
            " Close other programs that have the store open, then run `persync report`."
        ],
    ),
}
NOTES: dict[str, tuple[str, list[str]]] = {
    "a missing scope": (
        "UPDATE coverage SET state = 'hole', reason = 'scope: denied. Needs read_customers.' WHERE stream = 'customers'",
        ["note: coverage, shopify customers: hole: scope: denied. Needs read_customers. Run `persync pull shopify`."],
    ),
    "a few that are missing": (
        "UPDATE coverage SET reason = 'the vendor counts 9 and gave 8' WHERE stream = 'customers'",
        ["note: coverage, shopify customers: the vendor counts N and gave N. Run `persync pull shopify --full`."],
    ),
    "a reject": (
        "INSERT INTO rejects SELECT connection, 'customers', '', 'r', '', '', '', '{}', 1 FROM connections"
        " WHERE name = 'shopify'",
        ["note: coverage, shopify customers: N records were rejected. Run `persync pull shopify --rejects`."],
    ),
    "a run cut off": (
        "INSERT INTO runs (command, started_at) VALUES ('pull shopify', 1)",
        [
            "note: runs, run N: run N (pull shopify) was cut off, or is still under way."
            " Nothing, if a later run of the same connection ended."
        ],
    ),
    "facts written since": (
        "UPDATE dirty SET rev = rev + 1 WHERE name = 'links'",
        [
            "note: derived, persync.db: person_of: facts were written since. Nothing: the next pull derives them anew.",
        ],
    ),
    "a mirror that is older": (
        "UPDATE dirty SET rev = rev + 1 WHERE name = 'stages'",
        ["note: mirror, persync.mirror: it is older than the store. Nothing: the next report renews it."],
    ),
}


def masked(lines: list[str]) -> list[str]:
    """Return lines with N in the place of numbers and of campaigns' ids."""
    return [re.sub(r"\b[0-9a-f]{10}\b|\b\d[\d,]*\b", "N", line) for line in lines]


@pytest.mark.parametrize("what", list(CHANGES))
def test_what_is_wrong_is_said_where_and_what_to_do(project: Path, what: str) -> None:
    broken, lines = CHANGES[what]
    sql(project, broken)

    assert masked(said(project)) == lines


@pytest.mark.parametrize("what", list(NOTES))
def test_what_is_explained_is_a_note_and_no_failure(project: Path, what: str) -> None:
    broken, lines = NOTES[what]
    sql(project, broken)

    assert masked(said(project, 0)) == lines


def test_less_activity_is_explained_where_the_account_does_not_show_it(project: Path) -> None:
    sql(
        project,
        CHANGES["events lost"][0],
        "UPDATE coverage SET state = 'hole', reason = 'role: denied' WHERE stream = 'sent_to'",
    )

    lines = said(project, 0)

    assert len([line for line in lines if line.startswith("note: counts, mailchimp: ")]) == 1


def test_a_damaged_page_is_found(project: Path) -> None:
    path = project / "persync.db"
    [(page,)] = sql(project, "SELECT rootpage FROM sqlite_master WHERE name = 'products'")
    size = sql(project, "PRAGMA page_size")[0][0]
    with path.open("r+b") as file:
        file.seek((int(str(page)) - 1) * int(str(size)) + 3)
        file.write(b"\x00\x00")

    lines = said(project)

    assert lines[0].startswith("integrity, persync.db: ")
    assert lines[0].endswith(RESTORE)


@pytest.mark.parametrize("how", ["gone", "cut", "other"])
def test_a_file_of_the_mirror_that_is_not_its_own_is_named(project: Path, how: str) -> None:
    folder = project / "persync.mirror"
    manifest = read_manifest(folder)
    assert manifest is not None
    path = folder / manifest["tables"]["stages"]["parts"]["-1"]["file"]
    rows = manifest["tables"]["stages"]["parts"]["-1"]["rows"]
    if how == "gone":
        path.unlink()
        what = "is not there"
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:-9])
        what = "cannot be read"
    else:
        pq.write_table(pq.read_table(path).slice(1), path)
        what = f"holds {rows - 1} rows, not {rows}"

    assert said(project) == [f"mirror, stages: {path.name} {what}. {ANEW}"]


def test_a_credit_ledger_that_does_not_add_up_is_named(project: Path) -> None:
    [path] = (project / "persync.mirror").glob("derived-g*/credit_ledger-*.parquet")
    table = pq.read_table(path)
    place = table.column_names.index("linear")
    values = table.column("linear").to_pylist()
    values[next(i for i, value in enumerate(values) if value)] += 1
    pq.write_table(table.set_column(place, table.field(place), [values]), path)

    assert said(project) == [f"ledger, {path.name}: linear does not add up to 1 orders. {ANEW}"]


def test_weights_of_the_settings_are_held_against_the_orders_too(project: Path) -> None:
    """A model that persync.toml makes is a column like any other, sound or not."""
    with (project / "persync.toml").open("a") as file:
        file.write("\n[attribution.weights.mine]\nfirst = [0.3]\nlast = [0.3]\nrest = 0.4\n")
    assert run(project, "attribution", "--models", "mine", "--lookback", "9").exit_code == 0
    assert said(project, 0) == []
    [path] = (
        path
        for path in (project / "persync.mirror").glob("derived-g*/credit_ledger-*.parquet")
        if "mine" in pq.read_schema(path).names
    )
    table = pq.read_table(path)
    values = table.column("mine").to_pylist()
    values[next(i for i, value in enumerate(values) if value)] += 1
    place = table.column_names.index("mine")
    pq.write_table(table.set_column(place, table.field(place), [values]), path)

    assert said(project) == [f"ledger, {path.name}: mine does not add up to 1 orders. {ANEW}"]


def test_every_credit_ledger_that_is_kept_is_looked_at(project: Path) -> None:
    """Another lookback leaves another ledger beside the first."""
    for days in ("9", "30"):
        assert run(project, "attribution", "--models", "linear", "--lookback", days).exit_code == 0

    assert sum(1 for _ in (project / "persync.mirror").glob("derived-g*/credit_ledger-*.parquet")) == 2
    assert said(project, 0) == []


def test_a_key_of_somebody_erased_is_found_wherever_it_stands(project: Path) -> None:
    [(number,)] = sql(project, "SELECT key FROM person_keys WHERE kind = 'id' AND connection = 2 ORDER BY key LIMIT 1")
    name = str(sql(project, "SELECT name FROM connections WHERE connection = 2")[0][0])
    with open_store(project / "persync.db") as store:
        erase(store, [find(store, Person((f"id@{name}", str(number))))], now=1)
    run(project, "--quiet", "privacy", "erase", "--id", f"{name}:{number}")
    assert said(project, 0) == []
    with open_store(project / "persync.db") as store:
        order = tombstone(store.key, "order", 1, "none")
        store.db.execute("INSERT INTO person_keys (kind, connection, key) VALUES ('id', 2, ?)", (number,))
        store.db.execute("INSERT INTO deletions VALUES (2, 'contact', ?, 1, 1)", (number,))
        store.db.execute("INSERT OR IGNORE INTO tombstones VALUES (?, 1)", (order,))

    fix = "Erase them again: `persync privacy erase --stdin`."
    assert [line for line in said(project) if line.startswith("erasure, ")] == [
        f"erasure, person_keys: 1 rows name somebody who was erased. {fix}",
        f"erasure, deletions: 1 rows name somebody who was erased. {fix}",
    ]


def test_a_full_pull_mends_what_is_derived(project: Path) -> None:
    sql(project, CHANGES["who is who"][0], CHANGES["a level"][0])
    shutil.copy(project / "persync.toml", project / "all.toml")
    (project / "persync.toml").write_text('[connections.files]\nconnector = "files"\nfiles = []\n')

    assert run(project, "--quiet", "pull", "--full").exit_code == 0

    assert [line for line in said(project, 0) if "derived" in line] == []
