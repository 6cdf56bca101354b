"""Where the marketing endpoints are, beside those of `api`: statistics, consent, lists. The version is `api.API_VERSION`."""

from __future__ import annotations

from persync_hubspot.api import API_VERSION, CAMPAIGNS, EMAILS

STATISTICS = f"{EMAILS}/statistics/histogram"
DEFINITIONS = f"/communication-preferences/{API_VERSION}/definitions"
STATUSES = f"/communication-preferences/{API_VERSION}/statuses/batch/read"
UNSUBSCRIBED_FROM_ALL = f"/communication-preferences/{API_VERSION}/statuses/batch/unsubscribe-all/read"
LISTS = f"/crm/lists/{API_VERSION}"
LIST_SEARCH = f"{LISTS}/search"
LIST_MEMBERS = f"{LISTS}/{{id}}/memberships/join-order"
LEGACY_LIST = f"{LISTS}/idmapping"
CAMPAIGN_EMAILS = f"{CAMPAIGNS}/{{guid}}/assets/MARKETING_EMAIL"
CONSENT_LOG_V1 = "/email/public/v1/subscriptions/timeline"
