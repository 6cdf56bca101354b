"""`persync import KIND FILE`."""

from __future__ import annotations

from pathlib import Path

import click

from persync.cli.base import Command, format_option
from persync.cli.context import App, pass_app
from persync.cli.names import known
from persync.cli.output import show_json


@click.command("import", cls=Command, goes_on="a file is kept whole or not at all. The same command reads what is not kept.")
@click.argument("kind", shell_complete=known("importers"))
@click.argument("file", type=click.Path(path_type=Path))
@format_option("text", "json")
@pass_app
def import_file(app: App, kind: str, file: Path, form: str) -> None:
    """Read a CSV file (UTF-8, plain or .gz) of your own: the whole file is kept, or nothing of it.

    KIND: costs, time, ads, touchpoints, sessions, social, orders, wallet, assignments, outcomes, attributes, decisions,
    consents, surveys, audit, people. A person is an e-mail address, a platform's id as CONNECTION:ID, or any id of your
    own; addresses are never kept.
    """
    from persync.imports.csvfile import read_batch
    from persync.imports.known import connections_in, stored_in
    from persync.plugins import find
    from persync.redact import inert
    from persync.store.derive import derive
    from persync.store.write import write_batch

    own = [settings.attributes for settings in app.project.connections.values() if settings.connector == "files"]
    bases = {attribute: basis for one in own for attribute, basis in one.items()}
    importer = find("kind of file", kind, app.host.importers).of(bases)
    name = _name(file, app.folder)
    path = app.project.store_path
    known = connections_in(path) | {"files", *app.project.names}
    batch = read_batch(file, importer, name=name, connections=known, stored=stored_in(path, "files"))
    with app.store(create=True) as store:
        changed = write_batch(store, "files", "files", batch, now=app.now)
        derive(store, aliases=app.project.aliases)
    if form == "json":
        show_json(
            "import", [{"file": name, "kind": kind, "lines": batch.count, "changed": changed or 0, "read": changed is not None}]
        )
    elif changed is None:
        click.echo(f"{inert(name)}: unchanged since it was read last, 0 rows changed.")
    else:
        click.echo(f"{inert(name)}: {batch.count:,} lines of {kind} read, {changed:,} rows changed.")


def _name(file: Path, folder: Path) -> str:
    """Return the path by which a file is remembered: relative to the project when it lies in it."""
    try:
        return str(file.resolve().relative_to(folder.resolve()))
    except ValueError:
        return str(file.resolve())
