"""A shop written by hand into a store's SQLite tables, read through the real mirror and engine."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from persync.attribution.models import MODELS, AttributionModel
from persync.engine import Engine, open_engine
from persync.rows import Action
from persync.store.schema import DDL

DAY = 86_400_000
NOON = 1_700_049_600_000
"""when orders are placed unless a test says otherwise"""


class Shop:
    """Facts by name; `store()` writes them with surrogate numbers and in an order of arrival that `seed` shuffles."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.facts: list[tuple[str, dict[str, Any]]] = []
        self.names: dict[tuple[str, Any], int] = {}
        self.engines: list[Engine] = []

    def _add(self, table: str, **values: Any) -> None:
        self.facts.append((table, values))

    def touch(self, person: str, at: int, *, action: Action = Action.CLICK, channel: str = "email", **more: Any) -> None:
        """Note an event; `campaign`, `link`, `connection`, `is_machine`, `ordinal`, `variant` may be given."""
        self._add("touchpoints", person=person, at=at, action=action, channel=channel, **more)

    def days_before(self, person: str, *days: float, **more: Any) -> None:
        """Note one click for each of the days before NOON, each in a campaign of its own."""
        for number, day in enumerate(days):
            self.touch(person, NOON - round(day * DAY), **{"campaign": f"c{number}", **more})

    def order(self, name: str, person: str | None, minor: int | None = 10_000, at: int = NOON, **more: Any) -> None:
        """Note an order with one sale of products; `minor` None leaves the ledger empty."""
        self._add("orders", name=name, person=person, at=at, **more)
        if minor is not None:
            self.money(name, "1", minor, at)

    def money(
        self, order: str, entry: str, minor: int, at: int, event: str = "sale", part: str = "product", **more: Any
    ) -> None:
        """Note a movement of an order's money."""
        self._add("order_ledger", order=order, entry=entry, minor=minor, at=at, event=event, part=part, **more)

    def fact(self, table: str, **values: Any) -> None:
        """Note a row of another table: same_person, same_campaign, on_order, claim, contact, stage, cart, reach."""
        self._add(table, **values)

    def line(self, order: str, product: str | None, price: int | None, *, cost: int | None = None, **more: Any) -> None:
        """Note a line of an order; `quantity`, `current_quantity`, `sku`, `is_gift_card` may be given."""
        self._add("order_lines", order=order, product=product, price=price, cost=cost, **more)

    def store(self, seed: int | None = None) -> Path:
        """Write the SQLite file."""
        self.path.unlink(missing_ok=True)
        chance = random.Random(seed)
        facts = list(self.facts)
        if seed is not None:
            chance.shuffle(facts)
        self.names = {}
        free = list(range(1, 5_000))
        if seed is not None:
            chance.shuffle(free)
        numbers = iter(free)
        db = sqlite3.connect(self.path)
        db.executescript(DDL)
        db.execute("INSERT INTO meta VALUES ('id', ?)", (str(len(self.engines)),))
        for table, values in facts:
            getattr(self, f"_write_{table}")(db, numbers, **values)
        db.commit()
        db.close()
        return self.path

    def engine(self, seed: int | None = None) -> Engine:
        """Write the store and open the engine over it."""
        self.engines.append(open_engine(self.store(seed)))
        return self.engines[-1]

    def _number(self, db: sqlite3.Connection, numbers: Iterator[int], kind: str, name: Any, insert: str, *values: Any) -> int:
        if (kind, name) not in self.names:
            self.names[kind, name] = number = next(numbers)
            db.execute(insert, (number, *values))
        return self.names[kind, name]

    def _connection(self, db: sqlite3.Connection, numbers: Iterator[int], name: str) -> int:
        insert = "INSERT INTO connections (connection, name, connector) VALUES (?, ?, ?)"
        return self._number(db, numbers, "connection", name, insert, name, name)

    def _key(self, db: sqlite3.Connection, numbers: Iterator[int], person: str) -> int:
        return self._number(db, numbers, "person", person, "INSERT INTO person_keys VALUES (?, 1, 'id', ?)", person)

    def _campaign(self, db: sqlite3.Connection, numbers: Iterator[int], name: str | None) -> int:
        if name is None:
            return 0
        owner = self._connection(db, numbers, "mailchimp")
        return self._number(db, numbers, "campaign", name, "INSERT INTO campaign_keys VALUES (?, ?, 'id', ?)", owner, name)

    def _order(self, db: sqlite3.Connection, numbers: Iterator[int], name: str, connection: str) -> int:
        owner = self._connection(db, numbers, connection)
        insert = "INSERT INTO order_keys VALUES (?, ?, ?, '', '', '')"
        return self._number(db, numbers, "order", name, insert, owner, name)

    def _write_touchpoints(
        self,
        db: sqlite3.Connection,
        numbers: Iterator[int],
        *,
        person: str,
        at: int,
        action: Action,
        channel: str,
        campaign: str | None = None,
        link: str | None = None,
        connection: str = "mailchimp",
        is_machine: int | None = None,
        ordinal: int = 0,
        variant: str = "",
    ) -> None:
        word = self._number(db, numbers, "word", channel, "INSERT INTO words VALUES (?, ?)", channel)
        link_id = 0
        if link is not None:
            insert = "INSERT INTO campaign_links VALUES (?, ?, ?)"
            link_id = self._number(db, numbers, "link", link, insert, link, int("unsubscribe" in link))
        row = (
            self._connection(db, numbers, connection),
            self._campaign(db, numbers, campaign),
            self._key(db, numbers, person),
            int(action),
            at,
            link_id,
            ordinal,
            variant,
            None,
            is_machine,
            word,
            word,
        )
        db.execute("INSERT INTO touchpoints VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def _write_orders(
        self,
        db: sqlite3.Connection,
        numbers: Iterator[int],
        *,
        name: str,
        person: str | None,
        at: int | None,
        connection: str = "shopify",
        copy_of: str | None = None,
        **more: Any,
    ) -> None:
        key = self._order(db, numbers, name, connection)
        order_id = key if copy_of is None else self._order(db, numbers, copy_of, "shopify")
        db.execute("INSERT INTO order_of VALUES (?, ?, ?)", (key, order_id, int(copy_of is None)))
        columns = {
            "order_key": key,
            "connection": self._connection(db, numbers, connection),
            "key_id": None if person is None else self._key(db, numbers, person),
            "ordered_at": at,
            "currency": "EUR",
            "kind": "order",
            "status": "paid",
            "is_test": 0,
            **more,
        }
        marks = ", ".join("?" * len(columns))
        db.execute(f"INSERT INTO orders ({', '.join(columns)}) VALUES ({marks})", list(columns.values()))

    def _write_order_ledger(
        self,
        db: sqlite3.Connection,
        numbers: Iterator[int],
        *,
        order: str,
        entry: str,
        minor: int,
        at: int,
        event: str,
        part: str,
        currency: str = "EUR",
        connection: str = "shopify",
    ) -> None:
        key = self._order(db, numbers, order, connection)
        db.execute("INSERT INTO order_ledger VALUES (?, ?, ?, ?, ?, ?, ?)", (key, entry, event, part, at, minor, currency))

    def _write_same_person(
        self, db: sqlite3.Connection, numbers: Iterator[int], *, keys: tuple[str, ...], hash: int = 7
    ) -> None:
        found = [self._key(db, numbers, key) for key in keys]
        db.executemany("INSERT INTO person_of VALUES (?, ?, ?)", [(key, found[0], hash) for key in found])

    def _write_reach(self, db: sqlite3.Connection, numbers: Iterator[int], *, connection: str, stream: str, to_at: int) -> None:
        row = (self._connection(db, numbers, connection), stream, to_at)
        db.execute("INSERT INTO coverage VALUES (?, ?, '', 0, ?, 'complete', '', 1)", row)

    def _write_contact(self, db: sqlite3.Connection, numbers: Iterator[int], *, person: str, created_at: int) -> None:
        row = (self._connection(db, numbers, "hubspot"), self._key(db, numbers, person), created_at)
        db.execute("INSERT INTO contacts (connection, key_id, created_at) VALUES (?, ?, ?)", row)

    def _write_stage(self, db: sqlite3.Connection, numbers: Iterator[int], *, person: str, stage: str, entered_at: int) -> None:
        row = (self._connection(db, numbers, "hubspot"), self._key(db, numbers, person), stage, entered_at)
        db.execute("INSERT INTO stages VALUES (?, ?, ?, ?)", row)

    def _write_cart(
        self, db: sqlite3.Connection, numbers: Iterator[int], *, person: str, created_at: int, completed_at: int | None = None
    ) -> None:
        row = (self._connection(db, numbers, "shopify"), str(next(numbers)), self._key(db, numbers, person), created_at)
        columns = "connection, cart, key_id, created_at, completed_at"
        db.execute(f"INSERT INTO carts ({columns}) VALUES (?, ?, ?, ?, ?)", (*row, completed_at))

    def _write_same_campaign(self, db: sqlite3.Connection, numbers: Iterator[int], *, keys: tuple[str, ...]) -> None:
        found = [self._campaign(db, numbers, key) for key in keys]
        db.executemany("INSERT INTO campaign_of VALUES (?, ?)", [(key, found[0]) for key in found])

    def _write_on_order(
        self, db: sqlite3.Connection, numbers: Iterator[int], *, order: str, person: str, connection: str = "shopify"
    ) -> None:
        row = (self._order(db, numbers, order, connection), self._key(db, numbers, person))
        db.execute("INSERT INTO order_people VALUES (?, ?)", row)

    def _write_order_lines(
        self,
        db: sqlite3.Connection,
        numbers: Iterator[int],
        *,
        order: str,
        product: str | None,
        price: int | None,
        cost: int | None,
        quantity: int = 1,
        current_quantity: int | None = None,
        sku: str | None = None,
        is_gift_card: int = 0,
    ) -> None:
        key = self._order(db, numbers, order, "shopify")
        kept = quantity if current_quantity is None else current_quantity
        number = next(numbers)
        row = (key, f"line {number}", product, sku, quantity, kept, is_gift_card, price, cost)
        db.execute("INSERT INTO order_lines VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def _write_unit_cost(
        self,
        db: sqlite3.Connection,
        numbers: Iterator[int],
        *,
        item: str,
        cost: int | None,
        number: int = 1,
        product: str | None = None,
        sku: str | None = None,
        observed_at: int = 0,
        currency: str = "EUR",
    ) -> None:
        owner = self._connection(db, numbers, "shopify")
        row = (owner, item, number, product, sku, cost, currency, observed_at)
        db.execute("INSERT INTO unit_costs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def _write_member(
        self,
        db: sqlite3.Connection,
        numbers: Iterator[int],
        *,
        person: str,
        segment: str,
        joined_at: int | None = None,
        left_at: int | None = None,
        kind: str = "tag",
    ) -> None:
        owner = self._connection(db, numbers, "mailchimp")
        insert = "INSERT INTO segments VALUES (?, ?, ?, '', ?, ?, NULL)"
        number = self._number(db, numbers, "segment", segment, insert, owner, kind, segment, segment)
        row = (self._key(db, numbers, person), number, joined_at, left_at)
        db.execute("INSERT INTO memberships VALUES (?, ?, ?, ?)", row)

    def _write_campaign(
        self,
        db: sqlite3.Connection,
        numbers: Iterator[int],
        *,
        campaign: str,
        parent: str | None = None,
        kind: str = "regular",
        workflow: str | None = None,
        level: int | None = None,
        title: str | None = None,
    ) -> None:
        key = self._campaign(db, numbers, campaign)
        columns = "campaign_key, connection, kind, title, parent"
        row = (key, self._connection(db, numbers, "mailchimp"), kind, title, parent)
        db.execute(f"INSERT INTO campaigns ({columns}) VALUES (?, ?, ?, ?, ?)", row)
        if parent is not None:
            self._campaign(db, numbers, parent)
        if workflow is not None:
            db.execute("INSERT INTO campaign_evidence VALUES (?, 'automation', 'workflow', ?)", (key, workflow))
        if level is not None:
            db.execute("INSERT INTO campaign_levels VALUES (?, ?, '')", (key, level))

    def _write_cost(
        self,
        db: sqlite3.Connection,
        numbers: Iterator[int],
        *,
        minor: int,
        at: int = NOON,
        category: str = "tool",
        scope: str = "",
        currency: str = "EUR",
    ) -> None:
        owner = self._connection(db, numbers, "files")
        row = (owner, f"cost {next(numbers)}", at, category, minor, currency, scope, 0)
        db.execute("INSERT INTO costs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def _write_claim(
        self,
        db: sqlite3.Connection,
        numbers: Iterator[int],
        *,
        connection: str,
        model: str,
        minor: int,
        campaign: str = "c0",
        number: int = 1,
        currency: str = "EUR",
        from_at: int | None = None,
        order: str | None = None,
    ) -> None:
        row = (
            self._connection(db, numbers, connection),
            self._campaign(db, numbers, campaign),
            0 if order is None else self._order(db, numbers, order, "shopify"),
            model,
            number,
            from_at,
            None,
            1,
            minor,
            currency,
            0,
        )
        db.execute("INSERT INTO claims VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """An empty shop."""
    shop = Shop(tmp_path / "store.sqlite")
    yield shop
    for engine in shop.engines:
        engine.close()


@pytest.fixture(scope="session")
def new_shop(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Shop]:
    """Makes as many empty shops as a property test wants."""
    return lambda: Shop(tmp_path_factory.mktemp("shop") / "store.sqlite")


@pytest.fixture(scope="session")
def noon() -> int:
    """When orders are placed."""
    return NOON


@pytest.fixture
def model() -> Callable[[str], AttributionModel]:
    """A model that comes with persync, by name."""
    return lambda name: next(each for each in MODELS if each.name == name)


@pytest.fixture
def credits() -> Callable[..., list[int]]:
    """Return one model's credits to an order's touches in their order, all events together, in cents."""

    def read(engine: Engine, name: str) -> list[int]:
        rows = engine.rows(
            f"SELECT c.position, SUM(c.{name}) AS minor FROM credit_ledger AS c"
            " WHERE c.position > 0 GROUP BY c.position ORDER BY c.position"
        )
        return [int(row["minor"]) for row in rows]

    return read
