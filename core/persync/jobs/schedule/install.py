"""Putting a schedule in place, and taking it away again: systemd, cron and launchd of the user who asks."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from persync.errors import ConfigError, PersyncError
from persync.jobs.schedule import cron, launchd, systemd
from persync.jobs.schedule.plan import Plan

_RELOAD: Final = ["systemctl", "--user", "daemon-reload"]


def install(target: str, plan: Plan, *, now: int) -> list[str]:
    """Install a schedule, in place of the one of this job; return what was done, a line each. `now` is epoch ms.

    Raises ConfigError where this machine has no such scheduler, PersyncError when it refuses.
    """
    here = plan.by_this_machine(now)
    note = [here] if here and target != "systemd" else []
    if target == "cron":
        old = crontab()
        _run(["crontab", "-"], text=_ended(cron.without(old, plan.unit)) + cron.block(plan, now=now))
        return [f"crontab: {plan.when}", *note]
    for place in plan.writable:
        _make(place)
    files = systemd.files(plan) if target == "systemd" else launchd.files(plan, now=now)
    places = [folder_of(target) / file.name for file in files]
    with _undone(target, plan.unit, places):
        for path, file in zip(places, files, strict=True):
            _write(path, file.text)
        if target == "systemd":
            _run(_RELOAD)
            _run(["systemctl", "--user", "enable", "--now", f"{plan.unit}.timer"])
            note = [f"It runs while you are logged in. For a server, once: {systemd.LINGER}"]
        else:
            # An agent that is there already is taken out first: launchd reads a file once.
            _run(_bootout(plan.unit), tolerant=True)
            _run(_bootstrap(places[-1]))
    return [*map(str, places), f"{target}: {plan.when}", *note]


@contextmanager
def _undone(target: str, unit: str, places: Sequence[Path]) -> Iterator[None]:
    """Put files, and what the scheduler knows of them, back as they were when it refuses them or somebody breaks in: else they
    would look like a schedule, and run nothing."""
    before = {path: path.read_bytes() if path.is_file() else None for path in places}
    is_new = before[places[-1]] is None
    try:
        yield
    except BaseException:
        # What takes a schedule out needs its file; what reads the old one needs that in its place.
        if target == "launchd":
            _try(_bootout(unit))
        elif is_new:
            _try(_disable(unit))
        for path, data in before.items():
            with suppress(OSError):
                if data is None:
                    path.unlink(missing_ok=True)
                else:
                    path.write_bytes(data)
        if target == "systemd":
            _try(_RELOAD)
        elif not is_new:
            _try(_bootstrap(places[-1]))
        raise


def remove(target: str, unit: str) -> list[str]:
    """Take a schedule away, by what the system knows it by; return what was done. What is not there is no error."""
    if target == "cron":
        old = crontab()
        new = cron.without(old, unit)
        if new == old:
            return []
        _run(["crontab", "-"], text=new)
        return ["crontab: removed"]
    names = systemd.names(unit) if target == "systemd" else launchd.names(unit)
    there = [path for name in names if (path := folder_of(target) / name).exists()]
    if not there:
        return []
    if target == "systemd":
        _run(_disable(unit), tolerant=True)
    else:
        _run(_bootout(unit), tolerant=True)
    for path in there:
        path.unlink()
    if target == "systemd":
        _run(_RELOAD)
    return [f"removed {path}" for path in there]


def remove_everywhere(unit: str) -> list[str]:
    """Take a schedule away wherever this machine has it; return what was done."""
    done = []
    for target in ("systemd", "launchd"):
        done += remove(target, unit)
    try:
        return done + remove("cron", unit)
    except ConfigError:
        return done  # no cron here


def folder_of(target: str) -> Path:
    """Return where the user's units or agents lie."""
    if target == "launchd":
        return Path.home() / "Library" / "LaunchAgents"
    config = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(config) if config else Path.home() / ".config") / "systemd" / "user"


def crontab() -> str:
    """Return the user's crontab, "" when there is none yet."""
    found = _called(["crontab", "-l"], "")
    if found.returncode == 0:
        return found.stdout
    if "no crontab" in found.stderr.lower() or not found.stderr.strip():
        return ""
    raise PersyncError(f"crontab -l failed: {_last(found.stderr)}.", hint="Nothing was changed.")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PersyncError(f"cannot make the folder: {error.strerror}.", where=str(folder)) from None


def _write(path: Path, text: str) -> None:
    _make(path.parent)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PersyncError(f"cannot write the file: {error.strerror}.", where=str(path)) from None


def _disable(unit: str) -> list[str]:
    return ["systemctl", "--user", "disable", "--now", f"{unit}.timer"]


def _bootout(unit: str) -> list[str]:
    return ["launchctl", "bootout", f"gui/{os.getuid()}/{launchd.label(unit)}"]


def _bootstrap(path: Path) -> list[str]:
    return ["launchctl", "bootstrap", f"gui/{os.getuid()}", str(path)]


def _try(command: list[str]) -> None:
    """Call a program that may not even be there: what went wrong before is what is said."""
    with suppress(PersyncError, OSError):
        _run(command, tolerant=True)


def _run(command: list[str], *, text: str = "", tolerant: bool = False) -> None:
    found = _called(command, text)
    if found.returncode and not tolerant:
        hint = "Print the files without --install, and put them in place by hand."
        raise PersyncError(f"{command[0]} failed: {_last(found.stderr)}.", where=" ".join(command), hint=hint)


def _called(command: list[str], text: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        hint = "Leave out --install and --remove, or choose another --target."
        raise ConfigError(f"there is no {command[0]} on this machine.", hint=hint) from None


def _last(text: str) -> str:
    """Return the last line that a program complained in."""
    lines = text.strip().splitlines()
    return lines[-1].strip().rstrip(".") if lines else "it did not say why"


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"
