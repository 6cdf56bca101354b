"""The shape of a report's section: what stands in it, in which words, without its figures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from persync.estimate import Estimate
from persync.report.report import Block, Cell, Figure, Note, Table


def shape(blocks: Sequence[Block]) -> list[dict[str, Any]]:
    """Return each block as its kind, names and words: of tables the columns and what stands in each cell, of figures the layers
    and what is drawn for each group; every number is a #."""
    return [_block(block) for block in blocks]


def _block(block: Block) -> dict[str, Any]:
    if isinstance(block, Note):
        return {"note": block.tone, "heading": block.heading, "text": _bare(block.text)}
    if isinstance(block, Table):
        rows = [" | ".join(map(_cell, row)) for row in block.rows]
        return {"table": block.name, "columns": [column.title for column in block.columns], "rows": rows}
    assert isinstance(block, Figure)
    layers = [_layer(layer) for layer in block.spec["layer"]]
    return {"figure": block.name, "caption": _bare(block.caption), "alt": _bare(block.alt), "layers": layers}


def _layer(layer: Any) -> dict[str, Any]:
    mark = layer["mark"] if isinstance(layer["mark"], str) else layer["mark"]["type"]
    drawn = [_drawn(row) for row in layer.get("data", {}).get("values", ())]
    return {"mark": mark, "encoding": sorted(layer.get("encoding", {})), "drawn": drawn}


def _drawn(row: Any) -> str:
    if "mark" in row:
        return f"{row['named']} at {row['mark']:g}" if "named" in row else "/".join(sorted(row))
    if "low" in row:
        inside = row["low"] <= row["value"] <= row["high"]
        return f"{_bare(row['name'])}: {row.get('verdict', '')}{' with interval' if inside else ' WITHOUT INTERVAL'}"
    return ", ".join(sorted(row))


def _cell(cell: Cell) -> str:
    if isinstance(cell, Estimate):
        if cell.value is None:
            return f"({cell.reason})"
        return "# with interval" if cell.low is not None and cell.high is not None else "#"
    return "" if cell is None else _bare(str(cell)) if not isinstance(cell, int | float) else "#"


def _bare(text: str) -> str:
    """Return a text without its numbers; the bands of age and four fifths are none."""
    kept = re.sub(r"\d+-\d+|\b60\+|\b0\.8\b|95 %|\blevel 2\b", lambda found: found[0].translate(_HIDE), text)
    return re.sub(r"[−+-]?\d[\d,.]*\d|[−+-]?\d", "#", kept).translate(_SHOW)


_HIDE = {ord(str(digit)): 0xE000 + digit for digit in range(10)}
_SHOW = {0xE000 + digit: str(digit) for digit in range(10)}
