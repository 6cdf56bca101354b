"""The rows behind a number."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable
from typing import Any

import pytest

from core.measure.conftest import Shop
from persync.measure.metric import Ask, Experiment
from persync.sandbox.world import World
from persync.serve.filters import Filters
from persync.serve.rows import CSV_ROWS, PAGE, rows_behind, tables_of_draw
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


def test_behind_a_difference_stand_the_people_of_both_its_arms(get: Get) -> None:
    def people(slice_: str) -> set[str]:
        return {row["key_id"] for row in read(get(f"/rows/orders.csv?d.experiment=personal&{slice_}").text)}

    treated, control = people("d.arm=treated"), people("d.arm=control")

    assert treated & control == set()
    assert set() not in (treated, control)
    assert people("d.arm=treated&d.against=control") == treated | control


def test_who_was_drawn_by_tags_is_told_by_the_lists_of_those_tags() -> None:
    """20 people in an arm by a tag, 20 in the other, 20 with a tag that is no arm; another experiment's arms were imported."""
    shop = Shop()
    shop.load("connections", connection=[1], name=["mail"], connector=["x"])
    for number, tag in enumerate(("news:on", "news:off", "vip")):
        shop.add("segments", segment_id=number + 1, connection=1, kind="tag", vendor_id=f"v{number}", name=tag)
        people = range(number * 20 + 1, number * 20 + 21)
        shop.load("memberships", segment_id=[number + 1] * 20, key_id=list(people), joined_at=[number] * 20)
    shop.load("assignments", connection=[1] * 20, experiment=["listed"] * 20, key_id=list(range(1, 21)), arm=["on"] * 20)
    tags = {"on": "news:on", "off": "news:off"}
    ask = Ask(now=10**12, experiments={"news": Experiment("news", tags=tags, control="off")})

    def behind(experiment: str, by: dict[str, str]) -> tuple[str, int, set[str]]:
        drawn = {"experiment": experiment, **by}
        (name,) = tables_of_draw(shop, ask, ("assignments",), drawn)
        found = rows_behind(shop, ask, name, drawn, limit=CSV_ROWS)
        return name, found.total, {str(row[-1]) for row in found.table.rows}

    assert behind("news", {}) == ("memberships", 40, {"news:on", "news:off"})
    assert behind("news", {"arm": "on"}) == ("memberships", 20, {"news:on"})
    assert behind("news", {"arm": "on", "against": "off"}) == ("memberships", 40, {"news:on", "news:off"})
    assert behind("listed", {"arm": "on"})[:2] == ("assignments", 20)
    shop.close()


def test_a_number_that_is_no_metric_is_named_by_its_part(get: Get, site: Site) -> None:
    title = site.host.sections["pays"].title

    assert f"What is behind smallest gap in “{title}”" in html.unescape(get("/behind/pays?of=smallest_gap").text)
    assert "What is behind smallest gap</h2>" in get("/behind/nowhere?of=smallest_gap").text


def test_a_page_past_the_last_leads_back_to_it(get: Get) -> None:
    text = get("/orders?page=99999").text

    assert "There is no page 99,999" in text
    last = re.search(r'href="/orders\?page=(\d+)">page ([\d,]+), the last</a>', text)
    assert last is not None
    assert f"Page {last[2]} of {last[2]}" in get(f"/orders?page={last[1]}").text
