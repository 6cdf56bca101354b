"""`persync connect NAME`."""

from __future__ import annotations

import json
import re
import shutil
import sys
import textwrap
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from persync.cli.base import Command
from persync.cli.context import App, pass_app
from persync.cli.names import known
from persync.errors import AuthError, ConfigError

if TYPE_CHECKING:
    from persync.connect.connector import Connector
    from persync.settings import Project


@click.command(cls=Command, goes_on="the connection is as it was. The same command begins anew.")
@click.argument("name", shell_complete=known("connections", "connectors"))
@click.option(
    "--connector", shell_complete=known("connectors"), help="Which connector; default: the one called like the connection."
)
@click.option("--set", "given", multiple=True, metavar="KEY=VALUE", help="A setting of this connector.")
@click.option("--secret-stdin", metavar="SECRET", help="Read this secret (token, ...) from standard input.")
@click.option("--keyring", is_flag=True, help="Keep secrets in the system's keyring instead of the 0600 file.")
@click.option("--guide", is_flag=True, help="Say where its token is made and what it must see; change nothing.")
@click.option("--no-check", is_flag=True, help="Make no call to try it.")
@pass_app
def connect(
    app: App,
    name: str,
    connector: str | None,
    given: tuple[str, ...],
    secret_stdin: str | None,
    keyring: bool,
    guide: bool,
    no_check: bool,
) -> None:
    """Add the connection NAME to persync.toml, put its secret away and make one real call.

    Nothing is written when the call fails. For a connection that is there already, its secret is asked for again.
    """
    from persync import secrets
    from persync.connect.guide import to_a_token
    from persync.jobs.report import write_text
    from persync.settings import FILE, connection_settings, find_secrets, make_connector

    if guide:
        _show_guide(app, name, connector)
        return
    project = app.project
    if name in project.broken:
        raise project.broken[name]
    if given and name in project.connections:
        what = f"'{name}' is in {FILE} already."
        raise ConfigError(what, hint=f"Change its settings there, under [connections.{name}]; leave out --set.")
    table = {} if name in project.connections else _table(app, name, connector, given)
    if table:
        settings, names = connection_settings(name, table, app.host, app.folder)
        project = replace(
            project,
            connections={**project.connections, name: settings},
            secret_names={**project.secret_names, name: names},
        )
    kind = app.host.connectors[project.connections[name].connector]
    wanted = project.secret_names[name]
    fresh = _secrets(app, project, name, kind, secret_stdin, is_new=bool(table))
    values = {secret: found.value for secret, found in find_secrets(project, app.host, name).items()} | fresh
    if kind.secrets and not values:
        hint = f"Set {' or '.join(wanted.values())}. {kind.help} {to_a_token(kind, name)}"
        raise AuthError(f"no secret was given for '{name}'.", hint=hint)
    if not no_check:
        ready = kind(name, project.connections[name], values) if kind.secrets else make_connector(project, app.host, name)
        _try(app, ready, project)
    for secret, value in fresh.items():
        if keyring:
            secrets.save_in_keyring(wanted[secret], value)
        else:
            secrets.save_in_file(app.folder / secrets.FILE, wanted[secret], value)
    if table:
        path = app.folder / FILE
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        write_text(path, _with_table(before, _toml(name, table), str(path)))
    click.echo(f"{name}: ready. Next: persync pull {name}")


def _try(app: App, connector: Connector, project: Project) -> None:
    """Make the connection's real calls and ask each stream for its smallest answer; say what was found, and what to do about
    what it may not see. Raise PersyncError when the connection itself fails."""
    from persync.jobs.examine import look_at
    from persync.jobs.trying import tried_lines

    for line in tried_lines(connector, look_at(connector, project.store_path, now=app.now)):
        app.say(line)


def _show_guide(app: App, name: str, connector: str | None) -> None:
    """Print the guide of a connection's connector, also of a connection that is there already."""
    from persync.plugins import find

    settings = app.project.connections.get(name)
    word = connector or (settings.connector if settings else name)
    for line in wrapped(find("connector", word, app.host.connectors)):
        click.echo(line)


def wrapped(kind: type[Connector]) -> list[str]:
    """Return a connector's guide as lines of a terminal's width."""
    from persync.connect.guide import guide_lines

    width = min(100, shutil.get_terminal_size((80, 24)).columns)
    return [
        line
        for text in guide_lines(kind)
        for line in textwrap.wrap(
            text, width, subsequent_indent="" if text.endswith(":") else "   ", break_on_hyphens=False, break_long_words=False
        )
    ]


def _table(app: App, name: str, connector: str | None, given: tuple[str, ...]) -> dict[str, Any]:
    """Return the settings of a new connection, asking for what is missing when somebody is there."""
    from persync.errors import nearest
    from persync.plugins import titles_of

    known = sorted(app.host.connectors)
    word = connector or (name if name in known else None)
    if word is None and app.may_ask:
        word = click.prompt("Connector", type=click.Choice(known), err=True)
    if word is None:
        near = nearest(name, titles_of(app.host.connectors))
        hint = f"{near} Or add --connector" if near.startswith("Did") else "Add --connector"
        raise ConfigError(f"which connector is '{name}'?", hint=f"{hint}; there are {', '.join(known)}.")
    table: dict[str, Any] = {"connector": word}
    for pair in given:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f"--set {key}: a value is missing.", hint="Write --set KEY=VALUE.")
        table[key.strip()] = value
    if word in known:
        kind = app.host.connectors[word]
        if name != word:
            # Two connections of one connector must not share a secret by accident.
            prefix = re.sub(r"[^A-Z0-9]", "_", name.upper()).lstrip("0123456789")
            for secret in kind.secrets:
                table.setdefault(f"{secret}_env", f"{prefix}_{secret.upper()}")
        for key, field in kind.settings_type.model_fields.items():
            if field.is_required() and key not in table:
                if not app.may_ask:
                    raise ConfigError(f"{kind.title} needs '{key}'.", hint=f"Add --set {key}=VALUE.")
                table[key] = click.prompt(key, err=True)
    return table


def _secrets(
    app: App, project: Project, name: str, kind: type[Connector], from_stdin: str | None, *, is_new: bool
) -> dict[str, str]:
    """Return the secrets given now: from standard input, or asked for without showing them."""
    from persync.errors import nearest
    from persync.settings import find_secrets

    if from_stdin is not None:
        if from_stdin not in kind.secrets:
            raise ConfigError(f"'{from_stdin}' is no secret of {kind.name}.", hint=nearest(from_stdin, sorted(kind.secrets)))
        value = sys.stdin.read().strip()
        if not value:
            raise AuthError("standard input holds no secret.", where=name)
        return {from_stdin: value}
    found = find_secrets(project, app.host, name)
    if not kind.secrets or (is_new and found) or not app.may_ask:
        return {}
    for line in wrapped(kind):
        app.say(line)
    answers = {
        secret: str(click.prompt(f"{secret} (empty: none)", default="", hide_input=True, show_default=False, err=True)).strip()
        for secret in kind.secrets
    }
    return {secret: value for secret, value in answers.items() if value}


def _with_table(before: str, table: str, path: str) -> str:
    """Return the settings with one more table at their end, sure to be read again."""
    text = f"{before.rstrip()}\n\n{table}".lstrip()
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise ConfigError("a table cannot be added to this file.", where=path, hint=f"Add it yourself:\n{table}") from None
    return text


def _toml(name: str, table: Mapping[str, Any]) -> str:
    """Return a table of texts as TOML; its basic strings are JSON's."""
    return f"[connections.{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
