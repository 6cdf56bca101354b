"""The rows behind a number."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest

from persync.sandbox.world import World
from persync.serve.filters import Filters
from persync.serve.rows import PAGE, rows_behind
from persync.serve.site import Site
from persync.serve.tables import PART_TABLES, TABLES
from persync.store.schema import DDL, MIRRORED

Get = Callable[..., Any]


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_every_listed_table_is_mirrored_and_has_its_columns(site: Site) -> None:
    assert set(TABLES) <= set(MIRRORED)
    for name in TABLES:
        found = site.answer(("look", name), Filters(), lambda engine, ask, _, name=name: rows_behind(engine, ask, name, {}))
        assert found.table.name == name
    assert {table for tables in PART_TABLES.values() for table in tables} <= set(TABLES)
    assert set(PART_TABLES) == set(site.host.sections)


def test_no_hashed_key_and_no_address_is_ever_listed(site: Site, get: Get, world: World) -> None:
    for name in TABLES:
        text = get(f"/rows/{name}.csv").text
        assert "@" not in text
        assert not re.search(r"\b[0-9a-f]{32,}\b", text)
    assert "person_keys" not in TABLES
    assert "person_keys" in DDL


def test_the_rows_of_a_period_are_those_that_happened_in_it(get: Get) -> None:
    every = read(get("/rows/orders.csv").text)
    march = read(get("/rows/orders.csv?period=2026-03").text)

    # In Berlin March begins an hour before it does in UTC, and ends two hours before.
    expected = [row for row in every if "2026-02-28T23:00" <= row["ordered_at"] < "2026-03-31T22:00"]
    assert march == expected
    assert 0 < len(march) < len(every)


def test_the_rows_of_a_slice_are_those_of_its_people(get: Get) -> None:
    north = {row["key_id"] for row in read(get("/rows/attributes.csv").text) if row["value"] == "north"}
    touched = {row["key_id"] for row in read(get("/rows/touchpoints.csv").text)}

    assert {row["key_id"] for row in read(get("/rows/touchpoints.csv?d.region=north").text)} == touched & north
    assert touched & north not in (set(), touched)


def test_a_level_a_channel_and_a_message_narrow_the_touches(get: Get) -> None:
    def count(query: str) -> int:
        return len(read(get(f"/rows/touchpoints.csv?{query}").text))

    email, direct = count("d.channel=email"), count("d.channel=direct")

    assert email
    assert direct
    assert email + direct <= count("")
    assert count("d.level=unknown") <= count("")


def test_a_group_that_the_report_hides_has_no_rows_nor_has_one_that_would_tell_of_it(get: Get) -> None:
    status = {group: get(f"/rows/touchpoints?d.region={group}").status_code for group in ("rare", "south", "north")}

    assert status == {"rare": 422, "south": 422, "north": 200}
    assert {row["value"] for row in read(get("/rows/attributes.csv").text)} == {"(a small group)", "north"}


def test_rows_of_a_handful_of_people_are_not_shown(get: Get, site: Site) -> None:
    orders = read(get("/rows/orders.csv").text)
    by_day: dict[str, set[str]] = {}
    for row in orders:
        by_day.setdefault(row["ordered_at"][:10], set()).add(row["key_id"])
    few = next(day for day, people in by_day.items() if 0 < len(people) < 3)

    answer = get(f"/rows/orders?period={few}")

    assert answer.status_code == 422
    assert "fewer than 5 people" in answer.text


def test_pages_go_through_all_rows_once(get: Get) -> None:
    total = len(read(get("/rows/orders.csv").text))
    pages = -(-total // PAGE)
    links: list[str] = []
    for number in range(1, pages + 1):
        links += re.findall(r'href="/order/([^"?]*)', get(f"/rows/orders?page={number}").text)

    assert len(links) == total


def test_a_number_leads_to_the_tables_of_its_metric(get: Get, site: Site) -> None:
    answer = get("/behind/reading?of=ctr")

    assert answer.status_code == 200
    for name in site.host.metrics["ctr"].data:
        if name in TABLES:
            assert f"of {name}:" in answer.text


def test_every_number_of_every_part_leads_somewhere(get: Get, site: Site) -> None:
    addresses = set()
    for name in site.host.sections:
        addresses |= {
            link.replace("&amp;", "&") for link in re.findall(r'class="behind" href="([^"]+)"', get(f"/part/{name}").text)
        }
    one_of_each = {address.partition("&")[0]: address for address in sorted(addresses)}

    assert len(one_of_each) > 20
    assert {address: get(address).status_code for address in one_of_each.values()} == dict.fromkeys(one_of_each.values(), 200)


@pytest.mark.parametrize("page", ["0", "-1", "x", "99999999999", "1e3"])
def test_a_page_number_that_is_none_is_the_first(get: Get, page: str) -> None:
    assert "Page 1 of" in get(f"/rows/orders?page={page}").text
