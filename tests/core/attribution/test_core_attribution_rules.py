"""Every rule: worked cases by hand, and what holds of each of them whatever the journeys are."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


@st.composite
def shops(draw: st.DrawFn) -> dict[str, Any]:
    """Three people with touches, milestones and orders with refunds, in quarters of days before noon."""
    people = [f"p{number}" for number in range(3)]
    touches = draw(
        st.lists(
            st.tuples(
                st.sampled_from(people),
                st.integers(-8, 160),
                st.sampled_from([Action.CLICK, Action.VISIT, Action.OPEN]),
                st.sampled_from(["email", "direct", "google", "facebook"]),
            ),
            min_size=12,
            max_size=40,
        )
    )
    orders = draw(
        st.lists(
            st.tuples(st.sampled_from([*people, None]), st.integers(0, 60), st.integers(1, 99_999)), min_size=1, max_size=8
        )
    )
    marks = draw(st.lists(st.tuples(st.sampled_from(people), st.integers(0, 100), st.booleans()), max_size=6))
    return {"touches": touches, "orders": orders, "marks": marks, "part": draw(st.floats(0, 1))}


def write(shop: Any, facts: dict[str, Any], noon: int, names: dict[str, str] | None = None) -> None:
    """Note the facts; every order has a part refund, and half of them the rest as well."""
    called = names or {}
    for number, (person, quarters, action, channel) in enumerate(facts["touches"]):
        at = noon - quarters * DAY // 4
        shop.touch(person, at, action=action, channel=called.get(channel, channel), campaign=f"c{number}", ordinal=number)
    made: set[str] = set()
    for person, quarters, is_cart in facts["marks"]:
        at = noon - quarters * DAY // 4
        if is_cart:
            shop.fact("cart", person=person, created_at=at)
        elif person not in made:
            made.add(person)
            shop.fact("contact", person=person, created_at=at)
    for number, (person, quarters, minor) in enumerate(facts["orders"]):
        at = noon - quarters * DAY // 4
        shop.order(f"o{number}", person, minor, at)
        back = int(minor * facts["part"])
        shop.money(f"o{number}", "2", -back, at + DAY, event="refund")
        if number % 2:
            shop.money(f"o{number}", "3", back - minor, at + 2 * DAY, event="refund")


def posted(shop: Any, engine: Engine) -> dict[tuple[Any, ...], dict[str, int]]:
    """Return the ledger by what its rows mean: (order, event, position, reason) -> model -> minor units."""
    orders = {number: name for (kind, name), number in shop.names.items() if kind == "order"}
    rows = engine.rows("SELECT * FROM credit_ledger AS c")
    return {
        (orders[row["order_id"]], row["event_number"], row["position"], row["reason"]): {m.name: row[m.name] for m in RULES}
        for row in rows
    }


@settings(max_examples=8, deadline=None, derandomize=True)
@given(facts=shops())
def test_what_holds_of_every_rule(new_shop: Any, noon: int, facts: dict[str, Any]) -> None:
    """Rows of each event add up to it, no touch ever holds less than nothing, a full refund leaves nothing, models and rows
    may come in any order, and neither a channel's name nor one that no order saw changes anything."""
    shop = new_shop()
    write(shop, facts, noon)
    engine = shop.engine()
    ledger.build(engine, RULES, ASK)
    base = posted(shop, engine)
    events = {
        (row["order_id"], row["event_number"]): row["amount_minor"] for row in engine.rows("SELECT * FROM ledger_events AS e")
    }
    orders = {number: name for (kind, name), number in shop.names.items() if kind == "order"}

    sums: dict[tuple[str, int], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    held: dict[tuple[str, int, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for (order, event, position, reason), amounts in sorted(base.items()):
        for model in SUMMING:
            sums[order, event][model.name] += amounts[model.name]
            # A refund may move a cent to a touch, when others have less to round down; what each holds is never below zero.
            held[order, position, reason][model.name] += amounts[model.name]
            assert held[order, position, reason][model.name] >= 0
    assert {key: dict(values) for key, values in sums.items()} == {
        (orders[number], event): {model.name: minor for model in SUMMING} for (number, event), minor in events.items()
    }
    for (order, _, _), amounts in held.items():
        if int(order[1:]) % 2:
            assert set(amounts.values()) == {0}

    turned = shop.engine(seed=5)
    ledger.build(turned, tuple(reversed(RULES)), ASK)
    assert posted(shop, turned) == base

    other = new_shop()
    write(other, facts, noon)
    other.touch("stranger", noon - DAY, channel="billboard", campaign="x")
    ledger.build(other.engine(), RULES, ASK)
    assert posted(other, other.engines[-1]) == base

    renamed = new_shop()
    write(renamed, facts, noon, {"google": "zeppelin", "facebook": "aerial"})
    plain = [model.name for model in RULES if model.name not in ("mail_first", "fading")]  # these name channels themselves
    ledger.build(renamed.engine(), RULES, ASK)
    found = posted(renamed, renamed.engines[-1])
    assert {k: {n: v[n] for n in plain} for k, v in found.items()} == {k: {n: v[n] for n in plain} for k, v in base.items()}
    for each in (shop, other, renamed):
        for opened in each.engines:
            opened.close()


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
