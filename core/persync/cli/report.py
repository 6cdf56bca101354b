"""`persync report`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from persync.cli.base import Command, engine_options, period_option, small_groups_option
from persync.cli.context import App, pass_app

if TYPE_CHECKING:
    from persync.report.report import Profile

_BINARY: Final = {"xlsx": "A workbook", "pdf": "A PDF"}


@click.command(cls=Command, goes_on="a file is written whole or not at all. The same command makes the report anew.")
@click.option(
    "--format",
    "form",
    type=click.Choice(("html", "text", "json", "md", "csv", "xlsx", "pdf")),
    help="Default: by the name of --out; text without it.",
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write it to this file.")
@click.option(
    "--profile",
    type=click.Choice(("starter", "full", "audit")),
    default="full",
    show_default=True,
    help="starter: one page, six numbers. audit: what is needed to check it, with every definition.",
)
@period_option
@small_groups_option
@engine_options
@pass_app
def report(app: App, form: str | None, out: Path | None, profile: Profile, period: str | None) -> None:
    """Make the report: does it pay, for whom, at what cost, is it fair. HTML is one file without script or network."""
    from persync.jobs.report import make_report, write_text
    from persync.settings.forms import REPORT, format_of

    if out is not None:
        from persync.settings import refuse_out

        refuse_out(app.project, out, "--out")
    wanted = form or "text" if out is None else format_of(out, form, REPORT)
    if wanted in _BINARY and out is None and sys.stdout.isatty():
        raise click.UsageError(f"{_BINARY[wanted]} is no text: give --out FILE.{wanted}.")
    with app.engine() as engine:
        look = _terminal(app.color) if out is None else {}
        text, failed = make_report(app.host, app.project, engine, app.ask(period), wanted, profile=profile, **look)
    if out is None:
        click.echo(text, nl=False, color=look["color"] or None)
    else:
        write_text(out, text)
        click.echo(str(out))
    for section in failed:
        app.say(f"persync: the section '{section['section']}' is missing: {section['reason']}")


def _terminal(color: str) -> dict[str, Any]:
    """Return how wide the text may be, and whether it may be styled."""
    from persync.cli.fit import terminal_width
    from persync.cli.output import has_color

    look: dict[str, Any] = {"color": has_color(color, sys.stdout)}
    width = terminal_width()
    return look if width is None else {**look, "width": min(width, 120)}
