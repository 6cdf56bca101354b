"""HubSpot's own numbers beside ours, and how much of the day is used up."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from persync.connect.pull import PullOptions, pull
from persync.connect.stream import AccountFacts
from persync.connect.totals import Total
from persync.store.store import open_store
from persync_hubspot.account import DailyUsage, daily_usage, wrong_names
from persync_hubspot.sandbox_crm import CrmFaults
from persync_hubspot.totals_crm import crm_totals

FACTS = AccountFacts("1", "EUR", "Europe/Berlin")
Make = Callable[..., Any]


def totals_of(account: Any) -> list[Total]:
    with account.client(account.connector()) as client:
        return list(crm_totals(client, FACTS))


def counted(store: Path, total: Total) -> int:
    with open_store(store) as opened:
        (connection,) = opened.db.execute("SELECT connection FROM connections").fetchone()
        (number,) = opened.db.execute(total.sql, {**total.params, "connection": connection}).fetchone()
        return int(number)


def pulled(store: Path, account: Any) -> None:
    pull(store, [account.connector()], PullOptions(now=account.world.now), client=account.client)


def test_after_a_pull_every_total_of_hubspot_is_the_one_of_the_store(account: Any, tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    pulled(store, account)
    totals = totals_of(account)

    assert [(one.name, one.scope, one.value, one.currency) for one in totals] == [
        ("contacts", "all", 5, None),
        ("companies", "all", 1, None),
        ("deals", "all", 3, None),
        ("orders", "all", 3, None),
        ("carts", "all", 4, None),
        ("tickets", "all", 1, None),
        ("won deals", "all", 1, None),
        ("won deals", "the latest 1", 50_000, "EUR"),
        ("orders", "the latest 3", 6000, "EUR"),
    ]
    assert [counted(store, one) for one in totals] == [one.value for one in totals]
    assert len([call for call in account.transport.calls if call.url.path.endswith("/search")][-9:]) == 9


def test_what_is_missing_in_the_store_is_a_gap(account_of: Make, build: Any, tmp_path: Path) -> None:
    """A deal of 900.00 that HubSpot has and the store has not: one too few, and that much money."""
    store = tmp_path / "a.db"
    pulled(store, account_of())
    deals = [build.deal(1, 1), build.deal(2, 3, stage="contractsent", minor=0), build.deal(9, 4, minor=90_000)]
    now = {(one.name, one.scope): one for one in totals_of(account_of(deals=deals))}

    gaps = {key: (one.value, counted(store, one)) for key, one in now.items() if one.value != counted(store, one)}
    assert gaps == {("won deals", "all"): (2, 1), ("won deals", "the latest 2"): (140_000, 50_000)}


def test_the_money_is_that_of_the_latest_two_hundred_without_the_time_at_the_edge(
    account_of: Make, build: Any, tmp_path: Path
) -> None:
    """251 orders, the 199th to 202nd of one moment: that moment is left out on both sides, so that the sums can agree."""
    store = tmp_path / "a.db"
    orders = [build.copy(n, 1, minor=1000 + n) for n in range(1, 252)]
    for order in orders[49:53]:
        order.processed_at = orders[49].processed_at
    account = account_of(orders=orders)
    pulled(store, account)
    money = next(one for one in totals_of(account) if one.name == "orders" and one.currency)

    assert (money.scope, money.value) == ("the latest 198", sum(1000 + n for n in range(54, 252)))
    assert counted(store, money) == money.value


def test_things_deleted_are_in_neither_number(account_of: Make, build: Any, tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    archived = {"deals": {501: build.now - 1}, "contacts": {101: build.now - 1}, "tickets": {770_000_000_001: build.now - 1}}
    pulled(store, account_of())
    account = account_of(now=build.now + build.day, faults=CrmFaults(archived=archived))
    pulled(store, account)
    totals = totals_of(account)

    assert {one.name: one.value for one in totals if one.scope == "all"} == {
        "contacts": 4,
        "companies": 1,
        "deals": 2,
        "orders": 3,
        "carts": 4,
        "tickets": 0,
        "won deals": 0,
    }
    assert [counted(store, one) for one in totals] == [one.value for one in totals]


def test_a_total_that_may_not_be_read_says_why(account_of: Make) -> None:
    totals = totals_of(account_of(faults=CrmFaults(denied={"orders": "scope"})))

    (orders,) = [one for one in totals if one.name == "orders"]
    assert (orders.value, orders.hint) == (None, "the key lacks the scope crm.objects.orders.read (HTTP 403).")


def test_the_account_says_how_much_of_the_day_is_used_up(account: Any) -> None:
    """The day ends at midnight in Berlin, which is 22:00 UTC on that day."""
    with account.client(account.connector()) as client:
        client.get_json("/account-info/2026-09/details")
        used = daily_usage(client)

    assert used == DailyUsage(2, 1_000_000, "2026-10-01T22:00:00.000Z")
    assert str(used) == "2 of 1000000 calls of today used (0.0 %), until 2026-10-01T22:00:00.000Z"


@pytest.mark.parametrize(
    "told", [{"results": []}, {}, {"results": [{"fetchStatus": "TIMEOUT", "usageLimit": 1, "currentUsage": 1}]}]
)
def test_a_usage_that_hubspot_does_not_tell_is_not_zero(told: Any) -> None:
    class Silent:
        def get_json(self, path: str) -> Any:
            return told

    assert daily_usage(Silent()) is None  # type: ignore[arg-type]


def test_names_are_looked_for_among_the_sensitive_ones_too_before_they_are_called_wrong(account_of: Make) -> None:
    account = account_of(faults=CrmFaults(denied={"tickets": "scope"}))
    with account.client(account.connector()) as client:
        wrong = list(wrong_names(client, ["health_note", "dietary_need", "contry"]))
        asked = [call.url.query.decode() for call in account.transport.calls if call.url.path.endswith("/0-1")]
        right = list(wrong_names(client, ["country"]))

    assert wrong == [("contacts", "property 'contry' does not exist here. Did you mean 'country'?")]
    assert asked == ["", "dataSensitivity=sensitive", "dataSensitivity=highly_sensitive"]
    assert right == []
