"""What is read of a HubSpot account's marketing: e-mails and their events, consent, campaigns, lists."""

from __future__ import annotations

from persync.connect.readers import SinglePage, TokenPages
from persync.connect.stream import MINUTE_MS, Every, Incremental, Refresh, Stream, Sweep
from persync_hubspot import (
    api,
    api_mail,
    campaign_rows,
    consent_rows,
    list_rows,
    mail_rows,
    mail_statistics,
    properties,
    records_mail,
    unused,
)
from persync_hubspot.consent_log import V1ConsentLog, consent_log_stream
from persync_hubspot.consent_readers import AddressStatuses, OptOutPages
from persync_hubspot.events import V1Events, event_stream
from persync_hubspot.mail_readers import CountedPages, ListPages, RecentMails
from persync_hubspot.readers import ModelPages, OffsetTokenPages

STATS = {"includeStats": "true", "variantStats": "true", "workflowNames": "true", "marketingCampaignNames": "false"}

MARKETING_EMAILS = Stream(
    name="marketing_emails",
    path=api.EMAILS,
    params=STATS,
    record=records_mail.MarketingEmail,
    rows=mail_rows.marketing_email_rows,
    reader=RecentMails(at="results", limit=50),
    window=Refresh(days=90),
    # Whether a list is a filter is said by the list.
    needs=("lists", "list_filters"),
    scopes=("content",),
    safe=("type", "state"),
    facts=("campaigns", "personalisation", "statistics", "A/B tests"),
    unused=unused.MAIL,
)
AUTOMATED_EMAILS = Stream(
    name="automated_emails",
    facts=("campaigns", "personalisation", "statistics", "A/B tests"),
    path=api.EMAILS,
    params={**STATS, "type": "{type}"},
    record=records_mail.MarketingEmail,
    rows=mail_rows.marketing_email_rows,
    reader=CountedPages(at="results", limit=50),
    parent="account",
    needs=("lists", "list_filters"),
    scopes=("content",),
    safe=("type", "state"),
    unused=unused.MAIL,
)
EMAILS_ARCHIVED = Stream(
    name="marketing_emails_archived",
    facts=("campaigns", "deletions"),
    path=api.EMAILS,
    params={**STATS, "archived": "true"},
    record=records_mail.MarketingEmail,
    rows=mail_rows.marketing_email_rows,
    reader=CountedPages(at="results", limit=50),
    needs=("marketing_emails",),
    scopes=("content",),
    safe=("type", "state"),
    unused=unused.MAIL,
)
EMAILS_LISTED = Stream(
    name="marketing_emails_listed",
    facts=("deletions",),
    path=api.EMAILS,
    params={"includedProperties": "id"},
    record=records_mail.MailId,
    rows=mail_rows.listed_rows,
    reader=CountedPages(at="results"),
    window=Every(days=7),
    needs=("marketing_emails", "automated_emails", "marketing_emails_archived"),
    scopes=("content",),
    sweeps=Sweep("campaign", without=("marketing_campaign",)),
    unused=unused.LISTED_MAIL,
)
EMAIL_EVENTS = event_stream(V1Events())
CAMPAIGNS = Stream(
    name="campaigns",
    facts=("marketing campaigns", "budgets"),
    path=api.CAMPAIGNS,
    params={"properties": ",".join(properties.CAMPAIGN)},
    record=records_mail.MarketingCampaign,
    rows=campaign_rows.campaign_rows,
    reader=CountedPages(at="results"),
    scopes=("marketing.campaigns.read",),
    sweeps=Sweep("campaign", only=("marketing_campaign",)),
    unused=unused.CAMPAIGN,
)
CAMPAIGN_REVENUE = Stream(
    name="campaign_revenue",
    facts=("claimed revenue",),
    path=f"{api.CAMPAIGNS}/{{guid}}/reports/revenue",
    record=records_mail.RevenueReport,
    rows=campaign_rows.revenue_rows,
    reader=ModelPages(),
    key="",
    parent="campaigns",
    needs=("account",),
    scopes=("marketing.campaigns.revenue.read",),
    unused=unused.REVENUE,
)
CAMPAIGN_SPEND = Stream(
    name="campaign_spend",
    facts=("costs",),
    path=f"{api.CAMPAIGNS}/{{guid}}/budget/totals",
    record=records_mail.BudgetTotals,
    rows=campaign_rows.spend_rows,
    reader=SinglePage(),
    key="",
    parent="campaigns",
    needs=("account",),
    scopes=("marketing.campaigns.read",),
    unused=unused.SPEND,
)
CAMPAIGN_EMAILS = Stream(
    name="campaign_emails",
    facts=("e-mails of a marketing campaign",),
    path=api_mail.CAMPAIGN_EMAILS,
    record=records_mail.CampaignAsset,
    rows=campaign_rows.campaign_email_rows,
    reader=TokenPages(at="results"),
    parent="campaigns",
    # The mails say so themselves; this is for those that were deleted, or are too old to be listed.
    scopes=("marketing.campaigns.read",),
    default=False,
    unused=unused.CAMPAIGN_EMAIL,
)
EMAIL_CAMPAIGN_IDS = Stream(
    name="email_campaign_ids",
    facts=("ids of older e-mails",),
    path=f"{api.EMAIL_CAMPAIGNS_V1}/by-id",
    record=records_mail.V1EmailCampaignRef,
    rows=mail_rows.email_campaign_ref_rows,
    reader=OffsetTokenPages(at="campaigns"),
    scopes=("content",),
    default=False,
    unused=unused.V1_CAMPAIGN,
)
EMAIL_CAMPAIGNS = Stream(
    name="email_campaigns",
    facts=("ids of older e-mails",),
    path=f"{api.EMAIL_CAMPAIGNS_V1}/{{id}}",
    params={"appId": "{app}"},
    record=records_mail.V1EmailCampaign,
    rows=mail_rows.email_campaign_rows,
    reader=SinglePage(),
    parent="email_campaign_ids",
    scopes=("content",),
    default=False,
    unused=unused.V1_CAMPAIGN,
)

EMAIL_STATISTICS_BY_DAY = Stream(
    name="email_statistics_by_day",
    facts=("statistics by day",),
    path=api_mail.STATISTICS,
    record=records_mail.StatisticInterval,
    rows=mail_statistics.interval_rows,
    reader=mail_statistics.DailyStatistics(),
    window=Refresh(days=90),
    key="interval.start",
    scopes=("content",),
    default=False,
    unused=unused.STATISTICS,
)
LISTS = Stream(
    name="lists",
    path=api_mail.LIST_SEARCH,
    record=records_mail.ContactList,
    rows=list_rows.list_rows,
    reader=ListPages(),
    key="listId",
    scopes=("crm.lists.read",),
    facts=("lists",),
    unused=unused.LIST,
)
LIST_FILTERS = Stream(
    name="list_filters",
    facts=("segment rules",),
    path=api_mail.LISTS,
    params={"includeFilters": "true", "listIds": "{id}"},
    record=records_mail.ListDefinition,
    rows=list_rows.filter_rows,
    reader=SinglePage(at="lists", single=False),
    key="listId",
    parent="lists",
    scopes=("crm.lists.read",),
    unused=unused.LIST,
)
LIST_MEMBERS = Stream(
    name="list_members",
    facts=("list members",),
    path=api_mail.LIST_MEMBERS,
    record=records_mail.ListMember,
    rows=list_rows.member_rows,
    reader=CountedPages(at="results", limit=250),
    key="recordId",
    parent="lists",
    needs=("contacts",),
    scopes=("crm.lists.read", "crm.objects.contacts.read"),
    sweeps=Sweep("member", only=("list",)),
    # Lists can be many and long, and no report needs them: the events say who was sent what.
    default=False,
)
LEGACY_LISTS = Stream(
    name="legacy_lists",
    facts=("ids of older lists",),
    path=api_mail.LEGACY_LIST,
    params={"legacyListId": "{legacy}"},
    record=records_mail.ListMapping,
    rows=list_rows.legacy_rows,
    reader=SinglePage(),
    key="legacyListId",
    parent="marketing_emails",
    scopes=("crm.lists.read",),
)
SUBSCRIPTION_TYPES = Stream(
    name="subscription_types",
    facts=("kinds of consent",),
    path=api_mail.DEFINITIONS,
    record=records_mail.SubscriptionDefinition,
    rows=consent_rows.definition_rows,
    reader=SinglePage(at="results", single=False),
    scopes=("communication_preferences.read",),
    unused=unused.DEFINITION,
)
SUBSCRIPTION_OPTOUTS = Stream(
    name="subscription_optouts",
    path=api.search("contacts"),
    record=records_mail.OptOuts,
    rows=consent_rows.opt_out_rows,
    reader=OptOutPages(),
    window=Incremental(overlap=15 * MINUTE_MS, settle=2 * MINUTE_MS),
    scopes=("crm.objects.contacts.read",),
    facts=("consent by type",),
    unused=unused.CRM,
)
SUBSCRIPTION_STATUSES = Stream(
    name="subscription_statuses",
    path=api_mail.STATUSES,
    record=records_mail.SubscriptionStatus,
    rows=consent_rows.status_rows,
    reader=AddressStatuses(),
    # Three calls for a hundred people: a withdrawal is told sooner by the contact and by its event.
    window=Every(days=7, first=True),
    key="subscriberIdString",
    personal_key=True,
    safe=("status", "legalBasis", "wideStatusType"),
    scopes=("communication_preferences.statuses.batch.read", "crm.objects.contacts.read"),
    facts=("consent by type", "legal basis"),
    unused=unused.STATUS,
)
CONSENT_CHANGES = consent_log_stream(V1ConsentLog())

MAIL_STREAMS = (
    LISTS,
    LIST_FILTERS,
    LIST_MEMBERS,
    LEGACY_LISTS,
    SUBSCRIPTION_TYPES,
    SUBSCRIPTION_OPTOUTS,
    SUBSCRIPTION_STATUSES,
    CONSENT_CHANGES,
    EMAIL_STATISTICS_BY_DAY,
    MARKETING_EMAILS,
    AUTOMATED_EMAILS,
    EMAILS_ARCHIVED,
    EMAILS_LISTED,
    EMAIL_EVENTS,
    CAMPAIGNS,
    CAMPAIGN_REVENUE,
    CAMPAIGN_SPEND,
    CAMPAIGN_EMAILS,
    EMAIL_CAMPAIGN_IDS,
    EMAIL_CAMPAIGNS,
)
