"""Data-driven models through the store: what paths are, what a fit becomes in the ledger, and every reason for none."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from persync.attribution.credit import credit
from persync.attribution.datadriven import (
    NO_NULL_PATHS,
    NO_ORDERS,
    NO_STRENGTH,
    NO_TOUCHES,
    TOO_FEW_CONVERSIONS,
    Fitted,
    Inputs,
    Paths,
    prepared,
    strength_sql,
)
from persync.attribution.hazard import HAZARD
from persync.attribution.markov import MARKOV, fit_markov
from persync.attribution.models import MODELS, AttributionModel
from persync.attribution.registry import FITTED
from persync.attribution.shapley import SHAPLEY
from persync.estimate import Estimate
from persync.measure.metric import Ask
from persync.rows import Action

DAY = 86_400_000
LATER = 200
"""days after the orders: everything is mature"""


@pytest.fixture
def ask(noon: int) -> Ask:
    return Ask(now=noon + LATER * DAY, min_conversions=1)


def three_paths(shop: Any, noon: int) -> None:
    """C1 > C2 > C3 buys for 90.00; C1, and C2 > C3, come to nothing."""
    for person, channels in (("ann", ("c1", "c2", "c3")), ("bob", ("c1",)), ("eve", ("c2", "c3"))):
        for place, channel in enumerate(channels):
            shop.touch(person, noon - (9 - place) * DAY, channel=channel, campaign=channel)
    shop.order("1", "ann", 9_000)


def busy(shop: Any, noon: int, seed: int = 4, orders: int = 30) -> None:
    """People with e-mail, search and direct touches; some buy."""
    chance = random.Random(seed)
    for number in range(3 * orders):
        for _ in range(chance.randrange(1, 5)):
            channel = chance.choices(["email", "google", "direct"], [5, 3, 2])[0]
            action = Action.CLICK if channel == "email" else Action.VISIT
            at = noon - round(chance.random() * 25 * DAY)
            shop.touch(f"p{number}", at, channel=channel, action=action, campaign="c1" if channel == "email" else None)
        if number < orders:
            shop.order(str(number), f"p{number}", chance.randrange(500, 9_000))


def of(found: list[Estimate], id: str, model: str) -> dict[str, Any]:
    return {e.by["channel"]: e.value for e in found if e.id == id and e.by["model"] == model}


def test_three_paths_give_the_published_shares_and_a_ledger_that_adds_up(shop: Any, noon: int, ask: Ask) -> None:
    """Removal effects 1/2, 1, 1: one conversion and 90.00 both split 1 : 2 : 2, by their own names."""
    three_paths(shop, noon)

    order_one = replace(MARKOV, fit=lambda inputs: fit_markov(inputs, order=1))
    found = credit(shop.engine(), (order_one,), ("channel",), ask)

    assert of(found, "credit", "markov_removal") == {"c1": 18.0, "c2": 36.0, "c3": 36.0}
    assert of(found, "credit_population", "markov_removal") == pytest.approx({"c1": 0.2, "c2": 0.4, "c3": 0.4}, abs=1e-9)


def test_an_order_is_split_by_strength_and_then_over_the_touches_of_a_channel(shop: Any, ask: Ask, noon: int) -> None:
    """Strengths 3 and 1, two e-mail clicks and one visit: 37.50, 37.50, 25.00, whatever the population is."""
    shop.days_before("ann", 9, 5)
    shop.touch("ann", noon - DAY, channel="google", action=Action.VISIT)
    shop.touch("bob", noon - DAY, channel="google", action=Action.VISIT)
    shop.order("1", "ann", 10_000)
    mine = AttributionModel("mine", "A stranger's.", needs="channel_sets", fit=lambda _: Fitted({"email": 3.0, "google": 1.0}))

    engine = shop.engine()
    credit(engine, (mine,), ("channel",), ask)

    rows = engine.rows("SELECT c.position, c.mine FROM credit_ledger AS c ORDER BY c.position")
    assert rows == [{"position": 1, "mine": 3750}, {"position": 2, "mine": 3750}, {"position": 3, "mine": 2500}]


def test_a_stranger_adds_a_model_with_one_fit(shop: Any, noon: int, ask: Ask) -> None:
    """It says what it needs and is handed that alone; with a weight of its own it uses that."""
    three_paths(shop, noon)
    seen: list[Inputs] = []

    def fit(inputs: Inputs) -> Fitted:
        seen.append(inputs)
        return Fitted({"c1": 1.0, "c3": 4.0}, {"c1": 1.0}, weight=":channel_strength * :factor", params={"factor": 2.0})

    model = AttributionModel("mine", "A stranger's.", needs="transitions", fit=fit)
    found = credit(shop.engine(), (model, *MODELS), ("channel",), ask)

    assert of(found, "credit", "mine") == {"c3": 72.0, "c1": 18.0, "c2": 0.0, "(none)": 0.0}
    assert of(found, "credit_population", "mine") == {"c1": 1.0}
    (inputs,) = seen
    assert (inputs.channels, inputs.conversions, inputs.nulls) == (("c1", "c2", "c3"), 1, 2)
    assert (inputs.transitions is None, inputs.sets, inputs.ages) == (False, None, None)


def test_a_channel_without_strength_gets_nothing_unless_there_is_nothing_else(shop: Any, noon: int, ask: Ask) -> None:
    three_paths(shop, noon)
    shop.touch("kim", noon - DAY, channel="c2", campaign="c2")
    shop.order("2", "kim", 500)
    model = AttributionModel("mine", "A stranger's.", needs="transitions", fit=lambda _: Fitted({"c1": 1.0, "c3": 4.0}))

    found = credit(shop.engine(), (model,), ("channel",), ask)

    assert of(found, "credit", "mine") == {"c3": 72.0, "c1": 18.0, "c2": 5.0}


def paths_of(shop: Any, ask: Ask) -> set[tuple[int, tuple[str, ...]]]:
    """Return (is it converting, channels) of every path."""
    engine = shop.engine()
    Paths(engine, FITTED, ask)
    rows = engine.rows(
        "SELECT p.is_converting, p.path, p.part, w.text FROM paths AS p JOIN words AS w ON w.word = p.word"
        " ORDER BY p.is_converting, p.path, p.part, p.place, p.channel_rank"
    )
    keys = {(row["is_converting"], row["path"], row["part"]) for row in rows}
    return {
        (key[0], tuple(row["text"] for row in rows if (row["is_converting"], row["path"], row["part"]) == key)) for key in keys
    }


def test_null_paths_are_the_touches_that_no_order_claims(shop: Any, noon: int, ask: Ask) -> None:
    """Ann: two before the look-back of her order with a long silence between, one in it, one after; Bob: none ever bought."""
    shop.touch("ann", noon - 100 * DAY, channel="a")
    shop.touch("ann", noon - 60 * DAY, channel="b")
    shop.touch("ann", noon - 50 * DAY, channel="c")
    shop.touch("ann", noon - 10 * DAY, channel="d")
    shop.touch("ann", noon + 10 * DAY, channel="e")
    shop.touch("bob", noon, channel="f")
    shop.order("1", "ann", 9_000)

    assert paths_of(shop, ask) == {(1, ("d",)), (0, ("a",)), (0, ("b", "c")), (0, ("e",)), (0, ("f",))}


def test_touches_that_an_order_may_still_claim_and_orders_that_do_not_count_make_no_path(
    shop: Any, noon: int, ask: Ask
) -> None:
    shop.touch("ann", noon - DAY, channel="a")
    shop.touch("bob", ask.now - 10 * DAY, channel="b")
    shop.touch("bob", ask.now - 31 * DAY, channel="c")
    shop.order("1", "ann", 9_000, cancelled_at=noon + 1)

    assert paths_of(shop, ask) == {(0, ("c",))}


def test_touches_after_which_orders_are_not_known_make_no_path(shop: Any, noon: int, ask: Ask) -> None:
    """Orders are known until the 40th day after Ann's: what Cid got since may yet have led to one."""
    shop.order("1", "ann", 9_000)
    shop.touch("ann", noon - DAY, channel="a")
    shop.touch("bob", noon + 5 * DAY, channel="b")
    shop.touch("cid", noon + 15 * DAY, channel="c")
    shop.fact("reach", connection="shopify", stream="orders", to_at=noon + 40 * DAY)

    assert paths_of(shop, ask) == {(1, ("a",)), (0, ("b",))}


def test_paths_hold_the_kinds_of_touches_that_journeys_hold(shop: Any, noon: int, ask: Ask) -> None:
    """Opens by option, in null paths as in converting ones; machine opens never; what is left out is in neither."""
    for person, start in (("ann", noon), ("bob", noon - DAY)):
        shop.touch(person, start - 3 * DAY, channel="email", action=Action.OPEN)
        shop.touch(person, start - 2 * DAY, channel="email", action=Action.OPEN, campaign="c2", is_machine=1)
        shop.touch(person, start - DAY, channel="google", action=Action.VISIT)
        shop.touch(person, start - DAY // 2, channel="direct", action=Action.VISIT)
    shop.order("1", "ann", 9_000)

    assert paths_of(shop, ask) == {(1, ("google", "direct")), (0, ("google", "direct"))}
    opened = replace(ask, kinds=("click", "open", "visit"))
    assert paths_of(shop, opened) == {(1, ("email", "google")), (0, ("email", "google"))}
    assert paths_of(shop, replace(ask, kinds=("direct",))) == {(1, ("direct",)), (0, ("direct",))}


def reasons(shop: Any, ask: Ask) -> set[tuple[str, str | None]]:
    found = credit(shop.engine(), FITTED, ("channel",), ask)
    assert {e.value for e in found} == {None}
    assert {e.by["model"] for e in found} == {model.name for model in FITTED}
    return {(e.id, e.reason) for e in found}


def both(reason: str) -> set[tuple[str, str | None]]:
    return {("credit", reason), ("credit_population", reason)}


def test_too_few_conversions_are_a_null_with_the_reason(shop: Any, noon: int, ask: Ask) -> None:
    three_paths(shop, noon)

    assert reasons(shop, replace(ask, min_conversions=300)) == both(TOO_FEW_CONVERSIONS)
    assert Ask(now=0).min_conversions == 300


def test_only_converting_paths_are_a_null_with_the_reason(shop: Any, ask: Ask) -> None:
    shop.days_before("ann", 3, 2)
    shop.order("1", "ann")

    assert reasons(shop, ask) == both(NO_NULL_PATHS)


def test_no_orders_and_no_touches_are_nulls_with_their_reasons(shop: Any, new_shop: Any, ask: Ask) -> None:
    shop.days_before("ann", 3, 2)
    other = new_shop()
    other.order("1", "ann")
    other.order("2", None)

    assert reasons(shop, ask) == both(NO_ORDERS)
    assert reasons(other, ask) == both(NO_TOUCHES)
    other.engines[0].close()


def test_a_fit_that_finds_no_strength_is_a_null_with_the_reason(shop: Any, noon: int, ask: Ask) -> None:
    three_paths(shop, noon)
    model = AttributionModel("mine", "A stranger's.", needs="transitions", fit=lambda _: Fitted({"c1": 0.0}))

    assert [e.reason for e in credit(shop.engine(), (model,), (), ask)] == [NO_STRENGTH]


def test_a_model_that_cannot_be_used_takes_none_of_the_others_away(shop: Any, noon: int, ask: Ask) -> None:
    three_paths(shop, noon)
    linear = next(model for model in MODELS if model.name == "linear")

    found = credit(shop.engine(), (*FITTED, linear), ("channel",), replace(ask, min_conversions=2))

    assert of(found, "credit", "linear") == {"c1": 30.0, "c2": 30.0, "c3": 30.0}


@pytest.mark.parametrize("channel", ["email", "direct"])
def test_one_channel_takes_all_of_every_order_that_it_touched(shop: Any, noon: int, ask: Ask, channel: str) -> None:
    for person in ("ann", "bob", "eve"):
        shop.touch(person, noon - DAY, channel=channel, action=Action.VISIT)
    shop.order("1", "ann", 700)

    found = credit(shop.engine(), FITTED, ("channel",), ask)

    assert {e.by["model"]: e.value for e in found if e.id == "credit"} == dict.fromkeys((m.name for m in FITTED), 7.0)
    assert of(found, "credit_population", "markov_removal") == {channel: 1.0}
    assert of(found, "credit_population", "shapley_rate") == {channel: 1.0}


def test_the_order_of_arrival_changes_no_fit(shop: Any, noon: int, ask: Ask) -> None:
    busy(shop, noon)
    for number in range(90):
        shop.fact("same_person", keys=(f"p{number}",))

    seen = []
    for seed in (None, 1, 2):
        found = credit(shop.engine(seed), FITTED, ("channel",), ask)
        seen.append({(e.id, e.by["model"], e.by["channel"]): e.value for e in found})

    assert len(seen[0]) == 18
    for other in seen[1:]:
        assert other == pytest.approx(seen[0], rel=1e-9)


def test_every_fit_adds_up_to_the_ledger_and_the_population_to_the_conversions(shop: Any, noon: int, ask: Ask) -> None:
    busy(shop, noon)
    summing = [model for model in (*FITTED, *MODELS) if model.sums_to == "order"]
    found = credit(shop.engine(), summing, ("channel",), ask)
    totals = {model.name: round(sum(of(found, "credit", model.name).values()), 2) for model in summing}

    assert set(totals.values()) == {totals["linear"]}
    for model in (MARKOV, SHAPLEY):
        assert sum(of(found, "credit_population", model.name).values()) == pytest.approx(30)
    assert 0 < sum(of(found, "credit_population", HAZARD.name).values()) <= 30 + 1e-9


def test_without_a_fitted_model_nothing_is_computed(ask: Ask) -> None:
    assert prepared(None, MODELS, ask) == list(MODELS)  # type: ignore[arg-type]


def test_strengths_are_relative_and_what_has_none_gets_next_to_nothing() -> None:
    sql, params = strength_sql({"email": 0.5, "google": 0.25, "direct": 0.0}, {4: "email", 9: "google", 2: "direct", 3: "x"})

    assert sql == "(CASE j.word WHEN 4 THEN :strength_4 WHEN 9 THEN :strength_9 ELSE 1.000000e-18 END)"
    assert params == {"strength_4": 1.0, "strength_9": 0.5}
