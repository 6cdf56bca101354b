"""Make text from anywhere inert: campaign titles and group names come from other people's systems."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from persync.redact import JOINERS

_BREAKS = re.compile(r"[\r\n\t\v\f\x85]+")


def _inert(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cc", "Cs", "Zl", "Zp") or (category == "Cf" and character not in JOINERS):
        return "\ufffd"
    return "\ufffd" if category == "Cn" and _is_no_character(ord(character)) else character


def _is_no_character(code: int) -> bool:
    """Tell the 66 codes that are kept for programs: XML allows no U+FFFE, and what draws the figures dies of one."""
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF


def plain(text: str) -> str:
    """Return the text on one line without control, direction-changing or broken characters.

    Line breaks and tabs become spaces; escape sequences, right-to-left overrides, lone surrogates and what is
    no character become U+FFFD, so that nothing can colour a terminal, turn a line round or fail to be written as UTF-8.
    """
    if text.isascii() and text.isprintable():
        return text
    first, *rest = _BREAKS.split(text)
    spaced = " ".join([first.rstrip(), *filter(None, map(str.strip, rest[:-1])), rest[-1].lstrip()]) if rest else first
    if spaced.isascii() and spaced.isprintable():
        return spaced
    return spaced.translate({ord(one): _inert(one) for one in set(spaced)})


def markdown(text: str) -> str:
    """Return the text so that Markdown shows it letter by letter: no cell, link, code, HTML or formula begins in it."""

    def escaped(found: re.Match[str]) -> str:
        # HTML is escaped as entities, which every Markdown reader shows.
        return {"<": "&lt;", ">": "&gt;", "&": "&amp;"}.get(found.group(0), f"\\{found.group(0)}")

    safe = re.sub(r"[\\`*_\[\]|~$<>&]", escaped, plain(text))
    # A bare address would become a link by itself. GitHub looks for those of mail after it has read escapes and entities.
    safe = re.sub(r"@(?=[\w.-])", "@&shy;", safe)
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
