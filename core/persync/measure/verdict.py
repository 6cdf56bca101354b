"""Does it pay? One word from a gain with its interval and a cost; the report finds the sentence."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from persync.estimate import HOLDOUT, RANDOMISED, Estimate
from persync.measure import rules

Word = Literal["pays", "costs", "cannot tell"]

NO_VERDICT: Final = "no verdict"
"""Stands in the note of whatever may be shown but not decide, such as arms that are not of the planned sizes."""


class Verdict(NamedTuple):
    """The word, and for `cannot tell` the reason (a reason of estimates, or in words), "" when the interval is the reason."""

    word: Word
    why: str = ""


def blocked(estimate: Estimate) -> str:
    """Return why an estimate may not decide anything, "" when it may (rules E1 and E7, and the sample-ratio check)."""
    if estimate.value is None:
        return estimate.reason or "unknown"
    if rules.too_few(estimate):
        return rules.TOO_FEW
    if NO_VERDICT in estimate.note:
        return NO_VERDICT
    if estimate.label not in (RANDOMISED, HOLDOUT):
        return "not randomised"
    return "" if estimate.low is not None and estimate.high is not None else "no interval"


def pays(gain: Estimate, cost: Estimate | None = None) -> Verdict:
    """Hold what something brought against what it cost, both in one unit; without `cost` against nothing.

    `pays` when the whole interval of the gain lies above the cost, `costs` when it lies below, else `cannot tell`. A cost
    that is missing, or in another currency, decides nothing.
    """
    why = blocked(gain)
    if not why and cost is not None and cost.value is None:
        why = cost.reason or "unknown"
    if not why and cost is not None and cost.unit != gain.unit:
        why = rules.MIXED_CURRENCIES
    if why or gain.low is None or gain.high is None:
        return Verdict("cannot tell", why)
    bar = 0.0 if cost is None or cost.value is None else float(cost.value)
    return Verdict("pays" if gain.low > bar else "costs" if gain.high < bar else "cannot tell")
