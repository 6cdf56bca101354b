"""Each connector's pace at its vendor's real limits, on a simulated clock: nearly all that is allowed, hardly a refusal."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from persync.connect import Pace

USED = 0.95
REFUSED = 0.01


@pytest.fixture(scope="module")
def bench(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("persync_pace_bench", root / "bench" / "pace_bench.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


Simulation = Callable[[ModuleType, int], Any]


@pytest.mark.parametrize(
    ("name", "simulation"),
    [
        ("mailchimp", lambda bench, seed: bench.mailchimp(seconds=160, seed=seed)),
        ("hubspot_100", lambda bench, seed: bench.hubspot(100, seconds=400, seed=seed)),
        ("hubspot_190", lambda bench, seed: bench.hubspot(190, seconds=260, seed=seed)),
        ("hubspot_search", lambda bench, seed: bench.hubspot(0, search=True, seconds=400, seed=seed)),
        ("shopify_100", lambda bench, seed: bench.shopify(2000, 100, seconds=3600, seed=seed)),
        ("shopify_200", lambda bench, seed: bench.shopify(4000, 200, seconds=3600, seed=seed)),
        ("shopify_1000", lambda bench, seed: bench.shopify(20_000, 1000, seconds=500, seed=seed)),
    ],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_at_the_vendors_limits_nearly_all_of_the_rate_is_used_and_nearly_nothing_refused(
    bench: ModuleType, name: str, simulation: Simulation, seed: int
) -> None:
    outcome = simulation(bench, seed)

    assert outcome.name == name
    assert outcome.used >= USED, outcome
    assert outcome.refused < REFUSED, outcome


@pytest.mark.parametrize(
    "simulation",
    [
        lambda bench: bench.mailchimp(crowded=True, seconds=660),
        lambda bench: bench.hubspot(100, others=3.0, seconds=660),
    ],
)
def test_what_other_programs_need_is_left_to_them(bench: ModuleType, simulation: Callable[[ModuleType], Any]) -> None:
    outcome = simulation(bench)

    assert outcome.used >= 0.9, outcome
    assert outcome.refused < REFUSED, outcome


def test_without_a_pace_the_vendor_refuses_so_the_model_does_bite(bench: ModuleType) -> None:
    clock = bench.Clock()
    connector = bench.HubSpot("hubspot", bench.HubSpot.settings_type(connector="hubspot"), {"token": "t"})
    calls = bench._lists("/crm/objects/2026-09/contacts")

    outcome = bench.simulate("none", connector, Pace(concurrent=4, clock=clock), clock, bench.Rolling(100), calls, seconds=100)

    assert outcome.refused > REFUSED


def test_a_simulation_is_the_same_each_time(bench: ModuleType) -> None:
    assert bench.hubspot(100, seconds=90, seed=3) == bench.hubspot(100, seconds=90, seed=3)
