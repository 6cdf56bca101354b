"""What the tests of sections share: what stands in the blocks of one."""

from __future__ import annotations

from collections.abc import Sequence

from persync.estimate import Estimate
from persync.report.report import Block, Cell, Note, Table


def tables(blocks: Sequence[Block]) -> dict[str, Table]:
    return {block.name: block for block in blocks if isinstance(block, Table)}


def notes(blocks: Sequence[Block], tone: str = "info") -> list[str]:
    return [block.text for block in blocks if isinstance(block, Note) and block.tone == tone]


def rounded(cell: Cell) -> tuple[float | None, ...]:
    assert isinstance(cell, Estimate)
    return tuple(None if x is None else round(x, 3) for x in (cell.value, cell.low, cell.high))
