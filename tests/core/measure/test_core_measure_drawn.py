"""What arms say: nothing is decided by arms that are not of the planned sizes, and every arm is read from its draw on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import pytest
from scipy.special import ndtr

from persync.estimate import Estimate
from persync.measure import METRICS, experiments
from persync.measure.arms import by_arm
from persync.measure.experiments import MISMATCH_NOTE
from persync.measure.fairness.benefit import assess
from persync.measure.intervals import newcombe
from persync.measure.lifts import with_lift
from persync.measure.metric import Ask, Experiment
from persync.measure.rules import DAY
from persync.measure.trials import observational, segments
from persync.measure.verdict import judge

BY_ID = {metric.id: metric for metric in METRICS}
DRAW = 400 * DAY
TEST = Experiment("test", control="control", since=DRAW, days=30, hypothesis="it sells more")
ASK = Ask(now=700 * DAY, experiments={"test": TEST})


def drawn(shop: Any, treated: int, control: int, *, spilt: int = 0) -> None:
    """The treated, and `spilt` of the control, are sent personalised mail, the others plain.

    Everybody bought before the draw or not, by lot; half of the treated and a fifth of the control bought after it.
    """
    n, rng = treated + control, np.random.default_rng(1)
    keys = range(1, n + 1)
    shop.load("person_of", key_id=keys, person=keys, hash=[int(x) for x in rng.integers(0, 2**53, n)])
    arms = ["a"] * treated + ["control"] * control
    shop.load("assignments", connection=[3] * n, experiment=["test"] * n, key_id=keys, arm=arms)
    shop.load("attributes", connection=[1] * n, key_id=keys, name=["side"] * n, value=["left", "right"] * (n // 2))
    sent = {"connection": [1] * n, "campaign_key": [1] * n, "key_id": keys, "action": [1] * n, "happened_at": [DRAW + DAY] * n}
    shop.load("touchpoints", **sent, level=[3] * (treated + spilt) + [0] * (control - spilt))
    before, after = rng.random(n) < 0.3, rng.random(n) < np.where(np.arange(n) < treated, 0.5, 0.2)
    people = [*(np.flatnonzero(before) + 1).tolist(), *(np.flatnonzero(after) + 1).tolist()]
    at = [20 * DAY] * int(before.sum()) + [DRAW + 5 * DAY + i for i in range(int(after.sum()))]
    orders = range(1, len(people) + 1)
    money = rng.integers(1000, 9000, len(people)).tolist()
    shop.load("order_of", order_key=orders, order_id=orders, is_money_source=[1] * len(people))
    paid = {"kind": ["order"] * len(people), "status": ["paid"] * len(people), "currency": ["EUR"] * len(people)}
    shop.load("orders", order_key=orders, connection=[1] * len(people), key_id=people, ordered_at=at, **paid)
    moved = {"entry": ["sale"] * len(people), "event": ["sale"] * len(people), "part": ["product"] * len(people)}
    shop.load("order_ledger", order_key=orders, happened_at=at, amount_minor=money, currency=["EUR"] * len(people), **moved)
    shop.order(n + len(people), n + 1, 1000, ordered_at=690 * DAY)  # orders are known until then
    spent = {"category": "tool", "currency": "EUR", "scope": "test", "amortise_months": 1}
    shop.add("costs", entry="c", happened_at=DRAW + DAY, amount_minor=10_000, **spent)


def of_the_test(shop: Any, ask: Ask) -> list[Estimate]:
    """Everything that any metric says of the experiment and would call caused, apart from what each arm did."""
    found: list[Estimate] = []
    own = {"cltv_lift", "reactivation_rate", "conversion_uplift"}
    for metric in METRICS:
        if metric.id not in own and not {"assignments", "memberships"} & {*metric.data}:
            continue
        asks = [ask, replace(ask, arm="test")] if metric.options.get("arms") == "own" else [ask]
        found += [one for a in asks for one in metric.compute(shop, a)]
    found += assess(shop, "side", ask)
    counts = ("arm_size", "contamination", "mean", "sample_ratio", "reached")
    return [e for e in found if e.label in ("randomised", "holdout") or ("experiment" in e.by and e.id not in counts)]


def test_arms_that_are_not_of_the_planned_sizes_carry_no_verdict_in_any_metric(shop: Any) -> None:
    """800 and 200 people where halves were planned: every line is null or says that it decides nothing."""
    drawn(shop, 800, 200)

    found = [e for e in of_the_test(shop, ASK) if e.value is not None]

    ids = {e.id for e in found}
    assert {"cltv_lift", "reactivation_difference", "roi_simple", "roi_holistic", "payback_period", "uplift_by_segment"} <= ids
    assert {e.id for e in found if "no verdict" not in e.note} == set()
    assert not [e for e in found if "it pays" in e.note or "the segments differ" in e.note]


def test_arms_of_the_planned_sizes_are_judged(shop: Any) -> None:
    """The same people as planned: four fifths and one fifth."""
    drawn(shop, 800, 200)
    planned = replace(TEST, planned_shares={"a": 0.8, "control": 0.2})

    found = of_the_test(shop, replace(ASK, experiments={"test": planned}))

    assert [e.id for e in found if MISMATCH_NOTE in e.note] == []
    assert any("it pays" in e.note for e in found if e.id == "roi_simple")


HELD: Final = replace(ASK, experiments={"test": replace(TEST, holdout=True)})


def test_a_holdout_that_was_mailed_too_carries_no_verdict_in_any_metric(shop: Any) -> None:
    """Everybody held out was sent the treated's mail: each number stays, says why it decides nothing, and scales no credit."""
    drawn(shop, 500, 500, spilt=500)

    found = [e for e in of_the_test(shop, HELD) if e.value is not None]

    ids = {"difference", "incremental_revenue", "cltv_lift", "roi_simple", "roi_holistic", "uplift_by_segment"}
    assert ids | {"benefit_difference", "reactivation_difference", "iteration_log"} <= {e.id for e in found}
    assert {e.id for e in found if "contaminated" not in e.note} == set()
    assert {e.id for e in found if "no verdict" not in e.note} == {"iteration_log"}  # which says: cannot tell
    assert {judge([e], 0.95)[0] for e in found if e.id == "difference"} == {("cannot tell", "contaminated")}
    said = next(e.note for e in found if e.id == "difference")
    assert "100 % of those held out were sent personalised mail, more than 10 %" in said
    assert "the difference is of the arms as drawn (intention to treat)" in said
    lift = with_lift(shop, HELD).lift
    assert lift is not None
    assert (lift.incremental.value, lift.incremental.reason) == (None, "contaminated")


@pytest.mark.parametrize(("spilt", "word"), [(0, "pays"), (50, "pays"), (51, "cannot tell")])
def test_a_tenth_of_a_holdout_mailed_is_the_most_that_decides(shop: Any, spilt: int, word: str) -> None:
    """Up to the limit it is decided and said beside the answer; nobody mailed is not worth a word."""
    drawn(shop, 500, 500, spilt=spilt)

    (found,) = [e for e in BY_ID["holdout_incrementality"].compute(shop, HELD) if e.id == "difference" and e.unit == "EUR"]

    assert judge([found], 0.95)[0].word == word
    assert ("(contamination)" in found.note, "contaminated" in found.note) == (spilt == 50, spilt == 51)


def test_too_many_people_in_several_arms_decide_nothing(shop: Any) -> None:
    """100 of 500 were drawn into the other arm too: who that happens to is no matter of chance."""
    drawn(shop, 250, 250)
    again = {"connection": [4] * 100, "experiment": ["test"] * 100, "key_id": range(201, 301)}
    shop.load("assignments", **again, arm=["control"] * 50 + ["a"] * 50)

    found = [e for e in BY_ID["ab_test"].compute(shop, ASK) if e.id == "difference"]

    assert {judge([e], 0.95)[0] for e in found} == {("cannot tell", "contaminated")}
    assert all("20 % were drawn into several arms, more than 10 %" in e.note for e in found)


def test_differences_of_shares_are_in_percentage_points_in_every_metric(shop: Any) -> None:
    """Not in per cent, which is what relative ones are in: the machine form says so too."""
    drawn(shop, 300, 300, spilt=20)
    shop.load(
        "attributes", connection=[2] * 600, key_id=range(1, 601), name=["age"] * 600, value=[str(i % 9) for i in range(600)]
    )

    found = [
        e
        for metric in ("ctr_improvement", "conversion_uplift", "observational_uplift")
        for e in BY_ID[metric].compute(shop, HELD)
    ]
    found += [e for metric in ("holdout_incrementality", "uplift_by_segment") for e in BY_ID[metric].compute(shop, HELD)]
    found += by_arm(shop, BY_ID["conversion_rate"], replace(HELD, arm="test"))

    units: dict[str, set[str]] = {}
    for e in found:
        units.setdefault(e.id, set()).add(e.as_json()["unit"])
    of_shares = ("conversion_uplift", "ctr_improvement", "conversion_rate_difference")
    both = ("difference", "difference_cuped", "uplift_by_segment", "uplift_shrunk", "observational_uplift")
    assert {id: units[id] for id in of_shares} == {id: {"points"} for id in of_shares}
    assert {id: units[id] for id in both} == {id: {"points", "EUR"} for id in both}
    assert units["relative"] == units["conversion_uplift_relative"] == {"share"}


def test_the_e_value_of_an_interval_that_holds_no_difference_is_one(shop: Any) -> None:
    """A cause that nobody knows need not be strong to explain away what chance explains; a clear difference needs one."""
    drawn(shop, 300, 300)

    found = BY_ID["observational_uplift"].compute(shop, HELD)

    point, interval = (e for e in found if e.id == "e_value")
    assert (interval.by["of"], 1 < float(interval.value or 0) < float(point.value or 0)) == ("interval", True)
    assert {e.unit for e in found if e.id == "balance"} == {""}
    ones, bought = np.array([1.0] * 50 + [0.0] * 50), np.array([1.0, 0.0] * 24 + [1.0, 1.0] + [1.0, 0.0] * 25)
    none = Estimate("observational_uplift", 0.02, -0.2, 0.24, n=100)
    weak, held = observational._e_values(bought, ones, np.full(100, 0.5), none)
    assert (float(weak.value or 0) > 1, held.value, held.note) == (True, 1.0, "the interval holds no difference as it is")


def test_people_of_whom_the_attribute_is_not_known_are_never_claimed(shop: Any) -> None:
    """The joint test is made without them, so it cannot license a claim about them, however large their effect."""
    drawn(shop, 600, 600)
    shop.db.execute("DELETE FROM attributes WHERE key_id % 3 = 0")
    shop.db.execute("DELETE FROM attributes WHERE value = 'left' AND key_id % 3 = 1 AND key_id <= 600")

    found = segments.splits(shop, TEST, ASK)

    unknown = [s for split in found for s in split.segments if s.effect.by["group"] == "unknown"]
    assert {split.tested for split in found} == {frozenset({"left", "right"})}
    assert {judge([s.effect], 0.95)[0].word for s in unknown} == {"pays"}
    assert {s.found for s in unknown} == {("cannot tell", "it is not in the joint test")}


@pytest.mark.parametrize("id", ["ab_test", "reactivation_rate", "roi_simple"])
def test_one_experiment_whose_settings_do_not_fit_does_not_hide_the_others(shop: Any, id: str) -> None:
    drawn(shop, 100, 100)
    other = replace(TEST, name="other", planned_shares={"b": 0.5, "c": 0.5})
    shop.load("assignments", connection=[3] * 20, experiment=["other"] * 20, key_id=range(1, 21), arm=["a", "control"] * 10)

    found = BY_ID[id].compute(shop, replace(ASK, experiments={"test": TEST, "other": other}))

    assert {e.reason for e in found if e.by.get("experiment") == "other"} == {"misconfigured"}
    assert any(e.value is not None for e in found if e.by.get("experiment") == "test")


def arms_of(shop: Any, id: str, ask: Ask = ASK) -> dict[tuple[str, str], Estimate]:
    """What `--arm test` says, by id and arm."""
    return {(e.id, e.by.get("arm", "")): e for e in by_arm(shop, BY_ID[id], replace(ask, arm="test"))}


@pytest.mark.parametrize(("id", "outcome"), [("conversion_rate", "conversion"), ("revenue_per_recipient", "revenue")])
@pytest.mark.parametrize("holdout", [False, True])
def test_arms_differ_by_what_reading_the_experiment_says(shop: Any, id: str, outcome: str, *, holdout: bool) -> None:
    """Everybody drawn since the draw: value, interval, p-value and label alike, to the last digit."""
    drawn(shop, 120, 120)
    experiment = replace(TEST, holdout=holdout)
    read = {
        (e.id, e.by["arm"]): e
        for e in experiments.read(shop, experiment, ASK)
        if e.by.get("outcome") == outcome and e.id != "relative"
    }

    told = arms_of(shop, id, replace(ASK, experiments={"test": experiment}))

    def numbers(e: Estimate) -> tuple[Any, ...]:
        return e.value, e.low, e.high, e.p, e.n, e.unit, e.label, e.period

    assert numbers(told[f"{id}_difference", "a"]) == numbers(read["difference", "a"])
    for arm in ("a", "control"):
        assert numbers(told[id, arm]) == numbers(read["mean", arm])
    assert told[f"{id}_difference", "a"].label == ("holdout" if holdout else "randomised")


def test_mail_and_orders_before_the_draw_are_in_no_arm(shop: Any) -> None:
    """Clicks, unsubscribes and orders of the year before move nothing; after it they are counted by person."""
    drawn(shop, 60, 60)
    click = {"connection": 1, "campaign_key": 1}
    for person in range(1, 61):
        shop.add("touchpoints", **click, key_id=person, action=1, happened_at=DAY)
        shop.add("touchpoints", **click, key_id=person, action=6, happened_at=2 * DAY)
    for person in (*range(1, 31), *range(61, 73)):
        shop.add("touchpoints", **click, key_id=person, action=6, happened_at=DRAW + 2 * DAY)

    told = arms_of(shop, "unsubscribe_rate")

    assert [told["unsubscribe_rate", arm].value for arm in ("a", "control")] == [0.5, 0.2]
    made = told["unsubscribe_rate_difference", "a"]
    assert (made.value, made.n, made.label) == (pytest.approx(0.3), 120, "randomised")
    assert (made.low, made.high) == pytest.approx(newcombe(30, 60, 12, 60)[1:3])


def test_an_arm_that_is_held_out_has_no_rate_of_messages(shop: Any) -> None:
    drawn(shop, 60, 60)
    shop.db.execute("DELETE FROM touchpoints WHERE key_id > 60")

    told = arms_of(shop, "ctr")

    assert {key: e.reason for key, e in told.items()} == {
        ("ctr", "a"): None,
        ("ctr", "control"): "no_denominator",
        ("ctr_difference", "a"): "no_denominator",
    }


def test_order_values_of_arms_differ_by_the_delta_method(shop: Any) -> None:
    """Two orders of one customer are no two customers."""
    drawn(shop, 60, 60)
    for i in range(20):
        shop.order(5000 + i, 1, 50_000, ordered_at=DRAW + 10 * DAY)

    told = arms_of(shop, "aov")

    rows = shop.rows(
        "SELECT o.key_id AS person, COUNT(*) AS x, SUM(l.amount_minor) / 100.0 AS y FROM orders AS o JOIN order_ledger AS l"
        f" ON l.order_key = o.order_key WHERE o.ordered_at >= {DRAW} AND o.ordered_at < {DRAW + 30 * DAY} GROUP BY o.key_id"
    )
    values, errors = [], []
    for arm in (range(1, 61), range(61, 121)):
        x, y = (np.array([float(row[name]) for row in rows if row["person"] in arm]) for name in "xy")
        values.append(y.sum() / x.sum())
        errors.append(((y - values[-1] * x) ** 2).sum() * len(x) / (len(x) - 1) / x.sum() ** 2)
    made = told["aov_difference", "a"]
    assert made.value == pytest.approx(values[0] - values[1])
    assert made.p == pytest.approx(2 * ndtr(-abs(values[0] - values[1]) / sum(errors) ** 0.5), abs=0.02)
    assert "whom the arm may change too" in told["aov", "a"].note


def test_arms_whose_days_are_not_over_say_so(shop: Any) -> None:
    drawn(shop, 60, 60)
    now = replace(ASK, now=DRAW + 10 * DAY)

    for id in ("conversion_rate", "aov", "ctr", "repeat_purchase_rate"):
        assert arms_of(shop, id, now)[f"{id}_difference", "a"].reason == "immature", id


def test_arms_by_what_was_sent_stand_side_by_side(shop: Any) -> None:
    """What was sent came after the draw; by an attribute from before it the difference is the draw's."""
    drawn(shop, 60, 60)

    by_level = by_arm(shop, BY_ID["conversion_rate"], replace(ASK, arm="test", by=("level",)))
    by_side = by_arm(shop, BY_ID["conversion_rate"], replace(ASK, arm="test", by=("side",)))

    assert [e.reason for e in by_level if e.id.endswith("_difference")] == ["after_draw"]
    assert [(e.by["side"], e.n) for e in by_side if e.id.endswith("_difference")] == [("left", 60), ("right", 60)]


def test_an_order_dated_in_the_future_is_left_out_and_said(shop: Any) -> None:
    """Of order values and of experiments without an end alike; a handful of customers are hidden."""
    drawn(shop, 40, 40)
    shop.order(9000, 1, 10**9, ordered_at=800 * DAY)
    open_ended = replace(ASK, experiments={"test": replace(TEST, days=None)})

    value, median, trimmed = BY_ID["aov"].compute(shop, ASK)
    read = experiments.read(shop, open_ended.experiments["test"], open_ended)

    assert [e.value is not None and e.value < 100 for e in (value, median, trimmed)] == [True] * 3
    assert {e.note.split("; ")[-1] for e in (value, median, trimmed)} == {"1 order dated in the future is left out"}
    (mean,) = [e for e in read if e.id == "mean" and e.by["arm"] == "a" and e.by["outcome"] == "revenue"]
    assert mean.value is not None
    assert mean.value < 100
    few = BY_ID["aov"].compute(shop, replace(ASK, period=(DRAW, DRAW + 5 * DAY + 3)))
    assert {(e.value, e.n, e.reason) for e in few} == {(None, None, "suppressed")}


def test_a_cost_of_the_future_is_not_spent_yet_though_it_names_the_test(shop: Any) -> None:
    drawn(shop, 100, 100)
    before = BY_ID["roi_simple"].compute(shop, ASK)
    shop.add("costs", entry="d", happened_at=900 * DAY, amount_minor=10**9, category="tool", currency="EUR", scope="test")

    assert BY_ID["roi_simple"].compute(shop, ASK) == before


def test_a_test_of_other_days_does_not_take_the_costs_of_one_that_is_over(shop: Any) -> None:
    """Costs that name nothing belong to the only test of their days; two on the same days must name theirs."""
    drawn(shop, 100, 100)
    shop.db.execute("UPDATE costs SET scope = ''")
    later = replace(TEST, name="later", since=500 * DAY)
    arms = {"key_id": range(1, 101), "arm": ["a", "control"] * 50}
    shop.load("assignments", connection=[3] * 100, experiment=["later"] * 100, **arms)

    def roi(second: Experiment) -> tuple[float | int | None, str | None]:
        ask = replace(ASK, experiments={"test": TEST, "later": second})
        found = {e.by["experiment"]: e for e in BY_ID["roi_simple"].compute(shop, ask) if e.id == "roi_simple"}
        return found["test"].value, found["test"].reason

    assert roi(later)[1] is None
    assert roi(replace(later, since=DRAW + 29 * DAY)) == (None, "cost_not_scoped")


def test_margin_is_what_is_set_else_what_unit_costs_say_in_the_same_words_everywhere(shop: Any) -> None:
    drawn(shop, 100, 100)
    lines = shop.rows("SELECT l.order_key AS k, l.amount_minor AS m FROM order_ledger AS l")
    revenue = {e.id: e for e in BY_ID["roi_simple"].compute(shop, ASK)}
    for line in lines:
        cost = round(line["m"] * 0.45)
        shop.add("order_lines", order_key=line["k"], line="1", quantity=1, price_minor=line["m"], unit_cost_minor=cost)

    as_set = {e.id: e for e in BY_ID["roi_simple"].compute(shop, replace(ASK, margin=0.3))}
    by_cost = {e.id: e for e in BY_ID["roi_simple"].compute(shop, ASK)}
    worth = {e.id: e for e in BY_ID["cltv_historic"].compute(shop, ASK) if e.by.get("age") == "to date"}

    assert "gain is revenue: no margin is known" in revenue["roi_simple"].note
    assert "gain is margin 30 % of net, as set" in as_set["roi_simple"].note
    said = "margin 55 % of net, unit costs known for 100 % of it"
    assert f"gain is {said}" in by_cost["roi_simple"].note
    assert said in worth["cltv_historic_margin"].note
    back = [float(found["returned_per_unit_spent"].value or 0) for found in (revenue, as_set, by_cost)]
    assert back == pytest.approx([back[0], back[0] * 0.3, back[0] * 0.55], rel=1e-3)
