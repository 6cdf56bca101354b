"""Marketing campaigns: what they are, what they cost, and what HubSpot says they earned."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from persync.connect.page import Shaped
from persync.rows import Campaign, CampaignRef, Child, Claim, Cost, Present
from persync_hubspot import streams_mail
from persync_hubspot.properties import millis

Shape = Callable[..., Shaped]


def ms(text: str) -> int:
    return millis(text, "")


GUID = "11111111-2222-4333-8444-555555555555"
FOLDER = CampaignRef(("id", f"campaign:{GUID}"))
PARENT = {"guid": GUID, "currency": "USD", "from": ms("2026-05-01"), "to": None}


def test_a_marketing_campaign_is_told_apart_from_a_mail(shaped: Shape) -> None:
    record = {
        "id": GUID,
        "createdAt": "2026-05-01T00:00:00Z",
        "properties": {"hs_name": "May", "hs_currency_code": "USD", "hs_start_date": "2026-05-01"},
    }
    found = shaped(streams_mail.CAMPAIGNS, orjson.dumps({"results": [record]}))

    assert found.rows == [
        Campaign(FOLDER, kind="marketing_campaign", title="May", status=None, created_at=ms("2026-05-01T00:00:00Z")),
        Present(f"campaign:{GUID}"),
        *(Child(stream, GUID, PARENT) for stream in ("campaign_revenue", "campaign_spend", "campaign_emails")),
    ]


@pytest.mark.parametrize("guid", ["", "../account", "<script>", f"{GUID}/budget", "x" * 101])
def test_a_campaign_whose_id_is_none_is_rejected(shaped: Shape, guid: str) -> None:
    """Its reports would be asked for under it at every pull."""
    record = {"id": guid, "createdAt": "2026-05-01T00:00:00Z", "properties": {}}
    found = shaped(streams_mail.CAMPAIGNS, orjson.dumps({"results": [record]}))

    assert (found.rows, [one.field for one in found.rejects]) == ([], ["id"])


@pytest.mark.parametrize(
    ("report", "claim"),
    [
        ({"dealsNumber": 6, "revenueAmount": 7425.5, "currencyCode": "EUR"}, (6, 742_550, "EUR")),
        ({"dealsNumber": 0, "revenueAmount": 0}, (0, 0, "USD")),
        ({}, (None, None, "USD")),
    ],
)
def test_a_revenue_report_is_a_claim_under_its_model(at: Any, report: Any, claim: tuple[int | None, int | None, str]) -> None:
    rows = list(streams_mail.CAMPAIGN_REVENUE.rows(report, at(parent=PARENT, params={"model": "W_SHAPED"})))

    assert rows == [Claim(FOLDER, None, "W_SHAPED", *claim, from_at=ms("2026-05-01"), to_at=None)]


def test_what_was_planned_is_the_campaigns_budget_and_what_was_spent_a_cost(shaped: Shape) -> None:
    """Amounts are JSON numbers here, times milliseconds; names of items are free text and left out."""
    item = {"id": "9", "name": "Copywriting", "amount": 1250.5, "order": 0, "createdAt": 1_759_399_200_000, "updatedAt": 0}
    body = {"spendItems": [item], "budgetItems": [{**item, "id": "1", "amount": 5000}], "spendTotal": 1250.5}
    cost = Cost(f"{GUID}:9", 1_759_399_200_000, "media", 125_050, "USD", scope=f"campaign:{GUID}")

    assert shaped(streams_mail.CAMPAIGN_SPEND, orjson.dumps(body), single=True, parent=PARENT).rows == [cost]
    body |= {"budgetTotal": 5000, "currencyCode": "EUR"}
    found = shaped(streams_mail.CAMPAIGN_SPEND, orjson.dumps(body), single=True, parent=PARENT)
    assert found.rows == [Campaign(FOLDER, budget_minor=500_000, currency="EUR"), cost._replace(currency="EUR")]


def test_an_asset_of_a_campaign_is_a_mail_that_belongs_to_it(shaped: Shape) -> None:
    body = orjson.dumps({"results": [{"id": "8801", "name": "May letter", "metrics": {"OPEN": 3}}]})

    assert shaped(streams_mail.CAMPAIGN_EMAILS, body, parent=PARENT).rows == [
        Campaign(CampaignRef(("id", "8801")), parent=f"campaign:{GUID}")
    ]
