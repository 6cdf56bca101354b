"""`persync serve` as a program."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from click.testing import CliRunner

from persync.cli import root


@contextmanager
def started(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start it and yield the program with the line it prints."""
    command = [sys.executable, "-m", "persync.cli", "--project", str(folder), "serve", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        try:
            yield program, program.stdout.readline().strip()
        finally:
            program.kill()


def test_it_prints_one_address_serves_it_and_ends_with_ctrl_c(shop: Path) -> None:
    with started(shop) as (program, address):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}", address)
        entered = httpx.get(address, timeout=60)
        page = httpx.get(f"{address.partition('?')[0]}log", cookies=dict(entered.cookies), timeout=60)
        program.send_signal(signal.SIGINT)
        rest, said = program.communicate(timeout=60)

    assert (entered.status_code, page.status_code) == (303, 200)
    assert "The chain of the log fits." in page.text
    assert (program.returncode, rest) == (130, "")
    assert said.splitlines() == [
        "persync: serving to this machine alone until Ctrl-C.",
        "persync: interrupted; nothing is served any more. The same command serves again, under a new address.",
    ]
    assert address.partition("token=")[2] not in said


def test_a_port_that_is_taken_is_one_line(shop: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = CliRunner().invoke(root, ["--project", str(shop), "serve", "--port", str(taken.getsockname()[1])])

    assert result.exit_code == 2
    assert "cannot be used" in result.output
    assert "Take another, or 0 for a free one." in result.output
