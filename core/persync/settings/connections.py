"""Connections: their typed settings, where their secrets are, and the connector made of both."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persync import secrets
from persync.connect.connector import ConnectionSettings, Connector
from persync.connect.guide import to_a_token
from persync.errors import AuthError, ConfigError, PersyncError, PluginError, nearest
from persync.imports.files import FilesConnector
from persync.imports.known import connections_in
from persync.settings.toml import Places, checked

if TYPE_CHECKING:
    from persync.plugins import Host
    from persync.settings.project import Project

FILE = "persync.toml"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_SECRET_KEY = re.compile(r"(^|_)(token|secret|password|passwd|pass|api_?key|key|credentials?)$", re.IGNORECASE)
SLIP = 0.85
"""a word as like a name as this (difflib's ratio: at most about one letter in six is wrong) is that name misspelt"""


def connection_settings(
    name: str, table: Mapping[str, Any], host: Host, folder: Path, *, place: Places | None = None
) -> tuple[ConnectionSettings, dict[str, str]]:
    """Return a connection's typed settings and the environment variables of its secrets.

    Raises PluginError (its `where` is the connection) when the plugin of the connector failed, or one that may have been it;
    ConfigError for every mistake in the settings.
    """
    place = place or Places("", FILE)
    where = f"connections.{name}"
    if not NAME.fullmatch(name):
        raise ConfigError(f"'{name}' cannot name a connection.", where=place.of(where), hint="Use letters, digits, - and _.")
    word = table.get("connector")
    if "connector" not in table and (slips := get_close_matches("connector", table, n=1)):
        hint = "Did you mean 'connector'?"
        raise ConfigError(f"'{slips[0]}' is not a setting here.", where=place.of(where, slips[0]), hint=hint)
    if not isinstance(word, str):
        valid = ", ".join(sorted(host.connectors))
        raise ConfigError("the connector is missing.", where=place.of(where), hint=f'Write connector = "NAME"; valid: {valid}.')
    if word not in host.connectors:
        raise _without_connector(name, word, host, place.of(where, "connector"))
    if name == "files" and word != "files":
        text = "the name 'files' is kept for imported files."
        raise ConfigError(text, where=place.of(where), hint="Choose another name.")
    connector = host.connectors[word]
    known = connector.settings_type.model_fields
    names = dict(connector.secrets)
    values = dict(table)
    for key, value in table.items():
        secret = key.removesuffix("_env")
        if key not in known and (key in connector.secrets or _SECRET_KEY.search(key)):
            raise _secret_in_file(key, connector, place.of(where, key))
        if isinstance(value, str) and re.match(r"https?://[^/]*@", value):
            text = f"'{key}' has a user or password in its address; nothing secret may stand in this file."
            raise ConfigError(text, where=place.of(where, key), hint="Take it out.")
        if key == "base_url" and isinstance(value, str) and re.search(r"[?#]", value):
            # It is put in front of every path: what follows ? or # would swallow them.
            text = "'base_url' has a query or a fragment; paths are put behind it."
            raise ConfigError(text, where=place.of(where, key), hint="Take out what follows ? or #.")
        if key.endswith("_env") and secret in connector.secrets:
            if not isinstance(value, str) or not secrets.NAME.fullmatch(value):
                # The value is not repeated: people put the secret itself here.
                text = f"'{key}' must name an environment variable in capitals, like {connector.secrets[secret]}."
                raise ConfigError(text, where=place.of(where, key), hint="The secret itself must not stand in this file.")
            names[secret] = value
            if key not in known:
                del values[key]
    if "folder" in known:
        values.setdefault("folder", folder)
    extra = tuple(f"{secret}_env" for secret in connector.secrets)
    return checked(connector.settings_type, values, where, place, also=extra), names


def find_secrets(project: Project, host: Host, name: str) -> dict[str, secrets.Found]:
    """Return the secrets of a connection that are to be found, {} when there is none.

    With a sandbox's own secrets nothing else is looked at: those of the user's environment are for the vendor alone.
    """
    wanted = project.secret_names.get(name, {})
    if (own := project.given_secrets) is not None:
        return {secret: secrets.Found(own[env], "the sandbox") for secret, env in wanted.items() if env in own}
    found = {secret: secrets.find(secret, env, project.folder) for secret, env in wanted.items()}
    return {secret: one for secret, one in found.items() if one is not None}


def make_connector(project: Project, host: Host, name: str) -> Connector:
    """Return the connector of a connection, with its secrets.

    Raises ConfigError for an unknown connection, PluginError when its plugin failed or trips over these settings, AuthError
    when the connector needs a secret and none is to be found (one that takes this secret or that one says itself what else
    it misses).
    """
    if name in project.broken:
        raise project.broken[name]
    if name not in project.connections:
        known = sorted(project.names)
        hint = nearest(name, known) or "Run `persync connect NAME` first."
        raise ConfigError(f"there is no connection '{name}'.", where=str(project.folder / FILE), hint=hint)
    settings = project.connections[name]
    kind = host.connectors[settings.connector]
    found = find_secrets(project, host, name)
    if kind.secrets and not found:
        envs = " or ".join(project.secret_names[name].values())
        text = f"no secret found: {envs} is not set, and neither {secrets.FILE} nor a keyring has it."
        raise AuthError(text, where=name, hint=f"{kind.help} {to_a_token(kind, name)}".lstrip())
    try:
        connector = kind(name, settings, {secret: one.value for secret, one in found.items()})
    except PersyncError:
        raise
    except Exception as error:  # a stranger's class; its message may quote a secret
        raise PluginError(
            f"the connector '{kind.name}' failed: {type(error).__name__}.", where=name, hint="Update its plugin."
        ) from None
    if isinstance(connector, FilesConnector):
        connector.importers = host.importers
        connector.connections = connections_in(project.store_path) | frozenset(project.names)
    return connector


def _without_connector(name: str, word: str, host: Host, place: str) -> PersyncError:
    """Say why there is no such connector: its plugin failed, or one that may have offered it, or the word is misspelt.

    An entry point need not be called like its connectors, so while any plugin fails an unknown word may be its: that costs
    this connection alone, where a mistake in the file stops the project.
    """
    failures = host.failures_so_far
    broken = next((one for one in failures if word in (one.name, one.connector)), None)
    if broken is not None:
        return PluginError(f"the connector '{word}' cannot be used: {broken}", where=name, hint=broken.remedy)
    hint = nearest(word, sorted(host.connectors))
    hiding = [one for one in failures if one.hides]
    if hiding and not get_close_matches(word, [*host.connectors, *(one.name for one in hiding)], n=1, cutoff=SLIP):
        told = " ".join(f"It may be of {one}" for one in hiding)
        return PluginError(f"there is no connector '{word}'. {told}", where=name, hint=f"{hint} {hiding[0].remedy}")
    if not failures and not get_close_matches(word, host.connectors, n=1):
        hint += " Install the plugin that offers it, or take the table out."
    told = " ".join(f"It may be of the {one} {one.remedy}" for one in failures)
    return ConfigError(f"there is no connector '{word}'.", where=place, hint=f"{hint} {told}".rstrip())


def _secret_in_file(key: str, connector: type[Connector], where: str) -> ConfigError:
    secret = key if key in connector.secrets else next(iter(connector.secrets), "")
    env = connector.secrets.get(secret, "")
    hint = f"Take it out, treat it as known to others, and put it into the environment variable {env} or {secrets.FILE}."
    return ConfigError(f"'{key}' is a secret, and secrets never stand in this file.", where=where, hint=hint)
