"""Which schedules of persync this machine has, of whatever project: found by the marks that they carry."""

from __future__ import annotations

import json
import plistlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from persync.errors import PersyncError
from persync.jobs.schedule import cron
from persync.jobs.schedule.install import crontab, folder_of
from persync.jobs.schedule.plan import MARK


@dataclass(frozen=True, slots=True)
class Installed:
    """A schedule that is in place: what the system knows it by, of which job in which folder, and in which scheduler."""

    unit: str
    job: str
    folder: Path
    by: str


def installed() -> list[Installed]:
    """Return every schedule of this machine's user. What is of somebody else, or was changed by hand, is passed over."""
    return [*_systemd(), *_cron(), *_launchd()]


def _systemd() -> Iterator[Installed]:
    for path in sorted(folder_of("systemd").glob("persync-*.service")):
        yield from _marked(path.stem, _text(path), "systemd")


def _cron() -> Iterator[Installed]:
    try:
        lines = crontab()
    except PersyncError:
        return  # no cron here
    for found in re.finditer(rf"(?ms)^{cron.begin('(persync-[A-Za-z0-9_-]+)')}$(.*?)^{cron.end(chr(92) + '1')}$", lines):
        yield from _marked(found[1], found[2], "cron")


def _launchd() -> Iterator[Installed]:
    for path in sorted(folder_of("launchd").glob("local.persync-*.plist")):
        try:
            words = list(map(str, plistlib.loads(_text(path).encode())["ProgramArguments"]))
            folder = words[words.index("--project") + 1]
        except (plistlib.InvalidFileException, ExpatError, ValueError, KeyError, TypeError, IndexError):
            continue
        yield Installed(path.stem.removeprefix("local."), words[-1], Path(folder), "launchd")


def _marked(unit: str, text: str, by: str) -> Iterator[Installed]:
    found = re.search(rf"(?m)^# {re.escape(MARK)}(.*)$", text)
    try:
        given: Any = json.loads(found[1]) if found else {}
        yield Installed(unit, str(given["job"]), Path(given["folder"]), by)
    except (ValueError, KeyError, TypeError):
        return


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
