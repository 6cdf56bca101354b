"""A crash at every commit of a pull: minutes, so `make crash` runs it and not every check."""

from __future__ import annotations

from pathlib import Path

import pytest

from crash.boundaries import every, goes_on, pulled
from crash.vendors import MODES


@pytest.mark.parametrize("mode", MODES)
def test_after_a_crash_at_every_commit_the_next_pull_ends_as_an_undisturbed_one(mode: str, tmp_path: Path) -> None:
    whole = pulled(mode, tmp_path, every)

    assert len(whole.images) > 50
    goes_on(whole)
