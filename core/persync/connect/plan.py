"""Which streams to read, and in which order."""

from __future__ import annotations

from persync.connect.connector import Connector
from persync.connect.stream import Stream
from persync.errors import ConfigError, nearest


def wanted_streams(connector: Connector, names: tuple[str, ...]) -> tuple[Stream, ...]:
    """Return the streams to read: the named ones, else all that are on by default. Raise ConfigError on an unknown name."""
    if not names:
        return tuple(stream for stream in connector.streams if stream.default)
    known = {stream.name: stream for stream in connector.streams}
    for name in names:
        if name not in known:
            raise ConfigError(
                f"{connector.title} has no stream '{name}'.", where=connector.connection, hint=nearest(name, list(known))
            )
    return tuple(stream for stream in connector.streams if stream.name in names)


def levels(streams: tuple[Stream, ...]) -> list[list[Stream]]:
    """Sort streams into levels: each needs only streams of the levels before it (needs that are not read now do not count).

    Raises ConfigError when streams need each other in a circle.
    """
    waiting = {stream.name: stream for stream in streams}
    done: list[list[Stream]] = []
    while waiting:
        ready = [
            stream
            for stream in waiting.values()
            if not any(other in waiting for other in (*stream.needs, stream.parent or "") if other != stream.name)
        ]
        if not ready:
            raise ConfigError(f"the streams {', '.join(sorted(waiting))} need each other in a circle.")
        for stream in ready:
            del waiting[stream.name]
        done.append(ready)
    return done
