"""Calls that tell somebody else: webhooks and dead-man switches. Nothing about anybody goes out with them but what is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from persync.connect.client import Client
from persync.connect.connector import Connector, retry_after
from persync.connect.stream import Request
from persync.errors import PersyncError, ResponseError, TransientError
from persync.redact import register

TRIES: Final = 3
_AGAIN: Final = "Try again later; a job does at its next run."
ADDRESS: Final = "Check the network, and the address that was put away."
"""the hint of what cannot be reached; who knows where the address stands says it better"""


class _Door(Connector):
    """An address that is a secret as a whole."""

    name = "outgoing"
    title = "Outgoing calls"

    def __init__(self, name: str, url: str) -> None:
        super().__init__(name, None, {})
        register(url)
        self._url = url

    def base_url(self) -> str:
        return self._url

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> PersyncError | None:
        if status < 400:
            return None
        if status in (408, 429) or status >= 500:
            return TransientError(f"it could not take the call (HTTP {status}).", wait=retry_after(headers), hint=_AGAIN)
        return ResponseError(f"it refused the call (HTTP {status}).", hint="Make a new address there, and put it away again.")


def post_json(name: str, url: str, body: Any, *, tries: int | None = None) -> None:
    """Post JSON to an address that nobody may see; `name` stands for it in messages.

    It is asked again only where it surely did not arrive. Raises ConfigError for an address that cannot be called (plain http
    is for loopback alone), ResponseError or TransientError for a refusal or when nobody can be reached.
    """
    _send(name, url, Request(method="POST", json=body, once=True), tries)


def ping(name: str, url: str, signal: str, run: str, *, tries: int | None = None) -> None:
    """Tell a dead-man switch of the kind of healthchecks that a run begins (`start`), ended well (""), or its exit status.

    `run` is a UUID that ties a start to its end. Raises as `post_json` does.
    """
    parts = urlsplit(url)
    base = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
    register(url)
    _send(name, base, Request(path=signal, params={**dict(parse_qsl(parts.query)), "rid": run}), tries)


def _send(name: str, url: str, request: Request, tries: int | None) -> None:
    try:
        with Client(_Door(name, url), tries=tries or TRIES) as client:
            register(client.address)  # the log spells it otherwise than who put it away
            client.send(request)
    except PersyncError as error:
        if "base_url" in error.hint:  # a setting of connections: nobody reached, or a redirect
            error.hint = ADDRESS
        elif error.hint.startswith("Pull again"):  # nothing is pulled here
            error.hint = _AGAIN
        raise
