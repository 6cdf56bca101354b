"""DuckDB, in the process, over the Parquet mirror."""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from persync import hookimpl
from persync.engine.engine import EngineType
from persync.engine.mirror import files_of, read_manifest
from persync.engine.texts import bare, names, rename, used
from persync.errors import DataError

if TYPE_CHECKING:
    import numpy as np

THREADS: Final = 2
MEMORY: Final = "1GB"
WRITING: Final = "FORMAT parquet, PARQUET_VERSION V2, COMPRESSION uncompressed, DICTIONARY_SIZE_LIMIT 1000"
"""deltas instead of large dictionaries: as small as zstd makes them, in a third of the time"""


class DuckEngine:
    """Runs SQL with DuckDB; it reads and writes inside the mirror's folder alone and loads no extension.

    May be used from several threads. A derived table is kept under a name made from its query, its parameters, the
    mirror's generation and the derived tables it reads: writing the same again finds the file and computes nothing.
    """

    def __init__(self, folder: Path) -> None:
        manifest = read_manifest(folder)
        if manifest is None:
            raise DataError(f"there is no mirror in {folder}.", hint="Refresh it from the store.")
        import duckdb

        self._error = duckdb.Error
        self._folder = folder.resolve()
        self._derived = self._folder / f"derived-g{manifest['generation']}"
        self._known: dict[str, str] = {}
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
        self._tables = set(manifest["tables"])
        for name in manifest["tables"]:
            self._view(name, [self._folder / file for file in files_of(manifest, name)])

    def _view(self, name: str, paths: list[Path]) -> None:
        listed = ", ".join(_quoted(path) for path in paths)
        self._db.cursor().execute(f'CREATE OR REPLACE VIEW "{name}" AS SELECT * FROM read_parquet([{listed}])')

    def _run(self, sql: str, params: Mapping[str, Any] | None) -> Any:
        values = used(sql, params)
        text = rename(sql, {name: f"${name}" for name in names(sql)})
        try:
            return self._db.cursor().execute(text, values or None)
        except self._error as error:
            raise DataError(f"a query failed: {str(error).splitlines()[0]}") from error

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run a query and return its (few) rows as dictionaries."""
        cursor = self._run(sql, params)
        columns = [column[0] for column in cursor.description]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]

    def frame(self, sql: str, params: Mapping[str, Any] | None = None, *, limit: int = 5_000_000) -> dict[str, np.ndarray]:
        """Run a query and return its columns as arrays; a number column with nulls comes as doubles with NaN.

        Raise DataError above `limit` rows.
        """
        cursor = self._run(f"SELECT * FROM (\n{sql}\n) AS framed LIMIT {int(limit) + 1}", params)
        columns: dict[str, Any] = cursor.fetchnumpy()
        if any(len(values) > limit for values in columns.values()):
            raise DataError(f"the question needs more than {limit} rows.", hint="Ask for a shorter period or fewer people.")
        return {name: _filled(values) for name, values in columns.items()}

    def write(self, sql: str, params: Mapping[str, Any] | None, name: str) -> int:
        """Run a query and keep its result as the derived table `name`; return its rows."""
        if name in self._tables:
            raise DataError(f"{name!r} is a table of the store; a derived table needs another name.")
        with self._lock:
            text = bare(sql)
            before = sorted((known, made) for known, made in self._known.items() if re.search(rf"\b{known}\b", text))
            recipe = json.dumps([text, used(sql, params), before], default=str)
            digest = hashlib.sha256(recipe.encode()).hexdigest()[:16]
            path = self._derived / f"{name}-{digest}.parquet"
            if not path.exists():
                self._derived.mkdir(exist_ok=True)
                temporary = path.with_suffix(f".{os.getpid()}.tmp")
                self._run(f"COPY (\n{sql}\n) TO {_quoted(temporary)} ({WRITING})", params)
                temporary.replace(path)
            self._view(name, [path])
            self._known[name] = digest
        return int(self.rows(f'SELECT count(*) AS n FROM "{name}"')[0]["n"])

    def has(self, name: str) -> bool:
        """Tell whether a mirrored or derived table exists."""
        return name in self._tables or name in self._known

    def close(self) -> None:
        """Close the database; derived files stay for the next engine that asks the same."""
        self._db.close()


def _filled(values: Any) -> np.ndarray:
    import numpy as np

    if not isinstance(values, np.ma.MaskedArray):
        return np.asarray(values)
    if values.dtype.kind in "biuf":
        return np.ma.filled(values.astype("float64"), np.nan)
    plain = values.data.astype(object)
    plain[np.ma.getmaskarray(values)] = None
    return plain


def _quoted(path: Path | str) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def open_engine(folder: Path) -> DuckEngine:
    """Open DuckDB over a mirror's folder. Raise DataError when there is no mirror."""
    return DuckEngine(folder)


@hookimpl
def persync_engines() -> Iterator[EngineType]:
    """Yield the engine that comes with persync."""
    yield EngineType("duckdb", "DuckDB in this process: the default, no server.", open_engine)
