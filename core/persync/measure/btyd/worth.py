"""What customers will bring in: purchases expected month by month times what each is worth, discounted to today.

Cash stands at month ends; the discount rate is told by the year and turned into the month's, (1 + d)^(1/12) - 1.
"""

from __future__ import annotations

from types import ModuleType
from typing import Final

import numpy as np

from persync.measure.btyd import bgnbd, gammagamma, paretonbd
from persync.measure.btyd.cells import WEEKS_A_MONTH, Array, Cells

MODELS: Final[dict[str, ModuleType]] = {bgnbd.NAME: bgnbd, paretonbd.NAME: paretonbd}


def monthly(yearly: float) -> float:
    """Return the monthly rate that compounds to a yearly one."""
    return float((1 + yearly) ** (1 / 12) - 1)


def purchases(model: str, parameters: Array, cells: Cells, months: int, rate: float, month: float = WEEKS_A_MONTH) -> Array:
    """Return the discounted purchases of a customer of each cell over the next months. `rate` is the month's, `month` its
    length in weeks."""
    return outlook(model, parameters, cells, months, rate, month)[0]


def outlook(
    model: str, parameters: Array, cells: Cells, months: int, rate: float, month: float = WEEKS_A_MONTH
) -> tuple[Array, Array, Array]:
    """Return for a customer of each cell the discounted purchases over the next months, the purchases as they are, and the
    chance to be a customer still. `rate` is the month's, `month` its length in weeks."""
    total = np.zeros(len(cells.x))
    before = np.zeros(len(cells.x))
    still: Array = MODELS[model].alive(parameters, cells)
    for k in range(1, months + 1):
        until: Array = MODELS[model].expected(parameters, cells, k * month, still)
        total += (until - before) / (1 + rate) ** k
        before = until
    return total, before, still


def worth(
    model: str,
    parameters: Array,
    money: Array,
    cells: Cells,
    spent: Array,
    months: int,
    rate: float,
    month: float = WEEKS_A_MONTH,
) -> Array:
    """Return the discounted money expected of a customer of each cell. `money` holds Gamma-Gamma's (p, q, v); `spent` is what
    the repeats of a customer of the cell came to, on average."""
    return purchases(model, parameters, cells, months, rate, month) * gammagamma.expected(money, cells.x, spent)
