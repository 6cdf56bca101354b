"""A real randomised test as a world: the MineThatData e-mail challenge of Kevin Hillstrom, served by the sandboxes.

Its 64,000 customers become members of a Mailchimp list, their arm a tag, the two mailings campaigns, what they spent orders of
a Shopify shop, and the visits of all arms a file of the shop's own log.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, TextIO

from persync.errors import DataError
from persync.money import to_minor
from persync.sandbox.people import DAY, HOUR
from persync.sandbox.world import LedgerEvent, Line, Message, SandboxOrder, SandboxPerson, Send, World

__all__ = ["COLUMNS", "hillstrom"]

COLUMNS = (
    "recency",
    "history_segment",
    "history",
    "mens",
    "womens",
    "zip_code",
    "newbie",
    "channel",
    "segment",
    "visit",
    "conversion",
    "spend",
)
ARMS = {"Mens E-Mail": "mens", "Womens E-Mail": "womens", "No E-Mail": "none"}
WINDOW_DAYS = 14
_CURRENCY = "USD"
_BEGINS = int(datetime(2026, 9, 1, tzinfo=UTC).timestamp()) * 1000
_NOW = int(datetime(2026, 9, 30, tzinfo=UTC).timestamp()) * 1000
_SENT_AT = _BEGINS + 13 * HOUR
_JOINED = _BEGINS - 400 * DAY
# merge tag (ten characters at most), its Mailchimp type, and the column it holds
_MERGE_FIELDS = (
    ("RECENCY", "number", "recency"),
    ("HISTSEG", "text", "history_segment"),
    ("HISTORY", "number", "history"),
    ("MENS", "number", "mens"),
    ("WOMENS", "number", "womens"),
    ("ZIPCODE", "text", "zip_code"),
    ("NEWBIE", "number", "newbie"),
    ("CHANNEL", "text", "channel"),
)


def hillstrom(path: Path, seed: int = 7) -> World:
    """Read the challenge file (CSV, plain or .gz, one row a customer) and return its world.

    What the file does not say (when in the two weeks an order was made) comes from `seed`; spend is exact to the cent, in
    products alone. Raises DataError when the file is not the challenge's.
    """
    rng = Random(f"hillstrom {seed}")
    people: dict[int, SandboxPerson] = {}
    orders: list[SandboxOrder] = []
    visits = ["person,outcome,value"]
    arms = {arm: _Arm() for arm in ARMS.values()}
    mens, womens = _message("8c11e5a0d1", "Mens E-Mail", "mens"), _message("8c11e5a0d2", "Womens E-Mail", "womens")
    sends = {"mens": mens.sends, "womens": womens.sends}
    for number, row in enumerate(_rows(path), start=1):
        arm, spend = _read(row, path, number)
        person = _person(number, row, arm)
        people[number] = person
        if arm in sends:
            sends[arm].append(Send(number, _SENT_AT))
        visits.append(f"{person.email},visit,{row['visit']}")
        if spend:
            person.shopify_id = str(7_400_000_000_000 + number * 257)
            orders.append(_order(rng, number, spend))
            person.updated_at = orders[-1].created_at
        arms[arm].add(row, spend)
    _number(orders)
    experiment = {
        "tags": {arm: f"hillstrom:{arm}" for arm in ARMS.values()},
        "control": "none",
        "from": datetime.fromtimestamp(_BEGINS / 1000, UTC).date().isoformat(),
        "days": WINDOW_DAYS,
    }
    basis = "randomised covariate of a published test without personal data"
    return World(
        name="hillstrom",
        seed=seed,
        now=_NOW,
        currency=_CURRENCY,
        timezone="America/New_York",
        shop_domain="hillstrom-replay.myshopify.com",
        shop_name="Hillstrom replay",
        list_id="9d20b7f3a4",
        list_name="Customers",
        people=people,
        messages=[mens, womens],
        orders=orders,
        secret=hashlib.sha256(f"hillstrom {seed}".encode()).hexdigest(),
        experiments={"hillstrom": experiment},
        files={"outcomes.csv": "\n".join(visits) + "\n"},
        file_kinds={"outcomes.csv": "outcomes"},
        attributes={"mailchimp": {tag.lower(): basis for tag, _type, _column in _MERGE_FIELDS}},
        merge_field_types={tag: kind for tag, kind, _column in _MERGE_FIELDS},
        platforms=("mailchimp", "shopify"),
        truth=_truth(seed, arms),
    )


class _Arm:
    """Sums of one arm."""

    def __init__(self) -> None:
        self.people = self.visits = self.buyers = self.spend_minor = 0

    def add(self, row: Mapping[str, str], spend: int) -> None:
        self.people += 1
        self.visits += row["visit"] == "1"
        self.buyers += spend > 0
        self.spend_minor += spend


def _truth(seed: int, arms: dict[str, _Arm]) -> dict[str, Any]:
    """Return what truth.json says: sums by arm, and each mailed arm's difference from the arm without mail."""

    def means(arm: _Arm) -> dict[str, float]:
        return {
            "revenue": arm.spend_minor / 100 / arm.people,
            "conversion": arm.buyers / arm.people,
            "visit": arm.visits / arm.people,
        }

    control = means(arms["none"]) if arms["none"].people else {}
    total = sum(arm.spend_minor for arm in arms.values())
    return {
        "world": "hillstrom",
        "seed": seed,
        "now": _NOW,
        "currency": _CURRENCY,
        "shop": {"orders": sum(arm.buyers for arm in arms.values()), "gross_minor": total, "net_minor": total},
        "experiments": {
            "hillstrom": {
                "arms": {name: arm.people for name, arm in arms.items()},
                "visits": {name: arm.visits for name, arm in arms.items()},
                "buyers": {name: arm.buyers for name, arm in arms.items()},
                "spend_minor": {name: arm.spend_minor for name, arm in arms.items()},
                "difference": {
                    name: {outcome: value - control[outcome] for outcome, value in means(arm).items()}
                    for name, arm in arms.items()
                    if name != "none" and arm.people and control
                },
            }
        },
    }


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _rows(path: Path) -> Iterator[dict[str, str]]:
    try:
        with _open(path) as file:
            reader = csv.reader(file)
            header = tuple(next(reader, ()))
            if header != COLUMNS:
                raise DataError(
                    "this is not the Hillstrom file.", where=str(path), hint=f"Its columns are {', '.join(COLUMNS)}."
                )
            for cells in reader:
                if len(cells) != len(COLUMNS):
                    raise DataError(f"{len(cells)} columns instead of {len(COLUMNS)}.", where=f"{path}:{reader.line_num}")
                yield dict(zip(COLUMNS, cells, strict=True))
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError("the Hillstrom file cannot be read.", where=str(path), hint=str(error)) from error


def _read(row: Mapping[str, str], path: Path, number: int) -> tuple[str, int]:
    """Return arm and spend in minor units of one row, checked against its conversion flag."""
    where = f"{path}:{number + 1}"
    if row["segment"] not in ARMS:
        raise DataError(f"unknown segment {row['segment']!r}.", where=where, hint=f"Valid: {', '.join(ARMS)}.")
    try:
        spend = to_minor(row["spend"], _CURRENCY)
    except ValueError as error:
        raise DataError(f"{error}.", where=where) from None
    if (row["conversion"] == "1") != (spend > 0):
        raise DataError("conversion and spend contradict each other.", where=where)
    return ARMS[row["segment"]], spend


def _person(number: int, row: Mapping[str, str], arm: str) -> SandboxPerson:
    return SandboxPerson(
        number=number,
        email=f"customer.{number}@example.com",
        first_name="Sam",
        last_name="Miller",
        country="US",
        language="en",
        age_band="",
        created_at=_JOINED + number * 1000,
        updated_at=_BEGINS,
        mailchimp_id=f"{0x5EED_0000_0000_0000_0000_0000_0000_0000 + number * 0x9E37_79B9:032x}",
        tags=(f"hillstrom:{arm}",),
        merge_fields={tag: row[column] for tag, _type, column in _MERGE_FIELDS},
    )


def _message(identity: str, title: str, path: str) -> Message:
    link = f"https://hillstrom.example.com/{path}"
    html = (
        f'<html><body><h1>{title}</h1><p><a href="{link}">To the shop</a></p>'
        '<p>*|LIST:COMPANY|* <a href="*|UNSUB|*">Unsubscribe</a></p></body></html>'
    )
    # the audience of each was drawn by lot: being in an arm is no personalisation, so it is not a segment
    return Message("mailchimp", identity, title, title, html, "regular", _SENT_AT - DAY, _SENT_AT, 0)


def _order(rng: Random, number: int, spend: int) -> SandboxOrder:
    at = _SENT_AT + 2 * HOUR + rng.randrange(WINDOW_DAYS) * DAY + rng.randrange(6 * HOUR)
    at -= at % 1000
    line = Line("", "Merchandise", "MERCH", 1, spend, current_quantity=1)
    event = LedgerEvent("", "", at, "ORDER", "ORDER", "PRODUCT", spend, 0, 1)
    return SandboxOrder("", "", number, at, at, at, lines=[line], ledger=[event])


def _number(orders: list[SandboxOrder]) -> None:
    orders.sort(key=lambda order: (order.created_at, order.person or 0))
    for index, order in enumerate(orders):
        order.id, order.name = str(5_710_000_000_000 + index * 32_771), f"#{1001 + index}"
        line, event = order.lines[0], order.ledger[0]
        line.id = event.line_id = str(14_120_000_000_000 + index * 97)
        event.id, event.agreement = str(41_100_000_000 + index * 13), str(9_300_000_000 + index * 7)
