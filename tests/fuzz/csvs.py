"""CSV files that are not what they should be: each is imported whole, or refused with its place and nothing is kept."""

from __future__ import annotations

import csv
import gzip
import io
import re
import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from fuzz import hostile, inert
from persync.cli.context import App
from persync.cli.imports import import_file
from persync.errors import ImportFileError
from persync.imports.files import IMPORTERS
from persync.plugins import Host, load_plugins
from persync.store.digest import digest
from persync.store.store import open_store

TABLES = {
    "costs": ("costs", ("category", "scope")),
    "touchpoints": ("touchpoints", ()),
    "orders": ("order_ledger", ()),
    "assignments": ("assignments", ("experiment", "arm")),
    "outcomes": ("outcomes", ("outcome",)),
    "attributes": ("attributes", ("name", "value")),
    "decisions": ("decisions", ("decision",)),
    "sessions": ("sessions", ("session",)),
    "social": ("social_posts", ("network", "post")),
    "time": ("work_times", ("task",)),
    "ads": ("ad_spend", ("channel",)),
    "consents": ("consent_changes", ("channel",)),
    "wallet": ("wallets", ("category",)),
}
"""where each kind's lines are kept, one row a line, and which of its columns are kept as they were written"""
KINDS = {importer.kind: importer for importer in IMPORTERS if importer.kind in TABLES}
"""surveys, audit and people keep their lines under other names, or several in one row"""
WHOLE = re.compile(
    r"UTF-16|workbook or zip file|gzip file is damaged|has no header|not separated by commas|is not a column of"
    r"|the column '.*' (is missing|stands twice)|\d+( or more)? errors; nothing was imported"
)
"""refusals of a file as a whole; every other one names a line"""
ODD_CELLS = ("9" * 25, "-" + "9" * 19, "1e308", "1e-400", "0.1234567890123456789", "NaN", "inf", "1_000", "٣", "²", "0x1", "+5")


def csv_case(seed: str, folder: Path) -> int:
    """Import one spoiled file of each kind; return how many files were read.

    Raises AssertionError when one ends in another way than whole or refused, when something of it is missing or kept that
    should not be, or when what is said about it is not one line (or one for each error).
    """
    rng = Random(seed)
    base = _base(folder)
    for kind in KINDS:
        _one(kind, rng, folder, base)
    return len(KINDS)


def _one(kind: str, rng: Random, folder: Path, base: tuple[Path, str, dict[str, Counter[Any]]]) -> None:
    store, before, kept = base
    case = folder / "csv-case"
    shutil.rmtree(case, ignore_errors=True)
    case.mkdir()
    shutil.copyfile(store, case / "persync.db")
    shutil.copy(store.with_suffix(".key"), case / "persync.key")
    file = case / "file.csv"
    content = _spoiled(kind, rng)
    file.write_bytes(content)
    said = io.StringIO()
    try:
        with redirect_stdout(said):
            import_file.main([kind, str(file)], obj=_app(case), standalone_mode=False)
    except ImportFileError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        _told(refusal)
        with open_store(case / "persync.db") as opened:
            assert digest(opened) == before, f"refused, and the store changed: {refusal}"
        return
    lines = _lines(content)
    assert f" {len(lines):,} lines of {kind} read" in said.getvalue(), (said.getvalue(), len(lines))
    inert.terminal(said.getvalue())
    with open_store(case / "persync.db") as opened:
        assert opened.integrity() == []
        table, columns = TABLES[kind]
        found = Counter(_texts(opened.db, table, columns)) - kept[kind]
        wanted = Counter(tuple(line.get(column, "") for column in columns) for line in lines)
        assert found == wanted, (list((wanted - found).items())[:2], list((found - wanted).items())[:2])


def _told(words: str) -> None:
    """Check a refusal: it names its place, each of its lines can be shown, and none is without end."""
    assert WHOLE.search(words) or re.search(r", line \d+", words), words
    for line in words.split("\n"):
        inert.terminal(line)
        assert len(line) < 1000, line[:300]
    assert len(words.split("\n")) <= 21, words


def _texts(db: Any, table: str, columns: tuple[str, ...]) -> list[tuple[str, ...]]:
    if not columns:
        return [()] * db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return list(db.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall())


def _lines(content: bytes) -> list[dict[str, str]]:
    """Read a file that was imported, in the plainest way there is."""
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    text = content.decode("utf-8-sig")
    # What persync gets is cut at line feeds, and so a bare carriage return ends no line.
    header, *rows = [row for row in csv.reader(io.StringIO(text, newline="\n"), strict=True) if row]
    names = [name.strip() for name in header]
    return [dict(zip(names, (cell.strip() for cell in row), strict=True)) for row in rows]


# -- files --------------------------------------------------------------------------------------------------------------

Rows = list[list[str]]


def _spoiled(kind: str, rng: Random) -> bytes:
    rows = _valid(kind, rng, count=rng.choice((0, 1, 3, 8)), free=rng.random() < 0.5)
    for _ in range(rng.choice((0, 1, 1, 2, 5))):
        rng.choice(ROW_FAULTS)(rows, rng)
    text = _written(rows, rng)
    content = text.encode("utf-8", "surrogatepass")
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
        content = rng.choice(BYTE_FAULTS)(content, rng)
    return content


def _valid(kind: str, rng: Random, *, count: int, free: bool) -> Rows:
    """Return a header and some lines; with `free`, texts that may be anything are hostile."""
    columns = [column for column in KINDS[kind].columns if column.required or rng.random() < 0.7]
    if any(column.kind == "money" for column in columns):  # an amount needs its currency beside it
        columns = [c for c in KINDS[kind].columns if c in columns or c.kind == "currency"]
    rows = [[column.name for column in columns]]
    for number in range(count):
        rows.append([_cell(kind, column, number, rng, free=free) for column in columns])
    return rows


def _cell(kind: str, column: Any, number: int, rng: Random, *, free: bool) -> str:
    if not column.required and column.kind != "currency" and rng.random() < 0.3:
        return ""
    if column.name == "to":
        return "2025-04-30"
    match column.kind:
        case "person":
            return rng.choice((f"p{number}@example.com", f"own-{number}", f"files:{number}"))
        case "time":
            return rng.choice(("2025-03-01", f"2025-03-{1 + number:02}T10:00:00+01:00", str(1_740_787_200_000 + number)))
        case "money":
            return rng.choice(("12.50", "0", str(number + 1)))
        case "currency":
            return "EUR"
        case "integer":
            return str(rng.randrange(24))
        case "share" | "number":
            return rng.choice(("0.5", "0", "1"))
        case "flag":
            return rng.choice(("yes", "0"))
    if column.choices:
        return str(rng.choice(column.choices))
    # An attribute that is called a name is refused, and with it the whole file.
    plain = f"{kind} {'trait' if column.name == 'name' else column.name} {number}"
    return f"{plain} {hostile.text(rng)}" if free else plain


def _a_row(rows: Rows, rng: Random) -> list[str]:
    return rows[rng.randrange(len(rows))]


def _hostile_cell(rows: Rows, rng: Random) -> None:
    row = _a_row(rows[1:] or rows, rng)
    if row:
        row[rng.randrange(len(row))] = hostile.text(rng)


def _odd_cell(rows: Rows, rng: Random) -> None:
    row = _a_row(rows[1:] or rows, rng)
    if row:
        row[rng.randrange(len(row))] = rng.choice(ODD_CELLS)


def _hostile_header(rows: Rows, rng: Random) -> None:
    if rows[0]:
        rows[0][rng.randrange(len(rows[0]))] = hostile.text(rng)


def _twice(rows: Rows, rng: Random) -> None:
    rows.insert(rng.randrange(len(rows) + 1), list(_a_row(rows, rng)))


def _half(rows: Rows, rng: Random) -> None:
    row = _a_row(rows, rng)
    del row[rng.randrange(len(row) + 1) :]


def _longer(rows: Rows, rng: Random) -> None:
    _a_row(rows, rng).append(hostile.text(rng))


def _column_moved(rows: Rows, rng: Random) -> None:
    """Columns may stand in any order."""
    if all(len(row) == len(rows[0]) for row in rows):
        order = list(range(len(rows[0])))
        rng.shuffle(order)
        rows[:] = [[row[place] for place in order] for row in rows]


def _column_gone(rows: Rows, rng: Random) -> None:
    at = rng.randrange(len(rows[0]) + 1)
    for row in rows:
        del row[at : at + 1]


ROW_FAULTS: tuple[Callable[[Rows, Random], None], ...] = (
    _hostile_cell,
    _hostile_cell,
    _odd_cell,
    _odd_cell,
    _hostile_header,
    _twice,
    _half,
    _longer,
    _column_moved,
    _column_gone,
)


def _written(rows: Rows, rng: Random) -> str:
    sink = io.StringIO(newline="")
    for row in rows:
        end = rng.choice(("\n", "\n", "\r\n"))
        quoting = rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
        mark = "," if rng.random() < 0.98 else rng.choice(";\t|")
        csv.writer(sink, lineterminator=end, quoting=quoting, delimiter=mark).writerow(row)
    return sink.getvalue()


def _at(content: bytes, rng: Random) -> int:
    return rng.randrange(len(content) + 1)


def _cut(content: bytes, rng: Random) -> bytes:
    return content[: _at(content, rng)]


def _put(content: bytes, rng: Random) -> bytes:
    at = _at(content, rng)
    marks = (b'"', b'""', b"\r", b"\n", b"\r\n\r\n", b",", b"'")
    what = rng.choice((*marks, b"\x00", b"\xed\xa0\xbd", b"\xff", b"\x80", b"\xef\xbb\xbf"))
    return content[:at] + what + content[at:]


def _flip(content: bytes, rng: Random) -> bytes:
    at = _at(content, rng)
    return content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :]


BYTE_FAULTS: tuple[Callable[[bytes, Random], bytes], ...] = (
    _cut,
    _put,
    _put,
    _flip,
    lambda content, rng: b"\xef\xbb\xbf" + content,
    lambda content, rng: content.replace(b"\r\n", b"\n").replace(b"\n", b"\r"),
    lambda content, rng: content.decode("utf-8", "replace").encode(rng.choice(("utf-16", "utf-16-le", "utf-32", "utf-7"))),
    lambda content, rng: content.decode("utf-8", "replace").encode("latin-1", "replace"),
    lambda content, rng: gzip.compress(content, 1, mtime=0),
    lambda content, rng: _cut(gzip.compress(content, 1, mtime=0), rng),
    lambda content, rng: b"PK\x03\x04" + content,
)


# -- stores -------------------------------------------------------------------------------------------------------------


@cache
def _host() -> Host:
    return load_plugins()


def _app(folder: Path) -> App:
    app = App(folder)
    app.__dict__["host"] = _host()
    app.__dict__["now"] = 1_750_000_000_000
    return app


_BASES: dict[Path, tuple[Path, str, dict[str, Counter[Any]]]] = {}


def _base(folder: Path) -> tuple[Path, str, dict[str, Counter[Any]]]:
    """Return a store that has some lines of every kind already, its digest, and what it keeps of each kind."""
    if folder not in _BASES:
        place = folder / "csv-base"
        place.mkdir()
        for kind in KINDS:
            file = place / f"{kind}.csv"
            with file.open("w", newline="", encoding="utf-8") as sink:
                for row in _valid(kind, Random(kind), count=3, free=False):
                    # Nobody and nothing of it stands in the files that come later.
                    csv.writer(sink).writerow([re.sub(rf"^(own-|p(?=\d)|files:|{kind} )", r"\g<0>base-", cell) for cell in row])
            with redirect_stdout(io.StringIO()):
                import_file.main([kind, str(file)], obj=_app(place), standalone_mode=False)
        with open_store(place / "persync.db") as store:
            kept = {kind: Counter(_texts(store.db, *TABLES[kind])) for kind in KINDS}
            _BASES[folder] = place / "persync.db", digest(store), kept
            store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return _BASES[folder]
