"""A number that says how sure it is, what it may claim and, when it is missing, why."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

__all__ = ["HOLDOUT", "OBSERVATIONAL", "RANDOMISED", "RAW", "Estimate", "Label", "missing"]

Label = Literal["randomised", "holdout", "adjusted observational", "raw difference", ""]

RANDOMISED: Final = "randomised"
HOLDOUT: Final = "holdout"
OBSERVATIONAL: Final = "adjusted observational"
RAW: Final = "raw difference"


@dataclass(frozen=True, slots=True)
class Estimate:
    """One value with its interval and its standing.

    `value` is None when it cannot be known, then `reason` says why (no_denominator, too_few, immature, no_cost, hole,
    suppressed ...). `low` and `high` bound the 95 % interval. `unit`: share, points, count, EUR (major units of a
    currency), ratio, days. `label` is the causal label, "" for a plain count. `period` is [from, to) in epoch ms or None.
    `by` names the slice. `note` is one sentence for the reader, e.g. too few to say.
    """

    id: str
    value: float | int | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    n: int | None = None
    unit: str = ""
    label: Label = ""
    reason: str | None = None
    by: dict[str, str] = field(default_factory=dict)
    period: tuple[int, int] | None = None
    note: str = ""

    def sliced(self, **by: str) -> Estimate:
        """Return a copy with further dimensions in `by`."""
        return replace(self, by={**self.by, **by})

    def as_json(self) -> dict[str, Any]:
        """Return the machine form of DESIGN section 12: absent things are null."""
        return {
            "id": self.id,
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "p": self.p,
            "n": self.n,
            "unit": self.unit or None,
            "label": self.label or None,
            "reason": self.reason,
            "by": dict(self.by),
            "note": self.note or None,
        }


def missing(id: str, reason: str, *, unit: str = "", label: Label = "", n: int | None = None, **by: str) -> Estimate:
    """Return an estimate without a value, with the reason (edge rule E0: never 0, never infinity, never dropped)."""
    return Estimate(id=id, value=None, unit=unit, label=label, reason=reason, n=n, by=by)


def percent(share: float, digits: int = 0, *, signed: bool = False) -> str:
    """Return a share in words, as everywhere: `55 %`."""
    return f"{100 * share:{'+' if signed else ''},.{digits}f} %"
