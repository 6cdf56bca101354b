"""What is read of each vendor, and how fast."""

from __future__ import annotations

import re
from typing import Any, Final

from making.markdown import table

VENDORS: Final = ("mailchimp", "shopify", "hubspot")


def streams_of(vendor: str) -> str:
    """Each stream of a connector with how it is read, made from its declaration."""
    from persync.plugins import load_plugins

    connector = load_plugins().connectors[vendor]
    parts = []
    for title, default in (("Read at every pull", True), ("Read when asked for by name (`--stream`)", False)):
        rows = [_stream_row(stream) for stream in connector.streams if stream.default is default]
        header = (
            "stream",
            "where",
            "its records' key",
            "what is read again",
            "under",
            "what is gone",
            "may need",
            "facts it carries",
        )
        parts += [f"### {title}\n\n{table(header, rows)}"] if rows else []
    return "\n".join(parts)


def _stream_row(stream: Any) -> tuple[str, ...]:
    key = f"`{stream.key}`" if stream.key else "one record"
    key += " (a person: kept as a hash)" if stream.personal_key else ""
    key += f"; skipped while `{stream.version}` stays" if stream.version else ""
    # A GraphQL stream is named by the connection it reads; an empty path is the API's root.
    is_query = not stream.path and hasattr(stream.reader, "query")
    where = f"`{getattr(stream.reader, 'at', '') or 'one query'}`" if is_query else f"`{stream.path or '/'}`"
    return (
        f"`{stream.name}`",
        f"{where}, {_paging(stream.reader)}",
        key,
        window_words(stream.window, is_child=stream.parent is not None),
        f"`{stream.parent}`" if stream.parent else "",
        _sweep_words(stream.sweeps),
        ", ".join(f"`{scope}`" for scope in stream.scopes)
        + (f"; until {stream.supported_until}" if stream.supported_until else ""),
        ", ".join(stream.facts),
    )


def _paging(reader: Any) -> str:
    """Return the reader's name and how many records it asks for at once."""
    for name in ("count", "limit", "size"):
        size = getattr(reader, name, None)
        if isinstance(size, int):
            return f"{type(reader).__name__} of {size:,}"
    return type(reader).__name__


def window_words(window: Any, *, is_child: bool = False) -> str:
    """Say in words what a stream reads again at a later pull; a child's parts are those that its parent's records name."""
    from persync.connect import DAY_MS, HOUR_MS, MINUTE_MS, Every, Incremental, Refresh

    def span(ms: int) -> str:
        for unit, word in ((DAY_MS, "day"), (HOUR_MS, "hour"), (MINUTE_MS, "minute")):
            if ms >= unit and ms % unit == 0:
                return f"{ms // unit} {word}{'' if ms == unit else 's'}"
        return f"{ms / 1000:g} seconds"

    if isinstance(window, Incremental):
        words = ["what changed since the last pull"]
        words += [f"and {span(window.overlap)} before"] if window.overlap else []
        words += [f"up to {span(window.settle)} ago"] if window.settle else []
        words += [f"once a day the last {window.lookback_days} days"] if window.lookback_days else []
        return ", ".join(words)
    if isinstance(window, Refresh):
        return f"the last {window.days} days"
    if isinstance(window, Every):
        return f"all, every {window.days} days" + (", at the first pull too" if window.first else "")
    return "each part that moved" if is_child else "all"


def _sweep_words(sweep: Any) -> str:
    if sweep is None:
        return ""
    kinds = (
        f" of kind {', '.join(sweep.only)}"
        if sweep.only
        else f" but {', '.join(kind or 'those of no kind' for kind in sweep.without)}"
        if sweep.without
        else ""
    )
    if sweep.thing == "member":
        return f"whom a {' or '.join(sweep.only)} does not name any longer has left it"
    return f"each {sweep.thing}{kinds} that it does not name"


def limits_of(vendor: str) -> str:
    """How fast a connector asks and what it asks again."""
    from persync.connect import client
    from persync.plugins import load_plugins

    kind = load_plugins().connectors[vendor]
    settings = kind.settings_type.model_construct(connector=vendor, **({"shop": "example"} if vendor == "shopify" else {}))
    connector = kind(vendor, settings, {})
    pace = connector.pace()
    version = connector.api_version or "none of its own"
    until = f", supported until {connector.supported_until}" if connector.supported_until else ""
    rows = [
        ("API version", f"{version}{until}"),
        ("calls at once", f"{min(connector.workers, pace.concurrent)}"),
        ("pace", _pace_words(type(pace))),
        (
            "asked again",
            f"what may pass: at most {client.TRIES} tries in {client.PATIENCE_S / 60:g} minutes, longer waits each time, or as "
            f"long as Retry-After says (seconds or a date), at most {client.LONGEST_WAIT_S:g} seconds",
        ),
        ("a host that cannot be reached", f"{client.TRIES_UNREACHABLE} tries"),
        ("a daily quota", "ends the pull with exit code 5; the next one goes on at the page where it stopped"),
        (
            "at the limit",
            "held by `tests/core/test_core_pace_bench.py`: at least 95 % of what is allowed used, under 1 % refused",
        ),
    ]
    return table(("limit", ""), [(name, text.replace("\n\n", " ")) for name, text in rows])


def _pace_words(kind: type) -> str:
    """Return what the docstrings of a pace and those it builds on say, without the base's and without its arguments."""
    from persync.connect import Pace

    kinds = [one for one in reversed(kind.__mro__) if issubclass(one, Pace) and one is not Pace] or [Pace]
    texts = " ".join(" ".join((one.__doc__ or "").split()) for one in kinds)
    return " ".join(sentence for sentence in re.split(r"(?<=\.)\s+", texts) if not sentence.startswith("`"))
