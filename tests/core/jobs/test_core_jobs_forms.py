"""The format of a file is that of its name, in a job as in a command."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.cli.calls import Run, project, said
from core.cli.conftest import persync
from persync.errors import ConfigError
from persync.plugins import load_plugins
from persync.settings import JobExport, JobReport, load_project
from persync.settings.forms import EXPORT, REPORT, format_of

__all__ = ["persync"]

HEADS = {"r.md": b"# ", "r.txt": b"", "r.csv": b"section,", "r.xlsx": b"PK", "r.JSON": b"{", "r.htm": b"<!doctype html>"}
"""what files of these names begin with when they are what they are called"""


def test_a_job_writes_what_the_name_says(persync: Run, tmp_path: Path) -> None:
    outs = ", ".join(f"{{ out = '{name}', sections = ['answer'] }}" for name in HEADS)
    more = "{ metric = 'aov', out = 'a.json' }, { metric = 'aov', out = 'a.xlsx' }, { table = 'orders', out = 'o.pq' }"
    project(tmp_path, f"[jobs.nightly]\npull = []\nreport = [{outs}]\nexport = [{more}]\n")
    (tmp_path / "orders.csv").write_text("order,person,at,amount,currency\n1,a,2025-03-10,80.01,EUR\n")
    assert persync("import", "orders", str(tmp_path / "orders.csv")).exit_code == 0

    done = persync("run", "nightly")

    assert done.exit_code == 0, done.output
    assert {name: (tmp_path / name).read_bytes()[: len(head)] for name, head in HEADS.items()} == HEADS
    assert "<" not in (tmp_path / "r.txt").read_text()
    heads = {name: (tmp_path / name).read_bytes()[:4] for name in ("a.json", "a.xlsx", "o.pq")}
    assert heads == {"a.json": b"{\n  ", "a.xlsx": b"PK\x03\x04", "o.pq": b"PAR1"}


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (
            "report = [{ out = 'r.docx' }]",
            "the name r.docx stands for no format. Say which format it is, or end it in one of"
            " .csv, .htm, .html, .json, .md, .pdf, .txt, .xlsx.",
        ),
        (
            "report = [{ out = 'r.pdf', format = 'html' }]",
            "the name r.pdf stands for pdf, and the format that is given is html. Change one of them, or leave the format out.",
        ),
        (
            "export = [{ table = 'orders', out = 'out/orders' }]",
            "the name orders stands for no format. Say which format it is, or end it in one of"
            " .csv, .json, .jsonl, .ndjson, .parquet, .pq, .xlsx.",
        ),
        (
            "export = [{ metric = 'aov', out = 'a.parquet', format = 'csv' }]",
            "the name a.parquet stands for parquet, and the format that is given is csv."
            " Change one of them, or leave the format out.",
        ),
    ],
)
def test_a_name_without_a_format_or_with_another_one_is_refused_with_the_settings(tmp_path: Path, job: str, words: str) -> None:
    (tmp_path / "persync.toml").write_text(f"[jobs.nightly]\n{job}\n")

    with pytest.raises(ConfigError) as caught:
        load_project(tmp_path, load_plugins(installed=False))

    assert str(caught.value) == f"{tmp_path / 'persync.toml'}, line 2, [jobs.nightly]: {words}"


@pytest.mark.parametrize(
    "command", [("report",), ("lake", "overview"), ("export", "v_orders"), ("export", "sums")], ids=" ".join
)
def test_a_command_refuses_such_a_name_before_it_works(persync: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    project(tmp_path, "")
    other = tmp_path / "x.csv"

    unknown = said(persync(*command, "--out", str(tmp_path / "x.docx")), 2)
    twice = said(persync(*command, "--out", str(other), "--format", "xlsx"), 2)

    assert unknown.startswith("the name x.docx stands for no format. Say which format it is, or end it in one of .csv, ")
    assert twice.startswith("the name x.csv stands for csv, and the format that is given is xlsx.")
    assert not other.exists()


def test_a_name_of_no_format_takes_the_one_that_is_given() -> None:
    assert [JobReport(out=out, format="md").form() for out in ("notes", "notes.v2", "n.md")] == ["md"] * 3
    assert JobExport(table="orders", out="orders.tsv", format="csv").form() == "csv"
    assert {format_of(f"x{suffix}", None, REPORT) for suffix in REPORT} == set(REPORT.values())
    assert {format_of(f"X{suffix.upper()}", None, EXPORT) for suffix in EXPORT} == set(EXPORT.values())
