"""What Shopify sends of things that are neither customers nor orders, only what is used."""

from __future__ import annotations

from datetime import datetime
from typing import NotRequired

from typing_extensions import TypedDict

from persync_shopify.records import Gid, MoneyBag, MoneyV2, Utm


class ProductRecord(TypedDict):
    id: str
    title: str
    productType: str
    status: str
    createdAt: datetime


class CostedVariant(TypedDict):
    id: str
    product: Gid


class CostedVariants(TypedDict):
    nodes: list[CostedVariant]


class InventoryRecord(TypedDict):
    id: str
    sku: str | None
    unitCost: MoneyV2 | None
    variants: NotRequired[CostedVariants | None]


class CheckoutRecord(TypedDict):
    id: str
    createdAt: datetime
    updatedAt: datetime
    completedAt: datetime | None
    abandonedCheckoutUrl: str
    totalPriceSet: MoneyBag
    customer: NotRequired[Gid | None]


class AbandonmentRecord(TypedDict):
    emailState: str | None
    emailSentAt: datetime | None


class SegmentRecord(TypedDict):
    id: str
    name: str
    query: str


class MemberNode(TypedDict):
    id: str


class MemberRecord(TypedDict):
    node: MemberNode


class StartedEvent(TypedDict):
    startedAt: datetime


class ActivityRecord(TypedDict):
    id: str
    createdAt: datetime
    tactic: str
    status: str
    isExternal: bool
    adSpend: MoneyV2 | None
    utmParameters: Utm | None
    marketingEvent: StartedEvent | None


class EventRecord(TypedDict):
    """Something that happened in the shop; one without a subject is no BasicEvent."""

    id: str
    action: str
    createdAt: datetime
    subjectId: NotRequired[str]
    subjectType: NotRequired[str]


class ListedRecord(TypedDict):
    id: str
