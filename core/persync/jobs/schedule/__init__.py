"""What makes a scheduler run a job: complete files for each kind, and putting them in place where that is the user's own."""

from __future__ import annotations

from typing import Final

from persync.jobs.schedule.plan import File, Plan, plan_of, program

TARGETS: Final = ("systemd", "cron", "launchd", "windows", "github-actions", "airflow", "dagster", "prefect")
INSTALLED: Final = ("systemd", "cron", "launchd")
"""those that persync can install into"""

__all__ = ["INSTALLED", "TARGETS", "File", "Plan", "files_of", "plan_of", "printed", "program"]


def files_of(target: str, plan: Plan, *, now: int) -> tuple[File, ...]:
    """Return the files of a target; `now` is epoch ms."""
    from persync.jobs.schedule import actions, cron, launchd, python, systemd, windows

    by_its_own_clock = {
        "cron": cron.files,
        "launchd": launchd.files,
        "windows": windows.files,
    }
    if target in by_its_own_clock:
        return by_its_own_clock[target](plan, now=now)
    by_any_zones = {
        "systemd": systemd.files,
        "github-actions": actions.files,
        "airflow": python.airflow,
        "dagster": python.dagster,
        "prefect": python.prefect,
    }
    return by_any_zones[target](plan)


def printed(files: tuple[File, ...]) -> str:
    """Return files as one text: a single one as it is, several each behind a line with its name."""
    if len(files) == 1:
        return files[0].text
    return "\n".join(f"# ---- {file.place}/{file.name}\n{file.text}" for file in files)
