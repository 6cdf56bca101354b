"""`persync plugins`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from persync.cli.base import Group, format_option
from persync.cli.context import App, pass_app
from persync.cli.names import known
from persync.cli.output import show_json, show_table
from persync.errors import EXIT_CHECK
from persync.testing.kinds import KINDS

MANY = 12
"""more things than this of one kind are counted, not named; `--format json` names them all"""

MARKS = {"holds": "ok    ", "fails": "FAILED", "not tried": "-     "}


@click.group(cls=Group)
def plugins() -> None:
    """Show the plugins and what they offer, and hold them to it."""


@plugins.command("list")
@format_option("text", "json")
@pass_app
def list_plugins(app: App, form: str) -> None:
    """List persync's own parts and every plugin: version, what it offers, and what is not used, with the reason."""
    from persync.jobs.answers.listed import plugin_entries, plugins_json

    entries = list(plugin_entries(app.host))
    app.tell_nothing()
    if form == "json":
        click.echo(plugins_json(entries))
    else:
        show_table(("plugin", "version", "offers"), map(_row, entries))


@plugins.command("new")
@click.argument("name")
@click.option("--kind", type=click.Choice(tuple(KINDS)), default="connector", show_default=True, help="What it offers.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="The folder it is put into.")
@pass_app
def new(app: App, name: str, kind: str, out: Path) -> None:
    """Write a whole distribution persync-NAME that installs, and whose tests pass at once.

    \b
      persync plugins new klaviyo
      persync plugins new last_twice --kind model --out plugins
    """
    from persync.testing.new import write_plugin

    app.tell_nothing()
    files = write_plugin(name, kind, out)
    root = files[0].parent
    for file in files:
        click.echo(str(file))
    app.say(f"Now: cd {root} && pip install -e '.[dev]' && persync plugins check {name} && pytest")


@plugins.command("check")
@click.argument("name", shell_complete=known("plugins"))
@click.option("--thorough", is_flag=True, help="End pulls at every page, and try every fault in three places.")
@format_option("text", "json")
@pass_app
def check(app: App, name: str, thorough: bool, form: str) -> None:
    """Hold all that the plugin NAME offers to what everything of its kind must hold to.

    A connector is pulled from its own sandbox, undisturbed and in every way disturbed; models, metrics, sections and engines
    are asked of a made-up shop; notifiers send to this machine alone; importers read good files and bad ones. Exit code 6 where
    something does not hold, and where there is nothing to check. What could not be tried is said, and counted apart.

    \b
      persync plugins check mailchimp
      persync plugins check klaviyo --thorough
    """
    from dataclasses import asdict

    from persync.testing.plugin import check_plugin

    found = []
    for one in check_plugin(app.host, name, thorough=thorough):
        found.append(one)
        if form == "text":
            told = f"{one.claim}? {one.told}" if one.holds is False else one.told
            click.echo(f"{MARKS[one.state]} {one.kind} {one.name}, {one.check}: {told}")
    broken = sum(one.holds is False for one in found)
    idle = sum(one.holds is None for one in found)
    if form == "json":
        show_json("checks", [{**asdict(one), "state": one.state} for one in found])
    else:
        tried = len(found) - idle
        click.echo(f"{tried - broken} of {tried} hold{f', {idle} could not be tried' if idle else ''}.")
    if broken:
        raise click.exceptions.Exit(EXIT_CHECK)


def _row(entry: dict[str, Any]) -> tuple[str, str, str]:
    source = "bundled" if entry["bundled"] else f"{entry['distribution'] or ''} {entry['version'] or ''}".strip()
    parts = [f"{kind}: {', '.join(names) if len(names) <= MANY else len(names)}" for kind, names in entry["offers"].items()]
    parts += [f"NOT USED: {entry['failure']}"] if entry["failure"] else []
    return entry["name"], source, "; ".join(parts) or "nothing"
