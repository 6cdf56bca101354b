"""Serving a project's live page on the loopback address until it is told to stop."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

from persync.loopback import HOST, Server, ending_on_signals, listen
from persync.serve.app import make_app
from persync.serve.site import Site
from persync.serve.source import Source

if TYPE_CHECKING:
    from persync.plugins import Host
    from persync.settings import Project


def new_token() -> str:
    """Return a token that cannot be guessed: 256 bits."""
    return secrets.token_urlsafe(32)


def serve(host: Host, project: Project, *, port: int, announce: Callable[[str], None]) -> int:
    """Serve until SIGINT or SIGTERM and return the number of the signal. Must run in the main thread.

    `announce` is given the address with its token when the page can be opened. Raise ConfigError when the port is taken.
    """
    with ExitStack() as stack:
        listening = stack.enter_context(listen(port))
        port = listening.getsockname()[1]
        site = Site(host, project, Source(project.store_path))
        stack.callback(site.close)
        token = new_token()
        site.library.begin()
        server = Server(make_app(site, token=token, port=port), lambda: announce(address(port, token)), server_header=False)
        stack.enter_context(ending_on_signals(server))
        server.run(sockets=[listening])
        return server.ended_by


@contextmanager
def serving(site: Site) -> Iterator[tuple[str, str]]:
    """Serve from a thread on a free port while the block runs; yield the address without its token, and the token."""
    with listen(0) as listening:
        port, token, ready = listening.getsockname()[1], new_token(), Event()
        server = Server(make_app(site, token=token, port=port), ready.set, server_header=False)
        thread = Thread(target=server.run, kwargs={"sockets": [listening]}, name="persync-serve", daemon=True)
        thread.start()
        try:
            while not ready.wait(0.1):
                if not thread.is_alive():
                    raise RuntimeError("the live page's server did not start")
            yield f"http://{HOST}:{port}", token
        finally:
            server.should_exit = True
            thread.join(10)


def address(port: int, token: str) -> str:
    """Return the address that opens the page."""
    return f"http://{HOST}:{port}/?token={token}"
