"""What a pull shows while it runs (stderr) and what became of it (stdout)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from persync.cli.output import show_json, show_table

if TYPE_CHECKING:
    from persync.connect.result import Progress, PullResult


class Watch:
    """Follows a pull: one line a finished stream and, on a terminal, a line that says what is being read."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._status: Any = None

    def __enter__(self) -> Watch:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True).status("")
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
            click.echo(f"{text}, {step.changed:,} rows changed", err=True)
        elif self._status is not None:
            self._status.update(text)


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
        click.echo(f"{result.changed:,} rows changed.")
    for line in failures(result):
        click.echo(f"persync: {line}", err=True)
