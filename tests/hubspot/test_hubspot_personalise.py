"""What counts as personalisation in a HubSpot e-mail beyond the plain token, and which lists choose people."""

from __future__ import annotations

from typing import Any

import pytest

from persync_hubspot.personalise import content_items, list_type, settings_items
from persync_hubspot.records_mail import MarketingEmail


def found_in(html: str) -> set[tuple[str, str]]:
    email: MarketingEmail = {"id": "1", "subject": "", "content": {"widgets": {"m": {"body": {"html": html}}}}}
    items = content_items(email)
    assert items is not None
    return set(items) - {("read", "content")}


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("{{ contact['city'] }} {{ contact[ \"zip\" ] }}", {("token", "contact.city"), ("token", "contact.zip")}),
        ("{{ 'du' if contact.informal == 'true' else 'Sie' }}", {("conditional", "contact.informal")}),
        (
            "{{ contact.firstname if contact.informal else contact.lastname }}",
            {("conditional", "contact.informal"), ("token", "contact.firstname"), ("token", "contact.lastname")},
        ),
        ("{{ contact.stage == 'customer' ? 'back' : 'new' }}", {("conditional", "contact.stage")}),
        ("{{ 'Why? Because, ' ~ contact.city }}", {("token", "contact.city")}),
        (
            "{% set land = contact.country %}{% if land == 'AT' %}a{% endif %}",
            {("token", "contact.country"), ("conditional", "contact.country")},
        ),
        ("{% set land = contact.country %}{% set land = 'AT' %}{% if land %}a{% endif %}", {("token", "contact.country")}),
        ("{% set contact_us = 'x' %}{% if contact_us %}a{% endif %}{{ contact_us }}", set()),
        (
            "{% set word = 'gold' if contact.points > 9 else contact.city %}{{ word }}",
            {("conditional", "contact.points"), ("token", "contact.city"), ("token", "contact.points")},
        ),
        ("{% module 'm' path='/shop/Recommendations' %}", {("recommendation", "/shop/Recommendations")}),
        ("{% module 'm' path='/shop/hero' label='we recommend' %}", set()),
        ("{% raw %}{{ contact.firstname }}{% endraw %}{{ contact.city }}", {("token", "contact.city")}),
        ("{%- raw -%}{{ contact.firstname }}", set()),
        ("{# {{ contact.firstname }} #}{{ contact.city }}", {("token", "contact.city")}),
        ("<!-- {{ contact.firstname }} -->{{ contact.city }}", {("token", "contact.city")}),
        ("<!-- {% if contact.vip %} -->a<!-- {% endif %} -->", {("conditional", "contact.vip")}),
        ("<!--[if mso]>{{ contact.city }}<![endif]-->", {("token", "contact.city")}),
        ("<style>/* {{ contact.city }} */</style>", set()),
        (
            "{% for row in hubdb_table_rows(7, 'city=' ~ contact.city) %}a{% endfor %}",
            {("token", "contact.city"), ("programmable", "for")},
        ),
        ("{% set rows = hubdb_table_rows(7) %}{% for row in rows %}a{% endfor %}", set()),
        (
            "{% set found = crm_objects('pets', 'limit=3') %}{% for pet in found.results %}a{% endfor %}",
            {("programmable", "crm_objects"), ("programmable", "for")},
        ),
    ],
)  # fmt: skip
def test_the_template_language_is_read_as_it_runs(text: str, items: set[tuple[str, str]]) -> None:
    assert found_in(text) == items


@pytest.mark.parametrize("text", ["{# " * 200_000, "<!-- " * 200_000, "{% raw %}" * 100_000, "{{ " * 20_000, "{% if " * 10_000])
def test_code_that_is_never_closed_ends(text: str) -> None:
    assert found_in(text + "{{") == set()


def branch(*filters: dict[str, Any], inside: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {"filterBranchType": "AND", "filters": list(filters), "filterBranches": list(inside)}


def about(name: str) -> dict[str, Any]:
    return {"filterType": "PROPERTY", "property": name, "operation": {"operator": "IS_EQUAL_TO", "value": "Ann Example"}}


AGREED = {"filterType": "EMAIL_SUBSCRIPTION", "acceptedStatuses": ["OPT_IN"]}


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"processingType": "MANUAL"}, "MANUAL"),
        ({"processingType": "DYNAMIC", "filterBranch": None}, "DYNAMIC"),
        ({"processingType": "DYNAMIC", "filterBranch": branch(AGREED, about("hs_email_optout"), about("email"))}, "DYNAMIC"),
        ({"processingType": "DYNAMIC", "filterBranch": branch(AGREED, about("hs_email_optout_2370"))}, "DYNAMIC"),
        ({"processingType": "DYNAMIC", "filterBranch": branch(about("hs_email_open"))}, "DYNAMIC filtered"),
        ({"processingType": "SNAPSHOT", "filterBranch": branch(about("firstname"))}, "SNAPSHOT filtered"),
        ({"processingType": "DYNAMIC", "filterBranch": branch({"filterType": "IN_LIST", "listId": "5"})}, "DYNAMIC filtered"),
        (
            {
                "filterBranch": branch(
                    AGREED, inside=(branch(about("gender")), branch(about("ip_country"), inside=(branch(about("zip")),)))
                )
            },
            "LIST filtered gender place",
        ),
        ({"processingType": "DYNAMIC", "filterBranch": branch(about("date_of_birth"))}, "DYNAMIC filtered age"),
    ],
)  # fmt: skip
def test_a_list_is_what_its_filters_ask_for_without_their_values(record: dict[str, Any], words: str) -> None:
    assert list_type(record) == words


def test_a_filtered_list_is_evidence_and_by_whom_it_chooses_too() -> None:
    email: MarketingEmail = {
        "id": "1",
        "type": "BATCH_EMAIL",
        "to": {"contactIlsLists": {"include": ["61", "62", "63", "64"]}},
    }
    lists = {"61": "DYNAMIC filtered gender place", "62": "MANUAL", "63": "SNAPSHOT filtered", "70": "DYNAMIC filtered age"}

    assert settings_items(email, lists) == (
        ("demographic", "gender"),
        ("demographic", "place"),
        ("filtered_list", "61"),
        ("filtered_list", "63"),
        ("read", "settings"),
    )
    assert settings_items(email) == (("read", "settings"),)
