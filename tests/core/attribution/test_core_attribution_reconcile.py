"""Reconciliation: the shop, the store and the platforms' claims, to the cent."""

from __future__ import annotations

from typing import Any

import pytest

from persync.attribution.claim_differences import Cause
from persync.attribution.reconcile import Difference, OverClaim, PlatformClaim, Source, reconcile
from persync.errors import DataError
from persync.measure.metric import Ask

DAY = 86_400_000


def a_shop(shop: Any, noon: int) -> None:
    """Write three orders of 119.00, 238.00 and 50.00 (the second without a touch), a test and two platforms' claims."""
    shop.days_before("ann", 1)
    for name, person, net, tax in (("1", "ann", 10_000, 1_900), ("2", "bob", 20_000, 3_800)):
        shop.order(name, person, net, total_minor=net + tax)
        shop.money(name, "1", tax, noon, part="tax")
    shop.order("3", "ann", 5_000, at=noon + 1, status="cancelled", cancelled_at=noon + DAY, total_minor=0)
    shop.money("3", "2", -5_000, noon + DAY, event="refund")
    shop.order("test", "ann", 999, is_test=1, total_minor=999)
    shop.fact("claim", connection="mailchimp", model="mailchimp_report", minor=1, number=1, campaign="c0")
    shop.fact("claim", connection="mailchimp", model="mailchimp_report", minor=30_000, number=2, campaign="c0")
    shop.fact("claim", connection="hubspot", model="FIRST_TOUCH", minor=50_000, campaign="c1")
    shop.fact("claim", connection="hubspot", model="LINEAR", minor=20_000, campaign="c1")


def test_the_shop_the_store_and_the_claims_stand_side_by_side(shop: Any, noon: int) -> None:
    """Test orders are out, a cancelled one is in the money and out of the counts; the newest claim of one rule counts."""
    a_shop(shop, noon)

    found = reconcile(shop.engine(), Ask(now=0))

    assert found.sources == (Source("shopify", orders=3, shop_minor=35_700, unstated=0, gross_minor=35_700, net_minor=30_000),)
    assert found.parts == {"product": 30_000, "tax": 5_700}
    assert found.differences == ()
    assert found.orders == {"placed": 3, "test": 1, "not_counted": 1, "counted": 2}
    assert found.claims == (
        PlatformClaim("hubspot", "FIRST_TOUCH", "EUR", 1, 50_000, is_added=False),
        PlatformClaim("hubspot", "LINEAR", "EUR", 1, 20_000, is_added=True),
        PlatformClaim("mailchimp", "mailchimp_report", "EUR", 1, 30_000, is_added=True),
    )
    assert found.claims_minor == 50_000
    assert found.over_claims == (
        OverClaim("email_touched", "net", 10_000, 2, 5.0),
        OverClaim("email_touched", "gross", 11_900, 2, 50_000 / 11_900),
        OverClaim("all", "net", 30_000, 3, 50_000 / 30_000),
        OverClaim("all", "gross", 35_700, 3, 50_000 / 35_700),
    )


def test_an_order_that_does_not_come_to_its_total_is_named(shop: Any, noon: int) -> None:
    """One with no stated total is no difference, and is said."""
    shop.order("1", "ann", 1_000, total_minor=1_001)
    shop.order("2", "ann", 500)

    found = reconcile(shop.engine(), Ask(now=0))

    assert found.differences == (Difference("shopify", "1", 1_001, 1_000),)
    assert found.sources[0].unstated == 1


def test_a_period_takes_orders_by_their_date_and_claims_by_theirs(shop: Any, noon: int) -> None:
    """A claim without any date is in every period."""
    shop.order("1", "ann", 1_000)
    shop.order("2", "ann", 700, at=noon + 40 * DAY)
    shop.fact("claim", connection="mailchimp", model="mailchimp_report", minor=10, campaign="c0", from_at=noon)
    shop.fact("claim", connection="mailchimp", model="mailchimp_report", minor=20, campaign="c1", from_at=noon + 40 * DAY)
    shop.fact("claim", connection="mailchimp", model="mailchimp_report", minor=40, campaign="c2")

    found = reconcile(shop.engine(), Ask(now=0, period=(noon, noon + 30 * DAY)))

    assert (found.net_minor, found.claims_minor) == (1_000, 50)


def test_a_claim_in_another_currency_is_shown_and_not_added(shop: Any) -> None:
    """E5."""
    shop.order("1", "ann", 1_000)
    shop.fact("claim", connection="mailchimp", model="mailchimp_report", minor=10, currency="USD")

    found = reconcile(shop.engine(), Ask(now=0))

    assert found.claims == (PlatformClaim("mailchimp", "mailchimp_report", "USD", 1, 10, is_added=False),)
    assert found.over_claim() is None


def test_estimates_say_the_same_and_why_a_ratio_is_missing(shop: Any, noon: int) -> None:
    """For machines."""
    a_shop(shop, noon)
    engine = shop.engine()
    found = reconcile(engine, Ask(now=0)).as_estimates()
    full = {(each.id, *each.by.values()): each.value for each in found if each.id not in ("claim_difference", "claim_cause")}

    assert full == {
        ("orders", "placed"): 3,
        ("orders", "test"): 1,
        ("orders", "not_counted"): 1,
        ("orders", "counted"): 2,
        ("shop_total", "shopify"): 357.0,
        ("ledger_gross", "shopify"): 357.0,
        ("ledger_net", "shopify"): 300.0,
        ("bridge", "product"): 300.0,
        ("bridge", "tax"): 57.0,
        ("differences",): 0,
        ("claim", "hubspot", "FIRST_TOUCH"): 500.0,
        ("claim", "hubspot", "LINEAR"): 200.0,
        ("claim", "mailchimp", "mailchimp_report"): 300.0,
        ("claims_total",): 500.0,
        ("over_claim", "email_touched", "net"): 5.0,
        ("over_claim", "email_touched", "gross"): 50_000 / 11_900,
        ("over_claim", "all", "net"): 50_000 / 30_000,
        ("over_claim", "all", "gross"): 50_000 / 35_700,
    }


def a_claimed_shop(shop: Any, noon: int) -> None:
    """Write orders of a week, each of 100.00 and 19.00 tax, and what Mailchimp claims of them one by one."""
    for number, (name, days, more) in enumerate(
        (
            ("plain", 3, {}),
            ("refunded", 3, {}),
            ("edited", 3, {}),
            ("twice", 3, {}),
            ("unclaimed", 3, {}),
            ("old", 50, {}),
            ("search", None, {}),
            ("late", 3, {"at": noon + 7 * DAY + 3_600_000}),
            ("other week", 3, {"at": noon + 20 * DAY}),
            ("odd", 3, {}),
        )
    ):
        at = more.get("at", noon + number * 3_600_000)
        person = f"p{number}"
        if days is not None:
            shop.touch(person, at - days * DAY, campaign="c0")
        shop.order(name, person, 10_000, at)
        shop.money(name, "1", 1_900, at, part="tax")
    shop.money("refunded", "2", -4_000, noon + DAY, event="refund")
    shop.money("edited", "2", 500, noon + DAY, event="edit")
    shop.order("test", "p0", 777, is_test=1)
    shop.order("dollars", "p0", None, currency="USD")
    shop.money("dollars", "1", 5_000, noon, currency="USD")
    for name in ("plain", "refunded", "edited", "twice", "old", "search", "late", "other week", "dollars"):
        shop.fact("claim", connection="mailchimp", model="mailchimp_order", minor=11_900, order=name, from_at=noon)
    shop.fact(
        "claim", connection="mailchimp", model="mailchimp_order", minor=11_900, order="twice", campaign="c9", from_at=noon
    )
    shop.fact("claim", connection="mailchimp", model="mailchimp_order", minor=777, order="test", from_at=noon)
    shop.fact("claim", connection="mailchimp", model="mailchimp_order", minor=12_345, order="odd", from_at=noon)
    shop.fact("claim", connection="mailchimp", model="mailchimp_order", minor=99, order="never seen", from_at=noon)


def test_claims_on_orders_are_told_apart_cause_by_cause(shop: Any, noon: int) -> None:
    """Each order stands for one cause, worked out by hand; together they are the whole difference."""
    a_claimed_shop(shop, noon)
    engine = shop.engine()
    week = Ask(now=0, currency="EUR", period=(noon - DAY, noon + 7 * DAY))

    found = reconcile(engine, week).claim_differences[0]

    assert (found.connection, found.model, found.by_order) == ("mailchimp", "mailchimp_order", True)
    # plain, refunded (60.00 left), edited (105.00), twice, unclaimed and odd had its e-mail within the look-back
    assert (found.claimed_minor, found.actual_minor, found.orders) == (10 * 11_900 + 777 + 12_345 + 99, 60_000 - 4_000 + 500, 6)
    assert found.causes == (
        Cause("basis", 5 * 1_900, 5),
        Cause("refunds", 4_000, 1),
        Cause("edits", -500, 1),
        Cause("test_order", 777, 1),
        Cause("currency", 11_900, 1),
        Cause("time_zone", 11_900, 1),
        Cause("dating", 11_900, 1),
        Cause("window", 11_900, 1),
        Cause("channel", 11_900, 1),
        Cause("double_claim", 11_900, 1),
        Cause("unknown_order", 99, 1),
        Cause("not_claimed", -10_000, 1),
        Cause("unexplained", 445, 1),
    )
    assert sum(cause.amount_minor for cause in found.causes) == found.difference_minor


def test_on_gross_nothing_is_put_down_to_the_basis(shop: Any, noon: int) -> None:
    """The stated basis is the asked one; it still ties."""
    a_claimed_shop(shop, noon)

    found = reconcile(shop.engine(), Ask(now=0, currency="EUR", basis="gross")).claim_differences

    assert all(sum(cause.amount_minor for cause in one.causes) == one.difference_minor for one in found)
    assert "basis" not in {cause.name for cause in found[0].causes}


def test_a_claim_without_orders_has_bounds_for_each_cause_and_ties(shop: Any, noon: int) -> None:
    """300.00 claimed where 100.00 net had the platform's e-mail: 19.00 can be tax, 119.00 an order mailed long before."""
    shop.touch("ann", noon - DAY, campaign="c0")
    shop.touch("bob", noon - 60 * DAY, campaign="c0")
    for name in ("ann", "bob", "eve"):
        shop.order(name, name, 10_000)
        shop.money(name, "1", 1_900, noon, part="tax")
    shop.fact("claim", connection="mailchimp", model="mailchimp_report", minor=30_000)

    (found, whole) = reconcile(shop.engine(), Ask(now=0)).claim_differences

    assert found.causes == (
        Cause("basis", 1_900, None, 0, 1_900),
        Cause("window", 11_900, None, 0, 11_900),
        Cause("channel", 6_200, None, 0, 11_900),
    )
    assert (found.actual_minor, found.difference_minor, found.by_order) == (10_000, 20_000, False)
    assert (whole.connection, whole.causes) == ("all", found.causes)


def test_a_claim_below_what_is_there_is_not_claimed_and_one_beyond_all_cannot_be_explained(shop: Any, noon: int) -> None:
    """Nothing is hidden: what no cause can hold is said."""
    shop.touch("ann", noon - DAY, campaign="c0")
    shop.order("1", "ann", 10_000)
    shop.fact("claim", connection="mailchimp", model="LITTLE", minor=4_000)
    shop.fact("claim", connection="mailchimp", model="MUCH", minor=12_000)

    little, much, _ = reconcile(shop.engine(), Ask(now=0)).claim_differences

    assert little.causes == (Cause("not_claimed", -6_000, None, -10_000, 0),)
    assert much.causes == (Cause("unexplained", 2_000),)


def test_two_platforms_that_claim_one_order_are_a_double_claim(shop: Any, noon: int) -> None:
    """Both had mailed Ann; Bob came by e-mail of a platform that claims nothing."""
    shop.touch("ann", noon - 2 * DAY, campaign="c0")
    shop.touch("ann", noon - DAY, campaign=None, connection="hubspot")
    shop.touch("bob", noon - DAY, campaign=None, connection="other")
    shop.order("1", "ann", 10_000)
    shop.order("2", "bob", 300)
    shop.fact("claim", connection="mailchimp", model="mailchimp_report", minor=10_000)
    shop.fact("claim", connection="hubspot", model="LINEAR", minor=10_000)

    whole = reconcile(shop.engine(), Ask(now=0)).claim_differences[-1]

    assert (whole.claimed_minor, whole.actual_minor) == (20_000, 10_300)
    assert whole.causes == (Cause("double_claim", 10_000), Cause("not_claimed", -300))


def test_a_shops_own_journeys_claim_what_their_last_visit_brought(shop: Any, noon: int) -> None:
    """Ann came by e-mail last, Bob by search after it, Kim by e-mail and then directly; clicks elsewhere are not the shop's."""
    for person, visits in (("ann", ("google", "email")), ("bob", ("email", "google")), ("kim", ("email", "direct"))):
        for number, channel in enumerate(visits):
            at = noon - (3 - number) * DAY
            shop.touch(person, at, action=9, channel=channel, connection="shopify")
        shop.order(person, person, 1_000)
    shop.touch("eve", noon - DAY, campaign="c0")
    shop.order("eve", "eve", 1_000)

    (found,) = reconcile(shop.engine(), Ask(now=0)).claim_differences

    assert (found.connection, found.model, found.claimed_minor, found.actual_minor) == ("shopify", "shop_journey", 2_000, 4_000)
    assert found.causes == (Cause("not_claimed", -2_000, 2),)


def test_without_claims_or_revenue_the_ratio_is_null_with_its_reason(shop: Any, noon: int) -> None:
    """E0: never zero, never infinity."""
    shop.order("1", "ann", 1_000)
    silent = reconcile(shop.engine(), Ask(now=0))
    shop.fact("claim", connection="mailchimp", model="mailchimp_report", minor=10)
    claimed = reconcile(shop.engine(), Ask(now=0))

    def told(found: Any) -> dict[str, Any]:
        ratios = [each for each in found.as_estimates() if each.id == "over_claim" and each.by["basis"] == "net"]
        return {each.by["against"]: (each.value, each.reason) for each in ratios}

    assert told(silent) == {"email_touched": (None, "no_claims"), "all": (None, "no_claims")}
    assert told(claimed) == {"email_touched": (None, "no_denominator"), "all": (0.01, None)}


def test_no_orders_is_an_error_that_says_what_to_do(shop: Any) -> None:
    """Nothing to reconcile."""
    with pytest.raises(DataError, match="no orders to reconcile"):
        reconcile(shop.engine(), Ask(now=0))
