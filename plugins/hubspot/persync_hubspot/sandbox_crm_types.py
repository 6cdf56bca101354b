"""The types of the imitated CRM: which properties each has, and what HubSpot shows of it unasked."""

from __future__ import annotations

from collections.abc import Mapping

from persync_hubspot import api
from persync_hubspot.properties import STAGE_DATES, modified_of
from persync_hubspot.sandbox_consent import PROPERTIES as CONSENT
from persync_hubspot.sandbox_wire import Refusal

TEXT, NUMBER, TIME, DATE, CHOICE, FLAG = "string", "number", "datetime", "date", "enumeration", "bool"

PROPERTIES: Mapping[str, Mapping[str, str]] = {
    "contacts": {
        "email": TEXT,
        "hs_additional_emails": TEXT,
        "firstname": TEXT,
        "lastname": TEXT,
        "createdate": TIME,
        "lastmodifieddate": TIME,
        "hs_object_id": NUMBER,
        "lifecyclestage": CHOICE,
        "hs_analytics_source": CHOICE,
        "hs_analytics_first_timestamp": TIME,
        "hs_email_optout": FLAG,
        "hs_legal_basis": CHOICE,
        "hs_merged_object_ids": TEXT,
        "hs_calculated_merged_vids": TEXT,
        "hs_language": CHOICE,
        "country": TEXT,
        "city": TEXT,
        "zip": TEXT,
        "gender": TEXT,
        "date_of_birth": DATE,
        "age_band": CHOICE,
        "dietary_need": TEXT,
        "health_note": TEXT,
        **dict.fromkeys(STAGE_DATES, TIME),
        **CONSENT,
    },
    "companies": {
        "name": TEXT,
        "domain": TEXT,
        "createdate": TIME,
        "hs_lastmodifieddate": TIME,
        "hs_object_id": NUMBER,
        "lifecyclestage": CHOICE,
        "industry": CHOICE,
        "country": TEXT,
        "hs_country_code": TEXT,
        "numberofemployees": NUMBER,
    },
    "deals": {
        "amount": NUMBER,
        "amount_in_home_currency": NUMBER,
        "deal_currency_code": CHOICE,
        "hs_exchange_rate": NUMBER,
        "closedate": TIME,
        "createdate": TIME,
        "dealname": TEXT,
        "dealstage": CHOICE,
        "pipeline": CHOICE,
        "hs_is_closed": FLAG,
        "hs_is_closed_won": FLAG,
        "hs_lastmodifieddate": TIME,
        "hs_merged_object_ids": TEXT,
        "hs_object_id": NUMBER,
    },
    "orders": {
        "hs_external_order_id": TEXT,
        "hs_order_name": TEXT,
        "hs_source_store": TEXT,
        "hs_total_price": NUMBER,
        "hs_currency_code": CHOICE,
        "hs_external_created_date": TIME,
        "hs_external_order_status": TEXT,
        "hs_closed_date": TIME,
        "hs_createdate": TIME,
        "hs_lastmodifieddate": TIME,
        "hs_pipeline": CHOICE,
        "hs_object_id": NUMBER,
    },
    "carts": {
        "hs_cart_name": TEXT,
        "hs_external_cart_id": TEXT,
        "hs_external_status": TEXT,
        "hs_source_store": TEXT,
        "hs_total_price": NUMBER,
        "hs_currency_code": CHOICE,
        "hs_cart_discount": NUMBER,
        "hs_tax": NUMBER,
        "hs_shipping_cost": NUMBER,
        "hs_tags": TEXT,
        "hs_external_created_date": TIME,
        "hs_createdate": TIME,
        "hs_lastmodifieddate": TIME,
        "hs_object_id": NUMBER,
    },
    "line_items": {
        "name": TEXT,
        "quantity": NUMBER,
        "price": NUMBER,
        "amount": NUMBER,
        "discount": NUMBER,
        "hs_product_id": NUMBER,
        "hs_sku": TEXT,
        "hs_cost_of_goods_sold": NUMBER,
        "hs_line_item_currency_code": CHOICE,
        "createdate": TIME,
        "hs_lastmodifieddate": TIME,
        "hs_object_id": NUMBER,
    },
    "products": {
        "name": TEXT,
        "price": NUMBER,
        "hs_sku": TEXT,
        "hs_cost_of_goods_sold": NUMBER,
        "hs_product_type": CHOICE,
        "hs_status": CHOICE,
        "createdate": TIME,
        "hs_lastmodifieddate": TIME,
        "hs_object_id": NUMBER,
    },
    "tickets": {
        "subject": TEXT,
        "content": TEXT,
        "createdate": TIME,
        "closed_date": TIME,
        "first_agent_reply_date": TIME,
        "hs_pipeline": CHOICE,
        "hs_pipeline_stage": CHOICE,
        "hs_ticket_category": CHOICE,
        "hs_ticket_priority": CHOICE,
        "source_type": CHOICE,
        "hs_lastmodifieddate": TIME,
        "hs_object_id": NUMBER,
    },
    "feedback_submissions": {
        "hs_content": TEXT,
        "hs_submission_name": TEXT,
        "hs_response_group": CHOICE,
        "hs_survey_channel": CHOICE,
        "hs_survey_id": NUMBER,
        "hs_survey_name": TEXT,
        "hs_survey_type": CHOICE,
        "hs_value": NUMBER,
        "hs_submission_timestamp": TIME,
        "hs_contact_id": NUMBER,
        "hs_ticket_id": NUMBER,
        "hs_createdate": TIME,
        "hs_lastmodifieddate": TIME,
        "hs_object_id": NUMBER,
    },
}
"""Every property of each type with its own type."""

DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "contacts": ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"),
    "companies": ("createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"),
    "deals": ("amount", "closedate", "createdate", "dealname", "dealstage", "hs_lastmodifieddate", "hs_object_id", "pipeline"),
    "orders": ("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
    "carts": ("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
    "line_items": ("createdate", "hs_lastmodifieddate", "hs_object_id", "hs_product_id", "quantity"),
    "products": ("createdate", "hs_lastmodifieddate", "hs_object_id", "name", "price"),
    "tickets": ("content", "createdate", "hs_lastmodifieddate", "hs_object_id", "hs_pipeline", "hs_pipeline_stage", "subject"),
    "feedback_submissions": ("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
}
"""What comes when no property is asked for."""

SENSITIVITY = {"dietary_need": "sensitive", "health_note": "highly_sensitive"}
"""Custom properties that HubSpot lists only when their sensitivity is asked for."""
CUSTOM = frozenset({"age_band", *SENSITIVITY})

OPTIONS = {
    "lifecyclestage": (
        ("subscriber", "Subscriber"),
        ("lead", "Lead"),
        ("marketingqualifiedlead", "Marketing qualified lead"),
        ("salesqualifiedlead", "Sales qualified lead"),
        ("opportunity", "Opportunity"),
        ("customer", "Customer"),
        ("94837261", "Club member"),
    )
}
"""The choices of the properties that have a list of them; an account may add its own, named by a number."""

SINGULAR = {
    "contacts": "contact",
    "companies": "company",
    "deals": "deal",
    "orders": "order",
    "carts": "cart",
    "line_items": "line_item",
    "products": "product",
    "tickets": "ticket",
    "feedback_submissions": "feedback_submission",
}
ASSOCIATION_TYPES = {
    ("contacts", "companies"): 1,
    ("deals", "contacts"): 3,
    ("contacts", "deals"): 4,
    ("tickets", "contacts"): 16,
    ("deals", "line_items"): 19,
    ("line_items", "deals"): 20,
    ("orders", "contacts"): 507,
    ("contacts", "orders"): 508,
    ("line_items", "orders"): 514,
    ("orders", "line_items"): 513,
    ("carts", "contacts"): 586,
}
"""The number of each association; 0 stands for one that nobody here reads."""

STAGES = {
    "appointmentscheduled": ("Appointment scheduled", "false", "0.2"),
    "qualifiedtobuy": ("Qualified to buy", "false", "0.4"),
    "contractsent": ("Contract sent", "false", "0.9"),
    "closedwon": ("Closed won", "true", "1.0"),
    "closedlost": ("Closed lost", "true", "0.0"),
}
"""The deal pipeline: label, isClosed and probability of each stage, strings all of them."""
PIPELINE = "default"
ORDER_PIPELINE = "14a2e10e-5471-408a-906e-c51f3b04369e"

_NAMES = {type_id: name for name, type_id in api.TYPE_IDS.items()}


def kind_of(text: str) -> str:
    """Return the type that a path or parameter means, by name or by id; refuse what is neither."""
    kind = _NAMES.get(text, text)
    if kind not in PROPERTIES:
        raise Refusal(400, f"Unable to infer object type from: {text[:40]}", "VALIDATION_ERROR")
    return kind


def always(kind: str) -> tuple[str, ...]:
    """Return the properties that come whatever is asked for."""
    created = "createdate" if "createdate" in PROPERTIES[kind] else "hs_createdate"
    return (created, "hs_object_id", modified_of(kind))


def shown_names(kind: str, names: list[str], *, asked: bool) -> tuple[str, ...]:
    """Return which properties are shown; a name that does not exist is left out without a word."""
    if not asked:
        return DEFAULTS[kind]
    return tuple(dict.fromkeys(name for name in (*names, *always(kind)) if name in PROPERTIES[kind]))
