"""What an address of /api/v1 may say beside its path: the options of the command, under the same names."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.requests import Request

from persync.errors import ConfigError, nearest
from persync.jobs.answers.options import days_in, words_in
from persync.serve.filters import NAMES

LONGEST: Final = 500
"""characters that a value has at most"""
YES_NO: Final = ("true", "false")


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter. `takes` says what it takes, as the command's help does; of `choices` it takes one.

    One that is `several` may be given several times, and its values are a tuple. `read` makes a value of a text, and raises
    ConfigError for what is none.
    """

    name: str
    takes: str = ""
    choices: tuple[str, ...] = ()
    several: bool = False
    default: str | None = None
    read: Callable[[str], Any] = str

    @property
    def words(self) -> str:
        """What it takes, in a word."""
        return "|".join(self.choices) or self.takes

    def value(self, texts: Sequence[str]) -> Any:
        """Return what was given. Raise ConfigError for what is no value of it, and for more than one where one is meant."""
        if len(texts) > 1 and not self.several:
            raise ConfigError(f"the parameter '{self.name}' was given {len(texts)} times.", hint="Give it once.")
        found = [self._read(text) for text in texts or ([self.default] if self.default is not None else [])]
        return tuple(found) if self.several else found[0] if found else None

    def _read(self, text: str) -> Any:
        if len(text) > LONGEST:
            raise ConfigError(f"the parameter '{self.name}' is longer than {LONGEST} characters.")
        if self.choices and text not in self.choices:
            raise ConfigError(f"the parameter '{self.name}' cannot be '{text}'.", hint=nearest(text, self.choices))
        return self.read(text)


@dataclass(frozen=True, slots=True)
class Asked:
    """One question to /api/v1: what its path names, and what its parameters say; one that was not given is None."""

    path: Mapping[str, str]
    given: Mapping[str, Any]
    texts: tuple[tuple[str, str], ...]
    said: list[str] = field(default_factory=list)
    """what the command says beside its answer, on stderr"""

    def __getitem__(self, name: str) -> Any:
        return self.given[name]

    @property
    def period(self) -> str:
        """The days that are asked about, "" for all."""
        return self.given.get("period") or ""

    @property
    def key(self) -> Hashable:
        """All that its answer hangs on, beside the data."""
        return tuple(sorted(self.path.items())), self.texts


def asked_in(request: Request, params: Sequence[Param]) -> Asked:
    """Return the question of an address. Raise ConfigError for a parameter that would be passed over in silence."""
    known = {param.name: param for param in params}
    for name in request.query_params:
        if name not in known:
            more = " The filters of pages are no parameters here." if name in NAMES else ""
            near = nearest(name, list(known)) or "It takes none."
            raise ConfigError(f"there is no parameter '{name}'.{more}", hint=near)
    texts = {name: request.query_params.getlist(name) for name in known}
    given = {name: param.value([text for text in texts[name] if text]) for name, param in known.items()}
    path = {name: str(value) for name, value in request.path_params.items()}
    return Asked(path, given, tuple(request.query_params.multi_items()))


def days(name: str) -> Callable[[str], float]:
    """Return what reads a number of days."""

    def read(text: str) -> float:
        number = days_in(text)
        if number is None:
            raise ConfigError(f"'{text}' is no number of days.", hint=f"Write a number above 0: {name}=30.")
        return number

    return read


def window(text: str) -> tuple[str, float]:
    """Return how far back touches of a kind count. Raise ConfigError for what does not say so."""
    kind, _, number = text.partition("=")
    return kind.strip(), days(f"window={kind or 'click'}")(number)


def number(text: str) -> float:
    """Return a number that is not below zero. Raise ConfigError for what is none."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found < float("inf"):
        raise ConfigError(f"'{text}' is no number from 0 on.")
    return found


def above_zero(text: str) -> float:
    """Return a number above zero. Raise ConfigError for what is none."""
    found = number(text)
    if not found:
        raise ConfigError(f"'{text}' is no number above 0.")
    return found


def words(param: str, asked: Asked) -> tuple[str, ...]:
    """Return the words of a parameter that takes several, also joined by commas."""
    return words_in(asked[param])


PERIOD: Final = Param("period", "A..B")
BY: Final = Param("by", "DIM", several=True)
CURRENCY: Final = Param("currency", "CUR")
DIRECTION: Final = Param("direction", choices=("more", "less"))
MODELS: Final = (
    Param("models", "A,B|all", default="all"),
    Param("lookback", "DAYS", read=days("lookback")),
    Param("basis", choices=("net", "gross", "margin")),
    CURRENCY,
    Param("half_life", "DAYS", read=days("half_life")),
)
JOURNEY: Final = (
    Param("count", "KIND[,KIND]", several=True),
    Param("window", "KIND=DAYS", several=True, read=window),
    Param("path", choices=("window", "since-last-order")),
)
