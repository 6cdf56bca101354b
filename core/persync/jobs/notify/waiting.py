"""Messages that wait: in quiet hours, or because they could not be sent; how they are kept, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from persync.estimate import Estimate
from persync.hookspecs import Message, Number

MOST_HELD: Final = 20
MOST_TRIES: Final = 10
LONGEST_MS: Final = 7 * 24 * 3_600_000
"""A message that cannot be sent is given up after so many tries, or when it is so old: later ones say how things stand."""


@dataclass(slots=True, eq=False)
class Held:
    """A message that waits: for which channel, since when (epoch ms), and how often it was tried."""

    channel: str
    message: Message
    since: int
    tries: int = 0

    def is_given_up(self, now: int) -> bool:
        """Tell whether a message that could not be sent again has had its chances."""
        return self.tries >= MOST_TRIES or now - self.since > LONGEST_MS


def kept(held: Held) -> dict[str, Any]:
    """Return a message that waits as JSON keeps it."""
    message = {**asdict(held.message), "attachments": [str(path) for path in held.message.attachments]}
    return {"channel": held.channel, "since": held.since, "tries": held.tries, "message": message}


def restored(given: Mapping[str, Any]) -> Held:
    """Return the message that was kept. Raises ValueError for what is none."""
    try:
        message = given["message"]
        numbers = tuple(
            Number(**{**one, "estimate": None if one["estimate"] is None else _estimate(one["estimate"])})
            for one in message["numbers"]
        )
        files = tuple(Path(path) for path in message["attachments"])
        texts = {"lines": _texts(message["lines"]), "only": _texts(message["only"])}
        whole = Message(**{**message, **texts, "numbers": numbers, "attachments": files})
        held = Held(given["channel"], whole, given["since"], given["tries"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no message: {type(error).__name__}") from None
    _are(str, held.channel, *(getattr(whole, one.name) for one in fields(Message) if one.type == "str"))
    _are(int, held.since, held.tries, whole.made_at)
    _are(str, *(getattr(one, name) for one in numbers for name in ("title", "value", "interval", "change")))
    return held


def _estimate(given: Mapping[str, Any]) -> Estimate:
    period = given["period"]
    return Estimate(**{**given, "by": dict(given["by"]), "period": None if period is None else (period[0], period[1])})


def _texts(given: Any) -> tuple[str, ...]:
    found = tuple(given)
    _are(str, *found)
    return found


def _are(kind: type, *values: Any) -> None:
    for value in values:
        if type(value) is not kind:
            raise ValueError(f"no message: {type(value).__name__} in place of {kind.__name__}")
