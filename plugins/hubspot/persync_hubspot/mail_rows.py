"""From records to rows: marketing e-mails. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator

from persync.connect.stream import Context
from persync.rows import KEEP, Campaign, CampaignCounters, CampaignRef, Evidence, Row, Variant
from persync_hubspot import personalise, records_mail
from persync_hubspot.properties import millis


def marketing_email_rows(record: records_mail.MarketingEmail, at: Context) -> Iterator[Row]:
    """Yield a mail: what it is, what shows that it is personal, its A/B twin, and HubSpot's totals."""
    mail = CampaignRef(("id", record["id"]))
    campaign = record.get("campaign")
    lists = ((record.get("to") or {}).get("contactIlsLists") or {}).get("include") or []
    yield Campaign(
        _all_keys(record),
        kind=record.get("type") or KEEP,
        title=record.get("name"),
        subject=record.get("subject"),
        list=",".join(sorted(lists)) or None,
        parent=f"campaign:{campaign}" if campaign else None,
        status="ARCHIVED" if record.get("archived") else record.get("state"),
        created_at=_moment(record.get("createdAt"), "createdAt"),
        sent_at=_sent_at(record, at.now),
    )
    yield Evidence(mail, "settings", personalise.settings_items(record))
    content = personalise.content_items(record)
    if content is not None:
        yield Evidence(mail, "content", content)
    stats = record.get("stats")
    counters = stats["counters"] if stats else {}
    test = record.get("testing")
    if test and test.get("testId"):
        status = test.get("abStatus") or ("variant" if test.get("isAbVariation") else "master")
        yield Variant(
            mail,
            f"{test['testId']}/{status}",
            label=record.get("name"),
            recipients=counters.get("sent"),
            is_winner=False if "loser" in status else None,
        )
    if counters:
        yield counters_of(mail, counters)


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
    at = _moment(record.get("publishDate"), "publishDate")
    return at if at is not None and record.get("isPublished") and at <= now else None


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
    from persync.rows import Child

    data = {"id": record["id"], "app": record["appId"]}
    yield Child("email_campaigns", str(record["id"]), data, version="1")
