"""Servers on loopback that take what notifiers send, refuse it, or say nothing: one for the web, one for mail."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Literal

from persync.loopback import HOST

ADDRESSED: Final = ("from", "to", "cc", "bcc", "sender", "reply-to", "message-id", "date")
"""headers of a mail that are no part of what it says: they name who writes to whom"""


class Sink:
    """What came (`taken`: headers and body, a text each; of a mail without who wrote to whom), and how it is answered: `take`,
    `refuse` (403, 550), or `silent`."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.mood: Literal["take", "refuse", "silent"] = "take"
        self.released = threading.Event()
        self.url = ""


@contextmanager
def sinking(kind: Literal["http", "smtp"] = "http") -> Iterator[Sink]:
    """Serve a sink while the block runs; its `url` begins with its kind."""
    sink = Sink()
    server = _web(sink) if kind == "http" else _post(sink)
    server.daemon_threads = True
    sink.url = f"{kind}://{HOST}:{server.server_address[1]}" + ("/told" if kind == "http" else "")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        sink.released.set()
        server.shutdown()
        thread.join(10)
        server.server_close()


def _web(sink: Sink) -> ThreadingHTTPServer:

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

    return ThreadingHTTPServer((HOST, 0), Answer)


def _post(sink: Sink) -> socketserver.ThreadingTCPServer:
    class Answer(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self) -> None:
            if sink.mood == "silent":
                sink.taken.append("")
                sink.released.wait(30)
                return
            self.say("220 sink")
            while line := self.rfile.readline().decode("utf-8", "replace").strip():
                word = line[:4].upper()
                if word == "EHLO":
                    self.say("250-sink\r\n250 AUTH PLAIN")
                elif word == "AUTH":
                    self.say("235 come in")
                elif word == "RCPT" and sink.mood == "refuse":
                    self.say(f"550 no: {line}")
                elif word == "DATA":
                    self.say("354 go on")
                    sink.taken.append(_mail(b"".join(iter(self.rfile.readline, b".\r\n"))))
                    self.say("250 taken")
                elif word == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 ok")

    return socketserver.ThreadingTCPServer((HOST, 0), Answer)


def _mail(data: bytes) -> str:
    """Return what a mail says: its headers but those that name who writes to whom, and every part that is text."""
    mail = message_from_bytes(data, policy=policy.default)
    said = [f"{name}: {value}" for name, value in mail.items() if name.lower() not in ADDRESSED]
    texts = [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
    return "\n".join((*said, *texts))
