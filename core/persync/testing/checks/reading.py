"""Checks of what a connector declares and reads when nothing goes wrong."""

from __future__ import annotations

import base64
import hashlib
import os
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
from persync.store.store import open_store
from persync.testing.case import Case, case_of, hearing
from persync.testing.checks.check import Check, expect, listed, many, said, unequal

FURTHEST: Final = "Pacific/Chatham"
"""a time zone of 12 hours and 45 minutes: whoever uses the machine's own is found out"""
CROWD: Final = 1_100
"""people of a business that no page should hold whole"""
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
    """Pull again, and once more with --full."""
    path, peace = case.store(), case.peace()
    case.pull(path)
    for words, full in (("a second pull", False), ("a pull with --full", True)):
        result = case.pull(path, full=full)
        expect(result.exit_code == 0, f"{words} ended with exit code {result.exit_code}: {listed(said(result))}.")
        expect(not (other := unequal(path, peace.store)), f"{words} changed {listed(other)}.")
    return "a second pull and one with --full"


def agrees(case: Case, thorough: bool) -> str:
    """Hold the store against what the sandbox says it must hold, in currencies with two, no and three decimals."""
    facts = case.sandbox.facts(case.world)
    expect(
        bool(facts),
        "the sandbox names no facts: give Sandbox.facts a function from a world to {query of the store: whole number}.",
    )
    _hold(case, facts)
    for currency in ("JPY", "KWD"):
        with (
            tempfile.TemporaryDirectory(prefix="persync-") as folder,
            case_of(case.host, case.name, Path(folder), currency=currency) as other,
        ):
            _hold(other, other.sandbox.facts(other.world))
    return f"{many(len(facts), 'fact')} in EUR, JPY and KWD"


def _hold(case: Case, facts: Mapping[str, int]) -> None:
    with open_store(case.peace().store) as store:
        for query, expected in facts.items():
            (found,) = store.db.execute(query).fetchone()
            expect(found == expected, f"{query} is {found}, the sandbox has {expected} ({case.world.currency}).")


def knows_nobody(case: Case, thorough: bool) -> str:
    """Look for everybody's address and name, plain or hidden, in every byte of the store."""
    data = _bytes(case.peace().store).lower()
    told = Counter[str]()
    for person in case.world.people.values():
        address = person.email.lower().encode()
        forms = {
            "an address": address,
            "a quoted address": quote(person.email, safe="").lower().encode(),
            "an address in base64": base64.b64encode(address).lower(),
            "the MD5 of an address": hashlib.md5(address, usedforsecurity=False).hexdigest().encode(),
            "the SHA-256 of an address": hashlib.sha256(address).hexdigest().encode(),
            "a name": f"{person.first_name} {person.last_name}".lower().encode(),
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
    expect(not (other := unequal(path, case.peace().store)), f"in {FURTHEST} it reads {listed(other)} otherwise.")
    return FURTHEST


def flat(case: Case, thorough: bool) -> str:
    """Pull a business that no page should hold whole."""
    longest = 0

    def hear(page: Page) -> None:
        nonlocal longest
        count = len(_records(page))
        longest = max(longest, count)
        stream = page.step.of or page.job.work.stream
        expect(count <= LONGEST, f"{count:,} records of '{stream.name}' came in one page: ask for {LONGEST:,} at most.")

    with (
        tempfile.TemporaryDirectory(prefix="persync-") as folder,
        case_of(case.host, case.name, Path(folder), people=CROWD) as other,
        hearing(hear),
    ):
        expect(other.pull(other.store()).exit_code == 0, "the pull failed.")
    return f"{many(CROWD, 'person').replace('persons', 'people')}, {many(longest, 'record')} in the longest page"


READING: Final = (
    Check("declares", "what it declares fits together", declared),
    Check("signs in", "its check of a connection passes against its sandbox", signs_in),
    Check("reads", "a pull reads every stream to its end", reads),
    Check("keys", "every record has its key, once", keys),
    Check("agrees", "the store holds what the sandbox has, to the cent", agrees),
    Check("again", "a pull that finds nothing new changes nothing", again),
    Check("privacy", "no address and no name is in the store", knows_nobody),
    Check("time zone", "the machine's time zone changes nothing", any_time_zone),
    Check("flat", "a larger business means more pages, not larger ones", flat),
)
