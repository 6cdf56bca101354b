"""Hostile inputs at fixed seeds; `make fuzz` feeds as many more as one likes."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz.kinds import KINDS


@pytest.mark.parametrize("name", KINDS)
def test_hostile_inputs_stop_nothing_and_start_nothing(name: str, tmp_path: Path) -> None:
    """No fault, nothing lost, and all that is shown is inert; each case says more of what it holds."""
    assert sum(KINDS[name].case(seed, tmp_path) for seed in KINDS[name].fixed) > 0
