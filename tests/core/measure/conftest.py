"""A shop in memory: rows put straight into the store's tables, under an engine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from core.measure.consent_cases import FILES, MAIL
from core.measure.reach_cases import BOUNCE, DAY, EMAIL, SEARCH, SEND, touch
from persync.engine.duck import DIV, statement
from persync.engine.texts import bare
from persync.store.schema import DDL


class Shop:
    """The store's tables in an in-memory DuckDB. It is an `Engine`, and `add` and `load` fill it."""

    def __init__(self) -> None:
        self.db = duckdb.connect()
        self.db.execute(DIV)
        ddl = re.sub(r"\) STRICT(, WITHOUT ROWID)?;", ");", DDL)
        ddl = re.sub(r"\bINTEGER\b", "BIGINT", ddl)
        ddl = re.sub(r"\bREAL\b", "DOUBLE", ddl)
        self.db.execute(ddl)
        self.columns: dict[str, list[str]] = {}
        self.needed: dict[str, dict[str, str]] = {}
        found = self.db.execute(
            "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns"
        ).fetchall()
        for table, column, kind, nullable in found:
            self.columns.setdefault(table, []).append(column)
            self.needed.setdefault(table, {}).update({column: kind} if nullable == "NO" else {})

    def add(self, table: str, **values: Any) -> None:
        """Insert one row; columns left out are null, or 0 and "" where the table wants something."""
        blanks = {name: "" if kind == "VARCHAR" else 0 for name, kind in self.needed[table].items()}
        row = {**blanks, **values}
        marks = ", ".join("?" * len(row))
        self.db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))

    def load(self, table: str, **columns: Sequence[Any]) -> None:
        """Insert many rows given as columns."""
        size = len(next(iter(columns.values())))
        data: dict[str, Any] = {}
        for name in self.columns[table]:
            if name in columns:
                data[name] = pa.array(columns[name])
            elif name in self.needed[table]:
                data[name] = pa.array(["" if self.needed[table][name] == "VARCHAR" else 0] * size)
            else:
                data[name] = pa.nulls(size)
        rows = pa.table(data)
        self.db.register("incoming", rows)
        self.db.execute(f"INSERT INTO {table} SELECT * FROM incoming")
        self.db.unregister("incoming")

    def order(self, key: int, person: int | None, minor: int, **more: Any) -> None:
        """Insert one order with its product money (and `tax`), paid in EUR at `ordered_at` (0)."""
        at = more.get("ordered_at", 0)
        self.add("order_of", order_key=key, order_id=more.get("order_id", key), is_money_source=more.get("is_money_source", 1))
        self.add(
            "orders",
            order_key=key,
            connection=1,
            kind=more.get("kind", "order"),
            key_id=person,
            ordered_at=at,
            status=more.get("status", "paid"),
            is_test=more.get("is_test", 0),
            cancelled_at=more.get("cancelled_at"),
            currency=more.get("currency", "EUR"),
        )
        self.post(key, minor, "product", entry="sale", at=at, currency=more.get("currency", "EUR"))
        if "tax" in more:
            self.post(key, more["tax"], "tax", entry="sale", at=at, currency=more.get("currency", "EUR"))

    def post(
        self, key: int, minor: int, part: str, *, entry: str, at: int = 0, currency: str = "EUR", event: str = "sale"
    ) -> None:
        """Insert one ledger entry."""
        self.add(
            "order_ledger",
            order_key=key,
            entry=entry,
            event=event,
            part=part,
            happened_at=at,
            amount_minor=minor,
            currency=currency,
        )

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        cursor = self.db.execute(*statement(bare(sql), params))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def frame(self, sql: str, params: Mapping[str, Any] | None = None, *, limit: int = 5_000_000) -> dict[str, np.ndarray]:
        rows = self.rows(sql, params)
        return {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else {})}

    def write(self, sql: str, params: Mapping[str, Any] | None, name: str) -> int:
        text, values = statement(bare(sql), params)
        self.db.execute(f"CREATE OR REPLACE TABLE {name} AS {text}", values)
        return int(self.db.execute(f"SELECT COUNT(*) FROM {name}").fetchall()[0][0])

    def has(self, name: str) -> bool:
        return name in self.columns

    def close(self) -> None:
        self.db.close()


@pytest.fixture(scope="session")
def empty_shop() -> Iterator[Shop]:
    made = Shop()
    yield made
    made.close()


@pytest.fixture
def shop(empty_shop: Shop) -> Iterator[Shop]:
    """A shop with nothing in it; whatever a test does to it is undone. Making its tables costs more than most tests do."""
    empty_shop.db.execute("BEGIN TRANSACTION")
    yield empty_shop
    empty_shop.db.execute("ROLLBACK")


@pytest.fixture
def platforms(shop: Shop) -> Shop:
    """Two systems: a mailer that flags machine opens and one that does not."""
    shop.load("connections", connection=[1, 2], name=["mail", "crm"], connector=["x", "y"])
    return shop


@pytest.fixture
def mailed(shop: Shop) -> Shop:
    """200 people: 1 to 100 got a personalised letter, 101 to 200 a generic one; 5 and 105 bounced."""
    shop.load("connections", connection=[1, 2], name=["mail", "shop"], connector=["x", "y"])
    shop.load("words", word=[EMAIL, SEARCH], text=["email", "paid_search"])
    everybody = list(range(1, 201))
    shop.load("person_keys", key_id=everybody, kind=["id"] * 200, key=[str(i) for i in everybody])
    shop.load("contacts", connection=[1] * 200, key_id=everybody, created_at=[10 * DAY] * 200)
    for key, level in ((1, 3), (2, 0)):
        shop.add("campaign_keys", campaign_key=key, connection=1, kind="id", key=f"c{key}")
        shop.add("campaigns", campaign_key=key, connection=1, title=f"Letter {key}", sent_at=100 * DAY)
        shop.add("campaign_levels", campaign_key=key, level=level)
        people = list(range(1 + (key - 1) * 100, 101 + (key - 1) * 100))
        touch(shop, people, SEND, 100 * DAY, campaign=key)
        touch(shop, [5 + (key - 1) * 100], BOUNCE, 100 * DAY, campaign=key)
    return shop


@pytest.fixture(scope="session")
def hillstrom() -> Path:
    """The real randomised test, where it is at hand."""
    path = Path(__file__).parents[3] / ".." / "shared" / "data" / "hillstrom.csv.gz"
    if not path.exists():
        pytest.skip("shared/ is not here")
    return path


@pytest.fixture
def mailing(shop: Any) -> Any:
    """One campaign to list L and one to nobody's list, in a connection beside the user's own files."""
    shop.add("connections", connection=MAIL, name="mc", connector="mailchimp")
    shop.add("connections", connection=FILES, name="files", connector="files")
    for key, list_, title in ((7, "L", "Spring"), (8, None, "Wide")):
        shop.add("campaign_keys", campaign_key=key, connection=MAIL, kind="id", key=f"c{key}")
        shop.add("campaigns", campaign_key=key, connection=MAIL, list=list_, title=title)
    return shop
