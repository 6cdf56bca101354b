"""Checks of what a connector declares and reads when nothing goes wrong."""

from __future__ import annotations

import base64
import gc
import hashlib
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import orjson

from persync.connect.connector import ConnectionSettings
from persync.connect.fetch import Page
from persync.connect.plan import levels
from persync.connect.stream import DAY_MS, HOUR_MS
from persync.store.store import open_store
from persync.testing.case import CROWD, Case, case_of, crowded, hearing
from persync.testing.checks.check import Check, expect, listed, many, said, unequal

FURTHEST: Final = "Pacific/Chatham"
"""a time zone of 12 hours and 45 minutes: whoever uses the machine's own is found out"""
KEPT: Final = 0.5
"""objects a record that may outlive a pull: logs and caches keep a tenth of one, who keeps records two at the least"""
OWN: Final = 200
"""objects that the server of the sandbox may keep of the last calls it answered, whatever the connector does"""
LARGEST: Final = 50_000
"""letters of what a reader remembers between two pages"""
LONGEST: Final = 1_000
"""records of the longest page that keeps memory flat and loses little when a pull ends"""


def declared(case: Case, thorough: bool) -> str:
    """Look at what stands in the class."""
    kind = case.type
    for word in ("name", "title", "help"):
        expect(bool(getattr(kind, word, "")), f"the class attribute '{word}' is empty.")
    expect(bool(kind.secrets), "no secret is declared in 'secrets'.")
    expect(issubclass(kind.settings_type, ConnectionSettings), "settings_type is no ConnectionSettings.")
    names = Counter(stream.name for stream in kind.streams)
    expect(bool(names), "there are no streams.")
    twice = [name for name, count in names.items() if count > 1]
    expect(not twice, f"stream names stand twice: {listed(twice)}.")
    for stream in kind.streams:
        for other in (*stream.needs, *((stream.parent,) if stream.parent else ())):
            expect(other in names, f"the stream '{stream.name}' needs '{other}', which there is not.")
        expect(bool(stream.key) or not stream.version, f"the stream '{stream.name}' has versions and no key.")
        missing = [name for name in ("start", "request", "read", "shrink") if not callable(getattr(stream.reader, name, None))]
        expect(not missing, f"the reader of '{stream.name}' has no {listed(missing)}.")
    levels(kind.streams)
    return many(len(names), "stream")


def signs_in(case: Case, thorough: bool) -> str:
    """Ask what `persync doctor` asks."""
    from persync.connect.client import Client

    connector = case.connector()
    with Client(connector, sleep=lambda seconds: False) as client:
        found = list(connector.check(client))
    expect(bool(found), "check() found nothing to tell.")
    return listed(what for what, _ in found)


def reads(case: Case, thorough: bool) -> str:
    """Pull once."""
    peace = case.peace()
    expect(peace.result.exit_code == 0, f"exit code {peace.result.exit_code}: {listed(said(peace.result)) or 'a reject'}.")
    ill = [one.stream for one in peace.result.streams if one.state not in ("done", "skipped")]
    expect(not ill, f"not read to the end: {listed(ill)}.")
    kept = [one.stream for one in peace.result.streams if one.records]
    expect(bool(kept), "not one record was read.")
    unread = sorted({field for one in peace.result.streams for field in one.unread})
    expect(not unread, f"its own sandbox sends fields that it does not know: {listed(unread)}.")
    with open_store(peace.store) as store:
        wrong = store.integrity()
    expect(not wrong, f"the store is not whole: {listed(wrong)}.")
    return f"{many(peace.pages, 'page')} of {many(len(kept), 'stream')}"


def _at(record: Any, path: str) -> Any:
    for name in path.split("."):
        record = record.get(name) if isinstance(record, Mapping) else None
    return record


def keys(case: Case, thorough: bool) -> str:
    """Look at the key of every record of a pull."""
    count = 0
    wrong: list[str] = []

    def hear(page: Page) -> None:
        nonlocal count
        stream = page.step.of or page.job.work.stream
        those = [_at(record, stream.key) for record in _records(page)]
        count += len(those)
        # A record alone needs none, nor does one that is never told from an older version of itself.
        if stream.key and not page.step.single and (empty := sum(1 for key in those if key is None or key == "")):
            wrong.append(f"{many(empty, 'record')} of '{stream.name}' without its key")
        if stream.version and (twice := sum(times > 1 for times in Counter(map(str, those)).values())):
            wrong.append(f"{many(twice, 'key')} of '{stream.name}' twice in one page")

    with hearing(hear):
        expect(case.pull(case.store()).exit_code == 0, "the pull failed.")
    expect(not wrong, f"{listed(sorted(set(wrong)))}.")
    return many(count, "record")


def _records(page: Page) -> list[Any]:
    found: Any = orjson.loads(page.step.body) if page.step.body else []
    for name in page.step.at:
        found = found.get(name) if isinstance(found, Mapping) else None
    return [found] if page.step.single else found or []


def again(case: Case, thorough: bool) -> str:
    """Pull again an hour later, and two days later once more with --full."""
    path, peace = case.store(), case.peace()
    case.pull(path)
    for words, later, full in (("a second pull", HOUR_MS, False), ("a pull with --full", 2 * DAY_MS, True)):
        result = case.pull(path, later=later, full=full)
        expect(result.exit_code == 0, f"{words} ended with exit code {result.exit_code}: {listed(said(result))}.")
        expect(not (other := unequal(path, peace)), f"{words} changed {listed(other)}.")
    return "an hour later, and two days later with --full"


def agrees(case: Case, thorough: bool) -> str:
    """Hold the store against what the sandbox says it must hold."""
    facts = case.sandbox.facts(case.world)
    expect(
        bool(facts),
        "the sandbox names no facts: give Sandbox.facts a function from a world to {query of the store: whole number}.",
    )
    _hold(case, facts)
    return many(len(facts), "fact")


def counts_money(case: Case, thorough: bool) -> str:
    """Do the same in currencies with no and with three decimals."""
    for currency in ("JPY", "KWD"):
        with (
            tempfile.TemporaryDirectory(prefix="persync-") as folder,
            case_of(case.host, case.name, Path(folder), currency=currency) as other,
        ):
            _hold(other, other.sandbox.facts(other.world))
    return "JPY and KWD"


def _hold(case: Case, facts: Mapping[str, int]) -> None:
    with open_store(case.peace().store) as store:
        for query, expected in facts.items():
            (found,) = store.db.execute(query).fetchone()
            expect(found == expected, f"{query} is {found}, the sandbox has {expected} ({case.world.currency}).")


def knows_nobody(case: Case, thorough: bool) -> str:
    """Look for everybody's address and name, whole or in part, plain or hidden, in every byte of the store."""
    data = _bytes(case.peace().store).lower()
    told = Counter[str]()
    for person in case.world.people.values():
        address = person.email.lower().encode()
        forms = {
            "an address": address,
            "a quoted address": quote(person.email, safe="").lower().encode(),
            "an address in base64": base64.b64encode(address).lower(),
            "the MD5 of an address": hashlib.md5(address, usedforsecurity=False).hexdigest().encode(),
            "the SHA-1 of an address": hashlib.sha1(address, usedforsecurity=False).hexdigest().encode(),
            "the SHA-256 of an address": hashlib.sha256(address).hexdigest().encode(),
            "a first name": person.first_name.lower().encode(),
            "a last name": person.last_name.lower().encode(),
        }
        told.update(form for form, text in forms.items() if text in data)
    expect(not told, f"the store holds {listed(f'{form} ({count} times)' for form, count in told.items())}.")
    return many(len(case.world.people), "person").replace("persons", "people")


def _bytes(store: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(store.parent.glob(f"{store.stem}.db*")))


def any_time_zone(case: Case, thorough: bool) -> str:
    """Pull as on a machine in another time zone."""
    if not hasattr(time, "tzset"):
        return "not on this system"
    before = os.environ.get("TZ")
    os.environ["TZ"] = FURTHEST
    time.tzset()
    try:
        path = case.store()
        case.pull(path)
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()
    expect(not (other := unequal(path, case.peace())), f"in {FURTHEST} it reads {listed(other)} otherwise.")
    return FURTHEST


def flat(case: Case, thorough: bool) -> str:
    """Pull a business of many more people, who did nothing, twice: pages stay as long as they were, what a reader remembers
    stays small, and nothing of a pull outlives it."""
    longest = count = 0

    def hear(page: Page) -> None:
        nonlocal longest, count
        here = len(_records(page))
        longest, count = max(longest, here), count + here
        name = (page.step.of or page.job.work.stream).name
        expect(here <= LONGEST, f"{here:,} records of '{name}' came in one page: ask for {LONGEST:,} at most.")
        for what, size in (("place", len(repr(page.token))), ("memory", len(repr(page.job.work.memo)))):
            expect(
                size <= LARGEST,
                f"the reader's {what} of '{name}' has grown to {size:,} letters: keep where to go on, no records.",
            )

    with tempfile.TemporaryDirectory(prefix="persync-") as folder, crowded(case, Path(folder)) as other, hearing(hear):
        expect(other.pull(other.store()).exit_code == 0, "the pull failed.")
        # The first one has filled every cache, and made the sandbox's lists.
        before, count = _alive(), 0
        expect(other.pull(other.store()).exit_code == 0, "the second pull failed.")
        kept = (_alive() - before - OWN) / max(1, count)
    expect(kept < KEPT, f"{kept:.1f} objects a record are left in memory after a pull: keep no record once its rows are made.")
    return f"{many(CROWD, 'person').replace('persons', 'people')}, {many(longest, 'record')} in the longest page"


def _alive() -> int:
    gc.collect()
    return sys.getallocatedblocks()


READING: Final = (
    Check("declares", "what it declares fits together", declared),
    Check("signs in", "its check of a connection passes against its sandbox", signs_in),
    Check("reads", "a pull reads every stream to its end", reads, ("declares",)),
    Check("keys", "every record has its key, once", keys, ("reads",)),
    Check("agrees", "the store holds what the sandbox has, to the cent", agrees, ("reads",)),
    Check("money", "so it does in currencies with no and with three decimals", counts_money, ("agrees",)),
    Check("again", "a pull that finds nothing new changes nothing, whenever it comes", again, ("reads",)),
    Check("privacy", "nobody's address or name is in the store", knows_nobody, ("reads",)),
    Check("time zone", "the machine's time zone changes nothing", any_time_zone, ("again",)),
    Check("flat", "a larger business means more pages, not larger ones, nor more memory", flat, ("reads",)),
)
