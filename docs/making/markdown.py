"""Markdown out of rows and docstrings."""

from __future__ import annotations

import inspect
from typing import Any


def table(header: tuple[str, ...], rows: Any) -> str:
    """Return a Markdown table; a bar in a cell is escaped."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "".join("| " + " | ".join(str(cell).replace("|", r"\|") for cell in line) + " |\n" for line in lines)


def prose(text: str) -> str:
    """Return a docstring as paragraphs of one line each."""
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n"))
