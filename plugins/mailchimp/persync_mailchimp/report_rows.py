"""From reports to rows: the vendor's totals and claim, and what each recipient did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from persync import rows
from persync.connect.stream import Context
from persync.errors import RecordError
from persync.money import to_minor
from persync.rows import Action, CampaignRef, Child, Person, Touchpoint
from persync_mailchimp import records
from persync_mailchimp.dates import PROXY_FLAG_FROM, moment
from persync_mailchimp.refs import bare_link, campaign_ref

__all__ = [
    "CLAIM_MODEL",
    "abuse_rows",
    "activity_rows",
    "click_rows",
    "listed_report_rows",
    "open_rows",
    "report_rows",
    "sent_rows",
    "sub_report_rows",
    "unsubscribe_rows",
]

CLAIM_MODEL = "mailchimp_report"
"""Mailchimp's revenue of a campaign, without tax and shipping"""


def listed_report_rows(report: records.Report, at: Context) -> Iterator[rows.Row]:
    """Yield what a report of the listing says; that of an automation's e-mail is to be read singly.

    Whether such an e-mail is tracked stands among the automations alone, which then say so for this very work.
    """
    if not (report.get("type") or "").startswith("auto"):
        yield from report_rows(report, at)
        return
    moved = f"{report['emails_sent']}/{report['opens']['opens_total']}/{report['clicks']['clicks_total']}"
    off = at.params.get("untracked", {}).get(report["id"], "")
    yield Child("automation_reports", report["id"], {"campaign_id": report["id"], "untracked": off}, moved)


def report_rows(report: records.Report, at: Context) -> Iterator[rows.Row]:
    """Yield Mailchimp's totals and claim, and the per-recipient streams, to be read again only when their counters moved."""
    ref = campaign_ref(report["id"])
    sent_at = moment(report.get("send_time"), "send_time")
    bounces, opens, clicks = report["bounces"], report["opens"], report["clicks"]
    has_opens, has_clicks = _measured(report["id"], at)
    yield _counters(ref, "", report, sent_at, has_opens, has_clicks)
    split: records.Split = report.get("ab_split") or {}
    for variant, arm in (("a", split.get("a")), ("b", split.get("b"))):
        if arm is not None:
            yield from _arm_rows(ref, variant, arm, has_opens, has_clicks)
    ecommerce = report.get("ecommerce") or {}
    yield from _claim(ref, ecommerce, sent_at)

    bounced = f"{bounces['hard_bounces']}/{bounces['soft_bounces']}/{bounces.get('syntax_errors') or 0}"
    data = {
        "campaign_id": report["id"],
        "list_id": report.get("list_id") or "",
        "sent_at": sent_at,
        "recipients": report["emails_sent"],
        "openers": opens["unique_opens"],
    }
    if report["emails_sent"] and sent_at is not None and not (report.get("type") or "").startswith("auto"):
        # An automation mails each person at a time of their own, which no endpoint tells: no send is better than a wrong one.
        yield Child("sent_to", report["id"], data, f"{report['emails_sent']}/{bounced}")
    clicked = f"{clicks['clicks_total']}/{clicks.get('unique_clicks')}"
    if clicks["clicks_total"] or bounces["hard_bounces"] or bounces["soft_bounces"]:
        yield Child("email_activity", report["id"], data, f"{clicked}/{bounced}")
    if clicks["clicks_total"]:
        yield Child("click_details", report["id"], data, clicked)
    if opens["opens_total"]:
        yield Child("open_details", report["id"], data, f"{opens['opens_total']}/{opens.get('proxy_excluded_opens')}")
    for stream, count in (("unsubscribed", report.get("unsubscribed")), ("abuse_reports", report.get("abuse_reports"))):
        if count:
            yield Child(stream, report["id"], data, str(count))
    if ecommerce.get("total_orders") or ecommerce.get("total_revenue"):
        sold = f"{ecommerce.get('total_orders')}/{ecommerce.get('total_revenue')}"
        yield Child("product_activity", report["id"], data, sold)


def sub_report_rows(report: records.Report, at: Context) -> Iterator[rows.Row]:
    """Yield one child's report: a combination of a test as a variant of its campaign, an issue or a resend as a campaign.

    Who got which combination is not told, so a combination has totals alone and its recipients are its campaign's.
    """
    parent = at.parent["campaign_id"]
    sent_at = moment(report.get("send_time"), "send_time")
    if at.parent["kind"] == "variate" and report["id"] != at.parent["winner"]:
        ref = campaign_ref(parent)
        yield rows.Variant(ref, report["id"])
        yield _counters(ref, report["id"], report, sent_at, *_measured(parent, at))
        return
    yield rows.Campaign(campaign_ref(report["id"]), parent=parent, sent_at=sent_at)
    yield from report_rows(report, at)


def _measured(campaign: str, at: Context) -> tuple[bool, bool]:
    """Return whether opens and clicks of a campaign are measured: where tracking is off, 0 is not a count."""
    off = at.params.get("untracked", {}).get(campaign, "") + str(at.parent.get("untracked", ""))
    return "o" not in off, "c" not in off


def _counters(
    ref: CampaignRef, variant: str, report: records.Report, sent_at: int | None, has_opens: bool, has_clicks: bool
) -> rows.CampaignCounters:
    bounces, opens, clicks = report["bounces"], report["opens"], report["clicks"]
    lost = bounces["hard_bounces"] + bounces["soft_bounces"] + (bounces.get("syntax_errors") or 0)
    flags = has_opens and sent_at is not None and sent_at >= PROXY_FLAG_FROM
    return rows.CampaignCounters(
        ref,
        variant,
        sent=report["emails_sent"],
        delivered=report["emails_sent"] - lost,
        hard_bounces=bounces["hard_bounces"],
        soft_bounces=bounces["soft_bounces"],
        opens=opens["opens_total"] if has_opens else None,
        unique_opens=opens["unique_opens"] if has_opens else None,
        human_opens=opens.get("proxy_excluded_opens") if flags else None,
        unique_human_opens=opens.get("proxy_excluded_unique_opens") if flags else None,
        clicks=clicks["clicks_total"] if has_clicks else None,
        unique_clicks=clicks["unique_subscriber_clicks"] if has_clicks else None,
        unsubscribes=report.get("unsubscribed"),
        complaints=report.get("abuse_reports"),
    )


def _arm_rows(ref: CampaignRef, variant: str, arm: records.SplitArm, has_opens: bool, has_clicks: bool) -> Iterator[rows.Row]:
    yield rows.Variant(ref, variant)
    yield rows.CampaignCounters(
        ref,
        variant,
        opens=arm.get("opens") if has_opens else None,
        unique_opens=arm.get("unique_opens") if has_opens else None,
        unique_clicks=arm.get("recipient_clicks") if has_clicks else None,
        unsubscribes=arm.get("unsubs"),
        complaints=arm.get("abuse_reports"),
    )


def _claim(ref: CampaignRef, ecommerce: Mapping[str, Any], sent_at: int | None) -> Iterator[rows.Row]:
    currency = ecommerce.get("currency_code")
    if not currency:
        return
    revenue = ecommerce.get("total_revenue")
    minor = None if revenue is None else to_minor(revenue, currency)
    yield rows.Claim(ref, None, CLAIM_MODEL, ecommerce.get("total_orders"), minor, currency, from_at=sent_at)


def _recipient(record: Mapping[str, Any]) -> Person:
    # The member id is the address's MD5 and says nothing more; `members` has linked the two, for records without an address.
    address = record.get("email_address")
    person: Person = Person(("email", address)) if address else Person(("member", record["email_id"]))
    if not person:
        raise RecordError("names nobody", field="email_id")
    return person


def _required(text: str | None, field: str) -> int:
    found = moment(text, field)
    if found is None:
        raise RecordError("has no date", field=field)
    return found


def sent_rows(sent: records.SentTo, at: Context) -> Iterator[rows.Row]:
    """Yield the send, dated when the campaign went out. A bounce comes from `email_activity`, which knows when it happened."""
    yield Touchpoint(
        campaign_ref(at.parent["campaign_id"]),
        _recipient(sent),
        Action.SEND,
        at.parent["sent_at"],
        variant=sent.get("absplit_group") or "",
    )


def activity_rows(record: records.EmailActivity, at: Context) -> Iterator[rows.Row]:
    """Yield clicks and bounces. Opens come from `open_details`, which alone says which of them a mail proxy made."""
    events = record.get("activity")
    if not events:
        return
    ref, person = campaign_ref(at.parent["campaign_id"]), _recipient(record)
    seen: Counter[tuple[Action, int, str | None]] = Counter()
    for number, event in enumerate(events):
        if event["action"] == "click":
            action, link, source = Action.CLICK, bare_link(event.get("url")), ""
        elif event["action"] == "bounce":
            action, link, source = Action.BOUNCE, None, event.get("type") or ""
        else:
            continue
        happened = _required(event.get("timestamp"), f"activity.{number}.timestamp")
        ordinal = seen[action, happened, link]
        seen[action, happened, link] += 1
        yield Touchpoint(ref, person, action, happened, link=link, ordinal=ordinal, source=source)


def open_rows(record: records.OpenDetail, at: Context) -> Iterator[rows.Row]:
    """Yield opens with the vendor's proxy flag; a missing or false one on mail sent before the flag existed is unknown."""
    ref, person = campaign_ref(at.parent["campaign_id"]), _recipient(record)
    sent_at = at.parent.get("sent_at")
    flags = sent_at is None or sent_at >= PROXY_FLAG_FROM
    opens = []
    for number, one in enumerate(record.get("opens") or ()):
        is_machine = one.get("is_proxy_open")
        opens.append(
            (_required(one.get("timestamp"), f"opens.{number}.timestamp"), is_machine if is_machine or flags else None)
        )
    # Sorted, so that two opens in one second get the same ordinals whatever order they come in.
    opens.sort(key=lambda pair: (pair[0], str(pair[1])))
    seen: Counter[int] = Counter()
    for happened, is_machine in opens:
        yield Touchpoint(ref, person, Action.OPEN, happened, ordinal=seen[happened], is_machine=is_machine)
        seen[happened] += 1


def unsubscribe_rows(record: records.Unsubscribe, at: Context) -> Iterator[rows.Row]:
    """Yield the unsubscription; its reason is free text and is not kept."""
    happened = _required(record["timestamp"], "timestamp")
    yield Touchpoint(campaign_ref(at.parent["campaign_id"]), _recipient(record), Action.UNSUBSCRIBE, happened)


def abuse_rows(record: records.AbuseReport, at: Context) -> Iterator[rows.Row]:
    """Yield the complaint: the receiver called the message spam."""
    happened = _required(record["date"], "date")
    yield Touchpoint(campaign_ref(at.parent["campaign_id"]), _recipient(record), Action.COMPLAINT, happened)


def click_rows(link: records.ClickDetail, at: Context) -> Iterator[rows.Row]:
    """Yield a link's totals under the link's own id: links that differ in their query alone are stored under one address.

    Who clicked stands in `email_activity` with the moment; this endpoint's list of people has none.
    """
    address = bare_link(link.get("url"))
    if address is None:
        raise RecordError("is no address", field="url")
    ref = campaign_ref(at.parent["campaign_id"])
    yield rows.LinkCounters(ref, address, link["id"], link["total_clicks"], link.get("unique_clicks"))
