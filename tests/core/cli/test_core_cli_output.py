"""Output discipline: what prints data prints it for machines too, and a reader that goes away ends a command without a word."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from core.cli.calls import OWN, Run, project
from core.cli.test_core_cli_examples import every
from persync import __version__

NO_DATA = {
    "init": "prints the path of what it made",
    "connect": "says that it is ready; its guide is for whoever makes a token",
    "baseline freeze": "says what it wrote; `baseline show` has the numbers",
    "bi init": "says which files it wrote",
    "bi refresh": "says which file it wrote",
    "completion": "prints a shell's script",
    "demo": "prints the path of the report",
    "experiment export": "writes a platform's own format",
    "export segment": "writes a platform's own format",
    "export suppression": "writes a platform's own format",
    "fairness decide": "says what it put into the log; `fairness decisions` lists it",
    "federate export": "writes a file of JSON",
    "lake add": "says what it did; `lake list` has it",
    "lake remove": "says what it did; `lake list` has it",
    "plugins new": "prints the paths of what it wrote",
    "privacy apply": "says what it did; what is stored about somebody is JSON as it is",
    "privacy export-subject": "prints JSON as it is",
    "sandbox serve": "prints JSON as it is",
    "serve": "prints an address; /api/v1 behind it is JSON",
}
"""Commands without `--format json`, and why they need none."""


def formats(command: click.Command) -> set[str]:
    """Return what `--format` of a command takes."""
    return {
        str(choice)
        for option in command.params
        if "--format" in option.opts and isinstance(option.type, click.Choice)
        for choice in option.type.choices
    }


def test_every_command_prints_json_or_has_no_data_to_print() -> None:
    """A group that is no command of its own prints its help."""
    commands = {
        words: command
        for words, command in every().items()
        if not isinstance(command, click.Group) or (words and command.invoke_without_command)
    }

    assert {words for words, command in commands.items() if "json" not in formats(command)} == set(NO_DATA)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("schedule status", "schedule"),
        ("config show", "settings"),
        ("metrics show ctr", "metric"),
        ("fairness decisions", "choices"),
        ("tag --list", "levels"),
        ("verify", "verify"),
    ],
)
def test_a_commands_json_is_one_object_alone_on_stdout(persync: Run, tmp_path: Path, line: str, kind: str) -> None:
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")
    persync("import", "outcomes", str(tmp_path / "visits.csv"))

    document = json.loads(persync(*line.split(), "--format", "json").stdout)

    assert (document["persync"], document["kind"], document["period"]) == (__version__, kind, None)
    assert isinstance(document["results"], list)


def test_an_import_says_for_machines_what_it_says_in_words(persync: Run, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("order,person,at,amount,currency\n1,a,2025-03-10,80.01,EUR\n")

    first, again = (json.loads(persync("import", "orders", str(file), "--format", "json").stdout)["results"] for _ in "12")

    assert [{**one, "changed": one["changed"] > 0} for one in first] == [
        {"file": "orders.csv", "kind": "orders", "lines": 1, "changed": True, "read": True}
    ]
    assert again == [{"file": "orders.csv", "kind": "orders", "lines": 1, "changed": 0, "read": False}]


def test_a_run_and_a_channel_tell_machines_how_they_went(persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEBHOOK_URL", raising=False)
    project(tmp_path, f"{OWN}[jobs.nightly]\npull = ['own']\n[notify.owner]\nvia = 'webhook'\n")
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")

    job = json.loads(persync("run", "nightly", "--format", "json").stdout)
    told = persync("notify", "test", "--format", "json")

    assert (job["job"], job["exit_code"], job["results"][0]) == ("nightly", 0, {"said": "pull: 2 rows changed"})
    (result,) = json.loads(told.stdout)["results"]
    assert (result["channel"], result["sent"]) == ("owner", False)
    assert told.exit_code == json.loads(told.stdout)["exit_code"] != 0
    assert told.stderr == f"persync: {result['error']}\n"


@pytest.mark.parametrize("line", [["--help"], ["metrics", "list"], ["doctor", "--help"]], ids=" ".join)
def test_a_reader_that_is_gone_ends_a_command_quietly_with_141(tmp_path: Path, line: list[str]) -> None:
    """As a shell counts a program that a broken pipe ended: 128 + 13."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "persync.cli", "--project", str(tmp_path), *line]
    try:
        ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(writing)

    assert (ended.returncode, ended.stderr) == (141, "")
