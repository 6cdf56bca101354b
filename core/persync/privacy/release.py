"""Releasing counts with noise: two-sided geometric noise from a secure source, and the ledger of what it has cost.

The noise is the discrete Laplace law P(k) = (1 - a) / (1 + a) * a^|k| with a = exp(-epsilon / sensitivity) (Ghosh,
Roughgarden and Sundararajan 2009), drawn exactly: with whole numbers alone, after Canonne, Kamath and Steinke (2020),
algorithms 1 and 2. No floating-point number is looked at, so no rounding gives a count away. What is spent adds up
(sequential composition); the ledger is in the store's hash-chained log, where an entry that was changed is noticed.
"""

from __future__ import annotations

import json
import math
import secrets
import sqlite3
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Final

from persync.errors import CheckFailedError, ConfigError, DataError
from persync.store.log import LOG_BROKEN, append, broken_at
from persync.store.store import Store

EVENT: Final = "epsilon spent"
Below = Callable[[int], int]
"""returns a whole number from 0 to below its argument, each as likely"""


def geometric(scale: Fraction, below: Below = secrets.randbelow) -> int:
    """Draw a whole number with P(k) proportional to exp(-|k| / scale).

    `scale` is sensitivity / epsilon, above 0. `below` is where the randomness comes from: the system's secure source unless a
    test gives another.
    """
    if scale <= 0:
        raise ValueError("the scale must be above 0")
    over, under = scale.numerator, scale.denominator
    while True:
        rest = below(over)
        if not _exponential(rest, over, below):
            continue
        whole = 0
        while _exponential(1, 1, below):
            whole += 1
        size = (rest + over * whole) // under
        is_negative = below(2) == 1
        if size or not is_negative:  # 0 has one sign
            return -size if is_negative else size


def _exponential(above: int, under: int, below: Below) -> bool:
    """Return True with probability exp(-above / under), for 0 <= above <= under, from whole numbers alone."""
    k = 1
    while below(under * k) < above:
        k += 1
    return k % 2 == 1


def spread(scale: Fraction) -> float:
    """Return the standard deviation of `geometric(scale)`."""
    a = math.exp(-1 / scale)
    return math.sqrt(2 * a) / (1 - a)


def refuse_drowned(scale: Fraction, people: int, epsilon: str, parts: int) -> None:
    """Raise DataError where noise of this scale in a number of people would drown it: a standard deviation above how many there
    are. Ask before the epsilon is spent. Of nobody there is nothing to drown."""
    if people and spread(scale) > people:
        raise DataError(
            f"noise of epsilon {epsilon} over {parts} numbers would be larger than what it covers: a standard deviation"
            f" of {spread(scale):,.0f} people in a store of fewer; nothing was spent.",
            hint="Give away less (--measure people, --only mail, --by ATTR) or ask for a larger --epsilon.",
        )


def amount(text: str) -> Decimal:
    """Return an epsilon as it was written. Raise ConfigError when it is no number above 0."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(0)
    if not value.is_finite() or not 0 < value <= 1000 or int(value.as_tuple().exponent) < -9:
        raise ConfigError("an epsilon is a number above 0, up to 1000, of at most 9 decimals.", hint="For example 0.5.")
    return value


def spent(store: Store) -> Decimal:
    """Return what the ledger says was spent. Raise CheckFailedError when the log it stands in was changed."""
    return _spent(store.db)


def spend(store: Store, epsilon: Decimal, budget: float | None, *, now: int, purpose: str) -> Decimal:
    """Enter an amount into the ledger and return what is left of the budget.

    Raise ConfigError without a budget, CheckFailedError when it does not reach or the log was changed; then nothing is
    entered. It is entered before anything is released: an export that fails afterwards has cost it.
    """
    if budget is None:
        hint = "Set [privacy] epsilon_budget in persync.toml: what all exports together may cost."
        raise ConfigError("noise was asked for, and there is no budget for it.", hint=hint)
    whole = Decimal(repr(budget))
    with store.transaction() as db:
        before = _spent(db)
        if before + epsilon > whole:
            raise CheckFailedError(
                f"the privacy budget does not reach: {_plain(before)} of {_plain(whole)} is spent, {_plain(epsilon)} was asked"
                " for; nothing was released.",
                hint="What was released cannot be taken back: a larger [privacy] epsilon_budget protects people less.",
            )
        detail = json.dumps({"epsilon": _plain(epsilon), "of": _plain(whole), "for": purpose})
        append(db, None, now, EVENT, detail)
    return whole - before - epsilon


def _spent(db: sqlite3.Connection) -> Decimal:
    if broken_at(db) is not None:
        raise CheckFailedError("the log that the privacy budget is kept in was changed.", hint=LOG_BROKEN)
    entries = db.execute("SELECT detail FROM log WHERE event = ? ORDER BY entry", (EVENT,)).fetchall()
    return sum((Decimal(str(json.loads(detail)["epsilon"])) for (detail,) in entries), Decimal(0))


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
