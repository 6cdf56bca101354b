"""What each order is credited to: the answer of `persync attribution`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from persync.jobs.answers.options import tell_broken

if TYPE_CHECKING:
    from persync.attribution.models import AttributionModel
    from persync.engine.engine import Engine
    from persync.estimate import Estimate
    from persync.measure.metric import Ask
    from persync.plugins import Host

CHANNEL = ("channel",)
"""what credit is split by where nothing is said"""


@dataclass(frozen=True, slots=True)
class Credited:
    """The credit of each slice by each model, and what stands beside it.

    `beside` says of how much of the net the costs are known, `returns` what came back for the cost of e-mail.
    """

    ask: Ask
    models: Sequence[AttributionModel]
    found: Sequence[Estimate]
    beside: Sequence[Estimate]
    returns: Sequence[Estimate]

    def as_json(self) -> str:
        """Return it as the one JSON object of the command."""
        from persync.attribution.basis import basis_of
        from persync.attribution.fits import figures
        from persync.report.render.estimates import document

        held = [model.against.share for model in self.models if model.against is not None]
        results = [one.as_json() for one in (*self.found, *figures(self.models), *held, *self.beside, *self.returns)]
        unit = next((one.unit for one in self.found if one.unit), self.ask.currency)
        more = {"basis": basis_of(self.ask), "reporting": self.ask.reporting, "currency": unit or None}
        return document("estimates", results, self.ask.period, **more)


def credited(
    engine: Engine,
    host: Host,
    ask: Ask,
    models: Sequence[AttributionModel],
    by: Sequence[str],
    *,
    cost: bool,
    tell: Callable[[str], object],
) -> Credited:
    """Credit each order by each model, split by `by` (nothing: by channel). `tell` is told of what is left out.

    Raise PluginError where no model can be used, and as `credit` does.
    """
    from persync.attribution.bounds import bounded
    from persync.attribution.credit import cost_coverage, credit
    from persync.attribution.custom import unseen_channels
    from persync.attribution.datadriven import prepared
    from persync.measure.lifts import with_lift
    from persync.measure.model_returns import model_returns

    split = tuple(by) or CHANNEL
    if any(model.is_calibrated for model in models):
        ask = with_lift(engine, ask)
    for warning in unseen_channels(engine, models):
        tell(warning)
    ready = prepared(engine, models, ask)
    tell_broken(ready, host, tell)
    found = bounded(engine, credit(engine, ready, split, ask), ready, split, ask)
    beside = cost_coverage(engine, ask)
    return Credited(ask, ready, found, beside, model_returns(engine, ready, ask) if cost else ())
