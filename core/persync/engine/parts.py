"""Writing the mirror's Parquet files: one a table, or one a month of `happened_at`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

ROW_GROUP: Final = 122_880
LOOKED_AT: Final = 8_192
"""rows by which a file's columns are told apart: a number that differs in more than one row of eight is a key or a time"""
BUFFERED: Final = 1_000_000
"""rows held back over all months before the fullest is written"""
SLICES: Final = 64
"""changes of month in a batch up to which it is cut where it stands, not sorted"""


def month_of(happened_at: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return year * 12 + month - 1 (UTC) of epoch milliseconds."""
    return happened_at.astype("datetime64[ms]").astype("datetime64[M]").astype("int64") + 1970 * 12


def month_text(month: int) -> str:
    """Return a month number as YYYY-MM."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def month_starts(month: int) -> int:
    """Return the epoch milliseconds at which a month begins."""
    import numpy as np

    return int(np.datetime64(month - 1970 * 12, "M").astype("datetime64[ms]").astype("int64"))


@dataclass(slots=True)
class _Part:
    path: Path
    schema: pa.Schema
    writer: Any = None
    rows: int = 0
    held: list[pa.RecordBatch] = field(default_factory=list)
    waiting: int = 0

    def hold(self, batch: pa.RecordBatch) -> None:
        self.held.append(batch)
        self.waiting += batch.num_rows

    def flush(self) -> None:
        import pyarrow as pa

        if self.held:
            self._write(pa.Table.from_batches(self.held))
            self.rows += self.waiting
            self.held, self.waiting = [], 0

    def close(self) -> None:
        import pyarrow as pa

        self.flush()
        if self.writer is None:
            self._write(pa.Table.from_batches([], self.schema))
        self.writer.close()

    def _write(self, table: pa.Table) -> None:
        from pyarrow import parquet

        if self.writer is None:
            self.writer = parquet.ParquetWriter(self.path, self.schema, **_encoding(table))
        self.writer.write_table(table, row_group_size=ROW_GROUP)


class PartWriter:
    """Writes one table's files under the names that `name_of(month)` gives (month -1: the whole table)."""

    def __init__(self, schema: pa.Schema, name_of: Callable[[int], Path]) -> None:
        self._schema = schema
        self._name_of = name_of
        self._parts: dict[int, _Part] = {}

    def _part(self, month: int) -> _Part:
        if month not in self._parts:
            self._parts[month] = _Part(self._name_of(month), self._schema)
        return self._parts[month]

    def whole(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Write everything into one file, also when there is nothing."""
        part = self._part(-1)
        for batch in batches:
            part.hold(batch)
            if part.waiting >= ROW_GROUP:
                part.flush()

    def by_month(self, batches: Iterable[pa.RecordBatch], wanted: Collection[int] | None) -> None:
        """Write a file for each wanted month (None: every month) that has rows."""
        for batch in batches:
            for month, piece in _split(batch):
                if wanted is None or month in wanted:
                    part = self._part(month)
                    part.hold(piece)
                    if part.waiting >= ROW_GROUP:
                        part.flush()
            if sum(part.waiting for part in self._parts.values()) > BUFFERED:
                max(self._parts.values(), key=lambda part: part.waiting).flush()

    def close(self) -> dict[int, tuple[Path, int]]:
        """Finish every file; return month -> (path, rows)."""
        for part in self._parts.values():
            part.close()
        return {month: (part.path, part.rows) for month, part in self._parts.items()}


def _encoding(table: pa.Table) -> dict[str, Any]:
    """Return how to write a file that begins with these rows: keys and times as differences, smaller than a dictionary and read
    in half the time, all else by dictionary and compressed."""
    import numpy as np
    import pyarrow as pa

    first = table.slice(0, LOOKED_AT)
    wide = []
    for name, chunked in zip(first.column_names, first.columns, strict=True):
        if pa.types.is_int64(chunked.type) and first.num_rows and chunked.null_count == 0:
            # Through their buffers, as in `_split`.
            values = np.concatenate(
                [np.frombuffer(one.buffers()[1], np.int64)[one.offset : one.offset + len(one)] for one in chunked.chunks]
            )
            if len(np.unique(values)) * 8 > len(values):
                wide.append(name)
    return {
        "use_dictionary": [name for name in table.column_names if name not in wide],
        "column_encoding": dict.fromkeys(wide, "DELTA_BINARY_PACKED"),
        "compression": {name: "none" if name in wide else "zstd" for name in table.column_names},
    }


def _split(batch: pa.RecordBatch) -> Iterable[tuple[int, pa.RecordBatch]]:
    import numpy as np
    import pyarrow as pa

    # Through its buffer, for a key has no nulls: pyarrow's own way to numpy imports pandas where that is installed, to ask
    # whether it is at hand; that takes longer than to read what a night changed.
    happened_at = batch.column("happened_at")
    values = np.frombuffer(happened_at.buffers()[1], np.int64)[happened_at.offset : happened_at.offset + len(happened_at)]
    months = month_of(values)
    changes = np.flatnonzero(np.diff(months)) + 1
    if len(changes) <= SLICES:
        # The rows of a mailing follow one another: slices of the batch do, and nothing is copied.
        bounds = [0, *changes.tolist(), batch.num_rows]
        for start, end in pairwise(bounds):
            yield int(months[start]), batch.slice(start, end - start)
        return
    order = np.argsort(months, kind="stable")
    found, starts = np.unique(months[order], return_index=True)
    ordered = batch.take(pa.Array.from_buffers(pa.int64(), len(order), [None, pa.py_buffer(order)]))
    ends = [*starts[1:].tolist(), batch.num_rows]
    for month, start, end in zip(found.tolist(), starts.tolist(), ends, strict=True):
        yield month, ordered.slice(start, end - start)
