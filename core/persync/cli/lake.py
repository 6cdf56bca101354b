"""`persync lake`."""

from __future__ import annotations

import re
from pathlib import Path

import click

from persync.cli.base import Command, Group, format_option, period_option
from persync.cli.context import App, pass_app
from persync.cli.output import iso, show_json, show_table

FORMATS = ("html", "text", "json", "md", "csv", "xlsx", "pdf")

_path = click.option(
    "--lake",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="The lake's folder. Default: lake, in the project.",
)


@click.group(cls=Group)
def lake() -> None:
    """Many stores in one folder of Parquet, for DuckDB, Spark and whatever else reads it.

    `persync report --lake PATH` reads all of them as one, `--store NAME` one of them.
    """


@lake.command("add", cls=Command)
@click.argument("store", type=click.Path(path_type=Path, exists=True))
@click.option("--as", "name", metavar="NAME", help="What the lake calls it. Default: the folder's name.")
@_path
@pass_app
def add(app: App, store: Path, name: str | None, folder: Path | None) -> None:
    """Put a store into the lake, or bring its copy up to date: STORE is a project's folder or a store's file.

    Only what changed is written. The store remembers the lake, so that erasing a person reaches it.
    """
    from persync.engine import lake as lakes

    place = folder or app.folder / "lake"
    member = lakes.add(place, _file(app, store), name or _name(store), now=app.now)
    click.echo(f"{member.name} is in {place}.")
    if name is not None and name != member.name:
        click.echo(
            f"It keeps that name: to have it as {name}, take it out with `persync lake remove {member.name}` and add it again.",
            err=True,
        )


@lake.command("list", cls=Command)
@_path
@format_option("text", "json")
@pass_app
def list_(app: App, folder: Path | None, form: str) -> None:
    """Show the stores in the lake, and when their copies were last held against them."""
    from persync.engine import lake as lakes

    found = lakes.members(folder or app.folder / "lake")
    if form == "json":
        keys = ("name", "number", "store")
        show_json("lake", ({**{key: getattr(each, key) for key in keys}, "checked_at": iso(each.checked_at)} for each in found))
        return
    show_table(("name", "store", "checked"), ((each.name, each.store, iso(each.checked_at)) for each in found))


@lake.command("overview", cls=Command)
@_path
@click.option("--metric", "ids", multiple=True, metavar="ID", help="What to show of each store; may be given several times.")
@period_option
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: by the name of --out; text without it.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write it to this file.")
@pass_app
def overview(
    app: App, folder: Path | None, ids: tuple[str, ...], period: str | None, form: str | None, out: Path | None
) -> None:
    """Hold all stores of the lake beside one another: a line for each, its numbers, how far it was read, what is missing.

    Each store is asked by itself with the settings of this project. Numbers of too few people are hidden.
    """
    from persync.jobs.overview import lake_overview
    from persync.jobs.report import drawn, write_text
    from persync.plugins import find
    from persync.report.overview import METRICS
    from persync.settings import refuse_out
    from persync.settings.forms import REPORT, format_of

    if out is not None:
        refuse_out(app.project, out, "--out")
    wanted = form or "text" if out is None else format_of(out, form, REPORT)
    metrics = [find("metric", id, app.host.metrics) for id in ids or METRICS]
    report = lake_overview(folder or app.folder / "lake", app.ask(period), metrics, engines=app.host.engines)
    text = drawn(report, wanted)
    if out is None:
        click.echo(text, nl=False)
    else:
        write_text(out, text)
        click.echo(str(out))


@lake.command("remove", cls=Command)
@click.argument("name")
@_path
@pass_app
def remove(app: App, name: str, folder: Path | None) -> None:
    """Take a store's copy out of the lake, with all that was computed from it. The store itself stays as it is."""
    from persync.engine import lake as lakes

    place = folder or app.folder / "lake"
    lakes.remove(place, name)
    click.echo(f"{name} is no longer in {place}.")


def _file(app: App, store: Path) -> Path:
    if store.is_file():
        return store
    from persync.settings import load_project

    return load_project(store, app.host).store_path


def _name(store: Path) -> str:
    """Return the project's name as a name in a lake: of its folder, or of the store's file."""
    path = store.resolve()
    return re.sub(r"[^a-z0-9]+", "-", (path.stem if path.is_file() else path.name).lower()).strip("-") or "store"
