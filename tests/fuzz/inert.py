"""What makes an output inert, form by form; each check returns the words that the output shows."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote
from zipfile import ZipFile

import openpyxl
import pyarrow.parquet
from markdown_it import MarkdownIt

_PAGE = "html head meta title style body a header p span h1 h2 h3 main section nav ol ul li footer div details summary dl dt dd"
_TABLE = "table thead tbody tr th td"
_FIGURE = "figure figcaption svg g path line rect text tspan circle defs clippath"
TAGS = frozenset(f"{_PAGE} {_TABLE} {_FIGURE}".split())
"""what a report is made of"""
FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_NESTED = "paragraph heading table thead tbody tr th td blockquote bullet_list list_item"
BLOCKS = frozenset(("inline", *(f"{name}_{end}" for name in _NESTED.split() for end in ("open", "close"))))
INLINE = frozenset(("text", "text_special", "strong_open", "strong_close", "softbreak"))
TABLE = "data:text/csv;charset=utf-8,"
"""how a link begins that holds a table's numbers"""
JOINERS = "\u200c\u200d\u00ad"


def letters(text: str) -> str:
    """Return what is left of a text however it is escaped, folded or broken into lines: its letters and digits."""
    return "".join(one for one in text if one.isalnum())


@cache
def _moving() -> frozenset[str]:
    """Return what moves a cursor, turns a line round or is no character; not line feeds and the joiners that words need."""
    kinds = ("Cc", "Cf", "Cs", "Zl", "Zp")
    every = map(chr, range(sys.maxunicode + 1))
    return frozenset(one for one in every if unicodedata.category(one) in kinds) - {"\n", *JOINERS}


def terminal(text: str) -> str:
    """Check a text that is shown as it is."""
    for one in _moving() & set(text):
        at = text.index(one)
        raise AssertionError(f"{one!r} in {text[max(0, at - 60) : at + 60]!r}")
    return text


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.styles = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, f"<{tag}>"
        self.styles += tag == "style"
        for name, value in attrs:
            assert re.fullmatch(r"[a-z][a-z0-9:-]*", name), f"<{tag} {name}>"
            assert not name.startswith(("on", "src", "action", "formaction", "xlink:")), f"<{tag} {name}>"
            if name == "download":
                assert re.fullmatch(r"[a-z0-9_-]+\.csv", value or ""), f"<{tag} download={value!r}>"
            if name == "href" and (value or "").startswith(TABLE):
                # Saved, never shown: a browser that opened it would ask what to do with it.
                assert "download" in dict(attrs), f"<{tag}> with a table and without a file's name"
                comma_separated(unquote((value or "").removeprefix(TABLE)))
            elif name == "href":
                assert re.fullmatch(r"#[a-z0-9-]+", value or ""), f"<{tag} href={value!r}>"
            if name == "style":
                assert not re.search(r"url\(|expression", value or ""), value
        self.words.extend(value or "" for name, value in attrs if name in ("aria-label", "content"))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data[:60]!r}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"an instruction: {data[:60]!r}")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(f"a declaration: {data[:60]!r}")


def html(page: str) -> str:
    """Check a page: known elements, no handler, no address but one in itself."""
    terminal(page)
    reader = _Page()
    reader.feed(page)
    reader.close()
    assert reader.styles == 1, "more than the one style sheet"
    return "".join(reader.words)


def markdown(text: str) -> str:
    """Check Markdown by CommonMark's rules, and the addresses that GitHub's would make links of."""
    terminal(text)
    words = []
    for block in _markdown().parse(text):
        assert block.type in BLOCKS, f"{block.type}: {text.splitlines()[block.map[0]][:200] if block.map else ''!r}"
        for part in block.children or ():
            assert part.type in INLINE, f"{part.type} in {block.content[:300]!r}"
            words.append(part.content)
    found = re.search(r"(?i)(?:https?|ftp|mailto|xmpp|javascript|data):|\bwww\.|[\w.+-]+@[\w-]+\.\w", text)
    assert found is None, f"{found[0]!r} would become a link"
    return "".join(words)


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": True}).enable(["table"])


def comma_separated(text: str) -> str:
    """Check a CSV file: no cell is a formula, and it has one shape."""
    terminal(text.replace("\r\n", "\n"))
    before = csv.field_size_limit(len(text) + 1)
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    csv.field_size_limit(before)
    assert len({len(row) for row in rows}) == 1
    for row in rows:
        for cell in row:
            assert not cell.lstrip().startswith(FORMULA) or _is_number(cell), repr(cell[:80])
    return " ".join(cell for row in rows for cell in row)


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?(e[-+]?\d+)?", cell) is not None


def workbook(content: bytes) -> str:
    """Check a workbook: no formula, no link, nothing from outside, only texts that can be shown."""
    with ZipFile(io.BytesIO(content)) as parts:
        for name in parts.namelist():
            assert not re.search(r"external|vba|macro|connections|queryTable|drawing", name, re.IGNORECASE), name
            if name.startswith("xl/worksheets/"):
                assert not re.search(rb"<f[ >/]|<hyperlink", parts.read(name)), name
    words: list[str] = []
    book = openpyxl.load_workbook(io.BytesIO(content))
    for sheet in book.worksheets:
        terminal(sheet.title)
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type in ("s", "n", "d", "b"), (cell.data_type, cell.value)
                assert cell.hyperlink is None
                if isinstance(cell.value, str):
                    words.append(terminal(cell.value))
    return " ".join(words)


def json_text(text: str) -> str:
    """Check JSON that is shown as it is."""
    terminal(text)
    return " ".join(_strings(json.loads(text)))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


CHECKS = {"html": html, "text": terminal, "json": json_text, "md": markdown, "csv": comma_separated, "xlsx": workbook}
"""the check of each form of the report"""


def json_lines(text: str) -> str:
    """Check lines of JSON: each is an object of its own."""
    return " ".join(json_text(line) for line in text.splitlines())


def parquet(content: bytes) -> str:
    """Check a Parquet file: only texts that can be shown, and none where its columns say numbers, money or times."""
    table = pyarrow.parquet.read_table(io.BytesIO(content))
    texts = [column for column in table.columns if pyarrow.types.is_string(column.type)]
    return " ".join(terminal(cell) for column in texts for cell in column.to_pylist() if cell is not None)


FILES: dict[str, Callable[[bytes], str]] = {
    "csv": lambda content: comma_separated(content.decode()),
    "json": lambda content: json_text(content.decode()),
    "jsonl": lambda content: json_lines(content.decode()),
    "xlsx": workbook,
    "parquet": parquet,
}
"""the check of each form of an export"""
