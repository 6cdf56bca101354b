"""launchd: an agent of the user on macOS."""

from __future__ import annotations

import plistlib
from typing import Any

from persync.jobs.schedule.plan import File, Plan

PLACE = "~/Library/LaunchAgents"


def label(plan: Plan) -> str:
    """Return what launchd knows the job by."""
    return f"local.{plan.unit}"


def files(plan: Plan) -> tuple[File, ...]:
    """Return the agent's property list."""
    return (File(f"{label(plan)}.plist", PLACE, plistlib.dumps(agent(plan), sort_keys=False).decode()),)


def agent(plan: Plan) -> dict[str, Any]:
    """Return the agent. A run missed in sleep is made up for on waking; one missed while the machine was off, at the sign-in.

    Secrets are in the user's keychain (`persync connect NAME --keyring`) or in persync.secrets.toml: none stands here.
    """
    log = str(plan.folder / f"{plan.unit}.log")
    return {
        "Label": label(plan),
        "ProgramArguments": list(plan.command),
        "WorkingDirectory": str(plan.folder),
        "EnvironmentVariables": {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "en_US.UTF-8"},
        "StartCalendarInterval": [{"Hour": time.hour, "Minute": time.minute} for time in plan.times],
        "RunAtLoad": True,
        "ProcessType": "Background",
        "LowPriorityIO": True,
        "Nice": 10,
        "Umask": 0o077,
        "StandardOutPath": log,
        "StandardErrorPath": log,
    }
