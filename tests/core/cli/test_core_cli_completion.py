"""Completion: names of the project, quickly, quoted where a shell would run them, and never an error."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from core.cli.calls import MAIL, project
from persync.cli import COMPLETE, root
from persync.cli.completion import SHELLS, answer
from persync.store.checkpoints import cover
from persync.store.store import open_store

SETTINGS = MAIL + "[jobs.nightly]\n[experiments.welcome]\n[segments.buyers]\nmin_orders = 1\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose store knows connections, a stream, segments, campaigns, orders and an attribute that the settings do not
    name."""
    folder = tmp_path_factory.mktemp("shop")
    project(folder, SETTINGS)
    with open_store(folder / "persync.db", create=True) as store, store.db:
        store.db.execute(
            "INSERT INTO connections (connection, name, connector) VALUES (1, 'till', 'shopify'), (2, 'crm', 'hubspot')"
        )
        for number, (connection, key, title) in enumerate(
            ((1, "c1", "Spring range"), (1, "c2", "Welcome"), (2, "c2", "Again"))
        ):
            store.db.execute("INSERT INTO campaign_keys VALUES (?, ?, 'id', ?)", (number, connection, key))
            store.db.execute(
                "INSERT INTO campaigns (campaign_key, connection, title) VALUES (?, ?, ?)", (number, connection, title)
            )
        for number, (order, name) in enumerate((("5610", "#1001"), ("5611", "#2001"), ("d9", ""))):
            store.db.execute("INSERT INTO order_keys VALUES (?, 1, ?, 'mine', ?, ?)", (number, order, order, name))
        store.db.execute("INSERT INTO attributes VALUES (1, 7, 'ageband', '30-39', 'consent')")
        cover(store.db, 1, "orders", "", 0, 9, now=9)
        for number, name in enumerate(("Big spenders", "$(touch pwned)", "a\nline")):
            store.db.execute(
                "INSERT INTO segments (segment_id, connection, kind, parent, vendor_id, name) VALUES (?, 1, 'tag', '', ?, ?)",
                (number, str(number), name),
            )
    return folder


def offered(shop: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], line: str, shell: str) -> list[str]:
    """Return what is offered for the last word of a line, as `shell` is told."""
    words = ["persync", "--project", str(shop), *line.split(" ")]
    monkeypatch.setenv(COMPLETE, f"{shell}_complete")
    if shell == "powershell":
        monkeypatch.setenv("COMP_WORDS", "\n".join(words if words[-1] else words[:-1]))
        monkeypatch.setenv("COMP_CWORD", words[-1])
    else:
        monkeypatch.setenv("COMP_WORDS", " ".join(words))
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    assert answer(root) == 0
    told = capfd.readouterr()
    assert told.err == ""
    return [line for line in told.out.splitlines() if line]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("pull ", ["crm", "news", "till"]),
        ("pull --stream ", ["orders"]),
        ("run ", ["nightly"]),
        ("schedule ni", ["nightly"]),
        ("experiment read ", ["welcome"]),
        ("metric deliv", ["delivery_rate"]),
        ("metrics show deliv", ["delivery_rate"]),
        ("plugins check mailc", ["mailchimp"]),
        ("attribution --models linear,marko", ["linear,markov_removal"]),
        ("export v_order_led", ["v_order_ledger"]),
        ("metric aov --by b", ["buyer"]),
        ("metric aov --by a", ["arm", "ageband"]),
        ("metric aov --by arm --by a", ["ageband"]),
        ("metric --period 2026 aov --by buyer --by ch", ["channel"]),
        ("metric no_metric --by ", []),
        ("export aov --by ch", ["channel"]),
        ("attribution --by channel,cam", ["channel,campaign"]),
        ("fairness --by ", ["ageband"]),
        ("fairness mitigate --by ", ["ageband"]),
        ("export sums --by ", ["ageband"]),
        ("tag ", ["c1", "crm:c2", "till:c2"]),
        ("tag c1 unk", ["unknown"]),
        ("explain send c", ["c1", "crm:c2"]),
        ("explain order ", ["1001", "2001", "d9"]),
        ("explain order 2", ["2001"]),
        ("comp", ["completion"]),
        ("status --al", ["--all"]),
    ],
)
def test_names_are_completed(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], line: str, names: list[str]
) -> None:
    assert offered(shop, monkeypatch, capfd, line, "bash") == [f"plain,{name}" for name in names]


def test_a_name_from_elsewhere_is_quoted_for_bash(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """bash puts an offer into the line as it is; what no line can show is not offered."""
    found = offered(shop, monkeypatch, capfd, "export segment ", "bash")

    assert found == ["plain,'$(touch pwned)'", "plain,'Big spenders'", "plain,buyers"]


def test_powershell_is_told_value_and_help(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert offered(shop, monkeypatch, capfd, "pull ", "powershell") == ["crm", "news", "till"]
    assert offered(shop, monkeypatch, capfd, "pull t", "powershell") == ["till"]
    assert offered(shop, monkeypatch, capfd, "tag c1", "powershell") == ["c1\tSpring range"]
    assert offered(shop, monkeypatch, capfd, "demo", "powershell") == [
        "demo\tSee it all with a made-up shop: no account, no questions."
    ]


@pytest.mark.parametrize("settings", ["[jobs", "jobs = 3\n[store]\npath = 7\n", None])
def test_whatever_is_broken_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], settings: str | None
) -> None:
    if settings:
        project(tmp_path, settings)
    (tmp_path / "persync.db").write_text("no store")

    assert offered(tmp_path, monkeypatch, capfd, "run ", "bash") == []
    offered(tmp_path, monkeypatch, capfd, "nonsense --x ", "bash")  # checks itself that nothing is said


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_is_printed_for_each_shell(shell: str) -> None:
    result = CliRunner().invoke(root, ["completion", shell], prog_name="persync")

    assert result.exit_code == 0
    assert (COMPLETE in result.stdout, f"{shell}_complete" in result.stdout) == (True, True)
    assert "%(" not in result.stdout


def test_bash_completes_with_the_script(shop: Path, tmp_path: Path) -> None:
    """The script is read by a real bash, which asks a real persync."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash here")
    script = CliRunner().invoke(root, ["completion", "bash"], prog_name="persync").stdout
    text = f"{script}\nCOMP_WORDS=(persync run ''); COMP_CWORD=2; _persync_completion persync; echo \"${{COMPREPLY[*]}}\""
    (tmp_path / "persync").write_text(f'#!/bin/sh\nexec {sys.executable} -m persync.cli "$@"\n')
    (tmp_path / "persync").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"

    done = subprocess.run(
        [bash, "--norc", "-c", text], env={**os.environ, "PATH": path}, cwd=shop, capture_output=True, text=True, check=True
    )

    assert (done.stdout, done.stderr) == ("nightly\n", "")


def test_a_command_is_completed_without_loading_one() -> None:
    """Tab must answer at once: for a command's name no command, no plugin and no database is imported."""
    text = (
        "import sys\nfrom persync.cli import root\nfrom persync.cli.completion import answer\nanswer(root)\n"
        "names = ('persync.cli.pull', 'persync.plugins', 'sqlite3', 'pydantic', 'duckdb', 'httpx')\n"
        "sys.stderr.write(','.join(name for name in names if name in sys.modules))"
    )
    env = {**os.environ, COMPLETE: "bash_complete", "COMP_WORDS": "persync pu", "COMP_CWORD": "1"}

    done = subprocess.run([sys.executable, "-c", text], env=env, capture_output=True, text=True, check=True)

    assert (done.stdout, done.stderr) == ("plain,pull\n", "")
