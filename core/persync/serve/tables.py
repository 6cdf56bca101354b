"""The tables that a page may list: which of their columns, when a row happened, and how its numbers become words in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from persync.report.report import Column


@dataclass(frozen=True, slots=True)
class Listed:
    """A table's columns in the order they are shown, the one that dates its rows, and what it is in words.

    What a column means follows from its name, as in the store: `*_at` is a time, `*_minor` money in the row's currency.
    """

    what: str
    columns: tuple[str, ...]
    at: str = ""

    @property
    def of_people(self) -> bool:
        """Whether a row is about somebody."""
        return "key_id" in self.columns

    @property
    def currency(self) -> str:
        """The column that names the currency of the row's money; "" where it is the order's."""
        return "currency" if "currency" in self.columns else ""


def _listed(what: str, columns: str, at: str = "") -> Listed:
    return Listed(what, tuple(columns.split()), at)


TABLES: Final[Mapping[str, Listed]] = {
    "touchpoints": _listed(
        "what was sent to people, and what they did",
        "happened_at key_id action campaign_key channel link_id is_machine connection",
        "happened_at",
    ),
    "orders": _listed(
        "orders and deals, as each system has them",
        "ordered_at order_key key_id kind status is_test total_minor currency sales_channel connection",
        "ordered_at",
    ),
    "order_ledger": _listed(
        "every sale, edit and refund of an order", "happened_at order_key event part amount_minor currency", "happened_at"
    ),
    "order_lines": _listed("what was ordered", "order_key line product sku quantity current_quantity price_minor"),
    "order_discounts": _listed("discounts of orders", "order_key kind code amount_minor currency"),
    "order_payments": _listed(
        "payments of orders", "happened_at order_key kind status gateway amount_minor fee_minor currency", "happened_at"
    ),
    "campaigns": _listed("what was sent", "sent_at campaign_key kind subject status connection", "sent_at"),
    "campaign_levels": _listed("how personal each message is", "campaign_key level evidence"),
    "campaign_evidence": _listed("what shows how personal a message is", "campaign_key source kind detail"),
    "campaign_counters": _listed(
        "the vendors' own totals of a message",
        "observed_at campaign_key variant sent delivered opens unique_opens clicks unique_clicks unsubscribes complaints",
    ),
    "link_counters": _listed("the vendors' own totals of a link", "observed_at campaign_key link_id clicks unique_clicks"),
    "claims": _listed(
        "what each vendor claims", "from_at to_at campaign_key order_key model orders amount_minor currency connection"
    ),
    "contacts": _listed("people as each system has them", "created_at key_id status source orders connection", "created_at"),
    "consents": _listed("what people agreed to", "changed_at key_id channel state level source connection", "changed_at"),
    "consent_changes": _listed("when that changed", "happened_at key_id channel state connection", "happened_at"),
    "attributes": _listed("what is known of people, with its basis", "key_id name value basis connection"),
    "stages": _listed("stages that people entered", "entered_at key_id stage connection", "entered_at"),
    "memberships": _listed("lists, tags and segments of the platforms", "joined_at left_at key_id segment_id", "joined_at"),
    "assignments": _listed(
        "who was drawn into which arm", "assigned_at key_id experiment arm planned_share connection", "assigned_at"
    ),
    "outcomes": _listed("what was measured of people", "happened_at key_id outcome value connection", "happened_at"),
    "decisions": _listed(
        "what was decided about people", "decided_at key_id decision selected score qualified connection", "decided_at"
    ),
    "carts": _listed(
        "carts", "created_at completed_at key_id status total_minor currency campaign_key connection", "created_at"
    ),
    "sessions": _listed(
        "visits", "started_at key_id source medium campaign device pages seconds is_bounced is_converted", "started_at"
    ),
    "tickets": _listed("requests for help", "created_at closed_at key_id stage category priority source", "created_at"),
    "feedback": _listed("answers to surveys", "submitted_at key_id kind survey value grade connection", "submitted_at"),
    "costs": _listed("costs", "happened_at category scope amount_minor currency amortise_months connection", "happened_at"),
    "ad_spend": _listed("advertising", "happened_at channel campaign purpose amount_minor currency connection", "happened_at"),
    "work_times": _listed("hours of work", "from_at to_at task hours_before hours_after rate_minor currency", "from_at"),
    "wallets": _listed("what people spend in all", "from_at to_at key_id category amount_minor currency", "from_at"),
    "unit_costs": _listed("what goods cost", "observed_at product sku unit_cost_minor currency connection"),
    "products": _listed("goods", "created_at product title kind status connection"),
    "social_posts": _listed("posts", "posted_at network reach followers likes shares comments", "posted_at"),
    "coverage": _listed("how far each stream is read", "connection stream partition state reason from_at to_at"),
}

PART_TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "answer": ("assignments", "orders", "order_ledger", "touchpoints", "costs"),
    "pays": ("assignments", "outcomes", "orders", "order_ledger", "costs"),
    "returns": ("costs", "ad_spend", "work_times", "order_discounts", "orders", "order_ledger"),
    "tests": ("assignments", "outcomes", "orders", "order_ledger"),
    "whom": ("touchpoints", "assignments", "orders", "order_ledger", "attributes"),
    "reading": ("touchpoints", "campaign_counters"),
    "restraint": ("touchpoints", "orders", "consents"),
    "segments": ("orders", "order_ledger", "touchpoints"),
    "automations": ("touchpoints", "campaigns", "orders"),
    "journeys": ("touchpoints", "sessions", "carts", "orders"),
    "value": ("orders", "order_ledger"),
    "outlook": ("orders", "order_ledger", "contacts"),
    "credit": ("touchpoints", "orders", "order_ledger"),
    "models": ("touchpoints", "orders", "order_ledger", "assignments"),
    "reconcile": ("orders", "order_ledger", "claims"),
    "fairness": ("touchpoints", "attributes", "orders", "order_ledger"),
    "trust": ("consents", "consent_changes", "campaigns"),
    "health": ("coverage", "orders", "touchpoints", "campaign_levels"),
    "method": ("coverage",),
}
"""what a part of the report rests on, where a number's own metric does not say"""

_WORDS: Final[Mapping[tuple[str, str], str]] = {
    ("", "connection"): "(SELECT MIN(n.name) FROM connections AS n WHERE n.connection = t.connection)",
    ("", "campaign_key"): "(SELECT MIN(COALESCE(c.title, c.subject)) FROM campaign_of AS e JOIN campaign_of AS f"
    " ON f.campaign_id = e.campaign_id JOIN campaigns AS c ON c.campaign_key = f.campaign_key"
    " WHERE e.campaign_key = t.campaign_key)",
    ("", "order_key"): "(SELECT MIN(COALESCE(NULLIF(k.shop_order_name, ''), k.vendor_order_id)) FROM order_keys AS k"
    " WHERE k.order_key = t.order_key)",
    ("", "key_id"): "COALESCE((SELECT MIN(po.person) FROM person_of AS po WHERE po.key_id = t.key_id), t.key_id)",
    ("", "link_id"): "(SELECT MIN(u.url) FROM campaign_links AS u WHERE u.link_id = t.link_id)",
    ("", "segment_id"): "(SELECT MIN(COALESCE(g.name, g.vendor_id)) FROM segments AS g WHERE g.segment_id = t.segment_id)",
    ("touchpoints", "action"): "(SELECT MIN(a.name) FROM actions AS a WHERE a.action = t.action)",
    ("touchpoints", "channel"): "(SELECT MIN(w.text) FROM words AS w WHERE w.word = t.channel)",
}
"""what stands for a number of the store, by (table, column); "" is any table"""

_TITLES: Final[Mapping[str, str]] = {
    "key_id": "person",
    "campaign_key": "campaign",
    "order_key": "order",
    "link_id": "link",
    "segment_id": "list or tag",
}
PEOPLE: Final = "person: a number of this store alone; no name or address stands behind it here."


def shown(table: str, column: str) -> str:
    """Return the SQL of a column of row `t` as a reader is to see it."""
    return _WORDS.get((table, column)) or _WORDS.get(("", column)) or f"t.{column}"


def columns_of(listed: Listed) -> tuple[Column, ...]:
    """Return the columns with headings and kinds; the currency stands with the money."""
    return tuple(_column(name) for name in listed.columns if name != "currency")


def _column(name: str) -> Column:
    title = _TITLES.get(name, name.removesuffix("_at").removesuffix("_minor").removeprefix("is_").replace("_", " "))
    if name.endswith("_at"):
        return Column(name, title, "time")
    if name.endswith("_minor"):
        return Column(name, title, "money")
    counted = ("quantity", "current_quantity", "orders", "pages", "seconds", "value", "score", "amortise_months")
    is_count = name in counted or name in ("reach", "followers", "likes", "shares", "comments") or name in _COUNTERS
    return Column(name, title, "count" if is_count else "text")


_COUNTERS: Final = ("sent", "delivered", "opens", "unique_opens", "clicks", "unique_clicks", "unsubscribes", "complaints")


def tables_for(part: str, data: Sequence[str]) -> tuple[str, ...]:
    """Return the tables behind a number: those its metric reads (`data`), else those its part rests on, else all."""
    of_metric = tuple(name for name in data if name in TABLES)
    return of_metric or PART_TABLES.get(part) or tuple(TABLES)
