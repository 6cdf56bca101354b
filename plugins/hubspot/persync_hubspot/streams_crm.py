"""What is read of a HubSpot account's CRM: people, deals, orders, feedback."""

from __future__ import annotations

from persync.connect.readers import SinglePage
from persync.connect.stream import MINUTE_MS, Incremental, Stream
from persync_hubspot import api, properties, records, rows
from persync_hubspot.readers import AssociationPages, ObjectPages, ObjectWindows

# New and changed records need a few moments to get into the search index.
CHANGES = Incremental(overlap=15 * MINUTE_MS, settle=2 * MINUTE_MS)
CONTACTS = ("crm.objects.contacts.read",)
DEALS = ("crm.objects.deals.read",)
ORDERS = ("crm.objects.orders.read",)

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
FEEDBACK = Stream(
    name="feedback",
    path=api.objects("feedback_submissions"),
    record=records.CrmObject,
    rows=rows.feedback_rows,
    reader=ObjectPages(at="results", properties=properties.FEEDBACK),
    scopes=("crm.objects.feedback_submissions.read",),
    default=False,
)

CRM_STREAMS = (
    ACCOUNT,
    CONTACT_PROPERTIES,
    PIPELINES,
    CONTACTS_STREAM,
    CONTACTS_ARCHIVED,
    DEALS_STREAM,
    DEAL_PEOPLE,
    DEALS_ARCHIVED,
    ORDERS_STREAM,
    ORDER_PEOPLE,
    ORDERS_ARCHIVED,
    FEEDBACK,
)
