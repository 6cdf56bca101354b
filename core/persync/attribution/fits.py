"""What a fit found beside its strengths: figures for machines, and one sentence for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from persync.attribution.datadriven import UP_TO_NOW, Fitted
from persync.attribution.models import AttributionModel
from persync.estimate import Estimate, percent

_VALUE: Final = "value "
_UNITS: Final = {"p_conversion": "share", "half_life_days": "days", "order": "count", "states": "count", "baseline": "count"}


def figures(models: Sequence[AttributionModel]) -> list[Estimate]:
    """Return the figures of prepared models' fits as `fit`, sliced by model and figure, and by channel where it is of one.

    Of Markov chains the order that was chosen, the held-out log likelihood of each order and the probability of converting; of
    Shapley values the value of each channel as it came out, negative ones too; of the hazard its half-life and baseline.
    """
    out = []
    for model in models:
        found: Fitted | None = model.fitted
        if found is None or found.reason is not None or model.is_calibrated:
            continue
        for name, value in found.diagnostics.items():
            by = {"model": model.name, "figure": name}
            if name.startswith(_VALUE):
                by = {"model": model.name, "figure": "value", "channel": name.removeprefix(_VALUE) or "(unknown)"}
            out.append(Estimate("fit", value, unit=_UNITS.get(name, ""), by=by, note=UP_TO_NOW))
    return out


def sentence(model: AttributionModel) -> str:
    """Return what a prepared model's fit found, without its name and a stop; "" for a rule and a fit that came to nothing."""
    found: Fitted | None = model.fitted
    if found is None or found.reason is not None or not found.diagnostics:
        return ""
    told = dict(found.diagnostics)
    said = []
    scores = {name.rpartition("_")[2]: told.pop(name) for name in list(told) if name.startswith("held_out_log_likelihood_")}
    if "order" in told and scores:
        each = ", ".join(f"{score:.4f} at {order}" for order, score in scores.items())
        said.append(f"order {told.pop('order'):.0f} (mean log likelihood of a step of people not seen: {each})")
    if "p_conversion" in told:
        said.append(f"a path converts with probability {percent(told.pop('p_conversion'), 2)}")
    values = {name.removeprefix(_VALUE): told.pop(name) for name in list(told) if name.startswith(_VALUE)}
    if values:
        ranked = sorted(values.items(), key=lambda item: (-item[1], item[0]))
        each = ", ".join(f"{name or '(unknown)'} {value * 100:+.3f}" for name, value in ranked)
        said.append(f"values in points of the rate of conversion: {each}")
    if "half_life_days" in told:
        said.append(f"half-life {told.pop('half_life_days'):g} days")
    if "baseline_orders_per_day" in told:
        said.append(f"{told.pop('baseline_orders_per_day'):.2e} orders a person and day without any touch")
    if "baseline" in told:
        said.append(f"{told.pop('baseline'):,.1f} orders that no touch brought")
    said += [f"{name.replace('_', ' ')} {value:,.6g}" for name, value in told.items()]
    return "; ".join(said)
