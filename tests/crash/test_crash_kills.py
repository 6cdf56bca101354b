"""kill -9 at any moment, by another process: the next pull goes on, nothing lost, nothing twice, nothing asked again."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from crash.killing import HOUR, KINDS, Whole, drawn, judge, whole
from crash.long import tried
from crash.vendors import MODES

KILLS = 5
"""of each way to read, one of each kind; the two of Shopify and of Mailchimp make 10 a connector. `make crash` draws more"""

FAILED = (1080,)
"""cases of the long run (make crash) that once failed: 1080, a pull that went on looked back again at the next one"""


@pytest.fixture(scope="module", params=list(MODES))
def known(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return whole(request.param, 11, tmp_path_factory.mktemp("whole"))


def test_a_pull_killed_at_any_moment_ends_as_an_undisturbed_one_crash(known: Whole, tmp_path: Path) -> None:
    """Kinds take turns, moments are drawn; one next pull in four comes only two hours later, and reads all that is due."""
    rng = Random(f"kills {known.account.mode}")
    found = {}
    for number in range(KILLS if known.account.mode != "hubspot" else 2 * KILLS):
        kill = drawn(rng, known.told, (KINDS[number % len(KINDS)],))
        later = 2 * HOUR if number % 4 == 3 else 0
        found[kill] = judge(known, [kill], tmp_path / str(number), later=later)

    assert {kill: wrong for kill, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("number", FAILED)
def test_a_crash_that_once_did_harm_does_none(number: int, tmp_path: Path) -> None:
    assert tried(number, tmp_path) == ""
