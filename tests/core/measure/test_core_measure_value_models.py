"""Buy till you die: published fits, what each model expects against another implementation, and what must always hold."""

from __future__ import annotations

import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from persync.measure.btyd import bgnbd, gammagamma, paretonbd, worth
from persync.measure.btyd.cells import Cells, fold

MONTH = 4.345
"""weeks, as the published value of the first customer has it"""


@pytest.fixture(scope="module")
def cdnow(shared: Path) -> Any:
    """2,357 customers over 39 weeks: columns x, t_x, T (weeks) and zbar."""
    return np.genfromtxt(shared / "data" / "cdnow_summary_value.csv.gz", delimiter=",", names=True)


@pytest.fixture(scope="module")
def cells(cdnow: Any) -> Cells:
    return fold(cdnow["x"], cdnow["t_x"], cdnow["T"])


@pytest.fixture(scope="module")
def drawn() -> Cells:
    """Customers of other shapes than the published ones: frequent, and some with twenty repeats and more."""
    rng = np.random.default_rng(5)
    x = rng.poisson(rng.gamma(1.2, 4.0, 300)).astype(float)
    age = np.round(rng.uniform(5, 90, 300), 1)
    return fold(x, np.where(x > 0, np.round(rng.uniform(0.2, 1.0, 300) * age, 1), 0.0), age)


def each(people: Any) -> Cells:
    return Cells(people["x"], people["t_x"], people["T"], np.ones(len(people)))


def test_bg_nbd_finds_the_published_fit(cells: Cells) -> None:
    """Fader, Hardie, Lee 2005: r 0.2426, alpha 4.4135, a 0.7929, b 2.4258, log-likelihood -9582.43."""
    found = bgnbd.fit(cells)

    assert found is not None
    assert [round(one, 4) for one in found.parameters] == [0.2426, 4.4135, 0.7929, 2.4258]
    assert round(found.likelihood, 2) == -9582.43


def test_pareto_nbd_finds_the_published_fit(cells: Cells) -> None:
    """Same paper: r 0.553, alpha 10.578, s 0.606, beta 11.669, log-likelihood -9595.0."""
    found = paretonbd.fit(cells)

    assert found is not None
    r, alpha, s, beta = found.parameters
    assert (round(r, 3), round(alpha, 2), round(s, 3), round(beta, 2)) == (0.553, 10.58, 0.606, 11.67)
    assert round(found.likelihood, 1) == -9595.0


def test_gamma_gamma_finds_the_published_fit(cdnow: Any) -> None:
    """Fader and Hardie 2013: p 6.25, q 3.74, v 15.45; in cents p and q stay and v is a hundred times that."""
    found = gammagamma.fit(cdnow["x"], cdnow["zbar"])
    cents = gammagamma.fit(cdnow["x"], cdnow["zbar"] * 100)

    assert found is not None
    assert cents is not None
    assert [round(one, 2) for one in found.parameters] == [6.25, 3.74, 15.45]
    assert cents.parameters == pytest.approx((*found.parameters[:2], found.parameters[2] * 100), rel=1e-4)


def test_the_first_customer_is_worth_what_is_published(cdnow: Any, cells: Cells) -> None:
    """36.28 over twelve months at 1 % a month with cash at month ends; taking weeks for days would give about 140."""
    model, money = bgnbd.fit(cells), gammagamma.fit(cdnow["x"], cdnow["zbar"])
    assert model is not None
    assert money is not None
    one = each(cdnow[:1])
    spent = cdnow["x"][:1] * cdnow["zbar"][:1]

    value = worth.worth("bg_nbd", np.array(model.parameters), np.array(money.parameters), one, spent, 12, 0.01, MONTH)

    assert round(float(value[0]), 2) == 36.28


@pytest.mark.parametrize("weeks", [1, 39, 200])
def test_both_models_expect_what_an_independent_implementation_does(cdnow: Any, weeks: int) -> None:
    """Purchases to come, and the chance to be a customer still, customer by customer."""
    warnings.simplefilter("ignore")
    lifetimes = pytest.importorskip("lifetimes")
    people = each(cdnow)
    by = (cdnow["x"], cdnow["t_x"], cdnow["T"])
    bg, pareto = lifetimes.BetaGeoFitter(), lifetimes.ParetoNBDFitter()
    for fitter, names, values in (
        (bg, ("r", "alpha", "a", "b"), (0.243, 4.414, 0.793, 2.426)),
        (pareto, ("r", "alpha", "s", "beta"), (0.553, 10.578, 0.606, 11.669)),
    ):
        fitter.params_ = dict(zip(names, values, strict=True))
    found = np.array(list(bg.params_.values())), np.array(list(pareto.params_.values()))

    many = [bgnbd.expected(found[0], people, weeks), paretonbd.expected(found[1], people, weeks)]
    alive = [bgnbd.alive(found[0], people), paretonbd.alive(found[1], people)]

    told = [one.conditional_expected_number_of_purchases_up_to_time(weeks, *by) for one in (bg, pareto)]
    np.testing.assert_allclose(many[0], told[0], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(many[1], told[1], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(alive[0], bg.conditional_probability_alive(*by), rtol=1e-10)
    np.testing.assert_allclose(alive[1], pareto.conditional_probability_alive(*by), rtol=1e-5)
    assert bgnbd.expected_of_new(found[0], weeks) == pytest.approx(bg.expected_number_of_purchases_up_to_time(weeks))


@pytest.mark.parametrize("model", [bgnbd, paretonbd], ids=lambda model: model.NAME)
def test_the_slope_is_the_likelihoods(model: Any, drawn: Cells) -> None:
    """Each partial derivative is the difference quotient of the likelihood, away from the maximum."""
    at = model.slope(drawn)
    logs = np.log(np.array([0.7, 6.0, 0.9, 3.0]))

    _, gradient = at(logs)

    moves = np.eye(4) * 1e-6
    quotients = [(at(logs + move)[0] - at(logs - move)[0]) / 2e-6 for move in moves]
    np.testing.assert_allclose(gradient, quotients, rtol=1e-4, atol=1e-3)


def test_the_likelihood_is_the_papers_formula_customer_by_customer(drawn: Cells) -> None:
    """BG/NBD's equation 6 with its gamma and beta functions, summed one by one."""
    from scipy.special import beta, gammaln

    r, alpha, a, b = 0.7, 6.0, 0.9, 3.0
    total = 0.0
    for x, t_x, age, n in zip(drawn.x, drawn.t_x, drawn.T, drawn.n, strict=True):
        stays = beta(a, b + x) / beta(a, b) / (alpha + age) ** (r + x)
        went = beta(a + 1, b + x - 1) / beta(a, b) / (alpha + t_x) ** (r + x) if x else 0.0
        total += n * (np.log(stays + went) + gammaln(r + x) - gammaln(r) + r * np.log(alpha))

    assert bgnbd.slope(drawn)(np.log([r, alpha, a, b]))[0] == pytest.approx(total, rel=1e-12)


def test_pareto_nbds_integral_is_the_exact_one(drawn: Cells) -> None:
    """The part of those who left, by adaptive quadrature, also for customers with many repeats."""
    from scipy.integrate import quad

    r, alpha, s, beta = 0.6, 9.0, 0.5, 14.0
    _, went = paretonbd._parts(np.log(np.array([r, alpha, s, beta])), drawn)
    for i in range(0, len(drawn.x), 23):
        x, t_x, age = float(drawn.x[i]), float(drawn.t_x[i]), float(drawn.T[i])
        scale = (alpha + t_x) ** (r + x)
        found, _ = quad(
            lambda t, x=x, scale=scale: s * scale / (alpha + t) ** (r + x) / (beta + t) ** (s + 1), t_x, age, epsabs=0
        )
        assert went[i] == pytest.approx(np.log(found / scale), abs=1e-6)


def test_folding_changes_nothing(cdnow: Any, cells: Cells) -> None:
    """Cells hold as many customers, and the likelihood is that of the customers one by one, in any order."""
    logs = np.log(np.array([0.3, 5.0, 0.8, 2.0]))
    rng = np.random.default_rng(1)
    shuffled = cdnow[rng.permutation(len(cdnow))]

    assert cells.customers == 2357
    assert len(cells.x) < 1100
    assert bgnbd.slope(each(cdnow))(logs)[0] == pytest.approx(bgnbd.slope(cells)(logs)[0], rel=1e-12)
    again = fold(shuffled["x"], shuffled["t_x"], shuffled["T"])
    assert [one.tolist() for one in (again.x, again.t_x, again.T, again.n)] == [
        one.tolist() for one in (cells.x, cells.t_x, cells.T, cells.n)
    ]


def test_a_history_that_cannot_be_is_refused() -> None:
    """Nobody bought after the end of the time watched."""
    with pytest.raises(ValueError, match="last purchase"):
        fold(np.array([1.0]), np.array([5.0]), np.array([4.0]))


@pytest.mark.parametrize("x", [np.zeros(20), np.full(20, 2.0)], ids=["nobody came back", "everybody did"])
def test_without_both_kinds_of_customers_there_is_no_fit(x: Any) -> None:
    """A likelihood without a maximum gives None, not numbers at the edge of what floats hold."""
    assert bgnbd.fit(fold(x, x, np.full(20, 9.0))) is None


def test_more_time_never_means_fewer_purchases_and_a_discount_never_more_money(drawn: Cells) -> None:
    """Expected purchases grow with the horizon, and a rate takes from them what it must."""
    for model, parameters in (("bg_nbd", (0.7, 6.0, 0.9, 3.0)), ("pareto_nbd", (0.7, 6.0, 0.9, 3.0))):
        at = np.array(parameters)
        steps = [worth.MODELS[model].expected(at, drawn, weeks) for weeks in (0.5, 4, 26, 104)]
        assert all((later >= sooner - 1e-12).all() for sooner, later in pairwise(steps))
        whole = worth.purchases(model, at, drawn, 12, 0.0, MONTH)
        np.testing.assert_allclose(whole, worth.MODELS[model].expected(at, drawn, 12 * MONTH), rtol=1e-9)
        assert (worth.purchases(model, at, drawn, 12, 0.01, MONTH) <= whole).all()


def test_a_yearly_rate_is_the_months_that_compounds_to_it() -> None:
    assert (1 + worth.monthly(0.10)) ** 12 == pytest.approx(1.10)


def test_at_one_the_formula_has_its_limit(drawn: Cells) -> None:
    """With a = 1 (and s = 1) numerator and denominator are both zero: the value lies between its neighbours."""
    for model in (bgnbd, paretonbd):
        low, at, high = (model.expected(np.array([0.7, 6.0, a, 3.0]), drawn, 26.0) for a in (0.999, 1.0, 1.001))
        assert ((at >= np.minimum(low, high) - 1e-4) & (at <= np.maximum(low, high) + 1e-4)).all()


def test_who_bought_once_is_expected_to_spend_everybodys_mean_and_who_bought_often_their_own() -> None:
    p, q, v = 6.25, 3.74, 15.45
    found = gammagamma.expected(np.array([p, q, v]), np.array([0.0, 1e9]), np.array([0.0, 80e9]))

    assert found == pytest.approx([p * v / (q - 1), 80.0], rel=1e-6)


def test_customers_who_hardly_differ_give_numbers_all_the_same() -> None:
    """Buyers at one rate who never leave: the parameters run off, and what is expected is that rate times the time."""
    rng = np.random.default_rng(4)
    age = rng.integers(100, 700, 20_000) / 7
    x = rng.poisson(0.004 * age).astype(float)
    people = fold(x, np.where(x > 0, age * rng.uniform(0, 1, len(age)) ** (1 / np.maximum(x, 1)), 0.0), age)

    found = bgnbd.fit(people)
    assert found is not None
    weeks = bgnbd.expected(np.array(found.parameters), people, 52.0)
    far = bgnbd.expected(np.array([4e9, 1e12, 1e-9, 1e3]), people, 52.0)

    assert float(weeks @ people.n / people.customers) == pytest.approx(0.004 * 52, rel=0.1)
    assert far == pytest.approx(np.full(len(far), 0.004 * 52), rel=1e-3)
