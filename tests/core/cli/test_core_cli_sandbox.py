"""`persync sandbox serve --fault`: answers that go wrong for whoever tries a connector against them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from click.testing import CliRunner

from persync.cli import root

SERVE = (sys.executable, "-m", "persync.cli", "sandbox", "serve")


def test_a_fault_that_was_asked_for_strikes_and_then_all_is_well(tmp_path: Path) -> None:
    fault = "too_many_for,match=/mailchimp/3.0/lists,after=1,retry_after=2"
    serving = subprocess.Popen(
        [*SERVE, "--write-config", str(tmp_path), "--fault", fault], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert serving.stdout is not None
        ready = json.loads(serving.stdout.readline())
        base, key = ready["connections"]["mailchimp"]["base_url"], ready["secrets"]["MAILCHIMP_API_KEY"]
        with httpx.Client(auth=("any", key), trust_env=False) as client:
            answers = [client.get(f"{base}/lists") for _ in range(3)]
    finally:
        serving.terminate()
        serving.communicate(timeout=30)

    assert [answer.status_code for answer in answers] == [200, 429, 200]
    assert (answers[1].headers["retry-after"], answers[1].json()["title"]) == ("2", "Too Many Requests")


def test_a_fault_that_there_is_not_is_a_wrong_use() -> None:
    done = CliRunner().invoke(root, ["sandbox", "serve", "--fault", "too_man"])

    assert (done.exit_code, done.stderr) == (2, "persync: unknown fault 'too_man'. Did you mean 'too_many'?\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_sandbox_that_a_signal_ends_exits_as_an_interrupted_command(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
) -> None:
    monkeypatch.setattr("persync.sandbox.server.world_from", lambda spec, seed: SimpleNamespace(now=0))
    monkeypatch.setattr("persync.sandbox.server.serve", lambda *_, **__: number)

    result = CliRunner().invoke(root, ["sandbox", "serve"])

    assert result.exit_code == code
    assert result.stderr == (
        "persync: interrupted; nothing is served any more. The same command serves the same world again.\n"
    )
