"""A vendor's own total beside the number our store gives: what `persync reconcile` compares."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from persync.errors import PersyncError

__all__ = ["Compared", "Total", "Verdict", "compare"]

Verdict = Literal["same", "within tolerance", "gap", "not told"]


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


@dataclass(frozen=True, slots=True)
class Compared:
    """A total held against the store. Amounts are in minor units when the total has a currency."""

    connection: str
    total: Total
    stored: int
    verdict: Verdict

    @property
    def difference(self) -> int | None:
        """Stored minus the vendor's; None when the vendor does not say."""
        return None if self.total.value is None else self.stored - self.total.value


def compare(db: sqlite3.Connection, connection: str, number: int, total: Total, *, tolerance: float | None = None) -> Compared:
    """Hold a total against the store. `tolerance` overrides the total's own; `number` is the connection's integer.

    Raises PersyncError when the total's SQL cannot be run, or gives no number.
    """
    try:
        row = db.execute(total.sql, {**total.params, "connection": number}).fetchone()
    except sqlite3.Error as error:
        raise _broken(connection, total, str(error)) from None
    stored = row[0] if row else None
    if stored is None:
        stored = 0  # a sum over nothing
    if isinstance(stored, float) and stored.is_integer():
        stored = int(stored)
    if not isinstance(stored, int):
        raise _broken(connection, total, "it gives no whole number")
    return Compared(connection, total, stored, _verdict(total, stored, total.tolerance if tolerance is None else tolerance))


def _verdict(total: Total, stored: int, tolerance: float) -> Verdict:
    if total.value is None:
        return "not told"
    if stored == total.value:
        return "same"
    return "within tolerance" if abs(stored - total.value) <= tolerance * abs(total.value) else "gap"


def _broken(connection: str, total: Total, why: str) -> PersyncError:
    what = f"the store's side of '{total.name}' ({total.scope}) cannot be computed: {why}."
    return PersyncError(what, where=connection, hint="This is a fault of the connector: update it.")
