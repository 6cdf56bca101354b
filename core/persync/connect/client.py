"""The one door to the network. Only this file knows httpx.

A token goes to its own host alone, plain http is refused except on loopback, and what may be asked again is asked again
here and nowhere else: transient errors only, exponential with jitter, capped in tries and in time, Retry-After obeyed.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_after_delay, stop_any
from tenacity.stop import stop_base
from tenacity.wait import wait_exponential_jitter

from persync import __version__
from persync.connect.bodies import understood
from persync.connect.connector import Connector, retry_after
from persync.connect.guide import to_a_token
from persync.connect.stream import Request
from persync.errors import AuthError, ConfigError, PersyncError, ResponseError, TransientError, UnreachableError
from persync.redact import redacted, register_header
from persync.store.store import hidden

with hidden("rich"):
    import httpx

__all__ = ["Client", "Response", "Stopped"]


class _Redacting(logging.Filter):
    """Takes secrets out of what httpx logs of a call, whoever hears it: an address may be one as a whole."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redacted(record.getMessage()), ()
        return True


logging.getLogger("httpx").addFilter(_Redacting())

TRIES = 6
TRIES_UNREACHABLE = 3
"""a host that cannot be reached at all is most often misspelt: say so soon"""
PATIENCE_S = 600.0
"""so long a call is tried; a vendor that asks for a longer wait is believed, and the call given up at once"""
LONGEST_WAIT_S = 120.0
"""between two tries when the vendor does not say how long"""
_GOES_ON = "Pull again: it goes on where it stopped."
TIMEOUT = httpx.Timeout(connect=10.0, read=125.0, write=30.0, pool=None)


class Stopped(Exception):  # noqa: N818 - not an error: the run is ending and nobody waits for this answer
    """Raised in a fetch thread when the run is ending."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: status, headers with lower-case names, and the decoded body."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    total: int | None = None
    """of a part of a file: the size of the whole, if the server says"""


@cache
def _trusted() -> ssl.SSLContext:
    """Return the certificates to hold a server's against, for all clients: reading them takes as long as a call."""
    return httpx.create_ssl_context(trust_env=False)


class Client:
    """Calls one connection's API. `sleep` is injectable so that tests never wait; it returns True when the run is ending."""

    def __init__(
        self,
        connector: Connector,
        *,
        stop: threading.Event | None = None,
        sleep: Callable[[float], bool] | None = None,
        transport: httpx.BaseTransport | None = None,
        tries: int = TRIES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.connector = connector
        self._clock = clock
        self._behind: float | None = None
        self._date = ""
        self._stop = stop or threading.Event()
        self._sleep = sleep or self._stop.wait
        self._base = checked_url(connector.base_url(), connector.connection)
        self._origin = _origin(self._base)
        self.pace = connector.pace()
        self._slots = threading.BoundedSemaphore(max(1, self.pace.concurrent))
        self._tries = tries
        self._retry_wait = wait_exponential_jitter(multiplier=0.5, max=LONGEST_WAIT_S, jitter=0.5)
        self._http = httpx.Client(
            timeout=TIMEOUT,
            transport=transport,
            follow_redirects=False,
            headers={"user-agent": f"persync/{__version__}", "accept": "application/json"},
            limits=httpx.Limits(max_connections=self.pace.concurrent + 2, max_keepalive_connections=self.pace.concurrent + 2),
            trust_env=False,
            verify=_trusted() if transport is None else True,
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @property
    def address(self) -> str:
        """The base URL as httpx spells it where it logs a call: the host in small letters, without the usual port."""
        return str(httpx.URL(self._base))

    @property
    def behind(self) -> float:
        """Seconds by which the vendor's clock is surely behind this machine's (`clock`), 0.0 when it is not.

        By the Date of the answer that says least of all: one that is out of line, or comes out of a cache, moves nothing.
        """
        return max(0.0, self._behind or 0.0)

    def get_json(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """Send a GET and return the parsed JSON."""
        import orjson

        response = self.send(Request(path=path, params=params or {}))
        try:
            return orjson.loads(response.body)
        except orjson.JSONDecodeError:
            raise PersyncError(
                "the answer is not JSON.", where=f"{self.connector.connection}, GET {path}", hint="Check base_url."
            ) from None

    def send(self, request: Request, *, signed: bool = True) -> Response:
        """Make a call, waiting and asking again as the vendor's rules say.

        Raises what the connector's `failure` makes of an answer, or UnreachableError; each names connection, call and the
        vendor's request id.
        """
        renewed = False
        while True:
            try:
                for attempt in Retrying(
                    retry=retry_if_exception(_starts_nothing_twice if request.once else _worth_retrying),
                    wait=self._wait,
                    stop=stop_any(stop_after_attempt(self._tries), stop_after_delay(PATIENCE_S), _GivesUp()),
                    sleep=self._pause,
                    reraise=True,
                ):
                    with attempt:
                        return self._once(request, signed)
            except AuthError as error:
                # A short-lived token may have run out mid-pull: ask for a new one once, then believe the refusal.
                if renewed or not signed or not self.connector.renew():
                    error.hint = f"{error.hint} {to_a_token(type(self.connector), self.connector.connection)}".lstrip()
                    raise
                renewed = True

    def pause(self, seconds: float) -> None:
        """Wait, unless the run is ending: then raise Stopped."""
        self._pause(seconds)

    def _pause(self, seconds: float) -> None:
        if seconds > 0 and self._sleep(seconds):
            raise Stopped
        if self._stop.is_set():
            raise Stopped

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = getattr(error, "wait", None)
        return min(asked, PATIENCE_S) if asked is not None else float(self._retry_wait(state))

    def _compare_clocks(self, date: str, sent: float) -> None:
        """Take note of an answer's Date. It was written after `sent`: what it lies before that is no time on the way."""
        if date == self._date:
            return
        try:
            written = parsedate_to_datetime(date).timestamp()
        except (TypeError, ValueError, OverflowError):
            return
        self._date = date
        # In whole seconds: it may be up to one later than it says.
        behind = sent - written - 1.0
        if self._behind is None or behind < self._behind:
            self._behind = behind

    def _once(self, request: Request, signed: bool) -> Response:
        url = self._url(request.path)
        own_host = _origin(url) == self._origin
        headers = dict(request.headers)
        if signed and own_host:
            signed_by = self.connector.headers(self)
            for value in signed_by.values():
                register_header(value)
            headers.update(signed_by)
        with self._slots:
            while (wait := self.pace.before(request)) > 0:
                self._pause(wait)
            sent = self._clock()
            try:
                if request.span is not None:
                    answer, body, total = self._part(request, url, headers, request.span)
                else:
                    answer = self._http.request(
                        request.method,
                        url,
                        params=request.params or None,
                        json=request.json,
                        data=request.form,
                        headers=headers,
                    )
                    body, total = answer.content, None
            except httpx.HTTPError as error:
                self.pace.lost(request)
                raise self._unreachable(error, url).at(self._place(request)) from None
        lower = {name.lower(): value for name, value in answer.headers.items()}
        if own_host:
            self._compare_clocks(lower.get("date", ""), sent)
        with understood("what the answer says of limits makes no sense"):
            self.pace.learn(request, answer.status_code, lower, body)
        if 300 <= answer.status_code < 400:
            raise PersyncError(
                f"the server sends us elsewhere (HTTP {answer.status_code}).",
                where=self._place(request),
                hint="Redirects are not followed, so that no token can leave its host. Check base_url.",
            )
        # What another host says of a file says nothing of the account or its token.
        judge = self.connector.failure if own_host else _elsewhere
        # Cleaned before anybody cuts it: a secret or an address cut in half is known by nothing any more.
        told = redacted(body.decode("utf-8", "replace")).encode() if answer.status_code >= 400 else body
        try:
            with understood("the refusal makes no sense"):
                failure = judge(answer.status_code, lower, told)
        except PersyncError as error:
            # An answer in which not even the reason can be read.
            failure = error
        if failure is not None:
            request_id = self.connector.request_id(lower, told)
            place = self._place(request)
            if isinstance(failure, TransientError) and failure.wait is not None and failure.wait > PATIENCE_S:
                minutes = math.ceil(failure.wait / 60)
                failure.hint = f"It asks to wait for {minutes} minutes: pull again then, it goes on where it stopped."
            raise failure.at(f"{place}, request {request_id}" if request_id else place)
        return Response(answer.status_code, lower, body, total)

    def _part(
        self, request: Request, url: str, headers: dict[str, str], span: tuple[int, int]
    ) -> tuple[httpx.Response, bytes, int | None]:
        """Read a part of a file. A server that does not know ranges sends it all: then what lies before is skipped."""
        offset, length = span
        # Not compressed: offsets count the file's own bytes.
        headers |= {"range": f"bytes={offset}-{offset + length - 1}", "accept-encoding": "identity"}
        with self._http.stream(request.method, url, params=request.params or None, headers=headers) as answer:
            if answer.status_code == 416:
                return httpx.Response(200, headers=answer.headers), b"", _whole_size(answer.headers)
            if answer.status_code not in (200, 206):
                return answer, answer.read(), None
            part = answer.status_code == 206
            skip, body = 0 if part else offset, bytearray()
            for chunk in answer.iter_bytes():
                cut = min(skip, len(chunk))
                skip -= cut
                body += chunk[cut:]
                if len(body) >= length:
                    break
            total = _whole_size(answer.headers) if part else int(answer.headers.get("content-length", 0)) or None
            if part and len(body) < length and total is not None and offset + len(body) < total:
                raise httpx.ReadError("the part is cut short", request=answer.request)
            return answer, bytes(body[:length]), total

    def _url(self, path: str) -> str:
        if "://" in path:
            return checked_url(path, self.connector.connection)
        return f"{self._base}/{path.lstrip('/')}" if path else self._base

    def _place(self, request: Request) -> str:
        return f"{self.connector.connection}, {request.method} {urlsplit(request.path).path or '/'}"

    @staticmethod
    def _unreachable(error: httpx.HTTPError, url: str) -> PersyncError:
        host = urlsplit(url).netloc
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.UnsupportedProtocol):
            return UnreachableError(
                f"cannot reach {host}.", hint="Check the network, and base_url or the account's region in persync.toml."
            )
        if isinstance(error, httpx.TimeoutException):
            return TransientError(f"{host} did not answer in time.", hint=_GOES_ON)
        if isinstance(error, httpx.DecodingError):
            return TransientError(f"{host} sent a damaged answer.", hint=_GOES_ON)
        return TransientError(f"the connection to {host} broke.", hint=_GOES_ON)


def _whole_size(headers: httpx.Headers) -> int | None:
    """Return the size in `content-range: bytes 0-99/1234`, None when it is not there."""
    size = headers.get("content-range", "").rpartition("/")[2]
    return int(size) if size.isdigit() else None


def _worth_retrying(error: BaseException) -> bool:
    return isinstance(error, TransientError) and not error.shrink


def _starts_nothing_twice(error: BaseException) -> bool:
    return _worth_retrying(error) and (isinstance(error, UnreachableError) or getattr(error, "throttled", False))


def _elsewhere(status: int, headers: Mapping[str, str], body: bytes) -> PersyncError | None:
    if status < 400:
        return None
    if status in (408, 429) or status >= 500:
        return TransientError(f"the file's host failed (HTTP {status}).", wait=retry_after(headers), hint=_GOES_ON)
    return ResponseError(f"the file cannot be read (HTTP {status}).", hint=_GOES_ON)


class _GivesUp(stop_base):
    """Ends the tries of a host that is not there, and of one that asks for more time than anybody waits."""

    def __call__(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, UnreachableError):
            return state.attempt_number >= TRIES_UNREACHABLE
        asked = getattr(error, "wait", None)
        return asked is not None and asked > PATIENCE_S


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port


def checked_url(url: str, connection: str) -> str:
    """Return a base URL without trailing slash; raise ConfigError unless it is https, or http on loopback."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    if parts.scheme not in ("http", "https") or not host or any(not label for label in host.removesuffix(".").split(".")):
        raise ConfigError(f"'{url}' is not a URL persync can call.", where=connection, hint="Write https://host/path.")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ConfigError(
            f"plain http to {host} is refused: the token would travel readable.", where=connection, hint="Use https."
        )
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
