"""Buying histories, folded: customers with the same number of repeats, time of the last and age are one cell.

Times are in weeks everywhere in this package, as the field's published fits are; `WEEK` turns days into them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

Array = np.ndarray[Any, Any]

WEEK: Final = 7.0
WEEKS_A_MONTH: Final = 365.25 / 12 / 7


@dataclass(frozen=True, slots=True)
class Cells:
    """What the models need of customers, one entry a cell, times in weeks from a customer's first purchase.

    `x` repeat purchases (whole numbers; purchases of one day are one), `t_x` when the last one was (0 without repeats), `T`
    how long the customer has been watched, `n` how many customers are alike.
    """

    x: Array
    t_x: Array
    T: Array
    n: Array

    @property
    def customers(self) -> float:
        """How many customers there are."""
        return float(self.n.sum())

    @property
    def repeaters(self) -> float:
        """How many of them came back."""
        return float(self.n[self.x > 0].sum())


def dot(a: Array, b: Array) -> float:
    """Return the sum of products. In one thread: for vectors this long, handing out the work costs more than it."""
    return float(np.einsum("i,i->", a, b))


def fold(x: Array, t_x: Array, age: Array, n: Array | None = None, *, step: float = 0.0) -> Cells:
    """Return the cells of customers given one by one, or of cells that may repeat (`n`).

    With a `step` in weeks, times are first rounded to whole steps (the age upwards, so that nobody buys after it). Raise
    ValueError for a history that cannot be: negative times, or a purchase after the end.
    """
    x, t_x, age = (np.asarray(one, np.float64) for one in (x, t_x, age))
    if len(x) and (x.min() < 0 or t_x.min() < 0 or bool((t_x > age).any())):
        raise ValueError("a last purchase lies between the first one and the end of the time watched")
    weights = np.ones(len(x)) if n is None else np.asarray(n, np.float64)
    t_x = np.where(x > 0, t_x, 0.0)
    if step > 0:
        t_x, age = np.floor(t_x / step) * step, np.ceil(age / step) * step
    # One sort of one number a customer: 2 ** 20 different times and 2 ** 22 repeats are more than any shop has.
    last, end = _numbered(t_x, age)
    if len(x) and (x.max() >= 2**22 or end.max() >= 2**20):
        raise ValueError("too many different times of purchase: round them to days")
    key = (x.astype(np.int64) << 40) | (last << 20) | end
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(key) else np.zeros(0, np.int64)
    first = order[starts]
    return Cells(x[first], t_x[first], age[first], np.add.reduceat(weights[order], starts) if len(key) else weights)


def _numbered(t_x: Array, age: Array) -> tuple[Array, Array]:
    """Return whole numbers that are equal where times are: the days, or else the place among all times."""
    last, end = np.rint(t_x * WEEK), np.rint(age * WEEK)
    if bool((np.abs(t_x * WEEK - last) < 1e-9).all()) and bool((np.abs(age * WEEK - end) < 1e-9).all()):
        return last.astype(np.int64), end.astype(np.int64)
    _, place = np.unique(np.concatenate([t_x, age]), return_inverse=True)
    return place[: len(t_x)].astype(np.int64), place[len(t_x) :].astype(np.int64)
