"""The demo world's truth is found: from the vendors' answers, through the store, to the interval."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from persync.connect.result import PullOptions
from persync.engine import open_engine
from persync.estimate import Estimate
from persync.jobs.pulling import pull_project
from persync.measure import experiments
from persync.plugins import load_plugins
from persync.sandbox.demo import make_world
from persync.sandbox.server import running, write_config
from persync.settings import load_project

SEEDS = range(1, 21)
PEOPLE = 1000
STREAMS = ("lists", "merge_fields", "segments", "members", "archived_members", "shop", "customers", "orders")
"""all that a reading of the test rests on: who is in which arm, who bought what, and who is one person"""


def measured(seed: int, folder: Path) -> tuple[dict[str, float], Estimate, Estimate]:
    """Return the planted truth, and the measured difference and mean revenue of the treated."""
    host = load_plugins()
    world = make_world(seed, people=PEOPLE)
    with running(world, host.sandboxes, folder=folder) as info:
        write_config(folder, world, info)
        project = load_project(folder, host)
        result = pull_project(host, project, ("mailchimp", "shopify"), PullOptions(now=world.now, streams=STREAMS))
    assert result.exit_code == 0
    with closing(open_engine(project.store_path, engines=host.engines)) as engine:
        ask = project.ask(world.now)
        found = experiments.read(engine, ask.experiments["personal"], ask)
    by = {(one.id, one.by.get("outcome"), one.by.get("arm")): one for one in found}
    return world.truth["experiments"]["personal"], by["difference", "revenue", "treated"], by["mean", "revenue", "treated"]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[dict[str, float], Estimate, Estimate]]:
    return [measured(seed, tmp_path_factory.mktemp(f"seed{seed}")) for seed in SEEDS]


def test_the_planted_lift_lies_in_its_interval_in_17_of_20_seeds(
    found: list[tuple[dict[str, float], Estimate, Estimate]],
) -> None:
    planted = [truth["lift"]["revenue"] for truth, _, _ in found]  # type: ignore[index]
    inside = [
        difference.low <= lift <= difference.high  # type: ignore[operator]
        for lift, (_, difference, _) in zip(planted, found, strict=True)
    ]

    assert sum(inside) >= 17
    assert {difference.label for _, difference, _ in found} == {"holdout"}


def test_all_revenue_after_the_mail_overstates_the_planted_lift(
    found: list[tuple[dict[str, float], Estimate, Estimate]],
) -> None:
    over = [mean.value / truth["lift"]["revenue"] for truth, _, mean in found]  # type: ignore[operator,index]

    assert min(over) > 1.5
