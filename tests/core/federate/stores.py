"""Stores made up from a seed, and what they hold counted by hand: no SQL, so that it can be held against what SQL says."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from persync.engine import open_engine
from persync.federate.document import Export
from persync.federate.export import Wish, export, store_id
from persync.measure.metric import Ask, Experiment
from persync.store.store import open_store

FROM, TO = 1_735_689_600_000, 1_738_368_000_000  # January 2025, UTC
DAY = 86_400_000
GROUPS = ("18-29", "30-44", "45-59", "60+")


@dataclass
class Made:
    """A store's file, and for each person what they are and did: {person: {measure: n}}; `groups` is who is in which."""

    path: Path
    groups: dict[int, str] = field(default_factory=dict)
    mail: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    money: dict[tuple[int, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """of (person, currency); a guest's order is a person of its own, below zero"""


def make(path: Path, seed: int, *, people: int = 80, sizes: tuple[int, ...] = (0, 30, 20, 15)) -> Made:
    """Write a store whose people are spread over the groups as `sizes` says, the rest `unknown`."""
    draw = random.Random(seed)
    made = Made(path)
    named = [group for group, size in zip(GROUPS, sizes, strict=True) for _ in range(size)]
    with open_store(path, create=True) as store, store.transaction() as db:
        db.execute(
            "INSERT INTO connections (connection, name, connector) VALUES (1, 'mail', 'mailchimp'), (2, 'shop', 'shopify')"
        )
        db.execute("INSERT INTO words VALUES (1, 'email'), (2, 'test')")
        for number in range(1, 4):
            db.execute("INSERT INTO campaign_keys VALUES (?, 1, 'id', ?)", (number, f"letter{number}"))
            db.execute("INSERT INTO campaign_of VALUES (?, ?)", (number, number))
            db.execute(
                "INSERT INTO campaigns (campaign_key, connection, kind, title, sent_at) VALUES (?, 1, 'regular', 'Letter', ?)",
                (number, FROM + number * DAY),
            )
            db.execute("INSERT INTO campaign_levels VALUES (?, ?, '')", (number, (0, 2, None)[number - 1]))
            sent = draw.randrange(500, 900)
            db.execute(
                "INSERT INTO campaign_counters (campaign_key, variant, number, sent, delivered, unique_clicks, unsubscribes,"
                " complaints, observed_at) VALUES (?, '', 1, ?, ?, ?, ?, ?, 0)",
                (number, sent, sent - draw.randrange(20), draw.randrange(90), draw.randrange(9), draw.randrange(3)),
            )
        for person in range(1, people + 1):
            key = f"{seed:04d}{person:06d}".ljust(32, "a")
            db.execute("INSERT INTO person_keys VALUES (?, 0, 'email', ?)", (person, key))
            db.execute("INSERT INTO person_of VALUES (?, ?, ?)", (person, person, draw.getrandbits(60)))
            db.execute("INSERT INTO contacts (connection, key_id) VALUES (1, ?)", (person,))
            made.groups[person] = named[person - 1] if person <= len(named) else "unknown"
            if made.groups[person] != "unknown":
                db.execute("INSERT INTO attributes VALUES (1, ?, 'age', ?, 'survey')", (person, made.groups[person]))
            arm = draw.choice(("treated", "control"))
            db.execute("INSERT INTO assignments VALUES (1, 'wool', ?, ?, ?, 0.5)", (person, arm, FROM))
            db.execute("INSERT INTO outcomes VALUES (1, ?, 'visited', 0, ?)", (person, float(draw.random() < 0.3)))
            db.execute("INSERT INTO outcomes VALUES (1, ?, 'minutes', 0, ?)", (person, draw.randrange(80) / 8))
            _mail(db, draw, made, person)
            _orders(db, draw, made, person)
        for guest in range(6):
            _order(db, draw, made, None, 10_000 + guest, "EUR")
        db.execute("DELETE FROM dirty")
        tables = (
            "attributes",
            "assignments",
            "campaign_counters",
            "campaign_keys",
            "campaign_levels",
            "campaign_of",
            "campaigns",
        )
        tables += ("connections", "contacts", "order_keys", "order_of", "orders", "outcomes", "person_of", "words")
        db.executemany("INSERT INTO dirty VALUES (?, -1, 1)", [(name,) for name in tables])
        for month in (2024 * 12 + 11, 2025 * 12, 2025 * 12 + 1):
            db.executemany("INSERT INTO dirty VALUES (?, ?, 1)", [("touchpoints", month), ("order_ledger", month)])
    return made


def _mail(db: object, draw: random.Random, made: Made, person: int) -> None:
    done = made.mail[person]
    done["people"] = 1

    def touch(campaign: int, action: int, at: int) -> None:
        db.execute(  # type: ignore[attr-defined]
            "INSERT INTO touchpoints (connection, campaign_key, key_id, action, happened_at, link_id, ordinal, variant,"
            " channel, source) VALUES (1, ?, ?, ?, ?, 0, 0, '', 1, 2)",
            (campaign, person, action, at),
        )

    highest = -1
    unclear = False
    for campaign in range(1, 4):
        if draw.random() < 0.6:
            at = FROM + campaign * DAY
            touch(campaign, 1, at)
            done["sends"] += 1
            level = (0, 2, None)[campaign - 1]
            highest = max(highest, -1 if level is None else level)
            unclear |= level is None
            is_bounced = draw.random() < 0.1
            if is_bounced:
                touch(campaign, 5, at + 1)
            else:
                done["delivered"] += 1
            for action, name, chance in ((4, "clicks", 0.4), (6, "unsubscribes", 0.1), (7, "complaints", 0.05)):
                if not is_bounced and draw.random() < chance:
                    touch(campaign, action, at + 3_600_000 * action)
                    done[name] += 1
    touch(1, 1, FROM - 20 * DAY - person)  # an earlier message of the same letter is of another period
    done["mailed"] = int(done["sends"] > 0)
    done["clickers"] = int(done["clicks"] > 0)
    done["personalised"] = int(highest >= 2)
    done["unclear"] = int(highest < 2 and unclear)


def _orders(db: object, draw: random.Random, made: Made, person: int) -> None:
    for number in range(draw.choice((0, 0, 1, 1, 2))):
        _order(db, draw, made, person, person * 10 + number, "USD" if draw.random() < 0.2 else "EUR")


def _order(db: object, draw: random.Random, made: Made, person: int | None, order: int, currency: str) -> None:
    at = FROM + draw.randrange(-5, 29) * DAY + order
    key = made.money[-order if person is None else person, currency]
    execute = db.execute  # type: ignore[attr-defined]
    execute("INSERT INTO order_keys VALUES (?, 2, ?, 's', ?, '')", (order, f"o{order}", f"o{order}"))
    execute("INSERT INTO order_of VALUES (?, ?, 1)", (order, order))
    execute(
        "INSERT INTO orders (order_key, connection, kind, key_id, ordered_at, status, is_test, currency)"
        " VALUES (?, 2, 'order', ?, ?, 'paid', 0, ?)",
        (order, person, at, currency),
    )
    size = draw.randrange(900, 20_000)
    posts = [("sale", "product", at, size), ("sale", "tax", at, size // 5)]
    if draw.random() < 0.25:
        posts.append(("refund", "product", at + 3 * DAY, -draw.randrange(100, size)))
    if draw.random() < 0.1:
        posts.append(("edit", "product", at + DAY, -50))
    for number, (event, part, moment, minor) in enumerate(posts):
        execute(
            "INSERT INTO order_ledger VALUES (?, ?, ?, ?, ?, ?, ?)", (order, f"e{number}", event, part, moment, minor, currency)
        )
        if part == "product" and FROM <= moment < TO:
            key["sales"] += max(minor, 0)
            key["reversals"] += max(-minor, 0)
            key["refunds"] += max(-minor, 0) if event == "refund" else 0
            key["payers"] = 1
    if FROM <= at < TO:
        key["orders"] += 1
        key["payers"] = 1


def counted(stores: list[Made]) -> dict[tuple[str, str, str], int]:
    """Return {(measure, currency, group): n} over all people of all stores; group "" is everybody."""
    out: Counter[tuple[str, str, str]] = Counter()
    for made in stores:
        for person, done in made.mail.items():
            for name, n in done.items():
                for group in ("", made.groups[person]):
                    out[name, "", group] += n
        for (person, currency), done in made.money.items():
            more = dict(done)
            if not done["payers"]:
                continue
            more["buyers"] = int(person > 0 and done["orders"] > 0)
            more["squares"] = (done["sales"] - done["reversals"]) ** 2
            more["revenue"] = done["sales"] - done["reversals"]
            for name, n in more.items():
                for group in ("", made.groups.get(person, "unknown")):
                    out[name, currency, group] += n
    return dict(out)


MOVED = ("key_id", "person", "campaign_key", "campaign_id", "order_key", "order_id")
TOLD = ("vendor_order_id", "key")
TABLES = [
    "person_keys",
    "person_of",
    "contacts",
    "attributes",
    "assignments",
    "outcomes",
    "campaign_keys",
    "campaign_of",
    "campaigns",
    "campaign_levels",
    "campaign_counters",
    "touchpoints",
    "order_keys",
    "order_of",
    "orders",
    "order_ledger",
]


def pool(stores: list[Made], path: Path) -> Path:
    """Put the rows of all stores into one, each store's numbers in a span of their own."""
    path.write_bytes(b"")
    path.unlink()
    with open_store(path, create=True) as one, one.transaction() as db:
        for number, made in enumerate(stores):
            with open_store(made.path) as store:
                for table in ("connections", "words", "dirty") if number == 0 else ():
                    rows = store.db.execute(f"SELECT * FROM {table}").fetchall()
                    db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
                for table in TABLES:
                    cursor = store.db.execute(f"SELECT * FROM {table}")
                    names = [column[0] for column in cursor.description]
                    values = [
                        [
                            value if value is None else value + number * 1_000_000 if name in MOVED
                            else f"{value}/{number}" if name in TOLD else value
                            for name, value in zip(names, row, strict=True)
                        ]
                        for row in cursor
                    ]  # fmt: skip
                    db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(names))})", values)
    return path


WOOL = Experiment("wool", control="control", since=FROM, days=31)
ASK = Ask(now=TO + 1, period=(FROM, TO), experiments={"wool": WOOL})


def given(made: Made, ask: Ask = ASK, wish: Wish | None = None) -> Export:
    """Export a store."""
    with open_store(made.path) as store:
        name = store_id(store)
    with closing(open_engine(made.path)) as engine:
        return export(engine, name, ask, wish or Wish())
