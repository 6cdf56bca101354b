"""A business whose causal truth is known: people, messages, orders, and who would have bought anyway.

These are the facts; each vendor's sandbox shows its own side of them. Times are epoch milliseconds UTC, money minor units
of `World.currency`. Every address ends in @example.com. Generators live in `demo.py` (a seeded world) and `replay.py`
(a real data set as a world).
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "Click",
    "LedgerEvent",
    "Line",
    "Message",
    "Open",
    "SandboxOrder",
    "SandboxPerson",
    "Send",
    "Visit",
    "World",
    "mc_eid",
    "tag_id",
]


def mc_eid(email: str) -> str:
    """Return the id that Mailchimp puts into links for an address (`mc_eid`, a member's `unique_email_id`): 10 hex digits."""
    return hashlib.md5(f"eid:{email.lower()}".encode(), usedforsecurity=False).hexdigest()[:10]


def tag_id(name: str) -> int:
    """Return the number of a list tag (a static segment's id), the same wherever the tag is named."""
    return 100_000 + zlib.crc32(name.encode()) % 900_000


@dataclass(slots=True)
class SandboxPerson:
    """One person. `number` is unique; the platforms' own ids are None where the platform does not know the person."""

    number: int
    email: str
    first_name: str
    last_name: str
    country: str
    """ISO 3166 alpha-2"""
    language: str
    age_band: str
    """18-29, 30-44, 45-59, 60+, or "" when unknown"""
    created_at: int
    updated_at: int
    mailchimp_id: str | None = None
    """contact_id (hex), the same person's MD5 member id is made from the address"""
    hubspot_id: str | None = None
    """decimal; contacts that HubSpot merged into this one are in `hubspot_merged_ids`"""
    hubspot_merged_ids: tuple[str, ...] = ()
    hubspot_other_emails: tuple[str, ...] = ()
    """further addresses of the contact: those of contacts that went into it"""
    shopify_id: str | None = None
    """decimal legacy id; the gid is gid://shopify/Customer/<id>"""
    status: str = "subscribed"
    """e-mail consent now: subscribed, unsubscribed, cleaned, pending, archived"""
    status_changed_at: int | None = None
    confirmed_opt_in: bool = False
    tags: tuple[str, ...] = ()
    """list tags; an experiment's arm is one: welcome-test:treated"""
    merge_fields: dict[str, str] = field(default_factory=dict)
    """further merge fields of the Mailchimp list (besides FNAME, LNAME)"""
    reads_by_proxy: bool = False
    """a mail proxy opens every message for them"""
    lifecycle: str = "subscriber"
    stage_dates: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Open:
    at: int
    is_machine: bool


@dataclass(slots=True)
class Click:
    at: int
    url: str
    """the link as it stands in the message, without the platform's own parameters"""
    is_machine: bool = False
    """a link scanner: no vendor flags it in Mailchimp; HubSpot sets filteredEvent on some"""


@dataclass(slots=True)
class Send:
    """One message to one person and what became of it. `status`: sent, hard, soft, dropped (selected, never sent)."""

    person: int
    at: int
    status: str = "sent"
    variant: str = ""
    opens: list[Open] = field(default_factory=list)
    clicks: list[Click] = field(default_factory=list)
    unsubscribed_at: int | None = None
    complained_at: int | None = None


@dataclass(slots=True)
class Message:
    """A campaign. `platform` is mailchimp or hubspot."""

    platform: str
    id: str
    """Mailchimp: 10 hex digits; HubSpot: decimal id of the marketing e-mail"""
    title: str
    subject: str
    html: str
    """in the platform's own template language: *|FNAME|* or {{ contact.firstname }}"""
    kind: str
    """Mailchimp: regular, variate, automation-email ...; HubSpot: BATCH_EMAIL, AUTOMATED_EMAIL ..."""
    created_at: int
    sent_at: int | None
    """None for a draft"""
    level: int | None
    """the true personalisation level 0-4, None when the content cannot be read"""
    segment: dict[str, Any] | None = None
    """Mailchimp segment_opts, when it was sent to a part of the list; HubSpot {"lists": [id]} or, of old, {"legacy": [id]}"""
    email_campaign_ids: tuple[str, ...] = ()
    """HubSpot: the numeric send ids of this mail"""
    campaign_guid: str | None = None
    """HubSpot: the marketing campaign it belongs to"""
    workflow: str | None = None
    sends: list[Send] = field(default_factory=list)
    claimed_orders: int = 0
    claimed_minor: int = 0
    """what the platform says it earned (its own, generous rule)"""
    parent: str | None = None
    """the id of the message that this one is an issue (RSS) or a resend of"""
    deleted_at: int | None = None
    """HubSpot: when the mail was deleted; the list of archived mails still names it"""
    test: dict[str, Any] | None = None
    """HubSpot: the A/B test it is one side of: {id, is_variation, percentage, hours, status}; see `testing` of its API"""


@dataclass(slots=True)
class Line:
    id: str
    title: str
    sku: str
    quantity: int
    unit_price_minor: int
    discount_minor: int = 0
    tax_minor: int = 0
    unit_cost_minor: int | None = None
    is_gift_card: bool = False
    current_quantity: int | None = None


@dataclass(slots=True)
class LedgerEvent:
    """One sale of an agreement, signed, in Shopify's terms. `total_minor` holds the tax."""

    id: str
    agreement: str
    """agreements group the sales of one moment; same id = same agreement"""
    at: int
    reason: str
    """ORDER ORDER_EDIT REFUND RETURN"""
    action: str
    """ORDER UPDATE RETURN"""
    line_type: str
    """PRODUCT GIFT_CARD SHIPPING TIP DUTY FEE ADDITIONAL_FEE ADJUSTMENT"""
    total_minor: int
    tax_minor: int
    quantity: int | None = None
    line_id: str | None = None


@dataclass(slots=True)
class Visit:
    """A session on the shop before an order. `landing` holds the whole query string as the shop would see it."""

    id: str
    at: int
    landing: str
    source: str
    """email, direct, google, facebook ..."""
    source_type: str | None
    """NEWSLETTER AD SEO ... or None"""
    utm: dict[str, str] = field(default_factory=dict)
    referrer: str = ""


@dataclass(slots=True)
class SandboxOrder:
    """One order of the shop, or (kind deal) a deal that lives in HubSpot alone."""

    id: str
    """decimal legacy id"""
    name: str
    """#1001"""
    person: int | None
    created_at: int
    processed_at: int
    updated_at: int
    kind: str = "order"
    financial_status: str = "PAID"
    cancelled_at: int | None = None
    cancel_reason: str | None = None
    is_test: bool = False
    source_name: str = "web"
    """web, pos, shopify_draft_order"""
    accepts_marketing: bool = False
    discount_codes: tuple[str, ...] = ()
    lines: list[Line] = field(default_factory=list)
    ledger: list[LedgerEvent] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    journey_ready: bool = True
    in_hubspot: str | None = None
    """HubSpot's id of its copy of this order (or of the deal)"""
    email: str | None = None
    """a guest's address when `person` is None"""
    people: tuple[int, ...] = ()
    """deals: further contacts of the deal besides `person`"""
    stage: str = ""
    """deals: appointmentscheduled, qualifiedtobuy, contractsent, closedwon, closedlost"""

    def total_minor(self) -> int:
        """Return the shop's current total: the sum of the ledger."""
        return sum(event.total_minor for event in self.ledger)


@dataclass(slots=True)
class World:
    """Everything the sandboxes serve. `now` is the moment the world is looked at: nothing in it is later."""

    name: str
    seed: int
    now: int
    currency: str
    timezone: str
    shop_domain: str
    """handle.myshopify.com; the handle alone is HubSpot's hs_source_store"""
    shop_name: str
    list_id: str
    """Mailchimp's audience"""
    list_name: str
    people: dict[int, SandboxPerson]
    messages: list[Message]
    orders: list[SandboxOrder]
    secret: str
    """what the tokens are made of: a hex string of the seed"""
    hubspot_campaigns: list[dict[str, Any]] = field(default_factory=list)
    """[{guid, name, start, end, spend_minor, revenue: {MODEL: minor}, deals}]; start and end are epoch milliseconds"""
    deals: list[SandboxOrder] = field(default_factory=list)
    experiments: dict[str, dict[str, Any]] = field(default_factory=dict)
    """[experiments.NAME] tables for persync.toml"""
    prices: dict[str, float] = field(default_factory=dict)
    """[ethics] prices for persync.toml: what its people say that things are worth to them"""
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    """further tables for persync.toml: {"goal": {...}}"""
    files: dict[str, str] = field(default_factory=dict)
    """CSV texts for the `files` connection: {"outcomes.csv": text}"""
    file_kinds: dict[str, str] = field(default_factory=dict)
    """{"outcomes.csv": "outcomes"}"""
    attributes: dict[str, dict[str, str]] = field(default_factory=dict)
    """opt-in attributes with their basis by connection name: {"mailchimp": {"country": "..."}};
    Mailchimp's are named as the merge tag in lower case"""
    merge_field_types: dict[str, str] = field(default_factory=dict)
    """{"AGEBAND": "text", "RECENCY": "number"}"""
    platforms: tuple[str, ...] | None = None
    """connectors of the platforms that this business uses, None for all: no other sandbox is served"""
    truth: dict[str, Any] = field(default_factory=dict)
    """what truth.json says: planted lifts, what messages caused and what came through them anyway, the shop's total, the arms,
    levels by message"""
