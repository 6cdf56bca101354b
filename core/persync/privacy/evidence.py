"""What the store and the files beside it say to an audit: each check gives yes, no or unknown, and what that rests on."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from persync import secrets
from persync.coarse import SPECIAL
from persync.errors import StoreError
from persync.measure.ethics import consent
from persync.measure.metric import Ask
from persync.measure.texts import join
from persync.store.coarsen import raw
from persync.store.key import key_path
from persync.store.log import broken_at
from persync.store.retention import retain
from persync.store.store import Store

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.settings import Project

Result = Literal["yes", "no", "unknown"]
Finding = tuple[Result, str]
DAY_MS: Final = 86_400_000
FRESH_DAYS: Final = 31
"""a store that was not pulled for longer does not know who left since"""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a check looks at. The store is only read."""

    store: Store
    project: Project
    now: int
    engine: Callable[[], Engine] | None = None
    """opens one over the same store; None: what needs one is not known"""

    def number(self, sql: str) -> int:
        """Return the one number of a query."""
        return int(self.store.db.execute(sql).fetchone()[0] or 0)


def retention_set(scene: Scene) -> Finding:
    """Tell whether there is a rule of how long people are kept."""
    periods = scene.project.retention
    told = ", ".join(f"{kind} {months} months" for kind, months in sorted(periods.items()))
    if "people" in periods:
        return "yes", f"[privacy.retention]: {told}"
    return "no", f"[privacy.retention] says nothing of people{f' ({told})' if told else ''}"


def retention_kept(scene: Scene) -> Finding:
    """Tell whether nothing is older than the rule."""
    if not scene.project.retention:
        return "unknown", "there is no rule to hold it against"
    late = [one for one in retain(scene.store, scene.project.retention, now=scene.now, apply=False) if one.rows]
    if not late:
        return "yes", "nothing is older than [privacy.retention] allows"
    return "no", ", ".join(
        f"{one.rows:,} {one.kind}" for one in late
    ) + " older than allowed: persync privacy retention --apply"


def consent_recorded(scene: Scene) -> Finding:
    """Tell whether everybody who was sent mail had a consent or another basis on record then, as `consent_coverage` counts."""
    if scene.engine is None:
        return "unknown", "nothing is known of single messages"
    engine = scene.engine()
    consent.build(engine, Ask(now=scene.now))
    without = ", ".join(f"'{state}'" for state in consent.VIOLATIONS)
    counts = f"SELECT COUNT(*) AS people, SUM(CASE WHEN l.state IN ({without}) THEN 0 ELSE 1 END) AS covered"
    (row,) = engine.rows(join(consent.last_states(), f"{counts} FROM last_state AS l"))
    people, covered = int(row["people"]), int(row["covered"] or 0)
    if not people:
        return "unknown", "nobody was mailed yet"
    told = f"{covered:,} of {people:,} people who were mailed had a consent or another basis on record at their last message"
    return ("yes" if covered == people else "no"), told


def attributes_have_a_basis(scene: Scene) -> Finding:
    """Tell whether each attribute says why it may be held."""
    lacking = scene.store.db.execute(
        "SELECT name, count(*) FROM attributes WHERE coalesce(basis, '') = '' GROUP BY name ORDER BY name"
    ).fetchall()
    if lacking:
        return "no", "without a basis: " + ", ".join(f"{name} ({n:,} people)" for name, n in lacking)
    names = scene.number("SELECT count(DISTINCT name) FROM attributes")
    return "yes", f"{names} attributes, all with a basis" if names else "no attribute of people is held"


def no_special_category(scene: Scene) -> Finding:
    """Tell whether no attribute is, by its name, of a special category."""
    names = [name for (name,) in scene.store.db.execute("SELECT DISTINCT name FROM attributes ORDER BY name")]
    special = [name for name in names if SPECIAL.search(name)]
    if special:
        return "no", f"by their names: {', '.join(special)}"
    return "yes", f"none of {len(names)} attributes is one by its name"


def attributes_are_coarse(scene: Scene) -> Finding:
    """Tell whether no attribute is stored finer than it may be, as an older version did: an exact age, a name."""
    found = raw(scene.store.db, now=scene.now)
    if found:
        told = ", ".join(f"{one.name} ({one.coarsened + one.removed:,} values)" for one in found)
        return "no", f"finer than they may be stored: {told}: persync privacy clean --apply"
    return "yes", "ages are bands, postal codes regions, dates years; nothing looks like a name or an address"


_TEXTS: Final = {"attributes": "value", "campaigns": "title", "segments": "name", "feedback": "grade", "tickets": "category"}
"""columns of words that people wrote, into which one may have put an address"""


def pseudonymous(scene: Scene) -> Finding:
    """Tell whether no address is stored: people are known by keyed hashes and platform ids."""
    columns = {"person_keys": "key", **_TEXTS}
    plain = {
        table: scene.number(f"SELECT count(*) FROM {table} WHERE {column} LIKE '%_@_%.%'")  # noqa: S608 - both stand here
        for table, column in columns.items()
    }
    found = [f"{n:,} in {table}" for table, n in plain.items() if n]
    if found:
        return "no", f"addresses are stored: {', '.join(found)}"
    return "yes", f"people are known by keyed hashes and platforms' ids alone; no address stands in {', '.join(columns)}"


def key_fits(scene: Scene) -> Finding:
    """Tell whether the key is there and the store's own: without it nobody known by address alone can be told or erased."""
    name = key_path(scene.store.path).name
    try:
        scene.store.key  # noqa: B018 - reading it is the check
    except StoreError as error:
        return "no", f"{name}: {error.what}"
    return "yes", f"{name} beside the store is its own key; it is in no backup of the store alone"


def erasure_works(scene: Scene) -> Finding:
    """Tell whether every erasure came to its end."""
    unfinished = scene.number("SELECT count(*) FROM meta WHERE name IN ('erasure unfinished', 'erasure due') AND value <> ''")
    done = scene.number("SELECT CAST(max(value) AS INTEGER) FROM meta WHERE name = 'erasures'")
    kept_out, last = scene.number("SELECT count(*) FROM tombstones"), _last_erasure(scene)
    if unfinished:
        return "no", "an erasure has not come to its end: run `persync privacy erase` or a pull again"
    told = f"{done:,} erasures so far, {kept_out:,} keys kept out"
    return "yes", f"{told}, the last on {_day(last)}" if last else told


def copies_follow_erasures(scene: Scene) -> Finding:
    """Tell whether no copy that lies beside the store is older than the last erasure: it would still hold that person."""
    found, last = copies_beside(scene.store.path), _last_erasure(scene)
    older = [f"{path.name} of {_day(at)}" for path, at in found if at < last]
    if older:
        return "no", f"{', '.join(older)}: from before the last erasure on {_day(last)}; delete it when you no longer need it"
    return (
        "yes",
        f"{len(found)} copies lie beside the store, none from before the last erasure" if last else "nobody was erased yet",
    )


def copies_beside(store: Path) -> list[tuple[Path, int]]:
    """Return the copies of a store that upgrades left beside it, and when each was written (epoch ms)."""
    return [(path, path.stat().st_mtime_ns // 1_000_000) for path in sorted(store.parent.glob(f"{store.stem}.before-*.db"))]


def _last_erasure(scene: Scene) -> int:
    return scene.number("SELECT max(erased_at) FROM tombstones")


def _day(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).date().isoformat()


def files_are_private(scene: Scene) -> Finding:
    """Tell whether store, mirror, copies, key and secrets can be read by their owner alone."""
    path = scene.store.path
    beside = (path.with_name(path.name + "-wal"), scene.store.mirror, *(copy for copy, _ in copies_beside(path)))
    files = (path, *beside, key_path(path), scene.project.folder / secrets.FILE)
    if os.name != "posix":
        return "unknown", "this system has no file modes"
    return _private([file for file in files if file.exists()])


def _private(files: list[Path]) -> Finding:
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in files}
    open_ones = [f"{name} (mode {mode:04o})" for name, mode in modes.items() if mode & 0o077]
    if open_ones:
        return "no", f"others on this machine may read {', '.join(open_ones)}: chmod 600"
    return "yes", f"{', '.join(modes)}: for their owner alone"


def log_is_whole(scene: Scene) -> Finding:
    """Tell whether the log of what was done is whole: each entry is chained to the one before."""
    entry = broken_at(scene.store.db)
    if entry is not None:
        return "no", f"the chain of the log does not fit from entry {entry} on"
    entries = scene.number("SELECT count(*) FROM log")
    return "yes", f"{entries:,} entries, their chain holds"


def pulled_lately(scene: Scene) -> Finding:
    """Tell whether withdrawals and deletions at the platforms can have arrived."""
    last = scene.number("SELECT max(ended_at) FROM runs WHERE command LIKE 'pull%' AND exit_code IN (0, 3)")
    if not last:
        return "unknown", "no pull came to its end here"
    days = (scene.now - last) // DAY_MS
    return ("yes" if days <= FRESH_DAYS else "no"), f"the last pull ended {days} days ago"


CHECKS: Final[Mapping[str, Callable[[Scene], Finding]]] = {
    "retention_set": retention_set,
    "retention_kept": retention_kept,
    "consent_recorded": consent_recorded,
    "attributes_have_a_basis": attributes_have_a_basis,
    "attributes_are_coarse": attributes_are_coarse,
    "no_special_category": no_special_category,
    "pseudonymous": pseudonymous,
    "key_fits": key_fits,
    "erasure_works": erasure_works,
    "copies_follow_erasures": copies_follow_erasures,
    "files_are_private": files_are_private,
    "log_is_whole": log_is_whole,
    "pulled_lately": pulled_lately,
}
