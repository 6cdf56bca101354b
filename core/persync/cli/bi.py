"""`persync bi`."""

from __future__ import annotations

from pathlib import Path

import click

from persync.cli.base import Command, Group
from persync.cli.context import App, pass_app


@click.group(cls=Group)
def bi() -> None:
    """Set up a BI tool over the `v_*` views."""


@bi.command(cls=Command)
@click.argument("tool", type=click.Choice(("datasette", "metabase", "powerbi")))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="The folder for it; default: bi/TOOL.")
@click.option("--force", is_flag=True, help="Write over what is there.")
@pass_app
def init(app: App, tool: str, out: Path | None, force: bool) -> None:
    """Write a configuration, with comments, that shows the views in TOOL; and a copy of them for what cannot read the store.

    datasette reads the store itself, read-only. Metabase and Power BI get a copy (SQLite, Parquet) in which the platforms' ids
    are replaced, as in every export; `persync bi refresh` makes it anew.
    """
    from persync.bi.tools import TOOLS, Site
    from persync.errors import ConfigError
    from persync.jobs.report import write_text
    from persync.store.reading import reading

    folder = _folder(app, tool, out)
    with reading(app.project.store_path) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name")]
        columns = {name: [column for _, column, *_ in db.execute(f'PRAGMA table_info("{name}")')] for name in names}
    site = Site(app.project.store_path.resolve(), folder, str(app.project.facts()["name"]), columns)
    chosen = TOOLS[tool]
    files = chosen.files(site)
    there = [name for name in files if (folder / name).exists()]
    if there and not force:
        raise ConfigError(f"{folder / there[0]} is there already.", hint="Say --force to write over it, or --out DIR.")
    for name, text in files.items():
        write_text(folder / name, text)
    click.echo(f"{folder}: {', '.join(files) if len(files) < 5 else f'{len(files)} files'}")
    if chosen.copy is not None:
        rows = chosen.copy(app.project.store_path, folder / "data")
        click.echo(f"{folder / 'data'}: {rows:,} rows")
    app.say(chosen.begin(site))


@bi.command(cls=Command)
@click.argument("tool", type=click.Choice(("metabase", "powerbi")))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="The folder that `bi init` was given.")
@pass_app
def refresh(app: App, tool: str, out: Path | None) -> None:
    """Make the copy of the views that TOOL reads anew: after a pull, by the same scheduler."""
    from persync.bi.tools import TOOLS
    from persync.errors import ConfigError

    folder = _folder(app, tool, out)
    if not folder.is_dir():
        raise ConfigError(f"there is no {folder}.", hint=f"Run `persync bi init {tool}` first.")
    copy = TOOLS[tool].copy
    assert copy is not None
    rows = copy(app.project.store_path, folder / "data")
    click.echo(f"{folder / 'data'}: {rows:,} rows")


def _folder(app: App, tool: str, out: Path | None) -> Path:
    return (out if out is not None else app.folder / "bi" / tool).resolve()
