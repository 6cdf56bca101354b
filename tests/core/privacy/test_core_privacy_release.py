"""Noise for released counts: its law, its source, and the ledger of what was spent."""

from __future__ import annotations

import math
import random
import secrets
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from persync.errors import CheckFailedError, ConfigError
from persync.privacy import release
from persync.store.store import Store, open_store

NOW = 1_700_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "persync.db", create=True)


def test_the_noise_of_epsilon_one_is_the_two_sided_geometric_law() -> None:
    """P(0) = tanh(1/2) = 0.462 and a standard deviation of 1.357, in 100,000 draws."""
    source = random.Random(7).randrange
    draws = [release.geometric(Fraction(1), source) for _ in range(100_000)]

    a = math.exp(-1)
    counts = Counter(draws)
    expected = {k: 100_000 * (1 - a) / (1 + a) * a ** abs(k) for k in range(-4, 5)}
    chi = sum((counts[k] - n) ** 2 / n for k, n in expected.items())
    deviation = math.sqrt(sum(x * x for x in draws) / len(draws))

    assert round((1 - a) / (1 + a), 3) == 0.462
    assert counts[0] / 100_000 == pytest.approx(0.462, abs=0.005)
    assert deviation == pytest.approx(1.357, abs=0.01)
    assert release.spread(Fraction(1)) == pytest.approx(1.357, abs=0.0005)
    assert chi < 30, "the 99.9 % point of chi-square with nine degrees of freedom is 27.9"
    assert sum(draws) / len(draws) == pytest.approx(0, abs=0.015)


def test_the_noise_is_wider_by_sensitivity_over_epsilon() -> None:
    """A scale that is no whole number has its own law too: 7/3 gives P(0) = tanh(3/14)."""
    source = random.Random(8).randrange
    draws = [release.geometric(Fraction(7, 3), source) for _ in range(40_000)]

    assert draws.count(0) / 40_000 == pytest.approx(math.tanh(3 / 14), abs=0.01)
    assert math.sqrt(sum(x * x for x in draws) / 40_000) == pytest.approx(release.spread(Fraction(7, 3)), rel=0.02)
    with pytest.raises(ValueError, match="above 0"):
        release.geometric(Fraction(0))


def test_the_noise_comes_from_the_systems_secure_source() -> None:
    """100,000 draws of epsilon 1 without another source: P(0) = 0.462 and sd 1.357, each within 6.2 standard errors.

    So wide that one run in a billion is outside by chance, and narrow enough (0.010 and 0.031) to see another law.
    """
    n = 100_000
    assert release.geometric.__defaults__ == (secrets.randbelow,)
    draws = [release.geometric(Fraction(1)) for _ in range(n)]

    a = math.exp(-1)
    law = {k: (1 - a) / (1 + a) * a ** abs(k) for k in range(-60, 61)}
    variance, fourth = (sum(p * k**power for k, p in law.items()) for power in (2, 4))
    of_zero = 6.2 * math.sqrt(law[0] * (1 - law[0]) / n)
    of_variance = 6.2 * math.sqrt((fourth - variance**2) / n)
    assert (round(law[0], 3), round(math.sqrt(variance), 3)) == (0.462, 1.357)
    assert draws.count(0) / n == pytest.approx(0.462, abs=of_zero)
    assert sum(x * x for x in draws) / n == pytest.approx(1.357**2, abs=of_variance)
    assert (of_zero, of_variance / (2 * 1.357)) == (pytest.approx(0.0098, abs=1e-4), pytest.approx(0.0313, abs=1e-4))


def test_what_is_spent_adds_up_and_the_rest_is_refused(store: Store) -> None:
    """0.1 and 0.2 are 0.3 exactly; what the budget does not reach for is not entered, and the chain holds."""
    left = [release.spend(store, Decimal(text), 0.4, now=NOW, purpose="export") for text in ("0.1", "0.2")]

    assert left == [Decimal("0.3"), Decimal("0.1")]
    with pytest.raises(CheckFailedError, match=r"0.3 of 0.4 is spent, 0.11 was asked for; nothing was released"):
        release.spend(store, Decimal("0.11"), 0.4, now=NOW, purpose="export")
    assert release.spent(store) == Decimal("0.3")
    assert release.spend(store, Decimal("0.1"), 0.4, now=NOW, purpose="export") == 0
    with pytest.raises(ConfigError, match="no budget"):
        release.spend(store, Decimal("0.1"), None, now=NOW, purpose="export")


def test_a_ledger_that_was_changed_is_not_believed(store: Store) -> None:
    """Whoever takes an entry back by hand spends nothing more."""
    release.spend(store, Decimal("0.1"), 1.0, now=NOW, purpose="export")
    release.spend(store, Decimal("0.9"), 1.0, now=NOW, purpose="export")
    store.db.execute("UPDATE log SET detail = replace(detail, '0.9', '0.1')")

    with pytest.raises(CheckFailedError, match="the log that the privacy budget is kept in was changed"):
        release.spend(store, Decimal("0.1"), 1.0, now=NOW, purpose="export")


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "much", "1e-12", "1001"])
def test_an_epsilon_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="an epsilon is a number above 0"):
        release.amount(text)
