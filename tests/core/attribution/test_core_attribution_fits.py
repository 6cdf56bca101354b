"""What a fit found is told: figures for machines, a sentence for people, and a note where a value is not positive."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from persync.attribution.credit import credit
from persync.attribution.datadriven import UP_TO_NOW, ChannelSets, Fitted, Inputs, populations, prepared
from persync.attribution.fits import figures, sentence
from persync.attribution.hazard import HAZARD
from persync.attribution.markov import MARKOV
from persync.attribution.models import MODELS
from persync.attribution.registry import FITTED
from persync.attribution.shapley import SHAPLEY, fit_shapley
from persync.measure.metric import Ask

DAY = 86_400_000


def harm() -> Fitted:
    """A fit in which paths with direct visits convert less than those without."""
    member = np.array([[False, True], [True, False], [True, True]])
    paths, conversions = np.array([1_000.0, 1_000.0, 1_000.0]), np.array([500.0, 0.0, 0.0])
    sets = ChannelSets(member, paths, conversions, np.zeros(3, np.int64))
    return fit_shapley(Inputs(("direct", "email"), 500, 2_500, sets=sets))


def test_a_shapley_value_that_is_not_positive_is_named_with_what_it_was() -> None:
    """Worth of e-mail alone 0.5, of direct and of both next to 0: direct adds half of -0.5, e-mail half of 0.5."""
    found = harm()

    told = populations([replace(SHAPLEY, fit=None, fitted=found)])

    direct, email = found.diagnostics["value direct"], found.diagnostics["value email"]
    assert direct == pytest.approx(-0.25, abs=0.01)
    assert {e.by["channel"]: e.value for e in told} == {"email": 500.0, "direct": 0.0}
    expected = f"{UP_TO_NOW}; not positive, so counted as nothing: direct ({direct:.2g}); no interval"
    assert [e.note.startswith(expected) for e in told] == [True, True]
    assert [(e.by["channel"], e.value) for e in figures([replace(SHAPLEY, fitted=found)])] == [
        ("direct", direct),
        ("email", email),
    ]
    assert sentence(replace(SHAPLEY, fitted=found)) == (
        f"values in points of the rate of conversion: email {email * 100:+.3f}, direct {direct * 100:+.3f}"
    )


def test_the_note_stands_beside_the_credit_too(shop: Any, noon: int) -> None:
    for person, channel in (("ann", "email"), ("bob", "direct"), ("eve", "email")):
        shop.touch(person, noon - DAY, channel=channel, campaign="c")
    shop.order("1", "ann", 900)
    ask = Ask(now=noon + 200 * DAY, min_conversions=1, period=(noon - DAY, noon + DAY))

    found = credit(shop.engine(), (replace(SHAPLEY, fit=lambda _: harm()),), ("channel",), ask)

    assert all("direct (-0.24)" in e.note for e in found if e.value is not None)
    assert {e.period for e in found if e.id == "credit"} == {ask.period}
    assert {e.note.partition(";")[0] for e in found if e.id == "credit_population"} == {UP_TO_NOW}


def test_what_every_fit_found_is_told(shop: Any, noon: int) -> None:
    for number in range(12):
        shop.touch(f"p{number}", noon - 2 * DAY, channel="email" if number % 3 else "google", campaign="a")
        shop.touch(f"p{number}", noon - DAY, channel="google", campaign="b")
        if number % 2:
            shop.order(str(number), f"p{number}", 900)
    engine, ask = shop.engine(), Ask(now=noon + 200 * DAY, min_conversions=1)
    ready = prepared(engine, (*FITTED, *MODELS), ask)

    told = {(e.by["model"], e.by["figure"]) for e in figures(ready)}

    assert told >= {
        *(("markov_removal", figure) for figure in ("order", "p_conversion", "states")),
        *(("markov_removal", f"held_out_log_likelihood_{order}") for order in (1, 2, 3)),
        ("shapley_rate", "value"),
        *(("hazard", figure) for figure in ("half_life_days", "baseline_orders_per_day", "baseline", "log_likelihood")),
    }
    (fixed,) = prepared(engine, (MARKOV,), replace(ask, markov_order=3))
    assert {e.by["figure"]: e.value for e in figures([fixed])}["order"] == 3
    assert sentence(fixed).startswith("order 3 (")
    said = {model.name: sentence(model) for model in ready}
    assert said[MARKOV.name].startswith("order 2 (mean log likelihood of a step of people not seen: ")
    assert "a path converts with probability 50.00 %" in said[MARKOV.name]
    assert "orders a person and day without any touch" in said[HAZARD.name]
    assert {said[model.name] for model in MODELS} == {""}
    assert sentence(replace(MARKOV, fitted=Fitted(reason="no_orders"))) == ""
