"""Options that say what a journey is made of, for every command that credits orders."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from persync.cli.base import decorated
from persync.cli.names import known
from persync.jobs.answers.options import MOST_DAYS, days_in

F = TypeVar("F", bound=Callable[..., Any])
KINDS = ("click", "visit", "direct", "open", "send")


def model_options(command: F) -> F:
    """Add the options that say which models credit which money: `--models`, `--lookback`, `--basis`, `--currency` and
    `--half-life`."""
    options = (
        click.option(
            "--models",
            default="all",
            show_default=True,
            metavar="A,B|all",
            shell_complete=known("models", joined=True),
            help="Which models; NAME_calibrated is one scaled to a holdout.",
        ),
        click.option("--lookback", type=Days(), metavar="DAYS", help="How far back a touch counts."),
        click.option(
            "--basis", type=click.Choice(("net", "gross", "margin")), help="Which money; default: as in persync.toml, else net."
        ),
        click.option("--currency", metavar="CUR", help="Turn orders in others into this one, at the rate of their day."),
        click.option("--half-life", type=Days(), metavar="DAYS", help="Of time_decay (7)."),
    )
    return decorated(command, options)


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


if TYPE_CHECKING:
    _Days = click.ParamType[float]
else:
    # Older versions of click have no type argument here.
    _Days = click.ParamType


class Days(_Days):
    """A number of days above zero; not a number, infinity and more than any shop's past are refused."""

    name = "days"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the days."""
        number = days_in(str(value))
        if number is None:
            self.fail(f"{value!r} is not a number of days above 0 and below {MOST_DAYS:,}.", param, ctx)
        return number


def _window(text: str) -> tuple[str, float]:
    kind, _, days = text.partition("=")
    number = days_in(days)
    if number is None:
        raise click.BadParameter(f"{text!r} is not KIND=DAYS.", param_hint="--window")
    return kind.strip(), number
