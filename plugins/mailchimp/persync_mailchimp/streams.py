"""The streams: what is read of Mailchimp, how it is paged and how often."""

from __future__ import annotations

from dataclasses import replace

from persync.connect.readers import OffsetPages, SinglePage
from persync.connect.stream import DAY_MS, HOUR_MS, Every, Full, Incremental, Refresh, Stream, Sweep
from persync_mailchimp import member_rows, records, report_rows, rows
from persync_mailchimp.batch import BatchPages
from persync_mailchimp.fields import only
from persync_mailchimp.readers import ChangedPages, ReportPages, WholeAnswer
from persync_mailchimp.shop_streams import SHOP_STREAMS
from persync_mailchimp.unused import AUTOMATION_EMAIL, CAMPAIGN, MEMBER, REPORT

__all__ = ["STREAMS"]


ACCOUNT = Stream(
    name="account",
    facts=("account", "time zone"),
    params={"fields": "account_id,account_timezone"},
    record=records.Account,
    rows=rows.account_rows,
    reader=SinglePage(),
    key="account_id",
)

LISTS = Stream(
    name="lists",
    facts=("lists",),
    path="lists",
    params=only("lists", "id", "name", "double_optin"),
    record=records.MailingList,
    rows=rows.list_rows,
    reader=OffsetPages(at="lists"),
)

MERGE_FIELDS = Stream(
    name="merge_fields",
    facts=("field names",),
    path="lists/{list_id}/merge-fields",
    params=only("merge_fields", "tag", "name", "type"),
    record=records.MergeField,
    rows=rows.merge_field_rows,
    reader=OffsetPages(at="merge_fields"),
    key="tag",
    safe=("tag", "type"),
    parent="lists",
)

SEGMENTS = Stream(
    name="segments",
    facts=("tags", "segments"),
    path="lists/{list_id}/segments",
    params=only("segments", "id", "name", "type", "options"),
    record=records.Segment,
    rows=rows.segment_rows,
    reader=OffsetPages(at="segments"),
    safe=("type",),
    parent="lists",
)

INTEREST_CATEGORIES = Stream(
    name="interest_categories",
    facts=("interests",),
    path="lists/{list_id}/interest-categories",
    params=only("categories", "id", "title"),
    record=records.InterestCategory,
    rows=rows.interest_category_rows,
    reader=OffsetPages(at="categories"),
    parent="lists",
)

INTERESTS = Stream(
    name="interests",
    facts=("interests",),
    path="lists/{list_id}/interest-categories/{interest_category_id}/interests",
    params=only("interests", "id", "name"),
    record=records.Interest,
    rows=rows.interest_rows,
    reader=OffsetPages(at="interests"),
    parent="interest_categories",
)

MEMBERS = Stream(
    name="members",
    facts=("people", "consent", "tags", "attributes"),
    path="lists/{list_id}/members",
    params=only(
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
        "tags_count",
        "web_id",
        "interests",
        "marketing_permissions",
        "consents_to_one_to_one_messaging",
        "sms_subscription_status",
        "sms_subscription_last_updated",
    ),
    record=records.Member,
    rows=member_rows.member_rows,
    reader=ChangedPages(),
    version="last_changed",
    personal_key=True,
    safe=("status", "language"),
    window=Incremental(overlap=HOUR_MS),
    parent="lists",
    needs=("merge_fields",),
    unused=MEMBER,
)

# The listing leaves archived members out unless they are asked for.
ARCHIVED_MEMBERS = replace(MEMBERS, name="archived_members", params={**MEMBERS.params, "status": "archived"})

# The date of the last change does not move for location or rating, and who was deleted is in no listing of changes.
ALL_MEMBERS = replace(
    MEMBERS,
    name="all_members",
    facts=("people", "consent", "deletions"),
    rows=member_rows.every_member_rows,
    reader=ChangedPages(bounded=False),
    version=None,
    window=Every(days=30),
    sweeps=Sweep("contact"),
    needs=("merge_fields", "members", "archived_members"),
)

AUTOMATION_KINDS = ("", "auto", "automation", "automation-email", "automation-workflow")
"""kinds of campaigns that need not stand among `/campaigns`: what is told of elsewhere alone, and children ("")"""

CAMPAIGNS = Stream(
    name="campaigns",
    facts=("campaigns", "A/B tests", "targeting", "deletions"),
    path="campaigns",
    # There is no "updated since", and a filter by type or status would miss running automations: list all, narrowly.
    params=only(
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
        "tracking.text_clicks",
        "variate_settings.winning_combination_id",
        "variate_settings.winning_campaign_id",
        "variate_settings.subject_lines",
        "variate_settings.combinations",
        "ab_split_opts",
        "resend_shortcut_usage",
        "report_summary.opens",
        "report_summary.clicks",
    ),
    record=records.Campaign,
    rows=rows.campaign_rows,
    reader=OffsetPages(at="campaigns"),
    safe=("id", "type", "status", "content_type"),
    window=Full(),
    needs=("merge_fields",),
    sweeps=Sweep("campaign", without=AUTOMATION_KINDS),
    unused=CAMPAIGN,
)

AUTOMATIONS = Stream(
    name="automations",
    facts=("automations",),
    path="automations",
    params=only("automations", "id", "recipients.list_id", "trigger_settings.workflow_type"),
    record=records.Automation,
    rows=rows.automation_rows,
    reader=OffsetPages(at="automations"),
)

AUTOMATION_EMAILS = Stream(
    name="automation_emails",
    facts=("automations", "triggers"),
    path="automations/{workflow_id}/emails",
    # All of a workflow's e-mails come in one answer: this call has no parameters at all, not even `fields`.
    record=records.AutomationEmail,
    rows=rows.automation_email_rows,
    reader=WholeAnswer(at="emails"),
    safe=("id", "status", "content_type", "delay.action"),
    parent="automations",
    needs=("merge_fields", "campaigns"),
    unused=AUTOMATION_EMAIL,
)

CONTENT = Stream(
    name="content",
    facts=("personalisation",),
    path="campaigns/{campaign_id}/content",
    params={"exclude_fields": "_links,archive_html"},
    record=records.Content,
    rows=rows.content_rows,
    reader=SinglePage(),
    parent="campaigns",
    needs=("merge_fields", "automation_emails"),
    unused=("variate_contents.content_label",),
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

_AFTER = ("automation_reports", "sub_reports")
"""Every stream that names campaigns whose recipients are to be read."""

REPORTS = Stream(
    name="reports",
    facts=("statistics", "claimed revenue", "A/B tests"),
    path="reports",
    params=only("reports", *_REPORT),
    record=records.Report,
    rows=report_rows.listed_report_rows,
    reader=ReportPages(),
    safe=("id", "type", "list_id", "ecommerce.currency_code"),
    # Counters move after the send.
    window=Refresh(days=90),
    unused=REPORT,
)

AUTOMATION_REPORTS = Stream(
    name="automation_reports",
    facts=("statistics", "claimed revenue"),
    path="reports/{campaign_id}",
    params={"fields": ",".join(_REPORT)},
    record=records.Report,
    rows=report_rows.report_rows,
    reader=SinglePage(),
    safe=("type", "list_id", "ecommerce.currency_code"),
    parent="campaigns",
    needs=("automation_emails", "reports"),
    unused=REPORT,
)

SUB_REPORTS = Stream(
    name="sub_reports",
    facts=("statistics", "A/B tests"),
    path="reports/{campaign_id}/sub-reports",
    params=only("reports", *_REPORT),
    record=records.Report,
    rows=report_rows.sub_report_rows,
    # All children come in one answer: the call knows no count.
    reader=WholeAnswer(at="reports"),
    safe=("id", "type", "list_id", "ecommerce.currency_code"),
    parent="campaigns",
    unused=REPORT,
)

CLICK_DETAILS = Stream(
    name="click_details",
    facts=("clicks by link",),
    path="reports/{campaign_id}/click-details",
    params=only("urls_clicked", "id", "url", "total_clicks", "unique_clicks"),
    record=records.ClickDetail,
    rows=report_rows.click_rows,
    reader=OffsetPages(at="urls_clicked"),
    parent="reports",
    needs=_AFTER,
)

SENT_TO = Stream(
    name="sent_to",
    facts=("sends", "bounces", "A/B tests"),
    path="reports/{campaign_id}/sent-to",
    params=only("sent_to", "email_id", "email_address", "status", "absplit_group"),
    record=records.SentTo,
    rows=report_rows.sent_rows,
    reader=BatchPages(OffsetPages(at="sent_to")),
    key="email_id",
    personal_key=True,
    safe=("status", "absplit_group"),
    parent="reports",
    needs=_AFTER,
)

EMAIL_ACTIVITY = Stream(
    name="email_activity",
    facts=("clicks", "bounces"),
    path="reports/{campaign_id}/email-activity",
    params=only("emails", "email_id", "email_address", "activity"),
    record=records.EmailActivity,
    rows=report_rows.activity_rows,
    reader=BatchPages(OffsetPages(at="emails", since="since")),
    key="email_id",
    personal_key=True,
    window=Incremental(overlap=DAY_MS),
    parent="reports",
    needs=_AFTER,
    unused=("activity.ip",),
)

OPEN_DETAILS = Stream(
    name="open_details",
    facts=("opens", "machine opens"),
    path="reports/{campaign_id}/open-details",
    params=only("members", "email_id", "email_address", "opens"),
    record=records.OpenDetail,
    rows=report_rows.open_rows,
    reader=BatchPages(OffsetPages(at="members", since="since"), expected="openers"),
    key="email_id",
    personal_key=True,
    window=Incremental(overlap=DAY_MS),
    parent="reports",
    needs=_AFTER,
)

UNSUBSCRIBED = Stream(
    name="unsubscribed",
    facts=("unsubscribes",),
    path="reports/{campaign_id}/unsubscribed",
    params=only("unsubscribes", "email_id", "email_address", "timestamp"),
    record=records.Unsubscribe,
    rows=report_rows.unsubscribe_rows,
    reader=OffsetPages(at="unsubscribes"),
    key="email_id",
    personal_key=True,
    parent="reports",
    needs=_AFTER,
)

ABUSE_REPORTS = Stream(
    name="abuse_reports",
    facts=("complaints",),
    path="reports/{campaign_id}/abuse-reports",
    params=only("abuse_reports", "id", "email_id", "email_address", "date"),
    record=records.AbuseReport,
    rows=report_rows.abuse_rows,
    # The call knows no count and no offset: all of them come in one answer.
    reader=WholeAnswer(at="abuse_reports"),
    parent="reports",
    needs=_AFTER,
)

STREAMS = (
    ACCOUNT,
    LISTS,
    MERGE_FIELDS,
    SEGMENTS,
    INTEREST_CATEGORIES,
    INTERESTS,
    MEMBERS,
    ARCHIVED_MEMBERS,
    ALL_MEMBERS,
    CAMPAIGNS,
    AUTOMATIONS,
    AUTOMATION_EMAILS,
    CONTENT,
    REPORTS,
    AUTOMATION_REPORTS,
    SUB_REPORTS,
    SENT_TO,
    EMAIL_ACTIVITY,
    OPEN_DETAILS,
    CLICK_DETAILS,
    UNSUBSCRIBED,
    ABUSE_REPORTS,
    *SHOP_STREAMS,
)
