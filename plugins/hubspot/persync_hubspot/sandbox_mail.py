"""The imitated marketing side: e-mails with statistics, and campaigns with reports."""

from __future__ import annotations

import base64
from operator import itemgetter
from typing import Any

from persync.money import from_minor
from persync.sandbox.world import Message, World
from persync_hubspot.properties import millis
from persync_hubspot.readers import MODELS
from persync_hubspot.sandbox_consent import MARKETING, TYPES
from persync_hubspot.sandbox_lists import EVERYBODY
from persync_hubspot.sandbox_mail_stats import DAY, histogram, statistics
from persync_hubspot.sandbox_wire import Query, Refusal, first, iso, listed, page_size

PAGE_MOST = 100
SCHEDULED_DAYS = 100
SORTED_BY = ("name", "createdAt", "updatedAt")


class Mail:
    """What a world's HubSpot account sent, and how it reports on it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._messages = [message for message in world.messages if message.platform == "hubspot"]
        self._campaigns = {str(campaign["guid"]): campaign for campaign in world.hubspot_campaigns}

    # -- marketing e-mails ---------------------------------------------------------------------------------------------

    def emails(self, query: Query) -> dict[str, Any]:
        """Answer the list of marketing e-mails, with statistics when they are asked for."""
        limit = page_size(first(query, "limit"), default=10, most=PAGE_MOST)
        archived = first(query, "archived") == "true"
        found = [self._email(one, query) for one in self._messages if (one.deleted_at is not None) == archived]
        kind = first(query, "type")
        if kind:
            found = [email for email in found if email["type"] == kind]
        if first(query, "isPublished"):
            found = [email for email in found if email["isPublished"] == (first(query, "isPublished") == "true")]
        for name, field in (("updatedAfter", "updatedAt"), ("publishedAfter", "publishedAt")):
            if since := first(query, name):
                found = [one for one in found if field in one and millis(one[field], field) > millis(since, name)]
        for order in listed(query, "sort"):
            name = order.removeprefix("-")
            if name not in SORTED_BY:
                raise Refusal(400, f"Invalid input: mails are not sorted by {name[:40]}", "VALIDATION_ERROR")
            found.sort(key=itemgetter(name), reverse=order.startswith("-"))
        names = listed(query, "includedProperties")
        if names:
            found = [{name: value for name, value in email.items() if name in (*names, "id", "isAb")} for email in found]
        return _page(found, first(query, "after"), limit)

    def _email(self, message: Message, query: Query) -> dict[str, Any]:
        automated = message.kind.startswith("AUTOMATED")
        published = message.sent_at is not None
        campaign = self._campaigns.get(message.campaign_guid or "")
        # Publishing sets the change date, but a mail that was scheduled long before goes out by itself.
        was_scheduled = message.sent_at is not None and message.sent_at - message.created_at > SCHEDULED_DAYS * DAY
        updated = max(message.created_at, 0 if was_scheduled else message.sent_at or 0, message.deleted_at or 0)
        email: dict[str, Any] = {
            "id": message.id,
            "name": message.title,
            "subject": message.subject,
            "type": message.kind,
            "subcategory": "automated" if automated else "batch",
            "state": ("AUTOMATED" if automated else "PUBLISHED") if published else "DRAFT",
            "isPublished": published,
            "isAb": message.test is not None,
            "isTransactional": False,
            "archived": message.deleted_at is not None,
            "language": "en",
            "allEmailCampaignIds": list(message.email_campaign_ids) if published else [],
            "createdAt": iso(message.created_at),
            "updatedAt": iso(updated),
            "subscriptionDetails": {"subscriptionId": str(MARKETING), "subscriptionName": TYPES[MARKETING]},
            "to": {
                **_target(message),
                "contactIds": {"include": [], "exclude": []},
                "limitSendFrequency": False,
                "suppressGraymail": False,
            },
        }
        if message.email_campaign_ids and published:
            email["primaryEmailCampaignId"] = message.email_campaign_ids[0]
        if message.sent_at is not None:
            email["publishDate"] = email["publishedAt"] = iso(message.sent_at)
        if message.deleted_at is not None:
            email["deletedAt"] = iso(message.deleted_at)
        if message.test is not None:
            email["testing"] = _testing(message.test)
        if campaign is not None:
            email |= {"campaign": campaign["guid"], "campaignName": campaign["name"]}
        if first(query, "workflowNames") == "true":
            email["workflowNames"] = [message.workflow] if message.workflow else []
        if message.html:
            email["content"] = {
                "templatePath": "@hubspot/email/dnd/plain_text.html",
                "plainTextVersion": "{{ site_settings.company_name }}",
                "widgets": {"hs_email_body": {"body": {"html": message.html}, "type": "module"}},
                "flexAreas": {},
                "smartFields": {},
            }
        if first(query, "includeStats") == "true":
            email["stats"] = statistics(message)
        return email

    def by_interval(self, query: Query) -> dict[str, Any]:
        """Answer what the mails asked for gained within each day; only days are imitated."""
        interval = first(query, "interval")
        if interval != "DAY":
            raise Refusal(400, f"Invalid input: the interval {interval[:20]} is not imitated", "VALIDATION_ERROR")
        low, high = (millis(first(query, name) or "0", name) for name in ("startTimestamp", "endTimestamp"))
        if not 0 < low < high or high - low > 400 * DAY:
            raise Refusal(400, "Invalid input: startTimestamp and endTimestamp are required", "VALIDATION_ERROR")
        asked = set(listed(query, "emailIds"))
        return histogram([one for one in self._messages if one.id in asked], low, high)

    # -- campaigns -----------------------------------------------------------------------------------------------------

    def campaigns(self, query: Query) -> dict[str, Any]:
        """Answer the list of marketing campaigns, with the properties asked for."""
        limit = page_size(first(query, "limit"), default=50, most=PAGE_MOST)
        names = listed(query, "properties")
        found = []
        for guid, campaign in self._campaigns.items():
            values = {
                "hs_name": campaign["name"],
                "hs_campaign_status": "completed",
                "hs_currency_code": self._world.currency,
                "hs_start_date": iso(campaign["start"])[:10],
                "hs_end_date": iso(campaign["end"])[:10],
                "hs_spend_items_sum_amount": str(from_minor(campaign["spend_minor"], self._world.currency)),
            }
            found.append(
                {
                    "id": guid,
                    "properties": {name: values[name] for name in names if name in values},
                    "createdAt": iso(campaign["start"]),
                    "updatedAt": iso(campaign["end"]),
                    "businessUnits": [],
                }
            )
        return _page(found, first(query, "after"), limit)

    def revenue(self, guid: str, query: Query) -> dict[str, Any]:
        """Answer what HubSpot says a campaign earned under one of its models."""
        campaign = self._campaign(guid)
        model = first(query, "attributionModel", MODELS[0])
        if model not in MODELS:
            raise Refusal(400, f"Unknown attribution model {model[:40]}", "VALIDATION_ERROR")
        revenue: dict[str, int] = campaign["revenue"]
        amount = float(from_minor(revenue.get(model, revenue.get(MODELS[0], 0)), self._world.currency))
        return {
            "contactsNumber": len({send.person for message in self._of(guid) for send in message.sends}),
            "dealsNumber": campaign["deals"],
            "dealAmount": amount,
            "revenueAmount": amount,
            "currencyCode": self._world.currency,
        }

    def budget(self, guid: str) -> dict[str, Any]:
        """Answer what a campaign was allowed and what was spent on it."""
        campaign = self._campaign(guid)
        spent = float(from_minor(campaign["spend_minor"], self._world.currency))
        item = {"id": "1", "name": "Production", "order": 0, "createdAt": campaign["start"], "updatedAt": campaign["start"]}
        return {
            "currencyCode": self._world.currency,
            "budgetTotal": spent * 2,
            "spendTotal": spent,
            "remainingBudget": spent,
            "budgetItems": [{**item, "name": "Budget", "amount": spent * 2}],
            "spendItems": [{**item, "amount": spent}] if campaign["spend_minor"] else [],
        }

    def assets(self, guid: str, kind: str, query: Query) -> dict[str, Any]:
        """Answer the mails of a campaign; their metrics come only when both dates are given."""
        self._campaign(guid)
        limit = page_size(first(query, "limit"), default=10, most=PAGE_MOST)
        if kind != "MARKETING_EMAIL":
            raise Refusal(400, f"Invalid input: the asset type {kind[:40]} is not imitated", "VALIDATION_ERROR")
        found: list[dict[str, Any]] = [{"id": one.id, "name": one.title} for one in self._of(guid)]
        page = _page(found, first(query, "after"), limit)
        del page["total"]
        return page

    def _campaign(self, guid: str) -> dict[str, Any]:
        if guid not in self._campaigns:
            raise Refusal(404, f"No campaign has the id {guid[:40]}", "OBJECT_NOT_FOUND")
        return self._campaigns[guid]

    def _of(self, guid: str) -> list[Message]:
        return [message for message in self._messages if message.campaign_guid == guid]


def _target(message: Message) -> dict[str, Any]:
    """Return the lists a mail goes to: everybody, if not said otherwise; of the old numbering for mails of old."""
    chosen = message.segment or {}
    if "legacy" in chosen:
        return {"contactLists": {"include": list(chosen["legacy"]), "exclude": []}}
    return {"contactIlsLists": {"include": list(chosen.get("lists", (EVERYBODY,))), "exclude": []}}


def _testing(test: dict[str, Any]) -> dict[str, Any]:
    variation = bool(test.get("is_variation"))
    return {
        "testId": str(test["id"]),
        "isAbVariation": variation,
        "abStatus": test.get("status") or ("variant" if variation else "master"),
        "abTestPercentage": test.get("percentage", 100),
        "hoursToWait": test.get("hours", 4),
        "abSuccessMetric": "CLICKS_BY_DELIVERED",
        "abSamplingDefault": "master",
        "abSampleSizeDefault": "master",
    }


def _page(found: list[dict[str, Any]], after: str, limit: int) -> dict[str, Any]:
    """Cut a page out of a list; the cursor is the encoded id of the last record before it."""
    start = 0
    if after:
        try:
            last = base64.b64decode(after.encode(), validate=True).decode()
            start = next(number for number, one in enumerate(found) if one["id"] == last) + 1
        except (ValueError, StopIteration):
            raise Refusal(400, "Invalid input: the after cursor is not valid", "VALIDATION_ERROR") from None
    page = found[start : start + limit]
    answer: dict[str, Any] = {"total": len(found), "results": page}
    if start + limit < len(found):
        following = base64.b64encode(page[-1]["id"].encode()).decode()
        answer["paging"] = {"next": {"after": following, "link": f"https://api.hubapi.com/?after={following}"}}
    return answer
