"""All that is known of Mailchimp has a line on its page: each part, each field, each path, each trap by its own words."""

from pathlib import Path
from typing import Any

import pytest

from persync.connect.stream import AccountFacts, Work
from persync.rows import OrderRef, Segment
from persync.sandbox.world import World
from persync_mailchimp.connector import Mailchimp
from sheets import fields_in, lines, page_text, paths_in, problems, read_names, sheet_of, unfounded, untold

KNOWN = {
    "1": (
        "last dash",
        "base_url",
        "invalid_token",
        "label empty or too long",
        "authorize",
        "role, deactivated account or plan",
    ),
    "2": (
        "10 simultaneous connections",
        "over all apps",
        "Retry-After",
        "403 with a problem document = final",
        "403 without JSON = throttle",
        "120 s server timeout",
        "count default 10, max 1000",
        "total_items",
        "no sort on members by default",
        "exclude_fields",
        "Invalid Resource",
        "426",
        "connection resets",
        "must be percent-encoded",
        "since of open-details",
        "0-100",
        "mostly strings",
        "ADDRESS is an object only when filled",
        "absplit_group",
    ),
    "3": (
        "Stats cached >= 5 min",
        "merge-fields",
        "interest-categories",
        "since_last_changed",
        "MD5",
        "changes with the e-mail",
        "e-mail independent",
        "archived",
        "marketing_permissions",
        "sms",
        "tags_count",
        "avg_open_rate includes machine opens",
        "last_changed does not move",
        "PredictedGender",
        "prebuilt_segment_id",
        "growth-history",
        "BETA",
        "updated since",
        "automation-type campaigns",
        "not measured",
        "variate_contents",
        "resend",
        "look",
        "deliver",
        "unique_subscriber_clicks",
        "proxy_excluded",
        "sub-reports",
        "domain-performance",
        "recommendation_total",
        "sent-to",
        "email-activity",
        "open-details",
        "click-details",
        "no proxy flag",
        "1,000 opens",
        "missing",
        "No event id",
        "two clicks in one second",
        "IP is personal data",
        "disappears",
        "classic",
        "workflow id",
        "no date filter and no sort",
        "key (store_id, id)",
        "floats",
        "No refund amount",
        "last touch",
        "free strings",
        "prec",
        "mc_eid",
        "max 1,000 operations",
        "500 open batches",
        "pending, preprocessing, started, finalizing, finished",
        "GETs are paged by Mailchimp itself",
        "each page counts as an operation",
        "Empty files",
        "failed operations",
        "7 days",
        "account-exports",
        "upemail",
    ),
    "4": (
        "2024-06-22",
        "link scanners click too",
        "bounces",
        "discounts",
        "variate combination",
        "never compare winner-send with test groups",
        "to_name-only as none",
        "System tags do not count",
        "let the user override per campaign",
    ),
    "5": (
        "much of a campaign's events",
        "create_time",
        "failed",
        "403",
        "dates",
        "dry cost of a pull (calls, time)",
        "all activity of a",
    ),
    "6": ("after 72 h", "advance cursor only when the whole window is read", "one"),
}
"""Words of the sheet, by part, that must stand in a line of that part: whoever deletes the line is told."""

OTHERS = {
    *("dbt_mailchimp", "was_opened", "combination_id", "platform_claimed_campaign_id"),  # other programs' words
    *("list_member", "merge_field", "proxy_excluded"),  # an object, a level of ours, what several names begin with
    *("pay_as_you_go", "forever_free"),  # values
}
"""names in the sheet that are no field of the API"""

LINES = lines("mailchimp", "Mailchimp")


def test_every_line_has_a_rule_and_tests_that_exist() -> None:
    assert problems(LINES) == []
    assert len(LINES) > 110


def test_everything_that_is_known_of_mailchimp_has_a_line() -> None:
    assert untold(KNOWN, LINES) == []
    assert sum(map(len, KNOWN.values())) > 90


def test_fields_that_are_left_out_are_nowhere_read() -> None:
    """No stream asks for them, and no record type has them."""
    left_out = fields_in(" ".join(line.trap for line in LINES if line.is_left_out))

    assert len(left_out) > 50
    assert left_out & read_names("mailchimp") == set()


@pytest.mark.shared
def test_the_words_are_the_sheets_own(shared: Path) -> None:
    assert unfounded(KNOWN, sheet_of(shared, "mailchimp")) == []


@pytest.mark.shared
def test_every_field_of_the_sheet_is_read_or_left_out_by_name(shared: Path) -> None:
    named = fields_in("\n".join(sheet_of(shared, "mailchimp").values()))

    assert len(named) > 150
    assert named - read_names("mailchimp") - fields_in(page_text(LINES)) - OTHERS == set()


@pytest.mark.shared
def test_every_path_of_the_sheet_is_a_streams_or_named(shared: Path) -> None:
    named = paths_in("\n".join(sheet_of(shared, "mailchimp").values()))
    streams = " ".join(paths_in(" ".join(f"/{stream.path}" for stream in Mailchimp.streams)))
    told = streams + " " + " ".join(paths_in(page_text(LINES)))

    assert len(named) > 40
    assert {path for path in named if path not in told and path.replace("/x/", "/{}/") not in told} == set()


# -- rules that no other test shows ---------------------------------------------------------------------------------------


def test_every_list_asks_for_its_fields_and_its_total_and_never_for_both_forms() -> None:
    """`fields` and `exclude_fields` exclude each other; with `fields` the total comes only when it is named."""
    for stream in Mailchimp.streams:
        fields = stream.params.get("fields", "").split(",")
        paged = getattr(stream.reader, "single", False) is False and stream.name != "automation_emails"

        assert not {"fields", "exclude_fields"} <= set(stream.params), stream.name
        assert ("total_items" in fields) == paged, stream.name
        assert not [field for field in fields if "_links" in field]


@pytest.mark.parametrize("name", ["email_activity", "open_details"])
def test_events_since_the_last_pull_are_asked_for_in_the_form_of_all_dates(name: str) -> None:
    (stream,) = [one for one in Mailchimp.streams if one.name == name]
    parent = {"campaign_id": "c1", "recipients": 5, "openers": 5}
    todo = Work(stream, "letters", None, AccountFacts(), "c1", parent, 1_733_043_600_000, 0, False)

    request = stream.reader.request(todo, stream.reader.start(todo))

    assert request.params["since"] == "2024-12-01T09:00:00+00:00"


def test_a_segment_of_any_type_is_kept(shape: Any) -> None:
    page = {"segments": [{"id": 7, "name": "Nearly", "type": "fuzzy"}, {"id": 8, "type": "of next year"}], "total_items": 2}

    assert shape("segments", page, parent={"list_id": "l1"}).rows == [
        Segment("segment", "7", "l1", name="Nearly", rule=None),
        Segment("segment", "8", "l1", name=None, rule=None),
    ]


def test_one_number_in_two_stores_is_two_orders(shape: Any) -> None:
    order = {
        "id": "1001",
        "currency_code": "EUR",
        "order_total": 10,
        "processed_at_foreign": "2024-12-01T09:00:00+00:00",
    }

    def ref(store: str) -> Any:
        parent = {"store_id": store, "shop": f"{store}.example.com", "currency": "EUR"}
        (first, *_) = shape("orders", {"orders": [order], "total_items": 1}, parent=parent).rows
        return first.order

    assert [ref("s1"), ref("s2")] == [
        OrderRef("s1:1001", "s1.example.com", "1001"),
        OrderRef("s2:1001", "s2.example.com", "1001"),
    ]


PEOPLE = """
SELECT count(DISTINCT coalesce(p.person, k.key_id)) FROM person_keys k LEFT JOIN person_of p ON p.key_id = k.key_id
"""


def test_a_member_whose_address_changes_stays_one_person_and_is_not_gone(pulls: Any, imitated: Any, world: World) -> None:
    """The id made from the address changes with it; the contact id does not, and links what is known under both."""
    store = pulls(imitated(world))
    store.pull()
    before = store.ask(PEOPLE), store.ask("SELECT count(*), sum(coalesce(is_deleted, 0)) FROM contacts")
    keys = store.ask("SELECT count(*) FROM person_keys WHERE kind = 'email'")[0][0]
    world.people[2].email = "somebody.else@example.com"
    world.people[2].updated_at = store.account.world.now + 3_600_000

    store.pull()
    store.pull(streams=("lists", "members", "archived_members", "all_members"))

    assert (store.ask(PEOPLE), store.ask("SELECT count(*), sum(coalesce(is_deleted, 0)) FROM contacts")) == before
    assert store.ask("SELECT count(*) FROM person_keys WHERE kind = 'email'") == [(keys + 1,)]
    assert store.ask("SELECT count(*) FROM deletions") == [(0,)]
