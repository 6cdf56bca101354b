"""What is said beside a question, read the same from a command line and from an address."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from persync.errors import ConfigError, PluginError

if TYPE_CHECKING:
    from persync.attribution.models import AttributionModel
    from persync.plugins import Host
    from persync.settings import Project

ALL: Final = "all"
MOST_DAYS: Final = 100_000
"""of a look-back, a window or a half-life: 270 years, which milliseconds hold with room to spare"""


def days_in(text: str) -> float | None:
    """Return a number of days above zero; None for not a number, infinity and more than any shop's past."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 < number < MOST_DAYS else None


def currency_in(text: str | None) -> str | None:
    """Return the three letters of a currency in capitals. Raises ConfigError for what is none."""
    if text is None:
        return None
    if len(text) != 3 or not text.isascii() or not text.isalpha():
        raise ConfigError(f"{text!r} is not a currency.", hint="Write its three letters: EUR.")
    return text.upper()


def words_in(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the words of lists joined by commas, without empty ones."""
    return tuple(word.strip() for text in texts for word in text.split(",") if word.strip())


def models_in(text: str, host: Host, project: Project, half_life_days: float | None = None) -> tuple[AttributionModel, ...]:
    """Return the attribution models of a list joined by commas, `all` for every one. Raises ConfigError for an unknown one."""
    from persync.attribution.calibrate import named

    known = project.models(host.models, half_life_days)
    return tuple(named([each for name in words_in([text]) for each in (known if name == ALL else (name,))], known))


def tell_broken(models: Sequence[AttributionModel], host: Host, tell: Callable[[str], object]) -> None:
    """Tell of each attribution model that cannot be worked out whose it is and what is wrong, in one line.

    Raise PluginError with the last of them where there is no other model.
    """
    broken = [model for model in models if model.failure]
    for number, model in enumerate(broken, 1):
        owner = host.owner("models", model.name.removesuffix("_calibrated"))
        whose = f" of the plugin {owner}" if owner is not None else ""
        error = PluginError(
            f"the attribution model '{model.name}'{whose} cannot be used: {model.failure.rstrip('.')}.",
            hint=f"Update it, or go on without it: --without {owner.name}." if owner is not None else "",
        )
        if number == len(models):
            raise error
        tell(str(error))
