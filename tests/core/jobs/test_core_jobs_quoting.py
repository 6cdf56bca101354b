"""Whatever a job, its folder and its program are called: each scheduler's own reading of its file gives the command back."""

from __future__ import annotations

import ast
import plistlib
import re
import shlex
import string
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment
from ruamel.yaml import YAML

from core.jobs.stand_ins import Called, stand_in
from core.jobs.workflows import run_step
from persync.errors import ConfigError
from persync.jobs.schedule import TARGETS, Plan, files_of, plan_of
from persync.settings import JobReport, JobTable, Project

JUNE = 1_750_075_200_000
SPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"

names = st.text(st.sampled_from("ab-_. é" + string.digits), min_size=1, max_size=12) | st.sampled_from(
    ["a--b", "--help", "-", "..", "a -- b", "x" * 60]
)
nasty = [
    "%h",
    "100%",
    "$HOME",
    "${X}",
    "$$",
    "it's",
    'a"b',
    "a\\b",
    "{{ x }}",
    "{% endraw %}",
    "${{ a }}",
    "<b>&amp;",
    "--",
    "#",
    ";",
]
words = st.lists(st.sampled_from([*nasty, "a", " ", "x y"]), min_size=1, max_size=4).map("".join)
folders = words.filter(lambda word: not word.endswith(("\\", " ")) and word == word.strip())


def plan(name: str, folder: str, tool: str) -> Plan:
    place = Path("/srv") / folder
    job = JobTable(report=[JobReport(out="../out/r.html")], ping="MY_PING")
    return plan_of(name, job, Project(place, place / "persync.db"), (f"/opt/{tool}/persync",))


def text_of(target: str, given_plan: Plan) -> str:
    return files_of(target, given_plan, now=JUNE)[0].text


def systemd_words(value: str) -> list[str]:
    """Split a command line as systemd.service(5) says: quotes, backslashes, then specifiers and variables."""
    found = re.findall(r'"((?:[^"\\]|\\.)*)"|([^\s"]+)', value)
    parts = [re.sub(r"\\(.)", r"\1", quoted) if quoted or not bare else bare for quoted, bare in found]
    assert not any(re.search(r"(?<!%)(?:%%)*%(?!%)", part) for part in parts), "a specifier"
    return [part.replace("%%", "%") for part in parts]


@settings(max_examples=40, deadline=None)
@given(names, folders, folders)
def test_every_scheduler_reads_the_command_as_it_was_meant(name: str, folder: str, tool: str) -> None:
    made = plan(name, folder, tool)
    command = list(made.command)

    (line,) = [line for line in text_of("systemd", made).splitlines() if line.startswith("ExecStart=")]
    assert [word.replace("$$", "$") for word in systemd_words(line.removeprefix("ExecStart="))] == command
    assert systemd_words(
        next(line for line in text_of("systemd", made).splitlines() if line.startswith("ReadWritePaths=")).partition("=")[2]
    ) == [str(path) for path in made.writable]

    (line,) = [line for line in text_of("cron", made).splitlines() if line.startswith("@reboot")]
    assert not re.search(r"(?<!\\)%", line)
    log = f"{made.folder}/{made.unit}.log"
    assert shlex.split(line.replace("\\%", "%").partition("umask 077; ")[2]) == [*command, ">>", log, "2>&1"]

    assert plistlib.loads(text_of("launchd", made).encode())["ProgramArguments"] == command

    if any(re.search(r"%[^%=/\\\s]+%", part) for part in command):
        with pytest.raises(ConfigError, match="what Windows takes for a variable"):
            text_of("windows", made)
    else:
        task = ET.fromstring(text_of("windows", made))  # noqa: S314
        action = task.find(f".//{SPACE}Arguments")
        assert action is not None
        assert action.text == subprocess.list2cmdline(["--exec", *command])

    workflow: Any = YAML(typ="safe").load(text_of("github-actions", made))
    assert workflow["name"] == f"persync {name}"
    (step,) = [one["run"] for one in workflow["jobs"]["run"]["steps"] if one.get("name") == "Run the job"]
    (line,) = [line for line in step.splitlines() if " run " in line and "persync --project" in line]
    said = shlex.split(line.partition("; ")[2].removesuffix(" || code=$?"))
    assert said == ["persync", "--project", "$GITHUB_WORKSPACE", "--no-input", "--quiet", *command[command.index("run") :]]

    for target in ("dagster", "prefect"):
        tree = ast.parse(text_of(target, made))
        given_command = next(
            one.value for one in tree.body if isinstance(one, ast.Assign) and ast.unparse(one.targets) == "COMMAND"
        )
        assert list(ast.literal_eval(given_command)) == command


@settings(max_examples=25, deadline=None)
@given(names, folders, folders)
def test_airflow_renders_the_command_as_it_was_meant(name: str, folder: str, tool: str) -> None:
    made = plan(name, folder, tool)
    calls: list[Called] = []
    with pytest.MonkeyPatch.context() as patch:
        stand_in(patch, calls)
        exec(compile(text_of("airflow", made), "dag.py", "exec"), {})  # noqa: S102

    (script,) = [named["bash_command"] for called, _, named in calls if called == "BashOperator"]
    rendered = Environment(autoescape=False).from_string(script).render()  # noqa: S701
    assert shlex.split(rendered) == [*made.command, "||", "[", "$?", "-eq", "3", "]"]


@pytest.mark.parametrize("target", TARGETS)
def test_a_name_that_begins_with_a_dash_is_no_option(target: str) -> None:
    text = text_of(target, plan("--help", "shop", "bin"))

    assert re.search(r"run(['\",\s]|</?string>)+--(['\",\s]|</?string>)+--help", text)


@pytest.mark.parametrize("folder", ["a\nb", "a\x1bb", "a\u202eb", "a\udcff", "a\\", "a "])
def test_a_path_that_would_break_a_file_is_refused(folder: str) -> None:
    with pytest.raises(ConfigError, match="has signs that not every scheduler can hold"):
        plan("nightly", folder, "bin")
    with pytest.raises(ConfigError, match="has signs that not every scheduler can hold"):
        plan("nightly", "shop", f"{folder}/x\n")


@pytest.mark.parametrize("store", ["data/*.db", "${{ secrets.X }}.db", "!x.db"])
def test_a_store_whose_name_github_would_take_for_a_pattern_is_refused(store: str) -> None:
    made = plan_of("nightly", JobTable(), Project(Path("/srv/shop"), Path("/srv/shop") / store), ("/opt/persync",))

    with pytest.raises(ConfigError, match="has signs that GitHub takes for a pattern"):
        text_of("github-actions", made)


def test_the_key_of_a_store_with_a_blank_in_its_path_is_put_in_its_place(tmp_path: Path) -> None:
    made = plan_of("nightly", JobTable(), Project(Path("/srv/shop"), Path("/srv/shop/my data/it's.db")), ("/opt/persync",))
    there = tmp_path / "checkout"
    there.mkdir()

    found = run_step(text_of("github-actions", made), there, 'cat "my data/it\'s.key"')

    assert found.stdout == "0a1b\n"
    assert found.returncode == 0
    assert list((there / "my data").iterdir()) == []
