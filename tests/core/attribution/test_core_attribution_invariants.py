"""What holds of every model that sums to the order, rules, fitted and calibrated ones, whatever the journeys are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from persync.attribution import ledger
from persync.attribution.calibrate import SUFFIX
from persync.attribution.custom import by_channel, by_expression, by_position
from persync.attribution.datadriven import Fitted, as_rule, prepared
from persync.attribution.hazard import HAZARD
from persync.attribution.markov import MARKOV
from persync.attribution.models import DECAY, MODELS, AttributionModel
from persync.attribution.registry import FITTED
from persync.attribution.shapley import SHAPLEY
from persync.engine import Engine
from persync.measure.metric import Ask
from persync.rows import Action

DAY = 86_400_000
OWN = (
    by_position("ends", (0.4, 0.1), (0.3,), 0.2),
    by_channel("mail_first", {"email": 2, "google": 1}, 0.5),
    by_expression("fading", "2 ** (-age_days / 3) if channel == 'email' else 0.5"),
)
NAMES = {model.name for model in OWN[1:]}
"""models that name channels themselves"""
BY_HAND = (
    (MARKOV, Fitted({"email": 0.7, "google": 0.31, "direct": 0.0})),
    (SHAPLEY, Fitted({"email": 1e-3, "direct": 2e-4, "facebook": 1 / 3})),
    (HAZARD, Fitted({"email": 0.05, "google": 0.02}, weight=f":channel_strength * {DECAY}", params={"half_life_days": 2.0})),
)
"""strengths that a fit could have found; a channel that is not named has none"""
CAUSED = {"linear": 0.37, "u_shaped": 0.0, "last_email": 0.9, "markov_removal": 1 / 3, "shapley_rate": 1.0, "hazard": 0.5}
"""the part that e-mail keeps of some models, as a holdout could have said"""
Make = Callable[[Engine], list[AttributionModel]]


def with_calibrated(engine: Engine, models: Sequence[AttributionModel]) -> list[AttributionModel]:
    """Return the models, and those of CAUSED scaled as well."""
    mail = [row["word"] for row in engine.rows("SELECT w.word FROM words AS w WHERE w.text = 'email'")]
    return [
        *models,
        *(
            replace(model, name=model.name + SUFFIX, baseline=dict.fromkeys(mail, 1 - CAUSED[model.name]))
            for model in models
            if model.name in CAUSED
        ),
    ]


def by_hand(called: Mapping[str, str]) -> Make:
    """Return what makes every model for an engine, fitted ones of the strengths above, channels by other names."""

    def make(engine: Engine) -> list[AttributionModel]:
        words = {row["word"]: row["text"] for row in engine.rows("SELECT w.word, w.text FROM words AS w")}
        fitted = [
            as_rule(model, replace(one, strengths={called.get(k, k): v for k, v in one.strengths.items()}), words)
            for model, one in BY_HAND
        ]
        return with_calibrated(engine, [*MODELS, *OWN, *fitted])

    return make


def really(noon: int) -> Make:
    """Return what fits the fitted models to the store itself."""

    def make(engine: Engine) -> list[AttributionModel]:
        fitted = prepared(engine, FITTED, Ask(now=noon + 200 * DAY, min_conversions=1))
        assert [model.reason for model in fitted] == ["", "", ""]
        return with_calibrated(engine, fitted)

    return make


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


def posted(shop: Any, engine: Engine, models: Sequence[AttributionModel]) -> dict[tuple[Any, ...], dict[str, int]]:
    """Return the ledger by what its rows mean: (order, event, position, reason) -> model -> minor units."""
    ledger.build(engine, models, Ask(now=0))
    orders = {number: name for (kind, name), number in shop.names.items() if kind == "order"}
    rows = engine.rows("SELECT * FROM credit_ledger AS c")
    return {
        (orders[row["order_id"]], row["event_number"], row["position"], row["reason"]): {m.name: row[m.name] for m in models}
        for row in rows
    }


def adds_up(shop: Any, engine: Engine, base: dict[tuple[Any, ...], dict[str, int]], models: Sequence[AttributionModel]) -> None:
    """Hold every row against its event: no touch ever holds less than nothing, and a full refund leaves nothing."""
    events = {
        (row["order_id"], row["event_number"]): row["amount_minor"] for row in engine.rows("SELECT * FROM ledger_events AS e")
    }
    orders = {number: name for (kind, name), number in shop.names.items() if kind == "order"}
    summing = [model.name for model in models if model.sums_to == "order"]
    sums: dict[tuple[str, int], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    held: dict[tuple[str, int, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for (order, event, position, reason), amounts in sorted(base.items()):
        for name in summing:
            sums[order, event][name] += amounts[name]
            # A refund may move a cent to a touch, when others have less to round down; what each holds is never below zero.
            held[order, position, reason][name] += amounts[name]
            assert held[order, position, reason][name] >= 0
    assert {key: dict(values) for key, values in sums.items()} == {
        (orders[number], event): dict.fromkeys(summing, minor) for (number, event), minor in events.items()
    }
    for (order, _, _), amounts in held.items():
        if int(order[1:]) % 2:
            assert set(amounts.values()) == {0}


def holds(new_shop: Any, noon: int, facts: dict[str, Any], make: Callable[[Mapping[str, str]], Make], **unseen: Any) -> None:
    """Models and rows may come in any order, and neither a channel's name nor one that no order saw changes anything."""
    shop, other, renamed = new_shop(), new_shop(), new_shop()
    write(shop, facts, noon)
    engine = shop.engine()
    models = make({})(engine)
    base = posted(shop, engine, models)
    adds_up(shop, engine, base, models)

    turned = shop.engine(seed=5)
    assert posted(shop, turned, make({})(turned)[::-1]) == base

    write(other, facts, noon)
    other.touch("stranger", noon - DAY, channel="billboard", campaign="x", **unseen)
    seen = other.engine()
    assert posted(other, seen, make({})(seen)) == base

    called = {"google": "zeppelin", "facebook": "aerial"}
    write(renamed, facts, noon, called)
    again = renamed.engine()
    found = posted(renamed, again, make(called)(again))
    plain = [model.name for model in models if model.name not in NAMES]
    assert {k: {n: v[n] for n in plain} for k, v in found.items()} == {k: {n: v[n] for n in plain} for k, v in base.items()}
    for each in (shop, other, renamed):
        for opened in each.engines:
            opened.close()


@settings(max_examples=8, deadline=None, derandomize=True)
@given(facts=shops())
def test_what_holds_of_every_model(new_shop: Any, noon: int, facts: dict[str, Any]) -> None:
    """Rules, the three fitted ones with strengths by hand, and six calibrated: each event's rows add up to it."""
    holds(new_shop, noon, facts, by_hand)


@settings(max_examples=3, deadline=None, derandomize=True)
@given(facts=shops())
def test_what_holds_of_every_model_holds_of_its_fit(new_shop: Any, noon: int, facts: dict[str, Any]) -> None:
    """Fitted anew in every store; people whose touches came to nothing stand in each. A channel that machines alone had was
    never seen."""
    nulls = [
        (f"n{number}", 30 + number, Action.VISIT, channel)
        for number, channel in enumerate(("email", "google", "direct", "facebook", "email", "google"))
    ]
    bought = [("p0", 5, Action.CLICK, "email"), ("p0", 6, Action.VISIT, "google")]
    more = {
        **facts,
        "touches": [*facts["touches"], *nulls, *bought],
        "orders": [*facts["orders"], ("p0", 0, 777), ("p0", 0, 1)],
    }
    # An order that counts: the last is refunded in full or not by its place, so one of the two is.
    holds(new_shop, noon, more, lambda called: really(noon), is_machine=1)


def test_every_registered_model_that_sums_to_the_order_is_held_to_this() -> None:
    registered = {model.name for model in (*MODELS, *FITTED) if model.sums_to == "order"}

    assert registered <= {model.name for model in (*MODELS, *OWN, *(model for model, _ in BY_HAND))}
    assert {model.name for model in FITTED} <= set(CAUSED)
