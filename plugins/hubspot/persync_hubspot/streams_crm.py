"""What is read of a HubSpot account's CRM: people, companies, deals, orders, carts, tickets, feedback."""

from __future__ import annotations

from typing import Any

from persync.connect.readers import SinglePage
from persync.connect.stream import MINUTE_MS, Every, Incremental, Stream, Sweep
from persync_hubspot import api, properties, records, rows, sale_rows, service_rows, unused
from persync_hubspot.association_readers import SETTLE, Associations
from persync_hubspot.crm_readers import Objects
from persync_hubspot.property_reader import PropertyPages

CHANGES = Incremental(overlap=15 * MINUTE_MS, settle=SETTLE)
# Neither an association nor a value that HubSpot computes is sure to move the modified date: where these come with the record,
# the last month is read again once a day.
REREAD = Incremental(overlap=15 * MINUTE_MS, settle=SETTLE, lookback_days=30)
PEOPLE = Incremental(overlap=15 * MINUTE_MS)
RECONCILED = Every(7)
"""How often all ids are listed: what was deleted for good, or long ago, only vanishes."""

CONTACTS = ("crm.objects.contacts.read",)
COMPANIES = ("crm.objects.companies.read",)
DEALS = ("crm.objects.deals.read",)
ORDERS = ("crm.objects.orders.read",)
CARTS = ("crm.objects.carts.read",)
LINE_ITEMS = ("crm.objects.line_items.read",)
PRODUCTS = ("crm.objects.products.read",)
TICKETS = ("tickets",)
FEEDBACK_SUBMISSIONS = ("crm.objects.feedback_submissions.read",)


def _stream(name: str, row_function: records.Rows, reader: Objects, record: Any = records.CrmObject, **more: Any) -> Stream:
    """Return a stream of CRM objects of the reader's type."""
    path = api.objects(reader.kind)
    return Stream(name=name, path=path, record=record, rows=row_function, reader=reader, unused=unused.CRM, **more)


def _archived(kind: str, row_function: records.Rows, names: tuple[str, ...], scopes: tuple[str, ...]) -> Stream:
    """Return the stream of what was deleted in the last 90 days: deleting moves no modified date, no search can see it."""
    reader = Objects(kind, properties=names, archived=True)
    return _stream(f"{kind}_archived", row_function, reader, needs=("account", kind), scopes=scopes, facts=("deletions",))


def _ids(kind: str, what: Sweep, scopes: tuple[str, ...]) -> Stream:
    """Return the stream of all ids of a type: what it does not name is gone."""
    return _stream(
        f"{kind}_ids",
        rows.present_rows,
        Objects(kind),
        records.ObjectId,
        window=RECONCILED,
        sweeps=what,
        needs=(kind, f"{kind}_archived"),
        scopes=scopes,
        facts=("deletions",),
    )


ACCOUNT = Stream(
    name="account",
    facts=("account", "currency", "time zone"),
    path=api.ACCOUNT,
    record=records.PortalDetails,
    rows=rows.account_rows,
    reader=SinglePage(),
    key="portalId",
    unused=unused.ACCOUNT,
)
CONTACT_PROPERTIES = Stream(
    name="contact_properties",
    facts=("field names",),
    path=api.properties("contacts"),
    record=records.PropertyRecord,
    rows=rows.property_rows,
    reader=PropertyPages(),
    key="name",
    scopes=CONTACTS,
    unused=unused.PROPERTY,
)
PIPELINES = Stream(
    name="deal_pipelines",
    facts=("deal stages",),
    path=api.pipelines("deals"),
    record=records.Pipeline,
    rows=rows.pipeline_rows,
    reader=SinglePage(at="results", single=False),
    scopes=DEALS,
    unused=unused.PIPELINE,
)

# Contacts before all that names them by their id alone: by the contact's own record somebody who was erased is recognised.
CONTACTS_STREAM = _stream(
    "contacts",
    rows.contact_rows,
    Objects("contacts", properties=properties.CONTACT, opted_in=True),
    window=CHANGES,
    needs=("contact_properties",),
    scopes=CONTACTS,
    facts=("people", "consent", "stages", "merges"),
)
CONTACT_STAGES = _stream(
    "contact_stages",
    rows.history_rows,
    Objects("contacts", history=("lifecyclestage",)),
    records.ContactHistory,
    window=CHANGES,
    needs=("contacts",),
    scopes=CONTACTS,
    facts=("stage history",),
)
CONTACT_COMPANIES = _stream(
    "contact_companies",
    rows.contact_company_rows,
    Objects("contacts", links=("companies",)),
    records.LinkedObject,
    window=REREAD,
    needs=("contacts",),
    scopes=(*CONTACTS, *COMPANIES),
    facts=("company members",),
)
CONTACTS_ARCHIVED = _archived("contacts", rows.archived_contact_rows, ("email", "hs_additional_emails", "createdate"), CONTACTS)
CONTACT_IDS = _ids("contacts", Sweep("contact"), CONTACTS)

COMPANIES_STREAM = _stream(
    "companies",
    service_rows.company_rows,
    Objects("companies", properties=properties.COMPANY),
    window=CHANGES,
    scopes=COMPANIES,
    facts=("companies",),
)
COMPANIES_ARCHIVED = _archived("companies", sale_rows.archived_thing_rows("company"), ("hs_object_id",), COMPANIES)
COMPANY_IDS = _ids("companies", Sweep("company"), COMPANIES)

DEALS_STREAM = _stream(
    "deals",
    sale_rows.deal_rows,
    Objects("deals", properties=properties.DEAL, links=("contacts",), relink=False),
    window=REREAD,
    needs=("account", "contacts", "deal_pipelines"),
    scopes=DEALS,
    facts=("deals", "revenue", "merges"),
)
DEAL_PEOPLE = Stream(
    name="deal_people",
    path=api.associations("deals", "contacts"),
    record=records.ObjectAssociations,
    rows=sale_rows.order_people_rows,
    reader=Associations("deals", "contacts", also="hs_is_closed"),
    key="from.id",
    window=PEOPLE,
    needs=("deals",),
    scopes=(*DEALS, *CONTACTS),
    facts=("people on deals",),
)
DEALS_ARCHIVED = _archived("deals", sale_rows.archived_deal_rows, ("deal_currency_code",), DEALS)
DEAL_IDS = _ids("deals", Sweep("order", only=("deal",)), DEALS)

ORDERS_STREAM = _stream(
    "orders",
    sale_rows.order_rows,
    Objects("orders", properties=properties.ORDER, links=("contacts",), relink=False),
    window=CHANGES,
    needs=("account", "contacts"),
    scopes=ORDERS,
    facts=("orders", "revenue"),
)
ORDER_PEOPLE = Stream(
    name="order_people",
    path=api.associations("orders", "contacts"),
    record=records.ObjectAssociations,
    rows=sale_rows.order_people_rows,
    reader=Associations("orders", "contacts"),
    key="from.id",
    window=PEOPLE,
    needs=("orders",),
    scopes=(*ORDERS, *CONTACTS),
    facts=("people on orders",),
)
ORDERS_ARCHIVED = _archived(
    "orders",
    sale_rows.archived_order_rows,
    ("hs_external_order_id", "hs_source_store", "hs_order_name", "hs_currency_code"),
    ORDERS,
)
ORDER_IDS = _ids("orders", Sweep("order", only=("order",)), ORDERS)

CARTS_STREAM = _stream(
    "carts",
    sale_rows.cart_rows,
    Objects("carts", properties=properties.CART, links=("contacts",)),
    window=REREAD,
    needs=("account", "contacts"),
    scopes=CARTS,
    facts=("carts",),
)
CARTS_ARCHIVED = _archived("carts", sale_rows.archived_thing_rows("cart"), ("hs_object_id",), CARTS)
CART_IDS = _ids("carts", Sweep("cart"), CARTS)

LINE_ITEMS_STREAM = _stream(
    "line_items",
    sale_rows.line_item_rows,
    Objects("line_items", properties=properties.LINE_ITEM, links=("orders", "deals")),
    window=REREAD,
    needs=("account", "orders", "deals"),
    scopes=(*LINE_ITEMS, *ORDERS, *DEALS),
    facts=("order lines", "unit costs"),
)
PRODUCTS_STREAM = _stream(
    "products",
    sale_rows.product_rows,
    Objects("products", properties=properties.PRODUCT),
    window=CHANGES,
    needs=("account",),
    scopes=PRODUCTS,
    facts=("products", "unit costs"),
)

TICKETS_STREAM = _stream(
    "tickets",
    service_rows.ticket_rows,
    Objects("tickets", properties=properties.TICKET, links=("contacts",)),
    window=REREAD,
    needs=("contacts",),
    scopes=TICKETS,
    facts=("tickets",),
)
TICKETS_ARCHIVED = _archived("tickets", sale_rows.archived_thing_rows("ticket"), ("hs_object_id",), TICKETS)
TICKET_IDS = _ids("tickets", Sweep("ticket"), TICKETS)

FEEDBACK = _stream(
    "feedback",
    service_rows.feedback_rows,
    Objects("feedback_submissions", properties=properties.FEEDBACK, links=("contacts",)),
    window=REREAD,
    needs=("contacts",),
    scopes=FEEDBACK_SUBMISSIONS,
    facts=("surveys",),
)

CRM_STREAMS = (
    ACCOUNT,
    CONTACT_PROPERTIES,
    PIPELINES,
    CONTACTS_STREAM,
    CONTACT_STAGES,
    CONTACT_COMPANIES,
    CONTACTS_ARCHIVED,
    CONTACT_IDS,
    COMPANIES_STREAM,
    COMPANIES_ARCHIVED,
    COMPANY_IDS,
    DEALS_STREAM,
    DEAL_PEOPLE,
    DEALS_ARCHIVED,
    DEAL_IDS,
    ORDERS_STREAM,
    ORDER_PEOPLE,
    ORDERS_ARCHIVED,
    ORDER_IDS,
    CARTS_STREAM,
    CARTS_ARCHIVED,
    CART_IDS,
    LINE_ITEMS_STREAM,
    PRODUCTS_STREAM,
    TICKETS_STREAM,
    TICKETS_ARCHIVED,
    TICKET_IDS,
    FEEDBACK,
)
