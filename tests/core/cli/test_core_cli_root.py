"""The root: quick help, one clear line for everything that goes wrong, results on stdout."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from core.cli.calls import MAIL, Run, project, said
from persync import __version__
from persync.cli import COMMANDS, root
from persync.cli.context import App


def modules_of(*arguments: str) -> list[str]:
    text = (
        "import sys\nfrom persync.cli import root\n"
        f"try: root({list(arguments)!r})\nexcept SystemExit: pass\n"
        f"sys.stderr.write(','.join(m for m in {HEAVY!r} if m in sys.modules))\n"
        "sys.stderr.write(','.join(m for m in sys.modules if m.startswith(('persync_', 'persync.plugins'))))"
    )
    found = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    return [name for name in found.stderr.split(",") if name]


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

    assert [line.split()[0] for line in text.split("Commands:\n")[1].split("\n\n")[0].splitlines()] == list(COMMANDS)
    assert all(short in text for _, short in COMMANDS.values())


def test_version_is_told() -> None:
    assert CliRunner().invoke(root, ["--version"]).stdout == f"persync, version {__version__}\n"


def test_an_unknown_command_is_a_usage_error(persync: Run) -> None:
    result = persync("pul")

    assert result.exit_code == 2
    assert "No such command 'pul'. Did you mean 'pull'?" in result.stderr
    assert "No such command 'lst'. Did you mean 'list'?" in persync("metrics", "lst").stderr


def test_options_of_the_root_may_stand_after_the_command(tmp_path: Path) -> None:
    project(tmp_path, "[stoer]\n")

    result = CliRunner().invoke(root, ["status", "--project", str(tmp_path), "--quiet"])

    assert said(result, 2) == f"{tmp_path / 'persync.toml'}, line 1: there is no table 'stoer'. Did you mean 'store'?"


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

    assert line.startswith("a fault in persync: RuntimeError at test_core_cli_root.py:")
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
    assert (found["value"], found["n"], found["unit"], found["label"]) == (0.5, 400, "points", "randomised")
    text = persync("experiment", "read", "welcome").stdout
    assert "randomised test" in text
    assert said(persync("experiment", "read", "welcom"), 2) == "there is no experiment 'welcom'. Did you mean 'welcome'?"


def test_a_terminal_without_a_minus_sign_still_gets_its_answer(tmp_path: Path) -> None:
    """An old code page loses the sign, not the run."""
    (tmp_path / "o.csv").write_text("order,person,at,amount,currency\n1,a,2025-03-10,10,EUR\n1,a,2025-03-11,-20.00,EUR\n")
    environment = {"PYTHONIOENCODING": "latin-1", "PATH": "", "HOME": str(tmp_path)}

    def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "persync.cli", "--project", str(tmp_path), *arguments]
        return subprocess.run(command, capture_output=True, env=environment, check=True)

    run("import", "orders", str(tmp_path / "o.csv"))

    assert b"?10.00" in run("attribution", "--models", "linear").stdout


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


def test_a_project_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    result = CliRunner().invoke(root, ["--project", str(tmp_path / "file"), "init"])

    assert said(result, 1) == f"{tmp_path / 'file'}: File exists."
