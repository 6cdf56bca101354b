"""Months as the store and the mirror number them."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["END_AT", "FIRST_AT", "month_of"]

FIRST_AT, END_AT = -62_135_596_800_000, 253_402_300_800_000
"""epochs in ms between which the years have four digits: no calendar here goes further"""


def month_of(at: int) -> int:
    """Return the month of an epoch in ms as the mirror numbers them: year * 12 + month - 1, UTC.

    Raises OverflowError outside the years 1 to 9999.
    """
    if not FIRST_AT <= at < END_AT:
        raise OverflowError("a time outside the years 1 to 9999")
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return moment.year * 12 + moment.month - 1
