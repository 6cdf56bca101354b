"""What a pull shows while it runs (stderr) and what became of it (stdout)."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from persync.cli.output import show_json, show_table
from persync.estimate import percent

if TYPE_CHECKING:
    from persync.connect.estimate import ConnectionPlan, StreamPlan
    from persync.connect.result import Progress, PullResult

FEW = 8
"""new fields that are named; `--format json` names them all"""


SPINNER: Final = 3
"""columns before a line, and one to spare"""
SETTLED_S: Final = 3.0
"""before that a rate is a guess"""


class Watch:
    """Follows a pull: one line a finished stream and, on a terminal, a line that says what is being read, how fast, for how
    long yet where that can be told, and how many calls the vendor has left for the day.

    `clock` counts seconds, only ever forward.
    """

    def __init__(self, *, quiet: bool = False, color: str = "auto", clock: Callable[[], float] = time.monotonic) -> None:
        self._quiet = quiet
        self._color = color
        self._clock = clock
        self._status: Any = None
        self._began: dict[tuple[str, str], tuple[float, int, int]] = {}
        """{(connection, stream): when its first page was written, records and partitions by then}"""

    def __enter__(self) -> Watch:
        if not self._quiet and sys.stderr.isatty():
            from persync.cli.output import console

            self._status = console(self._color, sys.stderr).status("asking")
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, step: Progress) -> None:
        if self._quiet:
            return
        of = f", {step.done} of {step.total} parts" if step.total > 1 else ""
        text = f"{step.connection} {step.stream}: {step.records:,} records{of}"
        if step.finished and (step.pages or step.total):
            why = f" ({step.reason})" if step.reason else ""
            click.echo(f"{text}, {step.changed:,} rows changed{why}", err=True)
        elif self._status is not None:
            self._status.update(_fitting(text, list(self._pace(step)), _quota(step), self._status.console.width))

    def _pace(self, step: Progress) -> Iterator[str]:
        """Yield the rate of a stream and the time it takes yet, as far as the first pages tell."""
        now = self._clock()
        at, records, done = self._began.setdefault((step.connection, step.stream), (now, step.records, step.done))
        if now - at < SETTLED_S or step.records <= records:
            return
        rate = (step.records - records) / (now - at)
        yield f", {rate:,.0f} a second" if rate >= 10 else f", {rate:.1f} a second"
        if step.expected is not None and step.expected > step.records:
            yield f", about {_duration((step.expected - step.records) / rate)} left"
        elif step.total > 1 and step.done > done:
            yield f", about {_duration((step.total - step.done) * (now - at) / (step.done - done))} left"


def _quota(step: Progress) -> str:
    return "" if step.daily is None else f"; {step.daily.left:,} of {step.daily.limit:,} calls left today"


def _fitting(text: str, pace: list[str], quota: str, width: int) -> str:
    """Return what is being read as one line: how long it takes yet matters most, then the quota, then the rate."""
    room = width - SPINNER
    said = (
        "".join((text, *pace, quota)),
        "".join((text, *pace[1:], quota)),
        "".join((text, *pace)),
        "".join((text, *pace[1:])),
    )
    return next((one for one in said if len(one) <= room), said[-1][:room])


def show_pull(result: PullResult, form: str) -> None:
    """Print what became of every stream, errors of whole connections on stderr, and the sum."""
    from persync.jobs.pulling import failures

    if form == "json":
        show_json(
            "pull",
            (
                {
                    "connection": one.connection,
                    "stream": one.stream,
                    "state": one.state,
                    "pages": one.pages,
                    "records": one.records,
                    "changed": one.changed,
                    "rejects": one.rejects,
                    "reason": one.reason or None,
                    "new_fields": sorted(one.unread),
                }
                for one in result.streams
            ),
            changed=result.changed,
            errors=failures(result),
            exit_code=result.exit_code,
        )
    else:
        rows = [
            (
                o.connection,
                o.stream,
                o.state,
                f"{o.records:,}",
                f"{o.changed:,}",
                f"{o.rejects:,}" if o.rejects else "",
                o.reason,
            )
            for o in result.streams
        ]
        headers = ("connection", "stream", "state", "records", "changed", "rejected", "reason")
        if rows:
            show_table(headers, rows, right=("records", "changed", "rejected"))
        for o in result.streams:
            if o.unread:
                click.echo(f"{o.connection}, {o.stream}: {_new_fields(sorted(o.unread))}")
        click.echo(f"{result.changed:,} rows changed.")
    for line in [*result.notes, *failures(result)]:
        click.echo(f"persync: {line}", err=True)
    if result.interrupted:
        click.echo("persync: interrupted; what was read is kept. The same command goes on where it stopped.", err=True)


def _new_fields(names: list[str]) -> str:
    """Name fields that the vendor sends and persync does not know; a vendor's text goes to the terminal as plain letters."""
    many = f"{len(names):,} fields" if len(names) > 1 else "1 field"
    told = ", ".join(re.sub(r"[^\w.-]", "?", name) for name in names[:FEW])
    rest = f" and {len(names) - FEW:,} more" if len(names) > FEW else ""
    return f"{many} that persync does not know, and does not read: {told}{rest}"


def show_plans(plans: list[ConnectionPlan], form: str) -> int:
    """Print what a pull would take, and what could not be found out on stderr; return the exit code."""
    errors = [plan.error for plan in plans if plan.error is not None]
    told = {id(error) for error in errors}
    errors += [one.error for plan in plans for one in plan.streams if one.error is not None and id(one.error) not in told]
    code = next((error.exit_code for error in errors), 0)
    if form == "json":
        show_json(
            "plan",
            (_plan_json(one) for plan in plans for one in plan.streams),
            connections=[_connection_json(plan) for plan in plans],
            errors=[str(error) for error in errors],
            exit_code=code,
        )
    else:
        headers = ("connection", "stream", "parts", "records", "pages", "calls", "time", "how", "note")
        rows = [
            (
                one.connection,
                one.stream,
                _number(one.parts),
                _number(one.records),
                _number(one.pages),
                _number(one.calls),
                "" if one.seconds is None else _duration(one.seconds),
                one.how,
                one.note,
            )
            for plan in plans
            for one in plan.streams
        ]
        if rows:
            show_table(headers, rows, right=("parts", "records", "pages", "calls", "time"))
        for plan in plans:
            click.echo(_plan_line(plan))
    for error in errors:
        click.echo(f"persync: {error}", err=True)
    return code


def _plan_json(one: StreamPlan) -> dict[str, Any]:
    return {
        "connection": one.connection,
        "stream": one.stream,
        "how": one.how,
        "parts": one.parts,
        "known_parts": one.known,
        "records": one.records,
        "pages": one.pages,
        "calls": one.calls,
        "seconds": None if one.seconds is None else round(one.seconds, 3),
        "note": one.note or None,
    }


def _connection_json(plan: ConnectionPlan) -> dict[str, Any]:
    daily = plan.daily
    return {
        "connection": plan.connection,
        "calls": plan.calls,
        "seconds": round(plan.seconds, 3),
        "is_whole": plan.is_whole and plan.error is None,
        "probes": plan.probes,
        "daily": None if daily is None else {"limit": daily.limit, "left": daily.left, "share": plan.calls / daily.limit},
    }


def _plan_line(plan: ConnectionPlan) -> str:
    if plan.error is not None:
        return f"{plan.connection}: not known."
    least = "" if plan.is_whole else "at least "
    line = f"{plan.connection}: {least}{plan.calls:,} calls, about {_duration(plan.seconds)}"
    if plan.daily is not None:
        line += (
            f"; {percent(plan.calls / plan.daily.limit, 2)} of {plan.daily.limit:,} calls a day, {plan.daily.left:,} are left"
        )
        if plan.calls > plan.daily.left:
            line += " (not enough: the pull stops there with exit code 5 and goes on the next day)"
    return f"{line}."


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:,.1f} s" if seconds < 10 else f"{seconds:,.0f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"
