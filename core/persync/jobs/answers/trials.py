"""What experiments say, and what they need: the answers of `persync experiment read` and `persync experiment plan`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from persync.errors import ConfigError, DataError
from persync.jobs.answers.each import read_each

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.estimate import Estimate
    from persync.measure.metric import Ask, Experiment

NO_EXPERIMENT: Final = "Add [experiments.NAME] to persync.toml, or import assignments."


def readings(engine: Engine, ask: Ask, names: Sequence[str], *, tell: Callable[[str], object]) -> list[Estimate]:
    """Read the experiments of these names, or all: one of several whose settings do not fit its arms has a line that says why.

    `tell` is told of those that have no data. Raise DataError where there is none to read, ConfigError for settings that do not
    fit the arms of the only one.
    """
    from persync.measure.experiments import MISCONFIGURED, label_of
    from persync.measure.rules import absent
    from persync.measure.trials.more import read

    wanted = _wanted(engine, ask, names)
    tolerant = len(wanted) > 1

    def reading(one: Experiment) -> Sequence[Estimate]:
        try:
            return read(engine, one, ask)
        except ConfigError as problem:
            if not tolerant:
                raise
            return [absent("difference", MISCONFIGURED, {"experiment": one.name}, label=label_of(one), note=str(problem))]

    return read_each(wanted, reading, tolerant=not names, tell=tell)


def plans(engine: Engine, ask: Ask, names: Sequence[str]) -> list[Estimate]:
    """Say what the experiments of these names need, or all; where there is none, what one would. Raises as `find` does."""
    from persync.measure.trials.planning import UNPLANNED, plan

    return [estimate for one in _wanted(engine, ask, names, least=UNPLANNED) for estimate in plan(engine, one, ask)]


def _wanted(engine: Engine, ask: Ask, names: Sequence[str], least: Experiment | None = None) -> list[Experiment]:
    """Return the experiments of these names, or all. Raise DataError when there is none and no `least`."""
    from persync.measure.experiments import known
    from persync.plugins import find

    experiments = known(engine, ask)
    if not experiments and not (least and not names):
        raise DataError("there is no experiment to read.", hint=NO_EXPERIMENT)
    found = [find("experiment", name, experiments) for name in names] or list(experiments.values())
    return found or [least] if least else found
