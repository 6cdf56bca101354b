"""Credit: slices of the ledger that add up, by period and currency, whatever the order of arrival."""

from __future__ import annotations

import random
from typing import Any

import pytest

from persync.attribution import journeys, ledger
from persync.attribution.credit import credit
from persync.attribution.models import MODELS
from persync.errors import ConfigError, DataError
from persync.estimate import Estimate
from persync.measure.metric import Ask
from persync.rows import Action

DAY = 86_400_000


def values(found: list[Estimate], dimension: str) -> dict[str, tuple[Any, Any]]:
    """Return slice -> (value, n)."""
    return {each.by[dimension]: (each.value, each.n) for each in found}


def test_credit_is_split_by_channel_and_the_rest_is_said(shop: Any, model: Any) -> None:
    """Two orders with touches, one without; amounts in euros."""
    shop.days_before("ann", 5, 1)
    shop.days_before("ann", 2, channel="google", campaign=None, action=Action.VISIT, connection="shopify")
    shop.days_before("bob", 3)
    shop.order("1", "ann", 1_000)
    shop.order("2", "bob", 205)
    shop.order("3", "eve", 99)

    found = credit(shop.engine(), (model("linear"),), ("channel",), Ask(now=0))

    assert found == [
        Estimate("credit", 8.72, n=2, unit="EUR", by={"model": "linear", "channel": "email"}),
        Estimate("credit", 3.33, n=1, unit="EUR", by={"model": "linear", "channel": "google"}),
        Estimate("credit", 0.99, n=1, unit="EUR", by={"model": "linear", "channel": "(none)"}),
    ]


def test_every_split_adds_up_to_the_ledger(shop: Any) -> None:
    """Each model, each dimension: the same total to the cent."""
    shop.days_before("ann", 9, 5, 1)
    shop.days_before("ann", 2, channel="google", campaign=None, action=Action.VISIT, connection="shopify")
    shop.order("1", "ann", 9_999)
    shop.order("2", "bob", 1)
    engine = shop.engine()

    for by in ((), ("channel",), ("campaign",), ("connection",), ("level",), ("channel", "campaign", "connection")):
        found = credit(engine, MODELS, by, Ask(now=0))
        summing = [each.name for each in MODELS if each.sums_to == "order"]
        totals = {name: round(sum(e.value for e in found if e.by["model"] == name), 2) for name in summing}
        assert totals == dict.fromkeys(summing, 100.0)


def test_campaigns_are_named_by_connection_and_key(shop: Any, model: Any) -> None:
    """A touch without a campaign and money without a touch have names of their own."""
    shop.days_before("ann", 5)
    shop.days_before("ann", 4, campaign=None, channel="google")
    shop.order("1", "ann", 100)
    shop.order("2", "bob", 7)

    found = credit(shop.engine(), (model("linear"),), ("campaign",), Ask(now=0))

    assert values(found, "campaign") == {"mailchimp:c0": (0.5, 1), "(no campaign)": (0.5, 1), "(none)": (0.07, 1)}


def test_a_period_takes_events_by_their_own_date(shop: Any, noon: int, model: Any) -> None:
    """The refund of an earlier order counts when it happened, against the touch that had the credit."""
    shop.days_before("ann", 1)
    shop.order("1", "ann", 1_000)
    shop.money("1", "2", -400, noon + 40 * DAY, event="refund")
    engine = shop.engine()

    def at(begin: int, end: int) -> dict[str, tuple[Any, Any]]:
        ask = Ask(now=0, period=(noon + begin * DAY, noon + end * DAY))
        return values(credit(engine, (model("linear"),), ("channel",), ask), "channel")

    assert at(0, 30) == {"email": (10.0, 1)}
    assert at(30, 60) == {"email": (-4.0, 1)}
    assert at(0, 60) == {"email": (6.0, 1)}


def test_cancelled_and_refunded_orders_leave_the_counts_not_the_money(shop: Any, noon: int, model: Any) -> None:
    """E6."""
    shop.days_before("ann", 1)
    shop.order("1", "ann", 1_000)
    shop.order("2", "ann", 500, cancelled_at=noon + 1)
    shop.order("3", "ann", 300)
    shop.money("3", "2", -300, noon + DAY, event="refund")

    found = credit(shop.engine(), (model("linear"),), (), Ask(now=0))

    assert found == [Estimate("credit", 15.0, n=1, unit="EUR", by={"model": "linear"})]


def test_an_order_that_its_shop_deleted_is_in_none_of_its_totals(shop: Any, noon: int, model: Any) -> None:
    """What a pull found deleted counts neither as an order nor as money."""
    shop.days_before("ann", 1)
    shop.order("1", "ann", 1_000)
    shop.order("2", "ann", 500, status="deleted")

    found = credit(shop.engine(), (model("linear"),), (), Ask(now=0))

    assert found == [Estimate("credit", 10.0, n=1, unit="EUR", by={"model": "linear"})]


def test_two_currencies_are_never_added(shop: Any, noon: int, model: Any) -> None:
    """Refused by name, or turned into the one that is asked for at the day's rate: 10.00 EUR are 1,634 JPY."""
    shop.days_before("ann", 1)
    shop.order("1", "ann", 1_000)
    shop.order("2", "ann", None, currency="JPY")
    shop.money("2", "1", 900, noon, currency="JPY")
    engine = shop.engine()

    with pytest.raises(DataError, match=r"2 currencies \(EUR, JPY\)"):
        credit(engine, (model("linear"),), (), Ask(now=0))
    assert credit(engine, (model("linear"),), (), Ask(now=0, currency="JPY")) == [
        Estimate("credit", 2_534.0, n=2, unit="JPY", by={"model": "linear"})
    ]


def test_no_orders_is_said_not_shown_as_zero(shop: Any, model: Any) -> None:
    """E0."""
    shop.days_before("ann", 1)

    found = credit(shop.engine(), (model("linear"),), ("channel",), Ask(now=0))

    assert found == [Estimate("credit", None, reason="no_orders", by={"model": "linear"})]


def test_an_unknown_dimension_is_refused_with_the_nearest(shop: Any, model: Any) -> None:
    """Misspelt."""
    with pytest.raises(ConfigError, match="Did you mean 'channel'"):
        credit(shop.engine(), (model("linear"),), ("chanel",), Ask(now=0))


def test_the_order_of_arrival_changes_nothing(shop: Any, noon: int) -> None:
    """A busy shop, written in four orders with other surrogate numbers: the same credit, to the cent."""
    chance = random.Random(11)
    shop.fact("same_campaign", keys=("c1", "c2"))
    shop.fact("same_person", keys=("p1", "p2", "p3"))
    for number in range(120):
        shop.touch(
            f"p{chance.randrange(12)}",
            noon - chance.randrange(12) * DAY,
            campaign=chance.choice(["c1", "c2", "c3", None]),
            channel=chance.choice(["email", "direct", "google"]),
            action=chance.choice([Action.CLICK, Action.VISIT]),
            connection=chance.choice(["mailchimp", "hubspot"]),
            link=f"https://shop.example/{chance.randrange(3)}",
            ordinal=number,
        )
    for number in range(30):
        shop.order(str(number), f"p{number % 12}", chance.randrange(1, 50_000), noon - chance.randrange(6) * DAY)
        shop.money(str(number), "2", -chance.randrange(1, 500), noon + DAY, event="refund")

    seen = []
    for seed in (None, 1, 2, 3):
        found = credit(shop.engine(seed), MODELS, ("channel", "connection"), Ask(now=0))
        seen.append([(each.by, each.value, each.n) for each in found])

    assert seen[1:] == [seen[0]] * 3
    assert len(seen[0]) == len(MODELS) * 7  # what the e-mail rule gives to none has a slice of its own


def test_the_credit_of_a_period_is_the_same_from_its_own_orders_as_from_all(
    shop: Any, noon: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the order's date and by the touch's; the ledger that is made for a period leaves the other order out."""
    shop.days_before("ann", 9, 5, 1)
    shop.order("1", "ann", 9_999)
    shop.order("2", "bob", 205, at=noon + 200 * DAY)
    shop.money("2", "2", -5, noon + 300 * DAY, event="refund")
    engine = shop.engine()

    for reporting, begin, end in (("cash", 0, 1), ("cash", 300, 301), ("accrual", -6, -2), ("accrual", 200, 201)):
        ask = Ask(now=0, reporting=reporting, period=(noon + begin * DAY, noon + end * DAY))
        with monkeypatch.context() as everything:
            everything.setattr(journeys, "build_asked", lambda engine, ask: False)
            wide = credit(engine, MODELS, ("channel",), ask)
        assert credit(engine, MODELS, ("channel",), ask) == wide
        assert ledger.ties(engine, MODELS, ask, narrow=True) == ledger.Ties(1, {"EUR": 9_999 if begin < 200 else 200}, [])
        assert engine.rows("SELECT COUNT(DISTINCT c.order_id) AS n FROM credit_ledger AS c") == [{"n": 1}]
