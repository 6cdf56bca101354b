"""Which properties are asked for, and how their values are read: HubSpot sends every value as a string or null.

"false" is a string like any other, "" and null both mean nothing, a misspelt name is ignored without a word. So nothing
here is ever taken by truthiness, and names can be held against what the account really has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from persync.errors import RecordError, nearest
from persync.money import to_minor

Properties = Mapping[str, str | None]

STAGE_DATES = {
    "hs_v2_date_entered_subscriber": "subscriber",
    "hs_v2_date_entered_lead": "lead",
    "hs_v2_date_entered_marketingqualifiedlead": "marketingqualifiedlead",
    "hs_v2_date_entered_salesqualifiedlead": "salesqualifiedlead",
    "hs_v2_date_entered_opportunity": "opportunity",
    "hs_v2_date_entered_customer": "customer",
    "first_conversion_date": "first_conversion",
}
"""The property that says when a contact entered a stage. `first_conversion` stands in for accounts that keep no leads."""

CONTACT = (
    "email",
    "hs_additional_emails",
    "createdate",
    "lifecyclestage",
    "hs_analytics_source",
    "hs_analytics_first_timestamp",
    "hs_email_optout",
    "hs_legal_basis",
    "hs_merged_object_ids",
    "hs_calculated_merged_vids",
    *STAGE_DATES,
)
COMPANY = ("createdate", "lifecyclestage", "industry", "country", "hs_country_code", "numberofemployees")
DEAL = (
    "amount",
    "amount_in_home_currency",
    "deal_currency_code",
    "closedate",
    "createdate",
    "dealstage",
    "pipeline",
    "hs_is_closed",
    "hs_is_closed_won",
    "hs_merged_object_ids",
)
ORDER = (
    "hs_external_order_id",
    "hs_order_name",
    "hs_source_store",
    "hs_total_price",
    "hs_currency_code",
    "hs_external_created_date",
    "hs_createdate",
    "hs_external_order_status",
    "hs_closed_date",
    "hs_lastmodifieddate",
)
CART = (
    "hs_external_cart_id",
    "hs_external_status",
    "hs_source_store",
    "hs_total_price",
    "hs_currency_code",
    "hs_external_created_date",
    "hs_createdate",
    "hs_lastmodifieddate",
)
LINE_ITEM = (
    "quantity",
    "price",
    "amount",
    "hs_product_id",
    "hs_sku",
    "hs_cost_of_goods_sold",
    "hs_line_item_currency_code",
)
PRODUCT = ("name", "hs_sku", "hs_cost_of_goods_sold", "hs_product_type", "hs_status", "createdate")
TICKET = (
    "createdate",
    "closed_date",
    "first_agent_reply_date",
    "hs_pipeline",
    "hs_pipeline_stage",
    "hs_ticket_category",
    "hs_ticket_priority",
    "source_type",
)
FEEDBACK = (
    "hs_survey_type",
    "hs_survey_id",
    "hs_survey_channel",
    "hs_value",
    "hs_response_group",
    "hs_submission_timestamp",
    "hs_contact_id",
    "hs_ticket_id",
)

CAMPAIGN = ("hs_name", "hs_campaign_status", "hs_currency_code", "hs_start_date", "hs_end_date")

ASKED: Mapping[str, tuple[str, ...]] = {
    "contacts": CONTACT,
    "companies": COMPANY,
    "deals": DEAL,
    "orders": ORDER,
    "carts": CART,
    "line_items": LINE_ITEM,
    "products": PRODUCT,
    "tickets": TICKET,
    "feedback_submissions": FEEDBACK,
}
"""What is asked for of each type; an account that lacks one of these is told so by `persync doctor`."""

IDENTIFYING = frozenset(
    {
        "address",
        "email",
        "fax",
        "firstname",
        "hs_additional_emails",
        "hs_calculated_mobile_number",
        "hs_calculated_phone_number",
        "hs_email_domain",
        "hs_full_name_or_email",
        "hs_latitude",
        "hs_longitude",
        "hs_linkedin_url",
        "hs_searchable_calculated_phone_number",
        "ip_address",
        "ip_city",
        "ip_latlon",
        "ip_zipcode",
        "lastname",
        "linkedinbio",
        "mobilephone",
        "phone",
        "photo",
        "salutation",
        "twitterhandle",
        "website",
        "work_email",
    }
)
"""Properties that name or locate a person; they are never kept, whatever the settings say."""

_SIZES = ((10, "1-9"), (50, "10-49"), (250, "50-249"))


def modified_of(kind: str) -> str:
    """Return the property that says when an object of a type last changed: contacts have one of their own."""
    return "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"


def text(values: Properties, name: str) -> str | None:
    """Return a value, None when it is absent, null or empty."""
    return values.get(name) or None


def flag(values: Properties, name: str) -> bool | None:
    """Read "true" or "false"; None when there is nothing. Raise RecordError on anything else."""
    value = text(values, name)
    if value is None:
        return None
    if value not in ("true", "false"):
        raise RecordError(f"{name} is neither true nor false.", field=f"properties.{name}")
    return value == "true"


def moment(values: Properties, name: str) -> int | None:
    """Read a time as epoch milliseconds: ISO 8601, a date (midnight UTC), or milliseconds in a string."""
    value = text(values, name)
    return None if value is None else millis(value, f"properties.{name}")


def millis(value: str, field: str) -> int:
    """Turn ISO 8601, a date or a string of milliseconds into epoch milliseconds. Raise RecordError on anything else."""
    try:
        if value.isdigit():
            return int(value)
        at = datetime.fromisoformat(value)
    except ValueError:
        raise RecordError("not a time in ISO 8601.", field=field) from None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    # Integer arithmetic: timestamp() is a float and loses a millisecond here and there.
    since = at - _EPOCH
    return since.days * 86_400_000 + since.seconds * 1_000 + since.microseconds // 1_000


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def amount(values: Properties, name: str, currency: str) -> int | None:
    """Read money in minor units of a currency; None when there is nothing."""
    value = text(values, name)
    if value is None:
        return None
    try:
        return to_minor(value, currency)
    except ValueError:
        raise RecordError("not an amount of money.", field=f"properties.{name}") from None


def number(values: Properties, name: str) -> float | None:
    """Read a number; None when there is nothing."""
    value = text(values, name)
    if value is None:
        return None
    try:
        found = Decimal(value)
    except InvalidOperation:
        raise RecordError("not a number.", field=f"properties.{name}") from None
    if not found.is_finite():
        raise RecordError("not a number.", field=f"properties.{name}")
    return float(found)


def several(values: Properties, name: str) -> list[str]:
    """Split a multi-select value, which HubSpot joins with semicolons."""
    return [part.strip() for part in (values.get(name) or "").split(";") if part.strip()]


def size_band(employees: float | None) -> str | None:
    """Return a company's size as a band."""
    if employees is None or employees < 1:
        return None
    return next((band for limit, band in _SIZES if employees < limit), "250+")


def with_opted_in(names: tuple[str, ...], attributes: Iterable[str]) -> tuple[str, ...]:
    """Return property names followed by the attributes the user opted in to, each once."""
    return tuple(dict.fromkeys((*names, *attributes)))


def unknown(asked: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return one sentence for each name the account does not have: HubSpot itself would leave it out without a word."""
    have = sorted(known)
    found = set(have)
    return [f"property '{name}' does not exist here. {nearest(name, have)[:200]}" for name in asked if name not in found]
