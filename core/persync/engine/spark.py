"""Spark, on this machine or a cluster, over the Parquet of a mirror or a lake: the same SQL text, untranslated.

The folder is a path that every executor sees (local, or mounted everywhere), or a URL of a file system whose jars the user's
Spark has. Derived tables are folders of Parquet beside those of DuckDB.
"""

from __future__ import annotations

import os
import re
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from persync import hookimpl
from persync.engine.catalogue import Catalogue, read_catalogue
from persync.engine.derived import check_name, no_mirror, settings_hash, too_many
from persync.engine.engine import EngineType
from persync.engine.texts import used
from persync.errors import ConfigError, DataError, PersyncError

if TYPE_CHECKING:
    import numpy as np

MASTER: Final = "local[2]"
SQL_TYPES: Final = {"INTEGER": "BIGINT", "TEXT": "STRING", "REAL": "DOUBLE"}
"""the store's types, as Spark calls them"""
_PER_TASK: Final = 16_000_000
"""bytes of Parquet for one task of a shuffle: about 100 MB once read"""
_TASKS: Final = (4, 2_000)


class SparkEngine:
    """Runs SQL with Spark. May be used from several threads.

    A derived table is kept under a name made from its query, its parameters, the folder's state and the derived tables it
    reads; it is whole once its folder has that name.
    """

    def __init__(self, folder: Path | str, master: str = MASTER, stores: Sequence[str] = ()) -> None:
        from persync.engine import spark_session

        self._session = spark_session.acquire(master)
        self._release: Callable[[], None] = partial(spark_session.release, master)
        try:
            from py4j.protocol import Py4JError
            from pyspark.errors import PySparkException

            self._errors = (PySparkException, Py4JError)
            self._root = _uri(folder)
            try:
                self._disk = _FileSystem(self._session, self._root)
                catalogue = read_catalogue(lambda name: self._disk.text(f"{self._root}/{name}"), stores)
            except self._errors as error:
                raise _unreadable(self._root, error) from None
            if catalogue is None:
                raise no_mirror(folder)
        except BaseException:
            self._release()
            raise
        self._catalogue: Catalogue = catalogue
        self._known: dict[str, str] = {}
        self._viewed: set[str] = set()
        self._lock = threading.RLock()
        self._closed = False
        least, most = _TASKS
        tasks = min(max(catalogue.size // _PER_TASK, least), most)
        self._session.conf.set("spark.sql.shuffle.partitions", str(tasks))

    def _view(self, sql: str) -> None:
        """Make views of the tables that a text names and that have none yet: most questions need few of them."""
        with self._lock:
            for name in sorted((set(re.findall(r"\w+", sql)) & self._catalogue.tables) - self._viewed):
                self._viewed.add(name)
                if name in self._catalogue.views:
                    self._view(self._catalogue.views[name])
                    self._session.sql(self._catalogue.views[name]).createOrReplaceTempView(name)
                else:
                    files = self._catalogue.files[name]
                    shape = ", ".join(f"`{column}` {SQL_TYPES[kind]}" for column, kind in files.columns.items())
                    paths = [_plain(f"{self._root}/{path}") for path in files.paths]
                    self._session.read.schema(shape).parquet(*paths).createOrReplaceTempView(name)

    def _run(self, sql: str, params: Mapping[str, Any] | None, then: Any) -> Any:
        """Ask Spark and do `then` with the answer; a query runs only when its rows are wanted."""
        values = used(sql, params)
        try:
            self._view(sql)
            return then(self._session.sql(sql, args=values))
        except self._errors as error:
            raise DataError(f"a query failed: {_first_line(error)}") from error

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run a query and return its (few) rows as dictionaries."""
        return self._run(sql, params, lambda found: [dict(zip(found.columns, row, strict=True)) for row in found.collect()])  # type: ignore[no-any-return]

    def frame(self, sql: str, params: Mapping[str, Any] | None = None, *, limit: int = 5_000_000) -> dict[str, np.ndarray]:
        """Run a query and return its columns as arrays; a number column with nulls comes as doubles with NaN.

        Raise DataError above `limit` rows.
        """
        table = self._run(f"SELECT * FROM (\n{sql}\n) AS framed LIMIT {int(limit) + 1}", params, lambda found: found.toArrow())
        if table.num_rows > limit:
            raise too_many(limit)
        return {name: _array(table.column(name)) for name in table.column_names}

    def write(self, sql: str, params: Mapping[str, Any] | None, name: str) -> int:
        """Run a query and keep its result as the derived table `name`; return its rows."""
        check_name(name, self._catalogue.tables)
        with self._lock:
            digest = settings_hash(sql, params, self._known)
            path = f"{self._root}/{self._catalogue.derived}/{name}-{digest}.spark"
            if not self._disk.exists(path):
                temporary = f"{path}.{os.getpid()}-{uuid.uuid4().hex[:8]}.tmp"
                self._run(sql, params, lambda found: found.write.parquet(temporary))
                self._disk.rename(temporary, path)
            try:
                table = self._session.read.parquet(_plain(path))
                table.createOrReplaceTempView(name)
                self._known[name] = digest
                return int(table.count())
            except self._errors as error:
                raise DataError(f"the derived table {name!r} cannot be read: {_first_line(error)}") from error

    def has(self, name: str) -> bool:
        """Tell whether a mirrored or derived table exists."""
        return name in self._catalogue.tables or name in self._known

    def close(self) -> None:
        """Give the session back; derived tables stay for the next engine that asks the same."""
        if not self._closed:
            self._closed = True
            self._release()


class _FileSystem:
    """The file system a folder lies on, as Spark sees it."""

    def __init__(self, session: Any, root: str) -> None:
        self._jvm = session._jvm
        self._path = session._jvm.org.apache.hadoop.fs.Path
        self._fs = self._path(root).getFileSystem(session._jsparkSession.sessionState().newHadoopConf())

    def text(self, path: str) -> str | None:
        """Return a small file's text; None when there is none."""
        if not self.exists(path):
            return None
        stream = self._fs.open(self._path(path))
        try:
            return bytes(stream.readAllBytes()).decode("utf-8")
        finally:
            stream.close()

    def exists(self, path: str) -> bool:
        """Tell whether something lies there."""
        return bool(self._fs.exists(self._path(path)))

    def rename(self, old: str, new: str) -> None:
        """Give a folder its name, or drop it when another run has written the same meanwhile."""
        if self.exists(new) or not self._fs.rename(self._path(old), self._path(new)):
            self._fs.delete(self._path(old), True)


def _unreadable(root: str, error: Exception) -> PersyncError:
    """Return what to say when a folder's file system cannot be reached: without its jars that is a matter of the setup."""
    why = _first_line(error)
    scheme = root.partition(":")[0]
    if "ClassNotFoundException" in why or "No FileSystem for scheme" in why or "UnsupportedFileSystem" in why:
        return ConfigError(
            f"Spark has no file system for {scheme}:// ({why}).",
            where=root,
            hint=f"Put the Hadoop connector for {scheme}:// into Spark's jars folder, or name it in spark.jars of"
            " SPARK_CONF_DIR/spark-defaults.conf, with the account's settings; see docs/engines.md.",
        )
    return DataError(
        f"Spark cannot read the lake: {why.rstrip('.')}.", where=root, hint="See that it is there and that Spark may read it."
    )


def _uri(folder: Path | str) -> str:
    """Return the folder as Spark wants it; a path gets its scheme, for a cluster's own may be another."""
    text = str(folder)
    return text.rstrip("/") if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", text) else f"file:{Path(text).resolve()}"


def _plain(path: str) -> str:
    """Return a path in which nothing is a pattern."""
    return re.sub(r"([\\{}\[\]*?])", r"\\\1", path)


def _first_line(error: Exception) -> str:
    """Return what Spark says of an error, without the Java stack below it."""
    java = getattr(error, "java_exception", None)
    text = str(java.toString() if java is not None else error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def _array(column: Any) -> np.ndarray:
    import numpy as np
    import pyarrow as pa

    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    if column.null_count and (pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)):
        column = column.cast(pa.float64())
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_boolean(column.type)):
        return np.array(column.to_pylist(), dtype=object)
    if pa.types.is_floating(column.type):
        column = column.fill_null(float("nan"))
    return np.concatenate([np.asarray(chunk.to_numpy(zero_copy_only=False)) for chunk in column.chunks] or [np.empty(0)])


def open_engine(folder: Path | str, master: str = MASTER, stores: Sequence[str] = ()) -> SparkEngine:
    """Open Spark over a mirror's or a lake's folder. Raise ConfigError without pyspark or Java, DataError without a mirror."""
    return SparkEngine(folder, master, stores)


@hookimpl
def persync_engines() -> Iterator[EngineType]:
    """Yield Spark; that pyspark is missing is said when it is asked for."""
    yield EngineType(
        "spark",
        "Spark, on this machine or a cluster: the same SQL where one machine is too small (persync[spark], Java 17).",
        open_engine,
        options=("master", "stores"),
        urls=True,
    )
