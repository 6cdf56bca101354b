"""Fills in the generated parts of README.md and docs/*.md from the code, so that neither can drift from the other.

    python docs/make.py            # write what is out of date
    python docs/make.py --check    # write nothing; exit with 1 and name what is out of date

A generated part stands between the lines `<!-- docs/make.py: NAME -->` and `<!-- end -->`; the rest is written by hand.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from making.commands import addresses, command_list, command_reference, faults, importers, shared_options
from making.plugins import connections, hooks, metrics, models, reasons
from making.store import tables, views
from making.vendors import VENDORS, limits_of, streams_of

ROOT: Final = Path(__file__).resolve().parents[1]
_BLOCK = re.compile(r"(<!-- docs/make\.py: (?P<name>\S+) -->\n)(?P<body>.*?)(<!-- end -->)", re.DOTALL)

BLOCKS: Final[Mapping[str, Callable[[], str]]] = {
    **{f"streams-{vendor}": partial(streams_of, vendor) for vendor in VENDORS},
    **{f"limits-{vendor}": partial(limits_of, vendor) for vendor in VENDORS},
    "addresses": addresses,
    "faults": faults,
    "command-list": command_list,
    "command-reference": command_reference,
    "shared-options": shared_options,
    "importers": importers,
    "connections": connections,
    "hooks": hooks,
    "metrics": metrics,
    "reasons": reasons,
    "models": models,
    "tables": tables,
    "views": views,
}


def pages() -> list[Path]:
    """Return every page that may have generated parts."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def filled(text: str) -> str:
    """Return a page with its generated parts made anew."""

    def made(match: re.Match[str]) -> str:
        return f"{match[1]}\n{BLOCKS[match['name']]().strip()}\n\n{match[4]}"

    return _BLOCK.sub(made, text)


def used() -> set[str]:
    """Return the names of the generated parts that stand on a page."""
    return {match["name"] for page in pages() for match in _BLOCK.finditer(page.read_text("utf-8"))}


def main(arguments: list[str]) -> int:
    """Write or check every page; return the exit code."""
    old = []
    for page in pages():
        text = page.read_text("utf-8")
        wanted = filled(text)
        if wanted != text:
            old.append(page.relative_to(ROOT))
            if "--check" not in arguments:
                page.write_text(wanted, encoding="utf-8")
    for name in old:
        sys.stdout.write(f"{name} {'is out of date' if '--check' in arguments else 'written'}\n")
    return int(bool(old) and "--check" in arguments)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
