"""The sandboxes of a world on a loopback port, and the settings that lead a project to them."""

from __future__ import annotations

import json
import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.routing import Mount

from persync.errors import RAISED, ConfigError, PluginError, nearest, reason_of
from persync.loopback import HOST, Server, ending_on_signals, listen
from persync.sandbox.fault_kinds import App, PlannedResetError
from persync.sandbox.faults import Faults, Schedule
from persync.sandbox.project import refuse_foreign, write_config, write_files
from persync.sandbox.world import World

if TYPE_CHECKING:
    from persync.hookspecs import Sandbox

__all__ = ["make_app", "running", "serve", "world_from", "write_config"]

Sandboxes = Mapping[str, "Sandbox"] | Iterable["Sandbox"]
LeaveOut = Callable[[PluginError], object]
"""what is told of a sandbox that raises when it is to be served; the others are"""


def world_from(spec: str, seed: int) -> World:
    """Make the world that `spec` names: `demo`, or `hillstrom=FILE` for the real test in that file.

    Raises ConfigError on any other name or a missing file, DataError when the file is another one.
    """
    name, _, path = spec.partition("=")
    if name == "demo" and not path:
        from persync.sandbox.demo import make_world

        return make_world(seed)
    if name == "hillstrom":
        from persync.sandbox.replay import hillstrom

        if not path:
            raise ConfigError("the world 'hillstrom' needs its file.", hint="Write hillstrom=FILE.")
        if not Path(path).is_file():
            raise ConfigError(f"there is no file {path!r}.", hint="Write hillstrom=FILE.")
        return hillstrom(Path(path), seed)
    raise ConfigError(f"unknown world {spec!r}.", hint=nearest(spec, ("demo", "hillstrom=FILE")))


def make_app(world: World, sandboxes: Sandboxes, faults: Schedule | None = None) -> Any:
    """Return the ASGI application: the sandbox of each platform of the world under `/<name>`, behind the faults if any."""
    app = Starlette(routes=[Mount(f"/{sandbox.name}", app=sandbox.app(world)) for sandbox in _each(sandboxes, world)])
    if faults is not None:
        return _dated(Faults(app, faults, {sandbox.name: sandbox.refusal for sandbox in _each(sandboxes, world)}))
    return _dated(app)


def _dated(app: App) -> App:
    """Give every answer that has none its Date. The server would add a second one to an answer that has its own."""

    async def dated(scope: Any, receive: Any, send: Any) -> None:
        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start" and not any(name == b"date" for name, _ in message["headers"]):
                date = formatdate(usegmt=True).encode("ascii")
                message = {**message, "headers": [*message["headers"], (b"date", date)]}
            await send(message)

        await app(scope, receive, sent)

    return dated


def serve(
    world: World,
    sandboxes: Sandboxes,
    *,
    port: int = 0,
    config_dir: Path | None = None,
    faults: Schedule | None = None,
    leave_out: LeaveOut | None = None,
) -> int:
    """Serve until SIGINT or SIGTERM and return the number of the signal. Must run in the main thread.

    When ready prints one JSON line: `{"connections": {name: settings}, "secrets": {variable: value}, "truth": path}`.
    With `config_dir` a ready persync.toml and secrets file are put there too. A sandbox that raises is left out and told to
    `leave_out`; without that it is a PluginError. Raises ConfigError when the port is taken.
    """
    if config_dir is not None:
        refuse_foreign(config_dir)
    with ExitStack() as stack:
        folder = config_dir if config_dir is not None else Path(stack.enter_context(TemporaryDirectory(prefix="persync-")))
        listening = stack.enter_context(listen(port))
        sandboxes = _usable(world, sandboxes, leave_out)
        info = _prepare(world, sandboxes, listening, folder)
        if config_dir is not None:
            write_config(config_dir, world, info)

        def announce() -> None:
            sys.stdout.write(json.dumps(info) + "\n")
            sys.stdout.flush()

        server = _server(make_app(world, sandboxes, faults), announce)
        stack.enter_context(ending_on_signals(server))
        server.run(sockets=[listening])
    return server.ended_by


@contextmanager
def running(
    world: World,
    sandboxes: Sandboxes,
    *,
    folder: Path | None = None,
    faults: Schedule | None = None,
    leave_out: LeaveOut | None = None,
) -> Iterator[dict[str, Any]]:
    """Serve from a thread on a free loopback port while the block runs; yield what `serve` prints, as a dict.

    `folder` gets truth.json and the world's files; without one they lie in a temporary folder for as long as the block runs.
    `leave_out` as of `serve`.
    """
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="persync-")))
        listening = stack.enter_context(listen(0))
        sandboxes = _usable(world, sandboxes, leave_out)
        info = _prepare(world, sandboxes, listening, folder)
        ready = threading.Event()
        server = _server(make_app(world, sandboxes, faults), ready.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="persync-sandbox", daemon=True)
        thread.start()
        try:
            while not ready.wait(0.1):
                if not thread.is_alive():
                    raise RuntimeError("the sandbox server did not start")
            yield info
        finally:
            server.should_exit = True
            thread.join(10)


def _each(sandboxes: Sandboxes, world: World) -> list[Sandbox]:
    every = sandboxes.values() if isinstance(sandboxes, Mapping) else sandboxes
    return [sandbox for sandbox in every if world.platforms is None or sandbox.connector in world.platforms]


def _usable(world: World, sandboxes: Sandboxes, leave_out: LeaveOut | None) -> list[Sandbox]:
    """Return the sandboxes that can be served: a stranger's may raise at whatever it is asked, and costs itself alone."""
    found = []
    for sandbox in _each(sandboxes, world):
        try:
            made = sandbox.app(world)
            sandbox.settings(world, f"http://{HOST}/{sandbox.name}")
            sandbox.secrets(world)
        except RAISED as error:
            problem = PluginError(f"the sandbox '{sandbox.name}' cannot be served: {reason_of(error).rstrip('.')}.")
            if leave_out is None:
                raise problem from error
            leave_out(problem)
        else:
            found.append(replace(sandbox, app=_remembering(sandbox.app, world, made)))
    return found


def _remembering(app: Callable[[World], Any], world: World, made: Any) -> Callable[[World], Any]:
    """Return `app` so that it does not make for this world again what takes a while."""
    return lambda asked: made if asked is world else app(asked)


def _prepare(world: World, sandboxes: Sandboxes, listening: socket.socket, folder: Path) -> dict[str, Any]:
    """Write truth.json and the world's files into `folder`, and return what a client must know."""
    base = f"http://{HOST}:{listening.getsockname()[1]}"
    connections: dict[str, dict[str, Any]] = {}
    secrets: dict[str, str] = {}
    for sandbox in _each(sandboxes, world):
        url = f"{base}/{sandbox.name}"
        settings = {"connector": sandbox.connector, "base_url": url, **sandbox.settings(world, url)}
        if sandbox.name in world.attributes:
            settings["attributes"] = {**world.attributes[sandbox.name], **settings.get("attributes", {})}
        connections[sandbox.name] = settings
        secrets |= sandbox.secrets(world)
    folder.mkdir(parents=True, exist_ok=True)
    if world.files:
        paths = write_files(folder, world)
        listed = [{"kind": world.file_kinds[name], "path": str(path)} for name, path in paths.items()]
        connections["files"] = {"connector": "files", "files": listed}
    truth = (folder / "truth.json").resolve()
    truth.write_text(json.dumps(world.truth, indent=1) + "\n", encoding="utf-8")
    return {"connections": connections, "secrets": secrets, "truth": str(truth)}


def _server(app: Any, ready: Callable[[], None]) -> Server:
    server = Server(app, ready, date_header=False)
    logging.getLogger("uvicorn.error").addFilter(_not_a_planned_reset)
    return server


def _not_a_planned_reset(record: logging.LogRecord) -> bool:
    """Drop the complaints that a connection closed on purpose (faults `reset` and `reset_before`) brings about."""
    raised = record.exc_info[1] if record.exc_info else None
    return not isinstance(raised, PlannedResetError) and "without completing response" not in record.getMessage()
