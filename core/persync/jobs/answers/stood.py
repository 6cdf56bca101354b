"""How a project stands, and when its jobs run: the answers of `persync status` and `persync schedule status`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from persync.report.render.estimates import document
from persync.report.words import iso

if TYPE_CHECKING:
    from persync.jobs.schedule.status import JobStatus
    from persync.jobs.standing import Standing, StreamStanding
    from persync.settings import Project


@dataclass(frozen=True, slots=True)
class Stood:
    """Every stream, the rows of every connection as `read_rows` counts them, and what is made of both."""

    streams: list[StreamStanding]
    rows: dict[str, dict[str, tuple[int, bool]]]
    standing: Standing

    def as_json(self, project: Project) -> str:
        """Return it as the one JSON object of the command."""
        plain = {name: {table: count for table, (count, _) in tables.items()} for name, tables in self.rows.items()}
        more = {name: [table for table, (_, some) in tables.items() if some] for name, tables in self.rows.items()}
        return document(
            "status",
            map(_stream, self.streams),
            rows=plain,
            at_least={name: tables for name, tables in more.items() if tables},
            missing=self.standing.missing,
            jobs=[_job(one) for one in self.standing.jobs],
            next=[{"do": do, "why": why} for do, why in self.standing.steps],
            errors=[str(error) for error in project.broken.values()],
        )


def stood(project: Project, db: sqlite3.Connection, *, now: int) -> Stood:
    """Return how a project stands by its store."""
    from persync.jobs.standing import read_rows, read_streams, standing_of

    streams, rows = read_streams(db), read_rows(db)
    return Stood(streams, rows, standing_of(project, db, streams, rows, now=now))


def schedule_json(found: Iterable[JobStatus]) -> str:
    """Return the standing of jobs as the one JSON object of `persync schedule status`."""
    return document("schedule", ({**_job(one), "summary": one.summary or None, "orphan": one.orphan or None} for one in found))


def _stream(one: StreamStanding) -> dict[str, Any]:
    return {
        "connection": one.connection,
        "stream": one.stream,
        "from": iso(one.from_at) if one.from_at else None,
        "to": iso(one.to_at) if one.to_at else None,
        "complete": one.complete,
        "under_way": one.under_way,
        "rejects": one.rejects,
        "again": one.again,
        "holes": [{"reason": reason, "parts": parts} for reason, parts in one.holes],
    }


def _job(one: JobStatus) -> dict[str, Any]:
    last, due = (None if at is None else iso(at) for at in (one.last, one.next))
    return {
        "job": one.job,
        "by": list(one.by),
        "last": last,
        "exit_code": one.exit_code,
        "is_running": one.is_running,
        "next": due,
    }
