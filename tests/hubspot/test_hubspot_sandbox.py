"""The imitated API: it refuses what HubSpot refuses (test_hubspot_contract.py holds its answers against HubSpot's schemas)."""

import re
from typing import Any

import httpx
import pytest

from persync_hubspot.sandbox import portal_id, secrets, settings, token

CONTACTS = "/crm/objects/2026-09/contacts"
SEARCH = f"{CONTACTS}/search"
EVENTS = "/email/public/v1/events"
EMAILS = "/marketing/emails/2026-09"
CAMPAIGNS = "/marketing/campaigns/2026-09"
PEOPLE_OF_DEALS = "/crm/associations/2026-09/deals/contacts/batch/read"
GUID = "11111111-2222-4333-8444-555555555555"


def filters(*tests: tuple[str, str, Any]) -> dict[str, Any]:
    """Write a search whose filters must all hold."""
    return {
        "filterGroups": [{"filters": [{"propertyName": name, "operator": test, "value": value} for name, test, value in tests]}]
    }


def found(answer: httpx.Response, *path: str) -> Any:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    for name in path:
        body = body[name]
    return body


def test_the_token_has_hubspots_form_and_opens_the_account(account: Any) -> None:
    assert re.fullmatch(r"pat-na1-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", account.token)
    assert secrets(account.world) == {"HUBSPOT_ACCESS_TOKEN": token(account.world)}
    assert settings(account.world, "http://127.0.0.1:1/hubspot") == {"base_url": "http://127.0.0.1:1/hubspot", "attributes": {}}
    assert found(account.ask("GET", "/account-info/2026-09/details"), "portalId") == portal_id(account.world)


@pytest.mark.parametrize("bearer", ["", "pat-na1-0f0f0f0f", "x"])
def test_a_wrong_token_is_refused_everywhere(account: Any, bearer: str) -> None:
    answers = [account.ask("GET", CONTACTS, bearer=bearer), account.ask("POST", SEARCH, bearer=bearer, json={})]

    assert [answer.status_code for answer in answers] == [401, 401]
    for answer in answers:
        told = answer.json()
        assert (told["status"], told["category"]) == ("error", "INVALID_AUTHENTICATION")
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", told["correlationId"])


@pytest.mark.parametrize(
    ("method", "path", "how"),
    [
        ("GET", CONTACTS, {"params": {"limit": 101}}),
        ("GET", CONTACTS, {"params": {"limit": 0}}),
        ("GET", CONTACTS, {"params": {"limit": "all"}}),
        ("GET", CONTACTS, {"params": {"after": "x"}}),
        ("GET", "/crm/objects/2026-09/sausages", {}),
        ("POST", SEARCH, {"json": {"limit": 201}}),
        ("POST", SEARCH, {"json": {"limit": 200, "after": "9801"}}),
        ("POST", SEARCH, {"json": {"limit": 10, "after": "after"}}),
        ("POST", SEARCH, {"content": b"{"}),
        ("POST", SEARCH, {"json": {"filterGroups": [{"filters": []}] * 6}}),
        ("POST", SEARCH, {"json": filters(*[("email", "HAS_PROPERTY", "")] * 7)}),
        ("POST", SEARCH, {"json": filters(("e-mail", "HAS_PROPERTY", ""))}),
        ("POST", SEARCH, {"json": filters(("email", "LIKE", "a"))}),
        ("POST", SEARCH, {"json": filters(("hs_object_id", "GT", 5))}),
        ("POST", SEARCH, {"json": {"sorts": [{"propertyName": "email"}, {"propertyName": "hs_object_id"}]}}),
        ("POST", PEOPLE_OF_DEALS, {"json": {"inputs": [{"id": "1"}] * 1001}}),
        ("GET", EMAILS, {"params": {"limit": 101}}),
        ("GET", EMAILS, {"params": {"after": "!"}}),
        ("GET", EVENTS, {"params": {"eventType": "SENT,DELIVERED"}}),
        ("GET", EVENTS, {"params": {"eventType": "SENT", "limit": 1001}}),
        ("GET", EVENTS, {"params": {"eventType": "SENT", "offset": "made up"}}),
        ("GET", EVENTS, {"params": {"eventType": "SENT", "startTimestamp": "yesterday"}}),
        ("GET", f"{CAMPAIGNS}/{GUID}/reports/revenue", {"params": {"attributionModel": "MINE"}}),
    ],
)  # fmt: skip
def test_what_hubspot_refuses_is_refused(account: Any, method: str, path: str, how: Any) -> None:
    answer = account.ask(method, path, **how)
    told = answer.json()

    assert (answer.status_code, told["status"]) == (400, "error")
    assert set(told) == {"status", "message", "correlationId"} | (set() if path == EVENTS else {"category"})


@pytest.mark.parametrize(
    "path", ["/crm/v3/objects/contacts", "/crm/objects/2019-03/contacts", "/", f"{CAMPAIGNS}/nothing/budget/totals"]
)
def test_other_versions_and_unknown_things_are_not_there(account: Any, path: str) -> None:
    assert account.ask("GET", path).status_code == 404


def test_a_list_shows_few_properties_unless_they_are_named_and_ignores_names_it_does_not_know(account: Any) -> None:
    plain = found(account.ask("GET", CONTACTS, params={"limit": 1}), "results")[0]
    asked = found(account.ask("GET", CONTACTS, params={"limit": 1, "properties": "hs_email_optout,hs_emial"}), "results")[0]

    assert set(plain["properties"]) == {"createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"}
    assert set(asked["properties"]) == {"hs_email_optout", "createdate", "hs_object_id", "lastmodifieddate"}
    assert all(value is None or isinstance(value, str) for value in asked["properties"].values())


def test_a_list_is_paged_by_the_id_that_comes_next(account: Any) -> None:
    seen, after = [], None
    while True:
        body = found(account.ask("GET", CONTACTS, params={"limit": 2, **({"after": after} if after else {})}))
        seen.append([record["id"] for record in body["results"]])
        if "paging" not in body:
            break
        after = body["paging"]["next"]["after"]

    assert seen == [["101", "102"], ["103", "104"], ["105"]]


def test_a_list_gives_associations_on_request_each_id_once_for_each_label(account: Any) -> None:
    path = "/crm/objects/2026-09/deals"
    plain = found(account.ask("GET", path), "results")
    with_people = found(account.ask("GET", path, params={"associations": "contacts"}), "results")

    assert "associations" not in plain[0]
    assert [one["id"] for one in with_people[0]["associations"]["contacts"]["results"]] == ["101", "101", "102", "102"]


def test_a_search_gives_neither_associations_nor_what_was_archived(account_of: Any, build: Any) -> None:
    gone = build.person(2, status="archived", status_changed_at=build.now - build.day)
    account = account_of(people={1: build.person(1), 2: gone}, deals=[build.deal(1, 1)], orders=[], messages=[])
    searched = found(account.ask("POST", SEARCH, json={"limit": 10}))
    archived = found(account.ask("GET", CONTACTS, params={"archived": "true"}), "results")

    assert [record["id"] for record in searched["results"]] == ["101"]
    assert searched["total"] == 1
    assert [(record["id"], record["archived"], record["archivedAt"]) for record in archived] == [
        ("102", True, "2026-09-30T00:00:00.000Z")
    ]
    assert "associations" not in found(account.ask("POST", "/crm/objects/2026-09/deals/search", json={}), "results")[0]


def test_a_search_filters_in_groups_and_sorts(account: Any) -> None:
    def search(*groups: list[tuple[str, str, str]], **more: Any) -> list[str]:
        filters = [
            {"filters": [{"propertyName": name, "operator": operator, "value": value} for name, operator, value in group]}
            for group in groups
        ]
        return [
            record["id"] for record in found(account.ask("POST", SEARCH, json={"filterGroups": filters, **more}), "results")
        ]

    at = str(account.world.people[3].updated_at)
    down = [{"propertyName": "hs_object_id", "direction": "DESCENDING"}]
    assert search([("lastmodifieddate", "GTE", at), ("hs_object_id", "GT", "103")]) == ["104", "105"]
    assert search([("lastmodifieddate", "LT", at)], [("hs_object_id", "EQ", "105")], sorts=down) == ["105", "102", "101"]
    assert search([("hs_email_optout", "EQ", "true")]) == ["103"]
    assert search([("hs_email_optout", "NEQ", "true")], limit=1) == ["101"]


def test_answers_tell_of_limits_and_searches_do_not(account: Any) -> None:
    listed, searched = account.ask("GET", CONTACTS), account.ask("POST", SEARCH, json={})

    assert listed.headers["x-hubspot-ratelimit-max"] == "190"
    assert listed.headers["x-hubspot-ratelimit-interval-milliseconds"] == "10000"
    assert listed.headers["x-hubspot-ratelimit-daily"] == "1000000"
    assert listed.headers["x-hubspot-ratelimit-daily-remaining"] == "999999"
    assert not [name for name in searched.headers if "ratelimit" in name]


def test_associations_are_read_in_a_batch_and_a_deal_without_any_makes_it_partial(account: Any) -> None:
    whole = account.ask("POST", PEOPLE_OF_DEALS, json={"inputs": [{"id": "501"}]})
    partial = account.ask("POST", PEOPLE_OF_DEALS, json={"inputs": [{"id": "501"}, {"id": "999"}]})

    assert (whole.status_code, partial.status_code) == (200, 207)
    assert [end["toObjectId"] for end in whole.json()["results"][0]["to"]] == ["101", "102"]
    assert (partial.json()["numErrors"], len(partial.json()["results"])) == (1, 1)


def test_events_come_newest_first_ten_at_a_time_and_keep_their_question(account: Any) -> None:
    first = found(account.ask("GET", EVENTS, params={"eventType": "OPEN"}))
    one = found(account.ask("GET", EVENTS, params={"eventType": "OPEN", "limit": 1}))
    two = found(account.ask("GET", EVENTS, params={"eventType": "OPEN", "limit": 1, "offset": one["offset"]}))
    other = account.ask("GET", EVENTS, params={"eventType": "CLICK", "limit": 1, "offset": one["offset"]})
    people = found(account.ask("GET", EVENTS, params={"eventType": "OPEN", "excludeFilteredEvents": "true"}))

    times = [event["created"] for event in first["events"]]
    assert times == sorted(times, reverse=True)
    assert (first["hasMore"], one["hasMore"]) == (False, True)
    assert [one["events"][0], two["events"][0]] == first["events"][:2]
    assert other.status_code == 400
    assert [event["filteredEvent"] for event in first["events"]] == [False, False, True]
    assert [event["filteredEvent"] for event in people["events"]] == [False, False]


def test_a_click_carries_the_number_of_the_send_to_the_shop(account: Any) -> None:
    event = found(account.ask("GET", EVENTS, params={"eventType": "CLICK"}), "events")[0]

    assert event["emailCampaignId"] == 7701
    assert event["url"].startswith("https://shop.example.com/sale?")
    assert "_hsmi=7701" in event["url"]
    assert event["sentBy"]["created"] == account.world.messages[0].sends[0].at


def test_statistics_count_people_and_leave_out_machines(account: Any) -> None:
    emails = found(account.ask("GET", EMAILS, params={"includeStats": "true"}), "results")
    plain = found(account.ask("GET", EMAILS), "results")

    counters = emails[0]["stats"]["counters"]
    assert {name: counters[name] for name in ("selected", "sent", "delivered", "hardbounced", "dropped", "open", "click")} == {
        "selected": 4, "sent": 3, "delivered": 2, "hardbounced": 1, "dropped": 1, "open": 2, "click": 1,
    }  # fmt: skip
    assert (counters["unsubscribed"], counters["spamreport"]) == (1, 1)
    assert "stats" not in plain[0]
    assert [email["state"] for email in plain] == ["PUBLISHED", "PUBLISHED", "DRAFT"]


def test_emails_are_found_by_type_and_change(account_of: Any, build: Any) -> None:
    old = build.mail(1, [], sent_at=build.now - 300 * build.day, created_at=build.now - 301 * build.day)
    club = build.mail(2, [], kind="AUTOMATED_EMAIL", workflow="Club")
    account = account_of(messages=[old, club])

    def ids(**params: str) -> list[str]:
        return [email["id"] for email in found(account.ask("GET", EMAILS, params=params), "results")]

    assert ids() == ["8801", "8802"]
    assert ids(type="AUTOMATED_EMAIL") == ["8802"]
    assert ids(updatedAfter="2026-07-03T00:00:00Z") == ["8802"]
    assert ids(archived="true") == []


def test_reports_and_budgets_are_the_campaigns_own(account: Any) -> None:
    path = "/marketing/campaigns/2026-09"
    campaign = found(account.ask("GET", path, params={"properties": "hs_name,hs_nmae"}), "results")[0]
    guid = campaign["id"]
    revenue = {
        model: found(account.ask("GET", f"{path}/{guid}/reports/revenue", params=params), "revenueAmount")
        for model, params in (("", {}), ("LAST", {"attributionModel": "LAST_INTERACTION"}))
    }

    assert campaign["properties"] == {"hs_name": "May"}
    assert revenue == {"": 500.0, "LAST": 700.5}
    assert found(account.ask("GET", f"{path}/{guid}/budget/totals"), "spendItems")[0]["amount"] == 180.0
