"""A pull that ends at one of its commits: the next one goes on there, nothing is lost, nothing twice, nothing asked again.

Here at each kind of commit and at some of all; `make crash` ends at every one (long_boundaries.py).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from crash.boundaries import few, goes_on, pulled
from crash.vendors import MODES


@pytest.mark.parametrize("mode", MODES)
def test_after_a_crash_at_any_commit_the_next_pull_ends_as_an_undisturbed_one(mode: str, tmp_path: Path) -> None:
    """The same facts, a sound file, and no call again whose page was committed: only what was in flight or queued."""
    whole = pulled(mode, tmp_path, few(mode))

    assert 15 < len(whole.images) < 60
    goes_on(whole)
