"""A project of its own for each command, and a vendor that gives one answer."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from core.cli.calls import Run
from persync.cli import root


@pytest.fixture
def persync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run persync in a project of its own; no secret of the machine's environment is seen, and no schedule of its user."""
    for name in ("MAILCHIMP_API_KEY", "SHOPIFY_ACCESS_TOKEN", "HUBSPOT_TOKEN", "PERSYNC_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))

    def run(*arguments: str, **more: object) -> Result:
        return CliRunner().invoke(root, ["--project", str(tmp_path), *arguments], prog_name="persync", **more)  # type: ignore[arg-type]

    return run


@pytest.fixture
def answering() -> Iterator[Callable[[int, str, bytes], str]]:
    """Serve one answer to every call on a loopback port; return the base URL."""
    servers: list[HTTPServer] = []

    def serve(status: int, kind: str, body: bytes) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()
