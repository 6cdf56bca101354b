"""`persync store`."""

from __future__ import annotations

from pathlib import Path

import click

from persync.cli.base import Command, Group, format_option
from persync.cli.context import App, pass_app
from persync.cli.output import show_json
from persync.redact import inert


@click.group(cls=Group)
def store() -> None:
    """Look after the store's file."""


@store.command(cls=Command, goes_on="no backup was kept. The same command makes one.")
@click.argument("file", type=click.Path(path_type=Path))
@format_option("text", "json")
@pass_app
def backup(app: App, file: Path, form: str) -> None:
    """Copy the store to FILE, also while a pull writes to it: one state of it, checked to be whole, for you alone.

    What is there already is never written over. The key is not in the copy: keep one of it elsewhere. Whoever is erased later
    is still in it: give copies an end, and erase anew after restoring one.
    """
    from persync.settings import refuse_out
    from persync.store.backup import back_up
    from persync.store.key import key_path

    refuse_out(app.project, file, "FILE")
    with app.store() as opened:
        made = back_up(opened, file, now=app.now)
    if form == "json":
        show_json("backup", [{"file": str(made.path), "bytes": made.size, "runs": made.runs}])
        return
    click.echo(f"{inert(str(made.path))}: {made.size / 1e6:,.1f} MB, whole.")
    app.say(f"persync: its key {inert(key_path(app.project.store_path).name)} is not in it: keep a copy of that elsewhere.")
