"""Numbers, times and words that fit nowhere cost their record, never the page, the stream or the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from typing_extensions import TypedDict

from persync.connect import AccountFacts, ConnectionSettings, Context, SinglePage, Step, Stream, as_json
from persync.connect.page import Shaper, storable
from persync.errors import PersyncError, RecordError
from persync.money import to_minor
from persync.rows import Action, Campaign, CampaignRef, Child, Contact, Parked, Person, Product, Row, Touchpoint
from persync.store.months import END_AT, FIRST_AT, month_of
from persync.store.store import open_store
from persync.store.write import Writer

ANN = Person(("id", "1"))


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
def test_a_number_that_no_column_holds_rejects_its_record(number: int) -> None:
    with pytest.raises(RecordError) as caught:
        list(storable(lambda: [Contact(ANN, orders=number)])())

    assert (caught.value.field, caught.value.what) == ("orders", "a number is too large to be stored.")


@pytest.mark.parametrize("row", [Child("parts", "1", {"at": {"id": 10**30}}), Parked("1", None, {"ids": [2**64]})])
def test_a_number_that_no_column_holds_rejects_its_record_wherever_in_the_row_it_stands(tmp_path: Path, row: Row) -> None:
    with pytest.raises(RecordError) as caught:
        list(storable(lambda: [row])())
    with open_store(tmp_path / "s.db", create=True) as store, pytest.raises(OverflowError):
        Writer(store, "shop", "shop", now=0).write([row])

    assert (caught.value.field, caught.value.what) == ("data", "a number is too large to be stored.")


@pytest.mark.parametrize("at", [END_AT, FIRST_AT - 1, 2**53])
def test_a_time_outside_the_calendar_rejects_its_record(at: int) -> None:
    with pytest.raises(RecordError) as caught:
        list(storable(lambda: [Contact(ANN, created_at=at)])())

    assert (caught.value.field, caught.value.what) == ("created_at", "a time is outside the years 1 to 9999.")


@pytest.mark.parametrize("row", [Campaign(CampaignRef(("id", "")), title="x"), Touchpoint(CampaignRef(), ANN, Action.CLICK, 5)])
def test_a_campaign_without_an_id_rejects_its_record(tmp_path: Path, row: Row) -> None:
    with pytest.raises(RecordError) as caught:
        list(storable(lambda: [row])())
    with open_store(tmp_path / "s.db", create=True) as store, pytest.raises(OverflowError):
        Writer(store, "shop", "shop", now=0).write([row])

    assert (caught.value.field, caught.value.what) == ("campaign", "its id is empty.")


def test_what_fits_goes_through_as_it_is() -> None:
    rows = [Contact(ANN, created_at=END_AT - 1, orders=2**63 - 1), Contact(ANN, created_at=FIRST_AT), Product("x")]

    assert list(storable(lambda: iter(rows))()) == rows


def test_months_reach_as_far_as_the_calendar() -> None:
    assert (month_of(FIRST_AT), month_of(END_AT - 1)) == (12, 9999 * 12 + 11)
    with pytest.raises(OverflowError):
        month_of(END_AT)


@pytest.mark.parametrize("amount", ["1e308", 1e308, Decimal("1e40"), "NaN", "Infinity", "x"])
def test_what_is_no_amount_of_money_is_a_value_error(amount: str | float | Decimal) -> None:
    with pytest.raises(ValueError):
        to_minor(amount, "EUR")


def test_numbers_of_any_size_can_be_written_as_json_again() -> None:
    assert as_json({"b": 1, "a": [10**30]}) == b'{"a": [1000000000000000000000000000000], "b": 1}'
    assert as_json({"b": 1, "a": [1]}) == b'{"a":[1],"b":1}'


def test_a_vendors_words_cannot_move_the_cursor() -> None:
    error = PersyncError("no \x1b[31mlist\x07 \u202ecalled\x00 x", where="shop\x1b", hint="try\tagain")

    assert str(error) == "shop : no  [31mlist   called  x try again"


def test_a_touchpoint_far_off_rejects_its_record_alone() -> None:
    touch = Touchpoint(CampaignRef(("id", "c")), ANN, 1, END_AT)
    with pytest.raises(RecordError):
        list(storable(lambda: [touch])())


class Priced(TypedDict):
    id: str
    price: float


def priced(record: Priced, at: Context) -> Iterator[Row]:
    if record["price"] != record["price"]:
        raise RecordError("is not an amount of money", field="price")
    yield Product(record["id"])


@pytest.mark.parametrize("company", [b"", b',{"id":2,"price":1}'], ids=["alone", "beside one that does not fit"])
def test_a_number_that_is_none_is_rejected_for_what_it_is_whatever_stands_beside_it(company: bytes) -> None:
    stream = Stream(name="prices", path="/prices", record=Priced, rows=priced, reader=SinglePage(at="results", single=False))
    step = Step(b'{"results":[{"id":"1","price":NaN}' + company + b"]}", ("results",), None)
    at = Context(connection="shop", settings=ConnectionSettings(connector="x"), account=AccountFacts(), now=0)

    found = Shaper(stream).shape(step, at, numbers=lambda begin, texts: [0] * len(texts), hashed=str, known=None)

    assert (found.rejects[0].field, found.rejects[0].reason) == ("price", "is not an amount of money")
