"""Value by exposure, win-back, and the next order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.measure.value_cases import ASK, START, buys, by_id, compute, watched
from persync.measure.metric import Experiment
from persync.measure.rules import DAY
from persync.measure.value import lift
from persync.measure.value.gaps import median_gap
from persync.measure.value_settings import ValueSettings


def exposed(shop: Any, *, after: bool = False) -> None:
    """Customers 1 to 4 get personalised mail, the others other mail, a day before (or after) the first order."""
    shop.load("campaign_levels", campaign_key=[1, 2], level=[3, 0], evidence=["", ""])
    for person in range(1, 9):
        buys(shop, person, 10, minor=3000 if person < 5 else 1000)
        at = START + (11 if after and person < 5 else 9) * DAY
        shop.add("touchpoints", connection=1, campaign_key=1 if person < 5 else 2, key_id=person, action=1, happened_at=at)
    watched(shop, 80)


def test_exposure_is_fixed_at_the_first_order(shop: Any) -> None:
    """30.00 against 10.00 to 30 and 60 days; later ages nobody has reached."""
    exposed(shop)

    read = {(one.id, one.by["age"]): (one.value, one.reason, one.label) for one in compute(shop, "cltv_lift")}

    raw = "raw difference"
    assert {key: found for key, found in read.items() if key[1] in ("30", "60", "90")} == {
        ("cltv_lift", "30"): (20.0, None, raw),
        ("cltv_lift_relative", "30"): (2.0, None, raw),
        ("cltv_lift", "60"): (20.0, None, raw),
        ("cltv_lift_relative", "60"): (2.0, None, raw),
        ("cltv_lift", "90"): (None, "immature", raw),
        ("cltv_lift_relative", "90"): (None, "immature", raw),
    }


def test_mail_that_came_only_to_those_who_stayed_is_refused(shop: Any) -> None:
    """Personalised mail after the first order goes to who lives long enough to get it."""
    exposed(shop, after=True)

    (read,) = compute(shop, "cltv_lift")

    assert (read.value, read.reason) == (None, lift.IMMORTAL)
    assert read.note.startswith("4 customers got personalised mail only after their first order")


def test_arms_are_compared_since_the_draw_buyers_or_not(shop: Any) -> None:
    """Two of four in the arm bought for 10.00, before the draw does not count: 5.00 against 0.00, randomised."""
    for person in range(1, 9):
        arm = "mail" if person < 5 else "none"
        shop.add("assignments", connection=1, experiment="test", key_id=person, arm=arm, assigned_at=START + 5 * DAY)
        buys(shop, person, 1)
    buys(shop, 1, 10)
    buys(shop, 2, 20)
    watched(shop, 50)
    ask = replace(ASK, arm="test", experiments={"test": Experiment("test", control="none")})

    read = [one for one in compute(shop, "cltv_lift", ask) if one.by["age"] == "30" and one.id == "cltv_lift"]

    assert [(one.value, one.n, one.label, one.by["arm"], one.by["against"]) for one in read] == [
        (5.0, 8, "randomised", "mail", "none")
    ]


def test_share_of_wallet_is_never_guessed(shop: Any) -> None:
    """Nobody told: null. Then 15.00 here of 40.00 everywhere; who spends more here than at all is counted."""
    for person in (1, 2):
        buys(shop, person, 10, minor=1000 if person == 1 else 500)
    watched(shop, 400)
    (untold,) = compute(shop, "share_of_wallet")
    assert (untold.value, untold.reason) == (None, "no_wallet")
    for person, minor in ((1, 3600), (2, 400)):
        shop.add("wallets", connection=1, key_id=person, category="", from_at=START, to_at=START + 300 * DAY,
                 amount_minor=minor, currency="EUR")  # fmt: skip

    (read,) = compute(shop, "share_of_wallet")

    assert (read.value, read.n) == (0.375, 2)
    assert "1 spent more here than they said to spend at all" in read.note


def dormant_shop(shop: Any) -> None:
    """Twelve customers of day 0; all but the last two get a message on day 200, three of them order on day 210."""
    for person in range(1, 13):
        buys(shop, person, 0)
        if person < 11:
            shop.add("touchpoints", connection=1, campaign_key=1, key_id=person, action=1, happened_at=START + 200 * DAY)
    for person in (1, 2, 3):
        buys(shop, person, 210)
    watched(shop, 300)


def test_dormant_customers_who_order_after_a_message_are_reactivated(shop: Any) -> None:
    dormant_shop(shop)

    read = by_id(compute(shop, "reactivation_rate"))

    assert (read["reactivation_rate"].value, read["reactivation_rate"].n) == (0.3, 10)
    assert read["reactivation_difference"].reason == "no_holdout"
    none = compute(shop, "reactivation_rate", replace(ASK, value=ValueSettings(winback=("We miss you",))))
    assert (none[0].value, none[0].reason) == (None, "no_denominator")


def test_a_holdout_says_what_the_win_back_caused(shop: Any) -> None:
    """Of the arm's dormant six three came, of the control's six none: +50 points, by holdout."""
    dormant_shop(shop)
    for person in range(1, 13):
        shop.add("assignments", connection=1, experiment="back", key_id=person, arm="mail" if person < 7 else "none")
    back = Experiment("back", control="none", since=START + 200 * DAY, days=30, holdout=True)

    read = by_id(compute(shop, "reactivation_rate", replace(ASK, experiments={"back": back})))["reactivation_difference"]

    assert (read.value, read.n, read.label) == (0.5, 12, "holdout")


def test_the_next_order_counts_those_still_waiting(shop: Any) -> None:
    """Of five waits two end by day 20 and three do not: not half. With five more that end by day 30, it is."""
    buys(shop, 1, 0, 10)
    buys(shop, 2, 0, 20)
    buys(shop, 3, 0)
    watched(shop, 110)

    (read,) = compute(shop, "next_order_gap")

    assert (read.value, read.reason) == (None, "not_reached")
    buys(shop, 4, 0, 10)
    buys(shop, 5, 0, 30, 60, 90)
    (read,) = compute(shop, "next_order_gap")
    assert (read.value, read.n) == (30.0, 5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 40), st.booleans()), min_size=1, max_size=40))
def test_the_median_is_kaplan_and_meiers(seen: list[tuple[int, bool]]) -> None:
    """Against the textbook's product over the days on which somebody came back."""
    came, ended = np.zeros((1, 41)), np.zeros((1, 41))
    for day, event in seen:
        ended[0, day] += 1
        came[0, day] += event
    stays, expected = 1.0, np.inf
    for day in range(41):
        at_risk = sum(1 for other, _ in seen if other >= day)
        events = sum(1 for other, event in seen if other == day and event)
        stays *= 1 - events / at_risk if at_risk else 1.0
        if stays <= 0.5 + 1e-12 and np.isinf(expected):
            expected = day

    assert median_gap(came, ended)[0] == expected
