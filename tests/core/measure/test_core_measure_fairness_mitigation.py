"""Mitigation on made-up people: what each method learns, and what it does to those it has not seen."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from persync.cli import fairness_mitigation
from persync.measure.fairness.mitigation import logistic, methods
from persync.measure.fairness.mitigation.effects import effect, frontier, pick
from persync.measure.fairness.mitigation.people import People
from persync.measure.metric import Ask

ASK = Ask(now=0)
PRICES = {"right_choice": 10.0, "choice": 1.0}


def people(seed: int = 4, n: int = 4_000) -> People:
    """Two groups that deserve the same; the score takes three tenths from B, and living in the south gives B away."""
    rng = np.random.default_rng(seed)
    group = (rng.random(n) < 0.4).astype(int)
    qualified = rng.random(n) < 0.3
    south = rng.random(n) < np.where(group == 1, 0.9, 0.1)
    score = np.clip(0.3 + 0.4 * qualified - 0.3 * south + rng.normal(0, 0.15, n), 0, 1)
    facts = np.column_stack([south, ~south, rng.random(n) < 0.5]).astype(float)
    names = (("place", "south"), ("place", "north"), ("shoe", "large"))
    return People(("A", "B"), group, score, score > 0.45, qualified, np.arange(n) % 2 == 0, facts, names)


def test_the_weights_make_group_and_label_independent_and_add_up_to_the_people() -> None:
    """Kamiran & Calders: after weighing, each group has the label as often as everybody."""
    some = people()
    label = some.qualified & ~((some.group == 1) & (np.arange(len(some.group)) % 3 == 0))
    some = People(some.names, some.group, some.score, some.selected, label, some.learn, some.facts, some.fact_names)

    weight = methods.weights(some)

    assert weight.sum() == pytest.approx(len(label))
    for number in (0, 1):
        mine = some.group == number
        assert (weight * label)[mine].sum() / weight[mine].sum() == pytest.approx(label.mean())
    bare = np.bincount(some.group, weights=label) / some.sizes
    assert abs(bare[0] - bare[1]) > 0.05


def test_the_weighted_regression_is_that_of_statsmodels() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(500, 3))
    y = (rng.random(500) < 1 / (1 + np.exp(-(0.5 + x @ [1.0, -2.0, 0.0])))).astype(float)
    weight = rng.uniform(0.5, 2, 500)

    found = logistic.fit(x, y, weight, ridge=0.0)

    theirs = sm.GLM(y, sm.add_constant(x), family=sm.families.Binomial(), freq_weights=weight).fit()
    assert found == pytest.approx(theirs.params, abs=1e-6)
    assert logistic.predict(found, x) == pytest.approx(theirs.predict(sm.add_constant(x)), abs=1e-6)


def test_a_column_that_tells_the_label_outright_does_not_run_away() -> None:
    y = np.array([0.0, 1.0] * 50)

    found = logistic.fit(y.reshape(-1, 1), y, np.ones(100))

    assert np.isfinite(found).all()
    assert (logistic.predict(found, y.reshape(-1, 1)) > 0.5).tolist() == (y == 1).tolist()


def test_thresholds_of_its_own_bring_each_group_to_the_share_of_all_on_people_not_seen() -> None:
    some = people()
    learn, held = some.half(learn=True), some.half(learn=False)

    rule = methods.thresholds(learn, held, 1.0, "more")

    assert held.rates(held.selected)[1] < 0.6 * held.rates(held.selected)[0]
    assert held.rates(rule) == pytest.approx([learn.selected.mean()] * 2, abs=0.04)
    nothing = methods.thresholds(learn, held, 0.0, "more")
    assert nothing.astype(bool).tolist() == pytest.approx((held.score > 0.45).tolist(), abs=1)
    assert held.rates(nothing) == pytest.approx(held.rates(held.selected), abs=0.04)


def test_a_floor_by_lot_takes_nobody_out_and_brings_the_group_up_to_it() -> None:
    some = people()
    learn, held = some.half(learn=True), some.half(learn=False)

    rule = methods.floor(learn, held, 0.8, "more")

    assert (rule[held.selected] == 1).all()
    assert (rule[held.group == 0] == held.selected[held.group == 0]).all()
    assert held.rates(rule)[1] == pytest.approx(0.8 * learn.rates(learn.selected)[0], abs=0.04)
    spared = methods.floor(learn, held, 1.0, "less")
    assert (spared <= held.selected).all()
    assert held.rates(spared)[0] == pytest.approx(learn.rates(learn.selected)[1], abs=0.04)


def test_generic_mail_spares_the_group_that_bears_more_and_only_of_a_burden() -> None:
    some = people()
    learn, held = some.half(learn=True), some.half(learn=False)

    rule = methods.generic(learn, held, 1.0, "less")

    assert rule[held.group == 0].max() == 0
    assert (rule[held.group == 1] == held.selected[held.group == 1]).all()
    with pytest.raises(methods.UnfitError, match="not_a_burden"):
        methods.generic(learn, held, 1.0, "more")


def test_the_proxy_is_the_fact_that_tells_the_group_and_without_it_a_new_score_does_without_it() -> None:
    """A score that was learnt from unfair labels favours the north; without the place it cannot."""
    some = people()
    unfair = some.qualified & ((some.facts[:, 0] == 0) | (np.arange(len(some.group)) % 2 == 0))
    noise = np.random.default_rng(1).random(len(unfair))
    some = People(some.names, some.group, noise, some.selected, unfair, some.learn, some.facts, some.fact_names)
    learn, held = some.half(learn=True), some.half(learn=False)

    whole, dropped = (methods.drop_proxy(learn, held, strength, "more") for strength in (0.0, 1.0))

    assert methods.proxy(learn) == "place"
    assert held.rates(whole)[1] < 0.6 * held.rates(whole)[0]
    assert held.rates(dropped)[1] > 0.85 * held.rates(dropped)[0]
    weighed = methods.reweighing(learn, held, 1.0, "more")
    assert held.rates(weighed)[1] > held.rates(whole)[1] + 0.05


def test_without_scores_or_facts_or_a_proxy_a_method_says_so() -> None:
    some = people()
    bare = People(some.names, some.group, some.score, some.selected, some.qualified, some.learn, some.facts[:, :0], ())
    blind = People(
        some.names,
        some.group,
        np.full(len(some.group), np.nan),
        some.selected,
        some.qualified,
        some.learn,
        some.facts,
        some.fact_names,
    )
    harmless = People(
        some.names, some.group, some.score, some.selected, some.qualified, some.learn, some.facts[:, 2:], some.fact_names[2:]
    )

    assert frontier(bare, ASK, {}, "more")[1] == {
        "reweighing": "no_facts",
        "drop_proxy": "no_facts",
        "generic_mail": "not_a_burden",
    }
    assert frontier(blind, ASK, {}, "less")[1] == {"group_thresholds": "no_scores"}
    partly = people()
    partly.score[:100] = np.nan
    assert frontier(partly, ASK, {}, "less")[1] == {
        "group_thresholds": "no_scores",
        "reweighing": "no_scores",
        "drop_proxy": "no_scores",
    }
    assert frontier(harmless, ASK, {}, "more")[1] == {"drop_proxy": "no_proxy", "generic_mail": "not_a_burden"}


def test_the_command_line_knows_every_method() -> None:
    assert set(fairness_mitigation.METHODS) == {*methods.METHODS, methods.AS_DECIDED}


def test_who_stands_on_the_threshold_is_chosen_by_lot_so_that_the_share_is_kept() -> None:
    """Four facts make few scores: a quarter of the people, of whom half share the highest one."""
    scores = np.repeat([0.9, 0.4, 0.1], [50, 30, 20])

    assert methods._top(scores, np.array([0.95, 0.9, 0.4]), 0.25).tolist() == [1.0, 0.5, 0.0]
    assert methods._top(scores, scores, 0.65) == pytest.approx(np.repeat([1.0, 0.5, 0.0], [50, 30, 20]))
    assert methods._top(scores, scores, 0.0).sum() == 0
    assert methods._top(scores, scores, 1.0).sum() == 100


def test_effects_are_counted_by_hand() -> None:
    """40 of A of whom 20 are chosen, 40 of B of whom 10 are; half of the chosen and none else qualify."""
    group = np.repeat([0, 1], 40)
    selected = np.concatenate([np.arange(40) < 20, np.arange(40) < 10])
    qualified = selected & (np.arange(80) % 2 == 0)
    some = People(("A", "B"), group, np.zeros(80), selected, qualified, np.zeros(80, bool), np.zeros((80, 0)), ())

    one = effect("as_decided", 0.0, some, selected.astype(float), ASK, PRICES, "more")

    assert one.ratio is not None
    assert (one.worst, one.best, one.ratio.value) == ("B", "A", 0.5)
    assert one.accuracy.value == pytest.approx(65 / 80)
    assert one.money is not None
    assert one.money.value == pytest.approx(15 * 10 - 30)
    assert one.money.low < 120 < one.money.high
    assert one.roi == pytest.approx(120 / 30)
    assert effect("as_decided", 0.0, some, selected.astype(float), ASK, {}, "more").roi is None


def test_the_point_suggested_reaches_four_fifths_and_brings_the_most_of_those() -> None:
    effects, _ = frontier(people(), ASK, PRICES, "more")

    best = pick(effects)

    assert best is not None
    assert best.ratio is not None
    assert best.ratio.value >= 0.8
    rivals = [one for one in effects if one.ratio and one.ratio.value >= 0.8 and one.money]
    assert best.money is not None
    assert best.money.value == max(one.money.value for one in rivals if one.money)
    before = effects[0]
    assert before.ratio is not None
    assert before.ratio.value < 0.6
    none_reaches = [one for one in effects if one.ratio and one.ratio.value < 0.8]
    assert pick(none_reaches) == max(none_reaches, key=lambda one: one.ratio.value if one.ratio else 0)
    assert pick([]) is None
