"""cron: a marked block of the user's crontab."""

from __future__ import annotations

import re
import shlex

from persync.jobs.schedule.plan import File, Plan, mark


def files(plan: Plan, *, now: int) -> tuple[File, ...]:
    """Return the block for `crontab -e`; `now` (epoch ms) says what the machine's clock shows at the times of the job."""
    here = plan.by_this_machine(now)
    head = (
        f"# persync job {plan.job}: {plan.when}, and when the machine starts: a run that was missed is\n"
        "# made up for, and one that was not has nothing to do.\n"
        + (f"# {here}\n" if here else "")
        + f"# Install: {plan.install('cron')}, or crontab -e and add the lines below.\n"
        "# cron sees no environment of yours: keep secrets in\n"
        f"# {plan.folder / 'persync.secrets.toml'} (mode 0600).\n"
    )
    return (File(f"{plan.unit}.cron", "crontab", head + block(plan, now=now)),)


def block(plan: Plan, *, now: int) -> str:
    """Return the lines between their marks. A percent sign means a new line to cron, so it is escaped."""
    log = plan.folder / f"{plan.unit}.log"
    given = "".join(f"{name}={shlex.quote(value)} " for name, value in plan.environment.items())
    line = f"umask 077; {given}{plan.shell} >> {shlex.quote(str(log))} 2>&1".replace("%", "\\%")
    lines = [
        begin(plan.unit),
        f"# {mark(plan)}",
        *(f"{plan.cron(time)} {line}" for time in plan.clock(now)),
        f"@reboot sleep 60; {line}",
        end(plan.unit),
    ]
    return "\n".join(lines) + "\n"


def begin(unit: str) -> str:
    """Return the mark before a block."""
    return f"# {unit}: begin"


def end(unit: str) -> str:
    """Return the mark behind a block."""
    return f"# {unit}: end"


def without(crontab: str, unit: str) -> str:
    """Return a crontab without the block of a unit; all else stays as it is."""
    return re.sub(rf"(?ms)^{re.escape(begin(unit))}$.*?^{re.escape(end(unit))}$\n?", "", crontab)
