"""What each bundled pace learns from its vendor's answers."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from persync.connect import Request
from persync.connect.pace import Daily
from persync_hubspot.pace import HubSpotPace
from persync_mailchimp.pace import GOOD_IN_A_ROW, ConnectionPace
from persync_shopify.pace import CostPace


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


# -- Mailchimp --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "body"), [(429, b'{"title": "Too Many Requests"}'), (403, b"<html>slow down</html>")])
def test_a_refusal_at_mailchimp_holds_everybody_and_leaves_a_connection_to_others(status: int, body: bytes) -> None:
    clock = Clock()
    pace = ConnectionPace(concurrent=2, clock=clock)
    first, second, third = Request(path="a"), Request(path="b"), Request(path="c")

    assert [pace.before(one) for one in (first, second, third)] == [0.0, 0.0, 0.02]
    clock.now += 0.1
    pace.learn(first, status, {}, body)
    # It was on its way when the refusal came: one refusal is enough to give way once.
    pace.learn(second, status, {}, body)
    held = pace.before(third)
    clock.now += held

    assert held == 1.0
    assert [pace.before(third), pace.before(first)] == [0.0, 0.02]


def test_a_final_403_of_mailchimp_is_no_refusal_of_the_limiter() -> None:
    pace = ConnectionPace(concurrent=1, clock=Clock())
    request = Request(path="a")
    pace.before(request)

    pace.learn(request, 403, {}, b'{"title": "Forbidden", "status": 403}')

    assert pace.before(Request(path="b")) == 0.0


def test_after_many_good_answers_mailchimp_is_asked_by_one_more_again() -> None:
    clock = Clock()
    pace = ConnectionPace(concurrent=2, clock=clock)
    request = Request(path="a")
    pace.before(request)
    pace.learn(request, 429, {}, b"{}")
    clock.now += 5
    one, two = Request(path="b"), Request(path="c")

    def both() -> list[float]:
        waits = [pace.before(one), pace.before(two)]
        for sent, wait in zip((one, two), waits, strict=True):
            if wait == 0:
                pace.lost(sent)
        return waits

    pace.before(request)
    pace.learn(request, 200, {}, b"{}")
    before = both()
    for _ in range(GOOD_IN_A_ROW):
        pace.before(request)
        pace.learn(request, 200, {}, b"{}")

    assert (before, both()) == ([0.0, 0.02], [0.0, 0.0])


# -- HubSpot ----------------------------------------------------------------------------------------------------------------

LIST = Request(path="/crm/objects/2026-09/contacts")
SEARCH = Request("POST", "/crm/objects/2026-09/contacts/search")


def test_hubspots_windows_begin_when_a_call_has_arrived() -> None:
    clock = Clock()
    pace = HubSpotPace(concurrent=4, clock=clock)

    for _ in range(5):
        assert pace.before(SEARCH) == 0.0
    clock.now += 0.4
    pace.learn(SEARCH, 200, {}, b"")

    # The first was there after half of its 0.4 s at the latest; a call sent now takes a quarter of the shortest trip.
    assert pace.before(SEARCH) == pytest.approx(0.5)


def test_hubspots_daily_calls_and_rates_are_told() -> None:
    pace = HubSpotPace(concurrent=4, clock=Clock())
    told = {
        "x-hubspot-ratelimit-daily": "250000",
        "x-hubspot-ratelimit-daily-remaining": "249000",
        "x-hubspot-ratelimit-max": "190",
        "x-hubspot-ratelimit-interval-milliseconds": "10000",
    }

    before = pace.daily()
    pace.learn(LIST, 200, told, b"")

    assert (before, pace.daily()) == (None, Daily(250_000, 249_000))
    assert (pace.rate(LIST), pace.rate(SEARCH)) == (19.0, 5.0)


# -- Shopify ----------------------------------------------------------------------------------------------------------------


def query(text: str, first: int = 50) -> Request:
    return Request("POST", "graphql.json", json={"query": text, "variables": {"first": first}})


def cost(asked: float, used: float, available: float) -> bytes:
    throttle = {"maximumAvailable": 2000, "currentlyAvailable": available, "restoreRate": 100}
    told: dict[str, Any] = {"requestedQueryCost": asked, "actualQueryCost": used, "throttleStatus": throttle}
    return orjson.dumps({"data": {}, "extensions": {"cost": told}})


def test_shopifys_first_query_goes_alone_and_a_new_one_is_taken_to_be_dear() -> None:
    pace = CostPace(concurrent=3, version="2026-10", clock=Clock())
    first, other = query("orders"), query("customers")

    waits = [pace.before(first), pace.before(other)]
    pace.learn(first, 200, {}, cost(900, 900, 1100))

    assert waits == [0.0, 0.05]
    # 1000 of the 1100 points are kept for the query whose cost nobody knows yet.
    assert [pace.before(other), pace.before(query("orders"))] == [0.0, 8.0]


def test_shopifys_queries_on_their_way_are_taken_off_what_an_answer_says() -> None:
    pace = CostPace(concurrent=3, version="2026-10", clock=Clock())
    one, two, three = query("orders"), query("orders"), query("orders")
    pace.before(one)
    pace.learn(one, 200, {}, cost(900, 900, 2000))

    waits = [pace.before(one), pace.before(two)]
    pace.learn(one, 200, {}, cost(900, 900, 1100))

    assert waits == [0.0, 0.0]
    assert pace.before(three) == 7.0


def test_a_lost_query_of_shopifys_gives_up_its_place_when_the_next_answer_tells() -> None:
    pace = CostPace(concurrent=3, version="2026-10", clock=Clock())
    one, two = query("orders"), query("orders")
    pace.before(one)
    pace.learn(one, 200, {}, cost(900, 900, 2000))
    pace.before(one)
    pace.before(two)

    pace.lost(two)
    pace.learn(one, 200, {}, cost(900, 900, 1100))

    assert pace.before(query("orders")) == 0.0


def test_what_a_page_of_another_size_costs_is_scaled_and_a_file_costs_nothing() -> None:
    pace = CostPace(concurrent=3, version="2026-10", clock=Clock())
    small = query("orders", 10)
    pace.before(small)
    pace.learn(small, 200, {}, cost(100, 50, 500))

    # 50 orders ask for 500 points and use 250: one query in two and a half seconds for long.
    assert pace.rate(query("orders", 50)) == 0.4
    assert pace.before(query("orders", 50)) == 0.0
    assert pace.before(Request(path="https://files.example.com/bulk.jsonl")) == 0.0
