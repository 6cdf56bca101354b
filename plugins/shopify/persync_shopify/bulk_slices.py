"""Slices of a back-fill: stretches of the time in which orders were placed.

By `created_at`, because it never changes: a slice by `updated_at` moves under the reader's feet while orders change, and one
by `processed_at` can be imported with any date. What changes meanwhile is read by the next increment.
"""

from __future__ import annotations

from math import ceil
from typing import Final, NamedTuple

from persync.connect import HOUR_MS, iso

__all__ = ["Slice"]

SMALLEST_MS: Final = HOUR_MS
WIDEN: Final = 4
"""how much wider or narrower than the last one the next slice may be"""


class Slice(NamedTuple):
    """Orders placed in [start, end), in epoch ms; `width` and `target` (orders) plan the slice after it."""

    start: int
    end: int
    width: int
    target: int

    @classmethod
    def first(cls, oldest: int, until: int, count: int, target: int) -> Slice:
        """Plan `count` orders, evenly spread from `oldest` to `until`, in slices of `target`; the first begins with time."""
        pieces = max(1, ceil(count / target))
        width = max(SMALLEST_MS, ceil((until - oldest) / pieces))
        return cls(0, min(oldest + width, until), width, target)

    def following(self, until: int, found: int, most: int) -> Slice | None:
        """Return the slice after this one, in which `found` orders were; None at the end.

        After one that had to be halved the slices grow slowly again, to at most `most` orders.
        """
        if self.end >= until:
            return None
        target = min(self.target + self.target // 4 + 1, most)
        width = self.width * target // found if found else self.width * WIDEN
        width = max(min(width, self.width * WIDEN), self.width // WIDEN, SMALLEST_MS)
        return Slice(self.end, min(self.end + width, until), width, target)

    def half(self) -> Slice | None:
        """Return the first half of this slice, with which the following ones are planned too; None when it is too small."""
        width = min(self.width, self.end - self.start) // 2
        if width < SMALLEST_MS:
            return None
        return Slice(self.start, self.end - width, width, max(1, self.target // 2))

    def terms(self) -> str:
        """Return the search terms of this slice."""
        return f"created_at:>='{iso(self.start)}' AND created_at:<'{iso(self.end + 1000)}'"
