"""What is said when Spark cannot be used. That it computes what DuckDB does is held in tests/contract."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from persync.engine import open_engine
from persync.engine.spark import _unreadable
from persync.errors import ConfigError, DataError


def test_a_missing_extra_is_named(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyspark, the message says what to install."""
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(ConfigError, match=r"needs pyspark. Install it: pip install \"persync\[spark\]\"") as raised:
        open_engine(store.path, "spark")
    assert raised.value.exit_code == 2


def test_missing_java_is_named(store: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither on the path nor where JAVA_HOME points."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(ConfigError, match="there is no java on the path, and JAVA_HOME is not set"):
        open_engine(store.path, "spark")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match="there is no java in JAVA_HOME"):
        open_engine(store.path, "spark")


@pytest.mark.parametrize(
    ("java", "kind", "told"),
    [
        ("java.lang.ClassNotFoundException: Class S3AFileSystem not found\n\tat a.b", ConfigError, "connector for s3a://"),
        ('UnsupportedFileSystemException: No FileSystem for scheme "s3a"', ConfigError, "spark.jars"),
        ("java.nio.file.AccessDeniedException: lake.json: 403", DataError, "cannot read the lake: java.nio"),
    ],
)
def test_a_lake_that_spark_cannot_reach_is_no_fault_of_persync(java: str, kind: type[Exception], told: str) -> None:
    """Without the connector the setup is to be mended; otherwise what Spark says is told, in one line."""
    error = _unreadable("s3a://bucket/lake", RuntimeError(java))

    assert isinstance(error, kind)
    assert str(error).startswith("s3a://bucket/lake: ")
    assert told in str(error)
    assert "a.b" not in str(error)


def test_an_option_that_an_engine_does_not_take_names_those_that_do(store: Any) -> None:
    """DuckDB has no master; a misspelt engine is refused with the nearest."""
    with pytest.raises(ConfigError, match=r"'duckdb' takes no --master. Engines that do: spark"):
        open_engine(store.path, options={"master": "local[2]"})
    with pytest.raises(ConfigError, match="Did you mean 'spark'"):
        open_engine(store.path, "sparc")
