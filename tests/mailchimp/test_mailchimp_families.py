"""Campaigns of every kind through whole pulls: tests, issues, resends, automations, deleted ones, ones without tracking."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from persync.rows import Campaign, CampaignCounters, Child, Evidence, Present, Variant
from persync.sandbox.world import Click, Open, World
from persync_mailchimp.imitation.quirks import Quirks

NOW = 1_735_689_600_000
SENT = 1_733_043_600_000
HOUR, DAY = 3_600_000, 86_400_000
LETTER, TESTED, FEED, ISSUE, AGAIN, BASKET = (
    "00000000a1",
    "00000000d4",
    "00000000f6",
    "0000000f61",
    "0000000a11",
    "00000000c9",
)

VARIANTS = "SELECT variant, {} FROM variants v JOIN campaign_keys k USING (campaign_key) WHERE k.kind = 'id' AND k.key = '{}'"
COUNTERS = (
    "SELECT c.variant, c.sent, c.opens, c.clicks FROM campaign_counters c JOIN campaign_keys k USING (campaign_key)"
    " WHERE k.kind = 'id' AND k.key = '{}' ORDER BY c.variant, c.number"
)


@pytest.fixture
def store(pulls: Any, imitated: Any, rich: World) -> Any:
    return pulls(imitated(rich))


def campaign(store: Any, identity: str, columns: str = "g.kind, parent, status") -> Any:
    (row,) = store.ask(
        f"SELECT {columns} FROM campaigns g JOIN campaign_keys k USING (campaign_key)"
        f" WHERE k.kind = 'id' AND k.key = '{identity}'"
    )
    return row


def evidence(store: Any, identity: str) -> set[tuple[Any, ...]]:
    return set(
        store.ask(
            "SELECT e.source, e.kind, e.detail FROM campaign_evidence e JOIN campaign_keys k USING (campaign_key)"
            f" WHERE k.key = '{identity}' AND k.kind = 'id'"
        )
    )


def actions(store: Any, identity: str) -> dict[int, int]:
    return dict(
        store.ask(
            "SELECT t.action, count(*) FROM touchpoints t JOIN campaign_keys k USING (campaign_key)"
            f" WHERE k.kind = 'id' AND k.key = '{identity}' GROUP BY t.action"
        )
    )


def test_each_combination_of_a_test_has_counters_of_its_own_and_recipients_are_the_campaigns(store: Any) -> None:
    store.pull()

    variants = store.ask(
        "SELECT variant, recipients FROM variants v JOIN campaign_keys k USING (campaign_key) WHERE k.key = '00000000d4'"
    )
    counters = store.ask(COUNTERS.format(TESTED))
    assert [row[1] for row in variants] == [1, 1]
    assert counters == [("", 2, 0, 0), *((variant, 1, 0, 0) for variant, _ in variants)]
    assert actions(store, TESTED) == {1: 2}


def test_the_winner_that_went_to_the_rest_is_a_campaign_and_no_variant(shape: Any, page: Any) -> None:
    report = page("reports")["reports"][0]
    family = {"campaign_id": "aaaaaaaaaa", "kind": "variate", "winner": report["id"], "untracked": ""}

    def rows(**change: Any) -> list[Any]:
        found: list[Any] = shape("sub_reports", {"reports": [report], "total_items": 1}, parent={**family, **change}).rows
        return found

    won, tested, issue = rows(), rows(winner=""), rows(kind="rss", winner="")
    assert won == issue
    assert won[0] == Campaign((("id", report["id"]), ("mc_cid", report["id"])), parent="aaaaaaaaaa", sent_at=1_719_932_400_000)  # type: ignore[arg-type]
    assert [type(row) for row in tested] == [Variant, CampaignCounters]
    assert [row.variant for row in tested] == [report["id"]] * 2


def test_an_issue_of_an_rss_campaign_is_known_by_its_sub_report_alone(store: Any) -> None:
    store.pull()

    assert campaign(store, FEED) == ("rss", None, "sending")
    assert campaign(store, ISSUE) == (None, FEED, None)
    assert actions(store, ISSUE) == {1: 1, 3: 1}
    assert store.pull().changed == 0


def test_a_resend_is_a_child_whose_activity_is_not_told_but_counted(store: Any) -> None:
    store.pull()

    assert campaign(store, AGAIN) == ("regular", LETTER, "sent")
    assert store.ask(COUNTERS.format(AGAIN)) == [("", 1, 0, 1)]
    assert actions(store, AGAIN) == {1: 1}


def test_a_resends_counters_are_looked_at_for_ninety_days(shape: Any, page: Any) -> None:
    def work(**change: Any) -> list[Child]:
        given = {
            **page("campaigns")["campaigns"][1],
            "type": "regular",
            "resend_shortcut_usage": {"shortcut_campaigns": [{"id": "x"}]},
        }
        rows = shape("campaigns", {"campaigns": [{**given, **change}], "total_items": 1}).rows
        return [row for row in rows if isinstance(row, Child) and row.stream == "sub_reports"]

    # The page's moment is 2025-01-01.
    assert [child.version for child in work(send_time="2024-12-01T00:00:00+00:00")] == [None]
    assert [child.version for child in work(send_time="2024-07-02T00:00:00+00:00")] == ["4/None/None"]
    assert [child.version for child in work(send_time="2024-07-02T00:00:00+00:00", status="sending")] == [None]
    assert work(resend_shortcut_usage=None) == []
    assert work(send_time=None) == []


def test_an_automations_email_is_a_campaign_and_its_workflow_is_not(store: Any) -> None:
    store.pull()

    assert campaign(store, BASKET) == ("automation-email", None, "sending")
    assert evidence(store, BASKET) >= {
        ("automation", "trigger", "ecomm_abandoned_cart"),
        ("automation", "workflow", "abandonedCart"),
    }
    # Opens and clicks with their moments; when it was sent to whom is told nowhere.
    assert actions(store, BASKET) == {3: 1, 4: 2}
    assert store.ask("SELECT count(*) FROM campaign_keys WHERE kind = 'id'") == [(9,)]


def test_late_clicks_on_an_automation_arrive_although_no_campaign_listing_has_it(store: Any, rich: World) -> None:
    store.pull()
    rich.messages[-1].sends[0].clicks.append(Click(NOW, "https://tea.example.com/cart"))

    store.pull()

    assert actions(store, BASKET) == {3: 1, 4: 3}


def test_a_deleted_campaign_arrives_as_a_dated_fact_and_its_people_stay(store: Any, rich: World) -> None:
    """Automations and issues stand in no listing of campaigns: they are not taken for deleted."""
    store.pull()
    rich.messages = [message for message in rich.messages if message.id != TESTED]

    store.pull()

    assert store.ask("SELECT thing, vendor_id, deleted_at, observed_at FROM deletions") == [
        ("campaign", TESTED, None, NOW + 2 * HOUR)
    ]
    assert campaign(store, TESTED, "status") == ("deleted",)
    assert actions(store, TESTED) == {1: 2}


def test_a_campaign_that_is_there_again_is_not_deleted_any_more(store: Any, rich: World) -> None:
    store.pull()
    messages = rich.messages
    rich.messages = [message for message in messages if message.id != LETTER]
    store.pull()
    rich.messages = messages

    store.pull()

    assert store.ask("SELECT * FROM deletions") == []
    assert campaign(store, LETTER, "status") == ("sent",)


def test_the_arms_of_the_old_test_are_variants_with_their_subjects(store: Any) -> None:
    store.pull()

    assert store.ask(
        "SELECT variant, label FROM variants v JOIN campaign_keys k USING (campaign_key) WHERE k.key = '00000000b2'"
    ) == [
        ("a", "News"),
        ("b", "News!"),
    ]


def test_the_subject_of_either_arm_may_be_personal(shape: Any) -> None:
    given = {
        "id": "0000000005",
        "type": "absplit",
        "status": "sent",
        "ab_split_opts": {"subject_a": "News", "subject_b": "*|FNAME|*!"},
    }

    (found,) = [row for row in shape("campaigns", {"campaigns": [given], "total_items": 1}).rows if isinstance(row, Evidence)]

    assert found.items == (("token", "FNAME in subject"),)


def test_what_is_not_tracked_is_unknown_and_not_zero(store: Any, rich: World) -> None:
    """In the reports, in those of automations and in those of a test's combinations."""
    quirks = Quirks(untracked={LETTER: "o", TESTED: "oc", BASKET: "c"})

    store.pull(quirks=quirks)

    assert store.ask(COUNTERS.format(LETTER)) == [("", 4, None, 2)]
    assert {row[1:] for row in store.ask(COUNTERS.format(TESTED))} == {(2, None, None), (1, None, None)}
    assert store.ask(COUNTERS.format(BASKET)) == [("", 2, 1, None)]
    assert campaign(store, LETTER, "counts_opens, counts_clicks") == (0, 1)
    assert store.pull(quirks=quirks).changed == 0


def test_clicks_in_texts_are_clicks(shape: Any) -> None:
    def counts(**tracking: bool) -> tuple[Any, Any]:
        given = {"id": "0000000005", "type": "regular", "status": "sent", "tracking": tracking}
        (found,) = [
            row for row in shape("campaigns", {"campaigns": [given], "total_items": 1}).rows if isinstance(row, Campaign)
        ]
        return found.counts_opens, found.counts_clicks

    assert counts(opens=True, html_clicks=False, text_clicks=True) == (True, True)
    assert counts(opens=False, html_clicks=False, text_clicks=False) == (False, False)
    assert counts() == (None, None)


def test_a_segment_by_predicted_sex_age_or_place_is_kept_as_such(shape: Any) -> None:
    conditions = [
        {"condition_type": "PredictedGender", "field": "predicted_gender", "op": "is", "value": "female"},
        {"condition_type": "PredictedAge", "field": "predicted_age_range", "op": "is", "value": "18-24"},
        {"condition_type": "IPGeoCountryState", "field": "ipgeo", "op": "ipgeocountry", "value": "AT"},
    ]
    given = {
        "id": "0000000005",
        "type": "regular",
        "status": "sent",
        "recipients": {"list_id": "aa11bb22cc", "segment_opts": {"match": "all", "conditions": conditions}},
    }

    def demographic(record: Any) -> list[str]:
        rows = shape("campaigns", {"campaigns": [record], "total_items": 1}).rows
        return [detail for row in rows if isinstance(row, Evidence) for kind, detail in row.items if kind == "demographic"]

    prebuilt = {**given, "recipients": {"list_id": "aa11bb22cc", "segment_opts": {"prebuilt_segment_id": "subscribers-female"}}}
    assert demographic(given) == ["age", "gender", "place"]
    assert demographic(prebuilt) == ["gender"]


def test_a_campaign_of_a_kind_or_state_nobody_documented_is_kept_with_the_vendors_words(shape: Any) -> None:
    given = {"id": "0000000005", "type": "hologram", "status": "resting", "send_time": "", "create_time": ""}

    found = shape("campaigns", {"campaigns": [given], "total_items": 1})

    assert found.rejects == []
    assert found.rows[0] == Present("0000000005")
    assert (found.rows[1].kind, found.rows[1].status, found.rows[1].sent_at) == ("hologram", "resting", None)


def test_whoever_was_deleted_makes_sums_lower_and_what_was_stored_stays(store: Any, rich: World) -> None:
    store.pull()
    before = actions(store, LETTER)
    rich.people[1] = replace(rich.people[1], mailchimp_id=None)
    rich.messages[0].sends[1].opens.append(Open(NOW, False))

    store.pull()

    assert before == {1: 4, 3: 3, 4: 2, 5: 1, 6: 1, 7: 1}
    assert actions(store, LETTER) == {**before, 3: 4}


TOTALS = {"sends", "opens", "clicks", "bounces", "unsubscriptions", "complaints", "claimed revenue"}


def totals(store: Any, account: Any) -> dict[tuple[str, str], tuple[Any, Any]]:
    """Return {(name, scope): (what Mailchimp says, what the store holds)}."""
    with account.client() as client:
        found = list(account.connector.totals(client, None))
    from persync.store.store import open_store

    with open_store(store.path) as opened:
        return {
            (one.name, one.scope): (one.value, opened.db.execute(one.sql, {**one.params, "connection": 1}).fetchone()[0])
            for one in found
        }


def test_mailchimps_totals_are_those_of_the_store(store: Any, rich: World) -> None:
    store.pull()

    found = totals(store, store.account)

    assert {name for name, scope in found if scope == f"campaign {LETTER}"} == TOTALS
    assert {name for name, scope in found if scope == "campaign 00000000c3"} == TOTALS - {"sends"}
    gaps = {key: pair for key, pair in found.items() if pair[0] != pair[1]}
    # The one gap is the vendor's: a resend's clicks are counted and not told.
    assert gaps == {("clicks", f"campaign {AGAIN}"): (1, 0)}
    assert {key: pair for key, pair in found.items() if key[1].startswith("list ")} == {
        ("subscribed members", "list 0a1b2c3d4e"): (8, 8),
        ("unsubscribed members", "list 0a1b2c3d4e"): (1, 1),
        ("cleaned members", "list 0a1b2c3d4e"): (1, 1),
    }
    assert [pair for (name, _), pair in found.items() if name == "orders"] == [(4, 4), (0, 0)]
    assert found["claimed revenue", f"campaign {LETTER}"] == (4999, 4999)


def test_a_gap_is_seen_with_its_tolerance_and_its_hint(store: Any, rich: World) -> None:
    store.pull()
    rich.messages[0].sends[0].clicks.append(Click(NOW, "https://tea.example.com/p/1"))
    account = store.account
    account.transport._inner.app = _again(rich)

    with account.client() as client:
        (clicks,) = [
            one for one in account.connector.totals(client, None) if (one.name, one.scope) == ("clicks", f"campaign {LETTER}")
        ]

    assert totals(store, account)["clicks", f"campaign {LETTER}"] == (3, 2)
    assert clicks.tolerance == 0.02
    assert "deleted" in clicks.hint
    assert "Of one person at most 1,000 opens and 1,000 clicks are told." in clicks.hint


def test_what_is_not_tracked_has_no_total(imitated: Callable[..., Any], rich: World) -> None:
    account = imitated(rich, Quirks(untracked={LETTER: "oc"}))
    with account.client() as client:
        names = {one.name for one in account.connector.totals(client, None) if one.scope == f"campaign {LETTER}"}

    assert names == TOTALS - {"opens", "clicks"}


def _again(world: World) -> Any:
    from persync_mailchimp.sandbox import app

    return app(world)
