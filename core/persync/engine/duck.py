"""DuckDB, in the process, over the Parquet mirror."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from persync import hookimpl
from persync.engine.catalogue import Catalogue, read_catalogue
from persync.engine.derived import check_name, no_mirror, settings_hash, too_many
from persync.engine.engine import EngineType
from persync.engine.texts import names, rename, used
from persync.errors import DataError

if TYPE_CHECKING:
    import numpy as np

THREADS: Final = 2
MEMORY: Final = "1GB"
INTERRUPTED: Final = "Query interrupted"
"""what DuckDB says of a query in the middle of which a signal came, in place of what the signal's handler raised"""
WRITING: Final = (
    "FORMAT parquet, PARQUET_VERSION V2, COMPRESSION uncompressed, DICTIONARY_SIZE_LIMIT 1000, ROW_GROUP_SIZE 16384"
)
"""deltas instead of large dictionaries: as small as zstd makes them, in a third of the time; small groups of rows, since each
thread holds a whole one, of every column, while it writes"""

DIV: Final = """
CREATE MACRO div
    (a BIGINT, b BIGINT) AS a // b,
    (a DECIMAL(38, 0), b DECIMAL(38, 0)) AS CAST(a AS HUGEINT) // CAST(b AS HUGEINT)
"""
"""Spark's name for the division of whole numbers: exact where doubles are not"""


class DuckEngine:
    """Runs SQL with DuckDB; it reads and writes inside the mirror's folder alone and loads no extension.

    May be used from several threads. A derived table is kept under a name made from its query, its parameters, the
    mirror's generation and the derived tables it reads: writing the same again finds the file and computes nothing.
    """

    def __init__(self, folder: Path, stores: Sequence[str] = (), *, catalogue: Catalogue | None = None) -> None:
        catalogue = catalogue or read_catalogue(partial(_text, folder), stores)
        if catalogue is None:
            raise no_mirror(folder)
        import duckdb

        self._error = duckdb.Error
        self._catalogue = catalogue
        self._folder = folder.resolve()
        self._derived = self._folder / catalogue.derived
        self._known: dict[str, str] = {}
        self._counted: dict[Path, int] = {}
        self._lock = threading.Lock()
        self._db = duckdb.connect(
            config={
                "threads": str(THREADS),
                "memory_limit": MEMORY,
                "preserve_insertion_order": "false",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "allow_community_extensions": "false",
            }
        )
        self._db.execute(f"SET temp_directory = {_quoted(self._folder / 'spill')}")
        self._db.execute(f"SET allowed_directories = [{_quoted(str(self._folder) + os.sep)}]")
        self._db.execute("SET enable_external_access = false")
        self._db.execute("SET lock_configuration = true")
        self._db.execute(DIV)
        self._tables = catalogue.tables
        for name, files in catalogue.files.items():
            self._view(name, [self._folder / path for path in files.paths])
        for name, query in catalogue.views.items():
            self._db.execute(f'CREATE VIEW "{name}" AS {query}')

    def _view(self, name: str, paths: list[Path], condition: str = "TRUE") -> None:
        listed = ", ".join(_quoted(path) for path in paths)
        self._db.cursor().execute(
            f'CREATE OR REPLACE VIEW "{name}" AS SELECT t.* FROM read_parquet([{listed}]) AS t WHERE {condition}'
        )

    def narrowed(self, by: str, keep: Mapping[str, str]) -> DuckEngine:
        """Return a further engine over the same files, some of whose tables hold fewer rows: `keep` gives each table the
        condition on its row `t`, in which the derived table `by`, written before, may be read.

        What is derived from a narrowed table is never taken for what was derived from the whole one. Raise DataError for a
        table that is no file of the mirror, as in a lake of several stores.
        """
        other = DuckEngine(self._folder, catalogue=self._catalogue)
        digest = other._known[by] = self._known[by]
        other._view(by, [self._derived / f"{by}-{digest}.parquet"])
        for table, condition in keep.items():
            if table not in self._catalogue.files:
                raise DataError(f"{table!r} cannot be narrowed: it is no table of one store.")
            other._view(table, [self._folder / path for path in self._catalogue.files[table].paths], condition)
            other._known[table] = settings_hash(condition, None, {by: digest})
        return other

    @contextmanager
    def _result(self, sql: str, params: Mapping[str, Any] | None) -> Iterator[Any]:
        """Run a query and hold its cursor, to be fetched from inside: fetching can fail, or be interrupted, as running can."""
        text, values = statement(sql, params)
        try:
            yield self._db.cursor().execute(text, values or None)
        except self._error as error:
            raise DataError(f"a query failed: {str(error).splitlines()[0]}") from error
        except RuntimeError as error:
            if str(error) != INTERRUPTED:
                raise
            # A signal ended it. As a failed query it would cost a section, and the report would be written without that.
            raise KeyboardInterrupt from None

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run a query and return its (few) rows as dictionaries."""
        with self._result(sql, params) as cursor:
            columns = [column[0] for column in cursor.description]
            found = cursor.fetchall()
        return [dict(zip(columns, row, strict=True)) for row in found]

    def frame(self, sql: str, params: Mapping[str, Any] | None = None, *, limit: int = 5_000_000) -> dict[str, np.ndarray]:
        """Run a query and return its columns as arrays; a number column with nulls comes as doubles with NaN.

        Raise DataError above `limit` rows.
        """
        with self._result(f"SELECT * FROM (\n{sql}\n) AS framed LIMIT {int(limit) + 1}", params) as cursor:
            columns: dict[str, Any] = cursor.fetchnumpy()
        if any(len(values) > limit for values in columns.values()):
            raise too_many(limit)
        return {name: _filled(values) for name, values in columns.items()}

    def write(self, sql: str, params: Mapping[str, Any] | None, name: str) -> int:
        """Run a query and keep its result as the derived table `name`; return its rows."""
        check_name(name, self._tables)
        with self._lock:
            digest = settings_hash(sql, params, self._known)
            path = self._derived / f"{name}-{digest}.parquet"
            if not path.exists():
                self._derived.mkdir(exist_ok=True)
                temporary = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.tmp")
                with self._result(f"COPY (\n{sql}\n) TO {_quoted(temporary)} ({WRITING})", params):
                    _put(temporary, path)
            if self._known.get(name) != digest:
                self._view(name, [path])
                self._known[name] = digest
            if path not in self._counted:
                self._counted[path] = int(self.rows(f'SELECT count(*) AS n FROM "{name}"')[0]["n"])
            return self._counted[path]

    def has(self, name: str) -> bool:
        """Tell whether a mirrored or derived table exists."""
        return name in self._tables or name in self._known

    def close(self) -> None:
        """Close the database; derived files stay for the next engine that asks the same."""
        self._db.close()


def _put(temporary: Path, path: Path) -> None:
    """Give a derived table its name, unless another engine that was asked the same was sooner.

    What is there must not be replaced: a query reads the end of a file first and its rows later, and those of two files do
    not fit together, though they hold the same.
    """
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links
        if not path.exists():
            temporary.replace(path)
    temporary.unlink(missing_ok=True)


def _filled(values: Any) -> np.ndarray:
    import numpy as np

    if not isinstance(values, np.ma.MaskedArray):
        return np.asarray(values)
    if values.dtype.kind in "biuf":
        return np.ma.filled(values.astype("float64"), np.nan)
    plain = values.data.astype(object)
    plain[np.ma.getmaskarray(values)] = None
    return plain


def _text(folder: Path, name: str) -> str | None:
    try:
        return (folder / name).read_text("utf-8")
    except OSError:
        return None


def statement(sql: str, params: Mapping[str, Any] | None) -> tuple[str, dict[str, Any]]:
    """Return a text as DuckDB has it, with the parameters that are left. Raise DataError when one has no value.

    Numbers stand in the text itself: DuckDB refuses a parameter that its planner has no use for, as where a table is empty.
    """
    values = used(sql, params)
    numbers = {name: number for name, value in values.items() if (number := _number(value)) is not None}
    text = rename(sql, {name: numbers.get(name, f"${name}") for name in names(sql)})
    return text, {name: value for name, value in values.items() if name not in numbers}


def _number(value: Any) -> str | None:
    """Return a whole or finite number as SQL has it, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    text = repr(value)
    return f"({text})" if isinstance(value, int) or "e" in text else f"({text}e0)"


def _quoted(path: Path | str) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def open_engine(folder: Path, stores: Sequence[str] = ()) -> DuckEngine:
    """Open DuckDB over a mirror's folder, or a lake's (of which `stores` alone). Raise DataError when there is neither."""
    return DuckEngine(folder, stores)


@hookimpl
def persync_engines() -> Iterator[EngineType]:
    """Yield the engine that comes with persync."""
    yield EngineType("duckdb", "DuckDB in this process: the default, no server.", open_engine, options=("stores",))
