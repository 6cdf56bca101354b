"""What a pull of a project would take: every connection asked a little, nothing written."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persync.errors import PersyncError
from persync.jobs.pulling import connectors_for

if TYPE_CHECKING:
    from persync.connect.connector import Connector
    from persync.connect.estimate import ConnectionPlan
    from persync.connect.result import PullOptions
    from persync.plugins import Host
    from persync.settings import Project

TRIES = 2


def plan_project(host: Host, project: Project, names: Sequence[str], options: PullOptions) -> list[ConnectionPlan]:
    """Return what a pull of the named connections (all without names) would take, in the order of the settings.

    What goes wrong is told in the plan of its connection. Raises ConfigError as a pull would.
    """
    from persync.connect.estimate import ConnectionPlan

    connectors, errors = connectors_for(host, project, names, options.streams)
    plans = [ConnectionPlan(error.where.partition(",")[0], error=error) for error in errors]
    for streams, group in connectors.items():
        plans += [plan_one(one, project.store_path, replace(options, streams=streams)) for one in group]
    order = list(project.names)
    return sorted(plans, key=lambda plan: order.index(plan.connection) if plan.connection in order else len(order))


def plan_one(
    connector: Connector,
    store_path: Path,
    options: PullOptions,
    *,
    client: Callable[[Connector], Any] | None = None,
    timer: Callable[[], float] = time.monotonic,
) -> ConnectionPlan:
    """Return what a pull of one connection would take. `client` makes its client; `timer` counts seconds."""
    from persync.connect.client import Client
    from persync.connect.estimate import ConnectionPlan, plan_connection
    from persync.connect.known import known_of, reading

    with reading(store_path) as db:
        known = known_of(db, connector)
    plan = ConnectionPlan(connector.connection)
    try:
        if _plan_files(plan, connector, {} if options.full else known.files):
            return plan
        with (client or (lambda one: Client(one, tries=TRIES)))(connector) as calls:
            return plan_connection(calls, connector, known, options, timer=timer)
    except PersyncError as error:
        plan.error = error if error.where else error.at(connector.connection)
        return plan


def _plan_files(plan: ConnectionPlan, connector: Connector, seen: dict[str, str]) -> bool:
    """Plan a connector that reads whole files of this machine; False when it is not one."""
    from persync.connect.estimate import StreamPlan

    batches = connector.batches(seen)
    if batches is None:
        return False
    for batch in batches:
        one = StreamPlan(
            connector.connection, batch.path, "counted", parts=1, records=batch.count, pages=1, calls=0, seconds=0.0
        )
        plan.streams.append(one)
    return True
