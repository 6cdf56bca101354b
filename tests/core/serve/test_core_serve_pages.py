"""The pages of the live server."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest

from core.serve.conftest import SETTINGS, client_of, site_of
from persync import hookimpl
from persync.measure.metric import Metric
from persync.report import words
from persync.report.report import Section
from persync.rows import Order, OrderRef, Person
from persync.sandbox.world import World
from persync.serve.site import Site
from persync.settings.periods import day_start
from persync.store.derive import derive
from persync.store.store import open_store
from persync.store.write import Writer

Get = Callable[..., Any]
PAGES = (
    *("/", "/metrics", "/metric/ctr", "/rows", "/rows/orders", "/orders", "/messages", "/coverage", "/log"),
    "/behind/reading?of=ctr",
)


def test_every_part_of_the_report_has_its_page(get: Get, site: Site) -> None:
    answers = {name: get(f"/part/{name}") for name in site.host.sections}

    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(site.host.sections, 200)
    for name, answer in answers.items():
        assert f'<h2 id="{name}-h">' in answer.text
        assert '<main id="main"' in answer.text


def test_every_other_page_is_there(get: Get) -> None:
    assert {address: get(address).status_code for address in PAGES} == dict.fromkeys(PAGES, 200)


def test_a_page_loads_and_runs_nothing_from_elsewhere(get: Get) -> None:
    for address in (*PAGES, "/part/credit"):
        text = get(address).text
        assert [found for found in re.findall(r'(?:src|href|action)="([^"]*)"', text) if not found.startswith(("/", "#"))] == []
        assert "style=" not in text
        assert "<style" not in text
        assert text.count("<script") == text.count('<script src="/static/live.js" defer>') == 1


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/part/pay", 404, "Did you mean 'pays'?"),
        ("/metric/ctrr", 404, "Did you mean 'ctr'?"),
        ("/rows/order", 404, "Did you mean 'orders'?"),
        ("/nowhere", 404, "there is no page /nowhere"),
        ("/part/credit/nope.csv", 404, "there is no table"),
        ("/part/pays?period=2026-13", 400, "is not a period"),
        ("/part/pays?period=2026-13", 400, "Choose the first and the last day with From and To"),
        ("/metric/ctr?by=seg", 400, "Choose the first and the last day with From and To"),
        ("/part/pays?from=2026-02-02&to=2026-02-01", 400, "ends before it begins"),
        ("/part/credit?model=linera", 400, "Did you mean 'linear'?"),
        ("/part/pays?segment=buyers", 400, "a segment needs a period"),
        ("/part/pays?period=2026&segment=byers", 400, "Did you mean 'buyers'?"),
        ("/part/pays?arm=treated", 400, "Choose one of the list of arms"),
        ("/part/pays?arm=personal:treatd", 400, "has no arm"),
        ("/part/pays?arm=nope:treated", 400, "there is no experiment"),
        ("/metric/ctr?by=levl", 400, "Did you mean 'level'?"),
        ("/order/nothing", 404, "there is no order"),
        (f"/part/pays?model={'x' * 300}", 400, "longer than 200 characters"),
    ],
)
def test_what_there_is_not_is_said_with_the_nearest_that_there_is(get: Get, address: str, status: int, said: str) -> None:
    answer = get(address)

    assert answer.status_code == status
    assert said in answer.text.replace("&#39;", "'")
    assert "Traceback" not in answer.text
    assert "--" not in answer.text, "a page has no options of a command line"


def test_a_store_that_is_not_there_is_a_page_that_says_so(tmp_path: Path, world: World) -> None:
    (tmp_path / "persync.toml").write_text(SETTINGS, "utf-8")
    get = client_of(site_of(tmp_path, world.now)).get

    for address in ("/", "/part/pays", "/metric/ctr", "/rows/orders", "/coverage", "/log"):
        answer = get(address)
        assert answer.status_code == 503
        assert "there is no store" in answer.text or "cannot be read" in answer.text
        assert "persync pull" in answer.text
    assert get("/api/v1/metrics/ctr").status_code == 503


def raising(*_: object) -> Any:
    raise ZeroDivisionError("a secret in the words of a stranger's error")


class Broken:
    """A plugin whose section and metric raise."""

    @hookimpl
    def persync_report_sections(self) -> Iterator[Section]:
        yield Section("broken", "Broken", build=raising, order=5)

    @hookimpl
    def persync_metrics(self) -> Iterator[Metric]:
        yield Metric("broken_metric", "Broken", "", "", "share", raising)


def test_a_section_or_metric_of_a_plugin_that_raises_costs_its_own_page_alone(shop: Path, world: World) -> None:
    site = site_of(shop, world.now, extra=(Broken(),))
    get = client_of(site).get

    broken = {address: get(address) for address in ("/part/broken", "/metric/broken_metric", "/api/v1/metrics/broken_metric")}

    assert {address: answer.status_code for address, answer in broken.items()} == dict.fromkeys(broken, 500)
    assert all("ZeroDivisionError" in answer.text and "a secret" not in answer.text for answer in broken.values())
    assert get("/part/pays").status_code == get("/metric/ctr").status_code == 200
    site.close()


def test_a_period_without_data_says_why_there_is_nothing(get: Get) -> None:
    answer = get("/part/pays?period=2019")

    assert answer.status_code == 200
    assert "This part is missing" in answer.text or "nothing" in answer.text.lower()


def test_of_days_in_which_nobody_was_sent_anything_no_group_is_compared(get: Get) -> None:
    """A share of nothing is no share: no table of noughts, in the answer no group that passes."""
    part, answer = get("/part/fairness?period=1999").text, get("/part/answer?period=1999").text

    said = "nobody is known to have been sent anything in these days, so no group got more or less than another."
    assert f"This part is missing: {said}" in part
    assert f"Not known: {said}" in answer
    assert "<table" not in part


@pytest.mark.parametrize("part", ["answer", "fairness", "tests"])
def test_every_part_of_days_of_which_nothing_is_known_says_so_once(get: Get, part: str) -> None:
    said = "No order and no message is known in the days asked for (1 January 1999 to 31 December 1999)."

    assert get(f"/part/{part}?period=1999").text.count(said) == 1
    assert said not in get(f"/part/{part}?period=2026").text


def test_the_form_and_the_address_name_a_period_alike(get: Get, site: Site) -> None:
    section = site.host.sections["reading"]
    by_days = get("/part/reading?from=2026-03-01&to=2026-03-31").text
    by_month = get("/part/reading?period=2026-03").text

    assert 'value="2026-03-01"' in by_month
    assert 'value="2026-03-31"' in by_month
    assert section.title in by_days
    main = [text[text.index("<main") : text.index("</main>")] for text in (by_days, by_month)]
    assert main[0].replace("2026-03-01..2026-03-31", "2026-03").replace("%2E%2E", "..") == main[1]


def test_a_change_of_the_filters_keeps_whose_rows_a_page_is_about_but_not_its_number(get: Get) -> None:
    text = get("/rows/touchpoints?d.channel=email&page=2&arm=personal%3Atreated").text

    assert '<input type="hidden" name="d.channel" value="email">' in text
    assert 'name="page"' not in text
    assert 'href="/rows/touchpoints?d.channel=email&amp;period=2026&amp;arm=personal%3Atreated"' in text


def test_one_model_leaves_the_others_out(get: Get) -> None:
    every, one = get("/part/credit").text, get("/part/credit?model=linear").text

    assert "last_touch" in every[every.index("<main") :]
    assert "last_touch" not in one[one.index("<main") :]


def test_every_order_is_listed_once_however_many_systems_have_it(tmp_path: Path, world: World) -> None:
    """Sixty orders that the shop and the mailer both have, on two pages."""
    (tmp_path / "persync.toml").write_text(SETTINGS, "utf-8")
    with closing(open_store(tmp_path / "persync.db", create=True)) as store:
        for name, connector in (("shop", "shopify"), ("news", "mailchimp")):
            writer = Writer(store, name, connector, now=world.now)
            with store.transaction():
                for number in range(60):
                    ref = OrderRef(f"{name}{number}", "one.example", f"{number}", f"#{1000 + number}")
                    who = Person(("email", f"r{number}@example.com"))
                    told = {"status": "paid", "is_test": False, "currency": "EUR", "total_minor": 100 + number}
                    writer.write([Order(ref, "order", who, world.now - 10**9 - number, **told)])
        derive(store)
    site = site_of(tmp_path, world.now)
    get = client_of(site).get

    pages = [get(f"/orders?page={number}").text for number in (1, 2)]

    assert "120 rows of orders" in get("/rows/orders").text
    assert "60 orders and deals, each once" in pages[0]
    assert [len(re.findall(r'href="/order/', page)) for page in pages] == [50, 10]
    assert {unquote(name) for page in pages for name in re.findall(r'href="/order/([^"?]*)', page)} == {
        f"#{1000 + number}" for number in range(60)
    }
    assert 'href="/orders?page=2"' in pages[0]
    site.close()


def test_a_connection_has_a_day_when_all_of_its_streams_have_that_were_read(tmp_path: Path, world: World) -> None:
    (tmp_path / "persync.toml").write_text(SETTINGS, "utf-8")
    first, middle, last = (day_start(date(2026, month, 1), "Europe/Berlin") for month in (6, 7, 8))
    with closing(open_store(tmp_path / "persync.db", create=True)) as store:
        writer = Writer(store, "news", "mailchimp", now=world.now)
        with store.transaction() as db:
            told = [("lists", first, last, "complete", ""), ("opens", middle, last, "complete", "")]
            told += [("reports", 0, 0, "hole", "scope: not granted")]
            db.executemany("INSERT INTO coverage VALUES (?, ?, '', ?, ?, ?, ?, 0)", [(writer.connection, *one) for one in told])
        derive(store)
    site = site_of(tmp_path, world.now)

    text = client_of(site).get("/coverage?period=2026-06..2026-07").text
    lines = [re.findall(r"<t[hd][^>]*>([^<]*)", row) for row in re.findall(r"<tr>(<th scope=.row.*?)</tr>", text)]

    assert lines == [
        ["news", "31/31", "0/30", "reports: scope: not granted"],
        ["lists", "31/31", "30/30", ""],
        ["opens", "31/31", "0/30", ""],
        ["reports", "0/31", "0/30", "scope: not granted"],
    ], "the newest month first"
    assert re.findall(r'<th scope="col"><a href="[^"]*">([^<]*)', text)[:2] == ["2026-07", "2026-06"]
    site.close()


def test_the_header_says_until_when_the_data_reach(tmp_path: Path, world: World) -> None:
    """The newest moment that was read, and who lags behind it by more than a day; where nothing was read, only when it is."""
    (tmp_path / "persync.toml").write_text(SETTINGS, "utf-8")
    days = {"news": date(2026, 7, 2), "shop": date(2026, 7, 9), "visits": date(2026, 7, 8)}
    with closing(open_store(tmp_path / "persync.db", create=True)) as store:
        for name, day in days.items():
            writer = Writer(store, name, "mailchimp", now=world.now)
            read = (writer.connection, "all", 0, day_start(day, "Europe/Berlin"))
            with store.transaction() as db:
                db.execute("INSERT INTO coverage VALUES (?, ?, '', ?, ?, 'complete', '', 0)", read)
        derive(store)
    site = site_of(tmp_path, world.now)

    header = re.findall(r'<p class="about">(.*?)</p>', client_of(site).get("/part/pays").text)

    seen = words.moment(world.now, "Europe/Berlin")
    assert header == [f"data until 2026-07-09 00:00, news only until 2026-07-02 00:00, looked at {seen} (Europe/Berlin)"]
    site.close()


def test_a_filter_that_cannot_be_chosen_says_why(get: Get) -> None:
    """Beside it, and to who hears the page; with days chosen it can be."""
    closed, opened = get("/part/pays").text, get("/part/pays?period=2026-06").text

    why = "Choose days first: it is taken as of the first of them."
    assert '<select id="segment" name="segment" disabled aria-describedby="segment-why">' in closed
    assert f'id="segment-why">{why}<' in closed
    assert '<select id="segment" name="segment">' in opened
    assert why not in opened


def test_an_order_is_explained_touch_by_touch(get: Get) -> None:
    listed = get("/orders").text
    address = listed[listed.index('href="/order/') + 6 :].split('"')[0]

    answer = get(address)

    assert answer.status_code == 200
    assert "What each model gives each touch." in answer.text
    assert "Credited, not caused." in answer.text


def test_a_message_is_told_with_what_followed_it(get: Get, site: Site, shop: Path) -> None:
    listed = re.findall(r'href="/message/([^"?]*)', get("/messages").text)
    told = get(f"/api/v1/explain/send/{listed[0]}").json()["results"][0]

    text = get(f"/message/{listed[0]}").text
    shown = [re.findall(r"<t[hd][^>]*>(?:<a[^>]*>)?([^<]*)", row) for row in re.findall(r"<tr>(.*?)</tr>", text, re.DOTALL)]

    least = site.project.report.suppress_n
    done = [one for one in told["events"] if one["people"] >= least]
    assert done
    assert {(one["kind"], f"{one['times']:,}", f"{one['people']:,}") for one in done} <= {
        (row[0], row[2], row[3]) for row in shown if len(row) == 4
    }
    assert told["why"] in html.unescape(text)
    assert "is not what it caused" in text
    assert len(listed) == len(get("/api/v1/levels").json()["results"]), "one page holds all of this shop's"
    assert get("/message/nothing").status_code == 404


def test_an_orders_touches_lead_to_their_messages(get: Get, real: Mapping[str, str]) -> None:
    text = get(f"/order/{quote(real['ORDER'], safe='')}").text
    ways = re.findall(r'href="(/message/[^"]*)"', text)

    assert ways
    assert {get(way).status_code for way in ways} == {200}


def test_days_without_a_last_one_go_until_today_and_those_without_a_first_are_asked_for_it(get: Get, site: Site) -> None:
    today = site.today().isoformat()
    open_end, ended = site.filters({"from": "2026-07-01"}), site.filters({"from": "2026-07-01", "to": "2026-07-31"})
    ahead = site.filters({"from": "2999-07-01"})

    assert (open_end.period, ended.period, ahead.period) == (f"2026-07-01..{today}", "2026-07-01..2026-07-31", "2999-07-01")
    answer = get("/part/pays?to=2026-07-31")
    assert answer.status_code == 400
    assert "the days until 2026-07-31 have no first day." in answer.text
    assert "Choose the day it begins with in From." in answer.text
