"""`persync doctor`."""

from __future__ import annotations

import click

from persync.cli.base import Command, format_option
from persync.cli.context import App, pass_app
from persync.cli.output import show_table


@click.command(cls=Command)
@click.option("--offline", is_flag=True, help="Ask no vendor: settings, plugins, secrets, the store and its key.")
@format_option("text", "json")
@pass_app
def doctor(app: App, offline: bool, form: str) -> None:
    """Test the settings, where each secret is, every stream of every connection, the store and its key.

    Each stream is asked for its smallest answer: can it be read (scope, subscription), does a record fit, how far is it read.
    Besides, each vendor's clock is held against this machine's, and the API version against its end. `warn` means that
    reports will miss something; `fail` that something must be done. No secret is shown. The exit code is that of the first
    `fail`.
    """
    from persync.jobs.answers.checked import findings_json
    from persync.jobs.examine import examine, worst

    findings = list(examine(app.host, app.folder, lambda: app.project, now=app.now, is_offline=offline))
    if form == "json":
        click.echo(findings_json(findings))
    else:
        show_table(("", "where", "what", "found", "fix"), [(f.state, f.where, f.what, f.found, f.fix) for f in findings])
        counts = {state: sum(f.state == state for f in findings) for state in ("ok", "warn", "fail", "not probed")}
        click.echo(", ".join(f"{count} {state}" for state, count in counts.items() if count))
    code = worst(findings)
    if code:
        raise click.exceptions.Exit(code)
