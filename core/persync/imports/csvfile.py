"""Reads a user's CSV file: checked as a whole before the first row is kept, errors with line and column."""

from __future__ import annotations

import csv
import gzip
import hashlib
import zlib
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

from persync.errors import ImportFileError, nearest
from persync.imports import values
from persync.imports.batch import Batch
from persync.imports.importer import FileCheck, Importer, Stored
from persync.rows import Row

MAX_ERRORS = 20
UNSEPARATED: Final = "the columns are not separated by commas."
WITH_COMMAS: Final = "Save it with commas."


def read_batch(
    path: Path,
    importer: Importer,
    *,
    name: str = "",
    connections: Collection[str] | None = None,
    stored: Stored | None = None,
) -> Batch:
    """Check a whole file and return its batch; the rows are read again, line by line, when they are asked for.

    `name` is how the file is called in messages and in the store (default: the path). `connections` are the names that a
    `CONNECTION:ID` may use, None for any. `stored` tells what is there already; without it a line is not held
    against the store. Raises ImportFileError with up to 20 errors; nothing was kept then.
    """
    name = name or str(path)
    digest = file_digest(path, name)
    check = importer.check() if importer.check else None
    errors: list[str] = []
    count = 0
    once: dict[int, tuple[int, int]] = {}
    for number, line in _lines(path, name, importer, connections, errors):
        if len(errors) >= MAX_ERRORS:
            break
        count += 1
        if line is None:
            continue
        if importer.once:
            key = _key(line, importer.once)
            whole = _key(line, tuple(line))
            first, said = once.setdefault(key, (number, whole))
            if first != number:
                of = ", ".join(importer.once)
                again = (
                    f"the same as line {first} again ({of})"
                    if said == whole
                    else f"something else than line {first} of the same {of}"
                )
                errors.append(f"line {number}: says {again}.")
                continue
        if check and (wrong := check.see(line, number)):
            errors.append(f"line {number}: {wrong}")
    if check and stored and not errors:
        errors += [f"line {number}: {wrong}" for number, wrong in islice(check.end(stored), MAX_ERRORS)]
    if errors:
        raise _refused(name, errors)
    return Batch(
        importer.kind, name, digest, count, _rows(path, name, digest, importer, connections, check), importer.takes_back
    )


def file_digest(path: Path, name: str = "") -> str:
    """Return the SHA-256 of a file's bytes in hex. Raise ImportFileError when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ImportFileError(f"cannot read the file: {error.strerror}.", where=name or str(path)) from None


def _rows(
    path: Path,
    name: str,
    digest: str,
    importer: Importer,
    connections: Collection[str] | None,
    check: FileCheck | None,
) -> Iterator[Row]:
    if file_digest(path, name) != digest:
        raise ImportFileError("the file changed while it was read.", where=name, hint="Import it again.")
    ordinals: dict[int, int] = {}
    errors: list[str] = []
    for number, line in _lines(path, name, importer, connections, errors):
        if line is None:
            raise _refused(name, errors)
        if importer.counted:
            key = _key(line, importer.counted)
            line["ordinal"] = ordinals.get(key, 0)
            ordinals[key] = line["ordinal"] + 1
        if check:
            check.complete(line)
        yield from importer.rows(line, number)


def _lines(
    path: Path, name: str, importer: Importer, connections: Collection[str] | None, errors: list[str]
) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Yield (line number, values), with None for a line that has errors; they are added to `errors`."""
    number = 1
    try:
        with _opened(path) as file:
            reader = csv.reader(_decoded(file, name), strict=True)
            header = _header(next(reader, []), importer, name)
            number = reader.line_num + 1
            for cells in reader:
                if cells:
                    yield number, _parsed(cells, header, importer, connections, number, errors)
                number = reader.line_num + 1
    except csv.Error as error:
        raise ImportFileError(f"{error}.", where=f"{name}, line {number}", hint=_KEPT) from None
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise ImportFileError("the gzip file is damaged or cut off.", where=name, hint=_KEPT) from None
    except OSError as error:
        raise ImportFileError(f"cannot read the file: {error.strerror}.", where=name, hint=_KEPT) from None


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if is_gzip else path.open("rb")  # type: ignore[return-value]


def _decoded(file: IO[bytes], name: str) -> Iterator[str]:
    for number, line in enumerate(file, start=1):
        if number == 1:
            if line.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise ImportFileError("the file is UTF-16.", where=name, hint="Save it as CSV UTF-8.")
            if line.startswith(b"PK\x03\x04"):
                raise ImportFileError("this is a workbook or zip file, not CSV.", where=name, hint="Save it as CSV UTF-8.")
            line = line.removeprefix(b"\xef\xbb\xbf")
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError as error:
            where = f"{name}, line {number}, byte {error.start + 1}"
            raise ImportFileError("the text is not UTF-8.", where=where, hint=f"Save it as CSV UTF-8. {_KEPT}") from None


def is_unseparated(header: Sequence[str]) -> bool:
    """Tell whether a header has other marks between its columns than commas, as a spreadsheet writes them in some countries."""
    return len(header) == 1 and any(mark in header[0] for mark in ";\t|")


def _header(cells: list[str], importer: Importer, name: str) -> list[str]:
    header = [cell.strip() for cell in cells]
    known = [column.name for column in importer.columns]
    required = [column.name for column in importer.columns if column.required]
    where = f"{name}, line 1"
    if not any(header):
        raise ImportFileError("the file has no header.", where=where, hint=f"Columns: {', '.join(known)}.")
    if is_unseparated(header):
        raise ImportFileError(UNSEPARATED, where=where, hint=WITH_COMMAS)
    for column in header:
        if column not in known:
            text = f"{values.shown(column)} is not a column of {importer.kind}."
            raise ImportFileError(text, where=where, hint=nearest(column, known))
    for column in required:
        if column not in header:
            raise ImportFileError(f"the column '{column}' is missing.", where=where, hint=f"Columns: {', '.join(known)}.")
    twice = next((column for column in header if header.count(column) > 1), None)
    if twice:
        raise ImportFileError(f"the column '{twice}' stands twice.", where=where)
    return header


def _parsed(
    cells: list[str], header: list[str], importer: Importer, connections: Collection[str] | None, number: int, errors: list[str]
) -> dict[str, Any] | None:
    """Return the values of a line, None and one more error for each cell that is wrong."""
    if len(cells) != len(header):
        errors.append(f"line {number}: has {len(cells)} fields where the header has {len(header)}.")
        return None
    texts = {column: cell.strip() for column, cell in zip(header, cells, strict=True)}
    before = len(errors)
    line: dict[str, Any] = {}
    # Money last: its decimals depend on the currency beside it.
    for column in sorted(importer.columns, key=lambda column: column.kind == "money"):
        text = texts.get(column.name, "")
        try:
            if not text:
                if column.required and not column.may_be_empty:
                    raise ValueError("the cell is empty.")
                line[column.name] = None
            elif column.kind == "money":
                if not texts.get("currency"):
                    raise ValueError("an amount needs a currency in the column 'currency'.")
                line[column.name] = values.money(text, line.get("currency") or "")
            else:
                line[column.name] = values.parse(column, text, connections)
        except ValueError as error:
            errors.append(f"line {number}, column '{column.name}': {error}")
    return line if len(errors) == before else None


def _key(line: dict[str, Any], columns: tuple[str, ...]) -> int:
    """A number for the values of some columns. Of their text: Python gives -1 and -2 the same hash."""
    return hash(repr([line[column] for column in columns]))


_KEPT = "Nothing was imported."


def _refused(name: str, errors: list[str]) -> ImportFileError:
    if len(errors) == 1:
        place, _, what = errors[0].partition(": ")
        return ImportFileError(what, where=f"{name}, {place}", hint=_KEPT)
    shown = errors[:MAX_ERRORS]
    more = " or more" if len(errors) >= MAX_ERRORS else ""
    return ImportFileError(f"{len(shown)}{more} errors; nothing was imported.\n  " + "\n  ".join(shown), where=name)
