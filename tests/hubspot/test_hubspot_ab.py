"""A/B tests: what HubSpot sends by chance is an experiment; what it sends because it did better is not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from persync.connect.page import Shaped
from persync.connect.pull import PullOptions, pull
from persync.rows import Assignment, CampaignRef, Field, Person, Variant
from persync.sandbox.world import Open, Send
from persync_hubspot import ab_test, streams_mail
from persync_hubspot.properties import millis
from support import table

Shape = Callable[..., Shaped]
HOUR = 3_600_000
SENT = "2026-05-04T08:00:00Z"
AT = millis(SENT, "")


def twin(shaped: Shape, **testing: Any) -> list[Any]:
    mail = {
        "id": "8801",
        "isAb": True,
        "name": "May",
        "isPublished": True,
        "publishDate": SENT,
        "primaryEmailCampaignId": "7701",
        "testing": {"testId": "31", "isAbVariation": False, "abStatus": "master", **testing},
        "stats": {"counters": {"sent": 490}},
    }
    rows = shaped(streams_mail.MARKETING_EMAILS, orjson.dumps({"results": [mail]})).rows
    return [row for row in rows if isinstance(row, Variant | Field)]


@pytest.mark.parametrize(
    ("testing", "side", "recipients", "until"),
    [
        ({"abTestPercentage": 100}, "31/master", 490, ab_test.EVER),
        ({"abTestPercentage": 40, "hoursToWait": 4}, "31/master", None, str(AT + 4 * HOUR)),
        ({"abTestPercentage": 40, "isAbVariation": True, "hoursToWait": 0}, "31/variation", None, str(AT)),
        ({"abTestPercentage": 40}, "31/master", None, None),
        ({"abTestPercentage": 100, "abStatus": "mab_master"}, "31/master", 490, None),
    ],
)
def test_a_twin_says_until_when_its_sends_are_by_chance(
    shaped: Shape, testing: Any, side: str, recipients: int | None, until: str | None
) -> None:
    """A bandit shifts its shares while it runs, and without the hours of the test its end is not known: no arm then."""
    variant = Variant(CampaignRef(("id", "8801")), side, label="May", recipients=recipients, is_winner=None)

    assert twin(shaped, **testing) == [variant, *([] if until is None else [Field("ab:7701", side, until, "May")])]


def test_the_side_that_lost_is_no_winner(shaped: Shape) -> None:
    (variant,) = twin(shaped, isAbVariation=True, abStatus="loser_variant")

    assert (variant.variant, variant.is_winner) == ("31/variation", False)


@pytest.mark.parametrize(
    ("fields", "when", "arm"),
    [
        ({"ab:7701": {"31/master": "1000"}}, 999, "master"),
        ({"ab:7701": {"31/master": "1000"}}, 1000, None),
        ({"ab:7701": {"31/master": "always"}}, 10**15, "master"),
        ({"ab:7701": {"31/master": "1000", "31/variation": "1000"}}, 5, None),
        ({"ab:7702": {"31/master": "1000"}}, 5, None),
        ({}, 5, None),
    ],
)
def test_a_send_within_the_test_puts_a_person_into_an_arm(shaped: Shape, fields: Any, when: int, arm: str | None) -> None:
    """Twins that share one send cannot be told apart; the winner's sends come after the test."""
    event = {"id": "a", "created": when, "type": "SENT", "recipient": "ann@example.com", "emailCampaignId": 7701}
    found = shaped(streams_mail.EMAIL_EVENTS, orjson.dumps({"events": [event]}), "events", fields=fields)

    ann = Person(("email", "ann@example.com"))
    expected = [] if arm is None else [Assignment("hubspot-ab-31", ann, arm, assigned_at=when, planned_share=0.5)]
    assert [row for row in found.rows if isinstance(row, Assignment)] == expected


def test_only_a_send_puts_a_person_into_an_arm_and_every_event_carries_its_side(shaped: Shape) -> None:
    event = {"id": "a", "created": 5, "type": "OPEN", "recipient": "ann@example.com", "emailCampaignId": 7701}
    fields = {"ab:7701": {"31/master": "always"}}
    (touch,) = shaped(streams_mail.EMAIL_EVENTS, orjson.dumps({"events": [event]}), "events", fields=fields).rows

    assert touch.variant == "31/master"


def test_a_test_can_be_read_as_an_experiment_after_one_pull(account_of: Any, build: Any, tmp_path: Path) -> None:
    """Two people in each arm by chance; the fifth was sent the winner four hours later and is in none."""
    start = build.now - 30 * build.day
    halves = {"id": 31, "percentage": 40, "hours": 4}
    master = [Send(1, start, opens=[Open(start + 9000, False)]), Send(2, start + HOUR), Send(5, start + 4 * HOUR)]
    account = account_of(
        messages=[
            build.mail(1, master, sent_at=start, test=halves),
            build.mail(2, [Send(3, start), Send(4, start + HOUR)], sent_at=start, test={**halves, "is_variation": True}),
        ]
    )
    store = tmp_path / "a.db"
    for _ in range(2):
        result = pull(store, [account.connector()], PullOptions(now=build.now), client=account.client)

    assert (result.exit_code, result.changed) == (0, 0)
    assert table(store, "SELECT experiment, arm, count(*), max(planned_share) FROM assignments GROUP BY 1, 2 ORDER BY 2") == [
        ("hubspot-ab-31", "master", 2, 0.5),
        ("hubspot-ab-31", "variation", 2, 0.5),
    ]
    assert table(store, "SELECT variant, recipients FROM variants ORDER BY 1") == [("31/master", None), ("31/variation", None)]
    assert table(store, "SELECT variant, count(*) FROM touchpoints WHERE action = 1 GROUP BY 1 ORDER BY 1") == [
        ("31/master", 3),
        ("31/variation", 2),
    ]
