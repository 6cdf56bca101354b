"""Scaled to a holdout, a model is nearer to what e-mail caused than every rule: in ten worlds fixed beforehand.

The model scaled is `linear`, the seeds are 1 to 10. The error is what a model credits to the channel e-mail less what e-mail
caused, in absolute value: over the year, and in the days of the holdout.
"""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from e2e.world_store import email_credit, question, stored
from persync.attribution.models import MODELS
from persync.engine import open_engine
from persync.estimate import Estimate
from persync.measure.lifts import with_lift
from persync.sandbox.demo import make_world

SEEDS = range(1, 11)
SCALED = "linear_calibrated"
RULES = [model.name for model in MODELS if model.fit is None]
DAY = 86_400_000


@dataclass(frozen=True)
class Shop:
    """What e-mail caused in one world, what the holdout makes of it, and e-mail's credit by model; `year` and `holdout`."""

    caused: dict[str, float]
    lift: Estimate
    credit: dict[str, dict[str, float]]

    def errors(self, when: str) -> dict[str, float]:
        return {model: value - self.caused[when] for model, value in self.credit[when].items()}

    def nearest_rule(self, when: str) -> str:
        errors = self.errors(when)
        return min(RULES, key=lambda name: abs(errors[name]))


def shop(seed: int, folder: Path) -> Shop:
    world = make_world(seed)
    with closing(open_engine(stored(world, folder / "persync.db"))) as engine:
        ask = with_lift(engine, question(world))
        test = ask.experiments["personal"]
        assert test.since is not None
        assert test.days is not None
        days = (test.since, test.since + round(test.days * DAY))
        names = [*RULES, SCALED]
        credit = {
            when: email_credit(engine, names, replace(ask, period=period))
            for when, period in (("year", None), ("holdout", days))
        }
    caused = {
        "year": world.truth["email"]["net_minor"] / 100,
        "holdout": world.truth["experiments"]["personal"]["caused_revenue"],
    }
    assert ask.lift is not None
    return Shop(caused, ask.lift.incremental, credit)


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Shop]:
    return {seed: shop(seed, tmp_path_factory.mktemp(f"seed{seed}")) for seed in SEEDS}


def test_the_holdout_is_large_enough_to_scale_by(shops: dict[int, Shop]) -> None:
    """The standard error of what it finds is well under a third of what there is to find."""
    share = {}
    for seed, one in shops.items():
        assert one.lift.low is not None
        assert one.lift.high is not None
        share[seed] = (one.lift.high - one.lift.low) / (2 * 1.959964) / one.caused["holdout"]

    assert max(share.values()) < 0.25


@pytest.mark.parametrize("when", ["year", "holdout"])
def test_scaled_to_the_holdout_linear_is_nearer_to_the_truth_than_every_rule_in_every_world(
    shops: dict[int, Shop], when: str
) -> None:
    assert len(RULES) == 13
    nearer = {}
    for seed, one in shops.items():
        errors = one.errors(when)
        assert set(errors) == {*RULES, SCALED}
        nearer[seed] = [name for name in RULES if abs(errors[name]) <= abs(errors[SCALED])]

    assert nearer == {seed: [] for seed in SEEDS}


@pytest.mark.parametrize("when", ["year", "holdout"])
def test_every_rule_credits_e_mail_with_more_than_it_caused(shops: dict[int, Shop], when: str) -> None:
    over = {seed: min(one.errors(when)[name] for name in RULES) / one.caused[when] for seed, one in shops.items()}

    assert min(over.values()) > 0.5


def test_docs_tell_the_figures_of_every_world(shops: dict[int, Shop], root: Path) -> None:
    text = (root / "docs" / "models.md").read_text("utf-8")

    assert re.findall(r"^\| \d+ \|.*\|$", text, re.MULTILINE) == [row(seed, one) for seed, one in shops.items()]


def row(seed: int, one: Shop) -> str:
    """Return a line of the table in docs/models.md."""
    cells = [str(seed)]
    for when in ("holdout", "year"):
        errors, rule = one.errors(when), one.nearest_rule(when)
        cells += [f"{one.caused[when]:,.0f}", f"{errors[SCALED]:+,.0f}", f"{errors[rule]:+,.0f} `{rule}`"]
    return f"| {' | '.join(cells)} |"
