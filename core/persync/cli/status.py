"""`persync status`."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import click

from persync.cli.base import Command, format_option
from persync.cli.context import App, pass_app
from persync.cli.output import iso, show_table
from persync.redact import inert

if TYPE_CHECKING:
    from persync.jobs.schedule.status import JobStatus
    from persync.jobs.standing import Connection, Standing, StreamStanding

WIDTH: Final = 80
LABEL: Final = 10
"""columns that the word before each part takes"""
CONNECTIONS, MISSING, JOBS, STEPS = 6, 3, 2, 3
"""so many of each are shown: with two lines for what is missing, at most 23 lines of a screen of 24, and the prompt"""
ALL = "persync status --all"


@click.command(cls=Command)
@click.option("--all", "everything", is_flag=True, help="Show every stream, and all that is missing, however long it gets.")
@format_option("text", "json")
@pass_app
def status(app: App, everything: bool, form: str) -> None:
    """Show on one screen what is covered until when, what is missing, the next run, and what to do next.

    "Until" is the moment that every stream of the connection reaches; times are in the report's time zone. The JSON has
    every stream with its window, rejects and holes, in UTC; so has --all.
    """
    from persync.jobs.answers.stood import stood

    with app.store() as store:
        found = stood(app.project, store.db, now=app.now)
        size = store.path.stat().st_size
    if form == "json":
        click.echo(found.as_json(app.project))
        return
    click.echo(f"{inert(app.project.store_path.name)}, {size / 1e6:,.1f} MB; times in {app.project.timezone}")
    if everything:
        _show_streams(found.streams)
        for name, tables in found.rows.items():
            click.echo(f"{name}: " + (", ".join(_told(table, *count) for table, count in tables.items()) or "no rows"))
    _show_screen(found.standing, app.project.timezone, everything=everything)


def _show_screen(standing: Standing, timezone: str, *, everything: bool) -> None:
    """Print the parts one under the other; with `everything` nothing is left out or cut."""
    if not everything:
        _show_connections(standing.connections, timezone)
    said = [text.rstrip(".") for text in standing.missing]
    none = "nothing" if standing.connections else "everything: nothing was read or imported yet"
    _part("missing", said, len(said) if everything else MISSING, lines=None if everything else 2, none=none)
    jobs = [_job(one, timezone) for one in standing.jobs]
    _part("next run", jobs, len(jobs) if everything else JOBS, lines=1, none="nothing is set to run by itself")
    steps = [f"{do}   ({why})" if everything else _step(do, why) for do, why in standing.steps]
    _part("to do", steps, len(steps) if everything else _fit(steps, STEPS), lines=None if everything else 2, none="")


def _show_connections(connections: tuple[Connection, ...], timezone: str) -> None:
    shown = connections[:CONNECTIONS]
    heads = [one.name if len(one.name) <= 16 else f"{one.name[:13]}..." for one in shown]
    room = WIDTH - max([len("connection"), *map(len, heads)]) - len("the start") - len("2026-01-01 00:00") - len("streams") - 8
    show_table(
        ("connection", "since", "until", "streams", "holds"),
        [
            (
                head,
                _since(one, timezone),
                _minute(one.until, timezone) if one.until else "",
                f"{one.streams:,}" if one.streams else "",
                _fitting([_told(table, *count) for table, count in one.rows.items()], room),
            )
            for head, one in zip(heads, shown, strict=True)
        ],
        right=("streams",),
    )
    if len(connections) > CONNECTIONS:
        click.echo(f"and {len(connections) - CONNECTIONS:,} more: {ALL}")


def _since(one: Connection, timezone: str) -> str:
    if one.since:
        return _minute(one.since, timezone)[:10]
    return "the start" if one.until else ""


def _part(label: str, texts: Iterable[str], most: int, *, lines: int | None, none: str) -> None:
    """Print texts beside their label, each wrapped to the screen and cut after so many lines."""
    texts = [inert(text) for text in texts]
    shown = texts[:most] or [none]
    if len(texts) > most:
        shown.append(f"and {len(texts) - most:,} more: {ALL}")
    width = max(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns) if lines is None else WIDTH
    for text in shown:
        wrapped = textwrap.wrap(text, width - LABEL, max_lines=lines, placeholder=" ...", break_on_hyphens=False)
        for line in wrapped:
            click.echo(f"{label:<{LABEL}}{line}")
            label = ""


def _step(do: str, why: str) -> str:
    """Return what to do and, as far as one line has room, why: a command that is cut would be no command."""
    (line,) = textwrap.wrap(f"{do}   ({why})", WIDTH - LABEL, max_lines=1, placeholder=" ...", break_on_hyphens=False)
    return line if line.startswith(f"{do}   (") else do


def _fit(texts: list[str], lines: int) -> int:
    """Return how many texts so many lines hold, of which a long one takes two; at least one."""
    used, count = 0, 0
    for text in texts:
        used += 1 + (len(text) > WIDTH - LABEL)
        if used > lines:
            break
        count += 1
    return max(count, 1)


def _job(one: JobStatus, timezone: str) -> str:
    if one.orphan:
        return f"{one.job}: {one.orphan}"
    when = f"{_minute(one.next, timezone)} by {', '.join(one.by)}" if one.next is not None else "not scheduled here"
    code = "" if one.exit_code is None else f", exit code {one.exit_code}"
    last = f"last {_minute(one.last, timezone)}{code}" if one.last is not None else "never ran"
    return f"{one.job}: {when}; {last}"


def _minute(at: int, timezone: str) -> str:
    from persync.jobs.windows import local

    return f"{local(at, timezone):%Y-%m-%d %H:%M}"


def _fitting(texts: list[str], room: int) -> str:
    """Return as many texts as there is room for, and how many more there are; the first is shown whatever the room."""
    for count in range(len(texts), 1, -1):
        more = f", +{len(texts) - count}" if count < len(texts) else ""
        if len(text := ", ".join(texts[:count]) + more) <= room:
            return text
    return texts[0] + (f", +{len(texts) - 1}" if len(texts) > 1 else "") if texts else ""


def _show_streams(streams: list[StreamStanding]) -> None:
    show_table(
        ("connection", "stream", "complete from", "to", "parts", "under way", "rejected", "holes"),
        [
            (
                one.connection,
                one.stream,
                iso(one.from_at) if one.from_at else "the start" if one.to_at else "",
                iso(one.to_at) if one.to_at else "",
                f"{one.complete:,}",
                f"{one.under_way:,}" if one.under_way else "",
                f"{one.rejects:,}" if one.rejects else "",
                "; ".join(reason + (f" ({parts:,} parts)" if parts > 1 else "") for reason, parts in one.holes),
            )
            for one in streams
        ],
        right=("parts", "under way", "rejected"),
    )


def _told(table: str, count: int, more: bool) -> str:
    return f"{'at least ' if more else ''}{count:,} {table}"
