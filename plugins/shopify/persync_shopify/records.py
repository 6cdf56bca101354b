"""What Shopify sends, only what is used. Enums are text: a value that a later version adds must not cost us the record."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NotRequired

from typing_extensions import TypedDict


class PageInfo(TypedDict):
    hasNextPage: bool
    endCursor: NotRequired[str | None]


class MoneyV2(TypedDict):
    amount: Decimal
    currencyCode: str


class MoneyBag(TypedDict):
    shopMoney: MoneyV2
    """in the shop's own currency, whatever the buyer paid in"""


class Gid(TypedDict):
    id: str
    """gid://shopify/<Type>/<number>"""


# --- the shop ---------------------------------------------------------------------------------------------------------


class Shop(TypedDict):
    id: str
    myshopifyDomain: str
    currencyCode: str
    ianaTimezone: str


class AccessScope(TypedDict):
    handle: str


class AppInstallation(TypedDict):
    accessScopes: list[AccessScope]


class ShopRecord(TypedDict):
    shop: Shop
    currentAppInstallation: AppInstallation


# --- customers --------------------------------------------------------------------------------------------------------


class Address(TypedDict):
    emailAddress: str


class EmailConsent(TypedDict):
    emailAddress: NotRequired[str]
    marketingState: str
    marketingOptInLevel: str | None
    marketingUpdatedAt: datetime | None


class SmsConsent(TypedDict):
    state: str
    optInLevel: str | None
    updatedAt: datetime | None


class Phone(TypedDict, total=False):
    """Versions before 2026-10 have the consent to SMS flat."""

    smsMarketingConsent: SmsConsent
    whatsAppMarketingConsent: SmsConsent
    marketingState: str
    marketingOptInLevel: str | None
    marketingUpdatedAt: datetime | None


class Country(TypedDict):
    countryCodeV2: str | None


class Tiers(TypedDict):
    """Shopify's own models of a customer: strata, not truth."""

    predictedSpendTier: str | None
    rfmGroup: str | None


class MergeRequest(TypedDict):
    resultingCustomerId: str
    status: str


class Mergeable(TypedDict, total=False):
    mergeInProgress: MergeRequest | None


class CustomerRecord(TypedDict):
    id: str
    createdAt: datetime
    updatedAt: datetime
    state: str
    locale: str
    numberOfOrders: str
    """an UnsignedInt64, which GraphQL sends as text"""
    address: NotRequired[Address | None]
    defaultEmailAddress: EmailConsent | None
    defaultPhoneNumber: Phone | None
    defaultAddress: NotRequired[Country | None]
    statistics: NotRequired[Tiers]
    mergeable: NotRequired[Mergeable | None]


# --- orders -----------------------------------------------------------------------------------------------------------


class Sale(TypedDict):
    id: str
    actionType: str
    lineType: str
    totalAmount: MoneyBag
    """after discounts, with tax; negative when money goes back"""
    totalTaxAmount: MoneyBag
    totalDiscountAmountBeforeTaxes: NotRequired[MoneyBag]


class Sales(TypedDict):
    nodes: list[Sale]
    pageInfo: NotRequired[PageInfo]


class Agreement(TypedDict):
    happenedAt: datetime
    reason: str
    sales: Sales


class Agreements(TypedDict):
    nodes: list[Agreement]
    pageInfo: NotRequired[PageInfo]


class InventoryItem(TypedDict):
    unitCost: MoneyV2 | None


class ProductVariant(TypedDict):
    inventoryItem: NotRequired[InventoryItem | None]


class ApplicationIndex(TypedDict):
    index: int


class Allocation(TypedDict):
    allocatedAmountSet: MoneyBag
    discountApplication: ApplicationIndex


# In this form, because inside a class Python would rename a name that begins with two underscores.
Application = TypedDict("Application", {"__typename": str, "index": int, "targetType": str, "code": NotRequired[str]})
"""One discount of an order, by its place among them; only a code's own text is asked for."""


class Applications(TypedDict):
    nodes: list[Application]
    pageInfo: NotRequired[PageInfo]


class Fee(TypedDict):
    amount: MoneyV2


class Transaction(TypedDict):
    id: str
    kind: str
    status: str
    gateway: str | None
    processedAt: datetime | None
    createdAt: NotRequired[datetime]
    amountSet: MoneyBag
    fees: NotRequired[list[Fee]]


class LineItem(TypedDict):
    id: str
    sku: str | None
    quantity: int
    currentQuantity: int
    isGiftCard: bool
    priceAfterAllDiscountsBeforeTaxesSet: NotRequired[MoneyBag]
    discountAllocations: NotRequired[list[Allocation]]
    product: NotRequired[Gid | None]
    variant: NotRequired[ProductVariant | None]


class LineItems(TypedDict):
    nodes: list[LineItem]
    pageInfo: NotRequired[PageInfo]


class Utm(TypedDict):
    source: str | None
    medium: str | None
    campaign: str | None


class Visit(TypedDict, total=False):
    """A moment of a journey; one that is no visit has no id."""

    id: str
    occurredAt: datetime
    landingPage: str | None
    referrerUrl: str | None
    source: str
    sourceType: str | None
    utmParameters: Utm | None


class Moments(TypedDict):
    nodes: list[Visit]
    pageInfo: NotRequired[PageInfo]


class Journey(TypedDict):
    ready: bool
    firstVisit: NotRequired[Visit | None]
    lastVisit: NotRequired[Visit | None]
    moments: NotRequired[Moments | None]


class OrderName(TypedDict):
    """What every stream that reads of an order asks for, so that all name it alike."""

    id: str
    name: str


class Buyer(OrderName):
    email: str | None
    customer: NotRequired[Gid | None]
    sourceName: str | None
    processedAt: datetime
    updatedAt: datetime
    customerJourneySummary: Journey | None


class OrderRecord(Buyer):
    cancelledAt: datetime | None
    test: bool
    displayFinancialStatus: str | None
    customerAcceptsMarketing: bool
    currentTotalPriceSet: MoneyBag
    checkoutToken: NotRequired[str | None]
    discountCodes: NotRequired[list[str]]
    discountApplications: NotRequired[Applications]
    transactions: NotRequired[list[Transaction]]
    agreements: NotRequired[Agreements]
    lineItems: NotRequired[LineItems]


class OrderSalesRecord(OrderName):
    processedAt: datetime
    agreements: Agreements


class OrderLinesRecord(OrderName):
    lineItems: LineItems


class OrderMomentsRecord(Buyer):
    """One order and one page of its journey."""


class OrderPaymentsRecord(OrderName):
    transactions: list[Transaction]


class DiscountedLine(TypedDict):
    discountAllocations: list[Allocation]


class DiscountedLines(TypedDict):
    nodes: list[DiscountedLine]
    pageInfo: PageInfo


class OrderDiscountsRecord(OrderName):
    discountCodes: list[str]
    discountApplications: Applications
    agreements: Agreements
    lineItems: DiscountedLines


class ListedOrderRecord(OrderName):
    email: str | None
    customer: NotRequired[Gid | None]
