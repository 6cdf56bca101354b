"""Days and periods as people write them, in a time zone, turned into epoch milliseconds."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

from persync.errors import ConfigError, nearest

_MONTH = re.compile(r"(\d{4})-(\d{2})")
_YEAR = re.compile(r"\d{4}")
_HINT = "Write --period 2025-01-01..2025-03-31: both days are included; a month (2025-01) or a year (2025) is one too."


def zone(name: str, *, where: str = "") -> ZoneInfo:
    """Return a time zone by its IANA name. Raise ConfigError with the nearest one."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError
        pass
    except KeyError:
        pass
    hint = nearest(name, sorted(available_timezones()))
    hint = hint if hint.startswith("Did") else "Write a name like Europe/Berlin."
    raise ConfigError(f"there is no time zone '{name}'.", where=where, hint=hint)


def day_start(day: date, timezone: str) -> int:
    """Return the first moment of a day in a time zone, in epoch ms."""
    return round(datetime.combine(day, time(), zone(timezone)).timestamp() * 1000)


def parse_period(text: str, timezone: str) -> tuple[int, int]:
    """Return [from, to) in epoch ms for `A..B`, both days included in the given time zone.

    `A` and `B` are days, months or years; one alone is a period too. Raises ConfigError.
    """
    first, dots, last = text.strip().partition("..")
    start, end = _days(first, text), _days(last if dots else first, text)
    if end[1] <= start[0]:
        raise ConfigError(f"the period {text!r} ends before it begins.", hint=_HINT)
    return day_start(start[0], timezone), day_start(end[1], timezone)


def parse_since(text: str, timezone: str, now: int) -> int:
    """Return the first moment of the day, month or year of `--since` in epoch ms.

    Raises ConfigError when it is none, or begins after `now`.
    """
    try:
        start = day_start(_days(text, text)[0], timezone)
    except ConfigError:
        raise ConfigError(f"--since: {text!r} is not a day.", hint="Write --since 2025-03-01.") from None
    if start > now:
        raise ConfigError(f"--since: {text!r} is in the future.", hint="Name a day that has begun.")
    return start


def _days(part: str, text: str) -> tuple[date, date]:
    """Return the first day of a day, month or year, and the day after its last."""
    try:
        if month := _MONTH.fullmatch(part):
            first = date(int(month[1]), int(month[2]), 1)
            return first, (first + timedelta(days=31)).replace(day=1)
        if _YEAR.fullmatch(part):
            return date(int(part), 1, 1), date(int(part) + 1, 1, 1)
        day = date.fromisoformat(part)
        return day, day + timedelta(days=1)
    except (ValueError, OverflowError):
        raise ConfigError(f"{text!r} is not a period.", hint=_HINT) from None
