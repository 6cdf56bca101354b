"""Levels: every split of credit adds up to the ledger to the cent, and what is not known has a name."""

from __future__ import annotations

import random
from typing import Any

import pytest

from persync.attribution.credit import DIMENSIONS, credit
from persync.attribution.models import MODELS, AttributionModel
from persync.errors import ConfigError
from persync.estimate import Estimate
from persync.measure.metric import Ask
from persync.rows import Action

DAY = 86_400_000
ASK = Ask(now=0)
LINEAR = next(model for model in MODELS if model.name == "linear")


def slices(found: list[Estimate], *by: str) -> dict[Any, Any]:
    """Return slice -> value; one name where one level was asked for."""
    named = {tuple(each.by[name] for name in by): each.value for each in found}
    return {key[0]: value for key, value in named.items()} if len(by) == 1 else named


def a_messy_shop(shop: Any, noon: int, seed: int) -> None:
    """Write a shop at random: guests, refunds, lines without prices, people in several segments, messages nobody knows."""
    chance = random.Random(seed)
    shop.fact("same_campaign", keys=("c1", "c2"))
    shop.fact("campaign", campaign="c1", parent="c4", level=3, title="One")
    shop.fact("campaign", campaign="c3", workflow="Welcome", kind="automation-email")
    for person in range(9):
        for segment in chance.sample(["vip", "news", "city"], chance.randrange(3)):
            shop.fact("member", person=f"p{person}", segment=segment, left_at=chance.choice([None, noon - 3 * DAY]))
    for number in range(80):
        shop.touch(
            f"p{chance.randrange(9)}",
            noon - chance.randrange(20) * DAY,
            campaign=chance.choice(["c1", "c2", "c3", None]),
            channel=chance.choice(["email", "direct", "google"]),
            action=chance.choice([Action.CLICK, Action.VISIT]),
            connection=chance.choice(["mailchimp", "hubspot"]),
            variant=chance.choice(["", "", "b"]),
            ordinal=number,
        )
    for number in range(30):
        order, person = str(number), chance.choice([*(f"p{each}" for each in range(12)), None])
        minor = chance.randrange(1, 20_000)
        shop.order(order, person, minor, noon - chance.randrange(9) * DAY)
        for _ in range(chance.randrange(4)):
            price = chance.choice([None, 0, 33, 4_999])
            kept = chance.choice([0, 1, 2])
            shop.line(order, chance.choice(["pen", "cup", "hat", None]), price, quantity=2, current_quantity=kept, cost=7)
        if chance.random() < 0.4:
            shop.money(order, "2", -chance.choice([minor, minor // 3]), noon + DAY, event="refund")


@pytest.mark.parametrize("seed", [1, 2])
def test_every_level_adds_up_to_the_ledger_to_the_cent_under_every_model(shop: Any, noon: int, seed: int) -> None:
    """All levels, some of them together, on every basis and by either date."""
    a_messy_shop(shop, noon, seed)
    engine = shop.engine(seed)
    several = [("product", "segment", "channel"), ("store", "customer", "variant")]
    early = (noon - 9 * DAY, noon - 2 * DAY)

    for ask, splits in (
        (ASK, [*((name,) for name in DIMENSIONS), *several]),
        (Ask(now=0, basis="margin"), several),
        (Ask(now=0, reporting="accrual", period=early), several),
    ):
        totals = {e.by["model"]: e.value for e in credit(engine, MODELS, (), ask)}
        for by in splits:
            found = credit(engine, MODELS, by, ask)
            sums = {m.name: round(sum(float(e.value or 0) for e in found if e.by["model"] == m.name), 2) for m in MODELS}
            assert sums == totals, by


def test_an_order_is_split_over_its_products_by_their_money(shop: Any) -> None:
    """100.01 over lines of 20.00 and 10.00, one product in two lines: whole cents, nothing lost."""
    shop.days_before("ann", 2, 1)
    shop.order("1", "ann", 10_001)
    shop.line("1", "pen", 1_500)
    shop.line("1", "pen", 500)
    shop.line("1", "cup", 1_000)
    shop.line("1", "card", 9_000, is_gift_card=1)

    found = credit(shop.engine(), (LINEAR,), ("product",), ASK)

    assert found == [
        Estimate("credit", 66.68, n=1, unit="EUR", by={"model": "linear", "product": "shopify:pen"}),
        Estimate("credit", 33.33, n=1, unit="EUR", by={"model": "linear", "product": "shopify:cup"}),
    ]


def test_products_of_an_order_that_came_back_whole_are_told_by_pieces(shop: Any, noon: int) -> None:
    """Its lines cost nothing any longer; in the month of the sale the credit is still somebody's."""
    shop.days_before("ann", 1)
    shop.order("1", "ann", 900)
    shop.money("1", "2", -900, noon + 40 * DAY, event="refund")
    shop.line("1", "pen", 0, quantity=2, current_quantity=0)
    shop.line("1", "cup", 0, quantity=1, current_quantity=0)
    engine = shop.engine()

    sold = credit(engine, (LINEAR,), ("product",), Ask(now=0, period=(noon, noon + DAY)))
    ever = credit(engine, (LINEAR,), ("product",), ASK)

    assert slices(sold, "product") == {"shopify:pen": 6.0, "shopify:cup": 3.0}
    assert slices(ever, "product") == {"shopify:pen": 0.0, "shopify:cup": 0.0}


def test_by_segment_each_has_all_of_its_people_and_the_overlap_is_taken_back(shop: Any, noon: int) -> None:
    """Ann is in two, Bob in one, Eve had left hers, Kim is nobody's; the company is no segment."""
    for person, minor in (("ann", 1_000), ("bob", 200), ("eve", 30), ("kim", 4)):
        shop.days_before(person, 1)
        shop.order(person, person, minor)
    shop.order("guest", None, 5_000)
    for person, segment, more in (
        ("ann", "vip", {}),
        ("ann", "news", {"joined_at": noon - DAY}),
        ("bob", "news", {"left_at": noon + DAY}),
        ("eve", "vip", {"left_at": noon - DAY}),
        ("kim", "vip", {"joined_at": noon + DAY}),
        ("kim", "firm", {"kind": "company"}),
    ):
        shop.fact("member", person=person, segment=segment, **more)

    engine = shop.engine()

    found = {few: slices(credit(engine, (LINEAR,), ("segment",), Ask(now=0, suppress_n=few)), "segment") for few in (1, 2, 3)}

    assert found[1] == {
        "(none)": 50.0,
        "mailchimp:tag:news": 12.0,
        "mailchimp:tag:vip": 10.0,
        "(no segment)": 0.34,
        "(overlap)": -10.0,
    }
    # Only Ann was in vip when she bought: alone she is no group, and the small segments together are no group either.
    assert found[2] == {"(none)": 50.0, "mailchimp:tag:news": 12.0, "(no segment)": 0.34}
    assert found[3] == {"(none)": 50.0, "(no segment)": 12.34}


def test_small_segments_are_told_together_where_together_they_are_enough(shop: Any, noon: int) -> None:
    for person, minor in (("ann", 1_000), ("bob", 200), ("kim", 30)):
        shop.days_before(person, 1)
        shop.order(person, person, minor)
    for person, segment in (("ann", "vip"), ("bob", "news"), ("bob", "club")):
        shop.fact("member", person=person, segment=segment)

    found = credit(shop.engine(), (LINEAR,), ("segment",), Ask(now=0, suppress_n=2))

    assert slices(found, "segment") == {"(small segments)": 12.0, "(no segment)": 0.3}


def test_customers_are_new_until_they_ordered_on_an_earlier_day(shop: Any, noon: int) -> None:
    """Two orders of one day are one purchase; a cancelled first one makes nobody a customer; a guest is unknown."""
    for person in ("ann", "bob"):
        shop.days_before(person, 20)
    shop.order("1", "ann", 100, noon - 9 * DAY)
    shop.order("2", "ann", 20, noon - 9 * DAY + 3_600_000)
    shop.order("3", "ann", 3, noon)
    shop.order("4", "bob", 1_000, noon - 5 * DAY, cancelled_at=noon)
    shop.order("5", "bob", 4_000, noon)
    shop.order("6", None, 7)

    found = credit(shop.engine(), (LINEAR,), ("customer", "store"), ASK)

    assert slices(found, "customer", "store") == {
        ("new", "shopify"): 51.2,
        ("returning", "shopify"): 0.03,
        ("(none)", "(none)"): 0.07,
    }


def test_a_message_has_its_campaign_variant_level_and_automation(shop: Any) -> None:
    """Two messages, one of a campaign and in two variants, one of an automation, and a visit that no message led to."""
    shop.fact("campaign", campaign="m1", parent="spring", level=2)
    shop.fact("campaign", campaign="m2", workflow="Welcome")
    shop.days_before("ann", 4, campaign="m1", variant="a")
    shop.days_before("ann", 3, campaign="m1", variant="b")
    shop.days_before("ann", 2, campaign="m2")
    shop.days_before("ann", 1, campaign=None, channel="google", action=Action.VISIT)
    shop.order("1", "ann", 400)
    engine = shop.engine()

    def by(level: str) -> dict[Any, Any]:
        return slices(credit(engine, (LINEAR,), (level,), ASK), level)

    assert {level: by(level) for level in ("campaign", "message", "variant", "level", "automation")} == {
        "campaign": {"mailchimp:spring": 2.0, "mailchimp:m2": 1.0, "(no campaign)": 1.0},
        "message": {"mailchimp:m1": 2.0, "mailchimp:m2": 1.0, "(no message)": 1.0},
        "variant": {"(no variant)": 2.0, "mailchimp:m1:a": 1.0, "mailchimp:m1:b": 1.0},
        "level": {"2": 2.0, "unknown": 1.0, "(no campaign)": 1.0},
        "automation": {"(no automation)": 3.0, "mailchimp:Welcome": 1.0},
    }


def test_a_calibrated_model_has_a_baseline_slice_in_every_split(shop: Any) -> None:
    """A third of each e-mail touch's weight would have come anyway: 10.00 over two touches leave 3.33, 3.33 and 3.34."""
    shop.days_before("ann", 2, 1)
    shop.order("1", "ann", 1_000)
    shop.order("2", None, 50)
    engine = shop.engine()
    model = AttributionModel("linear_calibrated", "", "1e0", baseline={shop.names["word", "email"]: 1 / 3})

    for by in ("channel", "message", "product", "segment", "store"):
        credited = credit(engine, (LINEAR, model), (by,), ASK)
        found = slices([e for e in credited if e.by["model"] == model.name], by)
        assert (found["(baseline)"], found["(none)"], round(sum(found.values()), 2)) == (3.34, 0.5, 10.5), by


def test_a_level_named_twice_or_unknown_is_refused(shop: Any) -> None:
    """Before anything is computed."""
    with pytest.raises(ConfigError, match="the same thing twice"):
        credit(shop.engine(), (LINEAR,), ("channel", "channel"), ASK)
    with pytest.raises(ConfigError, match="Did you mean 'message'"):
        credit(shop.engine(), (LINEAR,), ("mesage",), ASK)


def test_a_model_that_cannot_be_used_is_null_with_its_reason(shop: Any) -> None:
    """The others are computed all the same."""
    shop.days_before("ann", 1)
    shop.order("1", "ann", 100)
    engine = shop.engine()
    idle = AttributionModel("markov_removal", "", reason="too_few_conversions")
    refused = Estimate("credit", None, reason="too_few_conversions", by={"model": "markov_removal"})

    assert credit(engine, (idle, LINEAR), (), ASK)[-1] == refused
    assert credit(engine, (idle,), (), ASK) == [refused]
