"""`persync doctor`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from persync.cli.base import Command, format_option
from persync.cli.context import App, pass_app
from persync.cli.output import show_json, show_table
from persync.errors import CheckFailedError, PersyncError

if TYPE_CHECKING:
    from persync.connect.connector import Connector


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    where: str
    what: str
    found: str
    error: PersyncError | None = None


@click.command(cls=Command)
@format_option("text", "json")
@pass_app
def doctor(app: App, form: str) -> None:
    """Test the settings, where each secret is, one real call a connection, the store and its key.

    No secret is shown. The exit code is that of the first thing that is wrong.
    """
    findings = list(examine(app))
    if form == "json":
        show_json(
            "checks",
            ({"where": f.where, "what": f.what, "ok": f.error is None, "found": f.found} for f in findings),
        )
    else:
        show_table(
            ("", "where", "what", "found"),
            [("ok" if f.error is None else "FAILED", f.where, f.what, f.found) for f in findings],
        )
    wrong = next((f.error for f in findings if f.error is not None), None)
    if wrong is not None:
        raise click.exceptions.Exit(wrong.exit_code)


def examine(app: App) -> Iterator[Finding]:
    """Look at everything; what is wrong is a finding, not an exception."""
    from persync.jobs.run import refuse_unknown_metrics
    from persync.settings import FILE, find_secrets, make_connector

    path = str(app.folder / FILE)
    try:
        project = app.project
    except PersyncError as error:
        yield Finding("settings", path, str(error), error)
        return
    yield Finding("settings", path, f"{len(project.connections)} connections" if project.has_file else "not there: defaults")
    for name, job in project.jobs.items():
        try:
            refuse_unknown_metrics(app.host, project, name, job)
        except PersyncError as error:
            yield Finding("settings", f"job {name}", str(error), error)
    for failure in app.host.failures_so_far:
        reason = PersyncError(failure.reason)
        yield Finding("plugins", failure.name, failure.reason, reason)
    yield from _store(app)
    for name in project.connections:
        wanted = project.secret_names[name]
        try:
            found = find_secrets(project, app.host, name)
            for secret, one in found.items():
                yield Finding(name, secret, f"found in {one.where}")
            connector = make_connector(project, app.host, name)
            for what, answer in tried(connector):
                yield Finding(name, what, answer)
        except PersyncError as error:
            yield Finding(name, ", ".join(wanted) or "call", str(error), error)


def tried(connector: Connector) -> Iterator[tuple[str, str]]:
    """Make a connector's real calls. One that reads whole files has nobody to call."""
    from persync.connect.client import Client

    if connector.batches({}) is not None:
        nobody: Any = None
        yield from connector.check(nobody)
        return
    with Client(connector) as client:
        yield from connector.check(client)


def _store(app: App) -> Iterator[Finding]:
    path: Path = app.project.store_path
    if not path.exists():
        yield Finding("store", str(path), "not there yet: the first pull or import makes it")
        return
    try:
        with app.store() as store:
            from persync.store.key import key_path

            wrong = store.integrity()
            error = CheckFailedError("the store is damaged.") if wrong else None
            yield Finding("store", str(path), "; ".join(wrong[:3]) or "whole", error)
            yield from _key(key_path(path), lambda: store.key)
    except PersyncError as error:
        yield Finding("store", str(path), str(error), error)


def _key(path: Path, read: Callable[[], object]) -> Iterator[Finding]:
    try:
        read()
    except PersyncError as error:
        yield Finding("store", "key", str(error), error)
    else:
        yield Finding("store", "key", f"{path} fits this store; keep a copy elsewhere")
