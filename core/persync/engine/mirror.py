"""The Parquet mirror beside the store: derived, disposable, and brought up to date by rewriting what changed.

The folder holds one file a table, for big tables one a month of `happened_at`. The writer of the store counts up
`dirty(name, month, rev)` in the same transaction as its rows; `manifest.json` here says at which rev each file was
written. Files get a new name at each writing (their generation) and the manifest is replaced last, at once: a crash leaves
the old mirror, and an engine that is open keeps its snapshot until the refresh after next.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from persync.engine import held
from persync.engine.batches import ArrowReader, PlainReader, Reader, arrow_schema, declared
from persync.engine.parts import PartWriter, month_starts, month_text
from persync.errors import StoreError
from persync.store import private
from persync.store.schema import ERASURES, MIRRORED, MONTHLY, SCHEMA_VERSION, UNFINISHED

MANIFEST: Final = "manifest.json"
LAYOUT: Final = 2
"""counted up when the files' form changes: an older mirror is then built anew"""
SPAWN_BYTES: Final = 8_000_000
"""a store above this is read by a process of its own, with the faster reader"""

Manifest = dict[str, Any]


class ReadOnlyMirrorError(StoreError):
    """The mirror may not be written where it lies; somewhere else it can be made."""


def mirror_folder(store_path: Path) -> Path:
    """Return where the mirror of a store lies."""
    return store_path.with_suffix(".mirror")


def refresh(store_path: Path, *, purge: bool = False, folder: Path | None = None) -> Path:
    """Bring the mirror of a store up to date and return its folder: `folder`, or the one beside the store.

    `purge` also removes at once what earlier refreshes left for engines that may still be open. After an erasure that is
    always done, and an erasure that was cut off before it had overwritten the store's own file is finished first: an erased
    person must not stay readable. Raise StoreError when the store cannot be read or the folder cannot be written.
    """
    store_path = Path(store_path)
    folder = folder or mirror_folder(store_path)
    if not store_path.exists():
        raise StoreError(f"there is no store at {store_path} yet.", hint="Run `persync pull` or `persync demo` first.")
    _finish_erasure(store_path)
    try:
        large = store_path.stat().st_size >= SPAWN_BYTES
        if large and _stale(store_path, folder) and _spawn(store_path, folder, purge):
            return folder
        _refresh_here(store_path, folder, PlainReader, purge)
    except sqlite3.Error as error:
        raise StoreError(f"the store {store_path} cannot be read: {error}.") from None
    except OSError as error:
        kind = ReadOnlyMirrorError if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM) else StoreError
        raise kind(
            f"the mirror {folder} cannot be written: {error.strerror or error}.", hint="Check the folder and the disk's room."
        ) from None
    return folder


def _finish_erasure(store_path: Path) -> None:
    reader = PlainReader(store_path)
    try:
        waits = bool(list(reader.rows(f"SELECT 1 FROM meta WHERE name = '{UNFINISHED}'")))
    except sqlite3.Error:
        return  # whoever reads the tables says what is wrong
    finally:
        reader.close()
    if waits:
        from persync.store.privacy import finish
        from persync.store.store import open_store

        # Another program may have the store open, or the disk be full: it stays noted, and a report does not need it.
        with suppress(StoreError), open_store(store_path) as store:
            finish(store)


def erasures_of(store_path: Path) -> int:
    """Return how many erasures a store has seen."""
    reader = PlainReader(store_path)
    try:
        return _erasures(reader)
    finally:
        reader.close()


def _erasures(reader: Reader) -> int:
    """Return how many erasures the store has seen."""
    if not declared(reader, "meta"):
        return 0
    return sum(int(value) for (value,) in reader.rows(f"SELECT value FROM meta WHERE name = '{ERASURES}'"))


def read_manifest(folder: Path) -> Manifest | None:
    """Return what the mirror says of itself; None when there is none that this version can use."""
    try:
        return parse_manifest((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return None


def parse_manifest(text: str | None) -> Manifest | None:
    """Return a manifest from its text; None when it is none, or none that this version can use."""
    try:
        manifest: Manifest = json.loads(text or "")
    except ValueError:
        return None
    if not isinstance(manifest, dict) or manifest.get("layout") != LAYOUT or manifest.get("schema") != SCHEMA_VERSION:
        return None
    return manifest


def files_of(manifest: Manifest, table: str) -> list[str]:
    """Return the names of the files to read a table from, the largest first.

    DuckDB takes the first file for typical when it plans its joins; a month with hardly a row would make it hold the whole
    table in memory. For the same reason the empty file that gives a monthly table its shape stands alone or not at all.
    """
    parts = manifest["tables"][table]["parts"]
    months = [part for month, part in sorted(parts.items()) if month != "-1" and part["file"] is not None]
    return [part["file"] for part in sorted(months, key=lambda part: -part["rows"])] or [parts["-1"]["file"]]


def _all_files(manifest: Manifest) -> set[str]:
    parts = [part for table in manifest["tables"].values() for part in table["parts"].values()]
    return {part["file"] for part in parts if part["file"] is not None}


def _stale(store_path: Path, folder: Path) -> bool:
    reader = PlainReader(store_path)
    try:
        old = read_manifest(folder)
        return _usable(old, reader, store_path) is None or any(_work(reader, old, folder).values())
    finally:
        reader.close()


def _spawn(store_path: Path, folder: Path, purge: bool) -> bool:
    """Refresh in a child process; False when that did not work, and the slower reader should try."""
    command = [sys.executable, "-P", "-m", "persync.engine.mirror", str(store_path), str(folder), *(["purge"] if purge else [])]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _refresh_here(store_path: Path, folder: Path, open_reader: Callable[[Path], Reader], purge: bool = False) -> None:
    folder.mkdir(private.FOLDER, parents=True, exist_ok=True)
    with locked(folder):
        reader = open_reader(store_path)
        try:
            before = read_manifest(folder)
            old = _usable(before, reader, store_path)
            work = _work(reader, old, folder)
            purge = purge or (before is not None and before.get("erasures", 0) != _erasures(reader))
            if any(work.values()) or old is None or purge:
                _write(reader, store_path, folder, old, work, purge)
        finally:
            reader.close()
        _sweep(folder, purge)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one process at a time refresh; where the system has no flock, the last to replace the manifest wins."""
    with (folder / ".lock").open("w") as handle:
        try:
            import fcntl
        except ImportError:
            yield
            return
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _identity(reader: Reader, store_path: Path) -> list[Any]:
    """Return what tells this store from another one put in its place, whose revs would mean something else."""
    found: list[Any] = [store_path.stat().st_ino]
    for table, query in (
        ("meta", "SELECT value FROM meta WHERE name IN ('id', 'key') ORDER BY name"),
        ("runs", "SELECT min(started_at) FROM runs"),
    ):
        if declared(reader, table):
            found += [value for row in reader.rows(query) for value in row]
    return found


def _usable(manifest: Manifest | None, reader: Reader, store_path: Path) -> Manifest | None:
    if manifest is None or manifest["store"] != _identity(reader, store_path):
        return None
    known = {name: table["columns"] for name, table in manifest["tables"].items()}
    return manifest if known == _columns(reader) else None


def _columns(reader: Reader) -> dict[str, dict[str, str]]:
    return {name: columns for name in MIRRORED if (columns := declared(reader, name))}


def _dirty(reader: Reader) -> dict[str, dict[int, int]]:
    dirty: dict[str, dict[int, int]] = {}
    for name, month, rev in reader.rows("SELECT name, month, rev FROM dirty"):
        dirty.setdefault(str(name), {})[int(month)] = int(rev)
    return dirty


def _work(reader: Reader, old: Manifest | None, folder: Path) -> dict[str, set[int]]:
    """Return the months of each table whose files must be written: -1 means all of it."""
    dirty = _dirty(reader)
    work: dict[str, set[int]] = {}
    for name in _columns(reader):
        parts = {int(month): part for month, part in old["tables"][name]["parts"].items()} if old else {}
        revs = dirty.get(name, {})
        work[name] = {month for month, rev in revs.items() if parts.get(month, {"rev": 0})["rev"] != rev}
        work[name] |= {month for month, part in parts.items() if not _intact(folder, part)}
        if -1 not in parts:
            work[name].add(-1)
    return work


def _intact(folder: Path, part: dict[str, Any]) -> bool:
    if part["file"] is None:
        return True
    try:
        return bool((folder / part["file"]).stat().st_size == part["size"])
    except OSError:
        return False


def _write(
    reader: Reader, store_path: Path, folder: Path, old: Manifest | None, work: dict[str, set[int]], purge: bool
) -> None:
    dirty = _dirty(reader)
    generation = _next_generation(folder)
    tables: dict[str, Any] = {}
    for name, columns in _columns(reader).items():
        parts = dict(old["tables"][name]["parts"]) if old else {}
        revs = dirty.get(name, {})
        wanted = work[name]
        if wanted:
            everything = -1 in wanted
            for month in set(map(int, parts)) if everything else wanted:
                parts.pop(str(month), None)
            for month in revs if everything else wanted:
                parts[str(month)] = {"rev": revs.get(month, 0), "file": None}
            for month, (path, rows) in _write_table(reader, folder, name, columns, wanted, generation).items():
                parts[str(month)] = {
                    "rev": revs.get(month, 0),
                    "file": path.name,
                    "rows": rows,
                    "size": path.stat().st_size,
                }
        tables[name] = {"columns": columns, "parts": parts}
    manifest = {
        "layout": LAYOUT,
        "schema": SCHEMA_VERSION,
        "store": _identity(reader, store_path),
        "generation": generation,
        "tables": tables,
        "erasures": _erasures(reader),
        "previous_generation": old["generation"] if old and not purge else generation,
        "previous": sorted(_all_files(old)) if old and not purge else [],
    }
    replace_text(folder / MANIFEST, json.dumps(manifest))


def _write_table(
    reader: Reader, folder: Path, name: str, columns: dict[str, str], wanted: set[int], generation: int
) -> dict[int, tuple[Path, int]]:
    monthly = name in MONTHLY
    everything = -1 in wanted

    def name_of(month: int) -> Path:
        middle = f"-{month_text(month)}" if month >= 0 else ""
        return folder / f"{name}{middle}-g{generation}.parquet"

    writer = PartWriter(arrow_schema(columns), name_of)
    if not monthly:
        writer.whole(reader.batches(name, columns, instead=held.readable(reader, name)))
    elif everything:
        writer.whole(())  # the table's shape, so that it can be read before its first row
        writer.by_month(reader.batches(name, columns), None)
    else:
        writer.by_month(reader.batches(name, columns, _within(name, wanted)), wanted)
    return writer.close()


def _within(name: str, months: set[int]) -> str:
    """Return the condition that a row lies in one of the months.

    Of touchpoints only the campaigns that were ever touched in them are read: the key begins with the campaign, and no index
    leads by time.
    """
    ends = [month + 1 for month in months if month + 1 not in months]
    starts = [month for month in months if month - 1 not in months]
    spans = " OR ".join(
        f"happened_at >= {month_starts(start)} AND happened_at < {month_starts(end)}"
        for start, end in zip(sorted(starts), sorted(ends), strict=True)
    )
    if name != "touchpoints":
        return spans
    listed = ", ".join(map(str, sorted(months)))
    return (
        "(connection, campaign_key) IN (SELECT m.connection, m.campaign_key FROM touch_months m"
        f" WHERE m.month IN ({listed})) AND ({spans})"
    )


def _next_generation(folder: Path) -> int:
    """Return a number that no file in the folder bears, not even one that a crash left behind."""
    used = [0]
    for path in folder.iterdir():
        tail = path.stem.rpartition("-g")[2]
        if tail.isdigit():
            used.append(int(tail))
    return max(used) + 1


def replace_text(path: Path, text: str) -> None:
    """Put a text in a file's place, whole or not at all, also when the power fails."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with temporary.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)


def _sweep(folder: Path, purge: bool) -> None:
    """Remove what neither this manifest nor (without `purge`) the one before it names."""
    manifest = read_manifest(folder)
    if manifest is None:
        return
    keep = _all_files(manifest) | set(manifest["previous"])
    for path in folder.glob("*.parquet"):
        if path.name not in keep:
            path.unlink(missing_ok=True)
    for path in folder.glob("manifest.*.tmp"):
        path.unlink(missing_ok=True)
    if purge:
        for path in (folder / "spill").glob("*"):
            path.unlink(missing_ok=True)
    generations = {manifest["generation"], manifest["previous_generation"]}
    for derived in folder.glob("derived-g*"):
        if derived.name not in {f"derived-g{generation}" for generation in generations}:
            shutil.rmtree(derived)


def _main(arguments: list[str]) -> None:
    _refresh_here(Path(arguments[0]), Path(arguments[1]), ArrowReader, "purge" in arguments[2:])


if __name__ == "__main__":
    _main(sys.argv[1:])
