"""Verifying a project's store: every check in turn, each finding with what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Final

from persync.connect.stream import Every
from persync.errors import StoreError
from persync.store import checks
from persync.store.checks import Found
from persync.store.derive import differing
from persync.store.store import Store, said

if TYPE_CHECKING:
    from persync.plugins import Host
    from persync.settings import Project

CHECKS: Final[tuple[Callable[[Store], Iterator[Found]], ...]] = (
    checks.integrity,
    checks.log,
    checks.key,
    checks.references,
    checks.coverage,
    checks.counters,
    checks.balances,
    checks.erased,
    checks.unfinished_runs,
)


def verify_project(host: Host, project: Project, store: Store) -> list[Found]:
    """Return all that is not as it should be: failures first, then notes. The store is only read.

    Each check looks at whole tables by a few queries; a store of a gigabyte takes seconds, most of them SQLite's own check.
    """
    found: list[Found] = []
    every = [
        *(partial(check, store) for check in CHECKS),
        partial(checks.uncovered, store, partial(_is_periodic, host)),
        partial(_derived, store, project),
        partial(_beside, host, project, store),
    ]
    for check in every:
        try:
            found += check()
        except sqlite3.Error as error:
            # What one check cannot read says nothing of the others.
            told = said(error, store.path)
            found.append(Found("integrity", store.path.name, told.what, told.hint))
        except StoreError as error:
            found.append(Found("store", store.path.name, error.what, error.hint))
    return sorted(found, key=lambda one: one.is_note)


def _is_periodic(host: Host, connector: str, stream: str) -> bool:
    """Tell whether a stream is read every so many days; of a connector that is not installed nobody knows."""
    kind = host.connectors.get(connector)
    return kind is None or any(one.name == stream and isinstance(one.window, Every) for one in kind.streams)


def _derived(store: Store, project: Project) -> Iterator[Found]:
    wrong, behind = differing(store, aliases=project.aliases)
    for table in wrong:
        what = "it is not what its facts give"
        yield Found("derived", table, what, "Run `persync pull --full`: it derives them anew.")
    if behind:
        what = f"{', '.join(behind)}: facts were written since"
        yield Found("derived", store.path.name, what, "Nothing: the next pull derives them anew.", is_note=True)


def _beside(host: Host, project: Project, store: Store) -> Iterator[Found]:
    """Yield what is wrong with the files beside the store, all of which can be made anew."""
    from persync.attribution.calibrate import SUFFIX
    from persync.engine.checking import ledger_problems, mirror_problems

    wrong, is_behind = mirror_problems(store.db, store.path)
    anew = f"Delete the folder {store.mirror.name}: the next report writes it anew."
    for table, what in wrong:
        yield Found("mirror", table, what, anew)
    if is_behind:
        yield Found(
            "mirror", store.mirror.name, "it is older than the store", "Nothing: the next report renews it.", is_note=True
        )
    elif not wrong:
        # Weights of persync.toml and models scaled to a holdout have columns of their own, and add up as all others do.
        models = {name for name, model in project.models(host.models).items() if model.sums_to == "order"}
        for file, what in ledger_problems(store.path, models | {name + SUFFIX for name in models}):
            yield Found("ledger", file, what, anew)
