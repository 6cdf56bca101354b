"""Whole runs: what they share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.runs import Site, serving
from persync.sandbox.demo import make_world


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A demo shop of 400 people, served for the whole module."""
    with serving(make_world(11, people=400), tmp_path_factory.mktemp("site")) as found:
        yield found
