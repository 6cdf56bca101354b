"""People without addresses: keys, links, merges, tombstones."""

from __future__ import annotations

from operator import itemgetter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from persync.rows import KEEP, Action, Contact, LedgerEntry, Merged, Order, OrderRef, Person, Touchpoint
from persync.store.derive import derive
from persync.store.gone import tombstone
from persync.store.identity import people
from persync.store.store import Store, open_store
from persync.store.urls import is_unsubscribe, without_query
from persync.store.write import Writer


def fresh(folder: Path) -> Store:
    return open_store(folder / "p.db", create=True)


def write(store: Store, connection: str, *rows: object) -> None:
    writer = Writer(store, connection, connection, now=1)
    with store.transaction():
        writer.write(rows)  # type: ignore[arg-type]
    derive(store)


def people_of(store: Store) -> int:
    return int(store.db.execute("SELECT count(DISTINCT person) FROM person_of").fetchone()[0])


def test_one_address_is_one_person_in_every_connection_however_it_is_written(tmp_path: Path) -> None:
    with fresh(tmp_path) as store:
        write(store, "mail", Contact(Person(("id", "7"), ("email", " Ann@Example.com "))))
        write(store, "shop", Contact(Person(("id", "7"), ("email", "ann@example.com"))))

        assert people_of(store) == 1
        assert store.db.execute("SELECT kind, count(*) FROM person_keys GROUP BY kind ORDER BY kind").fetchall() == [
            ("email", 1),
            ("id", 2),
        ], "the same platform id in two connections is two keys"


def test_a_fact_carries_the_platform_id_and_the_other_keys_are_linked(tmp_path: Path) -> None:
    with fresh(tmp_path) as store:
        person = Person(("email", "ann@example.com"), ("member", "abc"), ("id", "7"))
        write(store, "mail", Touchpoint(None, person, Action.OPEN, 5))

        carried = store.db.execute("SELECT k.kind, k.key FROM touchpoints t JOIN person_keys k USING (key_id)").fetchall()
        assert carried == [("id", "7")]
        assert store.db.execute("SELECT reason FROM links").fetchall() == [("same_record",), ("same_record",)]


def test_a_platform_id_may_name_another_connection(tmp_path: Path) -> None:
    with fresh(tmp_path) as store:
        write(store, "shop", Contact(Person(("id", "7"))))
        write(store, "files", Touchpoint(None, Person(("id@shop", "7")), Action.CLICK, 5))

        assert people_of(store) == 1


def test_a_merge_joins_and_an_undone_link_parts_again(tmp_path: Path) -> None:
    with fresh(tmp_path) as store:
        a, b = Person(("id", "1")), Person(("id", "2"))
        write(store, "crm", Contact(a), Contact(b))
        assert people_of(store) == 2
        write(store, "crm", Merged(survivor=a, loser=b))
        assert people_of(store) == 1

        store.db.execute("UPDATE links SET undone_at = 9")
        derive(store, force=True)
        assert people_of(store) == 2


def test_who_has_no_links_is_the_same_person_beside_those_who_have(tmp_path: Path) -> None:
    with fresh(tmp_path) as store:
        alone = [Person(("id", "1")), Person(("email", "bob@example.com")), Person(("id@shop", "ä"))]
        write(store, "crm", *map(Contact, alone))
        before = store.db.execute("SELECT key_id, person, hash FROM person_of ORDER BY key_id").fetchall()
        write(store, "crm", Contact(Person(("id", "2"), ("email", "ann@example.com"))))

        after = store.db.execute("SELECT key_id, person, hash FROM person_of ORDER BY key_id").fetchall()
        assert [(key_id, person) for key_id, person, _ in before] == [(1, 1), (2, 2), (3, 3)]
        assert (after[:3], len(after)) == (before, 5)


def test_an_erased_person_comes_back_only_as_an_order_without_a_person(tmp_path: Path) -> None:
    with fresh(tmp_path) as store:
        stored = store.key.name("email", "ann@example.com")
        store.db.execute("INSERT INTO tombstones VALUES (?, 1)", (tombstone(store.key, "email", "", stored),))
        ann = Person(("id", "7"), ("email", "ann@example.com"))
        order = OrderRef("1")
        write(
            store,
            "shop",
            Contact(ann),
            Touchpoint(None, ann, Action.VISIT, 5),
            Order(order, kind="order", person=ann, ordered_at=5, currency="EUR"),
            LedgerEntry(order, "e", "sale", "product", 5, 100, "EUR"),
        )

        assert [store.db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("contacts", "touchpoints")] == [0, 0]
        assert store.db.execute("SELECT key_id, ordered_at FROM orders").fetchall() == [(None, 5)]
        assert store.db.execute("SELECT amount_minor FROM order_ledger").fetchall() == [(100,)]


def test_two_streams_fill_one_row_and_keep_leaves_a_column(tmp_path: Path) -> None:
    with fresh(tmp_path) as store:
        ann = Person(("id", "7"))
        write(store, "shop", Contact(ann, created_at=3, status="customer"))
        write(store, "shop", Contact(ann, orders=2, created_at=KEEP))
        write(store, "shop", Contact(ann, status=None))

        assert store.db.execute("SELECT created_at, status, orders FROM contacts").fetchall() == [(3, None, 2)]


NATURAL = st.tuples(st.sampled_from(["email", "id", "mc_eid"]), st.sampled_from(["a", "b"]), st.text("xyz", max_size=4))


@given(st.lists(NATURAL, min_size=1, max_size=12, unique=True), st.data())
def test_who_is_who_depends_neither_on_numbers_nor_on_order(natural: list[tuple[str, str, str]], data: st.DataObject) -> None:
    pairs = st.tuples(st.sampled_from(natural), st.sampled_from(natural))
    links = data.draw(st.lists(pairs, max_size=12))
    shuffled = data.draw(st.permutations(natural))

    def named(order: list[tuple[str, str, str]]) -> dict[tuple[str, str, str], tuple[tuple[str, str, str], int]]:
        number = {name: i for i, name in enumerate(order, 1)}
        rows = [(number[name], *name) for name in order]
        found, refused = people(
            [(row[0],) for row in sorted(rows, key=itemgetter(1, 2, 3))],
            rows,
            [(number[a], number[b]) for a, b in links],
            len(order),
        )
        assert refused == []
        return {order[key - 1]: (order[person - 1], hashed) for key, person, hashed in found}

    assert named(natural) == named(shuffled)


def test_a_cluster_of_more_than_twenty_keys_is_not_believed() -> None:
    natural = [(i, "id", "a", f"{i:02}") for i in range(1, 23)]

    found, refused = people([(i,) for i in range(1, 23)], natural, [(1, i) for i in range(2, 22)], 22)

    rows = list(found)
    assert refused == [list(range(1, 22))]
    assert [(key, person) for key, person, _ in rows] == [(i, i) for i in range(1, 23)]
    assert len({hashed for _, _, hashed in rows}) == 22


def test_links_lose_their_query_their_user_and_any_address() -> None:
    assert [
        without_query("https://ann:pw@shop.example.com:8443/a/ann@example.com/b?mc_eid=1#x"),
        without_query("/only/path?x=1"),
        without_query("https://[bad"),
    ] == ["https://shop.example.com:8443/a/-/b", "/only/path", ""]


def test_unsubscribe_links_are_known_by_their_path() -> None:
    assert [is_unsubscribe(u) for u in ("https://x.example.com/unsubscribe/1", "https://x.example.com/shoes")] == [True, False]
