"""What is read of a HubSpot account's marketing: e-mails and their events, consent, campaigns, lists."""

from __future__ import annotations

from persync.connect.readers import SinglePage, TokenPages
from persync.connect.stream import Refresh, Stream
from persync_hubspot import api, campaign_rows, mail_rows, properties, records_mail
from persync_hubspot.events import V1Events, event_stream
from persync_hubspot.readers import ModelPages, OffsetTokenPages

STATS = {"includeStats": "true", "variantStats": "true", "workflowNames": "true", "marketingCampaignNames": "false"}

MARKETING_EMAILS = Stream(
    name="marketing_emails",
    path=api.EMAILS,
    params=STATS,
    record=records_mail.MarketingEmail,
    rows=mail_rows.marketing_email_rows,
    # Publishing a mail sets its change date, so the mails of the last 90 days are among those changed since.
    reader=TokenPages(at="results", limit=50, since="updatedAfter"),
    window=Refresh(days=90),
    scopes=("content",),
    safe=("type", "state"),
)
AUTOMATED_EMAILS = Stream(
    name="automated_emails",
    path=api.EMAILS,
    params={**STATS, "type": "{type}"},
    record=records_mail.MarketingEmail,
    rows=mail_rows.marketing_email_rows,
    reader=TokenPages(at="results", limit=50),
    parent="account",
    scopes=("content",),
    safe=("type", "state"),
)
EMAILS_ARCHIVED = Stream(
    name="marketing_emails_archived",
    path=api.EMAILS,
    params={**STATS, "archived": "true"},
    record=records_mail.MarketingEmail,
    rows=mail_rows.marketing_email_rows,
    reader=TokenPages(at="results", limit=50),
    scopes=("content",),
    safe=("type", "state"),
)
EMAIL_EVENTS = event_stream(V1Events())
CAMPAIGNS = Stream(
    name="campaigns",
    path=api.CAMPAIGNS,
    params={"properties": ",".join(properties.CAMPAIGN)},
    record=records_mail.MarketingCampaign,
    rows=campaign_rows.campaign_rows,
    reader=TokenPages(at="results"),
    scopes=("marketing.campaigns.read",),
)
CAMPAIGN_REVENUE = Stream(
    name="campaign_revenue",
    path=f"{api.CAMPAIGNS}/{{guid}}/reports/revenue",
    record=records_mail.RevenueReport,
    rows=campaign_rows.revenue_rows,
    reader=ModelPages(),
    key="",
    parent="campaigns",
    needs=("account",),
    scopes=("marketing.campaigns.revenue.read",),
)
CAMPAIGN_SPEND = Stream(
    name="campaign_spend",
    path=f"{api.CAMPAIGNS}/{{guid}}/budget/totals",
    record=records_mail.BudgetTotals,
    rows=campaign_rows.spend_rows,
    reader=SinglePage(),
    key="",
    parent="campaigns",
    needs=("account",),
    scopes=("marketing.campaigns.read",),
)
EMAIL_CAMPAIGN_IDS = Stream(
    name="email_campaign_ids",
    path=f"{api.EMAIL_CAMPAIGNS_V1}/by-id",
    record=records_mail.V1EmailCampaignRef,
    rows=mail_rows.email_campaign_ref_rows,
    reader=OffsetTokenPages(at="campaigns"),
    scopes=("content",),
    default=False,
)
EMAIL_CAMPAIGNS = Stream(
    name="email_campaigns",
    path=f"{api.EMAIL_CAMPAIGNS_V1}/{{id}}",
    params={"appId": "{app}"},
    record=records_mail.V1EmailCampaign,
    rows=mail_rows.email_campaign_rows,
    reader=SinglePage(),
    parent="email_campaign_ids",
    scopes=("content",),
    default=False,
)

MAIL_STREAMS = (
    MARKETING_EMAILS,
    AUTOMATED_EMAILS,
    EMAILS_ARCHIVED,
    EMAIL_EVENTS,
    CAMPAIGNS,
    CAMPAIGN_REVENUE,
    CAMPAIGN_SPEND,
    EMAIL_CAMPAIGN_IDS,
    EMAIL_CAMPAIGNS,
)
