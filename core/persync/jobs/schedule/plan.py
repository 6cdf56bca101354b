"""What a schedule is made from: the job, its command with absolute paths, and when it is due."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import sys
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from persync.errors import ConfigError
from persync.jobs.pdf import VARIABLE
from persync.jobs.windows import local

if TYPE_CHECKING:
    from persync.settings import JobTable, Project

HALF_A_YEAR_MS: Final = 182 * 24 * 3_600_000
MARK: Final = "persync-job: "
LEAD: Final = (0, 30, 60)
"""minutes that a run may take until it tells somebody"""


class Time(NamedTuple):
    """A time of the day."""

    hour: int
    minute: int

    def __str__(self) -> str:
        return f"{self.hour:02d}:{self.minute:02d}"


@dataclass(frozen=True, slots=True)
class File:
    """A file of a schedule: its name, where it belongs, and its text."""

    name: str
    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A job as whatever runs it must know it.

    `outs` are the files it writes, `writable` the folders it writes to, whatever links lead there, `variables` what its secrets
    go by, `browser` the program that prints its PDFs where the environment names one.
    """

    job: str
    unit: str
    """a name that no other job of any project on this machine has"""
    times: tuple[Time, ...]
    """when it is due, by the clock of `timezone`; further times are the ends of quiet hours that the first leads into"""
    timezone: str
    """the report's: that of every time in persync.toml"""
    folder: Path
    store: Path
    program: tuple[str, ...]
    outs: tuple[Path, ...]
    writable: tuple[Path, ...]
    variables: tuple[str, ...]
    browser: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """What else of the environment the job needs, and a scheduler would not hand on."""
        return {VARIABLE: self.browser} if self.browser else {}

    @property
    def command(self) -> tuple[str, ...]:
        """The command line, with absolute paths."""
        # A name that begins with a dash would be taken for an option.
        name = ("--", self.job) if self.job.startswith("-") else (self.job,)
        return (*self.program, "--project", str(self.folder), "--no-input", "--quiet", "run", *name)

    @property
    def shell(self) -> str:
        """The command line for a POSIX shell."""
        return shlex.join(self.command)

    def install(self, target: str) -> str:
        """Return what puts this schedule in place, for a POSIX shell in the project's folder."""
        return f"persync schedule --target {target} --install {shlex.join(self.command[self.command.index('run') + 1 :])}"

    @property
    def when(self) -> str:
        """When it is due, in words."""
        return f"every day at {' and '.join(map(str, self.times))} ({self.timezone})"

    def clock(self, now: int, zone: tzinfo | None = None) -> tuple[Time, ...]:
        """Return the times as the clocks of a zone (None: this machine's) show them on the day of `now` (epoch ms)."""
        day = local(now, self.timezone)
        moments = [day.replace(hour=at.hour, minute=at.minute, second=0).astimezone(zone) for at in self.times]
        return tuple(Time(moment.hour, moment.minute) for moment in moments)

    def by_this_machine(self, now: int) -> str:
        """Say how the machine's clock shows the times, "" where it is as the report's, in summer and in winter."""
        here = self.clock(now)
        if self.times == here == self.clock(now + HALF_A_YEAR_MS):
            return ""
        return (
            f"By this machine's clock that is {' and '.join(map(str, here))} today; install it anew when summer time changes."
        )

    def cron(self, time: Time) -> str:
        """Return a time as the five fields of cron."""
        return f"{time.minute} {time.hour} * * *"


def mark(plan: Plan) -> str:
    """Return what says, in a comment of an installed schedule, which job of which project it is of."""
    return MARK + json.dumps({"job": plan.job, "folder": str(plan.folder)}, sort_keys=True)


def program() -> tuple[str, ...]:
    """Return the absolute command that runs this persync."""
    script = Path(sys.executable).with_name("persync")
    return (str(script),) if script.is_file() else (sys.executable, "-m", "persync.cli")


def plan_of(name: str, job: JobTable, project: Project, program: tuple[str, ...]) -> Plan:
    """Return the plan of a job. Raises ConfigError for a name that would break the files it stands in."""
    folder = project.folder.resolve()
    if not can_hold(name):
        what = f"the job '{name}' in {folder} has a name that not every scheduler can hold."
        raise ConfigError(what, hint="Use letters, digits, blanks, dots, - and _ alone.")
    written = [*(one.out for one in job.report), *(one.out for one in job.export)]
    outs = tuple(Path(os.path.abspath(folder / out)) for out in written)
    # Through a link its target is written: a scheduler that closes all else must know that folder.
    outputs = [project.store_path.resolve().parent, *(Path(os.path.realpath(out)).parent for out in outs)]
    printer = browser_of(job)
    for path in (folder, project.store_path.resolve(), *outputs, *program[:1], *filter(None, [printer])):
        # Signs that end a line or go on in the next one, and blanks at an end, which systemd cuts off.
        if not str(path).isprintable() or str(path).endswith(("\\", " ")):
            what = f"the path {str(path)!r} has signs that not every scheduler can hold."
            raise ConfigError(what, hint="Rename it: no control characters, and no blank or backslash at the end.")
    return Plan(
        job=name,
        unit=unit_name(name, folder),
        times=times_of(job, project),
        timezone=project.timezone,
        folder=folder,
        store=project.store_path.resolve(),
        program=program,
        outs=outs,
        writable=tuple(dict.fromkeys([folder, *(place for place in outputs if not place.is_relative_to(folder))])),
        variables=variables_of(name, job, project),
        browser=printer,
    )


def browser_of(job: JobTable) -> str:
    """Return the absolute path of the program that the environment names to print a job's PDFs; "" where it names none, or the
    job has none."""
    named = os.environ.get(VARIABLE, "")
    if not named or not any(one.form() == "pdf" for one in job.report):
        return ""
    # A scheduler has another search path, and another folder to begin in.
    found = shutil.which(named)
    return os.path.abspath(found) if found else named


def can_hold(job: str) -> bool:
    """Tell whether the files of every scheduler can hold the name of a job."""
    return re.fullmatch(r"[\w .-]{1,60}", job) is not None


def command_for(job: str, command: str, options: str = "") -> str:
    """Return a command about a job as it is typed into a POSIX shell, whatever the job is called."""
    if job.startswith("-"):  # it would be taken for an option
        return " ".join(filter(None, (command, options, "--", shlex.quote(job))))
    return " ".join(filter(None, (command, shlex.quote(job), options)))


def unit_name(job: str, folder: Path) -> str:
    """Return what the system knows a job by: two projects may have jobs of one name."""
    mark = hashlib.sha256(f"{folder}\0{job}".encode()).hexdigest()[:6]
    # Never two dashes in a row: they may not stand in a comment of XML.
    return f"persync-{re.sub(r'[^A-Za-z0-9_]+', '-', job)[:40].strip('-') or 'job'}-{mark}"


def times_of(job: JobTable, project: Project) -> tuple[Time, ...]:
    """Return when a job is due; where it would tell somebody in their quiet hours, the end of those too."""
    first = Time(int(job.at[:2]), int(job.at[3:]))
    ends = []
    for notice in job.notify:
        channel = project.channels.get(notice.to)
        if channel is None or channel.quiet is None:
            continue
        begin = first.hour * 60 + first.minute
        if any(channel.is_quiet((begin + later) % (24 * 60)) for later in LEAD):
            ends.append(Time(*divmod(channel.quiet[1], 60)))
    return tuple(dict.fromkeys([first, *sorted(ends)]))


def variables_of(name: str, job: JobTable, project: Project) -> tuple[str, ...]:
    """Return the environment variables that the secrets of a job go by."""
    wanted = project.names if job.pull == "all" else job.pull
    found = [env for one in wanted for env in project.secret_names.get(one, {}).values()]
    for notice in job.notify:
        if notice.to in project.channels:
            found += project.channels[notice.to].secret_names.values()
    return tuple(dict.fromkeys([*found, *([job.ping] if job.ping else [])]))
