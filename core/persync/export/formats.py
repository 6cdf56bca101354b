"""A sheet as a file: CSV, JSON, lines of JSON, a workbook or Parquet; a batch of rows in memory at a time.

No text of it is taken for a formula, a link or a command by what opens the file.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, BinaryIO, Final

from persync import __version__
from persync.errors import ConfigError
from persync.export.sheet import Field, Sheet
from persync.redact import inert_json
from persync.report.render.xlsx import LONGEST_CELL, LONGEST_NAME
from persync.report.safe import plain, spreadsheet
from persync.report.words import iso

FORMATS: Final = ("csv", "json", "jsonl", "xlsx", "parquet")
BINARY: Final = frozenset(("xlsx", "parquet"))
MOST_ROWS: Final = 1_048_575
"""rows that a sheet of a workbook holds beside its heading"""
EXACT: Final = 2**53
"""the greatest whole number up to which a workbook, whose numbers are doubles, holds each; beyond it they are texts"""
EARLIEST: Final = "1900-01-01"
"""the first day that a workbook knows"""
_REMEMBERED: Final = 1 << 15


def write(sheet: Sheet, form: str, sink: BinaryIO) -> int:
    """Write a sheet in a format and return its rows. Raise ConfigError for a workbook of more rows than a sheet holds."""
    return _WRITERS[form](sheet, sink)


def _csv(sheet: Sheet, sink: BinaryIO) -> int:
    """RFC 4180, UTF-8: numbers in full, absent things empty."""
    text = io.TextIOWrapper(sink, encoding="utf-8", newline="", write_through=False)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([spreadsheet(field.name) for field in sheet.fields])
    safe = lru_cache(_REMEMBERED)(spreadsheet)
    texts = [field.kind == "text" for field in sheet.fields]
    rows = 0
    for batch in sheet.batches:
        rows += len(batch)
        writer.writerows(
            [safe(cell) if is_text and isinstance(cell, str) else cell for cell, is_text in zip(row, texts, strict=True)]
            for row in batch
        )
    text.flush()
    text.detach()
    return rows


def _records(sheet: Sheet) -> Iterator[str]:
    names = [field.name for field in sheet.fields]
    for batch in sheet.batches:
        for row in batch:
            record = {name: _finite(cell) for name, cell in zip(names, row, strict=True)}
            yield inert_json(json.dumps(record, ensure_ascii=False))


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _lines(sheet: Sheet, sink: BinaryIO) -> int:
    """One JSON object a line."""
    rows = 0
    for record in _records(sheet):
        rows += 1
        sink.write(f"{record}\n".encode())
    return rows


def _json(sheet: Sheet, sink: BinaryIO) -> int:
    """The one object of a command, `kind` rows, its results written as they come."""
    head = {
        "persync": __version__,
        "kind": "rows",
        "name": sheet.name,
        "period": [iso(at) for at in sheet.period] if sheet.period else None,
    }
    sink.write(inert_json(json.dumps(head, ensure_ascii=False)[:-1]).encode() + b', "results": [')
    rows = 0
    for record in _records(sheet):
        rows += 1
        sink.write(f"{',' if rows > 1 else ''}\n{record}".encode())
    sink.write(b"\n]}\n" if rows else b"]}\n")
    return rows


def _parquet(sheet: Sheet, sink: BinaryIO) -> int:
    """Typed columns: times as timestamps in UTC, money as decimals, texts on one line without control characters."""
    import pyarrow as pa
    from pyarrow import parquet

    types = {
        "int": pa.int64(),
        "real": pa.float64(),
        "text": pa.string(),
        "time": pa.timestamp("ms", "UTC"),
        "money": pa.decimal128(38, 4),
    }
    schema = pa.schema([(field.name, types[field.kind]) for field in sheet.fields])
    safe = lru_cache(_REMEMBERED)(plain)
    rows = 0
    with parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        for batch in sheet.batches:
            rows += len(batch)
            columns = zip(*batch, strict=True)
            arrays = [_array(pa, field, cells, types, safe) for field, cells in zip(sheet.fields, columns, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
    return rows


def _array(pa: Any, field: Field, cells: Sequence[Any], types: Mapping[str, Any], safe: Callable[[str], str]) -> Any:
    if field.kind == "text":
        return pa.array([None if cell is None else safe(str(cell)) for cell in cells], pa.string())
    if field.kind in ("time", "money"):
        return pa.array(cells, pa.string()).cast(types[field.kind])
    return pa.array(cells, types[field.kind])


def _xlsx(sheet: Sheet, sink: BinaryIO) -> int:
    """One sheet, written row by row. Every text is written as a text; numbers, money and times are real ones."""
    import xlsxwriter
    from xlsxwriter.exceptions import FileCreateError

    if sheet.count > MOST_ROWS:
        raise ConfigError(
            f"{sheet.count:,} rows do not fit a workbook, whose sheets end at {MOST_ROWS + 1:,}.",
            hint="Write csv or parquet, or a shorter --period.",
        )
    held = _Held(sink)
    book = xlsxwriter.Workbook(held, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    page = book.add_worksheet(plain(sheet.name)[:LONGEST_NAME])
    bold, moment = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    money = book.add_format({"num_format": "#,##0.00"})
    page.freeze_panes(1, 0)
    for at, field in enumerate(sheet.fields):
        page.set_column(at, at, 20 if field.kind == "time" else 14)
        page.write_string(0, at, plain(field.name), bold)
    rows = 0
    for batch in sheet.batches:
        for row in batch:
            rows += 1
            for at, (field, cell) in enumerate(zip(sheet.fields, row, strict=True)):
                if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
                    continue
                if field.kind == "time" and cell >= EARLIEST:
                    page.write_datetime(rows, at, datetime.fromisoformat(cell).replace(tzinfo=None), moment)
                elif field.kind in ("text", "time") or (field.kind == "int" and abs(cell) > EXACT):
                    page.write_string(rows, at, plain(str(cell))[:LONGEST_CELL])
                else:
                    page.write_number(rows, at, float(cell), money if field.kind == "money" else None)
    try:
        book.close()
    except FileCreateError as error:  # its own files, in the folder for temporary ones
        held.error = held.error or OSError(*error.args[0].args)
    if held.error is not None:
        raise held.error
    return rows


class _Held:
    """What a workbook is packed into. The first error is kept and the rest of the bytes go nowhere: a packer that is stopped
    half way leaves its files behind, and complains of the half when it is thrown away.
    """

    def __init__(self, sink: BinaryIO) -> None:
        self.error: OSError | None = None
        self._sink = sink
        self._at = 0

    def write(self, data: Any) -> int:
        self._act(lambda: self._sink.write(data))
        self._at += len(data)
        return len(data)

    def seek(self, at: int, whence: int = io.SEEK_SET) -> int:
        self._act(lambda: self._sink.seek(at, whence))
        self._at = at
        return at

    def tell(self) -> int:
        return self._at

    def flush(self) -> None:
        self._act(self._sink.flush)

    def _act(self, act: Callable[[], object]) -> None:
        try:
            if self.error is None:
                act()
        except OSError as error:
            self.error = error


_WRITERS: Final[Mapping[str, Callable[[Sheet, BinaryIO], int]]] = {
    "csv": _csv,
    "json": _json,
    "jsonl": _lines,
    "xlsx": _xlsx,
    "parquet": _parquet,
}
