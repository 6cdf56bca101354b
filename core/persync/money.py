"""Money in minor units: integers and a currency, never a float."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import NamedTuple

__all__ = ["Money", "exponent", "from_minor", "to_minor"]

# ISO 4217 currencies whose minor unit is not a hundredth.
_EXPONENTS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    "CLF": 4,
    "UYW": 4,
}


class Money(NamedTuple):
    """An amount in minor units (cents) of a currency (ISO 4217)."""

    minor: int
    currency: str

    def __str__(self) -> str:
        return f"{from_minor(self.minor, self.currency)} {self.currency}"


def exponent(currency: str) -> int:
    """Return how many decimals the minor unit of a currency has: 2 for EUR, 0 for JPY, 3 for KWD."""
    return _EXPONENTS.get(currency, 2)


def to_minor(amount: str | int | float | Decimal, currency: str) -> int:
    """Turn a decimal amount as a vendor sends it ("8600.0", 12.5) into minor units.

    Floats go through their shortest decimal text, so 0.1 is ten cents. Digits below the minor unit are rounded
    half to even. Raises ValueError on anything that is not a finite number.
    """
    try:
        value = Decimal(str(amount))
    except InvalidOperation:
        raise ValueError(f"{amount!r} is not an amount of money") from None
    if not value.is_finite():
        raise ValueError(f"{amount!r} is not an amount of money")
    try:
        return int(value.scaleb(exponent(currency)).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))
    except InvalidOperation:
        raise ValueError(f"{amount!r} is more money than there is") from None


def from_minor(minor: int, currency: str) -> Decimal:
    """Turn minor units into a decimal with the currency's number of places."""
    return Decimal(minor).scaleb(-exponent(currency))
