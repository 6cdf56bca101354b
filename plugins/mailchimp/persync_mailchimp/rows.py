"""From Mailchimp's records to rows: one pure function a stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from persync import rows
from persync.connect.stream import Context
from persync.errors import RecordError
from persync.money import to_minor
from persync.rows import Action, CampaignRef, Child, Person, Touchpoint
from persync_mailchimp import records
from persync_mailchimp.dates import PROXY_FLAG_FROM, moment
from persync_mailchimp.personalise import campaign_items, content_items, describe_condition

__all__ = [
    "abuse_rows",
    "account_rows",
    "activity_rows",
    "campaign_rows",
    "content_rows",
    "list_rows",
    "member_rows",
    "merge_field_rows",
    "open_rows",
    "report_rows",
    "segment_rows",
    "sent_rows",
    "unsubscribe_rows",
]

CLAIM_MODEL = "mailchimp_report"

_CONSENT = {"subscribed": "subscribed", "unsubscribed": "unsubscribed", "pending": "pending"}
_SMS_CONSENT = {**_CONSENT, "nonsubscribed": "not_subscribed"}


def account_rows(account: records.Account, at: Context) -> Iterator[rows.Row]:
    """Yield the account; Mailchimp has no account currency, each report names its own."""
    yield rows.Account(account["account_id"], timezone=account.get("account_timezone") or None)


def list_rows(audience: records.MailingList, at: Context) -> Iterator[rows.Row]:
    """Yield an audience and the work that hangs under it."""
    list_id = audience["id"]
    yield rows.Segment("list", list_id, name=audience.get("name"))
    data = {"list_id": list_id, "double_optin": bool(audience.get("double_optin"))}
    for stream in ("merge_fields", "segments", "members", "archived_members"):
        yield Child(stream, list_id, data)


def merge_field_rows(field: records.MergeField, at: Context) -> Iterator[rows.Row]:
    """Yield a merge field: its tag tells personal merge tags from the system's."""
    yield rows.Field(at.parent["list_id"], field["tag"].upper(), field["type"], field.get("name") or "")


def segment_rows(segment: records.Segment, at: Context) -> Iterator[rows.Row]:
    """Yield a tag or a saved segment with its rule, without values that may name a person."""
    options = segment.get("options") or {}
    rule = "; ".join(describe_condition(condition) for condition in options.get("conditions") or ())
    yield rows.Segment(
        "tag" if segment["type"] == "static" else "segment",
        str(segment["id"]),
        at.parent["list_id"],
        name=segment.get("name"),
        rule=f"{options.get('match') or 'all'}: {rule}" if rule and segment["type"] != "static" else None,
    )


def member_rows(member: records.Member, at: Context) -> Iterator[rows.Row]:
    """Yield a contact, the consent as it stands now, the tags, and the attributes that the settings opt in to."""
    person = Person(
        ("id", member.get("contact_id")),
        ("email", member["email_address"]),
        ("member", member["id"]),
        ("mc_eid", member.get("unique_email_id")),
    )
    status = member["status"]
    signed_up = moment(member.get("timestamp_signup"), "timestamp_signup")
    opted_in = moment(member.get("timestamp_opt"), "timestamp_opt")
    changed = moment(member.get("last_changed"), "last_changed")
    source = member.get("source") or None
    # An imported member has no sign-up of their own; then Mailchimp does not say how they consented.
    level = None
    if signed_up is not None:
        level = "confirmed_opt_in" if at.parent.get("double_optin") and opted_in is not None else "single_opt_in"

    yield rows.Contact(person, created_at=signed_up or opted_in, status=status, source=source)
    yield rows.Consent(
        person,
        "email",
        _CONSENT.get(status, "not_subscribed"),
        level,
        source,
        # When a consent ended is not told; the last change of the record is the latest it can have been.
        (opted_in or signed_up) if status == "subscribed" else changed,
    )
    sms = member.get("sms_subscription_status")
    if sms:
        sms_changed = moment(member.get("sms_subscription_last_updated"), "sms_subscription_last_updated")
        yield rows.Consent(person, "sms", _SMS_CONSENT.get(sms, "unknown"), None, None, sms_changed)
    yield rows.MemberOf(person, "tag", at.parent["list_id"], tuple(sorted(str(tag["id"]) for tag in member.get("tags") or ())))
    if at.settings.attributes:
        yield from _attributes(person, member, at)


def _attributes(person: Person, member: records.Member, at: Context) -> Iterator[rows.Row]:
    types = {_folded(tag): kind for tag, kind in at.fields.get(at.parent["list_id"], {}).items()}
    values = {_folded(tag): value for tag, value in (member.get("merge_fields") or {}).items()}
    for name, basis in at.settings.attributes.items():
        folded = _folded(name)
        if folded == "COUNTRY":
            code = (member.get("location") or {}).get("country_code") or values.get("COUNTRY")
            yield rows.Attribute(person, name, _country(code), basis)
        elif folded == "LANGUAGE":
            # en-GB and en_US are one language; the region would say more than was asked for.
            language = str(member.get("language") or "").replace("_", "-").split("-")[0].lower()
            yield rows.Attribute(person, name, language or None, basis)
        elif folded in values:
            yield rows.Attribute(person, name, _coarse(values[folded], types.get(folded, "text")), basis)


def _folded(name: str) -> str:
    """Merge tags are upper case and at most ten characters; `age_band` in the settings means the tag AGEBAND."""
    return name.replace("_", "").upper()


def _country(code: Any) -> str | None:
    return code.upper() if isinstance(code, str) and len(code) == 2 and code.isalpha() else None


def _coarse(value: Any, kind: str) -> str | None:
    """Coarsen a merge field's value: of an address its country, of a date its year; what reaches a person is dropped."""
    if kind == "address" or isinstance(value, dict):
        return _country(value.get("country")) if isinstance(value, dict) else None
    if value is None or value == "" or kind in ("phone", "smsphone", "email", "url", "imageurl", "birthday"):
        return None
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    if kind == "date":
        return next((part for part in text.replace("/", "-").split("-") if len(part) == 4 and part.isdigit()), None)
    if kind == "zip":
        return text[:3]
    return None if "@" in text else text


@lru_cache(maxsize=64)
def campaign_ref(campaign_id: str) -> CampaignRef:
    """Name a campaign by its id, which is also what `mc_cid` in links says."""
    ref: CampaignRef = CampaignRef(("id", campaign_id), ("mc_cid", campaign_id))
    return ref


def campaign_rows(campaign: records.Campaign, at: Context) -> Iterator[rows.Row]:
    """Yield a campaign, what its settings say about personalisation, its variants, and its content to be read."""
    ref = campaign_ref(campaign["id"])
    settings = campaign.get("settings") or {}
    tracking = campaign.get("tracking") or {}
    list_id = (campaign.get("recipients") or {}).get("list_id") or None
    sent_at = moment(campaign.get("send_time"), "send_time")
    yield rows.Campaign(
        ref,
        kind=campaign["type"],
        title=settings.get("title") or None,
        subject=settings.get("subject_line") or None,
        list=list_id,
        parent=campaign.get("parent_campaign_id") or None,
        status=campaign["status"],
        created_at=moment(campaign.get("create_time"), "create_time"),
        sent_at=sent_at,
        counts_opens=tracking.get("opens"),
        counts_clicks=tracking.get("html_clicks"),
    )
    yield rows.Evidence(ref, "settings", campaign_items(campaign, _fields(at, list_id)))
    variate = campaign.get("variate_settings") or {}
    winner = variate.get("winning_combination_id") or None
    subjects = variate.get("subject_lines") or []
    for combination in variate.get("combinations") or ():
        index = combination.get("subject_line")
        yield rows.Variant(
            ref,
            combination["id"],
            label=subjects[index] if index is not None and 0 <= index < len(subjects) else None,
            recipients=combination.get("recipients"),
            is_winner=None if winner is None else combination["id"] == winner,
        )
    data = {"campaign_id": campaign["id"], "list_id": list_id or ""}
    yield Child("content", campaign["id"], data, _content_version(campaign))
    if campaign["status"] == "sending" and sent_at is not None:
        # A running automation keeps mailing long after the look-back of `reports` has passed its first send.
        summary = campaign.get("report_summary") or {}
        moved = f"{campaign.get('emails_sent')}/{summary.get('opens')}/{summary.get('clicks')}"
        yield Child("automation_reports", campaign["id"], {"campaign_id": campaign["id"]}, moved)


def _content_version(campaign: records.Campaign) -> str:
    """Return what changes when the content may have: what was sent stays, an automation can be edited while it runs.

    A draft is read once and again when it was sent: no field tells that somebody edited it, and nobody has received it yet.
    """
    parts = [campaign["status"], campaign.get("send_time") or "", campaign.get("content_type") or ""]
    if campaign["status"] != "sent":
        parts.append(str(campaign.get("emails_sent") or 0))
    return "|".join(parts)


def _fields(at: Context, list_id: str | None) -> Mapping[str, str] | None:
    return at.fields.get(list_id or "")


def content_rows(content: records.Content, at: Context) -> Iterator[rows.Row]:
    """Yield what a campaign's texts say about personalisation; the texts themselves are not kept."""
    ref = campaign_ref(at.parent["campaign_id"])
    yield rows.Evidence(ref, "content", content_items(content, _fields(at, at.parent.get("list_id"))))


def report_rows(report: records.Report, at: Context) -> Iterator[rows.Row]:
    """Yield Mailchimp's totals and claim, and the per-recipient streams, to be read again only when their counters moved."""
    ref = campaign_ref(report["id"])
    sent_at = moment(report.get("send_time"), "send_time")
    bounces, opens, clicks = report["bounces"], report["opens"], report["clicks"]
    syntax = bounces.get("syntax_errors") or 0
    flags = sent_at is not None and sent_at >= PROXY_FLAG_FROM
    yield rows.CampaignCounters(
        ref,
        sent=report["emails_sent"],
        delivered=report["emails_sent"] - bounces["hard_bounces"] - bounces["soft_bounces"] - syntax,
        hard_bounces=bounces["hard_bounces"],
        soft_bounces=bounces["soft_bounces"],
        opens=opens["opens_total"],
        unique_opens=opens["unique_opens"],
        human_opens=opens.get("proxy_excluded_opens") if flags else None,
        unique_human_opens=opens.get("proxy_excluded_unique_opens") if flags else None,
        clicks=clicks["clicks_total"],
        unique_clicks=clicks["unique_subscriber_clicks"],
        unsubscribes=report.get("unsubscribed"),
        complaints=report.get("abuse_reports"),
    )
    split: records.Split = report.get("ab_split") or {}
    for variant, arm in (("a", split.get("a")), ("b", split.get("b"))):
        if arm is not None:
            yield from _arm_rows(ref, variant, arm)
    yield from _claim(ref, report.get("ecommerce") or {}, sent_at)

    bounced = f"{bounces['hard_bounces']}/{bounces['soft_bounces']}/{syntax}"
    data = {"campaign_id": report["id"], "list_id": report.get("list_id") or "", "sent_at": sent_at}
    if report["emails_sent"] and sent_at is not None and not (report.get("type") or "").startswith("automation"):
        # An automation mails each person at a time of their own, which no endpoint tells: no send is better than a wrong one.
        yield Child("sent_to", report["id"], data, f"{report['emails_sent']}/{bounced}")
    if clicks["clicks_total"] or bounces["hard_bounces"] or bounces["soft_bounces"]:
        yield Child("email_activity", report["id"], data, f"{clicks['clicks_total']}/{clicks.get('unique_clicks')}/{bounced}")
    if opens["opens_total"]:
        yield Child("open_details", report["id"], data, f"{opens['opens_total']}/{opens.get('proxy_excluded_opens')}")
    for stream, count in (("unsubscribed", report.get("unsubscribed")), ("abuse_reports", report.get("abuse_reports"))):
        if count:
            yield Child(stream, report["id"], data, str(count))


def _arm_rows(ref: CampaignRef, variant: str, arm: records.SplitArm) -> Iterator[rows.Row]:
    yield rows.Variant(ref, variant)
    yield rows.CampaignCounters(
        ref,
        variant,
        opens=arm.get("opens"),
        unique_opens=arm.get("unique_opens"),
        unique_clicks=arm.get("recipient_clicks"),
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


def bare_link(url: str | None) -> str | None:
    """Return a web address without query, fragment, user and any part that holds an address; of others the scheme alone."""
    if not url:
        return None
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return f"{parts.scheme}:" if parts.scheme else None
    path = parts.path
    if "@" in path or "%40" in path:
        path = "/"
    return f"{parts.scheme}://{host}{port}{path}"
