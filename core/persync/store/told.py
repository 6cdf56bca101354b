"""What the `v_*` views say, for those who read them with other tools: a row, its date, and what a column holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Told:
    """What a row of a view is, and the column that dates it ("" where none does)."""

    what: str
    at: str = ""


VIEWS_TOLD: Final = {
    "v_campaigns": Told("A message that was or will be sent, with how personal it is (level 0 to 4).", "sent_at"),
    "v_campaign_counters": Told("A platform's own totals of a message; one more numbered row whenever one changed."),
    "v_touchpoints": Told("What was sent to, opened, clicked or visited by whom and when.", "happened_at"),
    "v_orders": Told("An order or deal as one system has it; is_money_source marks the one whose money counts.", "ordered_at"),
    "v_order_ledger": Told("A movement of an order's money, signed. Revenue is the sum of amount.", "happened_at"),
    "v_order_lines": Told("What was bought."),
    "v_consents": Told("A person's consent for a channel; one more numbered row whenever it changed.", "changed_at"),
    "v_consent_changes": Told("A change of consent that a platform's own log tells.", "happened_at"),
    "v_claims": Told("What a platform says it earned. Never to be added to revenue.", "to_at"),
    "v_link_counters": Told("A platform's own totals of a link; one more numbered row whenever one changed."),
    "v_order_discounts": Told("What was taken off an order."),
    "v_order_payments": Told("Money that moved for an order as the payment provider saw it, with its fee.", "happened_at"),
    "v_carts": Told("A cart or checkout, also one that never became an order.", "created_at"),
    "v_products": Told("What a platform sells.", "created_at"),
    "v_unit_costs": Told("What a piece costs the shop; one more numbered row whenever it changed."),
    "v_promo_codes": Told("A code of a promotion and what it takes off.", "starts_at"),
    "v_tickets": Told("A request for help, without its text.", "created_at"),
    "v_feedback": Told("An answer to a survey, without its text.", "submitted_at"),
    "v_companies": Told("A company that people belong to, without its name.", "created_at"),
    "v_deletions": Told("What a platform deleted, or no longer names.", "deleted_at"),
    "v_costs": Told("Money spent on the programme.", "happened_at"),
    "v_sessions": Told("A visit to the shop's site.", "started_at"),
    "v_social_posts": Told("A post on a social network and what came back.", "posted_at"),
    "v_work_times": Told("Hours that a task took before a tool and with it.", "from_at"),
    "v_ad_spend": Told("What advertising cost. No part of the programme's own costs.", "happened_at"),
    "v_wallets": Told("What a person says to spend on a category, here and elsewhere.", "from_at"),
    "v_coverage": Told("From when to when a part of a stream is complete, or why not."),
    "v_version": Told("The version of these views; it rises whenever one of them changes."),
}
"""every view; a test holds the names against the views"""

MONEY: Final = frozenset(("amount", "total", "price", "unit_cost", "budget", "fee", "rate"))
"""the columns of views that are money, as decimal text in major units"""

_COLUMNS: Final = {
    "person": "A number of this store alone; no name or address stands behind it here.",
    "connection": "The connection that read the row.",
    "level": "How personal the message is: 0 generic to 4 individual content; null = unknown.",
    "is_machine": "1 where the platform says a machine did it; null where it does not say.",
    "is_money_source": "1 on the one copy of an order whose money counts.",
    "currency": "ISO 4217 code of the row's money.",
    "order_id": "The platform's id of the order.",
    "campaign_id": "The platform's id of the message.",
    "campaign_connection": "The connection whose message it is: with campaign_id it leads to v_campaigns.",
    "campaign_key_kind": "What kind of key the row came with: id, email_campaign, mc_cid, hsmi, utm.",
    "campaign_key": "The message as the row names it; campaign_id is the message that it means.",
    "number": "Counts the rows of one thing, as it changed.",
}


def column_told(column: str) -> str:
    """Return what a column of a view holds, "" where its name says all."""
    if column in _COLUMNS:
        return _COLUMNS[column]
    if column in MONEY:
        return "Major units of the currency, as a decimal."
    if column.endswith("_at"):
        return "ISO 8601, UTC."
    if column.startswith(("is_", "counts_", "accepts_")):
        return "1 yes, 0 no, null unknown."
    return ""
