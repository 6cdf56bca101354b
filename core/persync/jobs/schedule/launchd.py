"""launchd: an agent of the user on macOS."""

from __future__ import annotations

import plistlib
from typing import Any

from persync.jobs.schedule.plan import File, Plan

PLACE = "~/Library/LaunchAgents"


def label(unit: str) -> str:
    """Return what launchd knows a job by."""
    return f"local.{unit}"


def names(unit: str) -> tuple[str, ...]:
    """Return what the files of a unit are called."""
    return (f"{label(unit)}.plist",)


def files(plan: Plan, *, now: int) -> tuple[File, ...]:
    """Return the agent's property list; `now` (epoch ms) says what the machine's clock shows at the times of the job."""
    text = plistlib.dumps(agent(plan, now), sort_keys=False).decode()
    head, opening, rest = text.partition("<plist ")
    return (File(names(plan.unit)[0], PLACE, f"{head}<!--\n{_about(plan, now)}-->\n{opening}{rest}"),)


def _about(plan: Plan, now: int) -> str:
    """Return what stands above the list, in which there may be no two dashes in a row."""
    path, here = f"{PLACE}/{names(plan.unit)[0]}", plan.by_this_machine(now)
    lines = [
        f"persync schedules {plan.when}. {here}".rstrip(),
        "A run missed in sleep is made up for on waking, one missed while the Mac was off when you sign in.",
        f"Install: save as {path}, then launchctl bootstrap gui/$(id -u) {path}",
        f"Look: launchctl print gui/$(id -u)/{label(plan.unit)}",
        f"Remove: launchctl bootout gui/$(id -u)/{label(plan.unit)}, and delete the file.",
        "Secrets are in your keychain, or in persync.secrets.toml (mode 0600): none stands here.",
    ]
    return "\n".join(lines) + "\n"


def agent(plan: Plan, now: int) -> dict[str, Any]:
    """Return the agent. A run missed in sleep is made up for on waking; one missed while the machine was off, at the sign-in.

    Secrets are in the user's keychain (`persync connect NAME --keyring`) or in persync.secrets.toml: none stands here.
    """
    log = str(plan.folder / f"{plan.unit}.log")
    return {
        "Label": label(plan.unit),
        "ProgramArguments": list(plan.command),
        "WorkingDirectory": str(plan.folder),
        "EnvironmentVariables": {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "en_US.UTF-8", **plan.environment},
        "StartCalendarInterval": [{"Hour": time.hour, "Minute": time.minute} for time in plan.clock(now)],
        "RunAtLoad": True,
        "ProcessType": "Background",
        "LowPriorityIO": True,
        "Nice": 10,
        "Umask": 0o077,
        "StandardOutPath": log,
        "StandardErrorPath": log,
    }
