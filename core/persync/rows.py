"""What the store keeps: one NamedTuple a table, and how rows name people, campaigns and orders.

A row function yields these. It never sees a surrogate key, a hash or its own connection: rows name things by the
vendor's keys, and the one writer resolves them. A field that a stream does not know is `KEEP`, never None, so two
streams can fill one row. Times are epoch milliseconds UTC; money is minor units with a currency beside it.
"""

from __future__ import annotations

from enum import IntEnum
from operator import itemgetter
from typing import Any, Final, NamedTuple, final

__all__ = [
    "KEEP",
    "Account",
    "Action",
    "AdSpend",
    "Assignment",
    "Attribute",
    "Campaign",
    "CampaignCounters",
    "CampaignRef",
    "Cart",
    "Child",
    "Claim",
    "Company",
    "Consent",
    "ConsentChange",
    "Contact",
    "Cost",
    "Decision",
    "Deletion",
    "Evidence",
    "Feedback",
    "Field",
    "Keep",
    "LedgerEntry",
    "LinkCounters",
    "MemberOf",
    "Merged",
    "Order",
    "OrderDiscount",
    "OrderLine",
    "OrderPerson",
    "OrderRef",
    "Outcome",
    "Parked",
    "Payment",
    "Person",
    "Present",
    "Product",
    "PromoCode",
    "Row",
    "Segment",
    "Session",
    "SocialPost",
    "Stage",
    "Ticket",
    "Touchpoint",
    "UnitCost",
    "Variant",
    "Wallet",
    "WorkTime",
]


@final
class Keep:
    """The type of `KEEP`: leave what the store already holds in this column."""

    _one: Keep | None = None

    def __new__(cls) -> Keep:
        if cls._one is None:
            cls._one = super().__new__(cls)
        return cls._one

    def __repr__(self) -> str:
        return "KEEP"


KEEP: Final = Keep()


class Action(IntEnum):
    """What happened at a touchpoint. The numbers are stored: never change one."""

    SEND = 1
    DELIVER = 2
    OPEN = 3
    CLICK = 4
    BOUNCE = 5
    UNSUBSCRIBE = 6
    COMPLAINT = 7
    DROP = 8
    """Selected but not sent: suppressed, held back, dropped before delivery."""
    VISIT = 9
    """A session on the shop's own site."""


_named = itemgetter(1)
_new: Final[Any] = tuple.__new__


class _Ref(tuple[tuple[str, str], ...]):
    """An ordered set of `(kind, key)` pairs that all name one thing; empty keys are left out."""

    __slots__ = ()

    def __new__(cls, *keys: tuple[str, str | None]) -> Any:
        for _, key in keys:
            if not key:
                return _new(cls, filter(_named, keys))
        return _new(cls, keys)


class Person(_Ref):
    """Every key by which one record names a person: `Person(("id", "42"), ("email", "ann@example.com"))`.

    Kinds: `id` (the platform's own id, stored as it is), `email`, `member` (an id the platform made from the address),
    `mc_eid`, `opaque` (an id the user imported). All but `id` are keyed-hashed at the door; `email` and `mc_eid` are the
    same key in every connection. Facts carry the `id` if there is one, else the first key; the others are linked to it.
    """

    __slots__ = ()


class CampaignRef(_Ref):
    """Every key of one campaign, its own first: `CampaignRef(("id", "7847cdaeff"), ("mc_cid", "7847cdaeff"))`.

    Kinds: `id` (the vendor's campaign id), `email_campaign` (HubSpot's numeric send id), and, the same in every
    connection, `mc_cid`, `hsmi`, `utm`. When more than one is given on a `Campaign` row they are stored as aliases.
    """

    __slots__ = ()


class OrderRef(NamedTuple):
    """One order as one system names it. `shop` and what follows say which shop's order it is a copy of."""

    vendor_order_id: str
    shop: str = ""
    shop_order_id: str = ""
    shop_order_name: str = ""


class Account(NamedTuple):
    """Facts of the connected account; kept on the connection and handed to row functions as `Context.account`."""

    account_id: str
    currency: str | Keep | None = KEEP
    timezone: str | Keep | None = KEEP
    shop: str | Keep | None = KEEP
    """The shop's own domain, lower case, when this account is a shop."""
    covers_from: int | Keep | None = KEEP
    """The account shows nothing older than this (Shopify's 60 days), or None when there is no such wall."""


class Child(NamedTuple):
    """Work found: the stream `stream` is to be read for `key`; stored in the page's own transaction.

    `data` becomes `Context.parent` (plain JSON, never personal data). A child whose `version` is the one last read is
    skipped; `version=None` is read at every pull with its own cursor.
    """

    stream: str
    key: str
    data: dict[str, Any]
    version: str | None = None


class Present(NamedTuple):
    """This thing is still there: one row a record of a full listing. What such a listing no longer names is gone.

    Yielded by streams that declare `sweeps`; at the end of a complete pass over every partition of the stream, whatever the
    store knows of this connection and the listing did not name becomes a `Deletion`. `key` is the platform's own id.
    """

    key: str


class Parked(NamedTuple):
    """A record that can only be shaped together with another one, which may come on a later page (bulk results).

    `data` is plain JSON without anything personal. When the partition is read to its end, the stream's `join` is called
    with each parked record that has a `parent`, and the chain of parked records above it.
    """

    key: str
    parent: str | None
    data: dict[str, Any]


class Deletion(NamedTuple):
    """The platform no longer has this thing, or says that it was deleted. Table `deletions`.

    `thing` is contact, campaign, order, product, company, ticket, cart or segment; `vendor_id` the platform's own id;
    `deleted_at` what the platform says, None when it was only found missing. Facts about it stay. The writer also marks
    the contact (`is_deleted`), campaign or order (`status` "deleted").
    """

    thing: str
    vendor_id: str
    deleted_at: int | None = None


class Contact(NamedTuple):
    """A person as one platform knows them, without who they are. Table `contacts`."""

    person: Person
    created_at: int | Keep | None = KEEP
    status: str | Keep | None = KEEP
    """The platform's word: subscribed, archived, customer ..."""
    source: str | Keep | None = KEEP
    orders: int | Keep | None = KEEP
    is_deleted: bool | Keep = KEEP


class Merged(NamedTuple):
    """The platform says that two of its people are one. Table `links`, reason `vendor_merge`."""

    survivor: Person
    loser: Person


class Consent(NamedTuple):
    """The consent state of a person for a channel; a new snapshot is kept only when a value changed. `consents`."""

    person: Person
    channel: str
    """email or sms; where consent is given for each list or type, that stands after a slash: email/list:<id>, email/<type>"""
    state: str
    """subscribed, unsubscribed, pending, not_subscribed, unknown"""
    level: str | None = None
    """single_opt_in, confirmed_opt_in, legitimate_interest ..., None when the platform does not say"""
    source: str | None = None
    changed_at: int | None = None


class ConsentChange(NamedTuple):
    """One entry of a platform's own log of consent: what changed and when. Table `consent_changes`.

    Beside `Consent`, which is what a pull saw: a log may be read again from its beginning and says no more than before.
    """

    person: Person
    channel: str
    state: str
    """subscribed or unsubscribed"""
    happened_at: int


class Attribute(NamedTuple):
    """An opt-in attribute, coarsened before it gets here, with the basis for holding it. Table `attributes`."""

    person: Person
    name: str
    value: str | None
    basis: str | None


class Stage(NamedTuple):
    """When a person entered a life-cycle stage. Table `stages`."""

    person: Person
    stage: str
    entered_at: int


class Field(NamedTuple):
    """A field that a list or object type has: needed to tell personal merge tags from system tags. Table `fields`."""

    list: str
    name: str
    type: str
    label: str = ""


class Segment(NamedTuple):
    """A list, tag, segment or interest. `parent` is the list it lives in, "" for none. Table `segments`."""

    kind: str
    vendor_id: str
    parent: str = ""
    name: str | Keep | None = KEEP
    rule: str | Keep | None = KEEP


class MemberOf(NamedTuple):
    """All segments of one kind (under one parent) that a person is in now. Replaces what was known. `memberships`.

    `segments` are vendor ids; one that no `Segment` row has named yet is created nameless.
    """

    person: Person
    kind: str
    parent: str
    segments: tuple[str, ...]
    joined_at: int | None = None


class Campaign(NamedTuple):
    """A message that was or will be sent. Table `campaigns`."""

    campaign: CampaignRef
    kind: str | Keep = KEEP
    title: str | Keep | None = KEEP
    subject: str | Keep | None = KEEP
    list: str | Keep | None = KEEP
    parent: str | Keep | None = KEEP
    """The vendor id of the campaign this one came from (resend, RSS child, variant)."""
    status: str | Keep | None = KEEP
    created_at: int | Keep | None = KEEP
    sent_at: int | Keep | None = KEEP
    counts_opens: bool | Keep | None = KEEP
    counts_clicks: bool | Keep | None = KEEP
    budget_minor: int | Keep | None = KEEP
    """what was planned to be spent on it; what was spent is a `Cost`"""
    currency: str | Keep | None = KEEP


class Evidence(NamedTuple):
    """What was found in one place that bears on personalisation; replaces what that source said. `campaign_evidence`.

    `source` names where we looked (settings, content, report). `items` are `(kind, detail)`; kinds: token, conditional,
    segment, filtered_list, smart, trigger, workflow, recommendation, programmable, timing and demographic (which
    count for nothing), `level` (what a user said), and `read` (this source was read: without one from the content the level
    is unknown). `detail` names the tag or rule, never a person's value.
    """

    campaign: CampaignRef
    source: str
    items: tuple[tuple[str, str], ...]


class Variant(NamedTuple):
    """One variant of a campaign's test. Table `variants`."""

    campaign: CampaignRef
    variant: str
    label: str | Keep | None = KEEP
    recipients: int | Keep | None = KEEP
    is_winner: bool | Keep | None = KEEP


class CampaignCounters(NamedTuple):
    """The vendor's own totals for a campaign; a new snapshot is kept only when a value changed. `campaign_counters`.

    None means the vendor does not measure it: not zero.
    """

    campaign: CampaignRef
    variant: str = ""
    selected: int | None = None
    sent: int | None = None
    delivered: int | None = None
    hard_bounces: int | None = None
    soft_bounces: int | None = None
    opens: int | None = None
    unique_opens: int | None = None
    human_opens: int | None = None
    unique_human_opens: int | None = None
    clicks: int | None = None
    unique_clicks: int | None = None
    """people who clicked, not person-link pairs"""
    unsubscribes: int | None = None
    complaints: int | None = None
    dropped: int | None = None


class LinkCounters(NamedTuple):
    """The vendor's totals for one link of a campaign; a new snapshot is kept only when a value changed. `link_counters`."""

    campaign: CampaignRef
    link: str
    """the URL; its query is dropped, so links that differ in it alone must be added up by the row function, or numbered
    apart with `variant`"""
    variant: str = ""
    clicks: int | None = None
    unique_clicks: int | None = None


class Touchpoint(NamedTuple):
    """A message that reached a contact, or what they did with it. Table `touchpoints`.

    `ordinal` counts otherwise equal events of one record. `is_machine` is the vendor's own flag or None. `link` is a URL
    without its query. `level` is the personalisation level only where this very send is known to differ.
    """

    campaign: CampaignRef | None
    person: Person
    action: Action
    happened_at: int
    link: str | None = None
    ordinal: int = 0
    variant: str = ""
    level: int | None = None
    is_machine: bool | None = None
    channel: str = "email"
    source: str = ""


class Order(NamedTuple):
    """An order or a deal; its money is the ledger's. Table `orders`.

    `total_minor` is the seller's own current total, kept to hold the ledger against it. `journey` says how much of the
    buyer's path the shop saw: observed, unobserved, not_ready, or None.
    """

    order: OrderRef
    kind: str | Keep = KEEP
    """order or deal"""
    person: Person | Keep | None = KEEP
    ordered_at: int | Keep = KEEP
    status: str | Keep | None = KEEP
    """paid, pending, authorized, cancelled, refunded, voided, expired; deals: open, won, lost"""
    is_test: bool | Keep = KEEP
    cancelled_at: int | Keep | None = KEEP
    currency: str | Keep = KEEP
    sales_channel: str | Keep | None = KEEP
    accepts_marketing: bool | Keep | None = KEEP
    total_minor: int | Keep | None = KEEP
    journey: str | Keep | None = KEEP
    cart: str | Keep | None = KEEP
    """the cart or checkout it came from, as a `Cart` row of the same connection names it"""
    opened_at: int | Keep | None = KEEP
    """when it was opened, of a sale that takes its time: a deal's creation, while `ordered_at` is when it was won"""


class OrderPerson(NamedTuple):
    """A further person on an order (several contacts on one deal). Table `order_people`."""

    order: OrderRef
    person: Person


class OrderLine(NamedTuple):
    """One line of an order. `unit_cost_minor` is the cost known when the line was first seen. Table `order_lines`."""

    order: OrderRef
    line: str
    product: str | Keep | None = KEEP
    sku: str | Keep | None = KEEP
    quantity: int | Keep = KEEP
    current_quantity: int | Keep | None = KEEP
    is_gift_card: bool | Keep = KEEP
    price_minor: int | Keep | None = KEEP
    """what the line's current quantity cost after discounts, before tax"""
    unit_cost_minor: int | Keep | None = KEEP


class LedgerEntry(NamedTuple):
    """One signed, dated movement of an order's money. Table `order_ledger`.

    `entry` is the vendor's id of the sale; `event` is sale, edit, refund or return; `part` is product, shipping, tax,
    tip, duty, fee, gift_card or adjustment (tax is split out of each sale). All parts together are gross.

    A platform that tells states and no refunds says what holds now: the entry `undone` with the amount by which the sale is
    taken back whole, or `redone` (of amount 0) when it is not. The store posts what differs from before, under numbered
    names (undone, redone, undone:2, ...), each dated when it was first said; `redone` is nothing to a sale never undone.
    """

    order: OrderRef
    entry: str
    event: str
    part: str
    happened_at: int
    amount_minor: int
    currency: str


class OrderDiscount(NamedTuple):
    """One discount on an order. Table `order_discounts`.

    `kind` is code, automatic, manual or script. `amount_minor` is what it took off the order, before tax, positive.
    """

    order: OrderRef
    discount: str
    """what tells it from the order's other discounts: its code, title or number"""
    kind: str
    code: str | None
    amount_minor: int | None
    currency: str


class Payment(NamedTuple):
    """Money that moved for an order, as the payment provider saw it. Table `order_payments`.

    Never joined to lines or the ledger: goods and money are two things. `kind` is sale, authorization, capture, refund or
    void; `gateway` says gift_card where a gift card paid; `fee_minor` is the provider's fee, None when not told.
    """

    order: OrderRef
    payment: str
    kind: str
    status: str
    gateway: str | None
    happened_at: int
    amount_minor: int
    currency: str
    fee_minor: int | Keep | None = KEEP


class Cart(NamedTuple):
    """A cart or checkout that may not have become an order. Table `carts`.

    `recovery` is what became of the platform's reminder (not_sent, scheduled, sent, suppressed), None when not told.
    """

    cart: str
    person: Person | Keep | None = KEEP
    campaign: CampaignRef | None = None
    """the campaign that the platform says brought it: a claim"""
    created_at: int | Keep | None = KEEP
    updated_at: int | Keep | None = KEEP
    completed_at: int | Keep | None = KEEP
    status: str | Keep | None = KEEP
    currency: str | Keep | None = KEEP
    total_minor: int | Keep | None = KEEP
    shop: str | Keep | None = KEEP
    recovery: str | Keep | None = KEEP
    recovery_sent_at: int | Keep | None = KEEP


class Product(NamedTuple):
    """A product as one platform sells it. Table `products`."""

    product: str
    title: str | Keep | None = KEEP
    kind: str | Keep | None = KEEP
    status: str | Keep | None = KEEP
    created_at: int | Keep | None = KEEP


class UnitCost(NamedTuple):
    """What one piece of a variant costs the shop today; a new snapshot is kept only when it changed. Table `unit_costs`.

    `unit_cost_minor` None: the shop did not enter one.
    """

    item: str
    product: str | None
    sku: str | None
    unit_cost_minor: int | None
    currency: str | None


class PromoCode(NamedTuple):
    """A promotion's code and what it takes off. Table `promo_codes`.

    `kind` is percentage, fixed or free_shipping; `share` is 0-1 for a percentage, `amount_minor` the fixed amount.
    """

    promotion: str
    code: str
    kind: str | None = None
    share: float | None = None
    amount_minor: int | None = None
    currency: str | None = None
    starts_at: int | None = None
    ends_at: int | None = None
    uses: int | None = None


class Company(NamedTuple):
    """A company that people belong to (`MemberOf` of kind company). Table `companies`. No name is kept."""

    company: str
    created_at: int | Keep | None = KEEP
    stage: str | Keep | None = KEEP
    industry: str | Keep | None = KEEP
    country: str | Keep | None = KEEP
    size: str | Keep | None = KEEP
    """employees in bands: 1-9, 10-49, 50-249, 250+"""


class Ticket(NamedTuple):
    """A request for help. Table `tickets`. Its text is not kept."""

    ticket: str
    person: Person | Keep | None = KEEP
    created_at: int | Keep | None = KEEP
    closed_at: int | Keep | None = KEEP
    first_reply_at: int | Keep | None = KEEP
    stage: str | Keep | None = KEEP
    category: str | Keep | None = KEEP
    priority: str | Keep | None = KEEP
    source: str | Keep | None = KEEP


class Feedback(NamedTuple):
    """An answer to a survey. Table `feedback`. Its text is not kept.

    `kind` is NPS, CSAT, CES, CUSTOM ...; scales differ, so `value` counts only beside the kind.
    """

    submission: str
    person: Person | Keep | None
    kind: str
    survey: str | None
    channel: str | None
    value: float | None
    grade: str | None
    """the platform's own group (promoter ...), which may contradict the value"""
    submitted_at: int | None
    ticket: str | None = None


class Session(NamedTuple):
    """A visit to the shop's site as a web analytics tool counted it. Table `sessions`.

    `session` is the tool's own number for it; `source` and `medium` are what brought it (UTM), `experience` is what was shown.
    A number that the tool did not tell is None, never 0.
    """

    session: str
    person: Person | None
    started_at: int
    source: str | None
    medium: str | None
    campaign: str | None
    device: str | None
    pages: int | None
    seconds: float | None
    is_bounced: bool | None
    experience: str | None
    is_converted: bool | None


class SocialPost(NamedTuple):
    """A post on a social network and what came back. Table `social_posts`."""

    network: str
    post: str
    posted_at: int
    campaign: str | None
    reach: int | None
    followers: int | None
    likes: int | None
    shares: int | None
    comments: int | None


class WorkTime(NamedTuple):
    """Hours a task took in a period, before a tool and with it. Table `work_times`.

    `rate_minor` is what an hour costs, `on_cost` what is paid on top (0.2 = 20 %), `output` how many pieces were made.
    """

    entry: str
    task: str
    from_at: int
    to_at: int
    hours_before: float | None
    hours_after: float | None
    rate_minor: int | None
    currency: str | None
    on_cost: float | None
    output: float | None


class AdSpend(NamedTuple):
    """What a channel's advertising cost on a day. Table `ad_spend`."""

    entry: str
    happened_at: int
    channel: str
    campaign: str | None
    purpose: str | None
    amount_minor: int
    currency: str


class Wallet(NamedTuple):
    """What a person spends on a category in a period, everywhere. Table `wallets`. It is always somebody's word."""

    person: Person
    category: str
    from_at: int
    to_at: int
    amount_minor: int
    currency: str


class Claim(NamedTuple):
    """What a platform says it earned; a new snapshot is kept only when a value changed. Table `claims`.

    An order is claimed by one rule for the campaigns that the platform names now: for any other campaign its claim is closed
    (no orders, no money). A claim on an order for no campaign says just that.
    """

    campaign: CampaignRef | None
    order: OrderRef | None
    model: str
    """the platform's own name for its rule, e.g. mailchimp_report, LINEAR"""
    orders: int | None
    amount_minor: int | None
    currency: str | None
    from_at: int | None = None
    to_at: int | None = None


class Cost(NamedTuple):
    """Money spent on the programme. Table `costs`."""

    entry: str
    happened_at: int
    category: str
    amount_minor: int
    currency: str
    scope: str = ""
    amortise_months: int = 0


class Assignment(NamedTuple):
    """A person's arm in an experiment. Table `assignments`."""

    experiment: str
    person: Person
    arm: str
    assigned_at: int | None = None
    planned_share: float | None = None


class Outcome(NamedTuple):
    """A number an experiment can be read on without orders; None is missing, not zero. Table `outcomes`."""

    person: Person
    outcome: str
    value: float | None
    happened_at: int | None = None


class Decision(NamedTuple):
    """A decision somebody or something made about a person. Table `decisions`."""

    decision: str
    person: Person
    selected: bool
    score: float | None = None
    qualified: bool | None = None
    decided_at: int | None = None


Row = (
    Account
    | AdSpend
    | Assignment
    | Attribute
    | Campaign
    | CampaignCounters
    | Cart
    | Child
    | Claim
    | Company
    | Consent
    | ConsentChange
    | Contact
    | Cost
    | Decision
    | Deletion
    | Evidence
    | Feedback
    | Field
    | LedgerEntry
    | LinkCounters
    | MemberOf
    | Merged
    | Order
    | OrderDiscount
    | OrderLine
    | OrderPerson
    | Outcome
    | Parked
    | Payment
    | Present
    | Product
    | PromoCode
    | Segment
    | Session
    | SocialPost
    | Stage
    | Ticket
    | Touchpoint
    | UnitCost
    | Variant
    | Wallet
    | WorkTime
)
