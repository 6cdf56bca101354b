"""SQL over the Parquet mirror of a store."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from persync.engine.engine import Engine, EngineType
from persync.errors import ConfigError, nearest

__all__ = ["Engine", "EngineType", "open_duckdb", "open_engine"]


def open_engine(
    store_path: Path,
    name: str = "duckdb",
    *,
    engines: Mapping[str, EngineType] | None = None,
    options: Mapping[str, Any] | None = None,
    folder: Path | None = None,
) -> Engine:
    """Bring the mirror of a store up to date, in `folder` or beside the store, and open an engine over it.

    `engines` are those the plugins offer, by name; without them there are persync's own. `options` go to the engine. Raise
    ConfigError for an engine that nobody offers, one whose extra is not installed or an option it does not take, StoreError
    when the store cannot be read.
    """
    from persync.engine import mirror

    engine = chosen(name, engines, options)
    return engine.open(mirror.refresh(store_path, folder=folder), **(options or {}))


def open_duckdb(folder: Path) -> Engine:
    """Open persync's own engine, DuckDB in this process, over a mirror's folder: for an engine that passes work on to it.

    It reads and writes inside the folder alone. Raise DataError when there is no mirror.
    """
    from persync.engine.duck import open_engine as opened

    return opened(folder)


def chosen(name: str, engines: Mapping[str, EngineType] | None, options: Mapping[str, Any] | None) -> EngineType:
    """Return the engine of a name. Raise ConfigError when nobody offers it, or it does not take one of the options."""
    from persync.engine import duck, spark

    offered = engines
    if offered is None:
        offered = {engine.name: engine for part in (duck, spark) for engine in part.persync_engines()}
    if name not in offered:
        raise ConfigError(f"there is no engine {name!r}.", hint=nearest(name, list(offered)))
    for option in options or {}:
        if option not in offered[name].options:
            able = ", ".join(each.name for each in offered.values() if option in each.options) or "none"
            what = "reads no lakes" if option == "stores" else f"takes no --{option}"
            raise ConfigError(f"the engine {name!r} {what}.", hint=f"Engines that do: {able}.")
    return offered[name]
