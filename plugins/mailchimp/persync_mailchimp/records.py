"""What the Marketing API sends, only what is used. Shapes follow the vendor's specification 3.0.85.

Enums are open strings (campaign types go beyond the documented ones), dates are ISO 8601 text that may be "" or null, and a
value of a merge field may be text, a number, null or, for an address that is filled in, an object.
"""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict

__all__ = [
    "AbuseReport",
    "Account",
    "Activity",
    "Automation",
    "AutomationEmail",
    "Campaign",
    "ClickDetail",
    "Content",
    "EmailActivity",
    "Interest",
    "InterestCategory",
    "MailingList",
    "Member",
    "MergeField",
    "OpenDetail",
    "Report",
    "Segment",
    "SentTo",
    "Unsubscribe",
]


class Account(TypedDict):
    """`GET /`."""

    account_id: str
    account_timezone: NotRequired[str | None]


class MailingList(TypedDict):
    """One of `GET /lists`; the vendor also says audience."""

    id: str
    name: NotRequired[str | None]
    double_optin: NotRequired[bool | None]


class MergeField(TypedDict):
    """One of `GET /lists/{list_id}/merge-fields`."""

    tag: str
    name: NotRequired[str | None]
    type: str


class Segment(TypedDict):
    """One of `GET /lists/{list_id}/segments`: a tag (`static`), a saved or a fuzzy segment."""

    id: int
    name: NotRequired[str | None]
    type: str
    options: NotRequired[dict[str, Any] | None]


class InterestCategory(TypedDict):
    """One of `GET /lists/{list_id}/interest-categories`: a question of a sign-up form."""

    id: str
    title: NotRequired[str | None]


class Interest(TypedDict):
    """One of `GET /lists/{list_id}/interest-categories/{id}/interests`: an answer; its id keys a member's `interests`."""

    id: str
    name: NotRequired[str | None]


class Tag(TypedDict):
    id: int


class MarketingPermission(TypedDict):
    """One consent of the list's own; lists without the GDPR fields have none."""

    marketing_permission_id: str
    text: NotRequired[str | None]
    enabled: bool


class Location(TypedDict):
    country_code: NotRequired[str | None]


class Member(TypedDict):
    """One of `GET /lists/{list_id}/members`."""

    id: str
    email_address: str
    unique_email_id: NotRequired[str | None]
    contact_id: NotRequired[str | None]
    status: str
    source: NotRequired[str | None]
    language: NotRequired[str | None]
    timestamp_signup: NotRequired[str | None]
    timestamp_opt: NotRequired[str | None]
    last_changed: NotRequired[str | None]
    merge_fields: NotRequired[dict[str, Any] | None]
    location: NotRequired[Location | None]
    tags: NotRequired[list[Tag] | None]
    tags_count: NotRequired[int | None]
    web_id: NotRequired[int | None]
    interests: NotRequired[dict[str, bool] | None]
    marketing_permissions: NotRequired[list[MarketingPermission] | None]
    consents_to_one_to_one_messaging: NotRequired[bool | None]
    sms_subscription_status: NotRequired[str | None]
    sms_subscription_last_updated: NotRequired[str | None]


class Recipients(TypedDict):
    list_id: NotRequired[str | None]
    segment_opts: NotRequired[dict[str, Any] | None]


class CampaignSettings(TypedDict):
    subject_line: NotRequired[str | None]
    preview_text: NotRequired[str | None]
    title: NotRequired[str | None]
    to_name: NotRequired[str | None]
    timewarp: NotRequired[bool | None]
    template_id: NotRequired[int | None]


class Tracking(TypedDict):
    opens: NotRequired[bool | None]
    html_clicks: NotRequired[bool | None]
    text_clicks: NotRequired[bool | None]


class Combination(TypedDict):
    """One combination of a multivariate test; `subject_line` is an index into `subject_lines`."""

    id: str
    subject_line: NotRequired[int | None]
    recipients: NotRequired[int | None]


class SplitOptions(TypedDict):
    """The settings of the old A/B test; which arm won is not told."""

    split_test: NotRequired[str | None]
    subject_a: NotRequired[str | None]
    subject_b: NotRequired[str | None]


class Resend(TypedDict):
    id: NotRequired[str | None]


class ResendUsage(TypedDict):
    """For what was sent again ("to non-openers"): the campaign it repeats, or the campaigns that repeat this one."""

    original_campaign: NotRequired[Resend | None]
    shortcut_campaigns: NotRequired[list[Resend] | None]


class VariateSettings(TypedDict):
    winning_combination_id: NotRequired[str | None]
    winning_campaign_id: NotRequired[str | None]
    subject_lines: NotRequired[list[str] | None]
    combinations: NotRequired[list[Combination] | None]


class Summary(TypedDict):
    opens: NotRequired[int | None]
    clicks: NotRequired[int | None]


class Campaign(TypedDict):
    """One of `GET /campaigns`."""

    id: str
    type: str
    status: str
    parent_campaign_id: NotRequired[str | None]
    create_time: NotRequired[str | None]
    send_time: NotRequired[str | None]
    emails_sent: NotRequired[int | None]
    content_type: NotRequired[str | None]
    recipients: NotRequired[Recipients | None]
    settings: NotRequired[CampaignSettings | None]
    tracking: NotRequired[Tracking | None]
    variate_settings: NotRequired[VariateSettings | None]
    ab_split_opts: NotRequired[SplitOptions | None]
    resend_shortcut_usage: NotRequired[ResendUsage | None]
    report_summary: NotRequired[Summary | None]


class TriggerSettings(TypedDict):
    workflow_type: NotRequired[str | None]


class AutomationList(TypedDict):
    list_id: NotRequired[str | None]


class Automation(TypedDict):
    """One of `GET /automations`: a classic workflow. Its id is no campaign; those of its e-mails are."""

    id: str
    status: NotRequired[str | None]
    emails_sent: NotRequired[int | None]
    recipients: NotRequired[AutomationList | None]
    trigger_settings: NotRequired[TriggerSettings | None]
    report_summary: NotRequired[Summary | None]


class Delay(TypedDict):
    action: NotRequired[str | None]


class AutomationEmail(TypedDict):
    """One of `GET /automations/{workflow_id}/emails`."""

    id: str
    status: str
    create_time: NotRequired[str | None]
    start_time: NotRequired[str | None]
    send_time: NotRequired[str | None]
    emails_sent: NotRequired[int | None]
    content_type: NotRequired[str | None]
    recipients: NotRequired[Recipients | None]
    settings: NotRequired[CampaignSettings | None]
    tracking: NotRequired[Tracking | None]
    delay: NotRequired[Delay | None]
    report_summary: NotRequired[Summary | None]


class VariateContent(TypedDict):
    plain_text: NotRequired[str | None]
    html: NotRequired[str | None]


class Content(TypedDict):
    """`GET /campaigns/{campaign_id}/content`."""

    plain_text: NotRequired[str | None]
    html: NotRequired[str | None]
    variate_contents: NotRequired[list[VariateContent] | None]


class Bounces(TypedDict):
    hard_bounces: int
    soft_bounces: int
    syntax_errors: NotRequired[int | None]


class Opens(TypedDict):
    opens_total: int
    unique_opens: int
    proxy_excluded_opens: NotRequired[int | None]
    proxy_excluded_unique_opens: NotRequired[int | None]


class Clicks(TypedDict):
    clicks_total: int
    unique_clicks: NotRequired[int | None]
    unique_subscriber_clicks: int


class Ecommerce(TypedDict):
    total_orders: NotRequired[int | None]
    total_revenue: NotRequired[float | None]
    currency_code: NotRequired[str | None]


class SplitArm(TypedDict):
    """One arm of the old A/B test in a report; it has no count of recipients."""

    bounces: NotRequired[int | None]
    abuse_reports: NotRequired[int | None]
    unsubs: NotRequired[int | None]
    recipient_clicks: NotRequired[int | None]
    opens: NotRequired[int | None]
    unique_opens: NotRequired[int | None]


class Split(TypedDict):
    a: NotRequired[SplitArm | None]
    b: NotRequired[SplitArm | None]


class Report(TypedDict):
    """One of `GET /reports`."""

    id: str
    type: NotRequired[str | None]
    list_id: NotRequired[str | None]
    send_time: NotRequired[str | None]
    emails_sent: int
    abuse_reports: NotRequired[int | None]
    unsubscribed: NotRequired[int | None]
    bounces: Bounces
    opens: Opens
    clicks: Clicks
    ecommerce: NotRequired[Ecommerce | None]
    ab_split: NotRequired[Split | None]


class ClickDetail(TypedDict):
    """One of `GET /reports/{campaign_id}/click-details`: a link's totals."""

    id: str
    url: NotRequired[str | None]
    total_clicks: int
    unique_clicks: NotRequired[int | None]


class SentTo(TypedDict):
    """One of `GET /reports/{campaign_id}/sent-to`."""

    email_id: str
    email_address: NotRequired[str | None]
    status: str
    absplit_group: NotRequired[str | None]


class Activity(TypedDict):
    action: str
    timestamp: NotRequired[str | None]
    type: NotRequired[str | None]
    url: NotRequired[str | None]


class EmailActivity(TypedDict):
    """One of `GET /reports/{campaign_id}/email-activity`: every recipient, most without an event."""

    email_id: str
    email_address: NotRequired[str | None]
    activity: NotRequired[list[Activity] | None]


class OneOpen(TypedDict):
    timestamp: NotRequired[str | None]
    is_proxy_open: NotRequired[bool | None]


class OpenDetail(TypedDict):
    """One of `GET /reports/{campaign_id}/open-details`."""

    email_id: str
    email_address: NotRequired[str | None]
    opens: NotRequired[list[OneOpen] | None]


class Unsubscribe(TypedDict):
    """One of `GET /reports/{campaign_id}/unsubscribed`; the reason is free text and is not read."""

    email_id: str
    email_address: NotRequired[str | None]
    timestamp: str


class AbuseReport(TypedDict):
    """One of `GET /reports/{campaign_id}/abuse-reports`."""

    id: int
    email_id: str
    email_address: NotRequired[str | None]
    date: str
