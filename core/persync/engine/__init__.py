"""SQL over the Parquet mirror of a store."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from persync.engine.engine import Engine, EngineType
from persync.errors import ConfigError, nearest

__all__ = ["Engine", "EngineType", "open_engine"]


def open_engine(store_path: Path, name: str = "duckdb", *, engines: Mapping[str, EngineType] | None = None) -> Engine:
    """Bring the mirror of a store up to date and open an engine over it.

    `engines` are those the plugins offer, by name; without them there is duckdb alone. Raise ConfigError for an engine
    that nobody offers, StoreError when the store cannot be read.
    """
    from persync.engine import duck, mirror

    offered = engines if engines is not None else {engine.name: engine for engine in duck.persync_engines()}
    if name not in offered:
        raise ConfigError(f"there is no engine {name!r}.", hint=nearest(name, list(offered)))
    return offered[name].open(mirror.refresh(store_path))
