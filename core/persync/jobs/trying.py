"""What a first look at a connection found, in a few lines: what it may not see, why, and what reports lack without it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from persync.connect.guide import to_scopes
from persync.errors import CheckFailedError, PersyncError, SkipStreamError
from persync.redact import redacted

if TYPE_CHECKING:
    from persync.connect.connector import Connector
    from persync.connect.stream import Stream
    from persync.jobs.examine import Finding

__all__ = ["tried_lines"]

FEW: Final = 3
"""streams that are named; `persync doctor` names them all"""


@dataclass(slots=True)
class _Cause:
    """Streams that one thing keeps from being read."""

    error: PersyncError
    streams: list[Stream] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


def tried_lines(connector: Connector, findings: Iterable[Finding]) -> Iterator[str]:
    """Yield what `look_at` found about a connection, and last how many of its streams can be read.

    A token without a scope hides thirty streams: what one cause hides is one line.
    """
    streams = {stream.name: stream for stream in connector.streams}
    causes: dict[tuple[str, str], _Cause] = {}
    can_be_read = 0
    for one in findings:
        if one.stream is None:
            yield f"{one.what}: {one.found}" + (f". {one.fix}" if one.fix else "")
        elif one.state in ("ok", "not probed"):
            can_be_read += 1
        elif one.error is None or isinstance(one.error, CheckFailedError):
            yield f"{one.what}: {one.found}. {one.fix}".rstrip()
        else:
            reason = one.error.reason if isinstance(one.error, SkipStreamError) else ""
            cause = causes.setdefault((reason, one.error.what), _Cause(one.error))
            cause.streams.append(streams[one.stream])
            cause.names.append(one.what)
    for (reason, _), cause in causes.items():
        yield _told(connector, reason, cause)
    if streams:
        yield f"streams: {can_be_read} of {len(streams)} can be read"


def _told(connector: Connector, reason: str, cause: _Cause) -> str:
    more = f" and {len(cause.names) - FEW} more" if len(cause.names) > FEW else ""
    what = redacted(cause.error.what).rstrip(".")
    told = f"not read: {', '.join(cause.names[:FEW])}{more}: {f'{reason}: ' if reason else ''}{what}."
    scopes = list(dict.fromkeys(scope for one in cause.streams for scope in one.scopes)) if reason == "scope" else []
    if scopes:
        told += f" Allow {', '.join(scopes)}."
    elif cause.error.hint:
        told += f" {redacted(cause.error.hint)}"
    if reason == "scope":
        told += f" {to_scopes(type(connector), connector.connection)}"
    facts = dict.fromkeys(fact for one in cause.streams for fact in one.facts or (f"what {one.name} tells",))
    return f"{told} Until then reports lack: {', '.join(facts)}."
