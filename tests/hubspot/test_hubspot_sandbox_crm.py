"""The imitated CRM keeps HubSpot's caps and quirks: each one that a reader must live with."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from persync.sandbox.demo import make_world
from persync_hubspot import api
from persync_hubspot.sandbox_crm import CrmFaults
from persync_hubspot.sandbox_crm_records import everything

Make = Callable[..., Any]
CONTACTS = api.objects("contacts")
READ = api.batch_read("contacts")


def found(answer: Any, *path: str, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    body = answer.json()
    for name in path:
        body = body[name]
    return body


def batch(*ids: int, **more: Any) -> dict[str, Any]:
    return {"inputs": [{"id": str(one)} for one in ids], "properties": [], "propertiesWithHistory": [], **more}


@pytest.mark.parametrize("kind", list(api.TYPE_IDS))
def test_a_type_is_the_same_by_its_name_and_by_its_id(account: Any, kind: str) -> None:
    by_id = found(account.ask("GET", api.objects(kind)))
    by_name = found(account.ask("GET", f"/crm/objects/2026-09/{kind}"))

    assert by_name == by_id


@pytest.mark.parametrize(
    ("method", "path", "how"),
    [
        ("GET", CONTACTS, {"params": {"limit": 51, "propertiesWithHistory": "lifecyclestage"}}),
        ("POST", READ, {"json": batch(*range(101))}),
        ("POST", READ, {"json": batch(*range(51), propertiesWithHistory=["lifecyclestage"])}),
        ("POST", READ, {"json": batch()}),
        ("POST", READ, {"json": batch(1, idProperty="e-mail")}),
        ("POST", api.search("contacts"), {"json": {"properties": [f"custom_{n}" for n in range(300)]}}),
        ("GET", api.properties("contacts"), {"params": {"dataSensitivity": "secret"}}),
    ],
)
def test_what_hubspot_refuses_is_refused(account: Any, method: str, path: str, how: Any) -> None:
    told = found(account.ask(method, path, **how), status=400)

    assert (told["status"], told["category"]) == ("error", "VALIDATION_ERROR")


def test_a_url_that_is_too_long_gets_a_page_that_is_no_json(account: Any) -> None:
    answer = account.ask("GET", CONTACTS, params={"properties": ",".join(f"custom_property_{n}" for n in range(500))})

    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (414, "text/html")


def test_a_list_without_properties_gives_a_handful_and_all_values_are_strings_or_null(account: Any) -> None:
    plain = found(account.ask("GET", api.objects("deals")), "results")[0]["properties"]
    asked = {"properties": "hs_is_closed_won,amount,hs_merged_object_ids,no_such_thing"}
    named = found(account.ask("GET", api.objects("deals"), params=asked), "results")

    assert "hs_is_closed_won" not in plain
    assert [(one["properties"]["hs_is_closed_won"], one["properties"]["amount"]) for one in named] == [
        ("true", "500.00"),
        ("false", None),
        ("false", None),
    ]
    assert all("no_such_thing" not in one["properties"] for one in named)


def test_a_list_shows_the_first_hundred_associations_twice_and_points_to_more(account_of: Make, build: Any) -> None:
    people = {n: build.person(n) for n in range(1, 131)}
    account = account_of(people=people, deals=[build.deal(1, 1, people=tuple(range(2, 131)))])
    ends = found(account.ask("GET", api.objects("deals"), params={"associations": "contacts"}), "results")[0]["associations"]

    counted = Counter(end["id"] for end in ends["contacts"]["results"])
    assert (len(counted), set(counted.values())) == (100, {2})
    assert {end["type"] for end in ends["contacts"]["results"]} == {"deal_to_contact", "deal_to_contact_unlabeled"}
    assert ends["contacts"]["paging"] == {"next": {"after": "201"}}


def test_associations_in_a_batch_are_paged_for_each_object(account_of: Make, build: Any) -> None:
    people = {n: build.person(n) for n in range(1, 6)}
    deals = [build.deal(1, 1, people=(2, 3, 4, 5))]
    account = account_of(people=people, deals=deals, faults=CrmFaults(associations_page=2))
    path = api.associations("deals", "contacts")
    seen, after = [], None
    while True:
        asked = {"id": "501", **({"after": after} if after else {})}
        (one,) = found(account.ask("POST", path, json={"inputs": [asked]}), "results")
        seen.append([end["toObjectId"] for end in one["to"]])
        if "paging" not in one:
            break
        after = one["paging"]["next"]["after"]

    assert seen == [["101", "102"], ["103", "104"], ["105"]]


def test_a_batch_read_gives_what_is_there_and_says_what_is_not(account: Any) -> None:
    told = found(account.ask("POST", READ, json=batch(101, 7, properties=["email"])), status=207)
    by_email = {"inputs": [{"id": "p2@example.com"}], "properties": [], "propertiesWithHistory": [], "idProperty": "email"}

    assert [one["id"] for one in told["results"]] == ["101"]
    assert (told["numErrors"], told["errors"][0]["category"], told["errors"][0]["context"]) == (
        1,
        "OBJECT_NOT_FOUND",
        {"ids": ["7"]},
    )
    assert [one["id"] for one in found(account.ask("POST", READ, json=by_email), "results")] == ["102"]


def test_history_is_newest_first_and_capped(account_of: Make, build: Any) -> None:
    at = build.now - 100 * build.day
    moves = {f"stage_{n:02}": at + n * build.day for n in range(60)}
    account = account_of(people={1: build.person(1, stage_dates=moves)})
    params = {"propertiesWithHistory": "lifecyclestage"}
    versions = found(account.ask("GET", CONTACTS, params=params), "results")[0]["propertiesWithHistory"]["lifecyclestage"]

    assert len(versions) == 45
    assert [versions[0]["value"], versions[-1]["value"]] == ["stage_59", "stage_15"]
    assert set(versions[0]) == {"value", "timestamp", "sourceType", "sourceId", "updatedByUserId"}


def test_what_was_archived_is_listed_for_ninety_days_and_never_found(account_of: Make, build: Any) -> None:
    archived = {"deals": {501: build.now - 89 * build.day, 502: build.now - 90 * build.day}}
    account = account_of(faults=CrmFaults(archived=archived))
    listed = found(account.ask("GET", api.objects("deals"), params={"archived": "true"}), "results")

    assert [(one["id"], one["archived"]) for one in listed] == [("501", True)]
    for answer in (account.ask("GET", api.objects("deals")), account.ask("POST", api.search("deals"), json={})):
        assert [one["id"] for one in found(answer, "results")] == ["503"]
    by_id = account.ask("POST", api.batch_read("deals"), params={"archived": "true"}, json=batch(501))
    assert [one["id"] for one in found(by_id, "results")] == ["501"]


def test_what_was_merged_away_is_only_named_by_what_it_went_into(account_of: Make) -> None:
    account = account_of(faults=CrmFaults(merged={"deals": {501: (502, 499)}}))
    listed = found(account.ask("GET", api.objects("deals"), params={"properties": "hs_merged_object_ids"}), "results")

    assert [(one["id"], one["properties"]["hs_merged_object_ids"]) for one in listed] == [("501", "502;499"), ("503", None)]
    assert found(account.ask("GET", api.objects("deals"), params={"archived": "true"}), "results") == []


def test_a_search_lags_behind_and_a_list_does_not(account_of: Make, build: Any) -> None:
    people = {1: build.person(1), 2: build.person(2, updated_at=build.now - 30_000)}
    account = account_of(people=people, faults=CrmFaults(index_lag=60_000))

    assert [one["id"] for one in found(account.ask("POST", api.search("contacts"), json={}), "results")] == ["101"]
    assert [one["id"] for one in found(account.ask("GET", CONTACTS), "results")] == ["101", "102"]


def test_the_wall_of_a_search_is_ten_thousand_results(account_of: Make, build: Any) -> None:
    account = account_of(people={n: build.person(n) for n in range(1, 10_003)}, deals=[], orders=[], messages=[])
    last = account.ask("POST", api.search("contacts"), json={"limit": 200, "after": "9800"})
    beyond = account.ask("POST", api.search("contacts"), json={"limit": 1, "after": "10000"})

    assert (found(last, "total"), len(found(last, "results")), found(last, "paging")) == (
        10_002,
        200,
        {"next": {"after": "10000"}},
    )
    assert found(beyond, "category", status=400) == "VALIDATION_ERROR"


def test_sensitive_properties_are_listed_only_when_asked_for(account: Any) -> None:
    def names(**params: str) -> set[tuple[str, str]]:
        told = found(account.ask("GET", api.properties("contacts"), params=params), "results")
        return {(one["name"], one["dataSensitivity"]) for one in told}

    assert not {name for name, _ in names()} & {"dietary_need", "health_note"}
    assert names(dataSensitivity="sensitive") == {("dietary_need", "sensitive")}
    assert names(dataSensitivity="highly_sensitive") == {("health_note", "highly_sensitive")}


def test_the_stages_of_an_account_are_its_own(account: Any) -> None:
    told = found(account.ask("GET", api.properties("contacts")), "results")
    (stages,) = [one["options"] for one in told if one["name"] == "lifecyclestage"]

    assert ("94837261", "Club member") in [(one["value"], one["label"]) for one in stages]


@pytest.mark.parametrize(
    ("why", "category", "errors"),
    [
        ("scope", "MISSING_SCOPES", [{"requiredGranularScopes": ["crm.objects.carts.read"]}]),
        ("tier", "FORBIDDEN", []),
    ],
)
def test_a_denial_says_which_scope_or_that_the_tier_is_too_low(account_of: Make, why: str, category: str, errors: Any) -> None:
    account = account_of(faults=CrmFaults(denied={"carts": why}))
    answers = [
        account.ask("GET", api.objects("carts")),
        account.ask("POST", api.search("carts"), json={}),
        account.ask("POST", api.batch_read("carts"), json=batch(1)),
        account.ask("POST", api.associations("carts", "contacts"), json={"inputs": [{"id": "1"}]}),
        account.ask("GET", api.properties("carts")),
    ]

    for answer in answers:
        told = found(answer, status=403)
        assert (told["status"], told["category"]) == ("error", category)
        assert [one["context"] for one in told.get("errors", [])] == errors


def test_the_same_world_gives_the_same_objects_and_no_two_have_one_id() -> None:
    """The demo's business, whole: its orders alone give five types of objects."""
    world = make_world(7, people=600)
    once, again = everything(world), everything(make_world(7, people=600))

    assert once == again
    for kind, records in once.items():
        assert records, kind
        assert len({record.number for record in records}) == len(records), kind
        assert all(record.created_at <= record.updated_at <= world.now for record in records), kind
