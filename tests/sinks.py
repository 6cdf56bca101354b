"""Servers on loopback that take what a job sends: mail by SMTP, anything by HTTP."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

MAIL = """
[notify.owner]
via = "email"
host = "127.0.0.1"
port = PORT
security = "none"
sender = "persync@example.com"
to = ["owner@example.com"]
"""
"""a channel by mail to a sink at PORT"""


@dataclass
class Calls:
    """What an HTTP sink took: (method, path with query, JSON body or None); `status` is what it answers."""

    url: str = ""
    status: int = 200
    taken: list[tuple[str, str, Any]] = field(default_factory=list)

    @property
    def bodies(self) -> list[Any]:
        """The JSON of each call that had some."""
        return [body for _, _, body in self.taken if body is not None]

    @property
    def paths(self) -> list[str]:
        """The path of each call, without its query."""
        return [path.partition("?")[0] for _, path, _ in self.taken]


@contextmanager
def http_sink() -> Iterator[Calls]:
    """Take every call on a free port."""
    calls = Calls()

    class Handler(BaseHTTPRequestHandler):
        def _take(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            calls.taken.append((self.command, self.path, json.loads(body) if body else None))
            self.send_response(calls.status)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def do_GET(self) -> None:
            self._take()

        def do_POST(self) -> None:
            self._take()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    calls.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield calls
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@dataclass
class Post:
    """What an SMTP sink took: each mail as it would be shown, and who it was for."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    receivers: list[list[str]] = field(default_factory=list)
    greetings: list[str] = field(default_factory=list)
    refuse: str = ""
    """an answer like `550 no` to every receiver"""
    refused: dict[str, str] = field(default_factory=dict)
    """such an answer to each of these receivers"""


@contextmanager
def smtp_sink(tls: ssl.SSLContext | None = None, *, login: tuple[str, str] | None = None) -> Iterator[Post]:
    """Take every mail on a free port; with `tls` only after STARTTLS, with `login` only from who has user and password."""
    post = Post()
    more: dict[str, Any] = {}
    if tls is not None:
        more |= {"tls_context": tls, "require_starttls": True}
    if login is not None:

        def known(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
            # Not handled: then the server answers a refusal itself.
            return AuthResult(success=(data.login.decode(), data.password.decode()) == login, handled=False)

        more |= {"auth_required": True, "authenticator": known}

    class Handler:
        async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
            if refusal := post.refuse or post.refused.get(address):
                return refusal
            envelope.rcpt_tos.append(address)
            return "250 OK"

        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            mail = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            post.mails.append(mail)
            post.receivers.append(list(envelope.rcpt_tos))
            post.greetings.append(session.host_name)
            return "250 taken"

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        post.port = free.getsockname()[1]
    controller = Controller(Handler(), hostname="127.0.0.1", port=post.port, **more)
    controller.start()
    try:
        yield post
    finally:
        controller.stop()


def parts(mail: EmailMessage) -> dict[str, Any]:
    """Return a mail's text, HTML and files by name."""
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    files = {part.get_filename(): part.get_content() for part in mail.iter_attachments()}
    return {
        "text": plain.get_content().replace("\r\n", "\n") if plain else "",
        "html": html.get_content().replace("\r\n", "\n") if html else "",
        "files": files,
    }
