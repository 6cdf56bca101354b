"""Explaining an order: every touch has its reason, and what the models gave adds up."""

from __future__ import annotations

from typing import Any

import pytest

from persync.attribution.explain import explain, find_order, orders_of
from persync.attribution.models import MODELS
from persync.errors import DataError
from persync.measure.metric import Ask
from persync.rows import Action

DAY = 86_400_000
MINUTE = 60_000
ASK = Ask(now=0, path="since_last_order")


def busy(shop: Any, noon: int) -> None:
    """One person with a touch for every reason there is, three that count, and a second order before the first."""
    shop.touch("ann", noon - 40 * DAY, campaign="old")
    shop.touch("ann", noon - 25 * DAY, campaign="earlier")
    shop.order("0", "ann", 500, noon - 20 * DAY)
    shop.touch("ann", noon - 9 * DAY, campaign="a")
    shop.touch("ann", noon - 9 * DAY + MINUTE, campaign="a", action=Action.VISIT, connection="shopify")
    shop.touch("ann", noon - 8 * DAY, campaign="m", is_machine=1)
    for number in range(3):
        shop.touch("ann", noon - 7 * DAY + number, campaign="s", link=f"https://shop.example/{number}")
    shop.touch("ann", noon - 6 * DAY, campaign="u", link="https://shop.example/unsubscribe")
    shop.touch("ann", noon - 5 * DAY, campaign="b", action=Action.SEND)
    shop.touch("ann", noon - 4 * DAY, campaign="b", action=Action.OPEN)
    shop.touch("ann", noon - 4 * DAY - 1, campaign="b", action=Action.OPEN)
    shop.touch("ann", noon - 3 * DAY, channel="google", action=Action.VISIT, connection="shopify")
    shop.touch("ann", noon - DAY, channel="direct", action=Action.VISIT, connection="shopify")
    shop.touch("ann", noon + 1, campaign="late")
    shop.order("1", "ann", 10_000)
    shop.money("1", "2", -2_500, noon + DAY, event="refund")


def test_every_touch_is_there_with_its_reason(shop: Any, noon: int) -> None:
    busy(shop, noon)
    engine = shop.engine()

    found = explain(engine, find_order(engine, "1"), MODELS, ASK)

    assert [(round(touch.age_days), touch.kind, touch.position, touch.reason) for touch in found.touches] == [
        (40, "click", 0, "too_old"),
        (25, "click", 0, "before_previous_order"),
        (9, "click", 1, ""),
        (9, "visit", 0, "same_click"),
        (8, "click", 0, "machine"),
        *[(7, "click", 0, "scanner")] * 3,
        (6, "click", 0, "unsubscribe"),
        (5, "send", 0, "kind_not_counted"),
        (4, "open", 0, "kind_not_counted"),
        (4, "open", 0, "email_rule"),
        (3, "visit", 2, ""),
        (1, "direct", 3, ""),
        (0, "click", 0, "after_order"),
    ]


def test_a_twin_says_why_it_would_not_count_by_itself(shop: Any, noon: int) -> None:
    """A click and its visit before the order, the same two after it; and with visits alone to count."""
    for start, campaign in ((noon - 2 * MINUTE, "a"), (noon + MINUTE, "b")):
        shop.touch("ann", start, campaign=campaign)
        shop.touch("ann", start + 1, campaign=campaign, action=Action.VISIT, connection="shopify")
    shop.order("1", "ann")
    engine = shop.engine()

    def told(**kept: Any) -> list[tuple[str, str]]:
        found = explain(engine, find_order(engine, "1"), MODELS, Ask(now=0, **kept))
        return [(touch.kind, touch.reason) for touch in found.touches]

    assert told() == [("click", ""), ("visit", "same_click"), ("click", "after_order"), ("visit", "after_order")]
    assert told(kinds=("visit",)) == [
        ("click", "kind_not_counted"),
        ("visit", ""),
        ("click", "kind_not_counted"),
        ("visit", "after_order"),
    ]


def test_what_each_model_gave_adds_up_to_the_order(shop: Any, noon: int) -> None:
    """Shares to 1 and money to 75.00; the e-mail rule's lies with the open."""
    busy(shop, noon)
    engine = shop.engine()

    found = explain(engine, find_order(engine, "shopify:1"), MODELS, ASK)

    assert (found.minor, found.events) == (7_500, ((noon, 10_000), (noon + DAY, -2_500)))
    for model in MODELS:
        shares = [touch.shares[model.name] for touch in found.touches if touch.shares]
        assert len(shares) == 4
        if model.sums_to == "order":
            assert sum(one.share for one in shares) == pytest.approx(1, abs=1e-9)
            assert sum(one.minor for one in shares) == 7_500
    (opened,) = [touch.shares["last_email"] for touch in found.touches if touch.reason == "email_rule"]
    assert (opened.share, opened.minor) == (1, 7_500)
    decay = [touch.shares["time_decay"].weight for touch in found.touches if touch.position]
    assert decay == pytest.approx([2 ** (-9 / 7), 2 ** (-3 / 7), 2 ** (-1 / 7)], abs=1e-9)


def test_what_no_touch_holds_is_said(shop: Any) -> None:
    """An order without a person, and one whose people did nothing."""
    shop.order("1", None, 300)
    shop.order("2", "ann", 400)
    engine = shop.engine()

    nobody, quiet = (explain(engine, find_order(engine, name), MODELS, ASK) for name in ("1", "2"))

    assert (nobody.has_person, nobody.touches, nobody.rests["linear"]) == (False, (), {"no_touch": 300})
    assert (quiet.has_person, quiet.touches, quiet.rests["last_email"]) == (True, (), {"no_touch": 400})


def test_an_order_that_is_not_credited_says_why(shop: Any) -> None:
    shop.order("test", "ann", is_test=1)
    shop.order("gone", "ann", status="deleted")
    shop.order("open", "ann", kind="deal", status="open")
    engine = shop.engine()

    for name, reason in (
        ("test", "it is a test order"),
        ("gone", "its seller deleted it"),
        ("open", "it is open, and only won"),
    ):
        with pytest.raises(DataError, match=reason):
            explain(engine, find_order(engine, name), MODELS, ASK)


def test_an_order_is_found_by_id_or_connection_and_never_guessed(shop: Any) -> None:
    shop.order("7", "ann", connection="shopify")
    shop.order("8", "ann")
    engine = shop.engine()

    assert find_order(engine, "shopify:7") == find_order(engine, "7") == shop.names["order", "7"]
    assert orders_of(engine, [shop.names["person", "ann"]]) == sorted(shop.names["order", name] for name in ("7", "8"))
    assert orders_of(engine, []) == []
    for nothing in ("", " ", "#", "shopify:"):
        with pytest.raises(DataError, match="no order is named"):
            find_order(engine, nothing)
    with pytest.raises(DataError, match="there is no order '#9'"):
        find_order(engine, "#9")
