"""A stranger's distribution, built as a wheel and installed beside persync: used whole, taken out again, and broken."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from outside.fresh import Fresh, Run, build_wheel
from persync.plugins import HOOKS

HERE = Path(__file__).parent
OFFERED = {
    "connectors": ["postlark"],
    "sandboxes": ["postlark"],
    "models": ["fading_mail"],
    "metrics": ["clicks_per_send"],
    "sections": ["postlark_mail"],
    "engines": ["traced"],
    "notifiers": ["pinboard"],
    "importers": ["loyalty"],
}
SECRET = "hush-hush-4711"
"""what the broken version puts into each error that it raises"""
LONG = "x" * (300 - len("RecursionError: "))
"""what is left of its longest message"""
BUNDLED = {name: {"connectors": [name], "sandboxes": [name]} for name in ("hubspot", "mailchimp", "shopify")}
BOARD = '\n[notify.wall]\nvia = "pinboard"\npath = "board.txt"\n'


class Shop:
    """A project that leads to Postlark and a shop, both being served from inside the fresh environment."""

    def __init__(self, fresh: Fresh, folder: Path) -> None:
        self.fresh = fresh
        self.folder = folder
        self.toml = folder / "persync.toml"

    def __call__(self, *arguments: str, **environment: str) -> Run:
        """Run persync in the project."""
        return self.fresh.persync(self.folder, *arguments, **environment)

    def json(self, *arguments: str, **environment: str) -> list[dict[str, object]]:
        """Return the results of a command that is to go well."""
        done = self(*arguments, "--format", "json", **environment)
        assert done.returncode == 0, done.stderr
        results: list[dict[str, object]] = json.loads(done.stdout)["results"]
        return results

    def plugin(self, name: str) -> dict[str, object]:
        """Return what the list of plugins says of one."""
        return next(one for one in self.json("plugins", "list") if one["name"] == name)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return both versions, built."""
    folder = tmp_path_factory.mktemp("wheels")
    made = {}
    for name in ("persync-postlark", "persync-postlark-broken"):
        (folder / name).mkdir()
        made[name] = build_wheel(HERE / name, folder / name)
    return made


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, wheels: dict[str, Path]) -> Iterator[Shop]:
    """Install the good version into a fresh environment and pull once."""
    folder = tmp_path_factory.mktemp("outside")
    fresh, project = Fresh(folder / "venv"), folder / "project"
    fresh.install(wheels["persync-postlark"])
    project.mkdir()
    serving = subprocess.Popen(
        [str(fresh.bin / "python"), str(HERE / "serving.py"), str(project), "shopify", "postlark"],
        env=fresh.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert serving.stdin is not None
    assert serving.stdout is not None
    try:
        assert serving.stdout.readline() == "ready\n"
        shop = Shop(fresh, project)
        with shop.toml.open("a", encoding="utf-8") as toml:
            toml.write(BOARD.replace("board.txt", f"{project}/board.txt"))
        pulled = shop("pull")
        assert pulled.returncode == 0, pulled.stderr
        yield shop
    finally:
        serving.stdin.close()
        serving.wait(30)


def test_it_offers_one_of_every_hook_and_uses_public_names_alone(shop: Shop) -> None:
    assert shop.plugin("postlark") == {
        "name": "postlark",
        "distribution": "persync-postlark",
        "version": "0.1.0",
        "bundled": False,
        "offers": OFFERED,
        "failure": None,
    }
    assert len(OFFERED) == len(HOOKS)


def test_it_holds_to_what_every_plugin_must_hold_to(shop: Shop) -> None:
    done = shop("plugins", "check", "postlark")

    assert [line for line in done.stdout.splitlines() if line.startswith("FAILED")] == []
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "61 of 61 hold, 1 could not be tried.")


def test_its_people_and_orders_are_those_of_the_shop(shop: Shop) -> None:
    """An order that the shop and Postlark both tell of is one order, and its money is the shop's."""
    with sqlite3.connect(shop.folder / "persync.db") as db:
        orders = db.execute(
            "SELECT c.name, COUNT(*), SUM(o.is_money_source) FROM order_keys AS k JOIN order_of AS o USING (order_key)"
            " JOIN connections AS c ON c.connection = k.connection GROUP BY c.name ORDER BY c.name"
        ).fetchall()
        distinct = db.execute("SELECT COUNT(DISTINCT order_id) FROM order_of").fetchone()[0]
    db.close()
    again = shop("pull", "postlark", "--quiet")

    assert orders == [("postlark", distinct, 0), ("shopify", distinct, distinct)]
    assert again.stdout.splitlines()[-1] == "0 rows changed."


def test_its_metric_is_computed(shop: Shop) -> None:
    (found,) = shop.json("metric", "clicks_per_send")

    with sqlite3.connect(shop.folder / "persync.db") as db:
        sent, clicked = (
            db.execute(
                "SELECT COUNT(DISTINCT key_id) FROM touchpoints JOIN words ON word = channel"
                " WHERE text = 'email' AND action = ?",
                (action,),
            ).fetchone()[0]
            for action in (1, 4)
        )
    db.close()
    assert (found["value"], found["n"], found["unit"]) == (clicked / sent, sent, "share")
    assert found["low"] < found["value"] < found["high"]  # type: ignore[operator]


def test_its_model_credits_every_cent_and_its_engine_agrees(shop: Shop, tmp_path: Path) -> None:
    asked = ("attribution", "--models", "fading_mail,linear")

    plain = shop.json(*asked)
    traced = shop.json(*asked, "--engine", "traced", POSTLARK_TRACE=str(tmp_path / "trace"))

    totals: dict[str, int] = {}
    for one in plain:
        by = one["by"]
        assert isinstance(by, dict)
        if by["channel"] != "all":
            totals[by["model"]] = totals.get(by["model"], 0) + round(float(one["value"]) * 100)  # type: ignore[arg-type]
    assert traced == plain
    assert totals["fading_mail"] == totals["linear"] > 0
    assert re.search(r"^write credit_ledger: ", (tmp_path / "trace").read_text(), re.MULTILINE)


def test_its_section_stands_in_the_report(shop: Shop) -> None:
    with sqlite3.connect(shop.folder / "persync.db") as db:
        sends, messages = db.execute(
            "SELECT COUNT(*), COUNT(DISTINCT campaign_key) FROM touchpoints WHERE action = 1"
        ).fetchone()
    db.close()
    done = shop("report", "--format", "json")

    assert (done.returncode, done.stderr) == (0, "")
    section = next(one for one in json.loads(done.stdout)["sections"] if one["name"] == "postlark_mail")
    assert section["title"] == "What did Postlark send?"
    assert section["blocks"][0]["text"] == f"{messages:,} messages went out {sends:,} times."


def test_its_notifier_tells_with_its_secret_and_refuses_without(shop: Shop) -> None:
    told = shop("notify", "test", PINBOARD_SEAL="wax")
    without = shop("notify", "test")

    said = "test: project: a test message"
    seal = hmac.new(b"wax", said.encode(), hashlib.sha256).hexdigest()
    assert (told.returncode, told.stdout) == (0, "wall: sent through pinboard\n")
    assert (shop.folder / "board.txt").read_text() == f"{said} [{seal}]\n"
    assert (without.returncode, without.stderr) == (
        2,
        "persync: notify.wall: the board has no seal. Set PINBOARD_SEAL.\n",
    )


def test_its_importer_reads_a_file_whole_or_not_at_all(shop: Shop, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("person,level,basis\nann@example.com,gold,asked at the till\n")
    bad.write_text("person,level,basis\nann@example.com,tin,asked\nbob@example.com,lead,asked\n")

    kept, refused = shop("import", "loyalty", str(good)), shop("import", "loyalty", str(bad))

    assert (kept.returncode, kept.stderr) == (0, "")
    assert refused.returncode == 1
    assert "line 3" in refused.stderr
    with sqlite3.connect(shop.folder / "persync.db") as db:
        assert db.execute("SELECT name, value, basis FROM attributes").fetchall() == [("loyalty", "gold", "asked at the till")]
    db.close()


def test_a_broken_version_is_told_by_name_and_the_rest_goes_on(shop: Shop, wheels: dict[str, Path]) -> None:
    """It raises in each hook, cannot be imported, misspells a hook, or yields things of a wrong type."""
    shop.fresh.install(wheels["persync-postlark-broken"])

    listed = {str(one["name"]): one for one in shop.json("plugins", "list")}
    pulled = shop("pull")
    report = shop("report", "--format", "json")
    doctor = shop("doctor")

    assert {name: one["failure"] for name, one in listed.items() if one["distribution"] == "persync-postlark"} == {
        "postlark": (
            "persync_connectors failed: RuntimeError: no connectors today."
            " persync_sandboxes failed: ImportError: cannot import name 'app'."
            " persync_attribution_models failed: ValueError: no more models."
            " persync_metrics failed: KeyError: 'metrics'."
            " persync_report_sections failed: SystemExit: 3."
            " persync_engines failed: TypeError: 'int' object is not iterable."
            " persync_notifiers failed: PermissionError: [Errno 13] Permission denied: '/nowhere/board'."
            f" persync_importers failed: RecursionError: {LONG}."
        ),
        "postlark_absent": "it cannot be imported: ModuleNotFoundError: No module named 'persync_postlark_extras'",
        "postlark_misspelt": "it implements 'persync_metric', which is no hook. Did you mean 'persync_metrics'?",
        "postlark_sour": None,
        "postlark_typed": (
            "it yields type where persync_connectors wants a connector."
            " it yields dict where persync_sandboxes wants a sandbox."
            " it yields str where persync_attribution_models wants an attribution model."
            " it yields NoneType where persync_metrics wants a metric."
            " it yields tuple where persync_report_sections wants a report section."
            " it yields float where persync_engines wants an engine."
            " it yields builtin_function_or_method where persync_notifiers wants a notifier."
            " it yields bytes where persync_importers wants an importer."
        ),
    }
    assert all(listed[name]["offers"] == shop_offers for name, shop_offers in BUNDLED.items())
    read = {line.split()[0] for line in pulled.stdout.splitlines()[1:-1]}
    assert (pulled.returncode, read) == (3, {"shopify"})
    assert "the connector 'postlark' cannot be used: plugin 'postlark' (persync-postlark 0.2.0)" in pulled.stderr
    for done in (pulled, report, doctor):
        assert all(line.startswith(("persync: ", "shopify ")) for line in done.stderr.splitlines()), done.stderr
        assert SECRET not in done.stderr + done.stdout
    assert report.returncode == 0
    assert "persync: the section 'sour' is missing: ZeroDivisionError" in report.stderr.splitlines()
    assert "[notify.wall]: there is no notifier 'pinboard'." in doctor.stdout


def test_what_raises_when_it_is_used_costs_itself_alone(shop: Shop, wheels: dict[str, Path], tmp_path: Path) -> None:
    """Each thing of the plugin looks whole and raises when it is asked: one line names it, without the error's own words."""
    shop.fresh.install(wheels["persync-postlark-broken"])
    (tmp_path / "people.csv").write_text("person\nann@example.com\n")
    toml = shop.toml.read_text()
    shop.toml.write_text(
        re.sub(
            r"\n\[notify.*", '\n[notify.wall]\nvia = "sour"\n[connections.sour]\nconnector = "sour"\n', toml, flags=re.DOTALL
        )
    )
    try:
        told = {
            words: shop(*words.split())
            for words in ("metric sour", "report --engine sour", f"import sour {tmp_path}/people.csv", "notify test", "pull -q")
        }
    finally:
        shop.toml.write_text(toml)

    failed = "the plugin 'postlark_sour' (persync-postlark 0.2.0) failed: ZeroDivisionError at sour.py:"
    for words, done in told.items():
        said = [line for line in done.stderr.splitlines() if "sour" in line]
        assert len(said) == 1, words
        assert (SECRET in done.stderr, done.returncode) == (False, 3 if words == "pull -q" else 1), words
        if words == "pull -q":
            assert "sour: the connector 'sour' failed: ZeroDivisionError at sour.py:" in said[0]
            assert {line.split()[0] for line in done.stdout.splitlines()[1:-1]} == {"shopify"}
        elif words == "notify test":
            assert "notify.wall: the notifier 'sour' failed: ZeroDivisionError." in said[0]
        else:
            assert failed in said[0], words
            assert "--without postlark_sour" in said[0]


def test_uninstalled_persync_works_without_it(shop: Shop, wheels: dict[str, Path]) -> None:
    """Settings that still name it are refused with what to do; without them everything works, over what it had brought too."""
    shop.fresh.install(wheels["persync-postlark"])
    shop.fresh.uninstall("persync-postlark")
    toml = shop.toml.read_text()

    named = shop("pull")
    shop.toml.write_text(re.sub(r"\n\[(connections\.postlark|notify\.wall)\]\n[^\[]*", "\n", toml))
    try:
        pulled, verify = shop("pull", "--quiet"), shop("verify")
        report = shop("report", "--profile", "starter", "--format", "json")
        plugins = shop.json("plugins", "list")
    finally:
        shop.toml.write_text(toml)

    assert (named.returncode, len(named.stderr.splitlines())) == (2, 1)
    assert "[connections.postlark]: there is no connector 'postlark'." in named.stderr
    assert named.stderr.endswith("Install the plugin that offers it, or take the table out.\n")
    assert [one["name"] for one in plugins if not one["bundled"] or one["failure"]] == []
    assert (pulled.returncode, pulled.stdout.splitlines()[-1]) == (0, "0 rows changed.")
    assert (report.returncode, report.stderr) == (0, "")
    assert [one["name"] for one in json.loads(report.stdout)["sections"] if "postlark" in one["name"]] == []
    assert verify.returncode == 0
