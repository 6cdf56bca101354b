"""Carrying out what people ask: under the locks of all connections, and down to the last file beside the store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persync.engine.lake import follow
from persync.engine.mirror import mirror_folder, refresh
from persync.errors import ConfigError
from persync.rows import Person
from persync.settings.connections import FILE
from persync.store.coarsen import Raw, clean
from persync.store.derive import derive
from persync.store.disconnect import disconnect
from persync.store.locks import hold_all
from persync.store.privacy import Erased, Subject, erase, find, finish
from persync.store.retention import Kept, retain
from persync.store.store import Store, open_store
from persync.store.subject_data import subject_data

if TYPE_CHECKING:
    from persync.settings import Project


@dataclass(frozen=True, slots=True)
class Request:
    """One person as a request names them, and orders (ids of the connection `of`) that shall no longer be anybody's."""

    person: Person = field(repr=False)
    orders: tuple[str, ...] = ()
    of: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was removed; `complete` is False while another program keeps old bytes in use; `copies` were not touched.

    `lakes` hold the store and could not be reached: they are as before.
    """

    erased: Erased
    complete: bool
    copies: tuple[Path, ...]
    lakes: tuple[str, ...] = ()


def erase_people(
    project: Project, requests: Sequence[Request], *, now: int, wait: float = 0.0, dry_run: bool = False
) -> Outcome:
    """Erase people and bring store file and mirror to where nothing of them can be read.

    Raises ConnectionLockedError while a pull runs (after `wait` seconds), StoreError when the store cannot be written,
    DataError for a connection that neither the project nor the store knows.
    """
    with _opened(project, wait) as store:
        if not dry_run:
            _make_known(store, project, requests)
        erased = erase(store, _subjects(store, project, requests), now=now, dry_run=dry_run)
        return _settled(store, project, erased, dry_run, now)


def retain_project(project: Project, *, now: int, wait: float = 0.0, apply: bool = False) -> tuple[list[Kept], Outcome]:
    """Remove what [privacy.retention] says is too old, or only count it; return it by kind, and what became of the files.

    Raises as `erase_people` does, and ConfigError when no retention is set.
    """
    if not project.retention:
        raise ConfigError(
            "no retention is set.",
            where=f"{project.folder / FILE}, [privacy.retention]",
            hint="Write for example touchpoints = 26 (months).",
        )
    with _opened(project, wait) as store:
        derive(store, only=("person_of",))
        kept = retain(store, project.retention, now=now, apply=apply)
        outcome = _settled(store, project, Erased(), not apply, now)
        return kept, outcome


def clean_project(project: Project, *, now: int, wait: float = 0.0, apply: bool = False) -> tuple[list[Raw], Outcome]:
    """Coarsen the attributes that are stored finer than they may be, or only count them; return them by name, and what became
    of the files. Raises as `erase_people` does."""
    with _opened(project, wait) as store:
        found = clean(store, now=now, dry_run=not apply)
        return found, _settled(store, project, Erased(), not (apply and found), now)


def empty_connection(project: Project, name: str, *, now: int, wait: float = 0.0, dry_run: bool = False) -> Outcome:
    """Remove all that a connection brought, down to the last file. Raises as `erase_people` does."""
    with _opened(project, wait) as store:
        erased = disconnect(store, name, now=now, dry_run=dry_run)
        return _settled(store, project, erased, dry_run, now)


def data_of(project: Project, requests: Sequence[Request]) -> dict[str, list[dict[str, Any]]]:
    """Return all that the store holds about the people named, as `subject_data` does."""
    with open_store(project.store_path) as store:
        return subject_data(store, _subjects(store, project, requests))


def _subjects(store: Store, project: Project, requests: Iterable[Request]) -> list[Subject]:
    stored = {name for (name,) in store.db.execute("SELECT name FROM connections")}
    unread = {f"id@{name}" for name in project.names if name not in stored}
    found = []
    for request in requests:
        # Of a connection that was never pulled nothing is known yet.
        person: Person = Person(*(pair for pair in request.person if pair[0] not in unread))
        of = "" if f"id@{request.of}" in unread else request.of
        found.append(find(store, person, request.orders, of=of))
    return found


@contextmanager
def _opened(project: Project, wait: float) -> Iterator[Store]:
    """Open the store with the locks of every connection held: a pull under way has people in its memory."""
    path = project.store_path
    open_store(path).close()  # says it best when there is none
    with open_store(path) as store:
        known = {name for (name,) in store.db.execute("SELECT name FROM connections")}
    with hold_all(path, known | set(project.names), wait=wait), open_store(path) as store:
        yield store


def _make_known(store: Store, project: Project, requests: Iterable[Request]) -> None:
    """Give a connection that was never pulled its number: its tombstones must stand before its first page."""
    named = {kind[3:] for request in requests for kind, _ in request.person if kind.startswith("id@")}
    if fresh := sorted(named & set(project.names)):
        with store.transaction() as db:
            db.executemany("INSERT OR IGNORE INTO connections (name, connector) VALUES (?, '')", [(name,) for name in fresh])


def _settled(store: Store, project: Project, erased: Erased, dry_run: bool, now: int) -> Outcome:
    copies = tuple(sorted(store.path.parent.glob(f"{store.path.stem}.before-*.db")))
    if dry_run:
        return Outcome(erased, True, copies)
    derive(store, aliases=project.aliases)
    complete = finish(store)
    if mirror_folder(store.path).exists():
        refresh(store.path)
    return Outcome(erased, complete, copies, follow(store, now=now))
