"""The Hillstrom test as a world."""

from __future__ import annotations

import gzip
import tomllib
from dataclasses import asdict
from pathlib import Path

import httpx
import pytest

from persync.errors import DataError
from persync.plugins import load_plugins
from persync.sandbox.orders import net_minor
from persync.sandbox.replay import COLUMNS, hillstrom
from persync.sandbox.server import running, write_config
from persync.sandbox.world import World

ROWS = (
    "10,2) $100 - $200,142.44,1,0,Surburban,0,Phone,Mens E-Mail,1,1,29.99",
    '6,"6) $750 - $1,000",829.08,1,1,Rural,1,Web,No E-Mail,1,0,0',
    "7,2) $100 - $200,180.65,0,1,Urban,1,Web,Womens E-Mail,0,0,0",
    "2,1) $0 - $100,45.34,1,0,Urban,0,Web,No E-Mail,1,1,499",
)


def write(folder: Path, *rows: str, header: str = ",".join(COLUMNS)) -> Path:
    path = folder / "hillstrom.csv"
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def real(shared: Path) -> World:
    return hillstrom(shared / "data" / "hillstrom.csv.gz")


def test_everyone_is_a_tagged_member_and_only_buyers_are_customers(tmp_path: Path) -> None:
    world = hillstrom(write(tmp_path, *ROWS))
    people = list(world.people.values())

    assert [person.tags for person in people] == [
        ("hillstrom:mens",),
        ("hillstrom:none",),
        ("hillstrom:womens",),
        ("hillstrom:none",),
    ]
    assert all(person.mailchimp_id is not None and person.hubspot_id is None for person in people)
    assert [person.shopify_id is not None for person in people] == [True, False, False, True]
    assert {message.title: [send.person for send in message.sends] for message in world.messages} == {
        "Mens E-Mail": [1],
        "Womens E-Mail": [3],
    }
    assert people[1].merge_fields == {
        "RECENCY": "6",
        "HISTSEG": "6) $750 - $1,000",
        "HISTORY": "829.08",
        "MENS": "1",
        "WOMENS": "1",
        "ZIPCODE": "Rural",
        "NEWBIE": "1",
        "CHANNEL": "Web",
    }


def test_the_test_has_no_hubspot(tmp_path: Path) -> None:
    """A platform that the business never had offers no connection, no secret and no server."""
    with running(hillstrom(write(tmp_path, *ROWS)), load_plugins().sandboxes, folder=tmp_path) as info:
        base = info["connections"]["shopify"]["base_url"].removesuffix("/shopify")
        path = write_config(tmp_path / "project", hillstrom(tmp_path / "hillstrom.csv"), info)
        unknown = httpx.get(f"{base}/hubspot/crm/v3/objects/contacts")

    assert set(info["connections"]) == {"mailchimp", "shopify", "files"}
    assert [name for name in info["secrets"] if "HUBSPOT" in name] == []
    assert set(tomllib.loads(path.read_text())["connections"]) == {"mailchimp", "shopify", "files"}
    assert unknown.status_code == 404
    assert unknown.text == "Not Found"


def test_spend_becomes_orders_to_the_cent_and_visits_a_file(tmp_path: Path) -> None:
    world = hillstrom(write(tmp_path, *ROWS))

    assert sorted((order.person, net_minor(order), order.total_minor()) for order in world.orders) == [
        (1, 2999, 2999),
        (4, 49900, 49900),
    ]
    assert world.files == {
        "outcomes.csv": "person,outcome,value\n"
        "customer.1@example.com,visit,1\n"
        "customer.2@example.com,visit,1\n"
        "customer.3@example.com,visit,0\n"
        "customer.4@example.com,visit,1\n"
    }
    assert world.file_kinds == {"outcomes.csv": "outcomes"}
    assert world.experiments == {
        "hillstrom": {
            "tags": {"mens": "hillstrom:mens", "womens": "hillstrom:womens", "none": "hillstrom:none"},
            "control": "none",
            "from": "2026-09-01",
            "days": 14,
        }
    }


def test_plain_and_gzipped_files_make_the_same_world(tmp_path: Path) -> None:
    path = write(tmp_path, *ROWS)
    zipped = tmp_path / "hillstrom.csv.gz"
    zipped.write_bytes(gzip.compress(path.read_bytes()))

    assert asdict(hillstrom(path)) == asdict(hillstrom(zipped))


@pytest.mark.parametrize(
    ("rows", "header", "reason"),
    [
        (ROWS, "a,b", "not the Hillstrom file"),
        ((*ROWS, "1,2"), ",".join(COLUMNS), "2 columns instead of 12"),
        (("1,x,1,1,0,Urban,0,Web,Kids E-Mail,0,0,0",), ",".join(COLUMNS), "unknown segment 'Kids E-Mail'"),
        (("1,x,1,1,0,Urban,0,Web,No E-Mail,0,0,many",), ",".join(COLUMNS), "'many' is not an amount"),
        (("1,x,1,1,0,Urban,0,Web,No E-Mail,0,0,5.00",), ",".join(COLUMNS), "contradict"),
    ],
)
def test_another_file_is_refused_with_the_reason(tmp_path: Path, rows: tuple[str, ...], header: str, reason: str) -> None:
    path = write(tmp_path, *rows, header=header)

    with pytest.raises(DataError, match=reason) as caught:
        hillstrom(path)

    assert str(path) in str(caught.value)


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hillstrom.csv.gz"
    path.write_bytes(gzip.compress(write(tmp_path, *ROWS).read_bytes())[:-12])

    with pytest.raises(DataError, match="cannot be read"):
        hillstrom(path)


@pytest.mark.shared
def test_the_real_test_has_the_published_arms_buyers_and_spend(real: World) -> None:
    told = real.truth["experiments"]["hillstrom"]

    assert told["arms"] == {"mens": 21_307, "womens": 21_387, "none": 21_306}
    assert told["visits"] == {"mens": 3894, "womens": 3238, "none": 2262}
    assert told["buyers"] == {"mens": 267, "womens": 189, "none": 122}
    assert len(real.orders) == sum(person.shopify_id is not None for person in real.people.values()) == 578
    assert sum(net_minor(order) for order in real.orders) == sum(told["spend_minor"].values()) == 67_258_13
    assert [len(message.sends) for message in real.messages] == [21_307, 21_387]


@pytest.mark.shared
def test_the_real_test_shows_the_published_differences(real: World) -> None:
    told = real.truth["experiments"]["hillstrom"]["difference"]

    assert told["mens"] == pytest.approx({"revenue": 0.7698, "conversion": 0.006805, "visit": 0.076590}, rel=1e-4)
    assert told["womens"] == pytest.approx({"revenue": 0.4244, "conversion": 0.003111, "visit": 0.045233}, rel=1e-4)


@pytest.mark.shared
def test_the_real_orders_fall_inside_the_window_and_before_now(real: World) -> None:
    begins, day = 1_788_220_800_000, 86_400_000
    assert all(begins < order.processed_at < begins + 14 * day <= real.now for order in real.orders)
