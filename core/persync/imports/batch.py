"""A batch of rows that is kept whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from persync.rows import Row


@dataclass(frozen=True, slots=True)
class Batch:
    """All rows of one file. `digest` (SHA-256 of its bytes) lets an unchanged file be skipped at the next pull.

    `rows` is only iterated after the whole file was checked. `takes_back` as of its `Importer`.
    """

    kind: str
    path: str
    digest: str
    count: int
    rows: Iterator[Row]
    takes_back: bool = False
