"""A lake: the mirrors of many stores in one folder, to be read as one.

    LAKE/lake.json            which stores, where they are, and when their copies were last held against them
    LAKE/stores/NAME/         the mirror of one store, as beside the store itself: only what changed is written again
    LAKE/derived-.../         tables derived from all of them together

An erased person must not stay in it. So a store knows the lakes it is in and an erasure goes on into them; whoever reads a
lake first brings up to date the stores that can be reached from there; and the copy of one that cannot be is refused once it
was not held against its store for 30 days (`catalogue.MOST_DAYS`).
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from persync.engine import chosen, mirror
from persync.engine.catalogue import LAKE, LAKE_LAYOUT, Member, parse_lake, state_of
from persync.engine.engine import Engine, EngineType
from persync.errors import ConfigError, DataError, StoreError, nearest
from persync.store import private
from persync.store.store import Store, open_store

IN_LAKES: Final = "lakes"
"""in a store's `meta`: the folders of the lakes it is in"""
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")


def is_url(location: str) -> bool:
    """Tell whether a lake's place is a URL and not a path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", location) is not None


def open_lake(
    location: str,
    name: str = "duckdb",
    *,
    stores: Sequence[str] = (),
    now: int,
    engines: Mapping[str, EngineType] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Engine:
    """Open an engine over a lake, or over the named stores in it; those that can be reached are brought up to date first.

    Raise ConfigError as `open_engine` does and for a URL where the engine takes paths alone, DataError when there is no lake.
    """
    engine = chosen(name, engines, {**(options or {}), "stores": stores})
    if is_url(location):
        if not engine.urls:
            raise ConfigError(f"the engine {name!r} reads no URLs.", hint="Use --engine spark, or the lake's path.")
        return engine.open(location, stores=tuple(stores), **(options or {}))
    folder = Path(location).absolute()
    refresh(folder, now=now)
    return engine.open(folder, stores=tuple(stores), **(options or {}))


def members(folder: Path) -> list[Member]:
    """Return the stores of a lake. Raise DataError when there is no lake."""
    try:
        found = parse_lake((folder / LAKE).read_text("utf-8"))
    except OSError:
        found = None
    if found is None:
        raise DataError(f"there is no lake in {folder}.", hint=f"Make one: persync lake add STORE --lake {folder}.")
    return found


def add(folder: Path, store_path: Path, name: str, *, now: int) -> Member:
    """Put a store's mirror into a lake, or bring the copy that is there up to date; return what the lake calls it.

    Raise ConfigError for a name that cannot be one or belongs to another store, StoreError when the store cannot be read.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} cannot be a store's name in a lake.", hint="Use lower-case letters, digits, _ . and -.")
    folder, store_path = folder.absolute(), store_path.absolute()
    with open_store(store_path) as store:
        identity = _id(store)
        _note(store, folder)
    folder.mkdir(private.FOLDER, parents=True, exist_ok=True)
    with mirror.locked(folder):
        known = members(folder) if (folder / LAKE).exists() else []
        member = next((each for each in known if each.id == identity), None)
        if member is None:
            if any(each.name == name for each in known):
                raise ConfigError(f"the lake has another store '{name}'.", hint="Give this one a name of its own: --as NAME.")
            member = Member(name, _next_number(folder), str(store_path), identity, now)
        member = replace(member, store=str(store_path), checked_at=now)
        mirror.refresh(store_path, folder=folder / member.folder)
        _write(folder, [*(each for each in known if each.id != identity), member])
    return member


def remove(folder: Path, name: str) -> None:
    """Take a store's copy, and all that was derived from it, out of a lake. Raise ConfigError when it is not there, DataError
    where there is no lake."""
    members(folder)  # says it best when there is none
    with mirror.locked(folder.absolute()):
        known = members(folder)
        member = next((each for each in known if each.name == name), None)
        if member is None:
            raise ConfigError(f"the lake has no store '{name}'.", hint=nearest(name, [each.name for each in known]))
        _write(folder, [each for each in known if each is not member])
        shutil.rmtree(folder / member.folder, ignore_errors=True)


def refresh(folder: Path, *, now: int) -> list[Member]:
    """Bring up to date the copies of all stores that can be reached from here; return those that cannot.

    Where the lake cannot be written, a copy that knows of every erasure is good enough; else StoreError is raised.
    """
    known = members(folder)
    fresh = [_refreshed(folder, member, now) for member in known]
    if any(fresh):
        try:
            with mirror.locked(folder):
                latest = {member.name: member for member in fresh if member}
                _write(folder, [latest.get(member.name, member) for member in members(folder)])
        except OSError:
            pass  # only read here; each copy was looked at
    return [member for member, done in zip(known, fresh, strict=True) if done is None]


def follow(store: Store, *, now: int) -> tuple[str, ...]:
    """Bring the copies of a store up to date in every lake it is in, after an erasure; return the lakes out of reach."""
    behind = []
    for text in _lakes(store):
        folder = Path(text)
        try:
            mine = [member for member in members(folder) if member.id == _id(store)]
        except DataError:
            behind.append(text)
            continue
        for member in mine:
            add(folder, store.path, member.name, now=now)
    return tuple(behind)


def _refreshed(folder: Path, member: Member, now: int) -> Member | None:
    """Return the member as it is now, None when its store is not to be reached from here."""
    path = Path(member.store)
    if not path.exists() or _id_in(path) != member.id:
        return None
    try:
        mirror.refresh(path, folder=folder / member.folder)
    except StoreError:
        held = mirror.read_manifest(folder / member.folder)
        if held is None or held.get("erasures", 0) != mirror.erasures_of(path):
            raise
    return replace(member, checked_at=now)


def _write(folder: Path, stores: list[Member]) -> None:
    """Replace the lake's list, and drop what was derived from another state of it, but for the last: it may be in use."""
    manifests = [mirror.read_manifest(folder / member.folder) for member in stores]
    known = [manifest for manifest in manifests if manifest is not None]
    state, erasures = state_of(known), sum(manifest.get("erasures", 0) for manifest in known)
    before = _document(folder)
    kept = [state]
    if before.get("erasures") == erasures and [each["id"] for each in before.get("stores", ())] == [each.id for each in stores]:
        kept += [each for each in before.get("derived", ()) if each != state][:1]
    document = {
        "layout": LAKE_LAYOUT,
        "stores": [asdict(member) for member in stores],
        "last_number": max([before.get("last_number", 0), *(member.number for member in stores)]),
        "derived": kept,
        "erasures": erasures,
    }
    mirror.replace_text(folder / LAKE, json.dumps(document, indent=1))
    for path in folder.glob("derived-*"):
        if not path.name.startswith(tuple(kept)):
            shutil.rmtree(path)


def _document(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / LAKE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _next_number(folder: Path) -> int:
    return int(_document(folder).get("last_number", 0)) + 1


def _id(store: Store) -> str:
    return str(store.db.execute("SELECT value FROM meta WHERE name = 'id'").fetchone()[0])


def _id_in(path: Path) -> str:
    try:
        with open_store(path) as store:
            return _id(store)
    except StoreError:
        return ""


def _lakes(store: Store) -> list[str]:
    row = store.db.execute("SELECT value FROM meta WHERE name = ?", (IN_LAKES,)).fetchone()
    return list(json.loads(row[0])) if row else []


def _note(store: Store, folder: Path) -> None:
    """Write the lake down in the store before its first row lies there."""
    known = _lakes(store)
    if str(folder) not in known:
        with store.transaction() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (IN_LAKES, json.dumps([*known, str(folder)])))
