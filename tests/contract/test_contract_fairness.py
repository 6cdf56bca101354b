"""The contract of engines where groups of people are compared: the texts of fairness that no report of the demonstration's shop
asks give the same answers on both. `long_report.py` holds the others."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from contract import business
from contract.compare import Both
from persync.engine import mirror
from persync.measure.fairness import benefit, cells, groups, offer, own
from persync.measure.fairness.mitigation import people as mitigated
from persync.measure.metric import Ask, Experiment
from persync.measure.segment_settings import SegmentRule, SegmentSettings
from persync.measure.texts import bounds, join, piece, run

PEOPLE = 240
ASK = Ask(now=business.NOW)
SEGMENTED = replace(ASK, segments=SegmentSettings(rules={"buyers": SegmentRule(min_orders=1)}))
OWN = (own.Own("buyers"), own.Own("engagement", 5.0))


@pytest.fixture(scope="module")
def divided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mirror of a small business whose people have an age and a place, two systems not always the same one; with orders in
    one currency, their lines and discounts; and about whom was decided on many days, with scores."""
    path = business.store(tmp_path_factory.mktemp("divided") / "persync.db", orders=PEOPLE)
    chance = random.Random(11)
    db = sqlite3.connect(path)
    for table in ("orders", "order_ledger"):
        db.execute(f"UPDATE {table} SET currency = 'EUR'")
    db.execute("DELETE FROM order_ledger WHERE ABS(amount_minor) > 1000000000")
    held = [
        (1, key, name, chance.choice(values), "asked for") for key in range(1, PEOPLE) for name, values in _VALUES if key % 9
    ]
    business.insert(db, "attributes (connection, key_id, name, value, basis)", held)
    keys = [key for (key,) in db.execute("SELECT order_key FROM orders ORDER BY order_key")]
    lines = [(key, "1", None if key % 5 == 0 else chance.randrange(1, 4)) for key in keys if key % 7]
    business.insert(db, "order_lines (order_key, line, quantity)", lines)
    spared = [(key, "SAVE", "code", chance.randrange(100, 900), "EUR") for key in keys if key % 2]
    business.insert(db, "order_discounts (order_key, discount, kind, amount_minor, currency)", spared)
    made = [
        (1, "offer", key, day, chance.randrange(2), chance.random(), chance.choice((0, 1, 1, None)))
        for key in range(1, PEOPLE)
        for day in sorted(chance.sample(range(1, 9), chance.randrange(3)))
    ]
    business.insert(db, "decisions (connection, decision, key_id, decided_at, selected, score, qualified)", made)
    drawn = [(3, "spring", key, ("on", "off")[key % 2]) for key in range(1, PEOPLE)]
    business.insert(db, "assignments (connection, experiment, key_id, arm)", drawn)
    db.commit()
    db.close()
    return mirror.refresh(path)


_VALUES = (("age", ("young", "old")), ("place", ("AT", "DE", "FR")))


@pytest.fixture(scope="module")
def two(cluster: str, divided: Path) -> Iterator[Both]:
    from persync.engine import duck, spark

    engines = duck.open_engine(divided), spark.open_engine(divided, master=cluster)
    yield engines
    for engine in engines:
        engine.close()


def test_contract_of_offers_to_crossed_groups_are_the_same_on_both_engines(two: Both) -> None:
    """What people of an age and a place paid and were spared; doubles added up in another order agree to nine digits."""
    found = [
        [
            (e.id, e.by, e.n, e.reason, *(None if x is None else float(f"{x:.9g}") for x in (e.value, e.low, e.high)))
            for e in offer.offers(engine, groups.Groups(("age", "place")), ASK)
        ]
        for engine in two
    ]

    assert found[0] == found[1]
    assert {id for id, _, _, reason, *_ in found[0] if reason is None} >= {"discount_share", "price_paid"}


def test_contract_of_decisions_counts_and_tenths_are_the_same_on_both_engines(two: Both) -> None:
    """People decided about on many days, under either of their keys, counted by two attributes; and how their scores fit."""
    made = groups.Groups(("place",))
    text = join(piece("decided"), made.text, piece("calibration_by_group"))
    params = {**made.params, **bounds(ASK.period), "decision": "offer"}
    counted, tenths = [], []
    for engine in two:
        counted.append(cells.decided(engine, ["age", "place"], ASK, "offer"))
        rows = run(engine, text, params)
        tenths.append([{key: x if isinstance(x, str) else float(f"{x:.9g}") for key, x in row.items()} for row in rows])

    assert counted[0] == counted[1]
    assert counted[0].people > 100
    assert len(counted[0].counts) == 12
    assert tenths[0] == tenths[1]
    assert len(tenths[0]) > 30


def test_contract_of_a_segment_is_decided_alike_on_both_engines(two: Both) -> None:
    """Who was in a segment and who had a score, what came of it, and the people that a mitigation of either is learnt from."""
    made = groups.Groups(("place",))
    told, people = [], []
    for engine in two:
        for one in OWN:
            seen = own.decide(engine, SEGMENTED, one)
            assert seen.reason is None
            told.append(cells.decided(engine, ["place"], seen.then, one.title, own.TABLE))
            read = mitigated.read(engine, made, one.title, seen.then, table=own.TABLE)
            people.append([column.tolist() for column in (read.group, read.selected, read.qualified, read.part)])

    assert told[: len(OWN)] == told[len(OWN) :]
    assert people[: len(OWN)] == people[len(OWN) :]
    assert all(one.people > 100 for one in told)


def test_contract_of_what_the_arms_spent_and_were_spared_is_the_same_on_both_engines(two: Both) -> None:
    ask = replace(ASK, experiments={"spring": Experiment("spring", control="off")})
    found = [
        [
            (e.id, e.by, e.n, e.reason, *(None if x is None else float(f"{x:.9g}") for x in (e.value, e.low, e.high)))
            for e in benefit.assess(engine, "place", ask)
        ]
        for engine in two
    ]

    assert found[0] == found[1]
    assert {id for id, _, _, reason, *_ in found[0] if reason is None} == {"benefit_difference"}
