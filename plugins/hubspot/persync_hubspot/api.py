"""Where things are in HubSpot's API. The version is one constant; only the v1 e-mail endpoints have none."""

from __future__ import annotations

from collections.abc import Mapping

BASE_URL = "https://api.hubapi.com"
API_VERSION = "2026-09"
SUPPORTED_UNTIL = "2028-03-01"
"""A release lives for eighteen months."""
V1_SUPPORTED_UNTIL = "2027-09-01"
"""The e-mail events and the consent log are in v1 alone; no successor has been named."""

ACCOUNT = f"/account-info/{API_VERSION}/details"
USAGE = f"/account-info/{API_VERSION}/api-usage/daily/private-apps"
EMAILS = f"/marketing/emails/{API_VERSION}"
CAMPAIGNS = f"/marketing/campaigns/{API_VERSION}"
EVENTS_V1 = "/email/public/v1/events"
EMAIL_CAMPAIGNS_V1 = "/email/public/v1/campaigns"

TYPE_IDS: Mapping[str, str] = {
    "contacts": "0-1",
    "companies": "0-2",
    "deals": "0-3",
    "tickets": "0-5",
    "products": "0-7",
    "line_items": "0-8",
    "feedback_submissions": "0-19",
    "orders": "0-123",
    "carts": "0-142",
}
"""The types of CRM objects that are read. Ids, because HubSpot's pages disagree on the names in paths (order, orders)."""


def objects(kind: str) -> str:
    """Return the path that lists CRM objects of a kind ("contacts", "deals", ...)."""
    return f"/crm/objects/{API_VERSION}/{TYPE_IDS[kind]}"


def search(kind: str) -> str:
    """Return the path that searches CRM objects of a kind."""
    return f"{objects(kind)}/search"


def batch_read(kind: str) -> str:
    """Return the path that reads CRM objects of a kind by their ids."""
    return f"{objects(kind)}/batch/read"


def associations(kind: str, to: str) -> str:
    """Return the path that reads which objects of a second kind belong to many objects of the first."""
    return f"/crm/associations/{API_VERSION}/{TYPE_IDS[kind]}/{TYPE_IDS[to]}/batch/read"


def properties(kind: str) -> str:
    """Return the path that lists the properties of a kind."""
    return f"/crm/properties/{API_VERSION}/{TYPE_IDS[kind]}"


def pipelines(kind: str) -> str:
    """Return the path that lists the pipelines of a kind, stages included."""
    return f"/crm/pipelines/{API_VERSION}/{TYPE_IDS[kind]}"
