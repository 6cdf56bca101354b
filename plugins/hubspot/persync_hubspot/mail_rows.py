"""From records to rows: marketing e-mails. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator

from persync.connect.stream import Context
from persync.rows import KEEP, Campaign, CampaignCounters, CampaignRef, Child, Deletion, Evidence, Present, Row
from persync_hubspot import ab_test, personalise, records_mail
from persync_hubspot.properties import millis


def marketing_email_rows(record: records_mail.MarketingEmail, at: Context) -> Iterator[Row]:
    """Yield a mail: what it is, what shows that it is personal, its A/B twin, and HubSpot's totals."""
    mail = CampaignRef(("id", record["id"]))
    campaign = record.get("campaign")
    lists, old = _lists(record)
    gone = record.get("archived")
    yield Campaign(
        _all_keys(record),
        kind=record.get("type") or KEEP,
        title=record.get("name"),
        subject=record.get("subject"),
        list=",".join(lists) or None,
        parent=f"campaign:{campaign}" if campaign else None,
        # That it was deleted is a fact of its own, which marks the campaign.
        status=KEEP if gone else record.get("state"),
        created_at=_moment(record.get("createdAt"), "createdAt"),
        sent_at=_sent_at(record, at.now),
    )
    if gone:
        yield Deletion("campaign", record["id"], _moment(record.get("deletedAt"), "deletedAt"))
    for number in old:
        yield Child("legacy_lists", number, {"legacy": number}, version="1")
    yield Evidence(mail, "settings", personalise.settings_items(record, at.fields.get("lists")))
    content = personalise.content_items(record)
    if content is not None:
        yield Evidence(mail, "content", content)
    stats = record.get("stats")
    counters = stats["counters"] if stats else {}
    yield from ab_test.twin_rows(record, mail, counters.get("sent"), _moment(_published(record), "publishDate"))
    if counters:
        yield counters_of(mail, counters)


def _lists(record: records_mail.MarketingEmail) -> tuple[list[str], list[str]]:
    """Return the lists a mail goes to, and those of the old numbering that have to be looked up: only where no new one is."""
    to = record.get("to") or {}
    now = sorted((to.get("contactIlsLists") or {}).get("include") or [])
    old = sorted((to.get("contactLists") or {}).get("include") or [])
    return (now, []) if now else ([f"legacy:{number}" for number in old], old)


def listed_rows(record: records_mail.MailId, at: Context) -> Iterator[Row]:
    """Yield that a mail is still there."""
    yield Present(record["id"])


def _all_keys(record: records_mail.MarketingEmail) -> CampaignRef:
    """Name a mail by its id and the numbers of its sends, which events and the links' _hsmi carry.

    A variation names its own send alone: the list of all sends may hold its twin's.
    """
    primary = record.get("primaryEmailCampaignId")
    test = record.get("testing")
    listed = [] if test and test.get("isAbVariation") else record.get("allEmailCampaignIds") or []
    sends = list(dict.fromkeys([*([primary] if primary else []), *listed]))
    keys = [("email_campaign", send) for send in sends] + [("hsmi", send) for send in sends]
    ref: CampaignRef = CampaignRef(("id", record["id"]), *keys)
    return ref


def counters_of(mail: CampaignRef, counters: dict[str, int], *, variant: str = "") -> CampaignCounters:
    """Read the totals. HubSpot counts people, once each, and leaves out machines when the account's filter is on (unknown)."""
    return CampaignCounters(
        mail,
        variant=variant,
        selected=counters.get("selected"),
        sent=counters.get("sent"),
        delivered=counters.get("delivered"),
        hard_bounces=counters.get("hardbounced"),
        soft_bounces=counters.get("softbounced"),
        unique_opens=counters.get("open"),
        unique_clicks=counters.get("click"),
        unsubscribes=counters.get("unsubscribed"),
        complaints=counters.get("spamreport"),
        dropped=counters.get("dropped"),
    )


def _sent_at(record: records_mail.MarketingEmail, now: int) -> int | None:
    """Return when a published mail went out; None for a draft and for one that is scheduled for later."""
    at = _moment(_published(record), "publishDate")
    return at if at is not None and record.get("isPublished") and at <= now else None


def _published(record: records_mail.MarketingEmail) -> str | None:
    """Return when a mail goes out; one that went out at once may have no date for it, only the moment it was published."""
    return record.get("publishDate") or record.get("publishedAt")


def _moment(value: str | None, field: str) -> int | None:
    return millis(value, field) if value else None


def email_campaign_rows(record: records_mail.V1EmailCampaign, at: Context) -> Iterator[Row]:
    """Yield which mail a send belongs to, for sends that the list of marketing e-mails does not tell of."""
    content = record.get("contentId")
    if content:
        number = str(record["id"])
        yield Campaign(CampaignRef(("id", str(content)), ("email_campaign", number), ("hsmi", number)))


def email_campaign_ref_rows(record: records_mail.V1EmailCampaignRef, at: Context) -> Iterator[Row]:
    """Yield one send to be looked up."""
    data = {"id": record["id"], "app": record["appId"]}
    yield Child("email_campaigns", str(record["id"]), data, version="1")
