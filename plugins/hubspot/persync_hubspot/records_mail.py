"""What HubSpot's marketing endpoints send, as far as it is used. Numbers and booleans are real ones here."""

from __future__ import annotations

from typing import Any, NotRequired

from pydantic import StrictInt
from typing_extensions import TypedDict


class Testing(TypedDict):
    """An A/B test, seen from one of its mails."""

    isAbVariation: NotRequired[bool | None]
    testId: NotRequired[str | None]
    abStatus: NotRequired[str | None]
    abTestPercentage: NotRequired[int | None]
    hoursToWait: NotRequired[int | None]


class EmailContent(TypedDict):
    """The body of a mail; only looked through for personalisation, never kept."""

    plainTextVersion: NotRequired[str | None]
    widgets: NotRequired[dict[str, Any] | None]
    flexAreas: NotRequired[dict[str, Any] | None]
    widgetContainers: NotRequired[dict[str, Any] | None]
    smartFields: NotRequired[dict[str, Any] | None]


class EmailStatistics(TypedDict):
    """Totals since the first send. Ratios are percentages and can be computed, so they are not read."""

    counters: dict[str, int]


class IlsLists(TypedDict):
    include: NotRequired[list[str] | None]


class EmailTo(TypedDict):
    contactIlsLists: NotRequired[IlsLists | None]
    contactLists: NotRequired[IlsLists | None]


class MarketingEmail(TypedDict):
    """A marketing e-mail in the list, with includeStats."""

    id: str
    isAb: NotRequired[bool | None]
    name: NotRequired[str | None]
    subject: NotRequired[str | None]
    type: NotRequired[str | None]
    state: NotRequired[str | None]
    archived: NotRequired[bool | None]
    isPublished: NotRequired[bool | None]
    campaign: NotRequired[str | None]
    allEmailCampaignIds: NotRequired[list[str] | None]
    primaryEmailCampaignId: NotRequired[str | None]
    publishDate: NotRequired[str | None]
    publishedAt: NotRequired[str | None]
    deletedAt: NotRequired[str | None]
    createdAt: NotRequired[str | None]
    workflowNames: NotRequired[list[str] | None]
    to: NotRequired[EmailTo | None]
    testing: NotRequired[Testing | None]
    content: NotRequired[EmailContent | None]
    stats: NotRequired[EmailStatistics | None]


class MailId(TypedDict):
    """A mail of which nothing but its number was asked for."""

    id: str


class EventRef(TypedDict):
    """Names another event."""

    id: str


class Subscription(TypedDict):
    status: NotRequired[str | None]


class V1EmailEvent(TypedDict):
    """One e-mail event of the v1 API. Address, user agent and place of the reader are sent too; they are not read."""

    id: str
    created: StrictInt
    type: str
    recipient: str
    emailCampaignId: NotRequired[int | None]
    filteredEvent: NotRequired[bool | None]
    url: NotRequired[str | None]
    linkId: NotRequired[int | None]
    obsoletedBy: NotRequired[EventRef | None]
    portalSubscriptionStatus: NotRequired[str | None]
    subscriptions: NotRequired[list[Subscription] | None]
    dropReason: NotRequired[str | None]
    category: NotRequired[str | None]
    source: NotRequired[str | None]


class V1EmailCampaign(TypedDict):
    """One send of a mail in the v1 API: its number, and the marketing e-mail it belongs to (contentId)."""

    id: int
    contentId: NotRequired[int | None]
    type: NotRequired[str | None]


class V1EmailCampaignRef(TypedDict):
    """One send in the list of sends."""

    id: int
    appId: int


class MarketingCampaign(TypedDict):
    """A marketing campaign: a folder of mails, pages and ads under one goal."""

    id: str
    createdAt: str
    properties: dict[str, str | None]


class SpendItem(TypedDict):
    """What one thing cost. Amounts are JSON numbers here, unlike everywhere in the CRM."""

    id: str
    amount: float
    createdAt: int


class BudgetTotals(TypedDict):
    """GET /marketing/campaigns/V/{guid}/budget/totals"""

    budgetTotal: NotRequired[float | None]
    spendItems: list[SpendItem]
    currencyCode: NotRequired[str | None]


class RevenueReport(TypedDict):
    """What HubSpot says a campaign earned under one attribution model."""

    dealsNumber: NotRequired[int | None]
    revenueAmount: NotRequired[float | None]
    currencyCode: NotRequired[str | None]


class StatisticInterval(TypedDict):
    """The totals of the mails asked for, within one interval. The description and the reference name them differently."""

    interval: Interval
    aggregations: NotRequired[EmailStatistics | None]
    aggregateStatistic: NotRequired[EmailStatistics | None]


class Interval(TypedDict):
    """ISO 8601 on both ends."""

    start: str
    end: str


class SubscriptionDefinition(TypedDict):
    """A type of subscription that the account has."""

    id: str
    name: str
    communicationMethod: NotRequired[str | None]
    purpose: NotRequired[str | None]


class SubscriptionStatus(TypedDict):
    """What one address said to one type of subscription, or (with `wideStatusType`) to all of them."""

    subscriberIdString: str
    status: str
    timestamp: str
    subscriptionId: NotRequired[int | str | None]
    wideStatusType: NotRequired[str | None]
    businessUnitId: NotRequired[int | None]
    legalBasis: NotRequired[str | None]
    source: NotRequired[str | None]


class OptOuts(TypedDict):
    """A contact with its opt-out flags: strings, as everywhere in the CRM."""

    id: str
    properties: dict[str, str | None]


class LogChange(TypedDict):
    """One change in an entry of the v1 subscription timeline."""

    change: NotRequired[str | None]
    changeType: NotRequired[str | None]
    subscriptionId: NotRequired[int | None]
    source: NotRequired[str | None]


class LogEntry(TypedDict):
    """What one address changed at one moment."""

    timestamp: int
    recipient: str
    changes: NotRequired[list[LogChange] | None]


class ContactList(TypedDict):
    """A list ("segment"). Its figures come as strings among further properties."""

    listId: str
    name: str
    objectTypeId: str
    processingType: str
    additionalProperties: NotRequired[dict[str, str | None] | None]
    createdAt: NotRequired[str | None]
    updatedAt: NotRequired[str | None]
    filtersUpdatedAt: NotRequired[str | None]


class ListDefinition(TypedDict):
    """A list with the tree of its filters; of those only the kinds and names are looked at."""

    listId: str
    name: str
    processingType: str
    filterBranch: NotRequired[dict[str, Any] | None]


class ListMember(TypedDict):
    """A record in a list, with the time at which it joined."""

    recordId: str
    membershipTimestamp: str


class ListMapping(TypedDict):
    """What a list of the old numbering is called now."""

    listId: str
    legacyListId: str


class CampaignAsset(TypedDict):
    """Something that belongs to a marketing campaign."""

    id: str
