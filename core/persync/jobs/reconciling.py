"""Holding the store against what each vendor says of itself now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persync.errors import DataError, PersyncError
from persync.jobs.pulling import connectors_for

if TYPE_CHECKING:
    from persync.connect.connector import Connector
    from persync.connect.totals import Compared, Total
    from persync.plugins import Host
    from persync.settings import Project

TRIES = 3
AT_ONCE = 4


@dataclass(slots=True)
class Held:
    """A connection's totals beside the store's; `error` says why some or all of them could not be asked for."""

    connection: str
    compared: list[Compared] = field(default_factory=list)
    error: PersyncError | None = None


def reconcile_project(host: Host, project: Project, names: Sequence[str], *, tolerance: float | None = None) -> list[Held]:
    """Compare the named connections (all without names) with their vendors. Raises ConfigError as a pull would."""
    connectors, errors = connectors_for(host, project, names, ())
    held = [Held(error.where.partition(",")[0], error=error) for error in errors]
    group = [one for several in connectors.values() for one in several if one.batches({}) is None]
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        held += pool.map(lambda one: reconcile_one(one, project.store_path, tolerance=tolerance), group)
    order = list(project.names)
    return sorted(held, key=lambda one: order.index(one.connection) if one.connection in order else len(order))


def reconcile_one(
    connector: Connector,
    store_path: Path,
    *,
    tolerance: float | None = None,
    client: Callable[[Connector], Any] | None = None,
) -> Held:
    """Compare one connection with its vendor; what goes wrong is told in the answer. `client` makes its client."""
    from persync.connect.client import Client
    from persync.connect.known import known_of, reading
    from persync.connect.totals import compare

    held = Held(connector.connection)
    try:
        with reading(store_path) as db:
            known = known_of(db, connector)
            if db is None or known.number is None:
                raise DataError("nothing was pulled of it yet.", hint=f"Run `persync pull {connector.connection}` first.")
            with (client or (lambda one: Client(one, tries=TRIES)))(connector) as calls:
                totals: list[Total] = []
                try:
                    # Asked in full before anything is compared: the store's side is one moment's.
                    totals.extend(connector.totals(calls, known.account))
                except PersyncError as error:
                    held.error = error if error.where else error.at(connector.connection)
            db.execute("BEGIN")
            held.compared = [compare(db, connector.connection, known.number, one, tolerance=tolerance) for one in totals]
    except PersyncError as error:
        held.error = error if error.where else error.at(connector.connection)
    return held
