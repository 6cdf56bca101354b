"""doctor, pull --dry-run and reconcile against the three imitated vendors."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from e2e.runs import Site, serving
from persync.cli import root
from persync.plugins import load_plugins
from persync.sandbox.demo import make_world

VENDORS = ("mailchimp", "shopify", "hubspot")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(make_world(5, people=60), tmp_path_factory.mktemp("site")) as found:
        yield found


@pytest.fixture(scope="module")
def fresh(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was never pulled."""
    return site.project(tmp_path_factory.mktemp("fresh"))


@pytest.fixture(scope="module")
def pulled(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was pulled once."""
    folder = site.project(tmp_path_factory.mktemp("pulled"))
    result = run(folder, "--quiet", "pull")
    assert result.exit_code == 0, result.output
    return folder


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(root, ["--project", str(folder), *arguments], prog_name="persync")


def results(result: Result) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(result.stdout)["results"]
    return found


def test_doctor_asks_every_stream_with_few_calls_and_finds_nothing_broken(site: Site, fresh: Path) -> None:
    before = site.calls

    result = run(fresh, "doctor", "--format", "json")

    asked = {(one["where"], one["what"].removesuffix(" (on demand)")) for one in results(result)}
    streams = {
        (name, stream.name) for name, kind in load_plugins().connectors.items() if name in VENDORS for stream in kind.streams
    }
    assert [one for one in results(result) if one["state"] == "fail"] == []
    assert streams <= asked
    # One or two calls a stream (a parent whose children are not known yet may take one more), and each connection's own.
    assert site.calls - before <= 2 * len(streams) + 30
    assert "@example.com" not in result.output
    assert not (fresh / "persync.db").exists()


def test_doctor_offline_finds_the_secrets_and_asks_no_vendor(site: Site, fresh: Path) -> None:
    before = site.calls

    found = results(run(fresh, "doctor", "--offline", "--format", "json"))

    assert site.calls == before
    told = {one["where"]: (one["what"], one["state"], one["found"]) for one in found}
    assert {name: told[name] for name in VENDORS} == dict.fromkeys(VENDORS, ("call", "not probed", "--offline asks no vendor"))
    assert {one["what"] for one in found if one["where"] == "shopify"} == {"token", "call"}


def test_doctor_tells_how_far_each_stream_is_read(pulled: Path) -> None:
    found = results(run(pulled, "doctor", "--format", "json"))

    read = [one for one in found if one["where"] in VENDORS and "read to 2" in one["found"]]
    assert len(read) > 30
    assert [one for one in found if one["state"] == "fail"] == []


def test_a_dry_run_of_everything_reads_next_to_nothing_and_writes_nothing(site: Site, fresh: Path) -> None:
    before = site.calls

    document = json.loads(run(fresh, "pull", "--dry-run", "--format", "json").stdout)

    made = site.calls - before
    connections = {one["connection"]: one for one in document["connections"]}
    assert document["errors"] == []
    assert {one["connection"] for one in document["results"]} >= set(VENDORS)
    assert made <= 2.5 * len(document["results"])
    assert all(connections[name]["calls"] > 0 for name in VENDORS)
    assert connections["hubspot"]["daily"]["limit"] > 100_000
    assert not (fresh / "persync.db").exists()


def test_a_dry_run_after_a_pull_needs_fewer_calls_and_leaves_the_store_alone(fresh: Path, pulled: Path) -> None:
    before = (pulled / "persync.db").read_bytes()

    def calls(folder: Path) -> dict[str, int]:
        document = json.loads(run(folder, "pull", "--dry-run", "--format", "json").stdout)
        return {one["connection"]: one["calls"] for one in document["connections"]}

    first, again = calls(fresh), calls(pulled)

    assert again["mailchimp"] < first["mailchimp"]
    assert (pulled / "persync.db").read_bytes() == before


def test_after_a_pull_the_store_holds_what_the_vendors_tell(pulled: Path) -> None:
    result = run(pulled, "reconcile", *VENDORS, "--format", "json")

    found = results(result)
    assert [one for one in found if one["verdict"] == "gap"] == []
    assert result.exit_code == 0, result.stderr
    assert {one["by"]["connection"] for one in found} == {
        name for name, kind in load_plugins().connectors.items() if "totals" in vars(kind)
    }


def test_a_row_that_is_missing_is_a_gap(pulled: Path, tmp_path: Path) -> None:
    for name in ("persync.toml", "persync.secrets.toml", "persync.key"):
        (tmp_path / name).write_bytes((pulled / name).read_bytes())
        (tmp_path / name).chmod(0o600)
    with closing(sqlite3.connect(pulled / "persync.db")) as db, closing(sqlite3.connect(tmp_path / "persync.db")) as copy:
        db.backup(copy)
        lost = copy.execute(
            "SELECT order_key FROM order_keys JOIN connections USING (connection) JOIN orders USING (order_key)"
            " WHERE connector = 'shopify' LIMIT 1"
        ).fetchone()[0]
        for table in ("order_ledger", "order_lines", "orders", "order_of"):
            copy.execute(f"DELETE FROM {table} WHERE order_key = ?", (lost,))
        copy.execute("DELETE FROM order_keys WHERE order_key = ?", (lost,))
        copy.commit()

    result = run(tmp_path, "reconcile", "shopify")

    assert result.exit_code == 6, result.output
    assert "gap" in result.stdout
    assert result.stderr.startswith("persync: shopify: orders differ beyond the tolerance.")
