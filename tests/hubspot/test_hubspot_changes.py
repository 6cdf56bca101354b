"""What changes after the send: statistics that move, mails and campaigns that go, each a dated fact in the next pull."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from persync.connect.pull import PullOptions, PullResult, pull
from persync.rows import CampaignCounters, CampaignRef
from persync.sandbox.world import Click, Open, Send
from persync_hubspot import mail_statistics, streams_mail
from persync_hubspot.connector import HubSpot
from persync_hubspot.totals_mail import mail_totals
from support import table

DELETED = "SELECT thing, vendor_id, deleted_at FROM deletions ORDER BY 1, 2"
STATES = "SELECT k.key, c.status FROM campaigns c JOIN campaign_keys k USING (campaign_key) WHERE k.kind = 'id' ORDER BY k.key"
COUNTERS = "SELECT number, unique_opens, unique_clicks FROM campaign_counters WHERE variant = '' ORDER BY number"


def pulled(store: Path, account: Any, now: int, **options: Any) -> PullResult:
    return pull(store, [account.connector()], PullOptions(now=now, **options), client=account.client)


@pytest.mark.parametrize("written", [81, 300])
def test_late_opens_of_a_mail_of_eighty_days_ago_are_seen(account_of: Any, build: Any, tmp_path: Path, written: int) -> None:
    """Statistics move without a change date. One mail was scheduled long before it went out: even that did not move it."""
    day, store = build.day, tmp_path / "a.db"
    sent = build.now - 80 * day
    facts = {"sent_at": sent, "created_at": build.now - written * day}
    before = account_of(messages=[build.mail(1, [Send(1, sent), Send(2, sent)], **facts)])
    late = Send(1, sent, opens=[Open(build.now + 1000, False)], clicks=[Click(build.now + 2000, "https://s.example.com/a")])
    after = account_of(messages=[build.mail(1, [late, Send(2, sent)], **facts)], now=build.now + day)

    assert pulled(store, before, build.now).exit_code == 0
    assert pulled(store, after, build.now + day).exit_code == 0

    assert table(store, COUNTERS) == [(1, 0, 0), (2, 1, 1)]


def test_the_look_back_asks_for_what_was_changed_and_for_what_was_published(account: Any, build: Any, tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    pulled(store, account, build.now)
    first = len(account.transport.calls)
    pulled(store, account, build.now + build.day)

    asked = [call.url.params for call in account.transport.calls[first:] if call.url.path.endswith("/marketing/emails/2026-09")]
    since = "2026-07-03T00:00:00Z"
    assert [params["updatedAfter"] for params in asked if "updatedAfter" in params] == [since]
    assert [params["publishedAfter"] for params in asked if "publishedAfter" in params] == [since]


def test_a_deleted_mail_is_a_dated_fact_and_its_events_stay(account_of: Any, build: Any, tmp_path: Path) -> None:
    store, gone_at = tmp_path / "a.db", build.now + build.day
    sends = [Send(1, build.now - 59 * build.day)]
    pulled(store, account_of(messages=[build.mail(1, sends)]), build.now)
    later = build.now + 2 * build.day
    account = account_of(messages=[build.mail(1, sends, deleted_at=gone_at)], now=later)
    result = pulled(store, account, later)
    again = pulled(store, account, later)

    assert (result.exit_code, again.changed) == (0, 0)
    assert table(store, DELETED) == [("campaign", "8801", gone_at)]
    assert ("8801", "deleted") in table(store, STATES)
    assert table(store, "SELECT count(*) FROM touchpoints WHERE action = 1") == [(1,)]


def test_a_mail_that_no_list_names_is_found_missing_and_marketing_campaigns_are_not(
    account_of: Any, build: Any, tmp_path: Path
) -> None:
    """Deleted for good between two full listings: missed in the second; folders of mails are not looked for among mails."""
    store, later = tmp_path / "a.db", build.now + 8 * build.day
    two = [build.mail(1, []), build.mail(2, [])]
    pulled(store, account_of(messages=two), build.now)
    result = pulled(store, account_of(messages=two[1:], now=later), later)

    assert result.exit_code == 0
    assert table(store, DELETED) == [("campaign", "8801", None)]
    states = dict(table(store, STATES))
    assert (states["8801"], states["8802"]) == ("deleted", "PUBLISHED")
    assert states["campaign:11111111-2222-4333-8444-555555555555"] == "completed"

    pulled(store, account_of(messages=two, now=later + 8 * build.day), later + 8 * build.day)
    assert table(store, DELETED) == []


def test_a_marketing_campaign_that_is_gone_is_found_missing(account_of: Any, build: Any, tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    campaigns = account_of().world.hubspot_campaigns
    other = {**campaigns[0], "guid": "99999999-2222-4333-8444-555555555555"}
    pulled(store, account_of(hubspot_campaigns=[*campaigns, other]), build.now)
    pulled(store, account_of(now=build.now + build.day), build.now + build.day)

    assert table(store, DELETED) == [("campaign", "campaign:99999999-2222-4333-8444-555555555555", None)]


def test_the_days_of_a_mail_are_kept_apart_from_its_total(account: Any, build: Any, tmp_path: Path) -> None:
    """One call a mail; quiet days leave no row; the mail's own totals are those without a variant."""
    store = tmp_path / "a.db"
    result = pulled(store, account, build.now, streams=("account", "marketing_emails", "email_statistics_by_day"))

    assert result.exit_code == 0
    days = (
        "SELECT k.key, c.variant, c.sent, c.unique_opens FROM campaign_counters c JOIN campaign_keys k USING (campaign_key)"
        " WHERE c.variant != '' AND k.kind = 'id' ORDER BY 1, 2"
    )
    assert table(store, days) == [
        ("8801", "2026-08-03T00:00:00.000Z/2026-08-04T00:00:00.000Z", 3, 2),
        ("8802", "2026-08-04T00:00:00.000Z/2026-08-05T00:00:00.000Z", 1, 0),
    ]


def test_an_interval_is_read_under_either_of_its_names(at: Any) -> None:
    interval = {"start": "2026-05-01T00:00:00Z", "end": "2026-05-02T00:00:00Z"}
    variant = "2026-05-01T00:00:00Z/2026-05-02T00:00:00Z"
    for name in ("aggregations", "aggregateStatistic"):
        record: Any = {"interval": interval, name: {"counters": {"sent": 3}}}
        rows = list(mail_statistics.interval_rows(record, at(params={"email": "8801"})))
        assert rows == [CampaignCounters(CampaignRef(("id", "8801")), variant, sent=3)]
    quiet: Any = {"interval": interval, "aggregations": {"counters": {"sent": 0}}}
    assert list(mail_statistics.interval_rows(quiet, at(params={"email": "8801"}))) == []


def test_an_interval_without_statistics_is_a_reject(shaped: Any) -> None:
    record = {"interval": {"start": "2026-05-01T00:00:00Z", "end": "2026-05-02T00:00:00Z"}}
    (reject,) = shaped(streams_mail.EMAIL_STATISTICS_BY_DAY, orjson.dumps({"results": [record]}), params={"email": "1"}).rejects

    assert (reject.record, reject.field) == ("2026-05-01T00:00:00Z", "aggregations")


def test_an_event_that_comes_in_two_days_late_is_seen(account_of: Any, build: Any, tmp_path: Path) -> None:
    store, sent = tmp_path / "a.db", build.now - 10 * build.day
    late = Send(1, sent, opens=[Open(build.now - 2 * build.day, False)])
    pulled(store, account_of(messages=[build.mail(1, [Send(1, sent)], sent_at=sent)]), build.now)
    pulled(store, account_of(messages=[build.mail(1, [late], sent_at=sent)]), build.now + 1000)

    assert table(store, "SELECT happened_at FROM touchpoints WHERE action = 3") == [(build.now - 2 * build.day,)]


def test_how_far_back_events_were_read_is_coverage(account: Any, build: Any, tmp_path: Path) -> None:
    """With a start, nothing before it is asked for, and coverage begins there; without one it begins with time itself."""
    start = build.now - 30 * build.day
    connector = account.connector(start="2026-09-01")
    pull(tmp_path / "a.db", [connector], PullOptions(now=build.now), client=account.client)
    asked = [call.url.params for call in account.transport.calls if call.url.path == "/email/public/v1/events"]
    pulled(tmp_path / "b.db", account, build.now)

    assert {int(params["startTimestamp"]) for params in asked} == {start}
    covered = "SELECT DISTINCT from_at, to_at, state FROM coverage WHERE stream = 'email_events'"
    assert table(tmp_path / "a.db", covered) == [(start, build.now, "complete")]
    assert table(tmp_path / "b.db", covered) == [(0, build.now, "complete")]


# -- reconcile -------------------------------------------------------------------------------------------------------------


def counted(store: Path, total: Any) -> Any:
    from persync.store.store import open_store

    with open_store(store) as opened:
        return opened.db.execute(total.sql, {**total.params, "connection": 1}).fetchone()[0]


def test_hubspots_statistics_are_held_against_the_events(account: Any, build: Any, tmp_path: Path) -> None:
    """People, each once; what the bot filter caught counts on neither side; both sides agree on every mail."""
    store = tmp_path / "a.db"
    pulled(store, account, build.now)
    with account.client(account.connector()) as client:
        totals = list(mail_totals(client))

    found = {(one.scope, one.name): (one.value, counted(store, one)) for one in totals}
    assert found == {
        ("mail 8801", "sent"): (3, 3),
        ("mail 8801", "opens"): (2, 2),
        ("mail 8801", "clicks"): (1, 1),
        ("mail 8801", "unsubscribes"): (1, 1),
        ("mail 8802", "sent"): (1, 1),
        ("mail 8802", "opens"): (0, 0),
        ("mail 8802", "clicks"): (0, 0),
        ("mail 8802", "unsubscribes"): (0, 0),
    }
    assert len([call for call in account.transport.calls if call.url.params.get("sort") == "-updatedAt"]) == 1


def test_statistics_that_may_not_be_read_are_a_total_without_a_value(account_of: Any) -> None:
    from persync_hubspot.sandbox_terms import Terms, lacking

    account = account_of(terms=Terms(without=lacking(["content"])))
    with account.client(account.connector()) as client:
        (total,) = mail_totals(client)

    assert (total.value, total.hint) == (None, "the key lacks the scope content (HTTP 403).")


def test_the_version_is_one_constant_with_its_end() -> None:
    assert (HubSpot.api_version, HubSpot.supported_until) == ("2026-09", "2028-03-01")
