"""From estimates to words: does it pay? Computed, never written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from persync.estimate import Estimate
from persync.measure import rules
from persync.measure.experiments import MISMATCH_NOTE

Word = Literal["pays", "costs", "cannot tell"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer in one word and one sentence, with what it was computed from."""

    word: Word
    sentence: str
    gain: Estimate
    cost: Estimate | None = None


def blocked(estimate: Estimate) -> str:
    """Return why an estimate may not decide anything, "" when it may."""
    if estimate.value is None:
        return REASONS.get(estimate.reason or "", (estimate.reason or "unknown").replace("_", " "))
    if MISMATCH_NOTE in estimate.note:
        return MISMATCH_NOTE
    if rules.TOO_FEW in estimate.note:
        return rules.TOO_FEW
    return "there is no interval" if estimate.low is None or estimate.high is None else ""


REASONS = {
    "immature": "the window is not over yet",
    "no_control": "no arm is named as the control",
    "no_cost": "no cost was entered",
    "no_denominator": "there is nobody to compare",
    "no_experiment": "there is no experiment with a randomised or held-out control",
    "no_orders": "the store holds no orders",
    "mixed_currencies": "the amounts are in several currencies",
    "suppressed": "the groups are too small to show",
    "cost_not_scoped": "the costs do not say which experiment they belong to",
}
"""What the reasons of missing values mean, in words."""


def money(amount: float, unit: str) -> str:
    """Write an amount in words: thousands apart, cents only where they matter."""
    text = f"{amount:,.0f}" if abs(amount) >= 1000 else f"{amount:,.2f}"
    return f"{text} {unit}".strip()


def pays(gain: Estimate, cost: Estimate | None = None) -> Verdict:
    """Answer whether something pays, from what it brought (`gain`, with its interval) and what it cost.

    `pays` when the whole interval lies above the cost, `costs` when it lies below, else `cannot tell`. Without a known cost
    the gain is held against nothing and the sentence says so.
    """
    who = f"'{gain.by['arm']}'" if "arm" in gain.by else f"'{gain.by['experiment']}'" if "experiment" in gain.by else "it"
    why = blocked(gain)
    if why or gain.value is None or gain.low is None or gain.high is None:
        return Verdict("cannot tell", f"Whether {who} pays cannot be told: {why}.", gain, cost)
    brought = f"brought {money(gain.value, gain.unit)} ({money(gain.low, gain.unit)} to {money(gain.high, gain.unit)})"
    spent = cost.value if cost is not None and cost.value is not None else None
    if spent is not None and cost is not None and cost.unit == gain.unit:
        against, bar = f"cost {money(spent, gain.unit)}", float(spent)
    else:
        known = blocked(cost) if cost is not None and cost.value is None else "no cost was entered"
        against, bar = f"its cost is not known ({known})", 0.0
    word: Word = "pays" if gain.low > bar else "costs" if gain.high < bar else "cannot tell"
    if bar == 0.0 and spent is None:
        said = {
            "pays": f"{who} {brought} that would not have come otherwise, before costs: {against}.",
            "costs": f"{who} {brought}: it lost money even before costs.",
            "cannot tell": f"{who} {brought}: it may have changed nothing; {against}.",
        }[word]
    else:
        said = {
            "pays": f"{who} pays: it {brought} and {against}.",
            "costs": f"{who} does not pay: it {brought} and {against}.",
            "cannot tell": f"Whether {who} pays cannot be told: it {brought} and {against}.",
        }[word]
    return Verdict(word, said[0].upper() + said[1:], gain, cost)


def changed(difference: Estimate) -> str:
    """Say what an arm changed, from a `difference` estimate: one sentence with interval and p-value."""
    by = difference.by
    name, arm, against = by.get("outcome", difference.id), by.get("arm", "the arm"), by.get("against", "the others")
    if why := ("" if difference.value is not None else blocked(difference)):
        return f"Nothing can be said about {name} of '{arm}' against '{against}': {why}."
    assert difference.value is not None
    if difference.unit == "share":
        show = [f"{100 * x:+.2f}" for x in (difference.value, difference.low or 0.0, difference.high or 0.0)]
        text = f"{show[0]} points ({show[1]} to {show[2]})"
    else:
        show = [f"{x:+.2f}" for x in (difference.value, difference.low or 0.0, difference.high or 0.0)]
        text = f"{show[0]} {difference.unit} a person ({show[1]} to {show[2]})".replace("  ", " ")
    verb = "changed" if difference.label in ("randomised", "holdout") else "goes with a change of"
    doubt = blocked(difference)
    sure = doubt or ("" if _away(difference) else "no difference is shown")
    return f"'{arm}' {verb} {name} by {text} against '{against}'" + (f": {sure}." if sure else ".")


def _away(estimate: Estimate) -> bool:
    return estimate.low is not None and estimate.high is not None and (estimate.low > 0 or estimate.high < 0)


def fair(estimates: Sequence[Estimate]) -> list[str]:
    """Say what a fairness assessment shows: the groups below four fifths, those not shown either way, those that meet it."""
    fifths = [e for e in estimates if e.id == "four_fifths"]
    said = []
    for word, text in (
        ("below", "received it less than four fifths as often as"),
        ("not shown", "may or may not be within four fifths of"),
        ("meets", "received it at least four fifths as often as"),
    ):
        here = [e for e in fifths if e.by.get("verdict") == word and e.value is not None]
        if here:
            groups = ", ".join(f"'{e.by['group']}'" for e in here)
            said.append(f"{groups} {text} '{here[0].by['against']}'.")
    if hidden := sum(1 for e in fifths if e.reason == rules.SUPPRESSED):
        said.append(f"{hidden} {'group is' if hidden == 1 else 'groups are'} too small to show.")
    return said
