"""From Mailchimp's records to rows: the account, its audiences, campaigns, automations and what makes them personal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from persync import rows
from persync.connect.stream import DAY_MS, Context
from persync.rows import KEEP, Child
from persync_mailchimp import records
from persync_mailchimp.dates import moment
from persync_mailchimp.personalise import campaign_items, content_items, describe_condition
from persync_mailchimp.refs import campaign_ref

__all__ = [
    "account_rows",
    "automation_email_rows",
    "automation_rows",
    "campaign_rows",
    "content_rows",
    "interest_category_rows",
    "interest_rows",
    "list_rows",
    "merge_field_rows",
    "segment_rows",
]

LOOK_BACK_MS = 90 * DAY_MS
"""how long after its send the reports of a campaign's children are asked for at every pull"""


def account_rows(account: records.Account, at: Context) -> Iterator[rows.Row]:
    """Yield the account; Mailchimp has no account currency, each report names its own."""
    yield rows.Account(account["account_id"], timezone=account.get("account_timezone") or None)


def list_rows(audience: records.MailingList, at: Context) -> Iterator[rows.Row]:
    """Yield an audience and the work that hangs under it."""
    list_id = audience["id"]
    yield rows.Segment("list", list_id, name=audience.get("name"))
    data = {"list_id": list_id, "double_optin": bool(audience.get("double_optin"))}
    for stream in ("merge_fields", "segments", "interest_categories", "members", "archived_members"):
        yield Child(stream, list_id, data)
    # One stream has to name everybody: who is archived is not gone.
    yield Child("all_members", list_id, {**data, "status": ""})
    yield Child("all_members", f"{list_id}/archived", {**data, "status": "archived"})


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


def interest_category_rows(category: records.InterestCategory, at: Context) -> Iterator[rows.Row]:
    """Yield the work of a sign-up form's question: its answers."""
    list_id = at.parent["list_id"]
    data = {"list_id": list_id, "interest_category_id": category["id"], "category": category.get("title") or ""}
    yield Child("interests", f"{list_id}/{category['id']}", data)


def interest_rows(interest: records.Interest, at: Context) -> Iterator[rows.Row]:
    """Yield a group that members chose; its rule is the question. How many did is text in the API, and not kept."""
    yield rows.Segment(
        "interest", interest["id"], at.parent["list_id"], name=interest.get("name"), rule=at.parent.get("category") or None
    )


def campaign_rows(campaign: records.Campaign, at: Context) -> Iterator[rows.Row]:
    """Yield a campaign, what its settings say about personalisation, its variants, and its content to be read."""
    ref = campaign_ref(campaign["id"])
    settings = campaign.get("settings") or {}
    list_id = (campaign.get("recipients") or {}).get("list_id") or None
    sent_at = moment(campaign.get("send_time"), "send_time")
    off = untracked(campaign.get("tracking") or {})
    resends = campaign.get("resend_shortcut_usage") or {}
    parent = campaign.get("parent_campaign_id") or (resends.get("original_campaign") or {}).get("id")
    yield rows.Present(campaign["id"])
    yield rows.Campaign(
        ref,
        kind=campaign["type"],
        title=settings.get("title") or None,
        subject=settings.get("subject_line") or None,
        list=list_id,
        # Of the children of RSS campaigns and tests only their sub-report may say whose they are.
        parent=parent or KEEP,
        status=campaign["status"],
        created_at=moment(campaign.get("create_time"), "create_time"),
        sent_at=sent_at,
        **_counts(campaign.get("tracking") or {}),
    )
    yield rows.Evidence(ref, "settings", campaign_items(campaign, _fields(at, list_id)))
    yield from _variants(campaign)
    data = {"campaign_id": campaign["id"], "list_id": list_id or ""}
    yield Child("content", campaign["id"], data, _content_version(campaign))
    moved = _moved(campaign)
    if campaign["status"] == "sending" and sent_at is not None:
        # A running automation keeps mailing long after the look-back of `reports` has passed its first send.
        yield Child("automation_reports", campaign["id"], {"campaign_id": campaign["id"], "untracked": off}, moved)
    if sent_at is not None and (campaign["type"] in ("variate", "rss") or resends.get("shortcut_campaigns")):
        winner = (campaign.get("variate_settings") or {}).get("winning_campaign_id") or ""
        family = {"campaign_id": campaign["id"], "kind": campaign["type"], "winner": winner, "untracked": off}
        # The counters of resends and issues are not among their parent's: while they may move, look every time.
        is_settled = campaign["status"] != "sending" and at.now - sent_at > LOOK_BACK_MS
        yield Child("sub_reports", campaign["id"], family, moved if is_settled else None)


def untracked(tracking: records.Tracking) -> str:
    """Return which of opens ("o") and clicks ("c") are not measured; clicks in texts are measured apart."""
    has_clicks = tracking.get("html_clicks") is not False or bool(tracking.get("text_clicks"))
    return ("o" if tracking.get("opens") is False else "") + ("" if has_clicks else "c")


def _counts(tracking: records.Tracking) -> dict[str, Any]:
    off = untracked(tracking)
    has_opens = None if tracking.get("opens") is None else "o" not in off
    has_clicks = None if tracking.get("html_clicks") is None else "c" not in off
    return {"counts_opens": has_opens, "counts_clicks": has_clicks}


def _variants(campaign: records.Campaign) -> Iterator[rows.Row]:
    ref = campaign_ref(campaign["id"])
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
    split = campaign.get("ab_split_opts") or {}
    for arm, subject in (("a", split.get("subject_a")), ("b", split.get("subject_b"))):
        if split:
            yield rows.Variant(ref, arm, label=subject or split.get("split_test") or None)


def _moved(record: Mapping[str, Any]) -> str:
    summary = record.get("report_summary") or {}
    return f"{record.get('emails_sent')}/{summary.get('opens')}/{summary.get('clicks')}"


def _content_version(campaign: records.Campaign | records.AutomationEmail) -> str:
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


def automation_rows(workflow: records.Automation, at: Context) -> Iterator[rows.Row]:
    """Yield the work of a classic automation: its e-mails. Its own id has no report, so it is no campaign."""
    data = {
        "workflow_id": workflow["id"],
        "workflow": (workflow.get("trigger_settings") or {}).get("workflow_type") or "",
        "list_id": (workflow.get("recipients") or {}).get("list_id") or "",
    }
    yield Child("automation_emails", workflow["id"], data)


def automation_email_rows(email: records.AutomationEmail, at: Context) -> Iterator[rows.Row]:
    """Yield an automation's e-mail as the campaign it is, what sets it off, and its content and report to be read."""
    ref = campaign_ref(email["id"])
    settings = email.get("settings") or {}
    tracking = email.get("tracking") or {}
    recipients = email.get("recipients") or {}
    list_id = recipients.get("list_id") or at.parent["list_id"] or None
    begun = moment(email.get("send_time"), "send_time")
    yield rows.Campaign(
        ref,
        kind="automation-email",
        title=settings.get("title") or None,
        subject=settings.get("subject_line") or None,
        list=list_id,
        status=email["status"],
        created_at=moment(email.get("create_time"), "create_time"),
        sent_at=begun if begun is not None else moment(email.get("start_time"), "start_time"),
        **_counts(tracking),
    )
    found = {*campaign_items({**email, "type": "automation-email"}, _fields(at, list_id))}
    found |= {("workflow", at.parent["workflow"])} if at.parent["workflow"] else set()
    action = (email.get("delay") or {}).get("action")
    found |= {("trigger", action)} if action else set()
    yield rows.Evidence(ref, "automation", tuple(sorted(found)))
    data = {"campaign_id": email["id"], "list_id": list_id or ""}
    yield Child("content", email["id"], data, _content_version(email))
    if email.get("emails_sent"):
        yield Child(
            "automation_reports", email["id"], {"campaign_id": email["id"], "untracked": untracked(tracking)}, _moved(email)
        )
