"""HubSpot's A/B tests: the only randomised comparison it has, as an experiment that can be read.

Two mails are twins of one test. At first each goes to half of a share of the list, by chance; after some hours the one that
did better goes to the rest, and that is no chance any more. So a person is in an arm only by a send of the test's own time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from persync.connect.stream import HOUR_MS
from persync.rows import Assignment, CampaignRef, Field, Person, Row, Variant
from persync_hubspot import records_mail

WHOLE = 100
"""percent of the list: then there is no winner to be sent to a rest"""
EVER = "always"
ARMS = 2


def twin_rows(record: records_mail.MarketingEmail, mail: CampaignRef, sent: int | None, published: int | None) -> Iterator[Row]:
    """Yield which side of which test a mail is, and until when its sends are by chance (for the events that come later).

    Bandit tests (`mab_...`) shift their shares while they run, and sends that two twins share cannot be told apart: neither
    gives an arm.
    """
    test = record.get("testing")
    if not test or not test.get("testId"):
        return
    status = test.get("abStatus") or ""
    side = f"{test['testId']}/{'variation' if test.get('isAbVariation') else 'master'}"
    until = _until(test, published)
    # With a winner's sends among them, its totals are not those of the test.
    recipients = sent if until == EVER else None
    yield Variant(mail, side, label=record.get("name"), recipients=recipients, is_winner=False if "loser" in status else None)
    send = record.get("primaryEmailCampaignId")
    if send and until and not status.startswith("mab_"):
        yield Field(f"ab:{send}", side, until, record.get("name") or "")


def _until(test: records_mail.Testing, published: int | None) -> str:
    """Return until when sends belong to the test: a moment in milliseconds, always, or "" when that cannot be known."""
    if test.get("abTestPercentage") == WHOLE:
        return EVER
    hours = test.get("hoursToWait")
    return "" if hours is None or published is None else str(published + hours * HOUR_MS)


def arm(fields: Mapping[str, Mapping[str, str]], send: str | None) -> tuple[str, str]:
    """Return the side of a test that a send belongs to and until when, ("", "") when it belongs to none or to both."""
    sides = fields.get(f"ab:{send}", {})
    return next(iter(sides.items())) if len(sides) == 1 else ("", "")


def assignment(person: Person, side: str, until: str, at: int) -> Iterator[Row]:
    """Yield a person's arm, when the send fell into the test's own time."""
    if side and (until == EVER or at < int(until)):
        test, _, role = side.rpartition("/")
        yield Assignment(f"hubspot-ab-{test}", person, role, assigned_at=at, planned_share=1 / ARMS)
