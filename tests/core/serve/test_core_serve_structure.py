"""What stands where on the live pages: landmarks, filters, ways, headings and tables, held against a kept list."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

from core.serve.test_core_serve_pages import PAGES

GOLDEN = Path(__file__).parent / "golden" / "pages.json"
SHOWN: Final = (*PAGES, "/part/credit", "/part/fairness", "/part/pays?period=2026-03&arm=personal")
LANDMARKS: Final = ("header", "nav", "main", "footer", "form")
TOLD: Final = ("h1", "h2", "h3", "th", "summary", "label", "button")
_FIGURES: Final = re.compile(r"\d[\d,.]*")


class Outline(HTMLParser):
    """Reads a page into lines: landmarks by name, controls by what they are called, headings and columns by their words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._words: list[str] | None = None
        self._within = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag in LANDMARKS:
            self.lines.append(f"{tag} {told.get('aria-label') or told.get('class') or ''}".strip())
        if tag in ("select", "input"):
            self.lines.append(f"{tag} {told.get('name')}")
        if tag == "figure":
            self.lines.append("figure")
        if tag in TOLD and not (tag == "th" and told.get("scope") == "row"):
            self._words, self._within = [], tag

    def handle_data(self, data: str) -> None:
        if self._words is not None:
            self._words.append(data)

    def handle_endtag(self, tag: str) -> None:
        if self._words is not None and tag == self._within:
            self.lines.append(f"{tag}: {_FIGURES.sub('#', ' '.join(' '.join(self._words).split()))}")
            self._words = None


def test_every_page_shows_what_it_is_known_to_show(get: Callable[..., Any]) -> None:
    """A filter, a heading or a column that is gone, moved or new is seen here; PERSYNC_WRITE_GOLDEN=1 keeps the new list."""
    found = {address: Outline(get(address).text).lines for address in SHOWN}
    if os.environ.get("PERSYNC_WRITE_GOLDEN"):
        GOLDEN.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    assert found == json.loads(GOLDEN.read_text("utf-8"))
    assert all(lines.count("main") == 1 for lines in found.values())
