"""How wide the columns of a table on a terminal are."""

from __future__ import annotations

from collections.abc import Sequence


def share_out(least: Sequence[int], natural: Sequence[int], spare: int) -> list[int]:
    """Return the width of each column: its least, and a part of what is to `spare` by how much more the column would take."""
    wanted = [max(most - low, 0) for most, low in zip(natural, least, strict=True)]
    total = max(sum(wanted), 1)
    return [low + min(want, want * spare // total) for low, want in zip(least, wanted, strict=True)]
