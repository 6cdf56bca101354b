"""Where things are in HubSpot's API. The version is one constant; only the v1 e-mail endpoints have none."""

from __future__ import annotations

BASE_URL = "https://api.hubapi.com"
API_VERSION = "2026-09"

ACCOUNT = f"/account-info/{API_VERSION}/details"
EMAILS = f"/marketing/emails/{API_VERSION}"
CAMPAIGNS = f"/marketing/campaigns/{API_VERSION}"
EVENTS_V1 = "/email/public/v1/events"
EMAIL_CAMPAIGNS_V1 = "/email/public/v1/campaigns"


def objects(kind: str) -> str:
    """Return the path that lists CRM objects of a kind ("contacts", "deals", ...)."""
    return f"/crm/objects/{API_VERSION}/{kind}"


def search(kind: str) -> str:
    """Return the path that searches CRM objects of a kind."""
    return f"{objects(kind)}/search"


def associations(kind: str, to: str) -> str:
    """Return the path that reads which objects of a second kind belong to many objects of the first."""
    return f"/crm/associations/{API_VERSION}/{kind}/{to}/batch/read"


def properties(kind: str) -> str:
    """Return the path that lists the properties of a kind."""
    return f"/crm/properties/{API_VERSION}/{kind}"


def pipelines(kind: str) -> str:
    """Return the path that lists the pipelines of a kind, stages included."""
    return f"/crm/pipelines/{API_VERSION}/{kind}"
