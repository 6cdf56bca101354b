"""Results on stdout: a plain table for people, one JSON object for machines."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

import click

from persync.cli.fit import fitted, terminal_width
from persync.redact import inert

if TYPE_CHECKING:
    from rich.console import Console

    from persync.estimate import Estimate
    from persync.measure.metric import Ask


def has_color(choice: str, stream: TextIO) -> bool:
    """Tell whether what goes to a stream may be styled: as `--color` says, else on a terminal that can, unless NO_COLOR is set
    (https://no-color.org: to anything but nothing)."""
    if choice != "auto":
        return choice == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def console(choice: str, stream: TextIO, **more: Any) -> Console:
    """Return what writes styled text to a stream; where it may not be styled it holds no escape sequence for that."""
    from rich.console import Console

    styled = has_color(choice, stream)
    more["force_terminal"] = True if choice == "always" else None
    return Console(
        file=stream, color_system="standard" if styled else None, no_color=not styled, highlight=False, markup=False, **more
    )


def show_json(kind: str, results: Iterable[Any], *, period: tuple[int, int] | None = None, **more: Any) -> None:
    """Print the one object of a command: persync, kind, period (ISO 8601, [from, to), or null), results."""
    from persync.report.render.estimates import document

    click.echo(document(kind, results, period, **more))


def show_table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Print aligned columns; those named in `right` are numbers. An empty column is left out; a terminal's width is kept to."""
    # Names come from other people's systems: none of them may move the cursor.
    lines = [list(map(inert, row)) for row in rows]
    headers = list(map(inert, headers))
    kept = [i for i in range(len(headers)) if any(line[i] for line in lines)]
    for line in fitted([headers[i] for i in kept], [[line[i] for i in kept] for line in lines], right, terminal_width()):
        click.echo(line)


def show_estimates(estimates: Sequence[Estimate], form: str, ask: Ask, *, kind: str = "estimates") -> None:
    """Print estimates: each with its slice, value, interval, n, standing and, when it is missing, the reason."""
    if form == "json":
        from persync.jobs.metric import estimates_json

        click.echo(estimates_json(estimates, ask, kind))
        return
    if form == "csv":
        show_csv(estimates)
        return
    from persync.report import words

    dimensions = list(dict.fromkeys(name for estimate in estimates for name in estimate.by))
    headers = ["measure", *dimensions, "value", "95 %", "n", "p", "standing", "note"]
    rows = [
        [
            estimate.id,
            *(estimate.by.get(name, "") for name in dimensions),
            words.value(estimate),
            words.interval(estimate),
            "" if estimate.n is None else words.number(estimate.n),
            "" if estimate.p is None else words.p_value(estimate.p),
            words.label(estimate),
            estimate.note,
        ]
        for estimate in estimates
    ]
    show_table(headers, rows, right=("value", "95 %", "n", "p"))


def show_csv(estimates: Sequence[Estimate]) -> None:
    """Print estimates as CSV (RFC 4180): a column for each dimension, numbers in full, absent things empty."""
    from persync.report.render.estimates import as_csv

    click.echo(as_csv(estimates), nl=False)


def iso(at: int) -> str:
    """Return epoch ms as ISO 8601 in UTC."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
