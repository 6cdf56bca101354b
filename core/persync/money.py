"""Money in minor units: integers and a currency, never a float."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Final, NamedTuple

__all__ = ["CURRENCIES", "Money", "exponent", "from_minor", "to_minor"]

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


# ISO 4217: the codes in use, without metals, funds of banks, tests and "no currency"; and those withdrawn since about 2000,
# which old orders may still be in.
_CODES = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE "
    "CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD "
    "HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD "
    "MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR "
    "RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH "
    "UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG "
    "AFA ATS AZM BEF BGL BYR CSD CUC CYP DEM EEK ESP FIM FRF GHC GRD GWP HRK IEP ITL LTL LUF LVL MGF MRO MTL MXP MZM NLG "
    "PTE ROL RUR SDD SIT SKK SLL SRG STD TMM TPE TRL VEB VEF YUM ZMK ZWD ZWL ZWN ZWR "
)
CURRENCIES: Final = frozenset(_CODES.split())
"""The codes that money can be in."""


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
