"""What the crash tests share."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from functools import cache

import pytest
from pydantic import TypeAdapter

from persync.connect import page
from persync.store import parking


@pytest.fixture(scope="package", autouse=True)
def understood_once() -> Iterator[None]:
    """Keep the adapters that a process builds once in its life, for here it lives through hundreds of pulls."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "TypeAdapter", cache(TypeAdapter))
        patch.setattr(page, "_nested", cache(page._nested))
        # Results are joined in several lots, as big ones are.
        patch.setattr(parking, "LOT", 9)
        yield


@pytest.fixture(scope="module", autouse=True)
def light_forks() -> Iterator[None]:
    """Leave what other tests left in this process out of the collections before each fork: it may be most of its memory."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
