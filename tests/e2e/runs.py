"""The command itself, in a process of its own, against imitated vendors on real sockets."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from persync.plugins import load_plugins
from persync.sandbox import World, server

Run = subprocess.CompletedProcess[str]


def persync(folder: Path, *arguments: str, **environment: str) -> Run:
    """Run the command in a project; nothing of this process's environment that could hold a secret goes along."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT")}
    return subprocess.run(
        [sys.executable, "-m", "persync.cli", "--project", str(folder), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=kept | environment,
    )


def own_key(folder: Path) -> None:
    """Give a store that is still to be made a key that is known: who is in which part of the data is drawn by it."""
    key = folder / "persync.key"
    key.write_text("5e" * 32 + "\n", "ascii")
    key.chmod(0o600)


class Site:
    """A small demo shop being served, and projects that lead to it.

    `on_call` hears of every call, with its number; `paths` are what was called for. A call for which `kept` gives an event is
    answered when that is set.
    """

    def __init__(self, world: World, info: dict[str, Any]) -> None:
        self.world = world
        self.info = info
        self.calls = 0
        self.paths: list[str] = []
        self.kept: Callable[[str], threading.Event | None] = lambda path: None
        self.on_call: Callable[[int], None] = lambda number: None

    def project(self, folder: Path, key_from: Path | None = None) -> Path:
        """Write a ready project; with `key_from` its store will have that project's key, so that digests compare."""
        folder.mkdir(parents=True, exist_ok=True)
        server.write_config(folder, self.world, self.info)
        if key_from is not None:
            key = folder / "persync.key"
            key.write_bytes((key_from / "persync.key").read_bytes())
            key.chmod(0o600)
        return folder


@contextmanager
def serving(world: World, folder: Path) -> Iterator[Site]:
    """Serve a world, counting calls."""
    made = server.make_app
    site: list[Site] = []

    def counting(*arguments: Any) -> Any:
        app = made(*arguments)

        async def counted(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http" and site:
                site[0].calls += 1
                site[0].paths.append(scope["path"])
                site[0].on_call(site[0].calls)
                if (event := site[0].kept(scope["path"])) is not None:
                    await asyncio.to_thread(event.wait)
            await app(scope, receive, send)

        return counted

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "make_app", counting)
        with server.running(world, load_plugins().sandboxes, folder=folder) as info:
            site.append(Site(world, info))
            yield site[0]
