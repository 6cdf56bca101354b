"""A vendor's own total beside the number our store gives: what `persync reconcile` compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Total"]


@dataclass(frozen=True, slots=True)
class Total:
    """What the vendor says now, and the SQL that gives the same number from the store.

    `name` says what is counted ("orders", "opens"), `scope` over what ("2026-10", "campaign c1", "all"); neither may name
    a person. `value` is the vendor's number, in minor units when `currency` is given; None when the vendor does not say.
    `sql` selects exactly one number from the store's tables; its parameters by name are `params` and `:connection` (the
    connection's integer). `tolerance` is the relative difference (of the vendor's number) that is no gap: 0.02 is 2 %.
    `hint` says what to do about a gap.
    """

    name: str
    scope: str
    value: int | None
    sql: str
    params: Mapping[str, Any] = field(default_factory=dict)
    currency: str | None = None
    tolerance: float = 0.0
    hint: str = ""
