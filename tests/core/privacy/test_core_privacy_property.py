"""Erasing somebody from any store leaves exactly what would be there had only their orders ever come."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from persync import rows
from persync.rows import Action, CampaignRef, OrderRef, Person
from persync.store.derive import derive
from persync.store.digest import table_digests
from persync.store.privacy import erase, find
from persync.store.store import open_store
from persync.store.write import Writer

LETTER = CampaignRef(("id", "c"))
OWN = {"tombstones", "erased_counts", "erased_outcomes"}
Key = tuple[str, str, str]
"""(connection, kind, value); an address is the same in every connection"""


def key(connection: str, kind: str, value: str) -> Key:
    return ("", kind, value) if kind == "email" else (connection, kind, value)


PAIRS = st.one_of(
    st.tuples(st.just("id"), st.sampled_from("12345")),
    st.tuples(st.just("email"), st.sampled_from(["a@example.com", "b@example.com", "c@example.com", "d@example.com"])),
    st.tuples(st.just("member"), st.sampled_from("mn")),
)
PEOPLE = st.lists(PAIRS, min_size=1, max_size=2, unique_by=lambda pair: pair[0])
KINDS = st.sampled_from(["contact", "touch", "order", "on_order", "consent", "assignment", "outcome", "cart", "ticket", "tag"])
FACTS = st.lists(st.tuples(st.sampled_from(["shop", "mail"]), KINDS, PEOPLE), min_size=1, max_size=12)
Fact = tuple[str, str, list[tuple[str, str]]]


def row(number: int, kind: str, person: Person | None) -> rows.Row | None:
    """Return one fact, numbered so that no two are the same thing; without a person only an order is left of it."""
    if kind == "order":
        return rows.Order(OrderRef(f"o{number}"), kind="order", person=person, ordered_at=number, currency="EUR", total_minor=5)
    if person is None:
        return None
    return {
        "contact": rows.Contact(person, created_at=7),
        "touch": rows.Touchpoint(LETTER, person, Action.CLICK, number, ordinal=number),
        "on_order": rows.OrderPerson(OrderRef("base"), person),
        "consent": rows.Consent(person, f"channel{number}", "subscribed"),
        "assignment": rows.Assignment(f"e{number}", person, "a"),
        "outcome": rows.Outcome(person, f"x{number}", 2.0),
        "cart": rows.Cart(f"k{number}", person=person, created_at=1),
        "ticket": rows.Ticket(f"t{number}", person=person),
        "tag": rows.MemberOf(person, "tag", "L", ("t",)),
    }[kind]


def ledger(number: int) -> rows.Row:
    return rows.LedgerEntry(OrderRef(f"o{number}"), "s", "sale", "product", number, 5, "EUR")


BASE: list[rows.Row] = [
    rows.Campaign(LETTER, kind="x"),
    rows.Segment("tag", "t", "L", name="T"),
    rows.Order(OrderRef("base"), kind="order", person=None, ordered_at=1, currency="EUR"),
    rows.Touchpoint(LETTER, Person(("id", "nobody")), Action.SEND, 1),
]


def component(facts: list[Fact], start: Key) -> set[Key]:
    """Return every key that hangs together with one, by looking at all facts again and again."""
    found = {start}
    while True:
        grown = set(found)
        for connection, _, pairs in facts:
            keys = {key(connection, *pair) for pair in pairs}
            if keys & grown:
                grown |= keys
        if grown == found:
            return found
        found = grown


def build(path: Path, facts: list[Fact], without: set[Key]) -> None:
    with open_store(path, create=True) as store:
        writers = {name: Writer(store, name, name, now=1) for name in ("shop", "mail")}
        for writer in writers.values():
            with store.transaction():
                writer.write(BASE)
        for number, (connection, kind, pairs) in enumerate(facts, 1):
            gone = bool({key(connection, *pair) for pair in pairs} & without)
            made = row(number, kind, None if gone else Person(*pairs))
            given = [one for one in (made, ledger(number) if kind == "order" else None) if one is not None]
            with store.transaction():
                writers[connection].write(given)
        derive(store)


@settings(max_examples=40, deadline=None)
@given(FACTS, st.data())
def test_what_is_left_is_as_if_they_had_never_come(facts: list[Fact], data: st.DataObject) -> None:
    connection, _, pairs = data.draw(st.sampled_from(facts))
    kind, value = data.draw(st.sampled_from(pairs))
    gone = component(facts, key(connection, kind, value))
    asked = Person((f"id@{connection}" if kind == "id" else kind, value))
    if kind == "member":
        # Member ids cannot be asked for across connections without naming somebody else's.
        gone |= {other for start in ("shop", "mail") for other in component(facts, key(start, kind, value))}

    with TemporaryDirectory() as folder:
        path, expected = Path(folder) / "a.db", Path(folder) / "b.db"
        build(path, facts, set())
        (Path(folder) / "b.key").write_bytes((Path(folder) / "a.key").read_bytes())
        build(expected, facts, gone)
        with open_store(path) as store, open_store(expected) as wanted:
            before = {table: n for table, n in table_digests(wanted).items() if table not in OWN}

            erase(store, [find(store, asked)], now=2)
            derive(store)

            assert {table: n for table, n in table_digests(store).items() if table not in OWN} == before
            assert store.integrity() == []
            people = "SELECT count(*), count(DISTINCT person) FROM person_of"
            assert store.db.execute(people).fetchall() == wanted.db.execute(people).fetchall()
