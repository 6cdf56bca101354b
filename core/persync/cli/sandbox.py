"""`persync sandbox`."""

from __future__ import annotations

from pathlib import Path

import click

from persync.cli.base import Command, Group
from persync.cli.context import App, pass_app


@click.group(cls=Group)
def sandbox() -> None:
    """Serve imitated vendors over a made-up business."""


@sandbox.command(cls=Command, goes_on="nothing is served any more. The same command serves the same world again.")
@click.option("--world", default="demo", show_default=True, metavar="WORLD", help="demo, or hillstrom=FILE for a real test.")
@click.option("--seed", type=int, default=7, show_default=True)
@click.option("--port", type=int, default=0, show_default=True, help="0 takes a free one.")
@click.option(
    "--write-config", "config_dir", type=click.Path(path_type=Path, file_okay=False), help="Put a ready project there."
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="KIND[,NAME=VALUE...]",
    help="Break an answer, as in too_many,match=/lists,after=2,times=3. Repeatable; kinds are in docs/sandbox.md.",
)
@pass_app
def serve(app: App, world: str, seed: int, port: int, config_dir: Path | None, faults: tuple[str, ...]) -> None:
    """Serve until interrupted, on 127.0.0.1. Prints one JSON line when ready: connections, secrets, path of the truth.

    A fault strikes the first answer, or those that its `match` (sought in "METHOD /path?query") and `body` (sought in what was
    sent) fit: the first `after` of them pass, the next `times` (1, or all) go wrong.
    """
    from persync.cli.output import iso
    from persync.sandbox.faults import Schedule, parse_fault
    from persync.sandbox.server import serve as serve_world
    from persync.sandbox.server import world_from

    schedule = Schedule(*(parse_fault(text) for text in faults)) if faults else None
    made = world_from(world, seed)
    if app.now < made.now:
        # A pull's windows end at the machine's clock, so what this world has after it would silently be missing.
        app.say(f"persync: this world ends on {iso(made.now)[:10]}, after this machine's clock: pulls miss what lies between.")
    boxes, leave_out = app.host.sandboxes, app.leave_out
    if number := serve_world(made, boxes, port=port, config_dir=config_dir, faults=schedule, leave_out=leave_out):
        raise KeyboardInterrupt(number)
