"""The product on the same records: a connector of its own, in the words that a stranger would use.

    python bench/records_product.py BASE_URL DATABASE NOW

prints wall-clock seconds, CPU seconds, records, rows changed, records skipped as unchanged, and peak memory in MB. Every record
is validated against a TypedDict of its 25 fields; the address is hashed at the door; key and contact are written where
they differ; each page is checkpointed in its own transaction; its record's version is kept, so that a second pull can skip
it; at the end it is derived who is one person.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from typing_extensions import TypedDict

from persync import rows
from persync.connect import ConnectionSettings, Connector, Context, OffsetPages, SinglePage, Stream
from persync.connect.pull import PullOptions, pull


class Part(TypedDict):
    id: int


class Record(TypedDict):
    id: int
    updated_at: str
    created_at: str
    email: str
    status: str
    source: str
    orders: int
    spent: str
    currency: str
    rating: int
    open_rate: float
    click_rate: float
    is_verified: bool
    is_vip: bool
    language: str
    country: str
    region: str
    timezone: str
    signup_at: str
    confirmed_at: str
    client: str
    campaign: str
    tags: list[str]
    token: str
    note: str


def part_rows(part: Part, at: Context) -> Iterator[rows.Row]:
    """Yield the work: one part's records."""
    yield rows.Child("records", str(part["id"]), {"part": part["id"]})


def record_rows(record: Record, at: Context) -> Iterator[rows.Row]:
    """Yield the contact."""
    yield rows.Contact(
        rows.Person(("email", record["email"])),
        created_at=int(datetime.fromisoformat(record["created_at"]).timestamp() * 1000),
        status=record["status"],
        source=record["source"],
        orders=record["orders"],
    )


class Records(Connector):
    """The bench's own vendor: ten parts, which six threads fetch."""

    name: ClassVar = "records"
    title: ClassVar = "Records"
    workers: ClassVar = 6
    streams: ClassVar = (
        Stream(name="parts", path="/parts", record=Part, rows=part_rows, reader=SinglePage(at="parts", single=False)),
        Stream(
            name="records",
            path="/parts/{part}/records",
            record=Record,
            rows=record_rows,
            reader=OffsetPages(at="records", total_at="total"),
            version="updated_at",
            parent="parts",
        ),
    )

    def base_url(self) -> str:
        return str(self.settings.base_url)


def main(base: str, path: str, now: int) -> str:
    """Pull once; return the figures."""
    settings = ConnectionSettings(connector="records", base_url=base)
    started = time.perf_counter(), time.process_time()
    result = pull(Path(path), [Records("records", settings, {})], PullOptions(now=now))
    took = time.perf_counter() - started[0], time.process_time() - started[1]
    assert result.exit_code == 0, [str(error) for error in result.errors] + [stream.reason for stream in result.streams]
    found = next(stream for stream in result.streams if stream.stream == "records")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{took[0]} {took[1]} {found.records} {found.changed} {found.unchanged} {peak}"


if __name__ == "__main__":
    print(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
