"""Runs histories: every pull goes through the pull engine, the connectors' streams and the writer, into a store."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from converge import check, gone
from converge.business import CHANGES, make_business
from converge.check import Past, Table, read_store, read_table
from converge.history import DISTURBED, PULLS, WAITS, History, Step
from converge.moments import DAY, MINUTE, SECOND
from converge.vendors import Business, Killed, Seat, Trouble, Vendors, close_all, dying, kept_open
from persync.connect.pull import pull
from persync.connect.result import PullOptions, PullResult
from persync.connect.stream import Every
from persync.rows import Person
from persync.store.derive import derive
from persync.store.digest import table_digests
from persync.store.privacy import erase, find
from persync.store.store import Store, open_store

SETTLED = 32 * DAY
"""after so long every listing that is read only now and then is due, and every look-back has passed"""
OWNED = ("carts", "tickets", "feedback")
"""tables of things that are somebody's and go with them"""


class DivergedError(AssertionError):
    """A history did not end as it should have."""


@dataclass
class Tale:
    """A business on its way through a history, with one store that follows it."""

    history: History
    folder: Path
    name: str
    disturbed: bool
    business: Business = field(default_factory=make_business)
    erased: set[str] = field(default_factory=set)
    """natural keys of those who were erased, as the store knew them"""
    ids: set[str] = field(default_factory=set)
    """natural keys of those who were erased, as the vendors knew them"""
    owned: set[tuple[str, tuple[Any, ...], str]] = field(default_factory=set)
    """(table, key, whose) of what the store knew to be somebody's: it goes with them, also when a vendor forgot whose it was"""
    requests: list[Person] = field(default_factory=list)
    """how erasures named whom they meant"""
    known: dict[str, Table] = field(default_factory=dict)
    """what the store held after the last whole pull before the end"""
    pulled: bool = False
    """whether there was a whole pull"""
    asked: int = 0
    """how many lines of the log are of erasures that were asked for"""

    def __post_init__(self) -> None:
        self.vendors = Vendors(self.business)
        self.seat = Seat(self.vendors)
        self.store = self.folder / f"{self.name}.db"
        fresh_store(self.folder, self.store)

    @property
    def now(self) -> int:
        return self.business.world.now

    def run(self) -> None:
        """Live through the history; at its end everything has settled and was pulled once more, without trouble."""
        last = max((i for i, step in enumerate(self.history.steps) if step.word in PULLS), default=-1)
        for number, step in enumerate(self.history.steps):
            self.take(step)
            if number == last and self.disturbed:
                self.known = read_store(self.store)
        if not self.pulled:
            # Listings that are read once in a while count their days from the first pull that got as far as them.
            self.whole(0)
        self.later(SETTLED)
        self.whole(0)

    def later(self, ms: int) -> None:
        """Let time pass."""
        self.business.world.now += ms
        self.vendors.changed()

    def take(self, step: Step) -> None:
        """Do one step."""
        self._take(step)
        if step.word in (*PULLS, *DISTURBED):
            with kept_open(self.store) as store:
                for table in OWNED:
                    rows = read_table(store.db, table).items()
                    self.owned |= {(table, key, row["key_id"]) for key, row in rows if row["key_id"] is not None}

    def _take(self, step: Step) -> None:
        word, a, b = step
        if word == "wait":
            self.later(a * WAITS[b % len(WAITS)])
        elif word == "erase":
            self.erase(a)
        elif word in PULLS:
            self.whole(a, full=word == "full")
        elif word in DISTURBED:
            if self.disturbed:
                self.trouble(word, a, b)
            if self.history.neat:
                self.whole(a)
        else:
            self.later((1 + (a + b) % 50) * MINUTE + 7 * SECOND)
            if CHANGES[word][0](self.business, a, b):
                self.vendors.changed()

    # -- pulls --------------------------------------------------------------------------------------------------------

    def whole(self, order: int, *, full: bool = False) -> None:
        """Pull all connections without trouble; anything that is not well read is an error of its own."""
        names = self.order(order) if self.disturbed else self.history.connections
        self.pulled = True
        self.vendors.trouble = Trouble()
        connectors = [self.seat.connectors[name] for name in names]
        options = PullOptions(now=self.now, full=full)
        result = pull(self.store, connectors, options, client=self.seat.client, clock=lambda: self.now / 1000)
        if result.exit_code:
            told = [f"{r.stream}: {r.state}, {r.rejects} rejects, {r.reason}" for r in result.streams if r.error or r.rejects]
            raise DivergedError(f"a pull without trouble ended with {result.exit_code}: {result.errors} {told}")

    def order(self, number: int) -> tuple[str, ...]:
        orders = list(permutations(self.history.connections))
        return orders[number % len(orders)]

    def trouble(self, word: str, a: int, b: int) -> None:
        """Pull, and let something go wrong."""
        names = self.order(b // 2)
        if word == "part":
            names = names[:1]
            streams = self.streams(names[0], a)
            for _ in self.pull(names, Trouble(), streams=streams):
                pass
            return
        made = {
            "killed": Trouble(killed_at=a, keeps=bool(b % 2)),
            "stopped": Trouble(killed_at=a, keeps=bool(b % 2), interrupts=True),
            "lost": Trouble(lost_from=a),
            # Six tries a call: the calls of one or two streams fail for good.
            "failing": Trouble(failing=range(a, a + (1, 6, 13)[b % 3])),
        }[word]
        with suppress(Killed, KeyboardInterrupt):
            for result in self.pull(names, made):
                if result.interrupted or (word == "lost" and result.errors):
                    break

    def streams(self, name: str, a: int) -> tuple[str, ...]:
        """Return one to three streams of a connection; those that are read once in a while keep their time."""
        connector = self.seat.connectors[name]
        usual = [stream.name for stream in connector.streams if stream.default and not isinstance(stream.window, Every)]
        return tuple(usual[(a * 7 + 5 * i) % len(usual)] for i in range(1 + a % 3))

    def pull(self, names: Iterable[str], trouble: Trouble, *, streams: tuple[str, ...] = ()) -> Iterator[PullResult]:
        """Pull connections one by one, each with the same trouble."""
        self.vendors.trouble = trouble
        options = PullOptions(now=self.now, streams=streams)
        with dying(trouble):
            for name in names:
                trouble.calls = 0
                yield pull(
                    self.store,
                    [self.seat.connectors[name]],
                    options,
                    client=self.seat.client,
                    clock=lambda: self.now / 1000,
                )

    # -- erasure ------------------------------------------------------------------------------------------------------

    def erase(self, a: int) -> None:
        """Erase somebody, named by the address."""
        people = sorted(self.business.world.people)
        person = self.business.world.people[people[a % len(people)]]
        who = Person(("email", person.email))
        self.requests.append(who)
        self.erase_from_store(who)
        ids = {"mailchimp": person.mailchimp_id, "shopify": person.shopify_id, "hubspot": person.hubspot_id}
        self.ids |= {f"id\x1f{name}\x1f{one}" for name, one in ids.items() if one is not None}

    def erase_from_store(self, who: Person) -> None:
        """Erase a person from the store."""
        with kept_open(self.store) as store:
            subject = find(store, who)
            names = dict(store.db.execute("SELECT connection, name FROM connections"))
            self.erased |= {f"{kind}\x1f{names.get(number, '')}\x1f{stored}" for kind, number, stored in subject.keys}
            before = erasures(store)
            erase(store, [subject], now=self.now)
            self.asked += erasures(store) - before
            derive(store)

    @property
    def gone(self) -> set[str]:
        """Natural keys of those who must be gone: nobody can know them under an id that no vendor lists any more."""
        archived = self.business.archived.get("contacts", {})
        lost = {
            f"id\x1f{name}\x1f{number}"
            for name, thing, number in self.business.gone
            if thing == "contact" and not (name == "hubspot" and int(number) in archived)
        }
        return self.erased | (self.ids - lost)

    @property
    def is_late(self) -> bool:
        """Whether a pull found out later what was an erased person's."""
        with kept_open(self.store) as store:
            return erasures(store) > self.asked


def erasures(store: Store) -> int:
    """Return how many erasures the log tells of."""
    count: int = store.db.execute("SELECT count(*) FROM log WHERE event = 'person erased'").fetchone()[0]
    return count


def fresh_store(folder: Path, path: Path) -> None:
    """Make an empty store, with the key that all stores of a folder have: only then their digests compare."""
    empty = folder / "empty.db"
    if not empty.exists():
        open_store(empty, create=True).close()
    shutil.copyfile(empty, path)
    shutil.copy(empty.with_suffix(".key"), path.with_suffix(".key"))


@contextmanager
def workshop() -> Iterator[Path]:
    """Yield a folder in memory where there is one."""
    where = Path("/dev/shm")
    with TemporaryDirectory(prefix="converge-", dir=where if where.is_dir() else None) as folder:
        try:
            yield Path(folder)
        finally:
            close_all()


def lived(history: History) -> list[str]:
    """Live through a history and return what is not as it should be, a line for each; nothing when all is well."""
    with workshop() as folder:
        tale = Tale(history, folder, "disturbed", True)
        try:
            tale.run()
            mine = read_store(tale.store)
            with kept_open(tale.store) as store:
                storekey = store.key
                wrong = [f"integrity: {line}" for line in store.integrity()]
                marks = gone.may_be_gone(tale.business, storekey, tale.requests)
                dead = [str(row["hash"]) for row in mine["tombstones"].values()]
                wrong += gone.wrongly_gone(marks, dead)
                wrong += gone.half_gone(tale.business, history.connections, storekey, dead)
            once = clean(tale)
            # A clean pull knows whom the vendors have merged since: there an erasure meets all of them at once. Of others whom
            # a vendor once joined to somebody erased the tombstones tell whether a pull found it out.
            erased = tale.gone | once.erased | gone.buried(marks, dead)
            taken = {(table, key) for table, key, whose in tale.owned | tale.business.owned if whose in erased}
            past = Past.of(tale.business, storekey, erased, taken)
            wrong += check.marked(mine, tale.business, past)
            wrong += check.forgotten(mine, past)
            wrong += check.still_there(tale.known, mine, past)
            wrong += check.as_clean(mine, read_store(once.store), past)
            if history.neat:
                twin = Tale(history, folder, "undisturbed", False)
                twin.run()
                with kept_open(twin.store) as a, kept_open(tale.store) as b:
                    alike, other = table_digests(a), table_digests(b)
                if alike != other:
                    late = tale.is_late or twin.is_late
                    wrong += check.same(mine, read_store(twin.store), late=late, may=set(marks.values()))
        except DivergedError as error:
            wrong = [str(error)]
    return wrong


def clean(tale: Tale) -> Tale:
    """Pull the final state once into an empty store, and erase whom the history erased."""
    once = Tale(tale.history, tale.folder, "clean", False, tale.business)
    once.whole(0, full=True)
    for who in tale.requests:
        once.erase_from_store(who)
    return once
