"""A shop's mirror of any size, for the benchmarks of attribution: touchpoints, orders and their money, drawn from a seed."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from persync.engine import mirror
from persync.engine.batches import arrow_schema
from persync.engine.parts import PartWriter
from persync.store.schema import DDL, MIRRORED, MONTHLY, SCHEMA_VERSION

START = 1_672_531_200_000
DAY = 86_400_000
NOW = START + 800 * DAY
"""when the questions are asked"""

Ints = npt.NDArray[np.int64]


def build(folder: Path, touchpoints: int, share: float = 0.25, seed: int = 1) -> None:
    """Write the mirror of a shop whose people were sent much and left `share * touchpoints` clicks and visits in two years.

    With a quarter of clicks and visits there are 7 orders for 100 touchpoints; the rest are sends and opens, 2 % are machines'.
    """
    rng = np.random.default_rng(seed)
    touches = int(touchpoints * share)
    mails = touchpoints - touches
    orders = int(touches * 0.28)
    people = max(touchpoints // 5, 1)
    campaigns = 400
    buyer = rng.integers(1, people + 1, orders)
    ordered = START + rng.integers(30 * DAY, 730 * DAY, orders)
    chosen = rng.integers(0, orders, touches)
    key = np.where(rng.random(touches) < 0.85, buyer[chosen], rng.integers(1, people + 1, touches))
    when = ordered[chosen] - rng.exponential(8 * DAY, touches).astype(np.int64) // 1000 * 1000
    channel = rng.choice([1, 2, 3, 4], touches, p=[0.6, 0.2, 0.12, 0.08])
    is_email = channel == 1
    visit = ~is_email | (rng.random(touches) < 0.3)
    mailing = rng.integers(1, campaigns + 1, mails)
    tables: dict[str, dict[str, Any]] = {
        "connections": {"connection": [1, 2], "name": ["mailchimp", "shopify"], "connector": ["mailchimp", "shopify"]},
        "words": {"word": [1, 2, 3, 4, 5], "text": ["email", "google", "direct", "facebook", "activity"]},
        "campaign_keys": {
            "campaign_key": np.arange(1, campaigns + 1),
            "connection": np.ones(campaigns, np.int64),
            "kind": ["id"] * campaigns,
            "key": [f"{number:010x}" for number in range(campaigns)],
        },
        "campaign_links": {
            "link_id": np.arange(1, 101),
            "url": [f"https://shop.example/p/{number}" for number in range(100)],
            "is_unsubscribe": np.zeros(100, np.int64),
        },
        "person_of": {"key_id": np.arange(1, people + 1), "person": np.arange(1, people + 1), "hash": np.arange(1, people + 1)},
        "touchpoints": {
            "connection": np.concatenate([np.where(visit, 2, 1), np.ones(mails, np.int64)]),
            "campaign_key": np.concatenate([np.where(is_email, rng.integers(1, campaigns + 1, touches), 0), mailing]),
            "key_id": np.concatenate([key, rng.integers(1, people + 1, mails)]),
            "action": np.concatenate([np.where(visit, 9, 4), rng.choice([1, 3], mails, p=[0.7, 0.3])]),
            "happened_at": np.concatenate([when, START + mailing * 43 * DAY // 24]),
            "link_id": np.concatenate([np.where(visit, 0, rng.integers(1, 101, touches)), np.zeros(mails, np.int64)]),
            "ordinal": np.arange(touchpoints),
            "variant": [""] * touchpoints,
            "is_machine": np.where(rng.random(touchpoints) < 0.02, 1, 0),
            "channel": np.concatenate([channel, np.ones(mails, np.int64)]),
            "source": np.full(touchpoints, 5),
        },
        **_sales(rng, buyer, ordered),
    }
    write(folder, tables)


def _sales(rng: np.random.Generator, buyer: Ints, ordered: Ints) -> dict[str, dict[str, Any]]:
    number = np.arange(1, len(buyer) + 1)
    product = rng.integers(500, 20_000, len(buyer))
    refunded = np.flatnonzero(rng.random(len(buyer)) < 0.08)
    tax = product * 19 // 119
    sales = [(number, "s", "sale", "product", ordered, product - tax), (number, "s", "sale", "tax", ordered, tax)]
    sales.append((number, "t", "sale", "shipping", ordered, np.full(len(buyer), 490)))
    sales.append((number[refunded], "z", "refund", "product", ordered[refunded] + 9 * DAY, -(product - tax)[refunded]))
    return {
        "order_keys": {
            "order_key": number,
            "connection": np.full(len(number), 2),
            "vendor_order_id": number.astype(str),
            "shop": [""] * len(number),
            "shop_order_id": number.astype(str),
            "shop_order_name": [""] * len(number),
        },
        "order_of": {"order_key": number, "order_id": number, "is_money_source": np.ones(len(number), np.int64)},
        "orders": {
            "order_key": number,
            "connection": np.full(len(number), 2),
            "kind": ["order"] * len(number),
            "key_id": buyer,
            "ordered_at": ordered,
            "status": ["paid"] * len(number),
            "is_test": np.zeros(len(number), np.int64),
            "currency": ["EUR"] * len(number),
        },
        "order_ledger": {
            "order_key": np.concatenate([sale[0] for sale in sales]),
            "entry": [sale[1] for sale in sales for _ in sale[0]],
            "event": [sale[2] for sale in sales for _ in sale[0]],
            "part": [sale[3] for sale in sales for _ in sale[0]],
            "happened_at": np.concatenate([sale[4] for sale in sales]),
            "amount_minor": np.concatenate([sale[5] for sale in sales]),
            "currency": ["EUR"] * sum(len(sale[0]) for sale in sales),
        },
    }


def write(folder: Path, tables: dict[str, dict[str, Any]]) -> None:
    """Write the mirror of a store that holds these tables ({table: {column: values}})."""
    shape = sqlite3.connect(":memory:")
    shape.executescript(DDL)
    known: dict[str, Any] = {}
    for name in MIRRORED:
        columns = {row[1]: row[2] for row in shape.execute(f"PRAGMA table_info({name})")}
        schema = arrow_schema(columns)
        data = tables.get(name, {})
        rows = len(next(iter(data.values()))) if data else 0
        table = pa.table(
            {field.name: pa.array(data.get(field.name, [None] * rows), field.type) for field in schema}, schema=schema
        )
        writer = PartWriter(schema, lambda month, name=name: folder / f"{name}{month}-g1.parquet")  # type: ignore[misc]
        if name in MONTHLY:
            writer.whole(())
            writer.by_month(table.to_batches(65_536), None)
        else:
            writer.whole(table.to_batches())
        parts = {str(month): {"rev": 1, "file": path.name, "rows": kept} for month, (path, kept) in writer.close().items()}
        known[name] = {"columns": columns, "parts": parts}
    shape.close()
    manifest = {
        "layout": mirror.LAYOUT,
        "schema": SCHEMA_VERSION,
        "store": [],
        "generation": 1,
        "tables": known,
        "previous": [],
    }
    (folder / mirror.MANIFEST).write_text(json.dumps(manifest))
