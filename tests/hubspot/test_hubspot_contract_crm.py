"""Every call that the CRM half can make, and every answer to it, held against HubSpot's own descriptions."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubspot.openapi import Contract
from persync_hubspot import api
from persync_hubspot.sandbox_crm import CrmFaults

pytestmark = pytest.mark.shared
KINDS = tuple(api.TYPE_IDS)
SORTS = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
SEARCH = {"filterGroups": [], "sorts": SORTS, "properties": [], "limit": 2, "after": "0"}


@pytest.fixture(scope="module")
def contract(shared: Path) -> Contract:
    return Contract(shared / "specs" / "hubspot")


@pytest.fixture
def everything(account_of: Callable[..., Any], build: Any) -> Any:
    """An account with something of every type, deleted and merged things among them."""
    from persync.sandbox.world import Line

    order = build.copy(1, 1)
    order.lines = [Line("1", "Lantern", "LAN-01", 2, 1000, 100, 0, 400)]
    people = {n: build.person(n) for n in range(1, 20)}
    archived = {"contacts": {104: build.now - build.day}, "deals": {502: build.now - build.day}}
    faults = CrmFaults(archived=archived, merged={"deals": {501: (499,)}}, associations_page=1, listed_associations=1)
    return account_of(people=people, orders=[order], faults=faults)


def check(contract: Contract, account: Any, method: str, path: str, status: int, **how: Any) -> Any:
    """Make a call and return its answer; neither may differ from the description."""
    answer = account.ask(method, path, **how)
    call = account.transport.calls[-1]
    body = json.loads(call.content) if call.content else None

    assert answer.status_code == status
    assert contract.request_problems(method, path, call.url.query.decode(), body) == []
    assert contract.answer_problems(method, path, status, answer.json()) == []
    return answer.json()


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_is_listed_searched_read_and_described_as_hubspot_says(
    contract: Contract, everything: Any, kind: str
) -> None:
    listed = {"limit": "2", "properties": "hs_object_id", "associations": "contacts,companies,line_items", "archived": "false"}
    page = check(contract, everything, "GET", api.objects(kind), 200, params=listed)
    found = check(contract, everything, "POST", api.search(kind), 200, json=SEARCH)
    ids = [{"id": one["id"]} for one in page["results"]]
    asked = {"inputs": ids, "properties": ["hs_object_id"], "propertiesWithHistory": []}
    read = check(contract, everything, "POST", api.batch_read(kind), 200, json=asked)
    check(contract, everything, "GET", api.properties(kind), 200)

    assert (
        [one["id"] for one in page["results"]]
        == [one["id"] for one in found["results"]]
        == [one["id"] for one in read["results"]]
    )
    assert ids


@pytest.mark.parametrize(
    ("kind", "to"),
    [
        ("deals", "contacts"),
        ("orders", "contacts"),
        ("line_items", "orders"),
        ("line_items", "deals"),
        ("carts", "contacts"),
        ("contacts", "companies"),
        ("tickets", "contacts"),
    ],
)
def test_associations_are_as_hubspot_says_paged_and_with_errors(
    contract: Contract, everything: Any, kind: str, to: str
) -> None:
    ids = [{"id": one["id"]} for one in everything.ask("GET", api.objects(kind), params={"limit": 100}).json()["results"]]
    found = check(contract, everything, "POST", api.associations(kind, to), 207, json={"inputs": [*ids, {"id": "1"}]})

    assert found["results"]
    assert found["errors"][-1]["context"] == {"fromObjectId": ["1"]}


def test_history_archived_sensitive_and_partial_answers_are_as_hubspot_says(contract: Contract, everything: Any) -> None:
    """The less usual forms of the same calls."""
    history = {"limit": "50", "properties": "hs_object_id", "propertiesWithHistory": "lifecyclestage"}
    check(contract, everything, "GET", api.objects("contacts"), 200, params=history)
    check(contract, everything, "GET", api.objects("contacts"), 200, params={"archived": "true"})
    check(contract, everything, "GET", api.properties("contacts"), 200, params={"dataSensitivity": "sensitive"})
    check(contract, everything, "GET", api.pipelines("deals"), 200)
    check(contract, everything, "GET", api.USAGE, 200)
    asked = {"inputs": [{"id": "101"}, {"id": "1"}], "properties": [], "propertiesWithHistory": ["lifecyclestage"]}
    partial = check(contract, everything, "POST", api.batch_read("contacts"), 207, json=asked)
    gone = check(
        contract,
        everything,
        "POST",
        api.batch_read("contacts"),
        200,
        params={"archived": "true"},
        json={**asked, "inputs": [{"id": "104"}]},
    )

    assert (len(partial["results"]), partial["numErrors"]) == (1, 1)
    assert [one["archived"] for one in gone["results"]] == [True]


@pytest.mark.parametrize("why", ["scope", "tier"])
def test_a_denial_is_as_hubspot_says(contract: Contract, account_of: Callable[..., Any], why: str) -> None:
    account = account_of(faults=CrmFaults(denied={"carts": why}))
    told = check(contract, account, "GET", api.objects("carts"), 403)

    assert told["category"] == {"scope": "MISSING_SCOPES", "tier": "FORBIDDEN"}[why]


def test_a_partial_answer_is_held_against_the_shape_of_a_whole_one(contract: Contract, everything: Any) -> None:
    """207 is no way round the description: a field that it does not know is still noticed."""
    path = api.batch_read("contacts")
    asked = {"inputs": [{"id": "101"}, {"id": "1"}], "properties": [], "propertiesWithHistory": []}
    told = check(contract, everything, "POST", path, 207, json=asked)

    assert contract.answer_problems("POST", path, 207, {**told, "colour": "red"}) != []
    assert contract.answer_problems("GET", api.ACCOUNT, 299, {}) == [
        f"GET {api.ACCOUNT}: no description of an answer with HTTP 299"
    ]
