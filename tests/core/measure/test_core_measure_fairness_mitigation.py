"""Mitigation on made-up people: what each method learns, and what it does to those it has not seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from persync.cli import fairness_decide
from persync.measure.fairness.mitigation import logistic, methods
from persync.measure.fairness.mitigation.effects import effect
from persync.measure.fairness.mitigation.frontier import STRENGTHS, frontier, pick
from persync.measure.fairness.mitigation.people import People, steering
from persync.measure.fairness.parities import Direction
from persync.measure.metric import Ask

ASK = Ask(now=0)
PRICES = {"right_choice": 10.0, "choice": 1.0}
DIRECTIONS: tuple[Direction, ...] = ("more", "less")


def people(seed: int = 4, n: int = 4_000) -> People:
    """Two groups that deserve the same; the score takes three tenths from B, and living in the south gives B away."""
    rng = np.random.default_rng(seed)
    group = (rng.random(n) < 0.4).astype(int)
    qualified = rng.random(n) < 0.3
    south = rng.random(n) < np.where(group == 1, 0.9, 0.1)
    score = np.clip(0.3 + 0.4 * qualified - 0.3 * south + rng.normal(0, 0.15, n), 0, 1)
    facts = np.column_stack([south, ~south, rng.random(n) < 0.5]).astype(float)
    names = (("place", "south"), ("place", "north"), ("shoe", "large"))
    both = np.ones(2, dtype=bool)
    return People(("A", "B"), group, score, score > 0.45, qualified, np.arange(n) % 4, facts, names, both)


def halves(some: People) -> tuple[People, People]:
    """Return the people to learn on and those held out."""
    return some.where(some.learn), some.where(~some.learn)


def joined(some: People, name: str, more: int, *, chosen: bool) -> People:
    """Add a group of `more` people to every part, all of them chosen or none, that may not steer."""
    parts = np.repeat(np.arange(4), more)
    count = len(parts)
    out = People(
        (*some.names, name),
        np.concatenate([some.group, np.full(count, len(some.names))]),
        np.concatenate([some.score, np.full(count, 0.9)]),
        np.concatenate([some.selected, np.full(count, chosen)]),
        np.concatenate([some.qualified, np.full(count, True)]),
        np.concatenate([some.part, parts]),
        np.concatenate([some.facts, np.zeros((count, some.facts.shape[1]))]),
        some.fact_names,
        np.append(some.steering, False),
    )
    return replace(out, steering=steering(out, (), 30))


def test_the_weights_make_group_and_label_independent_and_add_up_to_the_people() -> None:
    """Kamiran & Calders: after weighing, each group has the label as often as everybody."""
    some = people()
    label = some.qualified & ~((some.group == 1) & (np.arange(len(some.group)) % 3 == 0))
    some = replace(some, qualified=label)

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
    learn, held = halves(some)

    rule = methods.thresholds(learn, held, "more")(1.0)

    assert held.rates(held.selected)[1] < 0.6 * held.rates(held.selected)[0]
    assert held.rates(rule) == pytest.approx([learn.selected.mean()] * 2, abs=0.04)
    lost, won = (held.selected & (rule < 1)), (~held.selected & (rule > 0))
    assert held.score[lost & (held.group == 0)].max() <= held.score[(rule == 1) & (held.group == 0)].min()
    assert held.score[won & (held.group == 1)].min() >= held.score[(rule == 0) & (held.group == 1)].max()
    assert not (lost & (held.group == 1)).any()
    assert not (won & (held.group == 0)).any()


def test_a_floor_by_lot_takes_nobody_out_and_brings_the_group_up_to_it() -> None:
    some = people()
    learn, held = halves(some)

    rule = methods.floor(learn, held, "more")(0.8)

    assert (rule[held.selected] == 1).all()
    assert (rule[held.group == 0] == held.selected[held.group == 0]).all()
    assert held.rates(rule)[1] == pytest.approx(0.8 * learn.rates(learn.selected)[0], abs=0.04)
    spared = methods.floor(learn, held, "less")(1.0)
    assert (spared <= held.selected).all()
    assert held.rates(spared)[0] == pytest.approx(learn.rates(learn.selected)[1], abs=0.04)


def test_generic_mail_spares_the_group_that_bears_more_and_only_of_a_burden() -> None:
    some = people()
    learn, held = halves(some)

    rule = methods.generic(learn, held, "less")(1.0)

    assert rule[held.group == 0].max() == 0
    assert (rule[held.group == 1] == held.selected[held.group == 1]).all()
    with pytest.raises(methods.UnfitError, match="not_a_burden"):
        methods.generic(learn, held, "more")


def test_the_proxy_is_the_fact_that_tells_the_group_and_without_it_a_new_score_does_without_it() -> None:
    """A score that is learnt from labels unfair to B favours the north; without the place, or reweighed, it does not."""
    some = people()
    rng = np.random.default_rng(1)
    unfair = some.qualified & ((some.group == 0) | (rng.random(len(some.group)) < 0.5))
    noise = rng.random(len(unfair))
    some = replace(some, score=noise, qualified=unfair)
    learn, held = halves(some)

    dropped = methods.drop_proxy(learn, held, "more")(1.0)

    assert methods.proxy(learn) == "place"
    assert held.rates(dropped)[1] > 0.85 * held.rates(dropped)[0]
    weighed = methods.reweighing(learn, held, "more")(1.0)
    x, theirs = np.column_stack([learn.score, learn.facts]), np.column_stack([held.score, held.facts])
    unweighed = logistic.fit(x, learn.qualified, np.ones(len(x)))
    share = float(learn.selected.mean())
    whole = methods._top(logistic.predict(unweighed, x), logistic.predict(unweighed, theirs), share)
    assert held.rates(whole)[1] < 0.6 * held.rates(whole)[0]
    assert held.rates(weighed)[1] > 0.85 * held.rates(weighed)[0]
    half = methods.drop_proxy(learn, held, "more")(0.5)
    assert half == pytest.approx((dropped + held.selected) / 2)


def test_without_scores_or_facts_or_a_proxy_a_method_says_so() -> None:
    some = people()
    bare = replace(some, facts=some.facts[:, :0], fact_names=())
    blind = replace(some, score=np.full(len(some.group), np.nan))
    harmless = replace(some, facts=some.facts[:, 2:], fact_names=some.fact_names[2:])

    assert frontier(bare, ASK, {}, "more").unfit == {
        "reweighing": "no_facts",
        "drop_proxy": "no_facts",
        "generic_mail": "not_a_burden",
    }
    assert frontier(blind, ASK, {}, "less").unfit == {"group_thresholds": "no_scores"}
    partly = people()
    partly.score[:100] = np.nan
    assert frontier(partly, ASK, {}, "less").unfit == {
        "group_thresholds": "no_scores",
        "reweighing": "no_scores",
        "drop_proxy": "no_scores",
    }
    assert frontier(harmless, ASK, {}, "more").unfit == {"drop_proxy": "no_proxy", "generic_mail": "not_a_burden"}


def test_the_command_line_knows_every_method() -> None:
    assert set(fairness_decide.METHODS) == {*methods.METHODS, methods.AS_DECIDED}


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
    some = People(
        ("A", "B"), group, np.zeros(80), selected, qualified, np.full(80, 2), np.zeros((80, 0)), (), np.ones(2, dtype=bool)
    )

    one = effect("as_decided", 0.0, some, selected.astype(float), ASK, PRICES, "more")

    assert one.ratio is not None
    assert (one.worst, one.best, one.ratio.value) == ("B", "A", 0.5)
    assert one.accuracy.value == pytest.approx(65 / 80)
    assert one.money is not None
    assert one.money.value == pytest.approx(15 * 10 - 30)
    assert one.money.low < 120 < one.money.high
    assert one.gained == (0, 0, 0, None)
    assert one.roi is not None
    assert one.roi.value == pytest.approx(120 / 30)
    assert one.roi.low < 4 < one.roi.high
    everybody = effect("exploration_floor", 1.0, some, np.ones(80), ASK, PRICES, "more")
    assert everybody.gained is not None
    assert everybody.gained.value == pytest.approx(-50)
    assert everybody.gained.high < 0
    assert effect("as_decided", 0.0, some, selected.astype(float), ASK, {}, "more").roi is None


def test_the_point_suggested_is_the_best_of_those_at_four_fifths_else_the_fairest() -> None:
    effects = frontier(people(), ASK, PRICES, "more").effects

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


def test_what_is_judged_on_has_no_say_in_what_is_suggested_and_learning_none_in_judging() -> None:
    """Turned round among the people judged on, the labels make every figure another, and leave the suggestion where it was."""
    some = people()
    turned = replace(some, qualified=np.where(some.learn, some.qualified, ~some.qualified))

    one, other = (frontier(each, ASK, PRICES, "more") for each in (some, turned))

    assert one.suggested == other.suggested
    assert one.suggested is not None
    assert one.suggested[0] != "as_decided"
    assert (one.folds, one.learnt, one.judged) == ((1_000, 1_000), 2_000, 2_000)
    assert {each.people for each in (*one.effects, *other.effects)} == {2_000}
    assert all(a.accuracy != b.accuracy for a, b in zip(one.effects, other.effects, strict=True))
    as_decided = replace(some, qualified=np.where(some.learn, some.selected, some.qualified))
    assert frontier(as_decided, ASK, PRICES, "more").suggested != one.suggested


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    groups=st.integers(1, 4),
    share=st.floats(0, 1),
    direction=st.sampled_from(DIRECTIONS),
    scored=st.booleans(),
)
def test_at_strength_0_every_mitigation_is_the_decision_as_it_is(
    seed: int, groups: int, share: float, direction: Direction, scored: bool
) -> None:
    """Whatever the groups, the scores and the decision, and whichever groups steer: exactly, person by person."""
    rng = np.random.default_rng(seed)
    n = 120
    group, selected = rng.integers(0, groups, n), rng.random(n) < share
    facts = (rng.random((n, 2)) < np.array([[0.2], [0.8]])[group % 2, 0][:, None]).astype(float)
    some = People(
        tuple("ABCD"[:groups]),
        group,
        rng.integers(0, 5, n) / 4 if scored else np.full(n, np.nan),
        selected,
        rng.random(n) < 0.4,
        rng.integers(0, 4, n),
        facts,
        (("place", "north"), ("place", "south")),
        np.append(np.ones(groups - 1, dtype=bool), rng.random() < 0.5) | (np.arange(groups) == 0),
    )

    front = frontier(some, ASK, PRICES, direction)

    learn, held = halves(some)
    for name, method in methods.METHODS.items():
        if name not in front.unfit:
            assert methods.learnt(method, learn, held, direction)(0.0).tolist() == held.selected.tolist()
    nothing = [replace(one, method="as_decided") for one in front.effects if one.strength == 0]
    assert len(nothing) == 1 + len(methods.METHODS) - len(front.unfit)
    assert nothing == [nothing[0]] * len(nothing)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(("name", "more"), [("one", 1), ("unknown", 200)])
@pytest.mark.parametrize("chosen", [True, False])
def test_a_group_of_one_person_or_of_unknown_people_steers_no_mitigation(
    direction: Direction, name: str, more: int, chosen: bool
) -> None:
    """What happens to the others is the same to the last person with it and without it; its own people stay as decided."""
    some = people()
    with_it = joined(some, name, more, chosen=chosen)

    one, other = frontier(some, ASK, PRICES, direction), frontier(with_it, ASK, PRICES, direction)

    assert (one.suggested, one.unfit) == (other.suggested, other.unfit)
    ratios = [(each.name, each.ratio, each.worst, each.best) for each in one.effects]
    assert [(each.name, each.ratio, each.worst, each.best) for each in other.effects] == ratios
    (learn, held), (learn_too, held_too) = halves(some), halves(with_it)
    for which, method in methods.METHODS.items():
        if which not in one.unfit:
            made, beside = (methods.learnt(method, *parts, direction) for parts in ((learn, held), (learn_too, held_too)))
            for strength in STRENGTHS:
                rule = beside(strength)
                assert rule[held_too.group < 2].tolist() == made(strength).tolist()
                assert set(rule[held_too.group == 2].tolist()) == {float(chosen)}


def test_unknown_people_steer_where_the_user_says_so_and_hidden_groups_never() -> None:
    some = joined(people(), "unknown", 200, chosen=False)

    def may(hidden: tuple[str, ...] = (), least: int = 30, **more: Any) -> list[bool]:
        found: list[bool] = steering(some, hidden, least, **more).tolist()
        return found

    assert may() == [True, True, False]
    assert may(unknown=True) == [True, True, True]
    assert may(unknown=True, hidden=("B", "unknown")) == [True, False, False]
    assert may(unknown=True, least=201) == [True, True, False]
