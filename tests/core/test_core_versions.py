"""Which version of a record was read last: the numbers that stand for records and versions."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from persync.rows import Contact, Person
from persync.store.key import StoreKey
from persync.store.store import open_store
from persync.store.versions import keep_versions, known_versions, record_numbers, version_numbers
from persync.store.write import Writer

KEY = StoreKey(bytes(range(32)))
MADE = 10**18 - 1
GID = "gid://shopify/Customer/"


def numbers(*texts: str, key: StoreKey = KEY, place: str = "record\0shop\0customers\0\0") -> list[int]:
    return record_numbers(key, place, texts)


def test_records_whose_keys_are_counted_up_lie_side_by_side() -> None:
    for head in ("", GID):
        first, second, last = numbers(f"{head}41", f"{head}42", f"{head}{MADE}")
        assert (second - first, last - first) == (1, MADE - 41)


def test_a_record_has_one_number_whatever_stands_beside_it_on_its_page() -> None:
    texts = ("41", "c0ffee", f"{GID}41", "041", "0", "", "x/y", "٤٢", "9" * 19, "\ud83d")
    assert [numbers(text)[0] for text in texts] == numbers(*texts)
    assert len(set(numbers(*texts))) == len(texts)


def test_a_number_depends_on_the_key_and_on_the_place() -> None:
    other = StoreKey(bytes(32))
    assert numbers("41") != numbers("41", key=other)
    assert numbers("41") != numbers("41", place="record\0shop\0orders\0\0")


@given(st.lists(st.text() | st.integers(min_value=0).map(str), max_size=20), st.lists(st.text(), max_size=20))
def test_every_text_has_a_number_that_a_column_can_hold(records: list[str], versions: list[str]) -> None:
    found = [*numbers(*records), *version_numbers(2**63 - 1, versions), *version_numbers(-(2**63), versions)]
    assert all(-(2**63) <= number < 2**63 for number in found)


def test_versions_that_differ_have_numbers_that_differ_and_so_have_shapes() -> None:
    texts = [
        f"2026-01-{day:02}T{hour:02}:00:{second:02}Z" for day in range(1, 32) for hour in range(24) for second in range(60)
    ]
    assert len(set(version_numbers(0, texts))) == len(texts)
    assert version_numbers(0, ["1"]) != version_numbers(4, ["1"])


@given(st.integers(min_value=-(2**63), max_value=2**63 - 1), st.text(max_size=30), st.text(max_size=30))
def test_two_versions_fall_together_in_hardly_any_store(begin: int, one: str, other: str) -> None:
    assert (version_numbers(begin, [one]) == version_numbers(begin, [other])) == (one.lstrip("\0") == other.lstrip("\0"))


def test_times_ten_minutes_and_eight_milliseconds_apart_are_two_versions() -> None:
    # Modulo 2**61 - 1 they are one: eight bytes of the text are a shift by three bits there.
    one, other = "2026-11-21T10:20:39.128Z", "2026-11-21T10:30:39.120Z"
    assert hash(int.from_bytes(one.encode(), "big")) == hash(int.from_bytes(other.encode(), "big"))
    for begin in KEY.numbers("version\0", map(str, range(1000))):
        assert version_numbers(begin, [one]) != version_numbers(begin, [other])


def test_what_is_kept_of_versions_is_found_again_and_a_newer_one_takes_its_place(tmp_path: Path) -> None:
    with open_store(tmp_path / "p.db", create=True) as store:
        with store.transaction() as db:
            keep_versions(db, {3: 30, 1: 10})
            keep_versions(db, {3: 31})
        assert known_versions(store.db, [3, 2, 1]) == {1: 10, 3: 31}


def test_keys_are_numbered_the_same_whether_a_page_brings_new_people_or_known_ones(tmp_path: Path) -> None:
    def page(*names: str) -> list[Contact]:
        return [Contact(Person(("email", f"{name}@example.com")), status=name) for name in names]

    with open_store(tmp_path / "p.db", create=True) as store:
        writer = Writer(store, "mail", "mail", now=1)
        # All new, all new, partly known, all known, all new, partly known again.
        for names in ("ab", "cd", "ade", "bc", "fg", "gh"):
            writer.resolve.forget()
            with store.transaction():
                writer.write(page(*names))
        found = store.db.execute("SELECT status, key_id FROM contacts ORDER BY status").fetchall()
        stored = dict(store.db.execute("SELECT key, key_id FROM person_keys"))

        assert "".join(status for status, _ in found) == "abcdefgh"
        named = {name: stored[store.key.name("email", f"{name}@example.com")] for name in "abcdefgh"}
        assert dict(found) == named
        # Gaps are few: never more numbers lost than keys were made.
        assert len(stored) == 8
        assert max(stored.values()) <= 16
