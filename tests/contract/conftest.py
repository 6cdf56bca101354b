"""One Spark, with executors of its own, for everything that holds the two engines against each other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pyspark
import pytest

from contract import business
from persync.engine import Engine, mirror, spark_session

MASTER = "local-cluster[2,1,768]"
"""two executors, each a Java process with one core and 768 MB: rows cross processes as they do on a cluster"""
_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData"
"""short runs: the second compiler costs more than it brings"""


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start Spark with small processes and keep it for all tests; return the master's name.

    This kind of cluster writes its executors' files into Spark's own folder, so that is a copy made of links.
    """
    folder = tmp_path_factory.mktemp("spark")
    home, settings = folder / "home", folder / "conf"
    home.mkdir()
    settings.mkdir()
    for path in Path(pyspark.__file__).parent.iterdir():
        (home / path.name).symlink_to(path)
    # What Spark does for large data (planning anew between stages, compiling each query) costs more than these few rows.
    lines = ["spark.driver.memory 640m", "spark.executor.memory 512m", "spark.sql.adaptive.enabled false"]
    lines += ["spark.sql.codegen.wholeStage false", "spark.sql.codegen.factoryMode NO_CODEGEN"]
    lines += [f"spark.{part}.extraJavaOptions {_JAVA}" for part in ("driver", "executor")]
    (settings / "spark-defaults.conf").write_text("\n".join(lines), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_HOME", str(home))
        patch.setenv("SPARK_CONF_DIR", str(settings))
        patch.setenv("SPARK_LAUNCHER_OPTS", _JAVA)
        for name in [name for name in os.environ if name.startswith("PYSPARK_")]:
            patch.delenv(name)
        spark_session.acquire(MASTER)
        yield MASTER
        spark_session.release(MASTER)


@pytest.fixture(scope="session")
def business_mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mirror of the made-up business."""
    return mirror.refresh(business.store(tmp_path_factory.mktemp("business") / "persync.db"))


@pytest.fixture
def both(cluster: str, business_mirror: Path) -> Iterator[tuple[Engine, Engine]]:
    """DuckDB and Spark over the business."""
    from persync.engine import duck, spark

    engines = duck.open_engine(business_mirror), spark.open_engine(business_mirror, master=cluster)
    yield engines
    for engine in engines:
        engine.close()
