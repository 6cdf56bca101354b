"""Holding the store against what each vendor says of itself now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persync.errors import AuthError, DataError, PersyncError
from persync.jobs.pulling import connectors_for

if TYPE_CHECKING:
    from persync.connect.client import Client
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
    """Compare one connection with its vendor; what goes wrong is told in the answer. `client` makes its client.

    One that was never pulled has nothing to compare; whether its sign-in is refused is found out all the same.
    """
    from persync.connect.client import Client
    from persync.connect.known import known_of, reading
    from persync.connect.totals import compare

    held = Held(connector.connection)
    try:
        with reading(store_path) as db:
            known = known_of(db, connector)
            with (client or (lambda one: Client(one, tries=TRIES)))(connector) as calls:
                if db is None or known.number is None:
                    _sign_in(connector, calls)
                    raise DataError("nothing was pulled of it yet.", hint=f"Run `persync pull {connector.connection}` first.")
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


def _sign_in(connector: Connector, calls: Client) -> None:
    """Make the connector's own check. Raise AuthError when the vendor refuses; nothing else matters before the first pull."""
    try:
        for _ in connector.check(calls):
            pass
    except AuthError:
        raise
    except Exception:
        return  # unreachable, or an answer that was not foreseen: the pull will say it
