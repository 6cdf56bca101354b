"""Two ways to read the store's tables as Arrow record batches, from one snapshot, with the types that the DDL declares.

`PlainReader` uses the interpreter's own SQLite. `ArrowReader` is three times faster but brings a second copy of SQLite,
and a process must not hold one file open through two copies: closing one drops the POSIX locks of the other, after which
a stranger's checkpoint may remove the write-ahead log under a running writer. So only a process of its own may use it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import quote

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS: Final = 65_536
NOTHING: Final[Mapping[str, str]] = {}
_SENTINELS: Final = {"INTEGER": "0", "TEXT": "''", "REAL": "0.0"}


class Reader(Protocol):
    """Reads one store inside one read transaction."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a small query."""
        ...

    def batches(
        self, table: str, columns: Mapping[str, str], where: str = "", instead: Mapping[str, str] = NOTHING
    ) -> Iterator[pa.RecordBatch]:
        """Yield a table's rows; `columns` gives each column's declared type (INTEGER, TEXT, REAL), `instead` the SQL that is
        read in place of a column."""
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


def _select(columns: Iterable[str], table: str, where: str, instead: Mapping[str, str]) -> str:
    condition = f" WHERE {where}" if where else ""
    read = ", ".join(instead.get(name, f'"{name}"') for name in columns)
    return f'SELECT {read} FROM "{table}"{condition}'


def _uri(path: Path) -> str:
    return f"file:{quote(str(path.resolve()))}?mode=ro"


class PlainReader:
    """Reads with the standard library's sqlite3. Raises sqlite3.Error when the file cannot be read."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(_uri(path), uri=True, isolation_level=None, timeout=30)
        self._db.execute("BEGIN")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._db.execute(sql).fetchall()

    def batches(
        self, table: str, columns: Mapping[str, str], where: str = "", instead: Mapping[str, str] = NOTHING
    ) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        schema = arrow_schema(columns)
        cursor = self._db.execute(_select(columns, table, where, instead))
        while rows := cursor.fetchmany(BATCH_ROWS):
            arrays = [pa.array(values, type=field.type) for values, field in zip(zip(*rows, strict=True), schema, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def close(self) -> None:
        self._db.close()


class ArrowReader:
    """Reads with SQLite's ADBC driver, which takes a column's type from the first rows it sees.

    A first row of typed constants goes before the table's own and is dropped again, so that columns that begin with nulls,
    hold nothing else or have no rows at all still come with their declared type. The driver is called without its DB-API
    layer, which imports all of pyarrow (and pandas where that is installed): half a second before the first row.
    """

    def __init__(self, path: Path) -> None:
        import adbc_driver_manager
        import adbc_driver_sqlite

        self._database = adbc_driver_sqlite.connect(_uri(path))
        self._connection = adbc_driver_manager.AdbcConnection(self._database)
        self._connection.set_autocommit(False)
        self._new_statement = adbc_driver_manager.AdbcStatement
        self._statement: Any = None

    def _read(self, sql: str) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        statement = self._statement = self._new_statement(self._connection)
        try:
            statement.set_options(**{"adbc.sqlite.query.batch_rows": str(BATCH_ROWS)})
            statement.set_sql_query(sql)
            stream, _ = statement.execute_query()
            with pa.RecordBatchReader._import_from_c(stream.address) as reader:
                yield from reader
        finally:
            self._end(statement)

    def _end(self, statement: Any) -> None:
        if self._statement is statement:
            self._statement = None
            statement.close()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        for batch in self._read(sql):
            found += zip(*(column.to_pylist() for column in batch.columns), strict=True)
        return found

    def batches(
        self, table: str, columns: Mapping[str, str], where: str = "", instead: Mapping[str, str] = NOTHING
    ) -> Iterator[pa.RecordBatch]:
        schema = arrow_schema(columns)
        typed = [f'{_SENTINELS[kind]} AS "{name}"' for name, kind in columns.items()]
        query = f"SELECT {', '.join(typed)} UNION ALL " + _select(columns, table, where, instead)
        skip = 1
        for batch in self._read(query):
            batch = batch.slice(skip)
            skip = 0
            if batch.num_rows:
                yield batch if batch.schema == schema else batch.cast(schema)

    def close(self) -> None:
        if self._statement is not None:
            self._end(self._statement)  # reading broke off
        self._connection.close()
        self._database.close()
