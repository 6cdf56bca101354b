"""`persync privacy clean`: what an older version stored finer than it may be, made coarse in place."""

from __future__ import annotations

import click

from persync.cli.base import Command, format_option
from persync.cli.context import App, pass_app


@click.command("clean", cls=Command)
@click.option("--apply", "apply_it", is_flag=True, help="Coarsen it. Without this only say what would be.")
@click.option("--wait", type=click.FloatRange(min=0), default=0.0, metavar="SECONDS", help="Wait for a pull that is under way.")
@format_option("text", "json")
@pass_app
def clean(app: App, apply_it: bool, wait: float, form: str) -> None:
    """Say which attributes are stored finer than they may be (exact ages, postal codes, dates, names), as older versions did;
    with --apply make them as coarse as they would be stored today.

    What nothing may be kept of is removed. It is done whole or not at all, old bytes are overwritten, and the log gets counts
    alone. Copies that upgrades left beside the store are not touched: they are named.
    """
    from persync.cli.output import show_json, show_table
    from persync.cli.privacy import tell_rest
    from persync.privacy.requests import clean_project

    found, outcome = clean_project(app.project, now=app.now, wait=wait, apply=apply_it)
    if form == "json":
        results = ({"attribute": one.name, "coarsened": one.coarsened, "removed": one.removed} for one in found)
        left = [path.name for path in outcome.copies]
        show_json("clean", results, applied=apply_it, complete=outcome.complete, not_touched=left, lakes=list(outcome.lakes))
    elif found:
        headers = ("attribute", "coarsened", "removed") if apply_it else ("attribute", "to coarsen", "to remove")
        show_table(headers, [(one.name, f"{one.coarsened:,}", f"{one.removed:,}") for one in found], right=headers[1:])
        if not apply_it:
            click.echo("Nothing was changed. Say --apply to change it.")
    else:
        click.echo("Every attribute is as coarse as it may be stored.")
    tell_rest(app, outcome)
