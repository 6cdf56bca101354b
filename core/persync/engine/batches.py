"""Two ways to read the store's tables as Arrow record batches, from one snapshot, with the types that the DDL declares.

`PlainReader` uses the interpreter's own SQLite. `ArrowReader` is three times faster but brings a second copy of SQLite,
and a process must not hold one file open through two copies: closing one drops the POSIX locks of the other, after which
a stranger's checkpoint may remove the write-ahead log under a running writer. So only a process of its own may use it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import quote

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS: Final = 65_536
_SENTINELS: Final = {"INTEGER": "0", "TEXT": "''", "REAL": "0.0"}


class Reader(Protocol):
    """Reads one store inside one read transaction."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a small query."""
        ...

    def batches(self, table: str, columns: Mapping[str, str], where: str = "") -> Iterator[pa.RecordBatch]:
        """Yield a table's rows; `columns` gives each column's declared type (INTEGER, TEXT, REAL)."""
        ...

    def close(self) -> None:
        """End the transaction and give the file back."""
        ...


def arrow_schema(columns: Mapping[str, str]) -> pa.Schema:
    """Return the Arrow schema of columns declared INTEGER, TEXT or REAL; every column may be null."""
    import pyarrow as pa

    types = {"INTEGER": pa.int64(), "TEXT": pa.string(), "REAL": pa.float64()}
    return pa.schema([(name, types[declared]) for name, declared in columns.items()])


def declared(reader: Reader, table: str) -> dict[str, str]:
    """Return the columns of a table with their declared types; empty when the store has no such table."""
    return {str(name): str(kind) for name, kind in reader.rows(f"SELECT name, type FROM pragma_table_info('{table}')")}


def _select(expressions: Sequence[str], table: str, where: str) -> str:
    condition = f" WHERE {where}" if where else ""
    return f'SELECT {", ".join(expressions)} FROM "{table}"{condition}'


def _uri(path: Path) -> str:
    return f"file:{quote(str(path.resolve()))}?mode=ro"


class PlainReader:
    """Reads with the standard library's sqlite3. Raises sqlite3.Error when the file cannot be read."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(_uri(path), uri=True, isolation_level=None, timeout=30)
        self._db.execute("BEGIN")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._db.execute(sql).fetchall()

    def batches(self, table: str, columns: Mapping[str, str], where: str = "") -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        schema = arrow_schema(columns)
        cursor = self._db.execute(_select([f'"{name}"' for name in columns], table, where))
        while rows := cursor.fetchmany(BATCH_ROWS):
            arrays = [pa.array(values, type=field.type) for values, field in zip(zip(*rows, strict=True), schema, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def close(self) -> None:
        self._db.close()


class ArrowReader:
    """Reads with adbc-driver-sqlite, which takes a column's type from the first rows it sees.

    A first row of typed constants goes before the table's own and is dropped again, so that columns that begin with nulls,
    hold nothing else or have no rows at all still come with their declared type.
    """

    def __init__(self, path: Path) -> None:
        from adbc_driver_sqlite import dbapi

        self._connection = dbapi.connect(_uri(path), autocommit=False)

    def _cursor(self) -> Any:
        return self._connection.cursor(adbc_stmt_kwargs={"adbc.sqlite.query.batch_rows": BATCH_ROWS})

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self._cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def batches(self, table: str, columns: Mapping[str, str], where: str = "") -> Iterator[pa.RecordBatch]:
        schema = arrow_schema(columns)
        typed = [f'{_SENTINELS[kind]} AS "{name}"' for name, kind in columns.items()]
        query = f"SELECT {', '.join(typed)} UNION ALL " + _select([f'"{name}"' for name in columns], table, where)
        with self._cursor() as cursor:
            cursor.execute(query)
            skip = 1
            for batch in cursor.fetch_record_batch():
                batch = batch.slice(skip)
                skip = 0
                if batch.num_rows:
                    yield batch.cast(schema)

    def close(self) -> None:
        self._connection.close()
