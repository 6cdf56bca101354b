"""Checks of an importer: what it reads it keeps whole, and what it cannot read it refuses whole."""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from persync.errors import PersyncError
from persync.imports.csvfile import read_batch
from persync.imports.importer import Column, Importer
from persync.store.digest import table_digests
from persync.store.store import open_store
from persync.store.write import write_batch
from persync.testing.checks.check import NotTriedError, expect, listed, many

NOW: Final = 1_760_000_000_000
CELLS: Final[Mapping[str, str]] = {
    "person": "wexqann@example.com",
    "text": "word",
    "time": "2026-01-05T10:00:00Z",
    "money": "12.50",
    "number": "1.5",
    "integer": "3",
    "flag": "true",
    "currency": "EUR",
    "share": "0.5",
}
"""what stands in a column of each kind"""
OTHER: Final = "wexqbea@example.com"
"""somebody who stands in no sample"""
ODD: Final = (
    "=1+1",
    "@SUM(A1)",
    "<script>alert(1)</script>",
    "'; DROP TABLE orders; --",
    "{{ 7 * 7 }}",
    "%s {0}",
    "é\u0301日\u200b",
    "x" * 5_000,
)
"""texts that somebody may type, or have typed for them"""
EVALUATED: Final = frozenset({"2", "49", 2, 49})
"""what becomes of one of them where somebody works it out"""
NOTED: Final = ("imported_files", "connections")
"""what is noted of every file, whatever stands in it"""
NUMBERS: Final = ("0", "-1", "1e309", "999999999999999999999", "0.0000001", "NaN")


@dataclass
class Desk:
    """One importer, a file that it reads, and stores with one key."""

    importer: Importer
    folder: Path
    text: str
    stores: int = 0
    names: list[str] = field(default_factory=list)

    def store(self) -> Path:
        """Return a new store with the key of all the others."""
        first = self.folder / "first.db"
        if not first.exists():
            open_store(first, create=True).close()
        self.stores += 1
        path = self.folder / f"store-{self.stores}.db"
        shutil.copy(first, path)
        shutil.copy(first.with_suffix(".key"), path.with_suffix(".key"))
        return path

    def read(self, store: Path, text: str | bytes) -> PersyncError | None:
        """Import a text into a store; return the refusal. Raise AssertionError for one that is no PersyncError, or has lines of
        its own."""
        file = self.folder / "file.csv"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        try:
            with open_store(store) as opened:
                batch = read_batch(file, self.importer, name="file.csv")
                write_batch(opened, "files", "files", batch, now=NOW)
        except PersyncError as error:
            return error
        except Exception as error:
            what = f"a file is refused with {type(error).__name__}: raise PersyncError, in Importer.check."
            raise AssertionError(what) from None
        return None

    def rows(self, text: str) -> list[object]:
        """Return what a text's rows hold, one value after the other."""
        file = self.folder / "file.csv"
        file.write_text(text, encoding="utf-8")
        return [value for row in read_batch(file, self.importer, name="file.csv").rows for value in row]


@dataclass(frozen=True, slots=True)
class ImporterCheck:
    """`run(desk)` as of a `Check`."""

    name: str
    claim: str
    run: Callable[[Desk], str]

    def of(self, importer: Importer) -> str:
        """Run it for an importer."""
        with desk_of(importer) as desk:
            return self.run(desk)


@contextmanager
def desk_of(importer: Importer) -> Iterator[Desk]:
    """Yield a desk with a file that the importer gives as a sample, or one made from its columns."""
    with TemporaryDirectory(prefix="persync-") as folder:
        yield Desk(importer, Path(folder), importer.sample or _made(importer))


def _made(importer: Importer) -> str:
    return _text([{one.name: one.choices[0] if one.choices else CELLS[one.kind] for one in importer.columns}])


def _text(lines: list[dict[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def _lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def _readable(desk: Desk) -> list[dict[str, str]]:
    """Return the lines of the file. Raise NotTriedError when the importer refuses it: another check says so."""
    if desk.read(desk.store(), desk.text) is not None:
        raise NotTriedError("its sample is refused.")
    return _lines(desk.text)


def declares(desk: Desk) -> str:
    """Look at its columns."""
    one = desk.importer
    expect(bool(re.fullmatch(r"[a-z][a-z0-9_]*", one.kind)), f"'{one.kind}' cannot be typed as a kind of file.")
    expect(bool(one.summary.strip()), "it has no summary.")
    names = [column.name for column in one.columns]
    expect(bool(names), "it has no columns.")
    expect(len(set(names)) == len(names), "a column stands twice.")
    silent = [column.name for column in one.columns if not column.help.strip()]
    expect(not silent, f"it says not what stands in {listed(silent)}: Column(help=...).")
    odd = sorted({*one.once, *one.counted} - set(names))
    expect(not odd, f"once or counted names {listed(odd)}, which is no column.")
    money = [column.name for column in one.columns if column.kind == "money"]
    expect(not money or "currency" in names, f"{listed(money)} is money without a column 'currency' beside it.")
    return many(len(names), "column")


def reads(desk: Desk) -> str:
    """Read the sample, or a line made from its columns."""
    refused = desk.read(desk.store(), desk.text)
    hint = "" if desk.importer.sample else " Give it a sample (Importer.sample): a small file that it reads."
    expect(refused is None, f"{refused}{hint}")
    found = desk.rows(desk.text)
    expect(bool(found), "no row comes of a line.")
    return many(len(_lines(desk.text)), "line")


def refuses(desk: Desk) -> str:
    """Read files that are cut, strange or of another kind: each is refused, and nothing of it is kept."""
    lines = _readable(desk)
    header, *body = desk.text.splitlines()
    required: list[Column] = [column for column in desk.importer.columns if column.required]
    first = required[0].name if required else desk.importer.columns[0].name
    bad: dict[str, str | bytes] = {
        "an unknown column": _text([{**line, "no_such_column": "1"} for line in lines]),
        "a line that is cut": "\n".join((header, *body, body[0].rsplit(",", 1)[0] if "," in body[0] else '"')) + "\n",
        "a quote without an end": f'{desk.text}"\n',
        "bytes that are no UTF-8": desk.text.encode() + b"\xff\xfe\n",
        "no header": "",
        "a workbook": b"PK\x03\x04" + desk.text.encode(),
    }
    if required and len(desk.importer.columns) > 1:
        bad["a column that is missing"] = _text([{k: v for k, v in line.items() if k != first} for line in lines])
    empty = _digests(desk.store())
    for what, text in bad.items():
        store = desk.store()
        refused = desk.read(store, text)
        expect(refused is not None, f"{what} is taken without a word.")
        expect(_digests(store) == empty, f"of a file with {what} something is kept.")
    return listed(bad)


def whole(desk: Desk) -> str:
    """Put a bad cell behind a good line: all of the file is refused, or all of it is kept."""
    lines = _readable(desk)
    empty, tried = _digests(desk.store()), 0
    # Of somebody else: a second line of one person may be refused for that alone.
    others = {column.name: OTHER for column in desk.importer.columns if column.kind == "person"}
    for column in desk.importer.columns:
        for odd in (*(NUMBERS if column.kind not in ("text", "person") else ODD), ""):
            store = desk.store()
            refused = desk.read(store, _text([*lines, {**lines[-1], **others, column.name: odd}]))
            tried += 1
            expect(
                refused is None or _digests(store) == empty, f"of a file that was refused for {column.name} something is kept."
            )
    return many(tried, "file")


def inert(desk: Desk) -> str:
    """Type formulas and markup into each column of text: they stay text, or are refused."""
    lines = _readable(desk)
    texts = [column.name for column in desk.importer.columns if column.kind == "text" and not column.choices]
    if not texts:
        raise NotTriedError("no column takes any text")
    for name in texts:
        for odd in ODD:
            text = _text([{**lines[0], name: odd}])
            if desk.read(desk.store(), text) is None:
                found = [value for value in desk.rows(text) if isinstance(value, str | int) and not isinstance(value, bool)]
                before = desk.rows(desk.text)
                worked = [value for value in found if value in EVALUATED and value not in before]
                expect(not worked, f"{odd} in the column '{name}' is worked out, and {worked[:1]} is kept.")
    return listed(texts)


def again(desk: Desk) -> str:
    """Import the file, and once more as another file that says the same."""
    _readable(desk)
    store = desk.store()
    desk.read(store, desk.text)
    before = _digests(store)
    refused = desk.read(store, f"{desk.text}\n")
    expect(refused is None, f"the second time it is refused: {refused}")
    after = _digests(store)
    differ = sorted(table for table in after if after[table] != before.get(table))
    expect(not differ, f"imported again it changes {listed(differ)}: a row needs a key that is the same every time.")
    return "twice"


def knows_nobody(desk: Desk) -> str:
    """Look for the address of a person in the store."""
    people = [column.name for column in desk.importer.columns if column.kind == "person"]
    if not people:
        raise NotTriedError("no column names a person")
    lines = _readable(desk)
    store = desk.store()
    desk.read(store, _text([{**line, **dict.fromkeys(people, OTHER)} for line in lines[:1]]))
    kept = b"".join(path.read_bytes() for path in store.parent.glob(f"{store.stem}.db*"))
    expect(OTHER.encode() not in kept.lower(), "the store holds the address of a person.")
    return listed(people)


def _digests(store: Path) -> dict[str, str]:
    with open_store(store) as opened:
        found = table_digests(opened)
    return {table: digest for table, digest in found.items() if table not in NOTED}


IMPORTER: Final = (
    ImporterCheck("declares", "its columns are told, each with what stands in it", declares),
    ImporterCheck("reads", "a good file becomes rows", reads),
    ImporterCheck("refuses", "a file that is cut, strange or of another kind is refused whole", refuses),
    ImporterCheck("whole", "one bad cell behind good lines costs the whole file, or nothing", whole),
    ImporterCheck("inert", "formulas and markup stay text", inert),
    ImporterCheck("again", "imported again it changes nothing", again),
    ImporterCheck("privacy", "nobody's address is in the store", knows_nobody),
)
