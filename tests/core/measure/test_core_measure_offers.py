"""Who is offered what: prices and discounts as the customer pays them, by group, whatever the basis of other money."""

from __future__ import annotations

from typing import Any

import pytest

from persync.estimate import Estimate
from persync.measure.fairness import groups, offer
from persync.measure.metric import Ask

ASK = Ask(now=10**13)
PEOPLE = 40
"""of each group"""


def by_group(estimates: list[Estimate], id: str) -> dict[str, Estimate]:
    return {e.by["group"]: e for e in estimates if e.id == id and "group" in e.by and "against" not in e.by}


def sell(shop: Any, group: str, first: int, *, net: int, tax: int, quantity: int | None = 1, kind: str = "order") -> None:
    """Sell one order to each of 40 new people of a group, in one line; numbers from `first`. Every second is spared 2 EUR."""
    keys = range(first, first + PEOPLE)
    shop.load("attributes", connection=[3] * PEOPLE, key_id=keys, name=["place"] * PEOPLE, value=[group] * PEOPLE)
    for key in keys:
        shop.order(key, key, net + key % 4, tax=tax, kind=kind, status="won" if kind == "deal" else "paid")
        shop.add("order_lines", order_key=key, line="1", quantity=quantity, price_minor=net)
        if key % 2:
            shop.add("order_discounts", order_key=key, discount="SAVE", amount_minor=200, currency="EUR")


@pytest.mark.parametrize("basis", ["net", "gross"])
def test_a_lower_tax_is_no_higher_price(shop: Any, basis: Any) -> None:
    """Both places pay 119.00 a piece; of what one of them pays less is tax. No gap, in money or in discounts."""
    sell(shop, "AT", 1, net=10_000, tax=1_900)
    sell(shop, "CH", 101, net=11_000, tax=900)

    found = offer.offers(shop, groups.of(shop, "place"), Ask(now=10**13, basis=basis))

    prices, shares = by_group(found, "price_paid"), by_group(found, "discount_share")
    assert {name: e.value for name, e in prices.items()} == pytest.approx({"AT": 119.015, "CH": 119.015})
    assert {name: e.value for name, e in shares.items()} == pytest.approx(dict.fromkeys(("AT", "CH"), 100 / (11_901.5 + 100)))
    assert all(abs(e.value or 0) < 1e-9 for e in found if e.id in ("price_paid_difference", "discount_share_difference"))
    assert prices["AT"].unit == "EUR"


def test_shipping_is_paid_and_a_gift_card_is_no_piece(shop: Any) -> None:
    """5.00 of shipping makes a piece dearer; 50.00 for a gift card beside it does not."""
    sell(shop, "AT", 1, net=2_000, tax=0)
    sell(shop, "CH", 101, net=2_000, tax=0)
    for key in range(101, 101 + PEOPLE):
        shop.post(key, 500, "shipping", entry="sale")
        shop.post(key, 5_000, "gift_card", entry="card")
        shop.add("order_lines", order_key=key, line="card", quantity=1, is_gift_card=1, price_minor=5_000)

    prices = by_group(offer.offers(shop, groups.of(shop, "place"), ASK), "price_paid")

    assert {name: e.value for name, e in prices.items()} == pytest.approx({"AT": 20.015, "CH": 25.015})


def test_an_order_of_which_a_line_does_not_tell_its_pieces_is_no_price(shop: Any) -> None:
    """Two lines, one without a quantity: the order is in the share of discounts, and in no price a piece."""
    sell(shop, "AT", 1, net=2_000, tax=0)
    sell(shop, "CH", 101, net=2_000, tax=0)
    shop.order(900, 101, 8_000)
    shop.add("order_lines", order_key=900, line="1", quantity=1, price_minor=1_000)
    shop.add("order_lines", order_key=900, line="2", quantity=None, price_minor=7_000)

    found = offer.offers(shop, groups.of(shop, "place"), ASK)

    assert {name: e.value for name, e in by_group(found, "price_paid").items()} == pytest.approx({"AT": 20.015, "CH": 20.015})
    shares = {name: e.value for name, e in by_group(found, "discount_share").items()}
    spared, paid = 200 * PEOPLE / 2, 2_001.5 * PEOPLE
    assert shares == pytest.approx({"AT": spared / (paid + spared), "CH": spared / (paid + 8_000 + spared)})


@pytest.mark.parametrize("quantity", [1, None])
def test_a_deal_is_negotiated_and_no_offer(shop: Any, quantity: int | None) -> None:
    """Won deals of 3,000 EUR, with a line that says one piece or none, change neither prices nor shares of discounts."""
    sell(shop, "AT", 1, net=2_000, tax=0)
    sell(shop, "CH", 101, net=2_000, tax=0)
    before = offer.offers(shop, groups.of(shop, "place"), ASK)
    sell(shop, "AT", 201, net=300_000, tax=0, quantity=quantity, kind="deal")

    after = offer.offers(shop, groups.of(shop, "place"), ASK)

    assert after == before


def test_without_a_line_of_any_order_there_is_no_price(shop: Any) -> None:
    sell(shop, "AT", 1, net=2_000, tax=0, quantity=None)
    sell(shop, "CH", 101, net=2_000, tax=0, quantity=None)

    (price,) = [e for e in offer.offers(shop, groups.of(shop, "place"), ASK) if e.id.startswith("price_paid")]

    assert (price.value, price.reason, price.unit) == (None, "no_lines", "EUR")


def test_an_order_without_a_charge_for_shipping_was_sent_for_nothing_and_one_refunded_later_was_not(shop: Any) -> None:
    """AT pays 5.00 each time and gets it back for ten orders; CH pays for every fourth order: 30 of 40 came for nothing."""
    sell(shop, "AT", 1, net=2_000, tax=0)
    sell(shop, "CH", 101, net=2_000, tax=0)
    for key in [*range(1, 1 + PEOPLE), *range(101, 101 + PEOPLE, 4)]:
        shop.post(key, 500, "shipping", entry="sale")
    for key in range(1, 11):
        shop.post(key, -500, "shipping", entry="refund")

    found = offer.offers(shop, groups.of(shop, "place"), ASK)

    assert {name: e.value for name, e in by_group(found, "free_shipping_share").items()} == {"AT": 0.0, "CH": 0.75}
    (gap,) = [e for e in found if e.id == "free_shipping_share_difference" and e.by.get("group") == "AT"]
    assert gap.value == -0.75


def test_a_shop_that_never_charges_for_shipping_gives_nobody_anything_by_it(shop: Any) -> None:
    sell(shop, "AT", 1, net=2_000, tax=0)
    sell(shop, "CH", 101, net=2_000, tax=0)

    (share,) = [e for e in offer.offers(shop, groups.of(shop, "place"), ASK) if e.id.startswith("free_shipping")]

    assert (share.value, share.reason, share.unit) == (None, "no_shipping", "share")
