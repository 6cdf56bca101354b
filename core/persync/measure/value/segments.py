"""Value by segment: the three ways of working it out side by side for each group of customers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import intervals, rules
from persync.measure.metric import Ask
from persync.measure.occasions import build
from persync.measure.value.cut import cut
from persync.measure.value.lifetime import AGES, cltv_historic, cltv_simple
from persync.measure.value.predicted import cltv_predictive

ID: Final = "cltv_by_segment"
DEFAULT: Final = ("coh",)


def cltv_by_segment(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the simple, the historic and the predicted value of each segment; by month of the first order unless asked
    otherwise."""
    by = ask.by or DEFAULT
    asked = replace(ask, by=by)
    build(engine, asked)
    cut(engine, asked, ID)  # refuses a wrong dimension under this name
    historic = cltv_historic(engine, asked)
    families = {
        "historic": [one for one in historic if one.id == "cltv_historic"],
        "simple": [one for one in cltv_simple(engine, asked) if one.id == "cltv_simple"],
        "predicted": [one for one in cltv_predictive(engine, asked) if one.id == "cltv_predictive"],
    }
    age = _longest(families["historic"])
    families["historic"] = [one for one in families["historic"] if one.by.get("age") == age]
    out: list[Estimate] = []
    for form, found in families.items():
        named = [replace(one, id=ID, by={**one.by, "form": form}) for one in found]
        out += rules.compared(against_rest(named, ask.confidence))
    return out


def _longest(found: Sequence[Estimate]) -> str:
    """Return the greatest age at which at least two segments have a value, else as it is to date."""
    for age in reversed(AGES):
        if sum(one.value is not None for one in found if one.by.get("age") == str(age)) > 1:
            return str(age)
    return next((one.by.get("age", "") for one in found), "")


def against_rest(found: Sequence[Estimate], confidence: float) -> list[Estimate]:
    """Give each segment the p-value of being no other than all the others together, from their intervals."""
    z = intervals.normal_quantile(confidence)

    def error(one: Estimate) -> float | None:
        return None if one.low is None or one.high is None else (one.high - one.low) / (2 * z)

    usable = [one for one in found if one.value is not None and one.n and error(one) is not None]
    out = []
    for one in found:
        rest = [other for other in usable if other is not one]
        heads = sum(other.n or 0 for other in rest)
        mine = error(one)
        if one not in usable or not heads or mine is None:
            out.append(one)
            continue
        mean = sum((other.n or 0) * float(other.value or 0.0) for other in rest) / heads
        variance = sum(((other.n or 0) * (error(other) or 0.0) / heads) ** 2 for other in rest) + mine * mine
        gap = float(one.value or 0.0) - mean
        p = intervals.normal_p(gap / math.sqrt(variance)) if variance > 0 else (1.0 if gap == 0 else 0.0)
        out.append(replace(one, p=p))
    return out
