"""`persync verify`."""

from __future__ import annotations

import click

from persync.cli.base import Command, format_option
from persync.cli.context import App, pass_app
from persync.errors import EXIT_CHECK, CheckFailedError
from persync.redact import inert


@click.command(cls=Command)
@click.option("--digest", "with_digest", is_flag=True, help="Print the SHA-256 of what the store holds, and nothing else.")
@format_option("text", "json")
@pass_app
def verify(app: App, with_digest: bool, form: str) -> None:
    """Check that the store is whole, and print what is not, one line each: what, where, what to do. Then exit code 6.

    Checked are the file, the log's chain and the runs, references between tables, holes in coverage, stored events against
    the vendors' counters, each order's ledger against its total, derived tables, erased people, the mirror and the credit
    ledgers beside it. What is explained (a missing scope, a plan without it) is a note, and no failure. Two stores with one
    key and one digest hold the same facts.
    """
    from persync.jobs.verifying import verify_project

    with app.store() as store:
        if with_digest:
            from persync.store.digest import digest
            from persync.store.log import broken_at

            wrong = store.integrity()
            if (entry := broken_at(store.db)) is not None:
                wrong.append(f"the log does not fit from entry {entry} on")
            if wrong:
                raise CheckFailedError(f"the store is damaged: {'; '.join(wrong[:3])}.", hint="Restore a backup.")
            click.echo(digest(store))
            return
        found = verify_project(app.host, app.project, store)
    failed = [one for one in found if not one.is_note]
    if form == "json":
        from persync.jobs.answers.checked import verified_json

        click.echo(verified_json(found))
    else:
        for one in found:
            click.echo(inert(f"{'note: ' if one.is_note else ''}{one.check}, {one.where}: {one.what.rstrip('.')}. {one.fix}"))
        ending = "whole" if not failed else "1 thing is wrong" if len(failed) == 1 else f"{len(failed):,} things are wrong"
        click.echo(f"{store.path}: {ending}.")
    if failed:
        raise click.exceptions.Exit(EXIT_CHECK)
