"""The report as one JSON object (DESIGN section 12): sections as data, and every estimate once more in one list."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from persync.estimate import Estimate
from persync.money import Money, from_minor
from persync.redact import inert_json
from persync.report.report import Block, Cell, Figure, Note, Report, Table
from persync.report.words import iso


def to_json(report: Report) -> str:
    """Return the report as JSON: absent things are null, times ISO 8601 in UTC, money a decimal string with its currency."""
    document = {
        "persync": report.persync,
        "kind": "report",
        "title": report.title,
        "made_at": iso(report.made_at),
        "period": list(map(iso, report.period)) if report.period else None,
        "timezone": report.timezone,
        "facts": _plain(report.facts),
        "sections": [
            {"name": section.name, "title": section.title, "blocks": [_block(block) for block in section.blocks]}
            for section in report.sections
        ],
        "results": [_estimate(estimate) for estimate in _estimates(report)],
    }
    try:
        text = orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
    except TypeError:  # half of a surrogate pair, which UTF-8 cannot hold: an escape can
        text = json.dumps(document, indent=2, ensure_ascii=False)
    return inert_json(text) + "\n"


def _block(block: Block) -> dict[str, Any]:
    if isinstance(block, Note):
        return {"type": "note", "tone": block.tone, "heading": block.heading or None, "text": _text(block.text)}
    if isinstance(block, Figure):
        return {
            "type": "figure",
            "name": block.name,
            "caption": _text(block.caption),
            "alt": _text(block.alt),
            "spec": _plain(block.spec),
            "table": _table(block.table),
        }
    return {"type": "table", **_table(block)}


def _table(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "caption": _text(table.caption),
        "columns": [{"name": c.name, "title": _text(c.title), "kind": c.kind, "note": c.note or None} for c in table.columns],
        "rows": [[_cell(cell) for cell in row] for row in table.rows],
        "has_total": table.has_total,
    }


def _cell(cell: Cell) -> Any:
    if isinstance(cell, Estimate):
        return _estimate(cell)
    if isinstance(cell, Money):
        return {"amount": str(from_minor(cell.minor, cell.currency)), "minor": cell.minor, "currency": cell.currency}
    return _plain(cell)


def _estimate(estimate: Estimate) -> dict[str, Any]:
    answer: dict[str, Any] = _plain(estimate.as_json())
    return answer


def _estimates(report: Report) -> Iterator[Estimate]:
    """Yield every estimate in the order it is read, each once."""
    seen: set[int] = set()
    for section in report.sections:
        for block in section.blocks:
            table = block.table if isinstance(block, Figure) else block
            if isinstance(table, Note):
                continue
            for row in table.rows:
                for cell in row:
                    if isinstance(cell, Estimate) and id(cell) not in seen:
                        seen.add(id(cell))
                        yield cell


def _text(text: str) -> str:
    """Return text that can be written as UTF-8; JSON itself escapes control characters."""
    return text.encode("utf-8", "replace").decode()


def _plain(value: Any) -> Any:
    """Return a value that JSON can hold: tuples become lists, infinity and NaN null, anything unknown its text."""
    if isinstance(value, bool) or value is None or isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return {_text(str(key)): _plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        return [_plain(inner) for inner in value]
    item = getattr(value, "item", None)  # a numpy scalar
    return _plain(item()) if callable(item) else _text(str(value))
