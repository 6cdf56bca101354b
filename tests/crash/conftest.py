"""What the crash tests share."""

from __future__ import annotations

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
