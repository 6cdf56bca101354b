"""What the store keeps: one NamedTuple a table, and how rows name people, campaigns and orders.

A row function yields these. It never sees a surrogate key, a hash or its own connection: rows name things by the
vendor's keys, and the one writer resolves them. A field that a stream does not know is `KEEP`, never None, so two
streams can fill one row. Times are epoch milliseconds UTC; money is minor units with a currency beside it.
"""

from __future__ import annotations

from persync.rows.campaigns import Action, Campaign, CampaignCounters, Evidence, LinkCounters, Touchpoint, Variant
from persync.rows.keys import KEEP, CampaignRef, Keep, OrderRef, Person
from persync.rows.orders import (
    Cart,
    LedgerEntry,
    Order,
    OrderDiscount,
    OrderLine,
    OrderPerson,
    Payment,
    Product,
    PromoCode,
    UnitCost,
)
from persync.rows.people import Attribute, Consent, ConsentChange, Contact, Field, MemberOf, Merged, Segment, Stage
from persync.rows.programme import Assignment, Claim, Cost, Decision, Outcome
from persync.rows.reading import Account, Child, Deletion, Parked, Present
from persync.rows.surroundings import AdSpend, Company, Feedback, Session, SocialPost, Ticket, Wallet, WorkTime

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
