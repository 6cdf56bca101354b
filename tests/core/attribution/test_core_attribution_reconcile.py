"""Reconciliation: the shop, the store and the platforms' claims, to the cent."""

from __future__ import annotations

from typing import Any

import pytest

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
    full = {(each.id, *each.by.values()): each.value for each in reconcile(engine, Ask(now=0)).as_estimates()}

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
