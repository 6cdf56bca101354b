"""A web server on loopback that takes what notifiers send, refuses it, or says nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from persync.loopback import HOST


class Sink:
    """What came (`taken`: headers and body, a text each), and how it is answered: `take`, `refuse` (403), or `silent`."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.mood: Literal["take", "refuse", "silent"] = "take"
        self.released = threading.Event()
        self.url = ""


@contextmanager
def sinking() -> Iterator[Sink]:
    """Serve a sink while the block runs."""
    sink = Sink()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode("utf-8", "replace")
            sink.taken.append(f"{self.path}\n{self.headers}\n{body}")
            if sink.mood == "silent":
                sink.released.wait(30)
                return
            said = b"ok" if sink.mood == "take" else b"no:" + body.encode()[:200]
            self.send_response(200 if sink.mood == "take" else 403)
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((HOST, 0), Answer)
    server.daemon_threads = True
    sink.url = f"http://{HOST}:{server.server_port}/told"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        sink.released.set()
        server.shutdown()
        thread.join(10)
        server.server_close()
