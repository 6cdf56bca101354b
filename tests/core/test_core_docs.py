"""The pages: what they say is what the code does."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
from pydantic import BaseModel

from persync import __version__, errors
from persync.cli import COMMANDS
from persync.cli import root as root_command
from persync.cli.export import export
from persync.connect import DAY_MS, HOUR_MS, Every, Full, Incremental, Refresh
from persync.hookspecs import Message
from persync.hookspecs import __all__ as hook_names
from persync.jobs.names import known_parts
from persync.jobs.notify.mail import MailSettings
from persync.jobs.notify.sending import deliver
from persync.jobs.schedule import TARGETS
from persync.measure import METRICS
from persync.plugins import load_plugins
from persync.report.report import Inputs
from persync.settings import load_project
from persync.settings.fairness import FairnessTable
from persync.settings.goal import GoalTable
from persync.settings.jobs import JobCheck, JobExport, JobNotice, JobReport, JobTable
from persync.settings.notify import NotifyTable
from persync.settings.tables import ExperimentTable, ReportTable, ShopsTable, StoreTable
from persync.settings.value import ValueTable
from persync.testing.checks import CONNECTOR
from persync.testing.checks.engines import ENGINE
from persync.testing.checks.importers import IMPORTER
from persync.testing.checks.metrics import METRIC
from persync.testing.checks.models import MODEL
from persync.testing.checks.notifiers import NOTIFIER
from persync.testing.checks.sections import SECTION


@pytest.fixture(scope="module")
def make(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("persync_docs_make", root / "docs" / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(root / "docs")  # as Python does for a program
        spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def texts(root: Path) -> dict[str, str]:
    """Every page by its path."""
    pages = [root / "README.md", root / "CHANGELOG.md", *(root / "docs").glob("*.md"), *(root / "plugins").glob("*/README.md")]
    return {str(page.relative_to(root)): page.read_text("utf-8") for page in pages}


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def names(model: type[BaseModel]) -> set[str]:
    return {info.alias or name for name, info in model.model_fields.items()}


def test_generated_parts_are_as_the_code_says(make: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert make.main(["--check"]) == 0, capsys.readouterr().out
    assert make.used() == set(make.BLOCKS)


def test_a_command_that_remembers_another_help_option_is_described_the_same(make: ModuleType) -> None:
    written = make.command_reference()
    command, remembered = export, export._help_option
    command._help_option = None
    try:
        assert command.get_help_option(click.Context(command)).opts == ["--help"]

        assert make.command_reference() == written
    finally:
        command._help_option = remembered


VENDORS = ("mailchimp", "shopify", "hubspot")


@pytest.mark.parametrize("vendor", VENDORS)
def test_each_vendor_has_a_page_that_names_every_stream_and_limit(texts: dict[str, str], vendor: str) -> None:
    page, connector = texts[f"docs/{vendor}.md"], load_plugins().connectors[vendor]

    told = re.findall(r"^\| `([a-z_]+)` \| `", page, re.MULTILINE)

    assert sorted(told) == sorted(stream.name for stream in connector.streams)
    assert f"| calls at once | {connector.workers} |" in page
    headings = [line for line in page.splitlines() if line.startswith("## ")]
    assert headings[:2] == ["## What is read", "## Limits"]


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_stream_says_which_facts_it_carries(vendor: str) -> None:
    streams = load_plugins().connectors[vendor].streams

    assert [stream.name for stream in streams if not stream.facts] == []
    # They stand in one cell and in doctor's sentence: short, and never a person's.
    assert [fact for stream in streams for fact in stream.facts if len(fact) > 40 or "@" in fact] == []


@pytest.mark.parametrize(
    ("window", "words"),
    [
        (Full(), "all"),
        (Refresh(days=90), "the last 90 days"),
        (Every(days=30), "all, every 30 days"),
        (Every(days=7, first=True), "all, every 7 days, at the first pull too"),
        (Incremental(overlap=HOUR_MS), "what changed since the last pull, and 1 hour before"),
        (
            Incremental(overlap=DAY_MS, settle=90_000, lookback_days=3),
            "what changed since the last pull, and 1 day before, up to 90 seconds ago, once a day the last 3 days",
        ),
    ],
)
def test_a_window_is_told_in_words(make: ModuleType, window: object, words: str) -> None:
    assert importlib.import_module("making.vendors").window_words(window) == words


def test_a_page_that_drifted_is_found(make: ModuleType, texts: dict[str, str]) -> None:
    drifted = texts["docs/metrics.md"].replace("**Formula** ", "**Formula** about ", 1)

    assert drifted != texts["docs/metrics.md"]
    assert make.filled(drifted) == texts["docs/metrics.md"]


def test_every_command_metric_and_hook_has_its_heading(texts: dict[str, str]) -> None:
    def headings(page: str) -> list[str]:
        return [line.removeprefix("## ") for line in texts[page].splitlines() if line.startswith("## ")]

    hooks = [name for name in hook_names if name.startswith("persync_")]
    assert {heading.split()[0] for heading in headings("docs/commands.md")} == set(COMMANDS)
    assert sorted(headings("docs/hooks.md")) == sorted(hooks)
    assert {metric.id for metric in METRICS} <= set(headings("docs/metrics.md"))


def commands_in(text: str) -> Iterator[str]:
    """Every call of persync that a page tells people to make: in shell blocks, and in the middle of a line."""
    for block in blocks(text, "sh"):
        yield from (line for line in block.splitlines() if line.startswith("persync "))
    yield from re.findall(r"`(persync [a-z][^`\n]*)`", text)


def test_every_command_that_a_page_prints_can_be_called(texts: dict[str, str]) -> None:
    called = 0
    for page, text in texts.items():
        for line in commands_in(text):
            words = root_command.make_parser(click.Context(root_command)).parse_args(shlex.split(line)[1:])[1]
            command: click.Command | None = root_command
            context = click.Context(root_command, info_name="persync")
            while isinstance(command, click.Group) and words and not words[0].startswith("-"):
                command = command.get_command(context, words[0])
                assert command is not None, f"{page}: {line}: there is no such command"
                context = click.Context(command, info_name=words.pop(0), parent=context)
            if command is not None and words:
                command.make_parser(context).parse_args(words)
            called += 1
    assert called > 30


def test_the_pages_for_plugin_authors_name_hooks_that_there_are_and_lead_to_each_other(texts: dict[str, str]) -> None:
    pages = [f"docs/writing-a-{kind}.md" for kind in ("connector", "metric", "model")]
    hooks = {name for name in hook_names if name.startswith("persync_")}

    told = {page: set(re.findall(r"^def (persync_\w+)", texts[page], re.MULTILINE)) for page in pages}
    named = {name for page in (*pages, "docs/hooks.md") for name in re.findall(r"`(persync_[a-z_]+)`", texts[page])}

    assert [page for page in pages if not told[page] or told[page] - hooks] == []
    assert named <= hooks
    assert [page for page in pages if f"({page.removeprefix('docs/')})" not in texts["docs/hooks.md"]] == []
    assert [page for page in pages if "hooks.md" not in texts[page]] == []


def test_the_settings_example_is_read_and_names_every_key(texts: dict[str, str], tmp_path: Path) -> None:
    example = blocks(texts["docs/settings.md"], "toml")[0]
    (tmp_path / "persync.toml").write_text(example, encoding="utf-8")
    host = load_plugins()

    project = load_project(tmp_path, host)

    given = tomllib.loads(example)
    job = given["jobs"]["nightly"]
    owner = dict(given["notify"]["owner"])
    tables: list[tuple[type[BaseModel], dict[str, Any]]] = [
        (StoreTable, given["store"]),
        (ReportTable, given["report"]),
        (ValueTable, given["value"]),
        (FairnessTable, given["fairness"]),
        (ShopsTable, given["shops"]),
        (ExperimentTable, given["experiments"]["welcome"]),
        (GoalTable, given["goal"]),
        (JobTable, job),
        (JobReport, {key: None for one in job["report"] for key in one}),
        (JobExport, {key: None for one in job["export"] for key in one}),
        (JobCheck, job["checks"][0] | job["checks"][1]),
        (JobNotice, job["notify"][0]),
        (NotifyTable, {name: owner.pop(name) for name in ("via", "quiet")}),
        (MailSettings, {name: value for name, value in owner.items() if name != "password_env"}),
    ]
    for model, table in tables:
        assert set(table) == names(model), model.__name__
    said = {key for table in given["connections"].values() for key in table}
    for settings in project.connections.values():
        assert names(type(settings)) - {"folder"} <= said
    assert {settings.connector for settings in project.connections.values()} == set(host.connectors)
    assert project.experiments["welcome"].holdout
    assert job["checks"][0]["metric"] in host.metrics


def test_the_readmes_settings_are_read(texts: dict[str, str], tmp_path: Path) -> None:
    example = "\n".join(blocks(texts["README.md"], "toml"))
    (tmp_path / "persync.toml").write_text(example, encoding="utf-8")
    host = load_plugins()

    project = load_project(tmp_path, host)

    assert (list(project.experiments), list(project.connections), list(project.jobs)) == (["welcome"], ["files"], ["nightly"])
    assert [check.metric for check in project.jobs["nightly"].checks if check.metric not in host.metrics] == []


def test_the_example_notifier_is_called_with_its_settings(texts: dict[str, str], tmp_path: Path) -> None:
    module = ModuleType("persync_board")
    exec(compile(blocks(texts["docs/hooks.md"], "python")[1], "persync_board", "exec", dont_inherit=True), vars(module))  # noqa: S102
    host = load_plugins([module], installed=False)
    (tmp_path / "persync.toml").write_text(f'[notify.wall]\nvia = "board"\npath = "{tmp_path}/board"\npin_env = "PIN"\n')
    project = load_project(tmp_path, host)

    deliver(host, project, project.channels["wall"], Message("nightly", "ok", "shop: nightly ran"))

    assert (tmp_path / "board").read_text() == "shop: nightly ran\n"
    assert project.channels["wall"].secret_names == {"pin": "PIN"}


def test_the_settings_of_the_jobs_page_are_read_and_name_what_there_is(texts: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "persync.toml").write_text(blocks(texts["docs/jobs.md"], "toml")[0], encoding="utf-8")
    host = load_plugins()

    project = load_project(tmp_path, host)

    assert known_parts(host, project, "nightly", project.jobs["nightly"])[1] == []
    table = [line.split("`")[1] for line in texts["docs/jobs.md"].splitlines() if line.startswith("| `") and "_" in line]
    assert set(host.notifiers) <= set(table)
    assert [target for target in TARGETS if f"`{target}`" not in texts["docs/jobs.md"]] == []


def test_the_plugins_own_settings_are_read(texts: dict[str, str], tmp_path: Path) -> None:
    example = blocks(texts["plugins/hubspot/README.md"], "toml")[0]
    (tmp_path / "persync.toml").write_text(example, encoding="utf-8")

    assert load_project(tmp_path, load_plugins()).connections["hubspot"].connector == "hubspot"


def test_the_example_plugin_is_taken_up(texts: dict[str, str]) -> None:
    class Few:
        def rows(self, sql: str, params: object = None) -> list[dict[str, int]]:
            return [{"orders": 1234}]

    module = ModuleType("persync_example")
    exec(compile(blocks(texts["docs/hooks.md"], "python")[0], "persync_example", "exec"), module.__dict__)  # noqa: S102

    host = load_plugins([module])

    assert host.failures == []
    assert host.models["even_email"].sums_to == "order"
    inputs: Any = Inputs(engine=Few(), ask=None)  # type: ignore[arg-type]
    assert [block.text for block in host.sections["how_many"].build(inputs)] == ["The store knows 1,234 orders."]  # type: ignore[union-attr]


def test_the_exit_codes_are_those_of_the_code(texts: dict[str, str]) -> None:
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", texts["README.md"], re.MULTILINE)}

    assert told == {value for name, value in vars(errors).items() if name.startswith("EXIT_")}


def test_the_readme_opens_with_the_two_commands(texts: dict[str, str]) -> None:
    shown = [line.split("#")[0].strip() for line in texts["README.md"].splitlines() if line.startswith("    ")]

    assert shown[:2] == ["make demo", "make test"]


def test_links_and_places_lead_somewhere(texts: dict[str, str], root: Path) -> None:
    broken = []
    for page, text in texts.items():
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            path, _, heading = target.partition("#")
            if "://" in target:
                continue
            there = (root / page).parent / path if path else root / page
            if not there.exists():
                broken.append(f"{page}: {target}")
            elif heading:
                found = [line.lstrip("# ").lower().replace(" ", "-") for line in there.read_text("utf-8").splitlines()]
                broken += [] if heading in found else [f"{page}: {target}"]
    for place in re.findall(r"`((?:core|plugins)/[^`]+)`", texts["docs/decisions.md"]):
        broken += [] if (root / place).is_file() else [f"docs/decisions.md: {place}"]
    assert broken == []


def test_the_licence_is_the_one_that_is_declared(root: Path) -> None:
    declared = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["license"]
    digest = hashlib.sha256((root / "LICENSE").read_bytes()).hexdigest()

    # The digest of the text as its authors publish it.
    assert (declared, digest) == ("Apache-2.0", "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30")


def test_the_changelog_knows_this_version(texts: dict[str, str]) -> None:
    headings = [line for line in texts["CHANGELOG.md"].splitlines() if line.startswith("## ")]

    assert __version__ in headings[0]


def test_every_check_of_a_plugin_is_listed(texts: dict[str, str]) -> None:
    rows = re.findall(r"^\| ([a-z, ]+) \| [^|]+ \| ([a-z, ]+) \|$", texts["docs/hooks.md"], re.MULTILINE)
    told = {kind: names.split(", ") for kind, names in rows if kind != "kind"}

    kinds = {
        "connector": CONNECTOR,
        "model, metric, section": (*MODEL, *METRIC, *SECTION),
        "engine": ENGINE,
        "notifier": NOTIFIER,
        "importer": IMPORTER,
    }
    assert told == {kind: list(dict.fromkeys(one.name for one in checks)) for kind, checks in kinds.items()}
