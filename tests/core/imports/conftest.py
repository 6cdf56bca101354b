"""A file is written and read."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.imports.import_cases import KINDS, Read
from persync.imports.csvfile import read_batch
from persync.rows import Row


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def rows(kind: str, text: str, **more: object) -> list[Row]:
        path = tmp_path / f"{kind}.csv"
        path.write_text(text, encoding="utf-8")
        return list(read_batch(path, KINDS[kind], name=path.name, **more).rows)  # type: ignore[arg-type]

    return rows
