"""What a pull is asked and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from persync.errors import (
    EXIT_AUTH,
    EXIT_ERROR,
    EXIT_OK,
    EXIT_PARTIAL,
    EXIT_QUOTA,
    SIGNALLED,
    AuthError,
    PersyncError,
    QuotaError,
)

if TYPE_CHECKING:
    from persync.connect.pace import Daily

State = Literal["done", "skipped", "failed", "partial", "not read"]
"""partial: some of it was kept; not read: the connection ended before it was this stream's turn"""


@dataclass(frozen=True, slots=True)
class PullOptions:
    """How to pull. `since` (epoch ms) overrides every stream's window; `now` is the moment of the run.

    `lookback_days` widens the windows of what was read before: so many days before `now` are read again at least.
    """

    now: int
    streams: tuple[str, ...] = ()
    since: int | None = None
    full: bool = False
    rejects: bool = False
    wait: float = 0.0
    lookback_days: int = 0
    command: str = "pull"


@dataclass(slots=True)
class StreamResult:
    """What became of one stream. `partitions` counts those read; `changed` the rows of the store that changed."""

    connection: str
    stream: str
    state: State = "not read"
    pages: int = 0
    records: int = 0
    changed: int = 0
    rejects: int = 0
    unchanged: int = 0
    partitions: int = 0
    waiting: int = 0
    reason: str = ""
    error: PersyncError | None = None
    unread: set[str] = field(default_factory=set)
    """new fields, by dotted name, as its first page showed them: the vendor sends them, and persync does not know them"""

    def settle(self) -> None:
        """Say what became of the stream now that nothing more is read of it."""
        if self.state == "not read":
            self.state = "done" if self.partitions == self.waiting else "partial" if self.pages else "not read"
        elif self.state == "failed" and self.pages:
            self.state = "partial"


@dataclass(slots=True)
class PullResult:
    """What became of a pull."""

    streams: list[StreamResult] = field(default_factory=list)
    errors: list[PersyncError] = field(default_factory=list)
    """errors of whole connections"""
    interrupted: int = 0
    """the number of the signal that ended it (2 SIGINT, 15 SIGTERM), 0 for none"""
    notes: list[str] = field(default_factory=list)
    """what whoever pulls should know besides"""

    @property
    def changed(self) -> int:
        """Rows of the store that changed."""
        return sum(result.changed for result in self.streams)

    @property
    def exit_code(self) -> int:
        """128 + the signal that ended it; 0; 5 when a daily quota ended it; 4 when every connection that kept something was
        then refused its sign-in; 3 when some was kept and some failed; else the first of 4, 5, 1."""
        if self.interrupted:
            return SIGNALLED + self.interrupted
        failures = [*self.errors, *(r.error for r in self.streams if r.error is not None and r.state != "skipped")]
        if not failures:
            return EXIT_PARTIAL if any(result.rejects for result in self.streams) else EXIT_OK
        if any(isinstance(error, QuotaError) for error in failures):
            return EXIT_QUOTA  # whatever was kept: pull again later, it goes on where it stopped
        refused = {one.connection for one in self.streams if isinstance(one.error, AuthError)}
        if refused and refused >= {one.connection for one in self.streams if one.pages}:
            return EXIT_AUTH  # whatever was kept: nothing comes of pulling again before somebody signs in
        if any(result.pages for result in self.streams):
            return EXIT_PARTIAL
        codes = {error.exit_code for error in failures}
        return next((code for code in (EXIT_AUTH, EXIT_QUOTA) if code in codes), failures[0].exit_code or EXIT_ERROR)


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of a pull, for whoever watches. `done` of `total` partitions of this stream are read."""

    connection: str
    stream: str
    pages: int
    records: int
    changed: int
    done: int
    total: int
    finished: bool = False
    reason: str = ""
    """of a stream that was skipped or failed: why"""
    expected: int | None = None
    """records that the vendor says there are in its only partition, as this run reads it from its beginning"""
    daily: Daily | None = None
    """what the vendor said last of the account's calls a day"""


Watcher = Callable[[Progress], None]
