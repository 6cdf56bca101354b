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


@store.command(cls=Command, goes_on="a step is kept whole or not at all. The same command goes on.")
@format_option("text", "json")
@pass_app
def upgrade(app: App, form: str) -> None:
    """Bring the store to this release's tables, and say from which version to which.

    A copy of it as it was is made beside it first. Every other command that opens an older store does the same; this one does
    nothing else. A store of a newer persync is refused.
    """
    from persync.store.upkeep import upgrade as bring_up

    done = bring_up(app.project.store_path)
    if form == "json":
        copy = None if done.copy is None else str(done.copy)
        show_json("upgrade", [{"from": done.before, "to": done.after, "copy": copy}])
        return
    if done.before == done.after:
        click.echo(f"version {done.after} already: nothing to do.")
        return
    click.echo(f"from version {done.before} to {done.after}.")
    if done.copy is not None:
        app.say(f"persync: a copy of how it was is {inert(done.copy.name)}. Delete it when all is well.")


@store.command(cls=Command, goes_on="the store is as it was. The same command begins anew.")
@click.option("--wait", type=click.FloatRange(min=0), default=0.0, metavar="SECONDS", help="Wait for a pull that is under way.")
@format_option("text", "json")
@pass_app
def vacuum(app: App, wait: float, form: str) -> None:
    """Give back the room that deleted rows left in the store's file, and say its bytes before and after.

    It needs room for a second copy while it works, and nobody else may write: while a pull runs it waits, or ends with exit
    code 7. The numbers stay what they are.
    """
    from persync.store.upkeep import vacuum as make_small

    done = make_small(app.project.store_path, app.project.names, now=app.now, wait=wait)
    if form == "json":
        show_json("vacuum", [{"before": done.before, "after": done.after}])
        return
    click.echo(f"{done.before:,} bytes before, {done.after:,} bytes after.")
