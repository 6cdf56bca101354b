"""Whatever happens to a business and to its pulls, the store ends as it should; check.py says how that is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from converge.cases import CASES
from converge.history import drawn, told
from converge.run import lived
from converge.vendors import in_memory

# So many of each, because a pull of HubSpot takes seven times the calls of one of Shopify; `make converge` draws more.
LOTS = [
    ("shopify", "shopify", 40),
    ("mailchimp", "mailchimp", 20),
    ("hubspot", "hubspot", 8),
    ("all", "mailchimp+shopify+hubspot", 4),
]


@pytest.fixture(autouse=True)
def here() -> Iterator[None]:
    with in_memory():
        yield


@pytest.mark.parametrize(("lot", "connections", "count"), LOTS, ids=[lot for lot, *_ in LOTS])
def test_histories_at_fixed_seeds_converge(lot: str, connections: str, count: int) -> None:
    wrong = {}
    for number in range(count):
        history = drawn(f"ci/{lot}/{number}", tuple(connections.split("+")))
        if found := lived(history):
            wrong[f'make converge HISTORY="{history}"'] = found[:5]

    assert wrong == {}


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_history_that_once_went_wrong_converges(name: str) -> None:
    assert lived(told(CASES[name])) == []
