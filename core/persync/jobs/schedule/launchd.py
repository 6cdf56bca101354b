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
    return (File(names(plan.unit)[0], PLACE, plistlib.dumps(agent(plan, now), sort_keys=False).decode()),)


def agent(plan: Plan, now: int) -> dict[str, Any]:
    """Return the agent. A run missed in sleep is made up for on waking; one missed while the machine was off, at the sign-in.

    Secrets are in the user's keychain (`persync connect NAME --keyring`) or in persync.secrets.toml: none stands here.
    """
    log = str(plan.folder / f"{plan.unit}.log")
    return {
        "Label": label(plan.unit),
        "ProgramArguments": list(plan.command),
        "WorkingDirectory": str(plan.folder),
        "EnvironmentVariables": {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "en_US.UTF-8"},
        "StartCalendarInterval": [{"Hour": time.hour, "Minute": time.minute} for time in plan.clock(now)],
        "RunAtLoad": True,
        "ProcessType": "Background",
        "LowPriorityIO": True,
        "Nice": 10,
        "Umask": 0o077,
        "StandardOutPath": log,
        "StandardErrorPath": log,
    }
