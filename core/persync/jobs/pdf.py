"""A report's page on paper: printed by a browser that is installed, in a profile of its own that is thrown away."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from persync.errors import ConfigError, PersyncError

VARIABLE: Final = "PERSYNC_BROWSER"
"""the environment variable that names another program"""
NAMES: Final = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "msedge",
)
PLACES: Final = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
"""where macOS and Windows keep them, off the search path"""
FLAGS: Final = (
    "--headless",
    "--disable-gpu",
    "--no-pdf-header-footer",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-extensions",
    # The page asks for nothing; this is for what the browser itself would ask its maker.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--disable-breakpad",
    "--metrics-recording-only",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=127.0.0.1:9",
    "--proxy-bypass-list=<-loopback>",
)
STATUS: Final = Path("/proc/self/status")
TIMEOUT_S: Final = 60.0
INSTEAD: Final = "Write --out report.html and print that from any browser."


def browser(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the program that prints: the one the environment names, else the first that is installed.

    Raises ConfigError where it names what is no program, and PersyncError when there is none.
    """
    named = environ.get(VARIABLE)
    if named:
        found = shutil.which(named)
        if found is None:
            raise ConfigError(f"{VARIABLE} names no program.", where=named, hint="Give the path of Chromium, Chrome or Edge.")
        return Path(found)
    for name in (*NAMES, *PLACES):
        found = shutil.which(name, path=environ.get("PATH"))
        if found is not None:
            return Path(found)
    raise PersyncError(
        "a PDF needs an installed Chromium, Chrome or Edge, and there is none.",
        hint=f"Install one, name it in {VARIABLE}, or write --out report.html and print that from any browser.",
    )


def printed(html: str, program: Path, *, timeout_s: float = TIMEOUT_S) -> bytes:
    """Return a page as PDF. Its text lies in a folder of its owner's alone for as long as that takes.

    Raises PersyncError when the program fails or takes too long; it and all that it started have ended then.
    """
    with tempfile.TemporaryDirectory(prefix="persync-pdf-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        page, paper = folder / "report.html", folder / "report.pdf"
        page.write_text(html, encoding="utf-8")
        code = 0
        for number, unboxed in enumerate(_ways()):
            profile = [f"--user-data-dir={folder / f'profile{number}'}", f"--print-to-pdf={paper}"]
            code = _run([str(program), *FLAGS, *unboxed, *profile, page.as_uri()], folder, program, timeout_s)
            try:
                made = paper.read_bytes()
            except OSError:
                made = b""
            if not code and made.startswith(b"%PDF-"):
                return made
    raise PersyncError(f"{program.name} made no PDF (exit code {code}).", where=str(program), hint=INSTEAD)


def _ways() -> list[list[str]]:
    """Return what a browser is told of its sandbox, try after try. The page holds no script, whichever it is.

    As root it has none. A scheduler that confines its jobs (no new privileges, no namespaces) leaves it nothing to build one
    from, and it ends at once: then it runs in the scheduler's.
    """
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return [["--no-sandbox"]]
    return [[], ["--no-sandbox"]] if _is_confined() else [[]]


def _is_confined() -> bool:
    """Tell whether this process, and all that it starts, can gain no privileges any more (Linux)."""
    try:
        return re.search(r"(?m)^NoNewPrivs:\s*1$", STATUS.read_text()) is not None
    except OSError:
        return False


def _run(command: list[str], folder: Path, program: Path, timeout_s: float) -> int:
    # Its own session, so that what it starts can be ended with it.
    posix = sys.platform != "win32"
    quiet = subprocess.DEVNULL
    try:
        child = subprocess.Popen(command, cwd=folder, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=posix)
    except OSError as error:
        raise PersyncError(f"cannot start the program: {error.strerror}.", where=str(program)) from None
    try:
        return child.wait(timeout_s)
    except subprocess.TimeoutExpired:
        what = f"{program.name} did not print the report within {timeout_s:g} s."
        raise PersyncError(what, where=str(program), hint=INSTEAD) from None
    finally:
        with suppress(OSError):
            if posix:
                os.killpg(child.pid, signal.SIGKILL)
            else:
                child.kill()
        child.wait()
