"""The API of a made-up shop on a loopback port, with the standard library alone: what the tutorial's connector reads."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "apple-token"
ORDERS = [
    {
        "id": str(1000 + number),
        "buyer": {"id": f"b{number % 40}", "email": f"buyer{number % 40}@example.com"} if number % 10 else None,
        "placed_at": f"2026-0{1 + number // 30}-{1 + number % 28:02d}T10:00:00+00:00",
        "updated_at": f"2026-0{1 + number // 30}-{1 + number % 28:02d}T10:00:00+00:00",
        "currency": "EUR",
        "total": f"{10 + number}.{number % 100:02d}",
    }
    for number in range(120)
]
CENTS = sum(round(float(str(order["total"])) * 100) for order in ORDERS)


@contextmanager
def orchard() -> Iterator[tuple[str, list[str]]]:
    """Serve the shop while the block runs; yield its address and the calls that come, as they come."""
    calls: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            calls.append(self.path)
            parts = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if self.headers.get("authorization") != f"Bearer {TOKEN}":
                self._send(401, {"error": "invalid token"})
            elif parts.path == "/account":
                self._send(200, {"id": "o1", "currency": "EUR", "timezone": "Europe/Berlin"})
            elif parts.path == "/orders":
                wanted = [one for one in ORDERS if str(one["updated_at"]) >= asked.get("updated_since", "")]
                begin = int(asked.get("after", "0"))
                end = begin + int(asked.get("limit", "50"))
                self._send(200, {"orders": wanted[begin:end], "next": str(end) if end < len(wanted) else None})
            else:
                self._send(404, {"error": "not found"})

        def _send(self, status: int, body: Any) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", calls
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
