"""BI tools: what is written for each is what the tool takes, and shows the views."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from core.cli.calls import said
from fuzz.shop import PLACES, make_shop
from persync.bi.queries import QUERIES
from persync.cli import root
from persync.store.reading import reading
from persync.store.told import VIEWS_TOLD
from persync.store.views import VIEWS_VERSION

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in a folder whose name is a trial for shells, YAML, Compose and M."""
    folder = tmp_path_factory.mktemp("bi") / 'my $HOME "shop": 50% #1'
    folder.mkdir()
    make_shop(folder, {place: f"a {place}" for place in PLACES})
    return folder


@pytest.fixture(scope="module")
def persync(shop: Path) -> Run:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(root, ["--project", str(shop), *arguments], prog_name="persync")

    return run


@pytest.fixture(scope="module")
def made(persync: Run, shop: Path) -> Path:
    """The folder of what was made for all three."""
    for tool in ("datasette", "metabase", "powerbi"):
        told = persync("bi", "init", tool)
        assert told.exit_code == 0, told.output
    return shop / "bi"


def yaml(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text("utf-8"))


def test_datasettes_own_start_line_opens_the_store_and_shows_a_view(made: Path) -> None:
    """With the real program, by the script itself; what lies behind the views is shown to nobody."""

    def get(path: str) -> tuple[int, Any]:
        path_of_tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        found = subprocess.run(
            ["sh", str(made / "datasette" / "start.sh"), "--get", path],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": path_of_tools},
        )
        return found.returncode, json.loads(found.stdout) if found.stdout.startswith(("{", "[")) else found.stdout

    _, ledger = get("/persync/v_order_ledger.json?_shape=array&part__exact=tax&_size=2")
    _, month = get("/persync/net_revenue_by_month.json?_shape=array")
    _, listed = get("/persync.json")
    code, _ = get("/persync/meta.json")

    assert [(row["amount"], row["part"]) for row in ledger] == [("4.00", "tax")] * 2
    assert month == [{"month": "2023-11", "currency": "EUR", "net_revenue": 608.7, "orders": 30}]
    shown = {table["name"] for table in [*listed["tables"], *listed["views"]] if not table.get("hidden")}
    assert shown == set(VIEWS_TOLD)
    assert code != 0


def test_datasettes_metadata_explains_every_view(made: Path) -> None:
    (database,) = yaml(made / "datasette" / "metadata.yml")["databases"].values()

    assert {name for name, table in database["tables"].items() if not table.get("hidden")} == set(VIEWS_TOLD)
    assert database["tables"]["v_orders"]["columns"]["total"] == "Major units of the currency, as a decimal."
    assert database["tables"]["v_orders"]["sort_desc"] == "ordered_at"
    assert all(table["allow"] is False for table in database["tables"].values() if table.get("hidden"))


def test_metabase_gets_a_copy_that_can_be_read_where_nothing_can_be_written(made: Path, shop: Path) -> None:
    """As in a container with a read-only mount: no WAL, every view, numbers as numbers, ids replaced."""
    path = made / "metabase" / "data" / "persync-bi.db"
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as db:
        names = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
        journal = db.execute("PRAGMA journal_mode").fetchone()
        total = db.execute("SELECT round(sum(amount), 2) FROM v_order_ledger WHERE part = 'product'").fetchone()
        ids = {id for (id,) in db.execute("SELECT order_id FROM v_orders")}
        answers = [db.execute(query.sql).fetchall() for query in QUERIES]
    with reading(shop / "persync.db") as db:
        kept = {id for (id,) in db.execute("SELECT order_id FROM v_orders")}
        direct = [db.execute(query.sql).fetchall() for query in QUERIES]

    assert names == set(VIEWS_TOLD)
    assert journal[0] != "wal"
    assert total == (608.7,)
    assert (len(ids), ids & kept) == (30, set())
    assert answers == direct
    assert all(answers)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_compose_file_mounts_the_copy_read_only_for_this_machine_alone(made: Path) -> None:
    compose = yaml(made / "metabase" / "docker-compose.yml")["services"]["metabase"]

    bind = next(volume for volume in compose["volumes"] if volume["type"] == "bind")
    # Compose turns $$ into $.
    assert bind == {
        "type": "bind",
        "source": str(made / "metabase" / "data").replace("$", "$$"),
        "target": "/persync",
        "read_only": True,
    }
    assert compose["ports"] == ["127.0.0.1:3000:3000"]
    assert (compose["environment"]["MUID"], compose["environment"]["MGID"]) == (str(os.getuid()), str(os.getgid()))


def test_each_power_bi_query_reads_a_parquet_file_of_its_view(made: Path, shop: Path) -> None:
    folder = made / "powerbi"

    queries = {path.stem: path.read_text("utf-8") for path in folder.glob("*.pq")}

    assert set(queries) == set(VIEWS_TOLD)
    for name, text in queries.items():
        code = [line for line in text.splitlines() if not line.startswith("//")]
        given = re.fullmatch(r'    Folder = "((?:[^"]|"")*)",  // .*', code[1])
        assert given is not None
        source = re.fullmatch(r'    Source = Parquet\.Document\(File\.Contents\(Folder & "(/[a-z_]+\.parquet)"\)\)', code[2])
        assert source is not None
        assert [code[0], *code[3:]] == ["let", "in", "    Source"]
        table = pq.read_table(given[1].replace('""', '"') + source[1])
        with reading(shop / "persync.db") as db:
            assert (name, table.num_rows) == (name, db.execute(f"SELECT count(*) FROM {name}").fetchone()[0])
    assert pq.read_table(folder / "data" / "v_version.parquet").to_pylist() == [{"version": VIEWS_VERSION}]


def test_a_copy_is_made_anew_and_the_configuration_stays(persync: Run, made: Path) -> None:
    """What was changed by hand is not written over, unless it is asked for."""
    compose = made / "metabase" / "docker-compose.yml"
    (made / "metabase" / "data" / "persync-bi.db").write_bytes(b"old")
    text = compose.read_text("utf-8")
    compose.write_text(f"{text}# mine\n", encoding="utf-8")

    refused = said(persync("bi", "init", "metabase"), 2)
    refreshed = persync("bi", "refresh", "metabase")
    kept = compose.read_text("utf-8")
    forced = persync("bi", "init", "metabase", "--force")

    assert "docker-compose.yml is there already" in refused
    assert (refreshed.exit_code, kept) == (0, f"{text}# mine\n")
    with closing(sqlite3.connect(made / "metabase" / "data" / "persync-bi.db")) as db:
        assert db.execute("SELECT version FROM v_version").fetchall() == [(VIEWS_VERSION,)]
    assert (forced.exit_code, compose.read_text("utf-8")) == (0, text)


def test_what_cannot_be_set_up_is_said(persync: Run, shop: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert "bi init powerbi" in said(persync("bi", "refresh", "powerbi", "--out", str(tmp_path / "nowhere")), 2)
    assert "'datasette', 'metabase', 'powerbi'" in persync("bi", "init", "tableau").stderr
    nothing = CliRunner().invoke(root, ["--project", str(tmp_path), "bi", "init", "datasette"], prog_name="persync")
    assert "there is no store" in said(nothing, 1)
