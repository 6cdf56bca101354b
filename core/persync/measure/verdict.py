"""Does it pay? One word from a gain with its interval and a cost: the only place that finds it, for metrics and report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from persync.estimate import HOLDOUT, RANDOMISED, Estimate, Label
from persync.measure import intervals, rules

Word = Literal["pays", "costs", "cannot tell"]

NO_VERDICT: Final = "no verdict"
"""Stands in the note of whatever may be shown but not decide, such as arms that are not of the planned sizes."""


CONTAMINATED: Final = "contaminated"
"""Why a test decides nothing whose holdout was mailed too, or whose people were drawn into several arms; see `spilt`."""

SEVERAL: Final = "not after Holm's adjustment"
"""Why one of several things judged together is not decided though its own interval would."""


class Verdict(NamedTuple):
    """The word, and for `cannot tell` the reason (a reason of estimates, or in words), "" when the interval is the reason."""

    word: Word
    why: str = ""


def blocked(estimate: Estimate) -> str:
    """Return why an estimate may not decide anything, "" when it may (rules E1 and E7, the sample ratio, contamination)."""
    if estimate.value is None:
        return estimate.reason or "unknown"
    if rules.too_few(estimate):
        return rules.TOO_FEW
    if barred := bars(estimate.note):
        return CONTAMINATED if barred.startswith(CONTAMINATED) else NO_VERDICT
    if not may_say_caused(estimate.label):
        return "not randomised"
    return "" if estimate.low is not None and estimate.high is not None else "no interval"


def bars(note: str) -> str:
    """Return the parts of a note that forbid a verdict, "" where none does: what is made of an estimate carries them on."""
    return "; ".join(dict.fromkeys(part for part in note.split("; ") if NO_VERDICT in part))


def word(value: float | None, low: float | None, high: float | None, n: int | None, label: Label, bar: float = 0.0) -> Word:
    """Return the word from value, interval, n and label alone: `pays` when the whole interval lies above the bar, `costs` when
    it lies below, else `cannot tell`, as for anything not drawn by lot, without an interval, or of nobody."""
    if value is None or low is None or high is None or n is None or n < 1 or not may_say_caused(label):
        return "cannot tell"
    if not low <= value <= high:  # also where one of them is no number
        return "cannot tell"
    return "pays" if low > bar else "costs" if high < bar else "cannot tell"


def may_say_caused(label: Label) -> bool:
    """Tell whether a number of this standing may be called caused (rule E7): only what was drawn by lot."""
    return label in (RANDOMISED, HOLDOUT)


def pays(gain: Estimate, cost: Estimate | None = None) -> Verdict:
    """Hold what something brought against what it cost, both in one unit; without `cost` against nothing: `word`, unless the
    gain is blocked. A cost that is missing, or in another currency, decides nothing.
    """
    why = blocked(gain)
    if not why and cost is not None and cost.value is None:
        why = cost.reason or "unknown"
    if not why and cost is not None and cost.unit != gain.unit:
        why = rules.MIXED_CURRENCIES
    if why:
        return Verdict("cannot tell", why)
    bar = 0.0 if cost is None or cost.value is None else float(cost.value)
    return Verdict(word(gain.value, gain.low, gain.high, gain.n, gain.label, bar))


def judge(gains: Sequence[Estimate], confidence: float, costs: Sequence[Estimate | None] | None = None) -> list[Verdict]:
    """Judge things that are shown together: each as `pays` does, and decided only where its p-value after Holm's adjustment
    over all that may decide says so too (rule E8). `costs` go with `gains` one by one; without them each is held against
    nothing.
    """
    bars = costs if costs is not None else [None] * len(gains)
    out = [pays(gain, cost) for gain, cost in zip(gains, bars, strict=True)]
    tests = {
        i: p
        for i, (gain, cost, found) in enumerate(zip(gains, bars, out, strict=True))
        if not found.why and (p := _p_against(gain, cost, confidence)) is not None
    }
    adjusted = dict(zip(tests, intervals.holm(list(tests.values())), strict=True))
    return [
        found if found.word == "cannot tell" or adjusted.get(i, 1.0) < 1 - confidence else Verdict("cannot tell", SEVERAL)
        for i, found in enumerate(out)
    ]


def _p_against(gain: Estimate, cost: Estimate | None, confidence: float) -> float | None:
    """Return the p-value that a gain is no other than its cost: its own where nothing is held against it, else from the half
    of its interval that points to the cost."""
    bar = 0.0 if cost is None or cost.value is None else float(cost.value)
    if bar == 0.0 or gain.value is None or gain.low is None or gain.high is None:
        return gain.p
    half = gain.value - gain.low if gain.value > bar else gain.high - gain.value
    if half <= 0:
        return 0.0 if gain.value != bar else 1.0
    return intervals.normal_p((gain.value - bar) / half * intervals.normal_quantile(confidence))
