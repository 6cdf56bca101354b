"""How a project stands: what is read until when, what is missing, what runs next and what to do about it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from persync.jobs.schedule.plan import can_hold, command_for
from persync.jobs.schedule.status import JobStatus, status_of
from persync.store.checkpoints import begun_again
from persync.store.counts import known_counts

if TYPE_CHECKING:
    from persync.settings import Project

DAY_MS: Final = 86_400_000
STALE_MS: Final = 2 * DAY_MS
"""behind by more than this a nightly job has missed a night"""
REFUSED: Final = frozenset({"scope", "role"})
"""how the reason of a hole begins where it is the token that may not see the stream"""
SETTLED: Final = frozenset({"gone", "tier", "removed by retention"})
"""... and where pulling again changes nothing"""


@dataclass(slots=True)
class StreamStanding:
    """One stream of one connection. Moments are epoch ms; `from_at` None is from the start, `to_at` None is never.

    The window of a stream with parts (one a campaign, say) reaches to the end of the part read last. `holes` are
    (reason, parts).
    """

    connection: str
    stream: str
    from_at: int | None = None
    to_at: int | None = None
    complete: int = 0
    under_way: int = 0
    rejects: int = 0
    again: bool = False
    """it is to be read again from its beginning: what it hangs on was not known when it was read"""
    holes: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection as a whole: `until` is the moment that all of its complete streams reach, None where none has one.

    `since` is how far back the vendor shows its orders, None where nothing is kept from this account. `rows` are
    {table: (rows, whether there may be more)}, the largest first.
    """

    name: str
    since: int | None
    until: int | None
    streams: int
    rows: dict[str, tuple[int, bool]]
    is_new: bool
    """no pull has said anything of it yet"""


@dataclass(frozen=True, slots=True)
class Standing:
    """All of it. `missing` are whole sentences, `steps` (command or setting, why), the most pressing first."""

    connections: tuple[Connection, ...]
    missing: tuple[str, ...]
    jobs: tuple[JobStatus, ...]
    steps: tuple[tuple[str, str], ...]


def read_streams(db: sqlite3.Connection) -> list[StreamStanding]:
    """Return every stream that was read or is known to be missing, by connection and name."""
    found: dict[tuple[str, str], StreamStanding] = {}

    def entry(connection: str, stream: str) -> StreamStanding:
        return found.setdefault((connection, stream), StreamStanding(connection, stream))

    for name, stream, first, last, parts in db.execute(
        "SELECT n.name, c.stream, min(c.from_at), max(c.to_at), count(*) FROM coverage c JOIN connections n USING (connection)"
        " WHERE c.state = 'complete' GROUP BY 1, 2"
    ):
        one = entry(name, stream)
        one.from_at, one.to_at, one.complete = first or None, last, parts
    for name, stream, reason, parts in db.execute(
        "SELECT n.name, c.stream, c.reason, count(*) FROM coverage c JOIN connections n USING (connection)"
        " WHERE c.state <> 'complete' GROUP BY 1, 2, 3 ORDER BY 3"
    ):
        entry(name, stream).holes += ((reason, parts),)
    for name, stream, count in db.execute(
        "SELECT n.name, r.stream, count(*) FROM rejects r JOIN connections n USING (connection) GROUP BY 1, 2"
    ):
        entry(name, stream).rejects = count
    for name, stream, count in db.execute(
        "SELECT n.name, p.stream, count(*) FROM checkpoints p JOIN connections n USING (connection)"
        " WHERE p.token IS NOT NULL GROUP BY 1, 2"
    ):
        entry(name, stream).under_way = count
    names = dict(db.execute("SELECT connection, name FROM connections").fetchall())
    for number, stream in begun_again(db):
        entry(names[number], stream).again = True
    for name, path, count in db.execute(
        "SELECT n.name, f.path, f.rows FROM imported_files f JOIN connections n USING (connection)"
    ):
        entry(name, path).complete = count
    return [found[key] for key in sorted(found)]


def read_rows(db: sqlite3.Connection) -> dict[str, dict[str, tuple[int, bool]]]:
    """Return {connection: {table: (rows, whether there may be more)}}, without the empty ones."""
    names = dict(db.execute("SELECT connection, name FROM connections ORDER BY name").fetchall())
    rows: dict[str, dict[str, tuple[int, bool]]] = {name: {} for name in names.values()}
    for (connection, table), count in known_counts(db).items():
        if connection in names:
            rows[names[connection]][table] = count
    return rows


def standing_of(
    project: Project,
    db: sqlite3.Connection,
    streams: list[StreamStanding],
    rows: dict[str, dict[str, tuple[int, bool]]],
    *,
    now: int,
) -> Standing:
    """Put together how a project stands from what `read_streams` and `read_rows` found in its store."""
    since = dict(db.execute("SELECT name, covers_from FROM connections").fetchall())
    connections = tuple(
        _connection(name, since.get(name), [one for one in streams if one.connection == name], rows.get(name, {}))
        for name in dict.fromkeys([*project.names, *rows])
    )
    jobs = tuple(status_of(project, now=now))
    missing = (*_never(connections), *_holes(streams), *_behind(streams, connections), *_again(streams), *_rejects(streams))
    return Standing(connections, missing, jobs, tuple(_steps(project, connections, streams, jobs, now)))


def _connection(name: str, since: int | None, streams: list[StreamStanding], rows: dict[str, tuple[int, bool]]) -> Connection:
    reached = [one.to_at for one in streams if one.to_at]
    read = sum(1 for one in streams if one.complete)
    largest = dict(sorted(rows.items(), key=lambda item: -item[1][0]))
    return Connection(name, since, min(reached, default=None), read, largest, is_new=not streams and not rows)


def _never(connections: tuple[Connection, ...]) -> list[str]:
    return [f"{one.name} was never read." for one in connections if one.is_new]


def _holes(streams: list[StreamStanding]) -> list[str]:
    """Name holes with one reason in one connection together: one missing scope can hide ten streams."""
    shared: dict[tuple[str, str], list[str]] = {}
    for one in streams:
        for reason, parts in one.holes:
            many = f" ({parts:,} parts)" if parts > 1 else ""
            shared.setdefault((one.connection, reason), []).append(one.stream + many)
    return [f"{connection}, {', '.join(names)}: {reason}" for (connection, reason), names in shared.items()]


def _behind(streams: list[StreamStanding], connections: tuple[Connection, ...]) -> list[str]:
    """Name the streams that hold their connection back by more than a day."""
    found = []
    for connection in connections:
        own = [one for one in streams if one.connection == connection.name and one.to_at]
        newest = max((one.to_at or 0 for one in own), default=0)
        late = [one.stream for one in own if newest - (one.to_at or 0) > DAY_MS]
        if late:
            found.append(f"{connection.name}, {', '.join(late)}: not read as far as its other streams.")
    return found


def _again(streams: list[StreamStanding]) -> list[str]:
    shared: dict[str, list[str]] = {}
    for one in streams:
        if one.again:
            shared.setdefault(one.connection, []).append(one.stream)
    return [
        f"{connection}, {', '.join(names)}: read before what they hang on was known." for connection, names in shared.items()
    ]


def _rejects(streams: list[StreamStanding]) -> list[str]:
    return [
        f"{one.connection}, {one.stream}: {one.rejects:,} record{'s' if one.rejects > 1 else ''} that did not fit left out."
        for one in streams
        if one.rejects
    ]


def _steps(
    project: Project,
    connections: tuple[Connection, ...],
    streams: list[StreamStanding],
    jobs: tuple[JobStatus, ...],
    now: int,
) -> list[tuple[str, str]]:
    """Return what to do next, each command once, the most pressing first."""
    steps: dict[str, str] = {}
    known = set(project.connections)
    if not project.names:
        steps["persync connect NAME"] = "no connection is in persync.toml"
    for one in connections:
        if one.name in known and one.is_new:
            steps[f"persync pull {one.name}"] = "it was never read"
    for stream in streams:
        if stream.connection not in known:
            continue
        kinds = {reason.partition(":")[0] for reason, _ in stream.holes}
        if kinds & REFUSED:
            steps.setdefault(f"persync connect {stream.connection} --guide", "its token may not see all")
        if stream.under_way or stream.again or kinds - REFUSED - SETTLED:
            why = "reads again what hung on something unknown" if stream.again else "reads again what failed"
            why = "goes on where it stopped" if stream.under_way else why
            steps.setdefault(f"persync pull {stream.connection}", why)
        if stream.rejects:
            steps.setdefault(f"persync pull {stream.connection} --rejects", "reads again what did not fit, after an update")
    stale = [one.name for one in connections if one.name in known and one.until and now - one.until > STALE_MS]
    if stale:
        steps.setdefault("persync pull", f"{_some(stale)} last read more than two days ago")
    for job in jobs:
        if job.orphan:
            steps[command_for(job.job, "persync schedule", "--remove")] = job.orphan
        elif job.exit_code:
            steps[command_for(job.job, "persync run")] = f"its last run ended with exit code {job.exit_code}"
        elif not can_hold(job.job):
            steps[f"rename the job '{job.job}' in persync.toml"] = (
                "no scheduler takes such a name: letters, digits, blanks, . - _"
            )
        elif not job.by:
            steps[command_for(job.job, "persync schedule", "--target cron --install")] = "nothing runs it"
    if not jobs and project.names:
        steps["add [jobs.nightly] to persync.toml"] = "nothing runs yet: docs/jobs.md"
    return list(steps.items()) or [("persync report", "all is read")]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 2:,} more" if len(names) > 2 else ""
    return f"{', '.join(names[:2])}{more} {'was' if len(names) == 1 else 'were'}"
