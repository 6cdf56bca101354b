"""Hostile inputs at fixed seeds; `make fuzz` feeds as many more as one likes."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz.hostile import BEGINNINGS
from fuzz.kinds import KINDS
from fuzz.words import alone_case


@pytest.mark.parametrize("name", KINDS)
def test_hostile_inputs_stop_nothing_and_start_nothing(name: str, tmp_path: Path) -> None:
    """No fault, nothing lost, and all that is shown is inert; each case says more of what it holds."""
    assert sum(KINDS[name].case(seed, tmp_path) for seed in KINDS[name].fixed) > 0


@pytest.mark.parametrize("text", BEGINNINGS, ids=ascii)
def test_a_text_that_begins_something_elsewhere_begins_nothing_in_a_report(text: str) -> None:
    alone_case(text)
