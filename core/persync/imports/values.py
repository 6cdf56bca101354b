"""One cell of a CSV file: text in, a typed value out, or ValueError with what to write instead.

No message repeats the cell of a person, and none repeats a text with an @ in it.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from persync.errors import nearest
from persync.imports.importer import Column
from persync.money import CURRENCIES, exponent, to_minor
from persync.rows import Person

_EPOCH_MS = re.compile(r"-?\d{11,14}")
_EPOCH_S = re.compile(r"\d{9,10}")
_AMOUNT = re.compile(r"-?\d+(\.\d+)?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_ADDRESS = re.compile(r"[^\s@]@[^\s@]+\.\w")
_FIRST, _LAST = -62_135_596_800_000, 253_402_300_799_999
"""the first and the last moment that has a date, in epoch ms"""
_MOST = 2**63 - 1
"""minor units: what an integer column holds"""
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def parse(column: Column, text: str, connections: Collection[str] | None) -> Any:
    """Return the value of a cell that is not empty; money stays text until its currency is known."""
    match column.kind:
        case "person":
            return person(text, connections)
        case "time":
            return time(text)
        case "number":
            return number(text)
        case "integer":
            return integer(text, column.least, column.most)
        case "share":
            return share(text)
        case "flag":
            return flag(text)
        case "currency":
            return currency(text)
        case "text" if _ADDRESS.search(unicodedata.normalize("NFKC", text).replace("%40", "@")):
            raise ValueError("this looks like an e-mail address; addresses may stand in the column 'person' alone.")
        case "text" if column.choices and text not in column.choices:
            raise ValueError(f"{shown(text)} is not known. {nearest(text, column.choices)}")
        case _:
            return text


def shown(text: str) -> str:
    """Quote a cell for a message; one that may hold an address is not repeated."""
    return "the value" if "@" in text else repr(text if len(text) <= 40 else f"{text[:37]}...")


def person(text: str, connections: Collection[str] | None) -> Person:
    """An e-mail if there is an @, `CONNECTION:ID` for a platform's own id, else an opaque id.

    Unless `connections` is None, the one named must be among them: a platform's id is kept as it is, an own id is not.
    """
    if "@" in text:
        local, _, domain = text.rpartition("@")
        if not local or not domain or any(c.isspace() for c in text):
            raise ValueError("this is neither an e-mail address nor an id.")
        address: Person = Person(("email", text.lower()))
        return address
    connection, colon, key = text.partition(":")
    if not colon:
        opaque: Person = Person(("opaque", text))
        return opaque
    if not connection or not key:
        raise ValueError("a platform's id is written CONNECTION:ID.")
    if connections is not None and connection not in connections:
        raise ValueError(f"there is no connection {connection!r}. {nearest(connection, sorted(connections))}")
    platform: Person = Person((f"id@{connection}", key))
    return platform


def time(text: str) -> int:
    """Epoch ms from ISO 8601 (without a zone it is UTC; a day alone is its first moment) or from epoch ms itself."""
    if _EPOCH_MS.fullmatch(text):
        if not _FIRST <= int(text) <= _LAST:
            raise ValueError(f"{text!r} is no time of the years 1 to 9999.")
        return int(text)
    if _EPOCH_S.fullmatch(text):
        raise ValueError(f"{text!r} looks like seconds; write ISO 8601 or epoch milliseconds.")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{shown(text)} is not a time; write ISO 8601 (2025-03-30T09:00:00Z) or epoch milliseconds.") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    at = round(moment.timestamp() * 1000)
    if not _FIRST <= at <= _LAST:
        raise ValueError(f"{shown(text)} is, in UTC, no time of the years 1 to 9999.")
    return at


def money(text: str, currency: str) -> int:
    """Minor units of a currency from a decimal text such as -12.50."""
    if not _AMOUNT.fullmatch(text):
        raise ValueError(f"{shown(text)} is not an amount; write it like 1234.50 or -12.50, without separators.")
    places = len(text.partition(".")[2].rstrip("0"))
    if places > exponent(currency):
        raise ValueError(f"{text!r} has more decimals than {currency} has ({exponent(currency)}).")
    minor = to_minor(text, currency)
    if not -_MOST <= minor <= _MOST:
        raise ValueError(f"{shown(text)} is more than can be kept.")
    return minor


def currency(text: str) -> str:
    """An ISO 4217 code in capitals."""
    if not _CURRENCY.fullmatch(text):
        raise ValueError(f"{shown(text)} is not a currency; write its three capital letters (EUR).")
    if text not in CURRENCIES:
        raise ValueError(f"{shown(text)} is not a currency that ISO 4217 knows; write a code such as EUR.")
    return text


def number(text: str) -> float:
    """A finite decimal number."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{shown(text)} is not a number; write it like 0.25.") from None
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a finite number; leave the cell empty when it is missing.")
    return value


def integer(text: str, least: int | None = None, most: int | None = None) -> int:
    """A whole number, within bounds if there are any."""
    if not re.fullmatch(r"-?\d{1,18}", text):
        raise ValueError(f"{shown(text)} is not a whole number.")
    if least is not None and int(text) < least:
        raise ValueError(f"{text!r} is less than {least}.")
    if most is not None and int(text) > most:
        raise ValueError(f"{text!r} is more than {most}.")
    return int(text)


def share(text: str) -> float:
    """A number from 0 to 1."""
    value = number(text)
    if not 0 <= value <= 1:
        raise ValueError(f"{text!r} is not a share; write a number from 0 to 1.")
    return value


def flag(text: str) -> bool:
    """Yes or no, in the usual spellings."""
    if text.lower() not in _FLAGS:
        raise ValueError(f"{shown(text)} is neither yes nor no; write 1 or 0, true or false.")
    return _FLAGS[text.lower()]
