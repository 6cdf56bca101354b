"""What `pull --dry-run` says of the imitated vendors, held against the pull that follows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from e2e.runs import Site, persync

INEXACT = {"email_events", "campaign_revenue"}
"""estimated from statistics, or of pages of another kind: no exact number is promised"""


@pytest.fixture(scope="module")
def told(site: Site, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[tuple[str, str], dict], dict]:  # type: ignore[type-arg]
    folder: Path = site.project(tmp_path_factory.mktemp("dry"))
    plan = persync(folder, "pull", "--dry-run", "--format", "json")
    pulled = persync(folder, "pull", "--format", "json")
    assert (plan.returncode, pulled.returncode) == (0, 0), plan.stderr + pulled.stderr
    plans = json.loads(plan.stdout)
    read = {(one["connection"], one["stream"]): one for one in json.loads(pulled.stdout)["results"]}
    return read, plans


def test_every_stream_has_a_size_before_the_first_pull(told: tuple[dict, dict]) -> None:  # type: ignore[type-arg]
    _, plans = told

    assert [one["stream"] for one in plans["results"] if one["how"] == "not known"] == []
    assert {one["connection"]: one["is_whole"] for one in plans["connections"]} == dict.fromkeys(
        ("hubspot", "mailchimp", "shopify", "files"), True
    )


def test_what_is_counted_is_what_is_read_and_a_bound_holds(told: tuple[dict, dict]) -> None:  # type: ignore[type-arg]
    read, plans = told
    sized = [one for one in plans["results"] if one["stream"] not in INEXACT and one["connection"] != "files"]

    counted = {(one["connection"], one["stream"]): one["records"] for one in sized if one["how"] == "counted"}
    bounds = {(one["connection"], one["stream"]): one for one in sized if one["how"] == "at most"}

    assert {name: read[name]["records"] for name in counted} == counted
    assert len(counted) > 30
    assert set(bounds) == {
        ("hubspot", "subscription_optouts"),
        ("hubspot", "subscription_statuses"),
        ("shopify", "unit_costs"),
    }
    for name, bound in bounds.items():
        assert read[name]["pages"] <= bound["calls"]
        assert bound["records"] is None or read[name]["records"] <= bound["records"]


def test_shops_are_each_counted_and_events_sized_by_the_statistics(told: tuple[dict, dict]) -> None:  # type: ignore[type-arg]
    read, plans = told
    by_name = {(one["connection"], one["stream"]): one for one in plans["results"]}

    orders, events = by_name["mailchimp", "orders"], by_name["hubspot", "email_events"]

    assert (orders["how"], orders["parts"], orders["records"]) == ("counted", 2, read["mailchimp", "orders"]["records"])
    assert events["how"] == "estimated"
    assert 0.5 < events["records"] / read["hubspot", "email_events"]["records"] < 1.5
    assert events["calls"] == read["hubspot", "email_events"]["pages"]
