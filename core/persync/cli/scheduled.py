"""`persync schedule status`: a row a job within a screen's width, and beneath it what went wrong and what to do."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Final

import click

from persync.cli.output import show_table
from persync.errors import (
    EXIT_AUTH,
    EXIT_CHECK,
    EXIT_INTERRUPTED,
    EXIT_LOCKED,
    EXIT_OK,
    EXIT_PARTIAL,
    EXIT_QUOTA,
    EXIT_TERMINATED,
    EXIT_USAGE,
)
from persync.jobs.schedule.plan import command_for
from persync.jobs.schedule.status import JobStatus
from persync.jobs.windows import local
from persync.redact import inert
from persync.report.words import moment

WIDTH: Final = 80
OUTCOMES: Final = {
    EXIT_USAGE: "settings",
    EXIT_PARTIAL: "partial",
    EXIT_AUTH: "sign-in",
    EXIT_QUOTA: "quota",
    EXIT_CHECK: "check failed",
    EXIT_LOCKED: "locked",
    EXIT_INTERRUPTED: "interrupted",
    EXIT_TERMINATED: "interrupted",
}


def show_status(found: Sequence[JobStatus], timezone: str, *, now: int) -> None:
    """Print when each job ran last, how that went and when it is due next, by the clocks of a time zone."""
    click.echo(f"times in {timezone}, where it is {local(now, timezone):%Y-%m-%d %H:%M} now")
    rows = [
        (
            one.job,
            ", ".join(one.by) or "nobody here",
            "never" if one.last is None else moment(one.last, timezone),
            outcome(one),
            "" if one.next is None else moment(one.next, timezone),
        )
        for one in found
    ]
    headers = ("job", "run by", "last run", "outcome", "next run")
    rest = sum(2 + max(map(len, column)) for column in zip(headers[1:], *(row[1:] for row in rows), strict=True))
    # A name that leaves no room for the rest of its row stands beneath: a name that is cut would name no job.
    long = {row[0]: f"({number})" for number, row in enumerate(rows, 1) if len(inert(row[0])) > WIDTH - rest}
    show_table(headers, [(long.get(row[0], row[0]), *row[1:]) for row in rows])
    for name, number in long.items():
        click.echo(f"{number} {inert(name)}")
    for one in found:
        if one.orphan:
            _told(f"{one.job}: {one.orphan}. To take what runs it away:")
            click.echo(f"  {command_for(inert(one.job), 'persync schedule', '--remove')}")
        elif one.exit_code:
            _told(f"{one.job}: {one.summary}")


def outcome(one: JobStatus) -> str:
    """Return how the last run of a job went, in a word and with its exit code."""
    if one.is_running:
        return "running"
    if one.last is None:
        return ""
    if one.exit_code is None:
        return "was killed"
    return "ok" if one.exit_code == EXIT_OK else f"{OUTCOMES.get(one.exit_code, 'failed')} ({one.exit_code})"


def _told(text: str) -> None:
    for line in textwrap.wrap(inert(text), WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False):
        click.echo(line)
