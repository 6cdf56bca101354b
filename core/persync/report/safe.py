"""Make text from anywhere inert: campaign titles and group names come from other people's systems."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

# Joiners and the soft hyphen are format characters that ordinary words need.
_ALLOWED_FORMAT = frozenset("\u200c\u200d\u00ad")


def _inert(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cc", "Cs", "Zl", "Zp") or (category == "Cf" and character not in _ALLOWED_FORMAT):
        return "\ufffd"
    return character


def plain(text: str) -> str:
    """Return the text on one line without control, direction-changing or broken characters.

    Line breaks and tabs become spaces; escape sequences, right-to-left overrides and lone surrogates become U+FFFD, so
    that nothing can colour a terminal, turn a line round or fail to be written as UTF-8.
    """
    spaced = re.sub(r"\s*[\r\n\t\v\f\x85]+\s*", " ", text)
    if spaced.isascii() and spaced.isprintable():
        return spaced
    return "".join(map(_inert, spaced))


def markdown(text: str) -> str:
    """Return the text so that Markdown shows it letter by letter: no cell, link, code, HTML or formula begins in it."""

    def escaped(found: re.Match[str]) -> str:
        # HTML is escaped as entities, which every Markdown reader shows.
        return {"<": "&lt;", ">": "&gt;", "&": "&amp;"}.get(found.group(0), f"\\{found.group(0)}")

    safe = re.sub(r"[\\`*_\[\]|~$<>&]", escaped, plain(text))
    # A bare address would become a link by itself.
    safe = re.sub(r"(?i)\b(https?|ftp|mailto|javascript|data)(:)", r"\1&#58;", safe)
    return re.sub(r"(?i)\bwww\.", "www&#46;", safe)


def markdown_paragraph(text: str) -> str:
    """Return the text as a paragraph of Markdown: besides, it does not begin as a heading, list or rule."""
    safe = markdown(text).strip()
    return re.sub(r"^([#+=-])", r"\\\1", re.sub(r"^(\d+)([.)])", r"\1\\\2", safe))


def spreadsheet(text: str) -> str:
    """Return the text as a cell of a CSV file that no spreadsheet takes for a formula.

    A first character of = + - @ (OWASP's list; tabs and line breaks are gone already), also behind blanks and in their
    full-width forms, gets an apostrophe before it.
    """
    safe = plain(text)
    return f"'{safe}" if safe.lstrip()[:1] in tuple("=+-@＝＋－＠") else safe


def deep(value: Any) -> Any:
    """Return a JSON-like value with every string in it made `plain`, keys included."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, Mapping):
        return {plain(str(key)): deep(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [deep(inner) for inner in value]
    return value
