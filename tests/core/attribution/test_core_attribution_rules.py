"""Every rule: worked cases by hand, and poor input; what holds of all models whatever the journeys are stands beside."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from persync.attribution import journeys, ledger
from persync.attribution.credit import credit
from persync.attribution.custom import by_channel, by_expression, by_position
from persync.attribution.models import MODELS, AttributionModel
from persync.engine import Engine
from persync.measure.metric import Ask
from persync.rows import Action

DAY = 86_400_000
ASK = Ask(now=0)
OWN = (
    by_position("ends", (0.4, 0.1), (0.3,), 0.2),
    by_channel("mail_first", {"email": 2, "google": 1}, 0.5),
    by_expression("fading", "2 ** (-age_days / 3) if channel == 'email' else 0.5"),
)
RULES = (*MODELS, *OWN)
SUMMING = tuple(model for model in RULES if model.sums_to == "order")


def shares(engine: Engine, model: AttributionModel, ask: Ask = ASK) -> list[float]:
    """Return each touch's share of its order, in the journey's order, from the raw weights."""
    journeys.build(engine, ask, (model,))
    weights, params = ledger.weights((model,))
    rows = engine.rows(f"SELECT {weights[0]} FROM journeys AS j ORDER BY j.order_id, j.position", params)
    total = sum(row["w0"] for row in rows)
    return [row["w0"] / total for row in rows]


def named(name: str) -> AttributionModel:
    return next(model for model in MODELS if model.name == name)


SEVENTH = 1 / 7


@pytest.mark.parametrize(
    ("model", "days", "expected"),
    [
        ("u_shaped", (9, 7, 5, 3, 1), [0.4, 0.2 / 3, 0.2 / 3, 0.2 / 3, 0.4]),
        ("u_shaped", (9, 7), [0.5, 0.5]),
        ("u_shaped", (9,), [1]),
        ("time_decay", (14, 7, 0), [SEVENTH, 2 * SEVENTH, 4 * SEVENTH]),
        ("j_shaped", (9, 7, 5, 3), [0.2, 0.1, 0.1, 0.6]),
        ("j_shaped", (9, 7), [0.25, 0.75]),
        ("inverse_j_shaped", (9, 7, 5, 3), [0.6, 0.1, 0.1, 0.2]),
        ("inverse_j_shaped", (9,), [1]),
        ("w_shaped", (9, 7, 5), [0.9, 0.05, 0.05]),
        ("full_path", (9, 7, 5), [0.45, 0.1, 0.45]),
        ("full_path", (9,), [1]),
        ("linear", (3, 2, 1), [1 / 3] * 3),
    ],
)
def test_a_rule_without_milestones_shares_as_it_says(shop: Any, model: str, days: tuple[float, ...], expected: Any) -> None:
    shop.days_before("ann", *days)
    shop.order("1", "ann")

    assert shares(shop.engine(), named(model)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("model", "lead", "opportunity", "expected"),
    [
        ("w_shaped", 6, 3, [0.3, 0.3, 0.05, 0.3, 0.05]),
        ("w_shaped", 6, None, [0.45, 0.45, 0.1 / 3, 0.1 / 3, 0.1 / 3]),
        ("w_shaped", None, 3, [0.45, 0.1 / 3, 0.1 / 3, 0.45, 0.1 / 3]),
        ("w_shaped", 8.5, 8.4, [0.9, 0.025, 0.025, 0.025, 0.025]),
        ("full_path", 6, 3, [0.225, 0.225, 0.1, 0.225, 0.225]),
        ("full_path", 6, None, [0.3, 0.3, 0.05, 0.05, 0.3]),
        ("full_path", 0.5, 0.4, [0.225, 0.1 / 3, 0.1 / 3, 0.1 / 3, 0.675]),
        ("u_shaped", 6, 3, [0.4, 0.4, 0.2 / 3, 0.2 / 3, 0.2 / 3]),
        ("u_shaped", 8.5, None, [0.8, 0.05, 0.05, 0.05, 0.05]),
    ],
)
def test_milestones_take_their_share_and_a_missing_ones_is_spread(
    shop: Any, noon: int, model: str, lead: float | None, opportunity: float | None, expected: list[float]
) -> None:
    """Five touches 9, 7, 5, 3 and 1 days before; the lead is made and the cart begun so many days before."""
    shop.days_before("ann", 9, 7, 5, 3, 1)
    if lead is not None:
        shop.fact("contact", person="ann", created_at=noon - round(lead * DAY))
    if opportunity is not None:
        shop.fact("cart", person="ann", created_at=noon - round(opportunity * DAY))
    shop.order("1", "ann")

    assert shares(shop.engine(), named(model)) == pytest.approx(expected, abs=1e-9)


def test_a_half_life_is_what_it_is_set_to(shop: Any) -> None:
    shop.days_before("ann", 4, 2, 0)
    shop.order("1", "ann")

    model = replace(named("time_decay"), params={"half_life_days": 2.0})
    assert shares(shop.engine(), model) == pytest.approx([SEVENTH, 2 * SEVENTH, 4 * SEVENTH], abs=1e-9)


def test_distinct_channels_share_equally_and_exactly(shop: Any, credits: Any) -> None:
    """Three e-mails and one visit of 100.00: 50.00 and 50.00, though a third of a channel is no round number."""
    shop.days_before("ann", 4, 3, 2)
    shop.days_before("ann", 1, channel="google", campaign=None)
    shop.order("1", "ann", 10_000)
    engine = shop.engine()
    ledger.build(engine, MODELS, ASK)

    assert credits(engine, "linear_distinct") == [1666, 1667, 1667, 5000]
    assert [credits(engine, "any_click")[i] for i in (0, 3)] == [10_000, 10_000]


def test_three_touches_of_a_hundred_and_a_partial_refund(shop: Any, noon: int) -> None:
    """33.33, 33.33, 33.34; of 40.00 given back each gives what makes 60.00 three times 20.00."""
    shop.days_before("ann", 3, 2, 1)
    shop.order("1", "ann", 10_000)
    shop.money("1", "2", -4_000, noon + DAY, event="refund")
    engine = shop.engine()
    ledger.build(engine, (named("linear"),), ASK)

    rows = engine.rows("SELECT c.event_number, c.linear FROM credit_ledger AS c ORDER BY c.event_number, c.position")
    assert [tuple(row.values()) for row in rows] == [(1, 3333), (1, 3333), (1, 3334), (2, -1333), (2, -1333), (2, -1334)]


@pytest.mark.parametrize("case", ["no orders", "no touches", "all direct", "one channel", "future", "nobody"])
def test_poor_input_is_said_and_never_a_crash(shop: Any, noon: int, case: str) -> None:
    """All money is somewhere: with the touches there are, or in a slice that says there are none."""
    if case == "all direct":
        shop.days_before("ann", 2, 1, channel="direct", action=Action.VISIT, campaign=None)
    if case == "one channel":
        shop.days_before("ann", 2, 1)
    if case == "future":
        shop.days_before("ann", -1, -2)
    if case != "no orders":
        shop.order("1", None if case == "nobody" else "ann", 1_000)

    found = credit(shop.engine(), RULES, ("channel",), ASK)

    by_model = {model.name: [e for e in found if e.by["model"] == model.name] for model in RULES}
    if case == "no orders":
        assert {each.reason for one in by_model.values() for each in one} == {"no_orders"}
        return
    for model in SUMMING:
        assert sum(e.value or 0 for e in by_model[model.name]) == 10
    where = {
        name: {e.by["channel"]: e.value for e in one if e.value}
        for name, one in by_model.items()
        if name in ("linear", "last_email")
    }
    touched = {"all direct": "direct", "one channel": "email"}.get(case, "(none)")
    mailed = "email" if case == "one channel" else "(none)"
    assert where == {"linear": {touched: 10.0}, "last_email": {mailed: 10.0}}
