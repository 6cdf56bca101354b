"""Options that say what a journey is made of, for every command that credits orders."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
KINDS = ("click", "visit", "direct", "open", "send")


def journey_options(command: F) -> F:
    """Add `--count`, `--window` and `--path`, handed over together as `journey`: arguments of `App.ask`."""

    @click.option("--count", "counted", multiple=True, metavar="KIND[,KIND]", help=f"What counts: {', '.join(KINDS)}.")
    @click.option("--window", "windowed", multiple=True, metavar="KIND=DAYS", help="How far back touches of a kind count.")
    @click.option("--path", type=click.Choice(("window", "since-last-order")), help="Where a journey begins.")
    @functools.wraps(command)
    def with_journey(*args: Any, counted: tuple[str, ...], windowed: tuple[str, ...], path: str | None, **more: Any) -> Any:
        journey: dict[str, Any] = {
            "kinds": tuple(kind.strip() for part in counted for kind in part.split(",") if kind.strip()),
            "windows": dict(_window(text) for text in windowed),
            "path": path and path.replace("-", "_"),
        }
        return command(*args, journey=journey, **more)

    return with_journey  # type: ignore[return-value]


def _window(text: str) -> tuple[str, float]:
    kind, _, days = text.partition("=")
    try:
        number = float(days)
    except ValueError:
        number = 0.0
    if not 0 < number < 100_000:
        raise click.BadParameter(f"{text!r} is not KIND=DAYS.", param_hint="--window")
    return kind.strip(), number
