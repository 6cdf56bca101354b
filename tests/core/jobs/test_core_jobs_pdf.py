"""A report as PDF: which program prints it, what it is told, and what is said when it cannot."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from persync.errors import ConfigError, PersyncError
from persync.jobs import pdf

REAL = Path("/usr/bin/chromium")


def program(folder: Path, body: str) -> Path:
    """Write a shell script that stands for a browser; `$out` is where the PDF is to be and `$page` what to print."""
    path = folder / "chromium"
    head = """#!/bin/sh
for word; do case $word in --print-to-pdf=*) out=${word#*=};; --user-data-dir=*) profile=${word#*=};; esac; page=$word; done
"""
    path.write_text(head + body, encoding="utf-8")
    path.chmod(0o700)
    return path


def test_the_program_gets_the_page_a_profile_of_its_own_and_no_network(tmp_path: Path) -> None:
    """What it was told is read back from the PDF that it wrote; nothing is left behind."""
    body = '{ printf "%%PDF-"; cat "${page#file://}"; printf "\\n%s" "$profile" "$@"; } > "$out"'

    made = pdf.printed("<p>häh</p>", program(tmp_path, body)).decode()
    page, profile, *told = made.removeprefix("%PDF-").split("\n")

    assert page == "<p>häh</p>"
    assert set(pdf.FLAGS) <= set(told)
    assert "--host-resolver-rules=MAP * ~NOTFOUND" in told
    assert not Path(profile).parent.exists()


@pytest.mark.parametrize("body", ["exit 3", "true", 'echo no > "$out"', 'printf "%%PDF-" > "$out"; exit 1'])
def test_a_program_that_prints_nothing_is_named(tmp_path: Path, body: str) -> None:
    """Its exit code is said, and what to do instead."""
    with pytest.raises(PersyncError, match=r"chromium made no PDF \(exit code [013]\)") as caught:
        pdf.printed("<p>", program(tmp_path, body))

    assert caught.value.hint == pdf.INSTEAD


@pytest.mark.parametrize(
    ("user", "status", "tries"),
    [(1000, "1", ["boxed", "unboxed"]), (1000, "0", ["boxed"]), (1000, None, ["boxed"]), (0, "1", ["unboxed"])],
)
def test_a_browser_that_a_scheduler_leaves_no_sandbox_runs_in_the_schedulers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int, status: str | None, tries: list[str]
) -> None:
    """The unit for systemd lets a job make no namespace, and Chromium ends there when it wants its own sandbox."""
    monkeypatch.setattr("os.geteuid", lambda: user)
    monkeypatch.setattr(pdf, "STATUS", tmp_path / "status")
    if status is not None:
        (tmp_path / "status").write_text(f"Name:\tpython\nNoNewPrivs:\t{status}\nSeccomp:\t2\n")
    seen = tmp_path / "seen"
    body = f"""case "$*" in
*--no-sandbox*) echo unboxed >> {seen}; printf "%%PDF-" > "$out";;
*) echo boxed >> {seen}; exit 133;;
esac"""

    try:
        made = pdf.printed("<p>", program(tmp_path, body))
    except PersyncError as error:
        made = error.what.encode()

    assert seen.read_text().split() == tries
    assert made == (b"%PDF-" if tries[-1] == "unboxed" else b"chromium made no PDF (exit code 133).")


def test_a_program_that_hangs_is_ended_with_all_it_started(tmp_path: Path) -> None:
    """What it started says that it is there, and its pipe closes with it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    body = f"sh -c 'echo up; exec sleep 600' > {pipe} &\nwait"
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    with pytest.raises(PersyncError, match="did not print the report within 2 s"):
        pdf.printed("<p>", program(tmp_path, body), timeout_s=2)

    os.set_blocking(reading, True)
    with os.fdopen(reading, "rb") as told:
        assert told.read() == b"up\n"


def test_the_first_program_installed_is_taken(tmp_path: Path) -> None:
    """On the search path, and before it whatever the environment names."""
    found = program(tmp_path, "")
    other = shutil.copy(found, tmp_path / "mine")

    assert pdf.browser({"PATH": str(tmp_path)}) == found
    assert pdf.browser({"PATH": str(tmp_path), pdf.VARIABLE: str(other)}) == other


def test_no_program_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what is missing and what to do; a name that is none is a mistake of the settings."""
    monkeypatch.setattr(pdf, "PLACES", ())

    with pytest.raises(PersyncError, match="a PDF needs an installed Chromium, Chrome or Edge, and there is none"):
        pdf.browser({"PATH": str(tmp_path)})
    with pytest.raises(ConfigError, match="PERSYNC_BROWSER names no program"):
        pdf.browser({"PATH": str(tmp_path), pdf.VARIABLE: "no-such-program"})


@pytest.mark.skipif(not REAL.exists(), reason="there is no chromium here (/usr/bin/chromium): nothing is printed")
def test_a_real_browser_prints_a_page() -> None:
    """A PDF of two pages, whole."""
    html = "<!doctype html><title>t</title><p style='break-after: page'>one</p><p>two</p>"

    made = pdf.printed(html, REAL)

    assert made.startswith(b"%PDF-")
    assert made.rstrip().endswith(b"%%EOF")
    assert b"/Count 2" in made
