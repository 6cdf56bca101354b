"""What is read from HubSpot, in the order in which one thing needs another."""

from __future__ import annotations

from persync.connect.readers import SinglePage, TokenPages
from persync.connect.stream import MINUTE_MS, Incremental, Refresh, Stream
from persync_hubspot import api, mail_rows, properties, records, rows
from persync_hubspot.events import V1Events, event_stream
from persync_hubspot.readers import AssociationPages, ModelPages, ObjectPages, ObjectWindows, OffsetTokenPages

# New and changed records need a few moments to get into the search index.
CHANGES = Incremental(overlap=15 * MINUTE_MS, settle=2 * MINUTE_MS)
CONTACTS = ("crm.objects.contacts.read",)
DEALS = ("crm.objects.deals.read",)
ORDERS = ("crm.objects.orders.read",)
STATS = {"includeStats": "true", "variantStats": "true", "workflowNames": "true", "marketingCampaignNames": "false"}

ACCOUNT = Stream(
    name="account", path=api.ACCOUNT, record=records.PortalDetails, rows=rows.account_rows, reader=SinglePage(), key="portalId"
)

CONTACT_PROPERTIES = Stream(
    name="contact_properties",
    path=api.properties("contacts"),
    record=records.PropertyRecord,
    rows=rows.property_rows,
    reader=SinglePage(at="results", single=False),
    key="name",
    scopes=CONTACTS,
)
PIPELINES = Stream(
    name="deal_pipelines",
    path=api.pipelines("deals"),
    record=records.Pipeline,
    rows=rows.pipeline_rows,
    reader=SinglePage(at="results", single=False),
    scopes=DEALS,
)


def _changed(name: str, names: tuple[str, ...], modified: str, associations: str = "", opted_in: bool = False) -> ObjectWindows:
    """Return the reader of a kind of object: everything from the list at first, then what changed from the search."""
    listed = ObjectPages(at="results", properties=names, associations=associations, opted_in=opted_in)
    return ObjectWindows(
        list_reader=listed, search_path=api.search(name), modified=modified, properties=names, opted_in=opted_in
    )


def _archived(names: tuple[str, ...]) -> ObjectPages:
    """Return the reader of deleted objects: deleting moves no modified date, so no search can see it."""
    return ObjectPages(at="results", properties=names, archived=True)


CONTACTS_STREAM = Stream(
    name="contacts",
    path=api.objects("contacts"),
    record=records.CrmObject,
    rows=rows.contact_rows,
    reader=_changed("contacts", properties.CONTACT, "lastmodifieddate", opted_in=True),
    window=CHANGES,
    scopes=CONTACTS,
)
CONTACTS_ARCHIVED = Stream(
    name="contacts_archived",
    path=api.objects("contacts"),
    record=records.CrmObject,
    rows=rows.archived_contact_rows,
    reader=_archived(("email",)),
    scopes=CONTACTS,
)
DEALS_STREAM = Stream(
    name="deals",
    path=api.objects("deals"),
    record=records.CrmObject,
    rows=rows.deal_rows,
    reader=_changed("deals", properties.DEAL, "hs_lastmodifieddate", associations="contacts"),
    window=CHANGES,
    needs=("account", "deal_pipelines"),
    scopes=DEALS,
)
DEAL_PEOPLE = Stream(
    name="deal_people",
    path=api.associations("deals", "contacts"),
    record=records.ObjectAssociations,
    rows=rows.order_people_rows,
    reader=AssociationPages("deals", "contacts", also="hs_is_closed"),
    key="from.id",
    needs=("deals",),
    scopes=(*DEALS, *CONTACTS),
)
DEALS_ARCHIVED = Stream(
    name="deals_archived",
    path=api.objects("deals"),
    record=records.CrmObject,
    rows=rows.archived_deal_rows,
    reader=_archived(("deal_currency_code",)),
    needs=("account", "deals"),
    scopes=DEALS,
)
ORDERS_STREAM = Stream(
    name="orders",
    path=api.objects("orders"),
    record=records.CrmObject,
    rows=rows.order_rows,
    reader=_changed("orders", properties.ORDER, "hs_lastmodifieddate", associations="contacts"),
    window=CHANGES,
    needs=("account",),
    scopes=ORDERS,
)
ORDER_PEOPLE = Stream(
    name="order_people",
    path=api.associations("orders", "contacts"),
    record=records.ObjectAssociations,
    rows=rows.order_people_rows,
    reader=AssociationPages("orders", "contacts"),
    key="from.id",
    needs=("orders",),
    scopes=(*ORDERS, *CONTACTS),
)
ORDERS_ARCHIVED = Stream(
    name="orders_archived",
    path=api.objects("orders"),
    record=records.CrmObject,
    rows=rows.archived_order_rows,
    reader=_archived(("hs_external_order_id", "hs_source_store", "hs_order_name", "hs_currency_code")),
    needs=("account", "orders"),
    scopes=ORDERS,
)
MARKETING_EMAILS = Stream(
    name="marketing_emails",
    path=api.EMAILS,
    params=STATS,
    record=records.MarketingEmail,
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
    record=records.MarketingEmail,
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
    record=records.MarketingEmail,
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
    record=records.MarketingCampaign,
    rows=rows.campaign_rows,
    reader=TokenPages(at="results"),
    scopes=("marketing.campaigns.read",),
)
CAMPAIGN_REVENUE = Stream(
    name="campaign_revenue",
    path=f"{api.CAMPAIGNS}/{{guid}}/reports/revenue",
    record=records.RevenueReport,
    rows=rows.revenue_rows,
    reader=ModelPages(),
    key="",
    parent="campaigns",
    needs=("account",),
    scopes=("marketing.campaigns.revenue.read",),
)
CAMPAIGN_SPEND = Stream(
    name="campaign_spend",
    path=f"{api.CAMPAIGNS}/{{guid}}/budget/totals",
    record=records.BudgetTotals,
    rows=rows.spend_rows,
    reader=SinglePage(),
    key="",
    parent="campaigns",
    needs=("account",),
    scopes=("marketing.campaigns.read",),
)
FEEDBACK = Stream(
    name="feedback",
    path=api.objects("feedback_submissions"),
    record=records.CrmObject,
    rows=rows.feedback_rows,
    reader=ObjectPages(at="results", properties=properties.FEEDBACK),
    scopes=("crm.objects.feedback_submissions.read",),
    default=False,
)
EMAIL_CAMPAIGN_IDS = Stream(
    name="email_campaign_ids",
    path=f"{api.EMAIL_CAMPAIGNS_V1}/by-id",
    record=records.V1EmailCampaignRef,
    rows=mail_rows.email_campaign_ref_rows,
    reader=OffsetTokenPages(at="campaigns"),
    scopes=("content",),
    default=False,
)
EMAIL_CAMPAIGNS = Stream(
    name="email_campaigns",
    path=f"{api.EMAIL_CAMPAIGNS_V1}/{{id}}",
    params={"appId": "{app}"},
    record=records.V1EmailCampaign,
    rows=mail_rows.email_campaign_rows,
    reader=SinglePage(),
    parent="email_campaign_ids",
    scopes=("content",),
    default=False,
)

STREAMS = (
    ACCOUNT,
    CONTACT_PROPERTIES,
    PIPELINES,
    CONTACTS_STREAM,
    CONTACTS_ARCHIVED,
    MARKETING_EMAILS,
    AUTOMATED_EMAILS,
    EMAILS_ARCHIVED,
    EMAIL_EVENTS,
    DEALS_STREAM,
    DEAL_PEOPLE,
    DEALS_ARCHIVED,
    ORDERS_STREAM,
    ORDER_PEOPLE,
    ORDERS_ARCHIVED,
    CAMPAIGNS,
    CAMPAIGN_REVENUE,
    CAMPAIGN_SPEND,
    FEEDBACK,
    EMAIL_CAMPAIGN_IDS,
    EMAIL_CAMPAIGNS,
)
