"""A server for this machine alone: a port on the loopback address, and uvicorn without its own log and signals."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

import uvicorn

from persync.errors import ConfigError

HOST: Final = "127.0.0.1"


def listen(port: int) -> socket.socket:
    """Return a socket that listens on the loopback address; port 0 takes a free one. Raise ConfigError when it is taken."""
    # The protocol is named: only then does asyncio turn off Nagle's delay, which costs small answers 40 ms each.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"port {port} cannot be used: {error.strerror}.", hint="Take another, or 0 for a free one."
        ) from error
    return listening


class Server(uvicorn.Server):
    """uvicorn without access log, which says when it is ready and leaves the process's signals alone."""

    def __init__(self, app: Any, ready: Callable[[], None], **more: Any) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                log_level="error",
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=2,
                **more,
            )
        )
        self._ready = ready
        self.ended_by = 0
        """the number of the signal that ended it, 0 for none"""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._ready()

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


@contextmanager
def ending_on_signals(server: Server) -> Iterator[None]:
    """Let SIGINT and SIGTERM end a server while the block runs. Must be used in the main thread."""

    def end(number: int, frame: object) -> None:
        server.ended_by = number
        server.should_exit = True

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
