"""The streams: what is read of Mailchimp, how it is paged and how often."""

from __future__ import annotations

from dataclasses import replace

from persync.connect.readers import OffsetPages, SinglePage
from persync.connect.stream import DAY_MS, HOUR_MS, Full, Incremental, Refresh, Stream
from persync_mailchimp import records, rows
from persync_mailchimp.readers import ChangedPages

__all__ = ["STREAMS"]


def _only(collection: str, *fields: str) -> dict[str, str]:
    """Ask for these fields alone: fewer bytes, and names and postal addresses of recipients never travel.

    Paths go through one list only: that they may go through a list inside a list is not documented.
    """
    return {"fields": ",".join(["total_items", *(f"{collection}.{field}" for field in fields)])}


ACCOUNT = Stream(
    name="account",
    params={"fields": "account_id,account_timezone"},
    record=records.Account,
    rows=rows.account_rows,
    reader=SinglePage(),
    key="account_id",
)

LISTS = Stream(
    name="lists",
    path="lists",
    params=_only("lists", "id", "name", "double_optin"),
    record=records.MailingList,
    rows=rows.list_rows,
    reader=OffsetPages(at="lists"),
)

MERGE_FIELDS = Stream(
    name="merge_fields",
    path="lists/{list_id}/merge-fields",
    params=_only("merge_fields", "tag", "name", "type"),
    record=records.MergeField,
    rows=rows.merge_field_rows,
    reader=OffsetPages(at="merge_fields"),
    key="tag",
    safe=("tag", "type"),
    parent="lists",
)

SEGMENTS = Stream(
    name="segments",
    path="lists/{list_id}/segments",
    params=_only("segments", "id", "name", "type", "options"),
    record=records.Segment,
    rows=rows.segment_rows,
    reader=OffsetPages(at="segments"),
    safe=("type",),
    parent="lists",
)

MEMBERS = Stream(
    name="members",
    path="lists/{list_id}/members",
    params=_only(
        "members",
        "id",
        "email_address",
        "unique_email_id",
        "contact_id",
        "status",
        "source",
        "language",
        "timestamp_signup",
        "timestamp_opt",
        "last_changed",
        "merge_fields",
        "location",
        "tags",
        "sms_subscription_status",
        "sms_subscription_last_updated",
    ),
    record=records.Member,
    rows=rows.member_rows,
    reader=ChangedPages(),
    version="last_changed",
    personal_key=True,
    safe=("status", "language"),
    window=Incremental(overlap=HOUR_MS),
    parent="lists",
    needs=("merge_fields",),
)

# The listing leaves archived members out unless they are asked for.
ARCHIVED_MEMBERS = replace(MEMBERS, name="archived_members", params={**MEMBERS.params, "status": "archived"})

CAMPAIGNS = Stream(
    name="campaigns",
    path="campaigns",
    # There is no "updated since", and a filter by type or status would miss running automations: list all, narrowly.
    params=_only(
        "campaigns",
        "id",
        "type",
        "status",
        "parent_campaign_id",
        "create_time",
        "send_time",
        "emails_sent",
        "content_type",
        "recipients.list_id",
        "recipients.segment_opts",
        "settings.subject_line",
        "settings.preview_text",
        "settings.title",
        "settings.to_name",
        "settings.timewarp",
        "tracking.opens",
        "tracking.html_clicks",
        "variate_settings.winning_combination_id",
        "variate_settings.subject_lines",
        "variate_settings.combinations",
        "report_summary.opens",
        "report_summary.clicks",
    ),
    record=records.Campaign,
    rows=rows.campaign_rows,
    reader=OffsetPages(at="campaigns"),
    safe=("id", "type", "status", "content_type"),
    window=Full(),
    needs=("merge_fields",),
)

CONTENT = Stream(
    name="content",
    path="campaigns/{campaign_id}/content",
    params={"exclude_fields": "_links,archive_html"},
    record=records.Content,
    rows=rows.content_rows,
    reader=SinglePage(),
    parent="campaigns",
    needs=("merge_fields",),
)

_REPORT = (
    "id",
    "type",
    "list_id",
    "send_time",
    "emails_sent",
    "abuse_reports",
    "unsubscribed",
    "bounces",
    "opens",
    "clicks",
    "ecommerce",
    "ab_split",
)

REPORTS = Stream(
    name="reports",
    path="reports",
    params=_only("reports", *_REPORT),
    record=records.Report,
    rows=rows.report_rows,
    reader=OffsetPages(at="reports", since="since_send_time"),
    safe=("id", "type", "list_id", "ecommerce.currency_code"),
    # Counters move after the send.
    window=Refresh(days=90),
)

AUTOMATION_REPORTS = Stream(
    name="automation_reports",
    path="reports/{campaign_id}",
    params={"fields": ",".join(_REPORT)},
    record=records.Report,
    rows=rows.report_rows,
    reader=SinglePage(),
    safe=("type", "list_id", "ecommerce.currency_code"),
    parent="campaigns",
)

SENT_TO = Stream(
    name="sent_to",
    path="reports/{campaign_id}/sent-to",
    params=_only("sent_to", "email_id", "email_address", "status", "absplit_group"),
    record=records.SentTo,
    rows=rows.sent_rows,
    reader=OffsetPages(at="sent_to"),
    key="email_id",
    personal_key=True,
    safe=("status", "absplit_group"),
    parent="reports",
    needs=("automation_reports",),
)

EMAIL_ACTIVITY = Stream(
    name="email_activity",
    path="reports/{campaign_id}/email-activity",
    params=_only("emails", "email_id", "email_address", "activity"),
    record=records.EmailActivity,
    rows=rows.activity_rows,
    reader=OffsetPages(at="emails", since="since"),
    key="email_id",
    personal_key=True,
    window=Incremental(overlap=DAY_MS),
    parent="reports",
    needs=("automation_reports",),
)

OPEN_DETAILS = Stream(
    name="open_details",
    path="reports/{campaign_id}/open-details",
    params=_only("members", "email_id", "email_address", "opens"),
    record=records.OpenDetail,
    rows=rows.open_rows,
    reader=OffsetPages(at="members", since="since"),
    key="email_id",
    personal_key=True,
    window=Incremental(overlap=DAY_MS),
    parent="reports",
    needs=("automation_reports",),
)

UNSUBSCRIBED = Stream(
    name="unsubscribed",
    path="reports/{campaign_id}/unsubscribed",
    params=_only("unsubscribes", "email_id", "email_address", "timestamp"),
    record=records.Unsubscribe,
    rows=rows.unsubscribe_rows,
    reader=OffsetPages(at="unsubscribes"),
    key="email_id",
    personal_key=True,
    parent="reports",
    needs=("automation_reports",),
)

ABUSE_REPORTS = Stream(
    name="abuse_reports",
    path="reports/{campaign_id}/abuse-reports",
    params=_only("abuse_reports", "id", "email_id", "email_address", "date"),
    record=records.AbuseReport,
    rows=rows.abuse_rows,
    reader=OffsetPages(at="abuse_reports"),
    parent="reports",
    needs=("automation_reports",),
)

STREAMS = (
    ACCOUNT,
    LISTS,
    MERGE_FIELDS,
    SEGMENTS,
    MEMBERS,
    ARCHIVED_MEMBERS,
    CAMPAIGNS,
    CONTENT,
    REPORTS,
    AUTOMATION_REPORTS,
    SENT_TO,
    EMAIL_ACTIVITY,
    OPEN_DETAILS,
    UNSUBSCRIBED,
    ABUSE_REPORTS,
)
