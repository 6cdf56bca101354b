"""Which window a partition is read for: all of it, what changed since, or the last days again."""

from __future__ import annotations

from datetime import UTC, datetime

from persync.connect.result import PullOptions
from persync.connect.stream import DAY_MS, AccountFacts, Every, Full, Incremental, Refresh, Stream
from persync.errors import ConfigError
from persync.store.checkpoints import Checkpoint


def day_start(text: str, where: str) -> int:
    """Read a date (YYYY-MM-DD) or an ISO time as epoch ms UTC. Raise ConfigError when it is neither."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"'{text}' is not a date.", where=where, hint="Write YYYY-MM-DD.") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def open_window(
    stream: Stream, point: Checkpoint, options: PullOptions, account: AccountFacts, start: str | None, where: str
) -> None:
    """Set `since` and `until` of a pass that begins; a pass under way keeps the window it began with."""
    if point.token is not None:
        return
    now = options.now
    point.until = now
    point.since = None
    earliest = day_start(start, where) if start else None
    window = stream.window
    if isinstance(window, Full | Every):
        return
    if isinstance(window, Incremental):
        point.until = now - window.settle
    if options.since is not None:
        point.since = options.since
    elif options.full or point.watermark is None:
        point.since = earliest
    elif isinstance(window, Refresh):
        # Counted from the last time: what was young then has moved since, however long ago that was.
        point.since = min(point.watermark, now) - window.days * DAY_MS
    else:
        point.since = point.watermark - window.overlap
        if window.lookback_days and (point.full_at is None or now - point.full_at >= DAY_MS):
            point.since = min(point.since, point.watermark - window.lookback_days * DAY_MS)
            point.full_at = now
    if options.lookback_days and point.watermark is not None and point.since is not None:
        point.since = min(point.since, now - options.lookback_days * DAY_MS)
    if point.since is None or (account.covers_from is not None and point.since < account.covers_from):
        point.since = account.covers_from if account.covers_from is not None else point.since
    if point.since is not None and point.since > point.until:
        point.since = point.until
    if isinstance(window, Incremental) and point.watermark is None:
        point.full_at = now


def is_due(stream: Stream, point: Checkpoint, options: PullOptions) -> bool:
    """Tell whether a partition has anything to read now."""
    if point.token is not None or options.full:
        return True
    if isinstance(stream.window, Every) and stream.name not in options.streams:
        return point.watermark is None or options.now - point.watermark >= stream.window.days * DAY_MS
    if point.version is None:
        return True
    return point.version != point.done_version
