"""The command line: quick help, one clear line for everything that goes wrong, results on stdout."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from persync import __version__
from persync.cli import COMMANDS, root
from persync.cli.context import App
from persync.connect.connector import Connector
from persync.connect.result import PullOptions, PullResult
from persync.sandbox.demo import make_world
from persync.sandbox.world import World

Run = Callable[..., Result]
HEAVY = [
    "httpx",
    "pydantic",
    "pydantic_core",
    "duckdb",
    "numpy",
    "scipy",
    "sqlite3",
    "sqlite_utils",
    "rich",
    "starlette",
    "jinja2",
]


@pytest.fixture
def persync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run persync in a project of its own; no secret of the machine's environment is seen."""
    for name in ("MAILCHIMP_API_KEY", "SHOPIFY_ACCESS_TOKEN", "HUBSPOT_TOKEN", "PERSYNC_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "keyring", None)

    def run(*arguments: str, **more: object) -> Result:
        return CliRunner().invoke(root, ["--project", str(tmp_path), *arguments], prog_name="persync", **more)  # type: ignore[arg-type]

    return run


@pytest.fixture
def answering() -> Iterator[Callable[[int, str, bytes], str]]:
    """Serve one answer to every call on a loopback port; return the base URL."""
    servers: list[HTTPServer] = []

    def serve(status: int, kind: str, body: bytes) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def project(folder: Path, text: str) -> None:
    (folder / "persync.toml").write_text(text)


def said(result: Result, code: int) -> str:
    """Return what stderr says: one line, no traceback, and this exit code."""
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit | type(None))
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("persync: ")
    return lines[0].removeprefix("persync: ")


def modules_of(*arguments: str) -> list[str]:
    text = (
        "import sys\nfrom persync.cli import root\n"
        f"try: root({list(arguments)!r})\nexcept SystemExit: pass\n"
        f"sys.stderr.write(','.join(m for m in {HEAVY!r} if m in sys.modules))\n"
        "sys.stderr.write(','.join(m for m in sys.modules if m.startswith(('persync_', 'persync.plugins'))))"
    )
    found = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    return [name for name in found.stderr.split(",") if name]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["pull", "--help"], ["report", "--help"], ["demo", "--help"]])
def test_help_imports_nothing_heavy_and_no_plugin(arguments: list[str]) -> None:
    assert modules_of(*arguments) == []


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_of_the_help_is_there(name: str) -> None:
    """The root knows its commands by name alone; each name leads to a command of that name, with its own help."""
    with click.Context(root, obj=App()) as context:
        command = root.get_command(context, name)

    assert command is not None
    assert command.name == name
    assert command.help
    assert CliRunner().invoke(root, [name, "--help"]).exit_code == 0


def test_help_lists_every_command_with_its_line() -> None:
    text = CliRunner().invoke(root, ["--help"], terminal_width=120).stdout

    assert [line.split()[0] for line in text.split("Commands:\n")[1].splitlines()] == list(COMMANDS)
    assert all(short in text for _, short in COMMANDS.values())


def test_version_is_told() -> None:
    assert CliRunner().invoke(root, ["--version"]).stdout == f"persync, version {__version__}\n"


def test_an_unknown_command_is_a_usage_error(persync: Run) -> None:
    result = persync("pul")

    assert result.exit_code == 2
    assert "No such command 'pul'" in result.stderr


def test_init_makes_a_project_and_keeps_what_is_there(persync: Run, tmp_path: Path) -> None:
    first = persync("init")
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    second = persync("init")

    assert first.exit_code == 0
    assert first.stdout == f"{tmp_path / 'persync.toml'}\n"
    assert {"persync.toml", "persync.db", "persync.key", ".gitignore"} <= set(made)
    assert second.exit_code == 0
    assert {name: (tmp_path / name).read_bytes() for name in ("persync.toml", "persync.key", ".gitignore")} == {
        name: made[name] for name in ("persync.toml", "persync.key", ".gitignore")
    }
    assert persync("doctor").exit_code == 0


def test_init_shows_the_key_once_and_says_what_it_is_for(persync: Run, tmp_path: Path) -> None:
    first, second = persync("init"), persync("init")

    key = (tmp_path / "persync.key").read_text().strip()
    assert len(key) == 64
    assert first.stderr.splitlines()[-2:] == [
        f"key: {key}",
        "Keep a copy of it elsewhere: it is needed to restore this store from a backup, and is never shown again.",
    ]
    assert key not in first.stdout + second.output


def test_the_template_is_true_with_every_line_uncommented(persync: Run, tmp_path: Path) -> None:
    """Whoever removes the comment signs gets settings that are read, and checks of metrics that there are."""
    from persync.jobs.run import refuse_unknown_metrics
    from persync.plugins import load_plugins
    from persync.settings import load_project

    persync("init")
    lines = (tmp_path / "persync.toml").read_text().splitlines()
    bare = [line.removeprefix("# ") for line in lines if not (line.startswith("# ") and not _is_setting(line)) and line != "#"]
    project(tmp_path, "\n".join(bare))
    host = load_plugins()

    loaded = load_project(tmp_path, host)

    assert sorted(loaded.connections) == ["files", "shop"]
    assert (list(loaded.experiments), list(loaded.jobs), loaded.report.margin) == (["welcome"], ["nightly"], 0.4)
    assert loaded.jobs["nightly"].checks
    refuse_unknown_metrics(host, loaded, "nightly", loaded.jobs["nightly"])


def _is_setting(line: str) -> bool:
    return line[2:].startswith("[") or " = " in line


def test_options_of_the_root_may_stand_after_the_command(tmp_path: Path) -> None:
    project(tmp_path, "[stoer]\n")

    result = CliRunner().invoke(root, ["status", "--project", str(tmp_path), "--quiet"])

    assert said(result, 2) == f"{tmp_path / 'persync.toml'}, line 1: there is no table 'stoer'. Did you mean 'store'?"


MAIL = '[connections.news]\nconnector = "mailchimp"\n'


def test_a_missing_token_says_where_it_was_looked_for(persync: Run, tmp_path: Path) -> None:
    project(tmp_path, MAIL)

    line = said(persync("pull"), 4)

    assert line.startswith(
        "news: no secret found: MAILCHIMP_API_KEY is not set, and neither persync.secrets.toml nor a keyring"
    )
    assert not (tmp_path / "persync.db").exists()


def test_a_wrong_token_is_one_line_and_never_shown(
    persync: Run, tmp_path: Path, answering: Callable[[int, str, bytes], str]
) -> None:
    body = b'{"type":"x","title":"API Key Invalid","status":401,"detail":"Your API key may be invalid","instance":"1"}'
    project(tmp_path, MAIL + f'base_url = "{answering(401, "application/problem+json", body)}"\n')

    result = persync("--quiet", "pull", env={"MAILCHIMP_API_KEY": "0123456789abcdef-us10"})

    line = said(result, 4)
    assert "news" in line
    assert "0123456789abcdef" not in result.output


def test_a_page_that_is_not_json_is_one_line(persync: Run, tmp_path: Path, answering: Callable[[int, str, bytes], str]) -> None:
    project(tmp_path, MAIL + f'base_url = "{answering(200, "text/html", b"<html>Wait</html>")}"\n')

    line = said(persync("--quiet", "pull", "--stream", "account", env={"MAILCHIMP_API_KEY": "0123456789abcdef-us10"}), 1)

    assert line.startswith("news")
    assert "JSON" in line


SHOP = '[connections.shop]\nconnector = "shopify"\nshop = "mine"\n'
SECRETS = {"MAILCHIMP_API_KEY": "0123456789abcdef-us10", "SHOPIFY_ACCESS_TOKEN": "shpat_0123456789"}


def test_a_whole_connection_without_a_network_is_one_line(
    persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persync.connect.client.Client._pause", lambda self, seconds: None)
    project(tmp_path, MAIL + 'base_url = "http://127.0.0.1:9"\n' + SHOP + 'base_url = "http://127.0.0.1:9"\n')

    result = persync("--quiet", "pull", env=SECRETS)

    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert [line.split(",")[0] for line in lines] == ["persync: news", "persync: shop"]
    assert all("cannot reach 127.0.0.1:9." in line for line in lines)


def test_pages_that_are_not_json_are_one_line_a_cause(
    persync: Run, tmp_path: Path, answering: Callable[[int, str, bytes], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persync.connect.client.Client._pause", lambda self, seconds: None)
    project(tmp_path, MAIL + f'base_url = "{answering(200, "text/html", b"<html>Wait</html>")}"\n')

    result = persync("--quiet", "pull", env=SECRETS)

    lines = result.stderr.splitlines()
    causes = [line.removeprefix("persync: ").partition(": ") for line in lines]
    assert result.exit_code == 1
    assert [place.split(",")[0] for place, _, _ in causes] == ["news"] * len(lines)
    assert len({what for _, _, what in causes}) == len(lines)
    assert all("JSON" in what for _, _, what in causes)


def test_a_stream_is_asked_of_the_connections_that_have_it(
    persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[list[str], tuple[str, ...]]] = []

    def pull(path: Path, connectors: list[Connector], options: PullOptions, *_: object, **__: object) -> PullResult:
        asked.append(([one.connection for one in connectors], options.streams))
        return PullResult()

    monkeypatch.setattr("persync.connect.pull.pull", pull)
    project(tmp_path, MAIL + SHOP + OWN)

    assert persync("pull", "--stream", "orders", "--stream", "reports", env=SECRETS).exit_code == 0
    assert asked == [(["news"], ("reports",)), (["shop"], ("orders",))]
    line = said(persync("pull", "--stream", "ordrs", env=SECRETS), 2)
    assert line == "news, shop, own: there is no stream 'ordrs'. Did you mean 'orders'?"
    assert said(persync("pull", "news", "--stream", "bulk_orders_x", env=SECRETS), 2).startswith(
        "news: there is no stream 'bulk_orders_x'."
    )
    assert said(persync("pull", "nwes", "--stream", "reports", env=SECRETS), 2).endswith(
        "there is no connection 'nwes'. Did you mean 'news'?"
    )


@pytest.mark.parametrize(
    ("since", "message"),
    [
        ("2026-13-01", "--since: '2026-13-01' is not a day. Write --since 2025-03-01."),
        ("soon", "--since: 'soon' is not a day. Write --since 2025-03-01."),
        ("2999-01-01", "--since: '2999-01-01' is in the future. Name a day that has begun."),
    ],
)
def test_since_must_be_a_day_that_has_begun(persync: Run, tmp_path: Path, since: str, message: str) -> None:
    project(tmp_path, OWN)

    assert said(persync("pull", "--since", since), 2) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[connections.news]\nconnector = "mailchmp"\n', "line 2, [connections.news]: there is no connector 'mailchmp'."),
        (MAIL + 'data_centre = "us10"\n', "'data_centre' is not a setting here. Did you mean 'data_center'?"),
        (MAIL + 'token = "hush"\n', "line 3, [connections.news]: 'token' is a secret, and secrets never stand in this file."),
        ("[connections.news\n", "this is not valid TOML"),
    ],
)
def test_a_mistake_in_the_settings_is_a_usage_error(persync: Run, tmp_path: Path, text: str, message: str) -> None:
    project(tmp_path, text)

    assert message in said(persync("pull"), 2)


def test_no_connection_says_what_to_do(persync: Run, tmp_path: Path) -> None:
    assert said(persync("pull"), 2) == f"{tmp_path}: there is no persync.toml. Run `persync connect NAME`, or `persync demo`."


def test_the_folder_without_settings_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(root, ["pull"], prog_name="persync")

    assert said(result, 2).startswith(f"{tmp_path}: there is no persync.toml.")


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


def test_a_foreign_sqlite_file_is_left_alone(persync: Run, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "persync.db") as db:
        db.execute("CREATE TABLE recipes (name TEXT)")
    db.close()
    before = (tmp_path / "persync.db").read_bytes()

    for arguments in (["status"], ["verify"], ["experiment", "read"]):
        assert "is an SQLite file of another program." in said(persync(*arguments), 1)
    assert (tmp_path / "persync.db").read_bytes() == before


def test_a_text_file_in_the_place_of_the_store_is_named(persync: Run, tmp_path: Path) -> None:
    (tmp_path / "persync.db").write_text("this is a shopping list, long enough to be read as a header of a file\n" * 5)

    assert "is not a persync store, or it is damaged." in said(persync("status"), 1)


def test_no_store_yet_says_what_to_do(persync: Run, tmp_path: Path) -> None:
    line = said(persync("status"), 1)

    assert line == f"there is no store at {tmp_path / 'persync.db'} yet. Run `persync pull` or `persync demo` first."


def test_a_folder_that_cannot_be_written_is_named(persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs this may be allowed to write everywhere, so the system's refusal is played."""
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")
    real = os.open

    def refused(path: str | Path, flags: int, *more: int, **named: int) -> int:
        if flags & os.O_CREAT and Path(path).parent == tmp_path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path, flags, *more, **named)

    monkeypatch.setattr("os.open", refused)

    line = said(persync("import", "outcomes", str(tmp_path / "visits.csv")), 1)

    assert line == f"cannot write the key file {tmp_path / 'persync.key'}: Permission denied. Choose a folder you may write to."
    assert not list(tmp_path.glob("persync.db*"))


def test_a_store_under_a_file_is_named(persync: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "persync.toml").write_text('[store]\npath = "file/persync.db"\n')
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")

    line = said(persync("import", "outcomes", str(tmp_path / "visits.csv")), 1)

    assert line == f"cannot make the folder {tmp_path / 'file'}: File exists."


def test_a_project_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    result = CliRunner().invoke(root, ["--project", str(tmp_path / "file"), "init"])

    assert said(result, 1) == f"{tmp_path / 'file'}: File exists."


@pytest.fixture
def broken_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "site" / "persync_broken-0.3.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: persync-broken\nVersion: 0.3\n")
    (info / "entry_points.txt").write_text("[persync]\nbroken = broken_here\n")
    (tmp_path / "site" / "broken_here.py").write_text("raise RuntimeError('no luck')\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))


@pytest.mark.usefixtures("broken_plugin")
def test_a_broken_plugin_is_told_and_the_command_works(persync: Run, tmp_path: Path) -> None:
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")

    result = persync("import", "outcomes", str(tmp_path / "visits.csv"))

    line = "plugin 'broken' (persync-broken 0.3): it cannot be imported: RuntimeError: no luck"
    assert said(result, 0) == line
    assert persync("status", "--without", "broken").stderr == ""


@pytest.mark.usefixtures("broken_plugin")
def test_plugins_list_shows_versions_offers_and_failures(persync: Run) -> None:
    results = json.loads(persync("plugins", "list", "--format", "json").stdout)["results"]
    text = persync("plugins", "list").stdout

    by_name = {one["name"]: one for one in results}
    assert by_name["shopify"] == {
        "name": "shopify",
        "distribution": "persync",
        "version": __version__,
        "bundled": True,
        "offers": {"connectors": ["shopify"], "sandboxes": ["shopify"]},
        "failure": None,
    }
    assert len(by_name) == len(results)
    assert by_name["broken"]["failure"] == "it cannot be imported: RuntimeError: no luck"
    assert by_name["imports"]["offers"]["connectors"] == ["files"]
    assert by_name["engine"] == {**by_name["shopify"], "name": "engine", "offers": {"engines": ["duckdb"]}}
    assert {"models", "metrics", "sections", "importers"} <= {kind for one in results for kind in one["offers"]}
    assert f"metrics: {len(by_name['measure']['offers']['metrics'])}\n" in text
    assert "persync-broken 0.3  NOT USED: it cannot be imported: RuntimeError: no luck" in text
    assert "bundled" in text


def test_a_plugin_that_breaks_late_is_listed_once(persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was loaded, then two of its hooks failed: one entry with both reasons."""
    info = tmp_path / "site" / "persync_late-0.3.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: persync-late\nVersion: 0.3\n")
    (info / "entry_points.txt").write_text("[persync]\nlate = late_here\n")
    (tmp_path / "site" / "late_here.py").write_text(
        "from persync import hookimpl\n\n@hookimpl\ndef persync_metrics():\n    raise ValueError('one')\n\n"
        "@hookimpl\ndef persync_importers():\n    raise ValueError('two')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path / "site"))

    results = json.loads(persync("plugins", "list", "--format", "json").stdout)["results"]
    lines = [line for line in persync("plugins", "list").stdout.splitlines() if line.startswith("late ")]

    assert [one for one in results if one["name"] == "late"] == [
        {
            "name": "late",
            "distribution": "persync-late",
            "version": "0.3",
            "bundled": False,
            "offers": {},
            "failure": "persync_metrics failed: ValueError: one persync_importers failed: ValueError: two",
        }
    ]
    assert len(lines) == 1


def test_a_fault_of_our_own_is_one_line_without_its_message(
    persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message of an unexpected error may quote data or a secret: type and place must do."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("token hush-hush of ann@example.com")

    monkeypatch.setattr("persync.store.store.open_store", fail)

    plain = persync("status")
    line = said(plain, 1)
    debug = persync("status", env={"PERSYNC_DEBUG": "1"})

    assert line.startswith("a fault in persync: RuntimeError at test_core_cli.py:")
    assert "PERSYNC_DEBUG=1" in line
    assert debug.exit_code == 1
    assert "in fail" in debug.stderr
    assert "hush" not in plain.output + debug.output


def test_an_interruption_has_its_own_exit_code(persync: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("persync.store.store.open_store", interrupt)

    assert said(persync("status"), 130) == "interrupted; what was committed is kept."


def test_results_of_json_commands_have_one_frame(persync: Run, tmp_path: Path) -> None:
    (tmp_path / "drawn.csv").write_text(
        "experiment,person,arm\n" + "".join(f"welcome,p{i},{'treated' if i % 2 else 'control'}\n" for i in range(400))
    )
    (tmp_path / "visits.csv").write_text(
        "person,outcome,value\n" + "".join(f"p{i},visit,{int(i % 4 == 1)}\n" for i in range(400))
    )
    for kind, name in (("assignments", "drawn.csv"), ("outcomes", "visits.csv")):
        assert persync("import", kind, str(tmp_path / name)).exit_code == 0

    document = json.loads(persync("experiment", "read", "--format", "json").stdout)

    assert (document["persync"], document["kind"], document["period"]) == (__version__, "estimates", None)
    found = next(
        one
        for one in document["results"]
        if one["id"] == "difference" and one["by"]["outcome"] == "visit" and one["by"]["arm"] == "treated"
    )
    assert found["by"] == {"experiment": "welcome", "arm": "treated", "against": "control", "outcome": "visit"}
    assert (found["value"], found["n"], found["unit"], found["label"]) == (0.5, 400, "share", "randomised")
    text = persync("experiment", "read", "welcome").stdout
    assert "randomised test" in text
    assert said(persync("experiment", "read", "welcom"), 2) == "there is no experiment 'welcom'. Did you mean 'welcome'?"


def test_fairness_of_an_imported_decision(persync: Run, tmp_path: Path) -> None:
    (tmp_path / "who.csv").write_text(
        "person,name,value\n" + "".join(f"p{i},country,{'DE' if i < 100 else 'FR'}\n" for i in range(200))
    )
    (tmp_path / "vip.csv").write_text(
        "decision,person,selected\n" + "".join(f"vip,p{i},{int(i < 60 or 100 <= i < 130)}\n" for i in range(200))
    )
    persync("import", "attributes", str(tmp_path / "who.csv"))
    persync("import", "decisions", str(tmp_path / "vip.csv"))

    result = persync("fairness", "--by", "country", "--decision", "vip", "--format", "json")

    rates = {
        one["by"]["group"]: one["value"]
        for one in json.loads(result.stdout)["results"]
        if one["id"] == "selection_rate" and "group" in one["by"]
    }
    assert rates == {"DE": 0.6, "FR": 0.3}
    assert said(persync("fairness", "--by", "contry"), 1)


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


def test_status_shows_what_was_imported(persync: Run, tmp_path: Path) -> None:
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\nb,visit,0\n")
    persync("import", "outcomes", str(tmp_path / "visits.csv"))

    document = json.loads(persync("status", "--format", "json").stdout)

    assert document["rows"] == {"files": {"outcomes": 2}}
    assert "files: 2 outcomes" in persync("status").stdout


def test_doctor_says_where_a_secret_is_and_not_what(
    persync: Run, tmp_path: Path, answering: Callable[[int, str, bytes], str]
) -> None:
    url = answering(200, "application/json", b'{"account_id": "1", "account_name": "Mine", "role": "owner"}')
    project(tmp_path, MAIL + f'base_url = "{url}"\n[connections.none]\nconnector = "hubspot"\n')
    secrets = tmp_path / "persync.secrets.toml"
    secrets.write_text('MAILCHIMP_API_KEY = "0123456789abcdef-us10"\n')
    secrets.chmod(0o600)

    result = persync("doctor", "--format", "json")

    findings = json.loads(result.stdout)["results"]
    assert {"where": "news", "what": "token", "ok": True, "found": "found in persync.secrets.toml"} in findings
    missing = [one for one in findings if one["where"] == "none"]
    assert [one["ok"] for one in missing] == [False]
    assert result.exit_code == 4
    assert "0123456789abcdef" not in result.output
    assert "FAILED" in persync("doctor").stdout
    secrets.chmod(0o644)
    assert "chmod 600" in persync("doctor").stdout


def test_connect_puts_the_secret_away_and_the_settings_in_the_file(
    persync: Run, tmp_path: Path, answering: Callable[[int, str, bytes], str]
) -> None:
    url = answering(200, "application/json", b'{"account_id": "1", "account_name": "Mine", "role": "owner"}')
    project(tmp_path, "# mine\n[report]\nmargin = 0.4\n")

    result = persync(
        "connect", "news", "--connector", "mailchimp", "--set", f"base_url={url}", "--secret-stdin", "token", "--no-check",
        input="0123456789abcdef-us10\n",
    )  # fmt: skip

    assert result.exit_code == 0
    assert result.stdout == "news: ready. Next: persync pull news\n"
    assert (tmp_path / "persync.toml").read_text() == (
        "# mine\n[report]\nmargin = 0.4\n\n"
        f'[connections.news]\nconnector = "mailchimp"\nbase_url = "{url}"\ntoken_env = "NEWS_TOKEN"\n'
    )
    secrets = tmp_path / "persync.secrets.toml"
    assert 'NEWS_TOKEN = "0123456789abcdef-us10"\n' in secrets.read_text()
    assert secrets.stat().st_mode & 0o777 == 0o600
    assert "0123456789abcdef" not in result.output


def test_connect_writes_nothing_when_the_call_fails(
    persync: Run, tmp_path: Path, answering: Callable[[int, str, bytes], str]
) -> None:
    url = answering(401, "application/json", b'{"title": "API Key Invalid", "status": 401, "detail": "x"}')

    result = persync(
        "connect", "mailchimp", "--set", f"base_url={url}", "--secret-stdin", "token", input="0123456789abcdef-us10\n"
    )

    assert said(result, 4).startswith("mailchimp")
    assert list(tmp_path.iterdir()) == []


def test_connect_without_a_connector_lists_them(persync: Run) -> None:
    assert said(persync("--no-input", "connect", "news"), 2).startswith(
        "which connector is 'news'? Add --connector; there are files,"
    )


def test_demo_needs_no_account_and_ends_with_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command prints what the job returns as its last line, and opens nothing where no terminal is."""
    page = tmp_path / "report.html"
    monkeypatch.setattr("persync.jobs.demo.run_demo", lambda host, folder, seed, **_: page if seed == 3 else None)
    monkeypatch.setattr("webbrowser.open", lambda url: pytest.fail("nobody asked for a browser"))

    result = CliRunner().invoke(root, ["demo", "--out", str(tmp_path), "--seed", "3"])

    assert result.stdout.splitlines()[-1] == str(page)


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


OWN = '[connections.own]\nconnector = "files"\nfiles = [{ kind = "outcomes", path = "visits.csv" }]\n'


def test_a_dry_run_says_what_would_change_and_keeps_nothing(persync: Run, tmp_path: Path) -> None:
    project(tmp_path, OWN)
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")

    first = persync("pull", "--dry-run")
    assert not (tmp_path / "persync.db").exists()
    persync("pull")
    before = persync("verify", "--digest").stdout
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\nb,visit,0\n")
    second = persync("pull", "--dry-run", "--format", "json")

    assert "0 rows changed" not in first.stdout
    assert json.loads(second.stdout)["changed"] > 0
    assert persync("verify", "--digest").stdout == before


def test_a_connection_without_its_secret_does_not_stop_the_others(persync: Run, tmp_path: Path) -> None:
    project(tmp_path, MAIL + OWN)
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")

    result = persync("--quiet", "pull", "--format", "json")

    assert said(result, 3).startswith("news: no secret found: ")
    document = json.loads(result.stdout)
    assert [(one["connection"], one["records"]) for one in document["results"]] == [("own", 1)]
    assert document["exit_code"] == 3
    assert [error.split(":")[0] for error in document["errors"]] == ["news"]


def test_a_name_that_is_no_connection_is_a_usage_error(persync: Run, tmp_path: Path) -> None:
    project(tmp_path, OWN)

    assert said(persync("pull", "onw"), 2).endswith("there is no connection 'onw'. Did you mean 'own'?")


def test_connect_asks_for_what_is_missing_and_hides_the_secret(
    persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persync.cli.connect.is_interactive", lambda: True)

    result = persync("connect", "till", "--no-check", input="shopify\nmy-shop\nshpat_0123456789\n\n\n")

    assert result.exit_code == 0
    assert "shpat_0123456789" not in result.output
    assert (tmp_path / "persync.toml").read_text() == (
        '[connections.till]\nconnector = "shopify"\ntoken_env = "TILL_TOKEN"\nclient_id_env = "TILL_CLIENT_ID"\n'
        'client_secret_env = "TILL_CLIENT_SECRET"\nshop = "my-shop"\n'
    )
    assert 'TILL_TOKEN = "shpat_0123456789"' in (tmp_path / "persync.secrets.toml").read_text()


def test_connect_never_breaks_the_settings(persync: Run, tmp_path: Path) -> None:
    text = 'connections = { own = { connector = "files" } }\n'
    project(tmp_path, text)

    result = persync("connect", "more", "--connector", "files")

    assert result.exit_code == 2
    assert "a table cannot be added to this file." in result.stderr
    assert (tmp_path / "persync.toml").read_text() == text


def test_a_terminal_without_a_minus_sign_still_gets_its_answer(tmp_path: Path) -> None:
    """An old code page loses the sign, not the run."""
    (tmp_path / "o.csv").write_text("order,person,at,amount,currency\n1,a,2025-03-10,10,EUR\n1,a,2025-03-11,-20.00,EUR\n")
    environment = {"PYTHONIOENCODING": "latin-1", "PATH": "", "HOME": str(tmp_path)}

    def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "persync.cli", "--project", str(tmp_path), *arguments]
        return subprocess.run(command, capture_output=True, env=environment, check=True)

    run("import", "orders", str(tmp_path / "o.csv"))

    assert b"?10.00 EUR" in run("attribution", "--models", "linear").stdout


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


JOB = OWN + '[jobs.nightly]\nat = "02:15"\nreport = [{ out = "r.json", format = "json" }]\n'


def test_a_job_runs_and_is_scheduled_by_name(persync: Run, tmp_path: Path) -> None:
    project(tmp_path, JOB)
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")

    ran = persync("run", "nightly")

    assert ran.exit_code == 0, ran.output
    assert ran.stdout.splitlines()[-1] == f"report: {tmp_path / 'r.json'}"
    assert json.loads((tmp_path / "r.json").read_text())["kind"] == "report"
    assert "\n15 2 * * * " in persync("schedule", "nightly", "--target", "cron").stdout
    assert "OnCalendar=*-*-* 02:15:00" in persync("schedule", "nightly", "--target", "systemd").stdout
    assert said(persync("run", "nigthly"), 2) == "there is no job 'nigthly'. Did you mean 'nightly'?"
    assert said(persync("schedule", "x", "--target", "cron"), 2) == "there is no job 'x'. Valid: nightly."


def test_a_job_that_checks_an_unknown_metric_is_refused_with_the_nearest(persync: Run, tmp_path: Path) -> None:
    project(tmp_path, '[jobs.nightly]\nchecks = [{ metric = "delivery_rat", min = 0.9 }]\n')

    message = (
        f"{tmp_path / 'persync.toml'}, [jobs.nightly] checks: there is no metric 'delivery_rat'. Did you mean 'delivery_rate'?"
    )
    assert said(persync("run", "nightly"), 2) == message
    assert said(persync("schedule", "nightly", "--target", "cron"), 2) == message
    doctor = persync("doctor", "--format", "json")
    assert doctor.exit_code == 2
    assert [one["found"] for one in json.loads(doctor.stdout)["results"] if not one["ok"]] == [message]


@pytest.mark.parametrize(("seconds", "warned"), [(1_000_000_000, True), (4_000_000_000, False)])
def test_a_world_after_the_machines_clock_is_told(
    persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: int, warned: bool
) -> None:
    """Pulls end their windows at the machine's clock, so what lies after it would be missing without a word."""
    served: list[World] = []
    small = make_world(5, people=50)
    monkeypatch.setattr("persync.cli.context.time.time", lambda: seconds)
    monkeypatch.setattr("persync.sandbox.server.world_from", lambda spec, seed: small)
    monkeypatch.setattr("persync.sandbox.server.serve", lambda world, *_, **__: served.append(world))

    result = persync("sandbox", "serve", "--write-config", str(tmp_path / "there"))

    day = datetime.fromtimestamp(small.now / 1000, UTC).date()
    line = f"persync: this world ends on {day}, after this machine's clock: pulls miss what lies between.\n"
    assert result.stderr == (line if warned else "")
    assert (result.exit_code, served) == (0, [small])


def test_a_report_goes_to_stdout_or_to_its_file(persync: Run, tmp_path: Path) -> None:
    project(tmp_path, OWN)
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")
    persync("pull")

    to_stdout = persync("report", "--format", "md")
    to_file = persync("report", "--out", str(tmp_path / "new" / "r.html"), "--period", "2025")

    assert to_stdout.stdout.startswith("# ")
    assert to_file.stdout == f"{tmp_path / 'new' / 'r.html'}\n"
    assert (tmp_path / "new" / "r.html").read_text().lstrip().startswith("<!doctype html>")
    blocked = tmp_path / "visits.csv" / "r.html"
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
