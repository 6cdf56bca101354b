"""Writing the mirror's files: what comes back, and how the columns lie in them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
from pyarrow import parquet

from persync.engine.parts import PartWriter

ROWS = 20_000
EXTREMES = (-(2**63), 2**63 - 1, 0, -1, 1)
COLUMNS: dict[str, list[int | str | None]] = {
    "key_id": [(n * 2_654_435_761) % 1_000_003 for n in range(ROWS)],
    "far": [EXTREMES[n % 5] + (-(n // 5) if n % 5 == 1 else n // 5) for n in range(ROWS)],
    "code": [n % 7 for n in range(ROWS)],
    "level": [None if n % 3 else n for n in range(ROWS)],
    "variant": [None if n % 4 else f"variant {n % 11}" for n in range(ROWS)],
}
SCHEMA = pa.schema(
    [*((name, pa.int64()) for name in ("key_id", "far", "code", "level")), ("variant", pa.string())],
)


def written(folder: Path, rows: int) -> Path:
    batch = pa.RecordBatch.from_pydict({name: values[:rows] for name, values in COLUMNS.items()}, schema=SCHEMA)
    writer = PartWriter(SCHEMA, lambda month: folder / f"{month}.parquet")
    # Cut where no buffer begins, as the months of a mailing cut it.
    writer.whole([batch.slice(0, 13), batch.slice(13)] if rows else [])
    ((path, count),) = writer.close().values()
    assert count == rows
    return path


def test_every_value_comes_back_from_a_file_of_the_mirror_by_both_readers(tmp_path: Path) -> None:
    path = written(tmp_path, ROWS)

    assert parquet.read_table(path).to_pydict() == COLUMNS
    assert duckdb.sql(f"SELECT * FROM '{path}'").fetchall() == list(zip(*COLUMNS.values(), strict=True))


def test_keys_and_times_lie_as_differences_and_codes_in_dictionaries(tmp_path: Path) -> None:
    group = parquet.read_metadata(written(tmp_path, ROWS)).row_group(0)
    lies = {name: group.column(i) for i, name in enumerate(COLUMNS)}

    assert {name: one.compression for name, one in lies.items()} == {
        "key_id": "UNCOMPRESSED",
        "far": "UNCOMPRESSED",
        "code": "ZSTD",
        "level": "ZSTD",
        "variant": "ZSTD",
    }
    assert {name for name, one in lies.items() if "DELTA_BINARY_PACKED" in one.encodings} == {"key_id", "far"}
    assert {name for name, one in lies.items() if one.has_dictionary_page} == {"code", "level", "variant"}


def test_a_table_of_no_rows_is_a_file_with_its_columns(tmp_path: Path) -> None:
    table = parquet.read_table(written(tmp_path, 0))

    assert (table.num_rows, table.schema.equals(SCHEMA)) == (0, True)
