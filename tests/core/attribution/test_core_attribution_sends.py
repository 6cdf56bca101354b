"""Explaining a message: who got it, what they did, and which orders followed a send, within the look-back."""

from __future__ import annotations

from typing import Any

from persync.attribution.sends import Done, OrderAfter, Takings, explain_send
from persync.measure.metric import Ask
from persync.rows import Action

DAY = 86_400_000
MINUTE = 60_000
ASK = Ask(now=0, lookback_days=7)


def mailed(shop: Any, noon: int) -> None:
    """Ann, known by two keys, clicks and buys; Bob buys without a click; Eve got nothing; another message is beside it."""
    for person in ("ann", "bob"):
        shop.touch(person, noon - 3 * DAY, campaign="spring", action=Action.SEND, variant="a")
    shop.touch("ann", noon - 3 * DAY + 1, campaign="spring", is_machine=1, action=Action.OPEN)
    shop.touch("ann", noon - 2 * DAY, campaign="spring", link="https://shop.example/tea")
    shop.touch("ann2", noon - 2 * DAY + MINUTE, campaign="mc spring", action=Action.VISIT, connection="shopify")
    shop.touch("ann", noon - DAY, campaign="summer", action=Action.SEND)
    shop.fact("same_person", keys=("ann", "ann2"))
    shop.fact("same_campaign", keys=("spring", "mc spring"))
    shop.order("early", "ann", 500, noon - 3 * DAY - 1)
    shop.order("1", "ann2", 10_000)
    shop.money("1", "2", -2_500, noon + DAY, event="refund")
    shop.money("1", "3", 499, noon, part="shipping")
    shop.order("late", "ann", 700, noon + 4 * DAY + 1)
    shop.order("2", "bob", 2_000, noon + DAY)
    shop.order("3", "eve", 900)


def test_a_persons_message_is_told_from_its_send_to_the_orders_within_the_look_back(shop: Any, noon: int) -> None:
    mailed(shop, noon)
    engine = shop.engine()
    keys = [shop.names["person", name] for name in ("ann", "ann2")]

    found = explain_send(engine, shop.names["campaign", "spring"], ASK, keys)

    assert [(one.happened_at - noon, one.kind, one.variant, one.link, one.odd) for one in found.events] == [
        (-3 * DAY, "send", "a", "", ""),
        (-3 * DAY + 1, "open", "", "", "machine"),
        (-2 * DAY, "click", "", "https://shop.example/tea", ""),
        (-2 * DAY + MINUTE, "visit", "", "", "same_click"),
    ]
    assert found.orders == (OrderAfter("1", "shopify", noon, 3.0, 7_500, "EUR", True),)
    assert (found.window_days, found.done, found.takings) == (7, (), ())


def test_all_who_got_a_message_are_counted_and_an_order_once(shop: Any, noon: int) -> None:
    """Ann's order is Bob's too: told once, and after a click, for one of them clicked."""
    mailed(shop, noon)
    shop.fact("on_order", order="1", person="bob")
    engine = shop.engine()

    found = explain_send(engine, shop.names["campaign", "mc spring"], ASK)

    assert found.done == (
        Done("send", "", 2, 2),
        Done("open", "machine", 1, 1),
        Done("click", "", 1, 1),
        Done("visit", "same_click", 1, 1),
    )
    assert found.takings == (Takings("EUR", 2, 1, 9_500),)
    assert (found.events, found.orders) == ((), ())


def test_nobody_has_no_events(shop: Any, noon: int) -> None:
    mailed(shop, noon)

    found = explain_send(shop.engine(), shop.names["campaign", "spring"], ASK, [])

    assert (found.events, found.orders) == ((), ())
