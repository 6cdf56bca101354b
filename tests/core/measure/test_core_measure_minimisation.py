"""Data minimisation: what is held and read by nothing, counted from what the texts of the measures name."""

from __future__ import annotations

from typing import Any

from persync.estimate import Estimate
from persync.measure.metric import Ask
from persync.measure.minimisation import PERSONAL, data_minimisation, used_columns

DAY = 86_400_000
ASK = Ask(now=100 * DAY, retention={"touchpoints": 2})


def found(shop: Any) -> dict[tuple[str, str], Estimate]:
    return {(one.id, one.by.get("kind", "")): one for one in data_minimisation(shop, ASK)}


def test_a_column_is_used_when_a_text_names_it_behind_its_tables_alias() -> None:
    """`memberships.joined_at` is read by journeys of segments, a ticket's priority by nothing."""
    used = used_columns()

    assert {("touchpoints", "happened_at"), ("consents", "state"), ("attributes", "value")} <= used
    assert ("tickets", "priority") not in used
    assert not [(table, column) for table, column in used if table in PERSONAL and column == "no_such"]


def test_the_share_is_of_fields_that_have_a_value(shop: Any) -> None:
    """Two fields of a ticket and two attributes, of which a priority and a sole value are read by nothing."""
    shop.add("tickets", connection=1, ticket="t1", key_id=1, created_at=40 * DAY, priority="high")
    for person, side in ((1, "a"), (2, "b")):
        shop.add("attributes", connection=1, key_id=person, name="side", value=side, basis="survey")
        shop.add("attributes", connection=1, key_id=person, name="health", value="x", basis="survey")

    made = found(shop)

    share = made["data_minimisation", ""]
    assert (share.value, share.n) == (0.5, 4)
    assert share.note == "read by no measure of persync's own: tickets.priority, attribute health"
    special = made["special_category_attributes", ""]
    assert (special.value, special.n, special.note) == (1, 2, "by their names: health")
    assert (made["oldest_row_age", "tickets"].value, made["oldest_row_age", "tickets"].note) == (
        60,
        "no rule: it is kept for good",
    )


def test_the_oldest_row_stands_beside_the_rule(shop: Any) -> None:
    for at in (30, 10, 90):
        shop.add("touchpoints", connection=1, campaign_key=1, key_id=1, action=1, happened_at=at * DAY, channel=1, source=1)

    made = found(shop)

    assert made["oldest_row_age", "touchpoints"] == Estimate(
        "oldest_row_age", 90, unit="days", by={"kind": "touchpoints"}, note="the rule is 2 months"
    )


def test_a_store_that_holds_nothing_of_people_has_no_share(shop: Any) -> None:
    made = found(shop)

    assert {key: (one.value, one.reason) for key, one in made.items()} == {
        ("data_minimisation", ""): (None, "no_denominator"),
        ("special_category_attributes", ""): (None, "no_denominator"),
    }
