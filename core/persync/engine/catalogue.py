"""What an engine finds in a folder: the files of each table, and the name of the place for tables derived from them.

The folder is the mirror of one store, or a lake of several.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from persync.engine import pool
from persync.engine.mirror import MANIFEST, files_of, parse_manifest
from persync.errors import ConfigError, DataError, nearest

LAKE: Final = "lake.json"
LAKE_LAYOUT: Final = 1
MOST_DAYS: Final = 30
"""so long is a store's copy in a lake read without a look at the store itself: somebody may have been erased there"""
_DAY_MS: Final = 86_400_000
Read = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Files:
    """One table's Parquet files, by their path within the folder, and its columns with the types they have in the store."""

    paths: Sequence[str]
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """`files` are tables to be read as they are; `views` are tables made of those (and of views before them) by a query."""

    files: Mapping[str, Files]
    derived: str
    size: int
    """bytes of all files"""
    views: Mapping[str, str] = field(default_factory=dict)

    @property
    def tables(self) -> frozenset[str]:
        """The names of everything that can be read."""
        return frozenset((*self.files, *self.views))


@dataclass(frozen=True, slots=True)
class Member:
    """A store in a lake. `number` is never given twice; `store` is its file, `id` what the store says of itself."""

    name: str
    number: int
    store: str
    id: str
    checked_at: int
    """when the copy was last held against the store, epoch ms"""

    @property
    def folder(self) -> str:
        """Where its copy lies within the lake."""
        return f"stores/{self.name}"


def parse_lake(text: str | None) -> list[Member] | None:
    """Return the stores of a lake; None when the text is none. Raise DataError for a lake of a newer persync."""
    try:
        found = json.loads(text or "")
    except ValueError:
        return None
    if not isinstance(found, dict) or "stores" not in found:
        return None
    if found.get("layout") != LAKE_LAYOUT:
        raise DataError("the lake was made by a newer persync.", hint="Upgrade persync.")
    return [Member(**member) for member in found["stores"]]


def read_catalogue(read: Read, stores: Sequence[str] = (), *, now: int | None = None) -> Catalogue | None:
    """Return what lies in a folder; `read` gives the text of a file in it, None when it is not there.

    None when the folder holds nothing that this version can use. Of a lake only the named `stores` are taken, all without a
    name; `now` (epoch ms) is this moment unless given. Raise ConfigError for a store that a lake does not have, DataError for
    one whose copy was not held against it for `MOST_DAYS`.
    """
    members = parse_lake(read(LAKE))
    if members is None:
        manifest = parse_manifest(read(MANIFEST))
        return None if manifest is None else _of_mirror(manifest, "")
    chosen = members
    if stores:
        by_name = {member.name: member for member in members}
        for name in stores:
            if name not in by_name:
                raise ConfigError(f"the lake has no store '{name}'.", hint=nearest(name, sorted(by_name)))
        chosen = [member for member in members if member.name in stores]
    if not chosen:
        raise DataError("the lake has no store yet.", hint="Add one: persync lake add STORE --lake PATH.")
    _check_age(chosen, int(time.time() * 1000) if now is None else now)
    manifests = {member: _manifest(read, member) for member in (members if len(chosen) > 1 else chosen)}
    if len(chosen) == 1:
        return _of_mirror(manifests[chosen[0]], f"{chosen[0].folder}/")
    return _of_lake({member: manifests[member] for member in chosen}, state_of(list(manifests.values())))


def state_of(manifests: Sequence[Mapping[str, Any]]) -> str:
    """Return how the folders of tables derived from all of a lake's stores, as they are now, begin."""
    text = json.dumps([[manifest["store"], manifest["generation"]] for manifest in manifests])
    return f"derived-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _manifest(read: Read, member: Member) -> dict[str, Any]:
    manifest = parse_manifest(read(f"{member.folder}/{MANIFEST}"))
    if manifest is None:
        raise DataError(f"the lake's copy of '{member.name}' cannot be used.", hint=_again(member))
    return manifest


def _again(member: Member) -> str:
    return f"Run `persync lake add {member.store} --as {member.name}` where the store is."


def _check_age(members: Sequence[Member], now: int) -> None:
    for member in members:
        if now - member.checked_at > MOST_DAYS * _DAY_MS:
            day = datetime.fromtimestamp(member.checked_at / 1000, UTC).date()
            raise DataError(
                f"the lake's copy of '{member.name}' was last held against its store on {day}, more than {MOST_DAYS} days ago:"
                " it may still hold people who were erased since.",
                hint=_again(member),
            )


def _of_mirror(manifest: Mapping[str, Any], within: str) -> Catalogue:
    return Catalogue(_files(manifest, within), f"{within}derived-g{manifest['generation']}", _size(manifest))


def _of_lake(manifests: Mapping[Member, Mapping[str, Any]], state: str) -> Catalogue:
    files: dict[str, Files] = {}
    columns: dict[str, Mapping[str, str]] = {}
    for member, manifest in manifests.items():
        for table, found in _files(manifest, f"{member.folder}/").items():
            files[pool.base(member.number, table)] = found
            if columns.setdefault(table, found.columns) != found.columns:
                raise DataError(f"the lake's copy of '{member.name}' is of another release.", hint=_again(member))
    numbers = "-".join(str(member.number) for member in manifests)
    return Catalogue(
        files,
        f"{state}-{numbers}",
        sum(map(_size, manifests.values())),
        pool.pooled({member.number: member.name for member in manifests}, columns),
    )


def _files(manifest: Mapping[str, Any], within: str) -> dict[str, Files]:
    return {
        name: Files([within + path for path in files_of(dict(manifest), name)], table["columns"])
        for name, table in manifest["tables"].items()
    }


def _size(manifest: Mapping[str, Any]) -> int:
    return sum(part.get("size", 0) for table in manifest["tables"].values() for part in table["parts"].values())
