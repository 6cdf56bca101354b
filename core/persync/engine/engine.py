"""What runs persync's SQL: an engine over the Parquet mirror, whoever makes it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

if TYPE_CHECKING:
    import numpy as np

T = TypeVar("T")


class Engine(Protocol):
    """Runs one dialect-neutral SQL text over the mirror's tables (their names are the store's).

    Parameters are written `:name`. The text uses CTEs, windows and plain functions only, qualifies every column and
    writes `1e0` literals, FLOOR and MOD(), so that it runs unchanged on DuckDB and Spark. `div(a, b)` divides two BIGINT or two
    DECIMAL(38, 0) without a rest.
    """

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run a query and return its (few) rows as dictionaries."""
        ...

    def frame(self, sql: str, params: Mapping[str, Any] | None = None, *, limit: int = 5_000_000) -> dict[str, np.ndarray]:
        """Run a query and return narrow numeric columns. Raise DataError above `limit` rows."""
        ...

    def write(self, sql: str, params: Mapping[str, Any] | None, name: str) -> int:
        """Run a query and keep its result as the derived table `name` (Parquet beside the mirror); return its rows."""
        ...

    def has(self, name: str) -> bool:
        """Tell whether a mirrored or derived table exists."""
        ...

    def close(self) -> None:
        """Give back what the engine holds."""
        ...


@dataclass(frozen=True, slots=True)
class EngineType:
    """A kind of engine a plugin offers: `open(mirror_folder)` returns one.

    `options` names the keyword arguments that `open` also takes, of those the command line has: `master` (where the work is
    done) and `stores` (the folder may be a lake's, of which these alone). With `urls` the folder may be a URL, as text.
    """

    name: str
    summary: str
    open: Callable[..., Engine]
    options: tuple[str, ...] = ()
    urls: bool = False


def once(engine: Engine, key: Hashable, make: Callable[[], T]) -> T:
    """Return what `make` gives; an engine that remembers (a report's) makes it once for a key, which holds all it hangs on."""
    kept = getattr(engine, "once", None)
    return make() if kept is None else cast(T, kept(key, make))
