"""A connector: everything persync must know of one vendor, with no control flow of its own."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from persync.connect.guide import Guide
from persync.connect.stream import AccountFacts, Stream
from persync.connect.totals import Total
from persync.errors import AuthError, PersyncError, ResponseError, SkipStreamError, TransientError
from persync.redact import register

if TYPE_CHECKING:
    from persync.connect.client import Client
    from persync.connect.pace import Pace
    from persync.imports.batch import Batch


LATER = "Pull again later: it goes on where it stopped."
"""the next step after what may pass by itself"""


class ConnectionSettings(BaseModel):
    """What every connection may say in persync.toml; a connector adds its own typed settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    connector: str
    base_url: str | None = None
    attributes: dict[str, str] = {}
    """opt-in attributes: {name: basis for holding it}, kept coarse; nothing else about a person is kept"""
    start: str | None = None
    """read nothing older than this date (YYYY-MM-DD) at the first pull"""
    overrides: dict[str, Annotated[int, Field(ge=0, le=4)]] = {}
    """personalisation level by campaign id, where the evidence misleads"""

    @field_validator("attributes")
    @classmethod
    def _with_a_basis(cls, attributes: dict[str, str]) -> dict[str, str]:
        for name, basis in attributes.items():
            if not basis.strip():
                raise ValueError(f"'{name}' has no basis; write why you may hold it: {name} = \"asked at sign-up\"")
        return attributes


class Doubt(str):
    """What `Connector.check` found when the connection works but something is amiss; `fix` says what to do about it."""

    fix: str

    def __new__(cls, found: str, fix: str) -> Doubt:
        one = super().__new__(cls, found)
        one.fix = fix
        return one


class Connector:
    """Base of all connectors. Subclass, fill the class attributes, override what the vendor does differently.

    `secrets` names what must be found (`token`); each may be put elsewhere by the setting `<secret>_env`.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    settings_type: ClassVar[type[ConnectionSettings]] = ConnectionSettings
    secrets: ClassVar[Mapping[str, str]] = {}
    """{secret: default environment variable}"""
    streams: ClassVar[tuple[Stream, ...]] = ()
    workers: ClassVar[int] = 4
    api_version: str | None = None
    """the version of the API that is asked for, as the vendor writes it; None when the vendor has no versions"""
    supported_until: str | None = None
    """the day (YYYY-MM-DD) from which the vendor may refuse that version; None when none was announced"""
    help: ClassVar[str] = ""
    """where a person gets the token, in one or two sentences"""
    guide: ClassVar[Guide | None] = None
    """the way to the token step by step, and what the vendor holds back: shown by `persync connect`"""

    def __init__(self, connection: str, settings: Any, secrets: Mapping[str, str]) -> None:
        self.connection = connection
        self.settings = settings
        self.secret_values = dict(secrets)
        register(*self.secret_values.values())

    def base_url(self) -> str:
        """Return the API's base URL, without a trailing slash. Raise ConfigError when settings or secret cannot give one."""
        raise NotImplementedError

    def headers(self, client: Client) -> Mapping[str, str]:
        """Return the headers that sign a call to the connector's own host. `client` is for those that must ask for a token."""
        return {}

    def renew(self) -> bool:
        """Forget a token that was just refused; return True when `headers` can get another one."""
        return False

    def pace(self) -> Pace:
        """Return how fast this vendor may be asked; one object a connection and run."""
        from persync.connect.pace import Pace

        return Pace(concurrent=self.workers)

    def check(self, client: Client) -> Iterator[tuple[str, str]]:
        """Make one or a few real calls; yield `(what was checked, what was found)`. Raise PersyncError when it fails.

        What works but is not as it should be is found as a `Doubt`: doctor warns of it.
        """
        raise NotImplementedError

    def totals(self, client: Client, account: AccountFacts) -> Iterator[Total]:
        """Yield the vendor's own totals for `persync reconcile`, each with the SQL that counts the same in the store.

        Few calls: counts, sums and counters that the vendor keeps, never a list read to its end. Default: nothing.
        """
        return iter(())

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> PersyncError | None:
        """Return the error an answer stands for, None when it is good. Override to read the vendor's own error shape."""
        if status < 400:
            return None
        if status == 401:
            return AuthError("the token was refused (HTTP 401).", hint=self.help)
        if status == 403:
            return SkipStreamError(
                "access denied (HTTP 403).", reason="scope", hint="Give the token access to this, then pull again."
            )
        if status == 429:
            return TransientError("too many requests (HTTP 429).", throttled=True, wait=retry_after(headers), hint=LATER)
        if status >= 500 or status in (408, 423, 477):
            return TransientError(f"the vendor failed (HTTP {status}).", wait=retry_after(headers), hint=LATER)
        return ResponseError(f"HTTP {status}.", hint="Check base_url. If the vendor changed this call, update persync.")

    def request_id(self, headers: Mapping[str, str], body: bytes) -> str:
        """Return the vendor's own id of a call, for error messages."""
        return headers.get("x-request-id", "")

    def batches(self, seen: Mapping[str, str]) -> Iterator[Batch] | None:
        """For a connector that reads no API (the bundled `files`): yield whole batches of rows, skipping those in `seen`."""
        return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read a Retry-After header: seconds, or a date against the answer's own Date header (so no clock is needed)."""
    value = headers.get("retry-after", "")
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        pass
    else:
        return max(0.0, seconds) if math.isfinite(seconds) else None
    from email.utils import parsedate_to_datetime

    try:
        until = parsedate_to_datetime(value)
        asked = parsedate_to_datetime(headers.get("date", ""))
        return max(0.0, (until - asked).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None
