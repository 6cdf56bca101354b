"""From records to rows: marketing campaigns, what they cost and what HubSpot says they earned. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from persync.connect.stream import Context
from persync.errors import RecordError
from persync.money import to_minor
from persync.rows import Campaign, CampaignRef, Child, Claim, Cost, Present, Row
from persync_hubspot import properties as prop
from persync_hubspot import records_mail

_GUID = re.compile(r"[\w-]{1,100}", re.ASCII)


def campaign_ref(guid: str) -> CampaignRef:
    """Name a marketing campaign. It is no message, so its key is told apart from a mail's."""
    ref: CampaignRef = CampaignRef(("id", f"campaign:{guid}"))
    return ref


def campaign_rows(record: records_mail.MarketingCampaign, at: Context) -> Iterator[Row]:
    """Yield a marketing campaign (a folder of mails, pages and ads), and the reports to be read for it."""
    values = record["properties"]
    guid = record["id"]
    if not _GUID.fullmatch(guid):
        # It stands in the paths of its reports, which would be asked for at every pull from now on.
        raise RecordError("this is no id of a campaign.", field="id")
    yield Campaign(
        campaign_ref(guid),
        kind="marketing_campaign",
        title=prop.text(values, "hs_name"),
        status=prop.text(values, "hs_campaign_status"),
        created_at=prop.millis(record["createdAt"], "createdAt"),
    )
    data = {
        "guid": guid,
        "currency": prop.text(values, "hs_currency_code"),
        "from": prop.moment(values, "hs_start_date"),
        "to": prop.moment(values, "hs_end_date"),
    }
    yield Present(f"campaign:{guid}")
    yield Child("campaign_revenue", guid, data)
    yield Child("campaign_spend", guid, data)
    yield Child("campaign_emails", guid, data)


def revenue_rows(record: records_mail.RevenueReport, at: Context) -> Iterator[Row]:
    """Yield what HubSpot claims for one campaign under one of its own models, over the campaign's whole life."""
    amount = record.get("revenueAmount")
    currency = record.get("currencyCode") or at.parent.get("currency") or at.account.currency
    if amount is not None and not currency:
        raise RecordError("an amount without a currency.", field="currencyCode")
    yield Claim(
        campaign_ref(at.parent["guid"]),
        None,
        model=at.params["model"],
        orders=record.get("dealsNumber"),
        amount_minor=None if amount is None or not currency else to_minor(amount, currency),
        currency=currency,
        from_at=at.parent.get("from"),
        to_at=at.parent.get("to"),
    )


def spend_rows(record: records_mail.BudgetTotals, at: Context) -> Iterator[Row]:
    """Yield what was planned for a campaign, and what was spent: one cost for each item, on the day it was entered."""
    currency = record.get("currencyCode") or at.parent.get("currency") or at.account.currency
    planned = record.get("budgetTotal")
    if planned is not None and currency:
        yield Campaign(campaign_ref(at.parent["guid"]), budget_minor=to_minor(planned, currency), currency=currency)
    for item in record["spendItems"]:
        if not currency:
            raise RecordError("an amount without a currency.", field="currencyCode")
        yield Cost(
            entry=f"{at.parent['guid']}:{item['id']}",
            happened_at=item["createdAt"],
            category="media",
            amount_minor=to_minor(item["amount"], currency),
            currency=currency,
            scope=f"campaign:{at.parent['guid']}",
        )


def campaign_email_rows(record: records_mail.CampaignAsset, at: Context) -> Iterator[Row]:
    """Yield that a mail belongs to a marketing campaign: also of mails that the list of mails no longer tells of."""
    yield Campaign(CampaignRef(("id", record["id"])), parent=f"campaign:{at.parent['guid']}")
