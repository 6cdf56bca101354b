"""Pulling a project's connections, as a command or a job asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from persync.errors import AuthError, ConfigError, PersyncError, PluginError, nearest

if TYPE_CHECKING:
    from persync.connect.connector import Connector
    from persync.connect.result import PullOptions, PullResult, Watcher
    from persync.plugins import Host
    from persync.settings import Project


def pull_project(
    host: Host, project: Project, names: Sequence[str], options: PullOptions, watch: Watcher | None = None
) -> PullResult:
    """Pull the named connections, or all without names.

    One that has no secret, or whose plugin failed, is an error in the result: it must not keep the others from being read.
    Of the streams in `options` each connection is asked for those it has. Raises ConfigError when there is no connection at
    all, or not the named one, or none that has a wanted stream.
    """
    from persync.connect import pull as engine
    from persync.imports.files import FilesConnector
    from persync.imports.known import stored_in

    connectors, errors = connectors_for(host, project, names, options.streams)
    result = engine.PullResult(errors=errors)
    for streams, group in connectors.items():
        for connector in group:
            if isinstance(connector, FilesConnector):
                connector.stored = stored_in(project.store_path, connector.connection)
        one = engine.pull(project.store_path, group, replace(options, streams=streams), watch, aliases=project.aliases)
        result.streams += one.streams
        result.errors += one.errors
        result.notes += one.notes
        result.interrupted = one.interrupted
        if result.interrupted:
            break
    return result


def connectors_for(
    host: Host, project: Project, names: Sequence[str], streams: tuple[str, ...]
) -> tuple[dict[tuple[str, ...], list[Connector]], list[PersyncError]]:
    """Return the connectors of the named connections (all without names) by the streams to ask of them, and what is missing.

    A connection without its secret or its plugin is an error in the second. Raises ConfigError as `pull_project` does.
    """
    from persync.settings import make_connector

    wanted = list(dict.fromkeys(names)) or list(project.names)
    if not wanted:
        what = "no connection is set up" if project.has_file else "there is no persync.toml"
        where = str(project.folder.resolve())
        raise ConfigError(f"{what}.", where=where, hint="Run `persync connect NAME`, or `persync demo`.")
    connectors: dict[tuple[str, ...], list[Connector]] = {}
    errors: list[PersyncError] = []
    for name, mine in _asked(host, project, wanted, streams).items():
        try:
            connector = make_connector(project, host, name)
        except (AuthError, PluginError) as error:
            errors.append(error)
        else:
            connectors.setdefault(mine, []).append(connector)
    return connectors, errors


def _asked(host: Host, project: Project, names: list[str], streams: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return the streams to ask of each connection, () for all of them; one that has none of the wanted is left out."""
    if not streams:
        return dict.fromkeys(names, ())
    offered: dict[str, tuple[str, ...]] = {}
    for name in names:
        if name in project.broken:
            continue
        if name not in project.connections:
            return {name: streams}  # making its connector says it best
        kind = host.connectors[project.connections[name].connector]
        offered[name] = tuple(stream.name for stream in kind.streams)
    known = sorted({stream for mine in offered.values() for stream in mine})
    for stream in streams if offered else ():
        if stream not in known:
            hint = nearest(stream, known) if known else _without_streams(host, project)
            raise ConfigError(f"there is no stream '{stream}'.", where=", ".join(names), hint=hint)
    # Nobody knows which streams a connection has whose plugin failed: it is asked for them, and says that it failed.
    asked = {name: tuple(s for s in streams if s in offered[name]) if name in offered else streams for name in names}
    return {name: mine for name, mine in asked.items() if mine}


def _without_streams(host: Host, project: Project) -> str:
    """Say what to do when none of the connections asked has streams: which of the project's have which."""
    offered = {
        name: ", ".join(sorted(stream.name for stream in host.connectors[one.connector].streams))
        for name, one in project.connections.items()
    }
    others = " ".join(f"Valid for {name}: {streams}." for name, streams in offered.items() if streams)
    return f"It reads whole files and has no streams: leave --stream out. {others}".rstrip()


def failures(result: PullResult) -> list[str]:
    """Return one line for each cause a connection failed for; what was skipped for scope or tier is no failure.

    What differs in the call alone has one cause: the line then names the connection, and how many places it had.
    """
    failed = [one.error for one in result.streams if one.error is not None and one.state != "skipped"]
    causes: dict[tuple[str, str, str], list[str]] = {}
    for error in [*result.errors, *failed]:
        connection = error.where.partition(",")[0]
        places = causes.setdefault((connection, error.what, error.hint), [])
        if error.where not in places:
            places.append(error.where)
    return [
        str(PersyncError(what, where=places[0] if len(places) == 1 else f"{connection}, {len(places)} calls", hint=hint))
        for (connection, what, hint), places in causes.items()
    ]
