"""Where jobs may write: refused at load, before anything of the user's is written over."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.cli.calls import Run, project, said
from core.cli.conftest import persync
from persync.errors import ConfigError
from persync.plugins import load_plugins
from persync.settings import Project, load_project

__all__ = ["persync"]

OWN = '[connections.own]\nconnector = "files"\nfiles = [{ kind = "outcomes", path = "in/visits.csv" }]\n'


def loaded(folder: Path, text: str, store: str = "persync.db") -> Project:
    (folder / "persync.toml").write_text(f'[store]\npath = "{store}"\n{OWN}{text}')
    return load_project(folder, load_plugins(installed=False))


def refused(folder: Path, text: str, store: str = "persync.db") -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text, store)
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.parametrize(
    ("out", "what"),
    [
        ("persync.toml", "the settings"),
        ("PERSYNC.TOML", "the settings"),
        ("./x/../persync.toml", "the settings"),
        ("persync.toml/r.html", "the settings"),
        ("persync.secrets.toml", "the secrets"),
        ("persync.baseline.json", "the frozen baseline"),
        ("data/shop.db", "the store"),
        ("data/shop.db-wal", "what persync keeps beside the store"),
        ("data/shop.key", "what persync keeps beside the store"),
        ("data/shop.nightly.job.json", "what persync keeps beside the store"),
        ("data/shop.before-9.db", "what persync keeps beside the store"),
        ("data/shop.own.lock", "what persync keeps beside the store"),
        ("data/shop.mirror/touchpoints/r.csv", "what persync keeps beside the store"),
        ("in/visits.csv", "a file that the connection 'own' reads"),
    ],
)
@pytest.mark.parametrize("part", ['report = [{ out = "OUT" }]', 'export = [{ metric = "aov", out = "OUT" }]'])
def test_an_out_that_would_write_over_what_persync_keeps_is_refused(tmp_path: Path, part: str, out: str, what: str) -> None:
    line = refused(tmp_path, f"[jobs.nightly]\n{part.replace('OUT', out)}\n", "data/shop.db")

    where = f"{tmp_path / 'persync.toml'}, line 7, [jobs.nightly]"
    assert line == f"{where}: this would write over {what}. Choose another file."


def test_an_out_through_a_link_to_the_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")

    assert "this would write over the store" in refused(
        tmp_path, '[jobs.a]\nreport = [{ out = "link/persync.db" }]\n', "there/persync.db"
    )


@pytest.mark.parametrize("out", ["", " ", "out/", "a\\u0000b", "a\\nb", "."])
def test_an_out_that_is_no_files_name_is_refused(tmp_path: Path, out: str) -> None:
    line = refused(tmp_path, f'[jobs.nightly]\nreport = [{{ out = "{out}" }}]\n')

    assert line.endswith("""[jobs.nightly]: 'out' names no file. Write one, like out = "report.html".""")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            '[jobs.a]\nreport = [{ out = "r.html" }]\n[jobs.b]\nexport = [{ metric = "aov", out = "./R.html" }]\n',
            "[jobs.b]: 'out': r.html is written by the job 'a' too. Give each its own file.",
        ),
        (
            '[jobs.a]\nreport = [{ out = "r.csv", format = "csv" }]\nexport = [{ metric = "aov", out = "r.csv" }]\n',
            "[jobs.a]: 'out': r.csv is written twice in this job. Give each its own file.",
        ),
    ],
)
def test_two_outs_of_one_file_are_refused(tmp_path: Path, text: str, words: str) -> None:
    assert refused(tmp_path, text).endswith(words)


def test_outs_beside_the_store_that_are_nobodys_are_taken(tmp_path: Path) -> None:
    outs = ["persync.html", "persync.csv", "persync-report.json", "persync.db.html", "../persync.toml", "out/persync.db"]
    said = {"../persync.toml": ", format = 'md'", "out/persync.db": ", format = 'md'"}
    listed = ", ".join(f"{{ out = '{out}'{said.get(out, '')} }}" for out in outs)

    assert [one.out for one in loaded(tmp_path, f"[jobs.a]\nreport = [{listed}]\n").jobs["a"].report] == outs


def test_a_store_whose_path_can_be_none_is_no_traceback_here(tmp_path: Path) -> None:
    found = loaded(tmp_path, '[jobs.a]\nreport = [{ out = "r.html" }]\n', "a\\u0000b.db")

    assert found.jobs["a"].report[0].out == "r.html"


def test_the_report_command_does_not_write_over_the_store_either(persync: Run, tmp_path: Path) -> None:
    project(tmp_path, OWN)
    (tmp_path / "persync.key").write_text("0a1b")

    line = said(persync("report", "--out", str(tmp_path / "persync.key")), 2)

    assert line == "--out: this would write over what persync keeps beside the store. Choose another file."
    assert (tmp_path / "persync.key").read_text() == "0a1b"


def test_a_job_writes_tables_and_views_as_an_export_does(persync: Run, tmp_path: Path) -> None:
    """With its own days, in any format; people and ids are those of the command."""
    project(
        tmp_path,
        "[jobs.nightly]\npull = []\nexport = [{ table = 'v_orders', out = 'new/o.csv', period = '2025-03' },"
        " { table = 'orders', out = 'o.parquet', format = 'parquet' },"
        " { metric = 'aov', out = 'a.jsonl', format = 'jsonl' }]\n",
    )
    (tmp_path / "orders.csv").write_text(
        "order,person,at,amount,currency\n1,ann@example.com,2025-03-10,80.01,EUR\n2,b,2025-04-11,20.00,EUR\n"
    )
    assert persync("import", "orders", str(tmp_path / "orders.csv")).exit_code == 0

    done = persync("run", "nightly")

    by_hand = persync("export", "v_orders", "--period", "2025-03", "--format", "csv")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "new" / "o.csv").read_text() == by_hand.stdout
    assert by_hand.stdout.count("\n") == 2
    assert (tmp_path / "o.parquet").read_bytes()[:4] == b"PAR1"
    assert '"aov"' in (tmp_path / "a.jsonl").read_text()
    for name in ("new/o.csv", "o.parquet", "a.jsonl"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0


def test_a_table_that_there_is_not_is_said_and_the_rest_is_written(persync: Run, tmp_path: Path) -> None:
    project(
        tmp_path,
        "[jobs.nightly]\npull = []\n"
        "export = [{ table = 'v_ordrs', out = 'a.csv' }, { table = 'meta', out = 'b.csv' },"
        " { table = 'v_orders', out = 'c.csv' }]\n",
    )
    (tmp_path / "orders.csv").write_text("order,person,at,amount,currency\n1,a,2025-03-10,80.01,EUR\n")
    persync("import", "orders", str(tmp_path / "orders.csv"))

    done = persync("run", "nightly")

    assert done.exit_code == 2
    assert "there is no table, view or metric 'v_ordrs'. Did you mean 'v_orders'?" in done.output
    assert "'meta' is the store's own bookkeeping" in done.output
    assert sorted(path.name for path in tmp_path.glob("?.csv")) == ["c.csv"]


@pytest.mark.parametrize(
    ("export", "words"),
    [
        ("out = 'a.csv'", "give either a metric or a table"),
        ("metric = 'aov', table = 'orders', out = 'a.csv'", "give either a metric or a table"),
        ("table = 'orders', by = ['country'], out = 'a.csv'", "by splits metrics; a table has its rows"),
    ],
)
def test_an_export_is_of_one_thing(tmp_path: Path, export: str, words: str) -> None:
    assert words in refused(tmp_path, f"[jobs.a]\nexport = [{{ {export} }}]\n")
