"""One Spark application a process, shared by every engine that is open, ended with the last of them.

The driver is a Java process of its own, started from the pyspark package in a temporary folder: what Spark writes for itself
(logs, shuffle files, the warehouse nobody uses) lands there and goes with it. Nothing is fetched over the network, and
Spark's own settings (`SPARK_CONF_DIR/spark-defaults.conf`, `PYSPARK_SUBMIT_ARGS`) hold for whatever is not set here.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from persync.errors import ConfigError, DataError

EXTRA: Final = "persync[spark]"
_SET: Final = {
    "spark.app.name": "persync",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.catalogImplementation": "in-memory",
    # An overflow, a division by zero or a text that is no number ends the query instead of becoming a null.
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
}
_LOOPBACK: Final = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
_STARTING: Final = threading.Lock()
_RUNNING: Final[dict[str, _Application]] = {}
"""by master; one at most, for a process can have one driver"""


class _Application:
    """A driver and how many engines use it."""

    def __init__(self, master: str) -> None:
        self.users = 0
        self.folder = Path(tempfile.mkdtemp(prefix="persync-spark-"))
        try:
            self.session, self._gateway = _start(master, self.folder)
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def end(self) -> None:
        """Stop the driver and its executors and remove what they wrote for themselves."""
        from pyspark import SparkContext

        try:
            self.session.stop()
        finally:
            _end(self._gateway)
            SparkContext._gateway = SparkContext._jvm = None
            shutil.rmtree(self.folder, ignore_errors=True)


def acquire(master: str) -> Any:
    """Return a Spark session with views and settings of its own; each call wants one `release`.

    Raise ConfigError when pyspark or Java is missing or another master is in use in this process, DataError when Spark does
    not start.
    """
    with _STARTING:
        _check_parts()
        if others := [running for running in _RUNNING if running != master]:
            raise ConfigError(f"Spark already runs with the master {others[0]} in this process, not {master}.")
        if master not in _RUNNING:
            _RUNNING[master] = _Application(master)
        _RUNNING[master].users += 1
        return _RUNNING[master].session.newSession()


def release(master: str) -> None:
    """Give one session back; with the last, Spark ends."""
    with _STARTING:
        _RUNNING[master].users -= 1
        if not _RUNNING[master].users:
            _RUNNING.pop(master).end()


def _check_parts() -> None:
    try:
        import pyspark  # noqa: F401
    except ImportError:
        raise ConfigError("the engine 'spark' needs pyspark.", hint=f'Install it: pip install "{EXTRA}".') from None
    home = os.environ.get("JAVA_HOME")
    if not (shutil.which("java", path=str(Path(home, "bin"))) if home else shutil.which("java")):
        where = f"in JAVA_HOME ({home})" if home else "on the path, and JAVA_HOME is not set"
        raise ConfigError(f"the engine 'spark' needs Java 17 or newer: there is no java {where}.", hint="Install a JDK.")


def _start(master: str, folder: Path) -> tuple[Any, Any]:
    # It looks for pandas, which nothing here uses.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    from py4j.protocol import Py4JError
    from pyspark import SparkConf, SparkContext
    from pyspark.errors import PySparkException
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    own = {"spark.sql.warehouse.dir": str(folder / "warehouse"), "spark.master": master}
    if master.startswith("local"):
        own |= {"spark.local.dir": str(folder), **_LOOPBACK}
    conf = SparkConf(loadDefaults=False).setAll([*_SET.items(), *own.items()])
    gateway = None
    with (folder / "log").open("wb") as log:
        try:
            # It starts in its own folder, so that nothing is written to the user's.
            gateway = launch_gateway(conf, {"stdout": log, "stderr": log, "cwd": folder})
            with _ctrl_c_left():
                context = SparkContext(conf=conf, gateway=gateway)
        except (PySparkException, Py4JError, OSError) as error:
            if gateway is not None:
                _end(gateway)
                SparkContext._gateway = SparkContext._jvm = None
            why = _why(folder / "log") or str(error).splitlines()[0]
            raise DataError(f"Spark did not start with the master {master}: {why}") from None
    context.setLogLevel("ERROR")
    # It prints each failed query as pages of JSON; whoever asked gets the error.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL + 1)
    return SparkSession(context), gateway


@contextmanager
def _ctrl_c_left() -> Iterator[None]:
    """Leave Ctrl-C to whoever has it: pyspark takes it for good, and a pull in the same process would end in the middle of a
    page, for it takes over no handler of somebody else's."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread() and before is not None:
            signal.signal(signal.SIGINT, before)


def _why(log: Path) -> str:
    """Return the line of the driver's log that says what went wrong; "" when none does."""
    lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines()]
    told = [line for line in lines if "Exception" in line or "Error" in line or "unsupported" in line.lower()]
    return told[0][:300] if told else ""


def _end(gateway: Any) -> None:
    gateway.shutdown()
    gateway.proc.stdin.close()  # the driver ends when nobody is left to talk to it
    gateway.proc.wait()
