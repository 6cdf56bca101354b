"""A tutorial, typed: its blocks in their order, files written, commands run, what they print held against what it says."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from outside.fresh import OFFLINE, Fresh

FENCE = re.compile(r"^```(?P<language>\w+)(?: (?P<file>\S+))?\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
PRELUDE = f'set -euo pipefail\npip() {{ command pip "$@" --no-build-isolation {" ".join(OFFLINE)}; }}\n'
"""`pip install -e` as the page says, but offline: the backend has to be there already, as everything else"""


@dataclass(frozen=True)
class Block:
    """One fenced block; `file` is where it goes, "" for commands and what they print."""

    language: str
    file: str
    text: str


def blocks_of(page: str) -> Iterator[Block]:
    """Yield the blocks of a page. Raise AssertionError for one of which nobody knows what it is for."""
    for match in FENCE.finditer(page):
        block = Block(match["language"], match["file"] or "", match["text"])
        assert block.file or block.language in ("sh", "text", "json"), f"what is this block for? {block.text[:80]}"
        yield block


def type_in(page: str, fresh: Fresh, folder: Path, instead: Mapping[str, str]) -> list[str]:
    """Do what a page says in an empty folder; return what each block of commands printed.

    `instead` are words of the page that differ here: an address. Raise AssertionError for a command that fails, and for a line
    that the page promises and that is not printed, or not in its place.
    """
    printed: list[str] = []
    for block in blocks_of(page):
        text = block.text
        for word, other in instead.items():
            text = text.replace(word, other)
        if block.file:
            path = folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif block.language == "sh":
            done = subprocess.run(
                ["bash", "-c", PRELUDE + text],
                cwd=folder,
                env=fresh.environment(),
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert done.returncode == 0, f"{text}{done.stdout}{done.stderr}"
            printed.append(done.stdout)
        elif block.language == "text":
            promised(text, printed[-1])
    return printed


def promised(text: str, printed: str) -> None:
    """Hold every line of a page against what was printed: each begins a printed line, in this order."""
    left = iter(" ".join(line.split()) for line in printed.splitlines())
    for line in text.splitlines():
        wanted = " ".join(line.split())
        assert any(one.startswith(wanted) for one in left), f"not printed, or not there: {line}\n{printed}"
