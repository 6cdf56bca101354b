"""`persync verify`."""

from __future__ import annotations

import click

from persync.cli.base import Command
from persync.cli.context import App, pass_app
from persync.errors import CheckFailedError


@click.command(cls=Command)
@click.option("--digest", "with_digest", is_flag=True, help="Print the SHA-256 of what the store holds, and nothing else.")
@pass_app
def verify(app: App, with_digest: bool) -> None:
    """Check that the store and its log are whole. Two stores with one key and one digest hold the same facts."""
    from persync.store.digest import digest
    from persync.store.log import broken_at

    with app.store() as store:
        wrong = store.integrity()
        if (entry := broken_at(store.db)) is not None:
            wrong.append(f"the log does not fit from entry {entry} on")
        if wrong:
            raise CheckFailedError(f"the store is damaged: {'; '.join(wrong[:3])}.", hint="Restore a backup.")
        click.echo(digest(store) if with_digest else f"{store.path}: whole.")
